"""The wrapped buffer of every backend: TLS between two memory buffers, over an engine."""

from __future__ import annotations

from typing import Any

from ..api._wrapped import TLSWrappedBuffer
from ._handshake import Handshake
from ._reading import Reading
from ._state import OPEN, WRITABLE, Event, walk
from ._writing import Writing


class CoreBuffer(Handshake, Reading, Writing, TLSWrappedBuffer):
    """Handshake, reading and writing over one `Connection`, and what a socket needs of it.

    Everything runs under the connection's lock, and never waits.
    """

    __slots__ = ()

    def feed(self, chunk: bytes) -> None:
        """Take in ciphertext, or with ``b""`` its end."""
        with self._lock:
            self._take_in(chunk)

    def take(self) -> bytes:
        """Give the ciphertext that has to go out."""
        with self._lock:
            data: bytes = self._outgoing.read()
            return data

    def farewell(self) -> bytes:
        """Write close_notify and give what has to go out; nothing if another thread is in the library."""
        if not self._lock.acquire(blocking=False):
            return b""
        try:
            if self._state in WRITABLE:
                self._close()
            self._state = walk(self._state, Event.SEND_CLOSE)
            data: bytes = self._outgoing.read()
            return data
        finally:
            self._lock.release()

    def take_trailing(self) -> bytes:
        """What came in and was not used: behind the handshake, or behind the peer's close_notify."""
        with self._lock:
            data: bytes = self._incoming.read()
            return data

    @property
    def buffered(self) -> int:
        """Whether a read should be tried before anything comes in: something is here, or the state is not the usual one.

        Only after the handshake.
        """
        engine: Any = self._engine
        return self._incoming.pending or self._state is not OPEN or engine.pending()

    def is_busy(self, taken: int, asked: int) -> bool:
        """Whether a read has left something to look after: a state, a signal, a session, data in one form or the other.

        Args:
            taken: how much it has given; the library has no more if that is less than it was asked for at a time.
            asked: how much was asked for.
        """
        return (
            self._watchful
            or self._state is not OPEN
            or self._incoming.pending > 0
            or self._outgoing.pending > 0
            or ((taken >= asked or taken >= self._batch) and self._engine.pending() > 0)  # type: ignore[union-attr]
        )

    @property
    def in_record(self) -> bool:
        """Whether the last read may have ended in mid-record. Only after the handshake."""
        return self._in_record or self._incoming.pending > 0

    @property
    def outgoing_pending(self) -> int:
        """How much ciphertext has to go out."""
        size: int = self._outgoing.pending
        return size
