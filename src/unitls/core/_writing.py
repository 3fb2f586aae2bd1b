"""Writing: plaintext to ciphertext, and the end of our direction."""

from __future__ import annotations

from typing import Final

from ..api._buffers import ReadableBuffer
from ..api._errors import ConnectionFault, WantReadError, WantWriteError
from ._connection import Connection
from ._reading import RECORD
from ._state import BEFORE, OPEN, WRITABLE, Event, walk

MAX_WRITE: Final = 16 * RECORD
"""The most a single write takes, so that the outgoing buffer stays small."""


class Writing(Connection):
    """The part of a connection that takes plaintext."""

    __slots__ = ()

    def write(self, buf: ReadableBuffer) -> int:
        lock = self._lock
        lock.acquire()
        try:
            if self._state is not OPEN or self._relay is not None or not buf or len(buf) > MAX_WRITE:
                return self._write_with_care(buf)
            write = self._engine.write  # type: ignore[union-attr]
            try:
                taken = write(buf)
            except self._natives.provider.fault_types as error:
                raise self._noted(error) from error
            if taken < len(buf):
                return self._write_on(buf, taken)
            return taken
        finally:
            lock.release()

    def _write_with_care(self, buf: ReadableBuffer) -> int:
        """`write` where something has to be looked after: foreign buffers, a half-closed state, nothing to write."""
        self._open_outgoing()
        if self._state not in WRITABLE:
            self._not_open()
        try:
            if len(buf) > MAX_WRITE:  # libraries take a size as an int, and some all of it at once
                buf = memoryview(buf).cast("B")[:MAX_WRITE]
            taken = self._write_on(buf, self._engine.write(buf)) if buf else 0  # type: ignore[union-attr]
        except self._natives.provider.fault_types as error:
            raise self._noted(error) from error
        if self._relay is not None:
            self._relay.drain()
        return taken

    def encrypt(self, buf: ReadableBuffer) -> tuple[int, bytes]:
        """For the socket: write `buf` (at most `MAX_WRITE` of it) and take the ciphertext out, in one step."""
        lock = self._lock
        lock.acquire()
        try:
            if self._state is not OPEN and self._state not in WRITABLE:
                self._not_open()
            if not buf:
                return 0, b""
            if len(buf) > MAX_WRITE:
                buf = memoryview(buf).cast("B")[:MAX_WRITE]
            write = self._engine.write  # type: ignore[union-attr]
            try:
                taken = write(buf)
            except self._natives.provider.fault_types as error:
                raise self._noted(error) from error
            if taken < len(buf):
                taken = self._write_on(buf, taken)
            return taken, self._outgoing.read()
        finally:
            lock.release()

    def _write_on(self, buf: ReadableBuffer, taken: int) -> int:
        """Go on with what the first record did not hold, up to `MAX_WRITE`."""
        with memoryview(buf) as view, view.cast("B") as octets:
            end = min(len(octets), MAX_WRITE)
            while taken < end and (self._relay is None or self._relay.drain()):
                try:
                    taken += self._engine.write(octets[taken:end])  # type: ignore[union-attr]
                except self._natives.provider.fault_types as error:
                    fault = self._translated(error)
                    if not isinstance(fault, (WantReadError, WantWriteError)):
                        self._noted(error)  # what was taken is reported now, the fault by the next call
                    break
        return taken

    def shutdown(self) -> None:
        with self._lock:
            self._open_outgoing()
            if self._state in WRITABLE:
                self._close()
            elif self._state in BEFORE:
                self._note(self._fault(ConnectionFault, "the connection was shut down before its handshake was done"))
            self._state = walk(self._state, Event.SEND_CLOSE)
            self._open_outgoing()

    def _close(self) -> None:
        engine = self._engine
        assert engine is not None
        try:
            engine.shutdown()
        except self._natives.provider.fault_types as error:
            raise self._noted(error) from error
        self._collect_session()
