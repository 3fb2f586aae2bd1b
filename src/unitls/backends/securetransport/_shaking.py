"""The handshake of one connection, which stops where certificates are to be judged or chosen."""

from __future__ import annotations

from typing import Any, Final, NoReturn

from ...api._alerts import AlertDescription
from ...api._configuration import TLSClientConfiguration
from ...api._errors import VerifyFailure
from ...core._foreign import Transport
from ...core._greeting import plaintext_alert
from ...core._leaf_check import Fault
from ...core._provider import ConnectionPlan, Engine
from ...platforms.macos._foundation import Owned, content, copied, elements
from . import native, verify
from ._identity import load_identity
from .config import Native, asks_clients
from .native import Error, WantRead

ALERT_RECORD: Final = 7
HEADER: Final = 5
"""The bytes of a record in front of what it holds (RFC 5246 section 6.2.1)."""
_ALERT: Final = 21
_FATAL: Final = 2
_HANDSHAKE_FAILURE: Final = 40
_CALLBACK: Final = "a callback has failed: {!r}"


def alert_in(record: bytes) -> int | None:
    """The fatal alert in a whole record that is not encrypted; `None` if it is none.

    The library has no code of its own for each alert, such as no_application_protocol.
    """
    is_alert = len(record) == ALERT_RECORD and record[0] == _ALERT and record[3:6] == bytes((0, 2, _FATAL))
    return record[6] if is_alert else None


class HandshakeEngine(Engine):
    """One connection, as far as its handshake goes.

    Attributes:
        at_end: whether the library has asked for more behind the end of the transport.
        header: the header of the record that the library is taking in, as far as it has it.
        left: how much of that record it does not have yet, once the header is whole.
    """

    __slots__ = (
        "__weakref__",
        "_chain",
        "_context",
        "_done",
        "_is_judged",
        "_path",
        "_plan",
        "_security",
        "_session",
        "_tail",
        "_transport",
        "at_end",
        "header",
        "left",
    )

    _context: Native
    _plan: ConnectionPlan
    _security: Any
    _session: Owned
    _transport: Transport
    _chain: list[bytes]
    _path: list[bytes]
    _tail: bytes
    _done: bool
    _is_judged: bool
    at_end: bool
    header: bytes
    left: int

    def follow(self, part: bytes) -> None:
        """Note what the library takes in: it asks for the header of a record, and then for the rest."""
        if self.left:
            self.left -= len(part)
        else:
            self.header += part
            if len(self.header) < HEADER:
                return
            self.left = int.from_bytes(self.header[3:], "big")
        if not self.left:
            self.header = b""

    def handshake(self) -> None:
        incoming, security, session = self._transport.incoming, self._security, self._session
        self._tail = (self._tail + incoming.tail(ALERT_RECORD))[-ALERT_RECORD:]
        while True:
            available, written = incoming.pending, self._transport.outgoing.pending
            code = security.SSLHandshake(session)
            if code in (native.OK, native.WOULD_BLOCK):
                self._make_sure(written)
            if code == native.OK:
                break
            if code == native.PEER_AUTH_COMPLETED:
                self._judge()
            elif code == native.CLIENT_CERT_REQUESTED:
                self._choose()
            elif code != native.WOULD_BLOCK:
                self.fail(code, is_shaking=True)
            elif not 0 < incoming.pending < available:
                self.raise_failure()
                raise WantRead
        if not self._chain:
            self._chain = verify.sent_chain(self._session)
        self._done = True

    def fail(self, code: int, *, is_shaking: bool = False) -> NoReturn:
        """Raise the library's error, with what is known besides.

        Raises:
            native.Error: always.
        """
        self.raise_failure()
        error = Error(code)
        if is_shaking and code != native.CLOSED_GRACEFUL:
            error.alert = alert_in(self._tail)
        error.ragged = self.at_end
        raise error

    def raise_failure(self) -> None:
        """Raise what a callback has raised."""
        failure = self._transport.take_failure()
        if failure is not None:
            raise Error(native.CLOSED_ABORT, _CALLBACK.format(failure)) from failure

    def _make_sure(self, written: int) -> None:
        """Refuse a peer for whose certificate the library has not stopped, should it ever: what it has written stays here.

        Args:
            written: how much had been written before.
        """
        if self._is_judged or not self._context.settings.verify or not verify.sent_chain(self._session):
            return
        outgoing = self._transport.outgoing
        outgoing.write(outgoing.read()[:written])
        error = Error(native.PEER_AUTH_COMPLETED)
        error.fault = Fault(VerifyFailure.OTHER, "the library has gone on without a verdict")
        raise error

    def _judge(self) -> None:
        """Give the verdict on the peer's certificate. On a no the peer gets an alert, and nothing of the next flight."""
        sent = verify.sent_chain(self._session)
        if not self._context.settings.verify:
            self._chain = sent
            return
        trust = verify.peer_trust(self._session)
        if trust is None:
            self._miss()
            return
        fault, path = self._context.rules.judge(trust, self._plan.subjects, sent)
        self._chain = sent or list(path)
        if fault is not None:
            self._refuse(fault, fault.alert)
        self._path, self._is_judged = list(path), True

    def _miss(self) -> None:
        """The peer has sent no certificate: nothing new to a server that only asks."""
        if self._plan.server_side and asks_clients(self._context.settings) == native.TRY_AUTHENTICATE:
            return
        whose = "client" if self._plan.server_side else "server"
        text = f"the {whose} sent no certificate"
        self._refuse(Fault(VerifyFailure.OTHER, text), _HANDSHAKE_FAILURE, text)

    def _refuse(self, fault: Fault, alert: int, text: str = "") -> NoReturn:
        """End the handshake. No keys are in use yet up to TLS 1.2, so the alert can be written here."""
        self._transport.outgoing.write(plaintext_alert(alert))
        error = Error(native.PEER_AUTH_COMPLETED, text)
        error.fault = fault
        raise error

    def _choose(self) -> None:
        """Let the application choose the client's certificate from the list of authorities."""
        configuration = self._context.settings.configuration
        assert isinstance(configuration, TLSClientConfiguration)
        security, session = self._security, self._session
        names = copied(lambda place: security.SSLCopyDistinguishedNames(session, place))
        authorities = () if names is None else tuple(content(item) for item in elements(names))
        choose = configuration.choose_certificate
        try:
            identity = None if choose is None else choose(authorities)
        except Exception as error:
            self._transport.outgoing.write(plaintext_alert(AlertDescription.INTERNAL_ERROR))
            raise Error(native.CLIENT_CERT_REQUESTED, _CALLBACK.format(error)) from error
        if identity is not None:
            native.check(security.SSLSetCertificate(session, load_identity(identity)))
