"""The handshake of a wrapped socket, and the moments at which it runs."""

from __future__ import annotations

import socket as socket_module
from typing import Any, Final

from ..api._errors import ConfigurationError, ConnectionFault, ProtocolViolation
from ..api._versions import TLSVersion
from ._buffer import CoreBuffer
from ._transport import OVERHEAD, OVERHEAD_TLS13, Transport
from ._wait import is_ready

_FLIGHT: Final = 8192
"""How much of a flight of handshake records is looked at in one step."""


class SocketHandshake(Transport):
    """The part of a wrapped socket that ends when application data may flow."""

    __slots__ = ()

    def do_handshake(self) -> None:
        with self._recv_lock, self._send_lock:
            self._handshake()

    def _prepare(self) -> None:
        """At first use: run the handshake, if that is ours to do. Two threads may come here at once."""
        if self._ready:
            return
        self._opened()
        if not self._auto:
            raise ConfigurationError("the handshake is not done: call do_handshake() first")
        with self._recv_lock, self._send_lock:
            if not self._ready:
                self._handshake()

    def _handshake(self) -> None:
        """The one loop of the handshake: step, send what came out, wait for more, step again.

        Whatever ends it, what the library has to say about that (an alert) is still sent if that can be done at once.
        """
        buffer = self._opened()
        deadline = self._deadline(self._natives.configuration.handshake_timeout)
        advance = (
            self._advance_exactly
            if self._nested or not self._natives.provider.leaves_rest
            else self._advance_by_peeking
        )
        try:
            done = buffer.handshake_step()
            self._send_out(buffer.take(), deadline)
            while not done:
                done = advance(buffer, deadline)
                self._send_out(buffer.take(), deadline)
        except (ConnectionFault, ConfigurationError):
            self._send_farewell(buffer)
            raise
        self._overhead = OVERHEAD_TLS13 if buffer.version == TLSVersion.TLSv1_3 else OVERHEAD
        self._ready = True

    def _advance_by_peeking(self, buffer: CoreBuffer, deadline: float | None) -> bool:
        """Look at what has come in, let the library take what it needs, and only then take that from the transport.

        So a whole flight is one step, and application data behind the handshake stays where `select` sees it.
        """
        if buffer.awaits_hello:  # nothing follows a ClientHello before it is answered
            buffer.feed(self._receive_raw(_FLIGHT, deadline))
            return buffer.handshake_step()
        flight = self._receive_raw(_FLIGHT, deadline, socket_module.MSG_PEEK)
        used = len(flight)
        buffer.feed(flight)
        try:
            done = buffer.handshake_step()
            if done:
                used -= len(buffer.take_trailing())
            return done
        finally:
            while used > 0:
                used -= len(self._raw_recv(used))

    def _advance_exactly(self, buffer: CoreBuffer, deadline: float | None) -> bool:
        """Read one record, for transports that cannot be peeked at."""
        bounds = self._bounds
        while True:
            chunk = self._receive_raw(bounds.lacking, deadline)
            buffer.feed(chunk)
            if not chunk or bounds.advance(chunk):
                return buffer.handshake_step()

    # ------------------------------------------------------------------------------------------ the beginning

    def _begin(self, connected: bool) -> None:
        """Make the buffer, as soon as there is a connection; on a client also before, to find mistakes early."""
        self._linked = connected
        self._unsent = b""
        if connected and not self._natives.server_side:
            self._refuse_early_plaintext()
        provider = self._natives.provider
        self._buffer = CoreBuffer(
            self._context,
            self._natives,
            provider.memory_buffer(),
            provider.memory_buffer(),
            self._names,
            peer=self._peer_address() if connected else None,
            owner=self,
        )

    def _peer_address(self) -> Any:
        """The peer's address, where sessions are kept apart by it."""
        if not self._natives.remembers:
            return None
        try:
            return self._raw.getpeername()
        except OSError:
            return None

    def _refuse_early_plaintext(self) -> None:
        """Nothing may be here before our ClientHello: it would be plaintext, perhaps injected (STARTTLS)."""
        if self._nested:
            early = bool(self._raw.pending())
        elif early := is_ready(self._raw.fileno(), write=False, timeout=0):
            try:
                early = bool(self._raw.recv(1, socket_module.MSG_PEEK))
            except OSError:
                early = False  # the handshake will meet it
        if early:
            raise self._natives.provider.fault(
                ProtocolViolation, "plaintext was received behind the start of TLS: it may have been injected"
            )

    # ------------------------------------------------------------------------------------------ connecting

    def connect(self, address: Any, /) -> None:
        self._check_client()
        self._raw.connect(address)
        self._connected()

    def connect_ex(self, address: Any, /) -> int:
        self._check_client()
        number: int = self._raw.connect_ex(address)
        if not number:
            self._connected()
        return number

    def _check_client(self) -> None:
        if self._natives.server_side:
            raise ConfigurationError("a server side socket cannot connect; wrap it with a client context")

    def _connected(self) -> None:
        self._begin(True)
        if self._auto and self._timeout != 0:
            self.do_handshake()
