"""The two halves of a memory buffer, as `wrap_buffers` takes them."""

from __future__ import annotations

from typing import Protocol, TypeAlias, runtime_checkable

ReadableBuffer: TypeAlias = bytes | bytearray | memoryview
"""What a write accepts: contiguous bytes."""

WritableBuffer: TypeAlias = bytearray | memoryview
"""What a read can fill: contiguous writable bytes."""


@runtime_checkable
class ByteSource(Protocol):
    """Where ciphertext comes from. `ssl.MemoryBIO` and `unitls.MemoryBuffer` are both one."""

    def read(self, n: int = -1, /) -> bytes:
        """Take up to `n` bytes out, all of them if `n` is negative; ``b""`` if there are none."""

    @property
    def pending(self) -> int:
        """How many bytes can be read."""

    @property
    def eof(self) -> bool:
        """True when nothing is left and nothing will follow."""


@runtime_checkable
class ByteSink(Protocol):
    """Where ciphertext goes to."""

    def write(self, data: ReadableBuffer, /) -> int:
        """Append `data`; returns how many bytes were taken, fewer than given when the sink is full."""
