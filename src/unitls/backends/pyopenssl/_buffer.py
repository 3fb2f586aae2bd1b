"""The buffer type of this backend: the memory BIO of a connection, as soon as it belongs to one."""

from __future__ import annotations

from typing import Any, Final

from ...api._buffers import ReadableBuffer
from ...api._errors import ConfigurationError
from .native import NULL, BIO_get_mem_data, BIO_read, BIO_write, allocate, from_buffer, unpack

_MOST: Final = 1 << 30
"""What one call is given at most: OpenSSL's lengths are C integers."""


class MemoryBuffer:
    """A first-in, first-out buffer of bytes: a `ByteSource` and a `ByteSink` in one.

    Until it belongs to a connection it keeps the bytes itself. From then on they lie in the connection's own memory BIO,
    so that there is no copy but those that OpenSSL makes. A buffer between two connections of this backend, where one
    reads what the other writes, has two BIOs, and `feed` carries the bytes over.

    Not safe to share between threads without a lock; a connection uses it only inside its calls.

    Attributes:
        is_between: whether it lies between two connections.
    """

    __slots__ = ("_bio", "_early", "_ended", "_reader", "_writer", "is_between")

    def __init__(self) -> None:
        self._bio: Any = None
        self._early = bytearray()
        self._ended = False
        self._reader: Any = None
        self._writer: Any = None
        self.is_between = False

    def attach_reader(self, bio: Any, owner: Any) -> None:
        """Become the incoming buffer of a connection; it reads from `bio`, which lives as long as `owner`."""
        held = self.pending and self.read()
        self._bio = bio
        self._reader = (bio, owner)
        self.is_between = self._writer is not None
        if held:
            BIO_write(bio, held, len(held))

    def attach_writer(self, bio: Any, owner: Any) -> None:
        """Become the outgoing buffer of a connection; it writes to `bio`, which lives as long as `owner`."""
        held = self.pending and self.read()
        self._writer = (bio, owner)
        self.is_between = self._reader is not None
        if not self.is_between:
            self._bio = bio
        if held:
            BIO_write(self._bio, held, len(held))

    def feed(self) -> None:
        """Carry what one connection has written to where the other reads it."""
        bio = self._writer[0]
        size = BIO_get_mem_data(bio, NULL)
        if size > 0:
            moved = allocate("char[]", size)
            BIO_write(self._bio, moved, BIO_read(bio, moved, size))

    @property
    def pending(self) -> int:
        """How many bytes can be read."""
        bio = self._bio
        if bio is None:
            return len(self._early)
        if self.is_between:
            self.feed()
        size: int = BIO_get_mem_data(bio, NULL)
        return size

    @property
    def eof(self) -> bool:
        """True when the end has been written and everything before it was read."""
        return self._ended and not self.pending

    def write(self, data: ReadableBuffer, /) -> int:
        """Append bytes.

        Args:
            data: contiguous bytes; they are copied.

        Returns:
            How many were taken.

        Raises:
            ConfigurationError: after `write_eof`.
        """
        if self._ended:
            raise ConfigurationError("cannot write after write_eof()")
        octets = data if type(data) is bytes else from_buffer(data)
        size = len(octets)
        bio = self._bio
        if bio is None:
            self._early += data
            return size
        if not size:
            return 0
        if self.is_between:
            self.feed()
        taken: int = BIO_write(bio, octets, size if size < _MOST else _MOST)
        if taken < 0:
            raise MemoryError("OpenSSL has no memory for what came in")
        return taken

    def write_eof(self) -> None:
        """Mark the end: nothing will be written any more."""
        self._ended = True

    def read(self, n: int = -1, /) -> bytes:
        """Take bytes out.

        Args:
            n: how many at most; negative for all.

        Returns:
            The bytes, ``b""`` if there are none.
        """
        bio = self._bio
        if bio is None:
            return self._read_early(n)
        if self.is_between:
            self.feed()
        size = BIO_get_mem_data(bio, NULL)
        if 0 <= n < size:
            size = n
        if not size:
            return b""
        target = allocate("char[]", size)
        return unpack(target, BIO_read(bio, target, size))  # type: ignore[no-any-return]

    def _read_early(self, n: int) -> bytes:
        early = self._early
        if n < 0 or n >= len(early):
            data = bytes(early)
            early.clear()
        else:
            data = bytes(early[:n])
            del early[:n]
        return data

    def __repr__(self) -> str:
        return f"<MemoryBuffer pending={self.pending} eof={self.eof}>"
