"""The slow paths of a wrapped socket: what is not one call into the library and one into the transport.

A record that comes in parts or without data, a transport that takes only a part, and a library that has to write before
it can read, or to read before it can write.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from ..api._buffers import ReadableBuffer
from ..api._errors import ConfigurationError, WantReadError, WantWriteError
from ._buffer import CoreBuffer
from ._socket_handshake import SocketHandshake
from ._writing import MAX_WRITE

_PATIENCE: Final = 0.05
"""How long one direction waits for the lock of the other before it tries its own call again, in seconds."""
T = TypeVar("T", bytes, int)


class SocketTurns(SocketHandshake):
    """What `SocketStream` falls back on. Its callers hold the lock of their direction."""

    __slots__ = ()

    # ------------------------------------------------------------------------------------------ receiving

    def _receive_on(
        self, buffer: CoreBuffer, size: int, deadline: float | None, read: Callable[[bytes | None], T | None]
    ) -> T:
        """Read until there is something: take in `size` bytes at a time, answer and write where that is asked for.

        Args:
            buffer: the connection.
            size: how much to take from the transport at a time, unless it is the rest of a record.
            deadline: when to give up.
            read: takes in a chunk and reads, as `Reading.receive` does.

        Raises:
            WantWriteError: the library has to write first, and the socket does not block.
        """
        chunk: bytes | None = None
        while True:
            try:
                data = read(chunk)
            except WantWriteError:
                self._write_first(buffer, deadline)
                chunk = None
                continue
            finally:
                if chunk is not None:
                    self._follow(chunk)
            if data is not None:
                return data
            if buffer.outgoing_pending:
                self._flush_aside(buffer)
            chunk = self._receive_raw(self._record_bounds().lacking if self._in_record else size, deadline)

    def _has_rest(self, buffer: CoreBuffer) -> bool:
        """Whether something was left over by an earlier read; asked only after one that said so."""
        self._rest = self._in_record or bool(buffer.buffered)
        return self._rest

    def _look_after(self, buffer: CoreBuffer) -> None:
        """Behind a read that was not plain success: answer what has to be answered."""
        if buffer.outgoing_pending:
            self._flush_aside(buffer)

    def _turn_to_write(self, buffer: CoreBuffer, chunk: bytes, deadline: float | None) -> bytes:
        """`chunk` was taken in, but the library has to write before it can read. Nothing of `chunk` is left then."""
        self._rest = True
        self._follow(chunk)
        self._write_first(buffer, deadline)
        return b""

    def _write_first(self, buffer: CoreBuffer, deadline: float | None) -> None:
        """In a read: send what the library wants out, unless that is the caller's to wait for."""
        if self._timeout == 0:
            self._flush_aside(buffer)
            raise self._natives.provider.fault(WantWriteError, "something has to go out first")
        # A writer may hold its lock while it waits for ours: it sends what is outgoing itself, and we read again.
        if self._send_lock.acquire(timeout=_PATIENCE):
            try:
                self._send_out(buffer.take(), deadline)
            finally:
                self._send_lock.release()

    def _follow(self, chunk: bytes) -> None:
        """Find out how far into a record `chunk` reaches, since the last read did not end where a record does."""
        bounds = self._record_bounds()
        bounds.advance(chunk)
        self._in_record = not bounds.at_boundary

    # ------------------------------------------------------------------------------------------ sending

    def _encrypt(self, data: ReadableBuffer, deadline: float | None) -> tuple[int, bytes]:
        """Encrypt, where the library may have to read or write something else first."""
        buffer = self._opened()
        while True:
            try:
                return buffer.encrypt(data)
            except WantWriteError:
                if self._timeout == 0:
                    raise
                self._send_out(buffer.take(), deadline)
            except WantReadError:
                if self._timeout == 0:
                    raise
                self._send_out(buffer.take(), deadline)
                self._read_first(buffer, deadline)

    def _read_first(self, buffer: CoreBuffer, deadline: float | None) -> None:
        """In a write: take in a record, unless a reader is at that already; it may wait for us (see `_write_first`)."""
        if self._recv_lock.acquire(timeout=_PATIENCE):
            try:
                chunk = self._receive_raw(self._record_bounds().lacking, deadline)
                buffer.feed(chunk)
                self._follow(chunk)
            finally:
                self._recv_lock.release()

    def _send_owed(self, data: ReadableBuffer, deadline: float | None) -> int:
        """Finish a send that was begun: what it took is reported once its ciphertext is out.

        So a program that got `WantWriteError` and repeats the call with the same data sends it once.
        """
        owed = self._owed
        if owed > len(data):
            raise ConfigurationError("after WantWriteError, send() has to be repeated with the same data")
        self._send_out(b"", deadline)
        self._owed = 0
        if owed:
            return owed
        taken, wire = self._encrypt(data, deadline)
        self._owed = taken
        self._send_out(wire, deadline)
        self._owed = 0
        return taken

    def _send_long(self, data: ReadableBuffer, deadline: float | None) -> None:
        self._send_out(b"", deadline)
        self._owed = done = 0
        with memoryview(data) as view:
            while done < len(view):
                taken, wire = self._encrypt(view[done : done + MAX_WRITE], deadline)
                done += taken
                self._send_out(wire, deadline)
