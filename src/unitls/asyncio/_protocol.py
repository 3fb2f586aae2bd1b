"""The protocol under a TLS transport: the handshake, on top of reading, writing and ending."""

from __future__ import annotations

from typing import Any

from ..api._errors import CertificateVerificationError, WantWriteError
from ._base import logger
from ._inbound import Inbound
from ._stage import OPEN, Event, Stage, walk
from ._transport import TLSTransport

_TLS13 = 0x0304
_REFUSED = "SSL handshake failed on verifying the certificate"
_FAILED = "SSL handshake failed"


class TLSProtocol(Inbound):
    """TLS between the loop's own transport and the program's protocol."""

    __slots__ = ()

    @property
    def transport(self) -> TLSTransport:
        """The transport that the program sees. The same one at every call, until the connection is lost."""
        if self._transport is None:
            self._transport = TLSTransport(self._loop, self)
        return self._transport

    def connection_made(self, transport: Any) -> None:
        """The transport is there: begin the handshake."""
        self._lower = transport
        self._stage = walk(self._stage, Event.CONNECT)
        if self._stage is not Stage.HANDSHAKE:  # given up before it began
            transport.abort()
            return
        if self._loop.get_debug():
            logger.debug("%r starts the TLS handshake", self)
        self._set_timer(self._timeouts.handshake, self._handshake_expired)
        try:
            self._buffer = self._wrapping.buffer(lambda: transport.get_extra_info("peername"))
        except Exception as error:
            self.fail(error, _FAILED)
            return
        if not self._wrapping.server_side:
            self._shake(None)

    def _shake(self, chunk: Any) -> None:
        """Take the handshake as far as it goes, and send what that has made."""
        buffer = self._buffer
        assert buffer is not None
        try:
            if chunk is not None:
                buffer.feed(chunk)
            while True:
                try:
                    done = buffer.handshake_step()
                    break
                except WantWriteError:
                    self._lower.write(buffer.take())
            self._late = done and buffer.server_side and buffer.version == _TLS13
            wire = b"" if self._late else buffer.take()
        except Exception as error:
            self.fail(error, _REFUSED if isinstance(error, CertificateVerificationError) else _FAILED)
            return
        if wire:
            self._lower.write(wire)
        if done:
            self._handshake_done()

    def _handshake_done(self) -> None:
        if not self._late:  # else the timer sees to the tickets
            self._cancel_timer()
        self._stage = walk(self._stage, Event.FINISH)
        self._opened = True
        if self._loop.get_debug():
            logger.debug("%r: the TLS handshake is done", self)
        if not self._made:
            self._made = True
            try:
                self._application.connection_made(self.transport)
            except Exception as error:
                self.fail(error, "Fatal error: protocol.connection_made() call failed.")
                return
        self._wake_waiter()
        if self._backlog or self._end_due:
            self._flushed_some()
        if self._stage is OPEN and not self._paused and self._buffer.buffered:  # type: ignore[union-attr]
            self._deliver()

    def _handshake_expired(self) -> None:
        self._timer = None
        if self._stage is OPEN:
            self.send_out()
            return
        self.fail(
            ConnectionAbortedError(
                f"SSL handshake is taking longer than {self._timeouts.handshake} seconds: aborting the connection"
            )
        )

    # ------------------------------------------------------------------------------------------ what it tells

    @property
    def waiter(self) -> Any:
        """What is told when the handshake is done or has failed; `None` from then on."""
        return self._waiter

    @property
    def application(self) -> Any:
        """The program's protocol; `None` once the connection is lost."""
        return self._application

    @property
    def context(self) -> Any:
        """The context of the connection."""
        return self._wrapping.context if self._buffer is None else self._buffer.context

    @property
    def wrapped(self) -> Any:
        """The wrapped buffer, once the handshake is done."""
        return self._buffer if self._opened else None

    @property
    def lower(self) -> Any:
        """The transport underneath; `None` once it is gone."""
        return self._lower

    def send_out(self) -> None:
        """Send what the library has made by itself, now."""
        self._late = False
        if self._stage is OPEN:
            self._send_out()
