"""The primitive operations on one connection: a TLS socket of NSS over our two buffers."""

from __future__ import annotations

import time
from typing import Any, Final

from ...api._errors import CertificateVerificationError, ConfigurationError
from ...api._sessions import Session
from ...api._versions import TLSVersion
from ...core._client_hello import ClientHelloReader
from ...core._foreign import Transport
from ...core._leaf_check import Fault
from ...core._ocsp import ocsp_fault
from ...core._provider import ConnectionPlan
from . import _hooks, _layer, native
from ._crls import crl_fault
from ._information import Information
from ._key_log import SecretLog
from ._pkix import Question
from ._psk import add_psk
from ._recorder import Recorder
from ._tickets import begun_session, offered_sessions, sent_ticket
from .config import Identity, Native
from .errors import make
from .native import FAILURE, SUCCESS, WOULD_BLOCK, ffi, item_bytes, nspr, ssl
from .verify import alert_code, verify

_TICKET_LIFETIME: Final = 7 * 24 * 3600
"""The longest that a ticket may live (RFC 8446 section 4.6.1); NSS itself offers none that its server ended earlier."""
_SCRATCH: Final = 64 * 1024
_FATAL: Final = 2
_CLOSE_NOTIFY: Final = 0
_SEND: Final = 1
_ALERT_RECORD: Final = b"\x15"
_BAD_CERTIFICATE: Final = b"\0\x02\x02\x2a"
"""The end of a plaintext record with that alert: its length, fatal, the number."""
_HANDSHAKE_FAILURE: Final = b"\x28"
_WANT_READ: Final = native.WantRead


class NSSEngine(Information):
    """One connection.

    Args:
        context: the native context.
        plan: what this connection needs.
        incoming: ciphertext from the peer.
        outgoing: ciphertext to the peer.

    Attributes:
        server_side: which end we are.
    """

    __slots__ = (
        "__weakref__", "_alert", "_chain", "_closed", "_context", "_expired", "_fault", "_greeting", "_incoming", "_log",
        "_number", "_ocsp", "_outgoing", "_path", "_plan", "_recorder", "_scratch", "_session", "_shown", "_tickets_due",
        "_token", "_transport", "_view", "server_side",
    )  # fmt: skip

    def __init__(self, context: Native, plan: ConnectionPlan, incoming: Any, outgoing: Any) -> None:
        self.server_side = plan.server_side
        self._context, self._plan = context, plan
        self._incoming, self._outgoing = incoming, outgoing
        self._transport = Transport(incoming, outgoing, self)
        self._number = self._transport.number
        self._alert: int | None = None
        self._chain: tuple[bytes, ...] = ()
        self._path: tuple[bytes, ...] = ()
        self._fault: Fault | None = None
        self._ocsp: bytes | None = None
        self._token: bytes | None = None
        self._session: bytes | None = None
        self._info: Any = None
        self._shown: Identity | None = None
        self._scratch: Any = None
        self._view: Any = None
        self._recorder: Recorder | None = None
        self._done = self._closed = self._tickets_due = self._expired = self._greeting = False
        self._log = None if context.key_log is None else SecretLog(context.key_log)
        self._socket = _layer.new_socket(context.model, self._number)
        self._prepare()

    def _prepare(self) -> None:
        """Set what is this connection's own."""
        socket, number, context = self._socket, self._number, self._context
        native.checked(ssl.SSL_ResetHandshake(socket, self.server_side))
        _hooks.install(self, socket, number)
        if self._log is not None:
            _hooks.collect_secrets(socket, number)
        if context.psk is not None:
            add_psk(socket, context.psk)
        if self.server_side:
            self._prepare_server()
            return
        if self._plan.server_name is not None:
            native.checked(ssl.SSL_SetURL(socket, self._plan.server_name.encode("ascii")))
        if context.identity is not None or context.choose is not None:
            _hooks.offer_identity(socket, number)
        if context.resumption:
            _hooks.collect_tokens(socket, number)
            token = None if self._plan.session is None else self._plan.session.native
            if token is not None:  # one that NSS does not take any more leads to a full handshake
                native.set_resumption_token(socket, token, len(token))

    def _prepare_server(self) -> None:
        socket, hello, context = self._socket, self._plan.hello, self._context
        assert hello is not None
        if context.authorities is not None:
            native.checked(ssl.SSL_SetTrustAnchors(socket, context.authorities))
        chosen = next((name for name in context.protocols if name in hello.alpn), None)
        if chosen is not None:
            native.checked(ssl.SSL_SetNextProtoNego(socket, bytes((len(chosen),)) + chosen, 1 + len(chosen)))
        if context.upper >= TLSVersion.TLSv1_3 and TLSVersion.TLSv1_3 in hello.versions:
            # NSS sends its own tickets without our mark: ours are sent once the handshake is done.
            self._tickets_due = context.ticket_count > 0
            self._transport.incoming = self._recorder = Recorder(self._incoming)
            if hello.pre_shared_key:
                mark = _hooks.ticket_mark(context.model, self._incoming.peek())
                self._expire_tickets(mark != context.tickets.mark)
        elif context.ticket_count:
            native.checked(ssl.SSL_OptionSet(socket, native.SESSION_TICKETS, 1))
            self._tickets_due = self._greeting = True
            identifier, ticket = offered_sessions(ClientHelloReader().feed_message(self._incoming.peek()) or b"")
            self._expire_tickets(bool(ticket) and not context.tickets.knows(ticket))
            # A client with a ticket makes its identifier up (RFC 5077 section 3.4).
            self._use_cache(not ticket and context.tickets.knows(identifier))

    def _use_cache(self, used: bool) -> None:
        """Let NSS look for sessions by their identifiers, and keep them."""
        native.checked(ssl.SSL_OptionSet(self._socket, native.NO_CACHE, not used))

    def _expire_tickets(self, expired: bool) -> None:
        """Let the ticket that the client offers count as expired, or let time be what it is."""
        if expired is not self._expired:
            _hooks.expire_tickets(self._socket, expired)
            self._expired = expired

    # ------------------------------------------------------------------------------------------ the handshake

    def handshake(self) -> None:
        incoming, force = self._incoming, ssl.SSL_ForceHandshake
        while not self._done:
            available, written = incoming.pending, self._outgoing.pending
            result = force(self._socket)
            self._raise_failure()
            if self._log is not None:
                self._write_log(written)
            if self._greeting:
                self._answered(written)
            if result == SUCCESS:
                self._finish(written)
                return
            code = nspr.PR_GetError()
            if code != WOULD_BLOCK:
                raise self._failed(code)
            left = incoming.pending
            if not left or left == available:
                raise _WANT_READ

    def _answered(self, written: int) -> None:
        """A server up to TLS 1.2 has decided whether to resume: all is as usual again, and its session is noted."""
        self._greeting = False
        self._expire_tickets(False)
        self._use_cache(True)
        self._session = begun_session(self._outgoing.peek()[written:])

    def _finish(self, written: int) -> None:
        """The handshake is done: send tickets, or remember the one that NSS has sent."""
        self._done = True
        self._transport.incoming, self._recorder = self._incoming, None
        self._expire_tickets(False)
        if self._context.psk is not None and self.used_external_psk():
            # A session without certificates: NSS crashes when it makes a client's ticket of it, and makes no server's.
            self._use_cache(False)
            return
        if not self._tickets_due:
            return
        self._tickets_due = False
        tickets = self._context.tickets
        if self.version() == TLSVersion.TLSv1_3:
            for _ in range(self._context.ticket_count):
                native.checked(native.send_session_ticket(self._socket, tickets.mark, len(tickets.mark)))
            return
        for session in (self._session, sent_ticket(self._outgoing.peek()[written:])):
            if session:
                tickets.remember(session)

    def _failed(self, code: int) -> Exception:
        """The error for a call that has failed for good."""
        fault, self._fault = self._fault, None
        error = native.Error(code, alert=self._alert, fault=fault)
        if error.name == "SSL_ERROR_NO_CERTIFICATE" and self.server_side:
            self._correct_alert()
        elif error.name == "SSL_ERROR_RX_UNEXPECTED_RECORD_TYPE" and self._recorder is not None:
            error.alert = self._recorder.plaintext_alert()
        return error

    def _correct_alert(self) -> None:
        """Say handshake_failure to a client of TLS 1.2 without a certificate (RFC 5246 section 7.4.6).

        NSS says bad_certificate. Nothing is encrypted yet at that point, and the alert stands at the end.
        """
        flight = self._outgoing.read()
        if flight[-7:-6] == _ALERT_RECORD and flight[-4:] == _BAD_CERTIFICATE:
            flight = flight[:-1] + _HANDSHAKE_FAILURE
        self._outgoing.write(flight)

    def _raise_failure(self) -> None:
        """Raise what a callback has raised."""
        failure = self._transport.failure
        if failure is None:
            return
        self._transport.failure = None
        if isinstance(failure, native.Error) or not isinstance(failure, Exception):
            raise failure
        raise native.CallbackFailure from failure

    def heard(self, level: int, description: int) -> None:
        """Note an alert of the peer's."""
        if description == _CLOSE_NOTIFY:
            self._closed = True
        elif level == _FATAL or self._alert is None:
            self._alert = description

    def identity_for(self, authorities: tuple[bytes, ...]) -> Identity | None:
        """The client certificate to show to a server that trusts `authorities`."""
        context = self._context
        self._shown = context.identity if context.choose is None else context.choose(authorities)
        return self._shown

    # ------------------------------------------------------------------------------------------ the verdict

    def judge(self, socket: Any) -> int:
        """Verify the peer's certificate, in the midst of the handshake; gives the error to end it with, or 0."""
        context = self._context
        self._chain = _hooks.sent_chain(socket)
        is_late = self._done
        if not (context.verify or is_late) or not self._chain:
            return 0
        self._fault = self._find_fault(socket)
        if self._fault is None and is_late and context.late_check is not None:
            self._fault = self._late_fault()
        return 0 if self._fault is None else alert_code(self._fault)

    def _late_fault(self) -> Fault | None:
        """Core's own verdict, which it gives itself on what comes in the handshake only."""
        assert self._context.late_check is not None
        try:
            self._context.late_check(self._plan, self)
        except CertificateVerificationError as error:
            return Fault(error.failure, str(error), error.subject)
        return None

    def _find_fault(self, socket: Any) -> Fault | None:
        context = self._context
        now = (context.clock or time.time)()
        subjects = self._plan.subjects
        question = Question(self._chain, context.usage, subjects, now, context.depth)
        verdict = verify(context.anchors, _hooks.peer_leaf(socket), question)
        fault = verdict.fault
        if fault is None and context.crls:
            fault = crl_fault(context.crls, verdict.path, now)
        if fault is None and context.request_ocsp:
            fault = ocsp_fault(self._stapled(socket), verdict.path, now)
        self._path = verdict.path if fault is None else ()
        return fault

    def _stapled(self, socket: Any) -> bytes:
        responses = ssl.SSL_PeerStapledOCSPResponses(socket)
        if responses == ffi.NULL or not responses.len:
            return b""
        self._ocsp = item_bytes(responses.items[0])
        return self._ocsp

    # ------------------------------------------------------------------------------------------ data

    def read(self, size: int) -> bytes:
        if self._scratch is None:
            self._scratch = ffi.new("char[]", _SCRATCH)
            self._view = ffi.buffer(self._scratch)
        taken = self._receive(self._scratch, min(size, _SCRATCH))
        return self._view[:taken]  # type: ignore[no-any-return]

    def read_into(self, size: int, buffer: Any) -> int:
        return self._receive(ffi.from_buffer(buffer), size)

    def _receive(self, target: Any, size: int) -> int:
        """One record's plaintext; 0 at the peer's close_notify."""
        incoming = self._incoming
        while True:
            available = incoming.pending
            taken: int = nspr.PR_Recv(self._socket, target, size, 0, 0)
            if taken > 0:
                return taken
            self._raise_failure()
            if taken == 0 and self._closed:
                return 0
            code = nspr.PR_GetError() if taken < 0 else WOULD_BLOCK
            # A server that wants to renegotiate has been told no (with a warning), and may go on.
            if code != WOULD_BLOCK and (code != native.NO_RENEGOTIATION or self.server_side):
                raise self._failed(code)
            left = incoming.pending
            if not left or left == available:
                raise _WANT_READ

    def write(self, data: Any) -> int:
        with ffi.from_buffer(data) as held:
            taken: int = nspr.PR_Send(self._socket, held, len(held), 0, 0)
        if taken < 0:
            code = nspr.PR_GetError()
            self._raise_failure()
            raise _WANT_READ if code == WOULD_BLOCK else self._failed(code)
        return taken

    def pending(self) -> int:
        waiting: int = ssl.SSL_DataPending(self._socket)
        return max(0, waiting)

    def shutdown(self) -> None:
        if nspr.PR_Shutdown(self._socket, _SEND) == FAILURE:
            raise self._failed(nspr.PR_GetError())

    # ------------------------------------------------------------------------------------------ the peer

    def peer_chain(self) -> list[bytes]:
        if not self._chain and self._done:
            self._chain = _hooks.sent_chain(self._socket)
        return list(self._chain)

    def verified_chain(self) -> list[bytes]:
        return list(self._path)

    def ocsp_response(self) -> bytes | None:
        return self._ocsp or self._stapled(self._socket) or None

    # ------------------------------------------------------------------------------------------ sessions, keys

    def keep_token(self, token: bytes) -> None:
        """Keep what resumes this session."""
        self._token = token

    def session(self) -> Session | None:
        token, self._token = self._token, None
        if token is None:
            return None
        is_tls13 = self.version() == TLSVersion.TLSv1_3
        return Session(token, time.time() + _TICKET_LIFETIME, single_use=is_tls13, owner=self._context)

    def log_secret(self, is_server: bool, is_data: bool, secret: bytes) -> None:
        """Put a traffic secret of TLS 1.3 to the key log."""
        assert self._log is not None
        self._log.add(is_server, is_data, secret)

    def _write_log(self, written: int) -> None:
        assert self._log is not None
        if self._log.random is None:
            if self._plan.hello is not None:
                self._log.random = self._plan.hello.random
            else:
                self._log.read_random(self._outgoing.peek()[written:])
        self._log.flush()

    def request_client_certificate(self) -> None:
        if native.send_certificate_request(self._socket) != SUCCESS:
            raise make(ConfigurationError, f"the client cannot be asked for a certificate now: {native.last_error()}")

    def update_keys(self) -> None:
        if native.key_update(self._socket, 0) != SUCCESS:
            raise make(ConfigurationError, f"the keys cannot be updated now: {native.last_error()}")
