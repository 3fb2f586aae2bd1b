"""The handshake of one connection, and what NSS calls back in its course."""

from __future__ import annotations

from typing import Any, Final

from ...api._errors import ConfigurationError, VerifyFailure
from ...api._versions import TLSVersion
from ...core._client_hello import ClientHelloReader
from ...core._clock import time_by
from ...core._foreign import Transport, incoming_buffers
from ...core._late_verdict import ANOTHER
from ...core._leaf_check import Fault
from ...core._ocsp import ocsp_fault
from ...core._provider import ConnectionPlan
from . import _early, _hooks, _layer, native
from ._crls import crl_fault
from ._identity import Identity
from ._information import Information
from ._key_log import SecretLog
from ._pkix import Question
from ._psk import add_psk
from ._recorder import Recorder
from ._tickets import asks_again, begun_session, offered_sessions, sent_ticket
from .config import Native
from .errors import make
from .native import SUCCESS, WOULD_BLOCK, ffi, item_bytes, nspr, ssl
from .verify import alert_code, verify

_PRELIMINARY_INFO: Final = ffi.sizeof("SSLPreliminaryChannelInfo")
_FATAL: Final = 2
_CLOSE_NOTIFY: Final = 0
_ALERT_RECORD: Final = b"\x15"
_BAD_CERTIFICATE: Final = b"\0\x02\x02\x2a"
"""The end of a plaintext record with that alert: its length, fatal, the number."""
_HANDSHAKE_FAILURE: Final = b"\x28"
_FIRST_TYPES: Final = b"\x15\x16"
"""The types of the records that a server can begin with: alert and handshake (RFC 8446 section 5.1)."""
WANT_READ: Final = native.WantRead


class HandshakeEngine(Information):
    """One connection, as far as its handshake goes.

    Args:
        context: the native context.
        plan: what this connection needs.
        incoming: ciphertext from the peer.
        outgoing: ciphertext to the peer.

    Attributes:
        server_side: which end we are.
    """

    __slots__ = (
        "__weakref__", "_alert", "_chain", "_closed", "_context", "_early", "_expired", "_fault", "_greeting", "_incoming",
        "_log", "_number", "_ocsp", "_outgoing", "_path", "_plan", "_recorder", "_session", "_shown", "_tickets_due", "_token",
        "_transport", "_unheard", "server_side",
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
        self._early = b""
        self._unheard = not plan.server_side
        self._shown: Identity | None = None
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
        if context.ech is not None:
            self._hide_hello()
        if self._plan.server_name is not None:
            native.checked(ssl.SSL_SetURL(socket, self._plan.server_name.encode("ascii")))
        if context.identity is not None or context.choose is not None:
            _hooks.offer_identity(socket, number)
        if context.resumption or context.psk is not None:
            # Whom NSS tells its sessions, it keeps none for; its own cache is one for the process, whoever trusts whom.
            _hooks.collect_tokens(socket, number)
            token = None if self._plan.session is None else self._plan.session.native
            if token is not None:  # one that NSS does not take any more leads to a full handshake
                native.set_resumption_token(socket, token, len(token))

    def _hide_hello(self) -> None:
        """Encrypt the ClientHello. NSS does not where there is no name to hide, and says nothing."""
        if self._plan.server_name is None:
            raise make(ConfigurationError, "Encrypted ClientHello hides the name of a server, and there is none")
        ech = self._context.ech
        assert ech is not None
        native.checked(native.set_ech_configs(self._socket, ech, len(ech)))

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
            incoming_buffers[self._number] = self._recorder = Recorder(self._incoming)
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
        takes_early_data = self.server_side and self._context.early_data
        native.reseed_after_fork()
        if self._unheard and incoming.held:
            self._look_at_beginning()
        while not self._done:
            available, written = incoming.held, self._outgoing.pending
            code = 0 if force(self._socket) == SUCCESS else nspr.PR_GetError()
            if self._transport.failure is not None:
                self._take_back(written)
            self.raise_failure()
            if takes_early_data and code in (0, WOULD_BLOCK):
                self._early += _early.received(self._socket, self._number)
            if self._log is not None:
                self._write_log(written)
            if self._greeting:
                self._answered(written)
            if self._recorder is not None and code == WOULD_BLOCK and asks_again(self._outgoing.peek()[written:]):
                self._expire_tickets(True)
            if not code:
                self._finish(written)
                return
            if code != WOULD_BLOCK:
                raise self.failed(code)
            left = incoming.held
            if not left or left == available:
                raise WANT_READ

    def _look_at_beginning(self) -> None:
        """Refuse a server that speaks something else: NSS would take its text for a record's length, and wait for the rest."""
        self._unheard = False
        if self._incoming.peek()[:1] not in _FIRST_TYPES:
            raise native.Error(native.UNKNOWN_RECORD_TYPE)

    def _take_back(self, written: int) -> None:
        """Let nothing out of what NSS has written since: without an answer of its callback it goes on as if there was none.

        So a client whose choice of a certificate has failed would finish the handshake as an anonymous one.
        """
        earlier = self._outgoing.read()[:written]
        self._outgoing.write(earlier)

    def _answered(self, written: int) -> None:
        """A server up to TLS 1.2 has decided whether to resume: all is as usual again, and its session is noted."""
        self._greeting = False
        self._expire_tickets(False)
        self._use_cache(True)
        self._session = begun_session(self._outgoing.peek()[written:])

    def _finish(self, written: int) -> None:
        """The handshake is done: send tickets, or remember the one that NSS has sent."""
        self._done = True
        if self._context.ech is not None and not self._channel().echAccepted:
            raise native.Error(native.ECH_REFUSED)
        incoming_buffers[self._number], self._recorder = self._incoming, None
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
                sent = native.send_session_ticket(self._socket, tickets.mark, len(tickets.mark))
                self.raise_failure()
                native.checked(sent)
            return
        for session in (self._session, sent_ticket(self._outgoing.peek()[written:])):
            if session:
                tickets.remember(session)

    def failed(self, code: int) -> Exception:
        """The error for a call that has failed for good."""
        fault, self._fault = self._fault, None
        error = native.Error(code, alert=self._alert, fault=fault)
        # Once a certificate was accepted, what cannot be read is something else: but for its key, which is read last.
        is_settled = bool(self._chain) and fault is None and error.name != "SSL_ERROR_EXTRACT_PUBLIC_KEY_FAILURE"
        error.may_be_certificate = self._awaits_certificate() and not is_settled
        if error.name == "SSL_ERROR_NO_CERTIFICATE" and self.server_side:
            self._correct_alert()
        elif error.name == "SSL_ERROR_RX_UNEXPECTED_RECORD_TYPE" and self._recorder is not None:
            error.alert = self._recorder.plaintext_alert()
        elif error.code == native.LIBRARY_FAILURE and not self._chain and self._awaits_certificate():
            # NSS has no better word for a certificate that it cannot read at all; a peer must not seem to be a bug of ours.
            error.fault = Fault(VerifyFailure.INVALID, f"a certificate cannot be read: {error.text}")
        return error

    def _awaits_certificate(self) -> bool:
        return not self.server_side or bool(self._context.anchors.ders)

    def _correct_alert(self) -> None:
        """Say handshake_failure to a client of TLS 1.2 without a certificate (RFC 5246 section 7.4.6).

        NSS says bad_certificate. Nothing is encrypted yet at that point, and the alert stands at the end.
        """
        flight = self._outgoing.read()
        if flight[-7:-6] == _ALERT_RECORD and flight[-4:] == _BAD_CERTIFICATE:
            flight = flight[:-1] + _HANDSHAKE_FAILURE
        self._outgoing.write(flight)

    def raise_failure(self) -> None:
        """Raise what a callback has raised."""
        failure = self._transport.take_failure()
        if isinstance(failure, native.Error):
            raise failure
        if failure is not None:
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
        native.reseed_after_fork()  # who is asked after the handshake signs in the midst of a read
        # NSS takes the leaf and the key over. The intermediates it looks for later: they have to be in memory then.
        self._shown = context.identity if context.choose is None else context.choose(authorities)
        return self._shown

    def keep_token(self, token: bytes) -> None:
        """Keep what resumes this session."""
        self._token = token

    def log_secret(self, is_server: bool, epoch: int, secret: bytes) -> None:
        """Put a traffic secret of TLS 1.3 to the key log."""
        assert self._log is not None
        self._log.add(is_server, epoch, secret)

    def _write_log(self, written: int) -> None:
        assert self._log is not None
        if self._log.random is None:
            if self._plan.hello is not None:
                self._log.random = self._plan.hello.random
            else:
                self._log.read_random(self._outgoing.peek()[written:])
        self._log.flush()

    # ------------------------------------------------------------------------------------------ the verdict

    def judge(self, socket: Any) -> int:
        """Verify the peer's certificate, in the midst of the handshake; gives the error to end it with, or 0."""
        context, is_late = self._context, self._done
        if context.ech is not None and not is_late and not self._has_taken_ech():
            return native.ECH_REFUSED
        before, self._chain = self._chain, _hooks.sent_chain(socket)
        if not (context.verify or is_late) or not self._chain:
            return 0
        self._fault = ANOTHER if is_late and before[:1] not in ((), self._chain[:1]) else self._find_fault(socket)
        if self._fault is None and is_late and context.late_check is not None:
            self._fault = context.late_check(self._plan, self)
        return 0 if self._fault is None else alert_code(self._fault)

    def _has_taken_ech(self) -> bool:
        """Whether the server has gone on with the encrypted ClientHello: otherwise its certificate is for another name."""
        info = ffi.new("SSLPreliminaryChannelInfo *")
        native.checked(ssl.SSL_GetPreliminaryChannelInfo(self._socket, info, _PRELIMINARY_INFO))
        return bool(info.echAccepted)

    def _find_fault(self, socket: Any) -> Fault | None:
        context = self._context
        now = time_by(context.clock)
        subjects = self._plan.subjects
        question = Question(self._chain, context.usage, subjects, now, context.depth)
        verdict = verify(context.anchors, _hooks.peer_leaf(socket), question)
        fault = verdict.fault
        if fault is None and context.crls:
            fault = crl_fault(context.crls, verdict.path, now)
        if fault is None and context.request_ocsp:
            fault = ocsp_fault(self.stapled(socket), verdict.path, now)
        self._path = verdict.path if fault is None else ()
        return fault

    def stapled(self, socket: Any) -> bytes:
        responses = ssl.SSL_PeerStapledOCSPResponses(socket)
        if responses == ffi.NULL or not responses.len:
            return b""
        self._ocsp = item_bytes(responses.items[0])
        return self._ocsp
