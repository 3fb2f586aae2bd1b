"""What every part of a connection on a loop shares: its fields, its faults, and how it is lost."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from ..api._errors import TLSError
from ._limits import READ_HIGH_WATER, WRITE_HIGH_WATER, Timeouts, water_marks
from ._stage import Event, Stage, walk
from ._wrapping import LoopBuffer, Wrapping

if TYPE_CHECKING:
    from ._transport import TLSTransport

logger: Final = logging.getLogger("unitls")

_GRACE: Final = 1.0
"""Seconds that an alert may take to go out, where it does not at once."""


class Base(asyncio.BufferedProtocol):
    """The protocol of the transport underneath: its fields, and what its parts do in common.

    Args:
        loop: the event loop.
        application: the program's protocol.
        wrapping: makes the wrapped buffer.
        timeouts: how long the peer may take.
        waiter: is told when the handshake is done, or has failed.
        upgrades: the program's protocol has been connected already, without TLS.
    """

    __slots__ = (
        "__weakref__", "_answered", "_application", "_backlog", "_buffer", "_buffered", "_choked", "_end_due", "_fault", "_high",
        "_in_memory", "_late", "_loop", "_lost_writes", "_low", "_lower", "_lower_paused", "_made", "_opened", "_paused",
        "_peer_ended", "_queued", "_read_high", "_read_low", "_stage", "_throttled", "_timeouts", "_timer", "_transport",
        "_transport_ended", "_waiter", "_wrapping",
    )  # fmt: skip

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        application: asyncio.BaseProtocol,
        wrapping: Wrapping,
        timeouts: Timeouts,
        waiter: asyncio.Future[None] | None = None,
        *,
        upgrades: bool = False,
    ) -> None:
        self._loop = loop
        self._wrapping = wrapping
        self._timeouts = timeouts
        self._waiter = waiter
        self._made = upgrades
        self._late = False
        self._opened = False
        self._stage = Stage.START
        self._buffer: LoopBuffer | None = None
        self._lower: Any = None
        self._transport: TLSTransport | None = None
        self._fault: BaseException | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._in_memory: memoryview | None = None
        # Reading: paused by the program, the transport paused by us, its end, the peer's close_notify.
        self._paused = self._lower_paused = self._transport_ended = self._peer_ended = False
        # Writing: the transport takes no more, the program was told to wait, an end is due behind the backlog.
        self._choked = self._throttled = self._end_due = False
        self._backlog: deque[bytes | memoryview] = deque()
        self._queued = self._lost_writes = 0
        self._answered = 0  # how much the library has said by itself since the transport takes no more
        self._high, self._low = water_marks(None, None, WRITE_HIGH_WATER)
        self._read_high, self._read_low = water_marks(None, None, READ_HIGH_WATER)
        self.set_application(application)

    def set_application(self, application: asyncio.BaseProtocol) -> None:
        """Deliver to `application` from now on."""
        self._application: Any = application
        self._buffered = isinstance(application, asyncio.BufferedProtocol)

    def _mark_closed(self) -> None:
        if self._transport is not None:
            self._transport.mark_closed()

    # ------------------------------------------------------------------------------------------ timers

    def _set_timer(self, seconds: float, expire: Callable[[], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(seconds, expire)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # ------------------------------------------------------------------------------------------ faults

    def fail(self, fault: BaseException, text: str = "the TLS connection is lost") -> None:
        """End the connection because of `fault`, which the program's ``connection_lost`` is called with.

        What the library has to say to the peer about it (an alert) is sent if that can be done at once.
        """
        if self._fault is None:
            self._fault = fault
        self._mark_closed()
        self._stage = walk(self._stage, Event.FAIL)
        self._forget_backlog()
        self._report(fault, text)
        self._hang_up()

    def _hang_up(self) -> None:
        """Close the transport, with the alert if there is one."""
        self._cancel_timer()
        lower = self._lower
        if lower is None:
            return
        alert = self._take_alert()
        if not alert or lower.is_closing() or lower.get_write_buffer_size():
            lower.abort()
            return
        lower.write(alert)
        lower.close()
        self._set_timer(_GRACE, lower.abort)

    def _take_alert(self) -> bytes:
        try:
            return b"" if self._buffer is None else self._buffer.take()
        except TLSError:
            return b""

    def abort(self) -> None:
        """Close the transport at once. What was not sent is lost, and so is what was not read."""
        self._mark_closed()
        self._stage = walk(self._stage, Event.FAIL)
        self._forget_backlog()
        self._cancel_timer()
        if self._lower is not None:
            self._lower.abort()

    def _report(self, fault: BaseException, text: str) -> None:
        """Tell of a fault as asyncio does: one of the connection where somebody debugs, any other to the loop's handler.

        A fault that somebody waits for is told to them.
        """
        if isinstance(fault, OSError):
            if self._loop.get_debug():
                logger.debug("%r: %s", self, text, exc_info=fault)
        elif self._waiter is None:
            self._complain(text, fault)

    def _complain(self, text: str, fault: BaseException) -> None:
        self._loop.call_exception_handler(
            {"message": text, "exception": fault, "transport": self._transport, "protocol": self}
        )

    def _forget_backlog(self) -> None:
        self._backlog.clear()
        self._queued = 0

    def _wake_waiter(self, fault: BaseException | None = None) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is None or waiter.done():
            return
        if fault is None:
            waiter.set_result(None)
        else:
            waiter.set_exception(fault)

    # ------------------------------------------------------------------------------------------ the end

    def connection_lost(self, exc: BaseException | None) -> None:
        """The transport is gone; so is the connection."""
        fault = self._fault if self._fault is not None else exc
        self._stage = walk(self._stage, Event.LOSE)
        self._cancel_timer()
        self._forget_backlog()
        self._mark_closed()
        application, made = self._application, self._made
        self._wake_waiter(fault or ConnectionAbortedError("the connection was closed during the TLS handshake"))
        self._fault = self._in_memory = None
        self._made = False
        try:
            if made:
                application.connection_lost(fault)
        finally:
            self._lower = self._application = self._transport = None

    def __repr__(self) -> str:
        side = "server" if self._wrapping.server_side else "client"
        return f"<TLS {side} over {self._lower!r}: {self._stage.value}>"
