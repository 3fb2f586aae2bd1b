"""Reading: plaintext out of what has come in.

`read` and `receive` are the hot path: one call into the library, and everything that is not plain success is left to the
slower methods below. In both, as in `write` and `encrypt`, the lock is taken by hand: a `with` block costs a twentieth of a short
message more. (A KeyboardInterrupt between the two lines would leave it taken; closing a socket never waits for it.)
"""

from __future__ import annotations

from sys import maxsize
from traceback import clear_frames
from typing import Final

from ..api._buffers import WritableBuffer
from ..api._errors import ProtocolViolation, TLSError, WantReadError
from ._connection import Connection
from ._state import ENDED, OPEN, READABLE, Event, walk

RECORD: Final = 16384
"""The most plaintext a record holds (RFC 8446 section 5.1)."""
MAX_BARREN: Final = 4 * RECORD
"""How much ciphertext may come in a row without application data: floods of KeyUpdates and renegotiations end here."""


MAX_READ: Final = 1 << 30
"""The most plaintext a single read gives: libraries take the size of a buffer as an int."""


class Reading(Connection):
    """The part of a connection that gives plaintext."""

    __slots__ = ()

    def read(self, amt: int | None = None) -> bytes:
        lock = self._lock
        lock.acquire()
        try:
            if self._state is not OPEN or self._watchful or amt is None or amt <= 0:
                return self._read_with_care(amt)
            available = self._incoming.pending
            read = self._engine.read  # type: ignore[union-attr]
            try:
                data = read(amt if amt < self._batch else self._batch)
            except self._natives.provider.fault_types as error:
                return self._nothing_read(error, available)
            return data or self._peer_closed()
        finally:
            lock.release()

    def _read_with_care(self, amt: int | None) -> bytes:
        """`read` where something has to be looked after: foreign buffers, a half-closed state, a session that is due."""
        if amt is not None and amt <= 0:
            return self._nothing(amt)
        if self._relay is not None:
            self._relay.fill()
        if self._state not in READABLE:
            return self._unreadable()
        available = self._incoming.pending
        try:
            data = self._engine.read(self._batch if amt is None else min(amt, self._batch))  # type: ignore[union-attr]
        except self._natives.provider.fault_types as error:
            return self._nothing_read(error, available)
        return self._read_on(data, -1 if amt is None else len(data))

    def _nothing_read(self, error: BaseException, available: int) -> bytes:
        fault = self._stopped(error, available)
        if fault is None:
            return b""
        try:
            raise fault from error
        finally:
            del fault, error  # in a frame of their own traceback they would hold the connection

    def receive(self, chunk: bytes | None, amt: int) -> bytes | None:
        """For the socket: take in `chunk` (``b""`` is the transport's end) and read, in one step.

        Returns:
            The plaintext, ``b""`` at the clean end; `None` when more has to come in.

        Raises:
            TLSError: as `read` does, `WantReadError` apart.
        """
        lock = self._lock
        lock.acquire()
        try:
            if chunk:
                self._incoming.write(chunk)
            elif chunk is not None:
                self._incoming.write_eof()
            if self._state is not OPEN and self._state not in READABLE:
                return self._unreadable()
            available = self._incoming.pending
            read = self._engine.read  # type: ignore[union-attr]
            try:
                data = read(amt if amt < self._batch else self._batch)
            except self._natives.provider.fault_types as error:
                fault = self._stopped(error, available)
                if fault is None:
                    return b""
                if isinstance(fault, WantReadError):
                    return None
                try:
                    raise fault from error
                finally:
                    del fault
            if not data or self._watchful or self._incoming.pending:
                return self._read_on(data, amt)
            return data
        finally:
            lock.release()

    def _read_on(self, data: bytes, amt: int) -> bytes:
        """Go on with the records that are there already, as far as `amt` goes (-1: as far as they go)."""
        if not data:
            return self._peer_closed()
        if self._watchful:
            self._progressed()
        incoming, engine, batch = self._incoming, self._engine, self._batch
        assert engine is not None
        left = (maxsize if amt < 0 else amt) - len(data)
        parts = [data]
        while left > 0 and (incoming.pending or engine.pending()):
            available = incoming.pending
            try:
                data = engine.read(batch if left > batch else left)
            except self._natives.provider.fault_types as error:
                self._defer(error, available)
                break
            if not data:
                self._peer_closed()
                break
            parts.append(data)
            left -= len(data)
        if self._relay is not None:
            self._relay.drain()
        return b"".join(parts) if len(parts) > 1 else parts[0]

    def read_into(self, buffer: WritableBuffer, amt: int | None = None) -> int:
        with memoryview(buffer) as view, view.cast("B") as octets:
            if view.readonly:
                raise TypeError("a buffer that can be written to is needed")
            room = len(octets) if amt is None else min(amt, len(octets))
            if room <= 0:
                return len(self._nothing(room))
            with octets[:room] as part:
                taken = self.receive_into(None, part)
        if taken is None:
            raise self._fault(WantReadError, "nothing to read yet")
        return taken

    def receive_into(self, chunk: bytes | None, view: memoryview) -> int | None:
        """As `receive`, into `view`, which is filled as far as records are there."""
        with self._lock:
            if chunk is not None:
                self._take_in(chunk)
            if self._relay is not None:
                self._relay.fill()
            if self._state is not OPEN and self._state not in READABLE:
                return len(self._unreadable())
            try:
                return self._fill(view)
            finally:
                if self._relay is not None:
                    self._relay.drain()

    def _fill(self, view: memoryview) -> int | None:
        size, end, engine = 0, len(view), self._engine
        assert engine is not None
        read_into = engine.read_into
        if end > MAX_READ:
            view, end = view[:MAX_READ], MAX_READ
        while True:
            available = self._incoming.pending
            try:
                taken = read_into(end - size, view[size:] if size else view)
            except self._natives.provider.fault_types as error:
                if size:
                    clear_frames(error.__traceback__)
                    self._defer(error, available)
                    return size
                fault = self._stopped(error, available)
                if fault is None:
                    return 0
                if isinstance(fault, WantReadError):
                    return None
                # A binding's frames may still hold the view: the caller could not release it (BufferError), and Python 3.11
                # crashes when it collects a cycle with such a view in it (CPython issue 77894).
                clear_frames(error.__traceback__)
                try:
                    raise fault from error
                finally:
                    del fault
            if not taken:
                self._peer_closed()
                return size
            size += taken
            if self._watchful:
                self._progressed()
            if size == end or not (self._incoming.pending or engine.pending()):
                return size

    # ------------------------------------------------------------------------------------------ when nothing came

    def _take_in(self, chunk: bytes) -> None:
        if chunk:
            self._incoming.write(chunk)
        else:
            self._incoming.write_eof()

    def _stopped(self, error: BaseException, available: int) -> TLSError | None:
        """Why a read gave nothing: `None` for the clean end, else the error to raise, with the state moved on."""
        fault = self._translated(error)
        if self._relay is not None:
            self._relay.drain()
        if fault is None:
            self._peer_closed()
            return None
        if isinstance(fault, WantReadError):
            fault = self._want(fault, available)
        self._note(fault)
        return fault

    def _want(self, signal: TLSError, available: int) -> TLSError:
        """More is wanted: but is there more to come, and has the peer sent nothing of use for too long?"""
        self._barren += available - self._incoming.pending
        self._watchful = self._in_record = True
        if self._incoming.eof:
            return self._ragged("the transport ended without close_notify")
        if self._barren > MAX_BARREN:
            return self._fault(
                ProtocolViolation,
                f"{self._barren} bytes came in without application data (a flood of KeyUpdates or renegotiation)",
            )
        return signal

    def _defer(self, error: BaseException, available: int) -> None:
        """Data was read before `error`: the data is given now, and the fault by the next call."""
        self._stopped(error, available)

    def _peer_closed(self) -> bytes:
        self._state = walk(self._state, Event.RECEIVE_CLOSE)
        self._collect_session()
        return b""

    def _progressed(self) -> None:
        """Application data came: nothing is barren, and a session that was due may be here."""
        self._barren = 0
        self._in_record = False
        if self._session_due:
            self._collect_session()
        self._watchful = self._relay is not None or self._session_due

    def _unreadable(self) -> bytes:
        if self._state in ENDED:
            return b""
        self._not_open()

    def _nothing(self, amt: int) -> bytes:
        if amt < 0:
            raise ValueError("the number of bytes to read is not negative")
        return b""
