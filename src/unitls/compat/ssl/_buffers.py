"""`MemoryBIO`: bytes in memory, between TLS and whoever carries them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...core._memory_buffer import MemoryBuffer
from ._errors import SSLError
from ._platform import real

if TYPE_CHECKING or real is None:

    class MemoryBIO:
        """A first-in, first-out buffer of bytes."""

        __slots__ = ("_buffer", "_ended")

        def __init__(self) -> None:
            self._buffer = MemoryBuffer()
            self._ended = False

        @property
        def pending(self) -> int:
            """How many bytes can be read."""
            return self._buffer.pending

        @property
        def eof(self) -> bool:
            """Whether the end was written, and everything before it was read."""
            return self._buffer.eof

        def read(self, size: int = -1, /) -> bytes:
            """Take out up to `size` bytes; a negative number means all."""
            return self._buffer.read(size)

        def write(self, buf: Any, /) -> int:
            """Append `buf`; returns its length."""
            if self._ended:
                raise SSLError("cannot write() after write_eof()")
            return self._buffer.write(buf)

        def write_eof(self) -> None:
            """Mark the end."""
            self._ended = True
            self._buffer.write_eof()

else:
    MemoryBIO = real.MemoryBIO
