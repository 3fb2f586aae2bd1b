"""The handshake of one connection, and what the library calls back in its course."""

from __future__ import annotations

from typing import Any, Final, NoReturn

from ...core._client_hello import ClientHello, HelloError, parse_client_hello
from ...core._foreign import Transport
from ...core._key_log import append_to_key_log
from ...core._leaf_check import Fault
from ...core._provider import ConnectionPlan, Engine
from . import _callbacks, native, verify
from ._identities import LoadedIdentity
from ._opening import open_session
from ._transcript import Transcript
from .config import Native
from .native import Error, WantRead, ffi, lib

ALERT_RECORD: Final = 7
_FATAL_ALERT: Final = b"\x15\x03\x03\0\2\2"
_USUAL_TICKETS: Final = 2
TLS13: Final = 0x0304
_ILLEGAL_PARAMETER: Final = 47
_CERTIFICATE_REQUIRED: Final = 116
_HANDSHAKE_FAILURE: Final = 40
_PROTOCOL_VERSION: Final = 70
GOES_ON: Final = frozenset({native.E_INTERRUPTED, native.E_WARNING_ALERT_RECEIVED})
_NO_CERTIFICATE: Final = frozenset({native.E_NO_CERTIFICATE_FOUND, -112})


class HandshakeEngine(Engine):
    """One connection, as far as its handshake goes.

    Args:
        context: what the connections of its configuration share.
        plan: what this connection needs.
        incoming: ciphertext from the peer.
        outgoing: ciphertext to the peer.
    """

    __slots__ = (
        "__weakref__",
        "_chosen",
        "_context",
        "_done",
        "_early",
        "_fault",
        "_first",
        "_greeting",
        "_is_first_key",
        "_lifetime",
        "_path",
        "_plan",
        "_scratch",
        "_session",
        "_tail",
        "_ticket",
        "_transcript",
        "_transport",
    )  # fmt: skip

    def __init__(self, context: Native, plan: ConnectionPlan, incoming: Any, outgoing: Any) -> None:
        self._context = context
        self._plan = plan
        self._transport = Transport(incoming, outgoing, self)
        self._done = False
        # What the next read meets first: 0 for data, a fault that came behind data, or an authentication that is under way.
        self._first = 0
        self._tail = self._ticket = self._greeting = b""
        self._early = 0
        self._is_first_key = True
        self._chosen: LoadedIdentity | None = None
        self._fault: tuple[int, Fault | None, str] | None = None
        self._lifetime: int | None = None
        self._path: list[bytes] = []
        self._transcript = Transcript() if context.may_need_transcript else None
        self._scratch: Any = None
        self._session = open_session(context, plan, self._transport.number)

    # ------------------------------------------------------------------------------------------ the handshake

    def handshake(self) -> None:
        session, incoming = self._session, self._transport.incoming
        self._tail = (self._tail + incoming.tail(ALERT_RECORD))[-ALERT_RECORD:]
        while True:
            available = incoming.held
            code = lib.gnutls_handshake(session)
            if code == 0:
                break
            if code == native.E_AGAIN and (not incoming.held or incoming.held == available):
                self.wait()
            if code != native.E_AGAIN and code not in GOES_ON:
                self.fail(code)
        self.check_callbacks()
        self._done, self._greeting = True, b""
        if self._transcript is not None:
            self._transcript.end()
        if self._context.server_side:
            self._send_tickets()

    def _send_tickets(self) -> None:
        """Send what the library does not send by itself: a number of tickets, or those of the first key only."""
        tickets = self._context.tickets
        count = getattr(self._context.settings.configuration, "ticket_count", None)
        assert tickets is not None
        if (count is None and not tickets.several) or self.version() != TLS13:
            return
        wanted = _USUAL_TICKETS if count is None else count
        if not self._is_first_key:
            wanted = 0  # the key of a session cannot be changed, and new tickets are not for an old one
        for _ in range(wanted):  # one call puts all of its tickets into a single record, or fails
            code = lib.gnutls_session_ticket_send(self._session, 1, 0)
            if code < 0:
                self.fail(code)

    def wait(self) -> NoReturn:
        """Give up for now.

        Raises:
            WantRead: more has to come in, unless a callback has failed.
        """
        self.check_callbacks()
        raise WantRead

    def check_callbacks(self) -> None:
        """Fail if a callback has, of which the library does not always speak."""
        cause = self._transport.take_failure()
        if cause is not None:
            self._fail(native.E_USER_ERROR, cause)

    def fail(self, code: int) -> NoReturn:
        """Tell the peer by an alert, and raise.

        Raises:
            native.Error: always, but for an interruption of a callback.
        """
        self._fail(code, self._transport.take_failure())

    def _fail(self, code: int, cause: Exception | None) -> NoReturn:
        error = Error(code)
        if self._greeting and not self._done and self._fault is None:
            self._heard()  # for an alert that says more than the library's
        if code == native.E_FATAL_ALERT_RECEIVED:
            error.alert = lib.gnutls_alert_get(self._session)
        elif code == native.E_DECRYPTION_FAILED and not self._done and self._tail[:6] == _FATAL_ALERT:
            error.alert = self._tail[6]  # a client that has no keys yet: the library takes its alert for ciphertext
        elif self._fault is not None:
            alert, error.fault, text = self._fault
            error.reason = text
            lib.gnutls_alert_send(self._session, native.AL_FATAL, alert)
        elif code in _NO_CERTIFICATE:
            alert = _CERTIFICATE_REQUIRED if self.version() == TLS13 else _HANDSHAKE_FAILURE
            lib.gnutls_alert_send(self._session, native.AL_FATAL, alert)
        else:
            lib.gnutls_alert_send_appropriate(self._session, code)
        if cause is not None:
            error.code, error.text = native.E_USER_ERROR, f"a callback has failed: {cause!r}"
        raise error from cause

    # ------------------------------------------------------------------------------------------ what the library calls

    def verify(self) -> int:
        """Judge the peer's certificate: 0, or the error that ends the handshake."""
        chain = verify.peer_chain(self._session)
        if not chain:
            return 0  # whether one has to be there is the library's and core's business
        fault, self._path = verify.judge(self._session, self._context, self._plan.subjects, chain)
        if fault is None and self._done:
            fault = self._context.late_check(self._plan, self)
        if fault is None:
            return 0
        self._fault = (fault.alert, fault, "")
        return native.E_CERTIFICATE_VERIFICATION_ERROR

    def message(self, kind: int, content: bytes, incoming: bool) -> int:
        """Look at a handshake message: 0, or the error that ends the handshake."""
        if self._transcript is not None:
            self._transcript.add(kind, content)
            _callbacks.thread.transcript = self._transcript
        if not incoming:
            return 0
        if kind == native.HANDSHAKE_CLIENT_HELLO:
            return self._hello(content)
        if kind == native.HANDSHAKE_SERVER_HELLO:
            return self._server_hello(content)
        if kind == native.HANDSHAKE_NEW_SESSION_TICKET:
            self._lifetime = int.from_bytes(content[:4], "big")
            self._ticket = content
        return 0

    def _hello(self, content: bytes) -> int:
        """On a server: decide what the library cannot be told beforehand, the exact suite and the ticket key."""
        context, session = self._context, self._session
        assert context.tickets is not None
        if context.tickets.several and context.gives_tickets:
            key = context.tickets.for_hello(content)
            self._is_first_key = key is context.tickets.first
            native.check(lib.gnutls_session_ticket_enable_server(session, key))
        self._greeting = content
        if not (context.surplus or context.keys):
            return 0
        hello = self._heard()
        if hello is None or self._fault is not None:
            return 0 if hello is None else native.E_NO_CIPHER_SUITES
        keys = context.keys if hello.pre_shared_key and context.keys and context.keys.is_offered(content) else None
        if context.surplus or keys is not None:
            suite = context.pick(hello, keys)
            if suite is None:
                self._fault = (_HANDSHAKE_FAILURE, None, "")
                return native.E_NO_CIPHER_SUITES
            native.check(lib.gnutls_priority_set(session, context.single(suite)))
            if keys is not None and keys.goes_with(suite):  # otherwise the certificates decide
                native.check(lib.gnutls_credentials_set(session, native.CRD_PSK, keys.credentials))
        return 0

    def _heard(self) -> ClientHello | None:
        """The ClientHello, and the fault of one without a version in common; `None` if the library has to say what is wrong."""
        try:
            hello = parse_client_hello(self._greeting)
        except HelloError:
            return None
        if not self._context.shared_versions(hello):
            self._fault = (_PROTOCOL_VERSION, None, "no version of TLS in common")
        return hello

    def _server_hello(self, content: bytes) -> int:
        """On a client: refuse a suite that is offered because the library cannot leave it out."""
        begin = 35 + content[34]  # behind version, random and session id
        suite = int.from_bytes(content[begin : begin + 2], "big")
        if suite not in self._context.surplus:
            return 0
        self._fault = (
            _ILLEGAL_PARAMETER,
            None,
            f"the server picked the cipher suite {suite:#06x}, which was not asked for",
        )
        return -22

    def choose(self, authorities: tuple[bytes, ...]) -> LoadedIdentity | None:
        """Let the application choose the client's certificate; it lives as long as the connection."""
        choose = getattr(self._context.settings.configuration, "choose_certificate", None)
        identity = None if choose is None else choose(authorities)
        self._chosen = None if identity is None else LoadedIdentity(identity)
        return self._chosen

    def external_key(self, name: bytes) -> bytes | None:
        """The external key of that name; the library asks only where the ClientHello names ours."""
        keys = self._context.keys
        return keys.key if keys is not None and keys.name == name else None

    @property
    def staple(self) -> bytes | None:
        return self._context.staple

    def log_secret(self, label: bytes, secret: bytes) -> None:
        """Append a secret to the key log."""
        path, client, server = self._context.settings.key_log, *(ffi.new("gnutls_datum_t *") for _ in range(2))
        lib.gnutls_session_get_random(self._session, client, server)
        if path:
            random = native.content(client).hex().encode()
            append_to_key_log(path, b"%s %s %s\n" % (label, random, secret.hex().encode()))
