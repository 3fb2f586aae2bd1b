"""The handshake of a wrapped socket, and the moments at which it runs."""

from __future__ import annotations

import socket as socket_module
from typing import Any, Final

from ..api._errors import ConfigurationError, ConnectionFault, ProtocolViolation
from ._buffer import CoreBuffer
from ._transport import OVERHEAD_TLS13, Transport
from ._wait import has_data

TLS13: Final = 0x0304
_FLIGHT: Final = 8192
"""How much of a flight of handshake records is looked at in one step."""


class SocketHandshake(Transport):
    """The part of a wrapped socket that ends when application data may flow."""

    __slots__ = ()

    def do_handshake(self) -> None:
        if self._ready and self._buffer is not None:
            self._buffer.do_handshake()  # says so if the connection is lost, and waits for no reader and no writer
            return
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
        """Run the handshake, as far as the deadline lets it.

        Whatever ends it, what the library has to say about that (an alert) is still sent if that can be done at once.
        """
        buffer = self._buffer if self._linked and not self._gone else self._opened()
        assert buffer is not None
        natives = self._natives
        deadline = self._deadline(natives.configuration.handshake_timeout)
        try:
            if self._nested or not natives.leaves_rest:
                self._advance_by_record(buffer, deadline)
            else:
                self._advance_by_flight(buffer, deadline)
        except (ConnectionFault, ConfigurationError):
            self._send_farewell(buffer)
            raise
        if buffer.version == TLS13:
            self._overhead = OVERHEAD_TLS13
        self._ready = True

    def _advance_by_flight(self, buffer: CoreBuffer, deadline: float | None) -> None:
        """Look at what has come in, let the library take what it needs, and only then take that from the transport.

        So a whole flight is one step, and application data behind the handshake stays where `select` sees it.
        """
        # A server has nothing to say before it has heard something, and nothing follows a ClientHello before it is answered.
        flight = self._receive_raw(_FLIGHT, deadline) if buffer.awaits_hello else None
        done, wire, _ = buffer.exchange(flight)
        while True:
            if wire or self._unsent:
                self._send_out(wire, deadline)
            if done:
                return
            flight = self._receive_raw(_FLIGHT, deadline, socket_module.MSG_PEEK)
            used = len(flight)
            try:
                done, wire, rest = buffer.exchange(flight)
                if rest:
                    used -= len(buffer.take_trailing())
            finally:
                while used > 0:
                    used -= len(self._raw.recv(used))

    def _advance_by_record(self, buffer: CoreBuffer, deadline: float | None) -> None:
        """Read one record at a time, for transports that cannot be peeked at."""
        bounds = self._record_bounds()
        done, wire = False, b""
        if not buffer.awaits_hello:
            done, wire, _ = buffer.exchange(None)
        while True:
            if wire or self._unsent:
                self._send_out(wire, deadline)
            if done:
                return
            chunk = self._receive_raw(bounds.lacking, deadline)
            while chunk and not bounds.advance(chunk):
                buffer.feed(chunk)
                chunk = self._receive_raw(bounds.lacking, deadline)
            done, wire, _ = buffer.exchange(chunk)

    # ------------------------------------------------------------------------------------------ the beginning

    def _begin(self, connected: bool) -> None:
        """Make the buffer, as soon as there is a connection; on a client also before, to find mistakes early."""
        self._linked = connected
        self._unsent = b""
        natives = self._natives
        if connected and not natives.server_side and (self._raw.pending() if self._nested else has_data(self._raw)):
            # It would be read as TLS, and it is plaintext, perhaps injected (STARTTLS): nobody speaks before our ClientHello.
            text = "plaintext was received behind the start of TLS: it may have been injected"
            raise natives.provider.fault(ProtocolViolation, text)
        peer = self._peer_address() if connected and natives.remembers else None
        memory_buffer = natives.memory_buffer
        self._buffer = CoreBuffer(self._context, natives, memory_buffer(), memory_buffer(), self._names, peer, self)

    def _peer_address(self) -> Any:
        """The peer's address: sessions are kept apart by it."""
        try:
            return self._raw.getpeername()
        except OSError:
            return None

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
        if not self._linked:  # of a connection that it was told of already, TLS may have begun, and does not begin anew
            self._begin(True)
        if self._auto and self._timeout != 0:
            self.do_handshake()
