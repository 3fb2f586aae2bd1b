"""Writing: the program's data to the transport, encrypted in batches, and the flow control of both.

What the transport does not take at once waits here, as plaintext: one call encrypts as much of it as one batch holds,
when the transport says that it takes more.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ..api._buffers import ReadableBuffer
from ..api._errors import WantReadError, WantWriteError
from ..core._writing import MAX_WRITE
from ._base import Base, logger
from ._limits import WRITE_HIGH_WATER, water_marks
from ._stage import OPEN, OVER, Stage

_LOG_THRESHOLD: Final = 5
"""How many writes to a lost connection are ignored before each is warned of; asyncio has the same number."""


class Outbound(Base):
    """The part of a connection that takes plaintext."""

    __slots__ = ()

    def write(self, data: ReadableBuffer) -> None:
        """Send `data`, at once as far as the transport takes it."""
        if type(data) is not bytes:
            data = memoryview(data).cast("B")
        if self._stage is not OPEN or self._choked or self._backlog or self._end_due or len(data) > MAX_WRITE:
            self._write_later(data)
            return
        try:
            taken, wire = self._buffer.encrypt(data)  # type: ignore[union-attr]
        except (WantReadError, WantWriteError):
            self._write_later(data)
            return
        except Exception as error:
            self.fail(error)
            return
        self._lower.write(wire)
        if taken != len(data):
            self._write_later(memoryview(data)[taken:])

    def writelines(self, lines: Iterable[ReadableBuffer]) -> None:
        """Send several pieces as one."""
        if data := b"".join(lines):
            self.write(data)

    def _write_later(self, data: bytes | memoryview) -> None:
        if self._stage in OVER:
            self._count_lost_write()
            return
        if self._end_due:
            raise RuntimeError("Cannot call write() after write_eof()")
        if isinstance(data, memoryview) and not isinstance(data.obj, bytes):
            data = bytes(data)  # the program may change it as soon as this call returns
        self._backlog.append(data)
        self._queued += len(data)
        if not self._choked and self._stage is OPEN:
            self._flush()
        self._throttle()

    def _count_lost_write(self) -> None:
        self._lost_writes += 1
        if self._lost_writes > _LOG_THRESHOLD:
            logger.warning("the TLS connection is closed; what is written to it is lost")

    def _flush(self) -> None:
        """Encrypt and send what is waiting, batch by batch, as far as the transport takes it."""
        backlog = self._backlog
        while backlog and not self._choked:
            data = self._next_batch()
            try:
                taken, wire = self._buffer.encrypt(data)  # type: ignore[union-attr]
            except (WantReadError, WantWriteError):
                backlog.appendleft(data)  # the next thing that comes in makes us try again
                return
            except Exception as error:
                self.fail(error)
                return
            self._queued -= taken
            if taken < len(data):
                backlog.appendleft(memoryview(data)[taken:])
            self._lower.write(wire)

    def _next_batch(self) -> bytes | memoryview:
        """Take out what one batch holds: a part of a large piece, or several small ones."""
        backlog = self._backlog
        data = backlog.popleft()
        size = len(data)
        if size > MAX_WRITE:
            view = memoryview(data)
            backlog.appendleft(view[MAX_WRITE:])
            return view[:MAX_WRITE]
        if not backlog or size + len(backlog[0]) > MAX_WRITE:
            return data
        parts = [data]
        while backlog and size + len(backlog[0]) <= MAX_WRITE:
            parts.append(backlog.popleft())
            size += len(parts[-1])
        return b"".join(parts)

    def _send_out(self) -> None:
        """Send what the library has to say by itself: answers to KeyUpdates, session tickets.

        The tickets at a server's first opportunity do not go out by themselves, which would wake the client up for
        nothing: they go with the first answer, else at the second thing the client says, else when the time of the
        handshake is over.
        """
        if self._late:
            self._late = False
        elif self._buffer is not None and (wire := self._buffer.take()):
            self._lower.write(wire)
            if self._choked:
                self._answered += len(wire)

    # ------------------------------------------------------------------------------------------ our end

    @property
    def end_due(self) -> bool:
        """Whether the program has ended its direction."""
        return self._end_due

    def write_eof(self) -> None:
        """End our direction once everything is out: send close_notify, and go on reading (RFC 8446 section 6.1)."""
        if self._end_due or self._stage in OVER:
            return
        self._end_due = True
        if self._stage is OPEN:
            self._end_if_flushed()

    def _end_if_flushed(self) -> None:
        """Send the close_notify that is due, if nothing is in front of it any more."""
        if self._end_due and not self._backlog and self._stage is OPEN:
            self._say_close()

    def _say_close(self) -> None:
        try:
            wire = self._buffer.farewell()  # type: ignore[union-attr]
        except Exception as error:
            self.fail(error)
            return
        if wire:
            self._lower.write(wire)

    # ------------------------------------------------------------------------------------------ flow control

    def pause_writing(self) -> None:
        """The transport has enough for now."""
        self._choked = True

    def resume_writing(self) -> None:
        """The transport takes more."""
        self._choked = False
        self._answered = 0
        if self._stage is OPEN or self._stage is Stage.FLUSHING:
            self._flushed_some()

    def _flushed_some(self) -> None:
        self._flush()
        self._end_if_flushed()
        self._throttle()

    def _throttle(self) -> None:
        """Tell the program to wait, or to go on, by the water marks."""
        if not self._throttled and self._queued > self._high:
            self._throttled = True
            self._tell("pause_writing")
        elif self._throttled and self._queued <= self._low:
            self._throttled = False
            self._tell("resume_writing")

    def _tell(self, name: str) -> None:
        """Call a method of the program's protocol whose failure does not end the connection."""
        if self._application is None:
            return
        try:
            getattr(self._application, name)()
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            self._complain(f"protocol.{name}() failed", error)

    @property
    def throttled(self) -> bool:
        """Whether the program was told to wait."""
        return self._throttled

    @property
    def write_limits(self) -> tuple[int, int]:
        """The low and the high water mark."""
        return self._low, self._high

    @property
    def queued(self) -> int:
        """How much is waiting to be encrypted."""
        return self._queued

    def set_write_limits(self, high: int | None, low: int | None) -> None:
        """Set the water marks."""
        self._high, self._low = water_marks(high, low, WRITE_HIGH_WATER)
        self._throttle()
