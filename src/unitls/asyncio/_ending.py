"""The orderly end: what was written goes out, then close_notify, then the peer's is awaited, then the transport goes."""

from __future__ import annotations

from ..api._errors import RaggedEOF
from ._limits import MOST_ANSWERS
from ._outbound import Outbound
from ._stage import BEFORE, GONE, OVER, Event, Stage, walk
from ._wrapping import MOST


class Ending(Outbound):
    """The part of a connection that closes it."""

    __slots__ = ()

    def close(self) -> None:
        """Begin the end. During the handshake there is nothing to end in order: that is aborted.

        From here on everything that comes in is taken, and thrown away: a peer that reads only once it has written
        would never take what is still to go out.
        """
        if self._stage in OVER:
            return
        if self._stage in BEFORE:
            self.abort()
            return
        self._mark_closed()
        self._stage = walk(self._stage, Event.CLOSE)
        self._set_timer(self._timeouts.shutdown, self._shutdown_expired)
        if self._lower_paused:
            self._lower_paused = False
            self._lower.resume_reading()
        self._proceed()

    def _proceed(self) -> None:
        """Go on with the end as far as that goes now."""
        if self._stage is Stage.FLUSHING and not self._backlog:
            self._say_close()
            if self._stage is Stage.FLUSHING:
                self._stage = walk(self._stage, Event.FLUSH)
                self._await_close()

    def _await_close(self) -> None:
        """Wait for the peer's close_notify, unless it is here, or nothing can come any more."""
        if self._peer_ended or self._transport_ended:
            self._end()
        else:
            self._discard(None)

    def _discard(self, chunk: bytes | memoryview | None) -> None:
        """Look for close_notify in what comes in; data in front of it has no reader any more.

        How the peer ends its direction makes no difference now: nobody relies on what it sent.
        """
        try:
            data = self._buffer.receive(chunk, MOST)  # type: ignore[union-attr, arg-type]
            while data:
                data = self._buffer.receive(None, MOST)  # type: ignore[union-attr]
        except RaggedEOF:
            data = b""
        except Exception as error:
            self.fail(error)
            return
        if data is not None:
            self._peer_ended = True
        elif self._buffer.outgoing_pending > MOST_ANSWERS:  # type: ignore[union-attr]
            self.abort()  # a peer that asks for answers (KeyUpdate) without end, and lets this have none
            return
        if self._backlog and not self._choked:
            self._flushed_some()
        if self._peer_ended and self._stage is Stage.SHUTDOWN:
            self._end()

    def _end(self) -> None:
        """Close the transport. The timer stays: the peer may not take what has to go out before."""
        self._stage = walk(self._stage, Event.END)
        self._lower.close()

    def _shutdown_expired(self) -> None:
        self._timer = None
        self._fault = TimeoutError("SSL shutdown timed out")
        self._report(self._fault, "the peer does not let the TLS connection end")
        self.abort()

    def _flushed_some(self) -> None:
        super()._flushed_some()
        self._proceed()

    def connection_lost(self, exc: BaseException | None) -> None:
        if exc is not None and self._stage is Stage.CLOSING and self._fault is None and self._peer_ended:
            exc = None  # both sides have said close_notify: what became of the transport behind that is no fault
        super().connection_lost(exc)

    @property
    def is_over(self) -> bool:
        """Whether the transport is being closed, or is gone."""
        return self._stage in GONE
