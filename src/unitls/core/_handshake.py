"""The handshake: what the library does, and core's own checks before, between and behind its steps."""

from __future__ import annotations

from typing import Any

from ..api._alerts import AlertDescription
from ..api._cipher_values import is_finite_field
from ..api._configuration import TLSServerConfiguration
from ..api._errors import (
    CertificateVerificationError,
    ConfigurationError,
    ConnectionFault,
    ProtocolViolation,
    TLSError,
    WantReadError,
    WantWriteError,
)
from ._client_hello import FALLBACK, ClientHelloReader, whole_hello
from ._clock import ClockFailed
from ._connection import Connection
from ._greeting import (
    Refusal,
    choose,
    parse_hello,
    plaintext_alert,
    read_hello,
    refuse_fallback,
    run_callback,
    server_name,
)
from ._provider import ConnectionPlan, Engine
from ._settings import wire_protocols
from ._state import BEGUN, FINISHED, START, State


class Handshake(Connection):
    """The part of a connection that ends when application data may flow."""

    __slots__ = ()

    def do_handshake(self) -> None:
        if not self.handshake_step():
            raise self._natives.provider.more_to_come()

    def exchange(self, chunk: bytes | None) -> tuple[bool, bytes, int]:
        """For the socket: take in `chunk` (``b""`` is the transport's end), and take the handshake as far as it goes.

        Returns:
            Whether it is done; what has to go out; and how much of what came in is left behind a handshake that is done.

        Raises:
            TLSError: as `do_handshake` does, `WantReadError` apart. What has to go out then (an alert) is still there.
        """
        lock = self._lock
        lock.acquire()
        try:
            if chunk:
                self._incoming.write(chunk)
            elif chunk is not None:
                self._incoming.write_eof()
            done = self._go_on()
            return done, self._outgoing.read(), self._incoming.pending if done else 0
        finally:
            lock.release()

    def handshake_step(self) -> bool:
        """Take the handshake as far as it goes.

        Returns:
            True when it is done, False when more has to come in.

        Raises:
            TLSError: as `do_handshake` does, `WantReadError` apart.
        """
        with self._lock:
            return self._go_on() if self._relay is None else self._go_on_with_relay()

    def _go_on_with_relay(self) -> bool:
        assert self._relay is not None
        self._open_outgoing()
        self._relay.fill()
        try:
            done = self._go_on()
        except BaseException:
            self._relay.drain()
            raise
        self._open_outgoing()
        return done

    def _go_on(self) -> bool:
        """Let the library go on, and judge what it has come to."""
        if self._state is not BEGUN:
            if self._state is not START:
                if self._state is State.FAILED:
                    self._refail()
                return True
            self._state = BEGUN
        try:
            engine = self._engine
            if engine is None:
                engine = self._greet()
                if engine is None:
                    return False
            written, available = self._outgoing.pending, self._incoming.pending
            handshake = engine.handshake
            try:
                handshake()
            except self._natives.provider.fault_types as error:
                self._look_why(error, engine, written, available)
                return False
            if self._accepted is None:
                self._judge(engine, written)
            self._finish(engine)
            return True
        except BaseException as error:
            self._lose(error)
            raise

    def _look_why(self, error: BaseException, engine: Engine, written: int, available: int) -> None:
        """The library has stopped: go on only if it is for more to come in, and judge what has come so far."""
        signal = None if isinstance(error, self._natives.provider.want_read) else self._signal(error)
        if available:
            self._handshake_size += available - self._incoming.pending
            limit = self._natives.configuration.max_handshake_size
            if self._handshake_size > limit:
                raise self._fault(ProtocolViolation, f"the handshake is longer than the limit of {limit} bytes")
            if self._accepted is None:
                self._judge(engine, written)
        if signal is not None:
            raise signal from error
        if self._incoming.eof:
            raise self._ragged("the transport ended during the handshake") from error

    def _lose(self, error: BaseException) -> None:
        """Remember what has ended the handshake."""
        if not isinstance(error, ClockFailed):
            self._note(error)
            return
        fault = self._fault(ConnectionFault, f"a callback has failed: {error}")
        self._note(fault)
        try:
            raise fault from error
        finally:
            del fault, error  # in a frame of their own traceback they would hold the connection

    def _signal(self, error: BaseException) -> TLSError | None:
        """Why the library stopped: `None` if it wants to read, the signal if it wants to write; else the fault is raised."""
        fault = self._translated(error) or self._ragged("the peer closed the connection during the handshake")
        if isinstance(fault, (WantReadError, WantWriteError)):
            return fault if isinstance(fault, WantWriteError) else None
        try:
            raise fault from error
        finally:
            del fault, error  # in a frame of their own traceback they would hold the connection

    def _judge(self, engine: Engine, written: int) -> None:
        """Give core's verdict as soon as the peer's certificate is known.

        On a no, what this step of the handshake has written is taken back (all but the first `written` bytes): a client
        certificate never goes to a server that has not been verified, and the peer never gets the Finished it waits for.
        """
        try:
            accepted = self._natives.judge.verdict(self._plan, engine)
        except BaseException:  # also an interruption, or a clock that fails: without a verdict nothing is accepted
            earlier = self._outgoing.read()[:written]
            self._outgoing.write(earlier)
            raise
        if accepted.leaf is not None:
            self._accepted = accepted

    def _finish(self, engine: Engine) -> None:
        """Check what was negotiated against what was asked for, whatever the library made of it. Fails closed."""
        configuration = self._natives.configuration
        version = engine.version() or 0
        lower, upper = self._natives.bounds
        if not lower <= version <= upper:
            raise self._fault(ProtocolViolation, f"the negotiated version {version:#06x} is out of the range asked for")
        if configuration.ciphers is not None and (suite := engine.cipher() or 0) not in configuration.ciphers:
            raise self._fault(ProtocolViolation, f"the negotiated cipher suite {suite:#06x} was not asked for")
        if configuration.groups is not None:
            self._check_group(engine, configuration.groups)
        if configuration.inner_protocols:
            protocol = engine.protocol()
            if protocol is None and configuration.require_inner_protocol:
                raise self._fault(ProtocolViolation, "no application protocol was agreed on")
            if protocol not in (None, *wire_protocols(configuration)):
                raise self._fault(ProtocolViolation, f"the negotiated protocol {protocol!r} was not asked for")
        if self._accepted is None and not (self._natives.peer_may_be_anonymous or self._has_psk(engine)):
            whose = "client" if self._natives.server_side else "server"
            raise self._fault(CertificateVerificationError, f"the {whose} sent no certificate")
        if self._session_key is not None:
            self._session_due = self._watchful = True
        self.version, self._state = version, FINISHED

    def _check_group(self, engine: Engine, wanted: tuple[int, ...]) -> None:
        """Up to TLS 1.2 a server may bring a Diffie-Hellman group of its own, which has no number: nobody has asked for it."""
        group = engine.group()
        if group not in (None, *wanted):
            raise self._fault(ProtocolViolation, f"the negotiated group {group:#06x} was not asked for")
        if group is None and is_finite_field(engine.cipher() or 0) and not engine.resumed():
            raise self._fault(
                ProtocolViolation, "the keys were exchanged in a group of the server's own: none was asked for"
            )

    def _has_psk(self, engine: Engine) -> bool:
        """On a client: whether the server has shown that it has the external key, and nothing asks for a certificate."""
        configuration = self._natives.configuration
        if self._natives.server_side or configuration.external_psk is None or not engine.used_external_psk():
            return False
        return not (configuration.pins or configuration.verification_hook)

    # ------------------------------------------------------------------------------------------ the server's start

    def _greet(self) -> Engine | None:
        """On a server: read the ClientHello, let callback and names decide, and only then make the engine.

        Returns:
            The engine, or `None` while the ClientHello is not complete.
        """
        received, natives = self._incoming.read(), self._natives
        if not received and not self._incoming.eof:
            return None
        try:
            message = whole_hello(received) if self._reader is None else None
            if message is None:
                reader = self._reader = self._reader or ClientHelloReader()
                message = read_hello(reader, natives.provider, received)
                if message is None:
                    if self._incoming.eof:
                        raise self._ragged("the transport ended before a ClientHello")
                    return None
                received = bytes(reader.received)
            self._hello = message
            native = self._hear(message) if natives.decides else natives.first or natives.get()
            if FALLBACK in message:
                refuse_fallback(self._natives, message)
        except Refusal as refusal:
            self._outgoing.write(plaintext_alert(refusal.alert))
            raise refusal.error from (refusal.error.__cause__ or refusal.__cause__)
        except ConfigurationError:
            self._outgoing.write(plaintext_alert(AlertDescription.INTERNAL_ERROR))
            raise
        if self._incoming.eof:  # nothing can be written behind an end: go on with a private copy
            self._incoming = natives.provider.memory_buffer()
            self._incoming.write(received)
            self._incoming.write_eof()
        else:
            self._incoming.write(received)
        self._reader = None
        self._install(native)
        return self._engine

    def _hear(self, message: bytes) -> Any:
        """Decide by the ClientHello; returns the native context to go on with."""
        configuration, original = self._natives.configuration, self._context
        hello = parse_hello(self._natives.provider, message)
        assert isinstance(configuration, TLSServerConfiguration)
        self._plan = ConnectionPlan(True, hello=hello)
        callback = configuration.sni_callback
        if callback is not None:
            name = server_name(hello)
            owner: Any = self if self._owner is None else self._owner()
            self._in_callback = True
            try:
                run_callback(self._natives.provider, name, lambda: callback(owner, name, original))
            finally:
                self._in_callback = False
        self._accepted = self._natives.judge.beforehand
        welcome = choose(self._natives, hello)
        self._identity = welcome.index
        return welcome.native
