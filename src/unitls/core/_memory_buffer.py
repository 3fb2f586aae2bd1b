"""A memory buffer in plain Python, for programs that want a bound, or a Python without `ssl`."""

from __future__ import annotations

from collections import deque

from ..api._buffers import ReadableBuffer, WritableBuffer
from ..api._errors import ConfigurationError


class MemoryBuffer:
    """A first-in, first-out buffer of bytes: a `ByteSource` and a `ByteSink` in one.

    Not safe to share between threads without a lock; a connection uses it only inside its calls.

    Args:
        limit: how many bytes it holds at most; `None` for no bound. A full one takes fewer bytes than it is given.

    Raises:
        ConfigurationError: the limit is not positive.
    """

    __slots__ = ("_begin", "_chunks", "_ended", "_limit", "_size")

    def __init__(self, limit: int | None = None) -> None:
        if limit is not None and limit < 1:
            raise ConfigurationError("the limit of a buffer is at least 1 byte")
        self._chunks: deque[bytes] = deque()
        self._begin = 0  # how much of the first chunk was read
        self._limit = limit
        self._size = 0
        self._ended = False

    @property
    def pending(self) -> int:
        """How many bytes can be read."""
        return self._size

    @property
    def eof(self) -> bool:
        """True when the end has been written and everything before it was read."""
        return self._ended and not self._size

    def write(self, data: ReadableBuffer, /) -> int:
        """Append bytes.

        Args:
            data: contiguous bytes; they are copied.

        Returns:
            How many were taken: all, or fewer when the limit is reached (0 when it was before).

        Raises:
            ConfigurationError: after `write_eof`.
        """
        if self._ended:
            raise ConfigurationError("cannot write after write_eof()")
        with memoryview(data) as view, view.cast("B") as octets:
            room = len(octets) if self._limit is None else min(len(octets), self._limit - self._size)
            if room > 0:
                self._chunks.append(bytes(octets[:room]))
                self._size += room
            return max(room, 0)

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
        if n < 0 or n > self._size:
            n = self._size
        if not n:
            return b""
        begin, chunk = self._begin, self._chunks[0]
        if n < len(chunk) - begin:
            self._begin = begin + n
            self._size -= n
            return chunk[begin : begin + n]
        if n == len(chunk) - begin:
            self._size -= n
            self._begin = 0
            self._chunks.popleft()
            return chunk[begin:] if begin else chunk
        taken = bytearray(n)
        self.read_into(taken)
        return bytes(taken)

    def read_into(self, target: WritableBuffer, /) -> int:
        """Take bytes out, into memory of the caller's.

        Args:
            target: contiguous, writable memory of single bytes; it is filled from its beginning as far as there is
                something.

        Returns:
            How many bytes were written to it.
        """
        filled, chunks, begin = 0, self._chunks, self._begin
        with memoryview(target) as view:
            room = min(len(view), self._size)
            while filled < room:
                chunk = chunks[0]
                end = min(len(chunk), begin + room - filled)
                view[filled : filled + end - begin] = chunk[begin:end]
                filled += end - begin
                begin = end
                if end == len(chunk):
                    chunks.popleft()
                    begin = 0
        self._begin = begin
        self._size -= filled
        return filled

    def __repr__(self) -> str:
        return f"<MemoryBuffer pending={self._size} limit={self._limit} eof={self.eof}>"
