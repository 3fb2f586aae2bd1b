"""The primitive operations on one connection: a security context between two buffers."""

from __future__ import annotations

from ctypes import c_uint32
from typing import Any, Final

from ...api._alerts import AlertDescription as Alert
from ...api._errors import VerifyFailure
from ...core._greeting import plaintext_alert
from ...core._leaf_check import Fault
from ...core._provider import ConnectionPlan, Engine
from . import _peer, native
from . import _structures as ss
from ._buffer import RecordBuffer
from ._channel import Channel
from ._flight import ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, TLS_1_3, Flight, Violation, record_size
from .config import Native
from .errors import alert_of
from .native import SEC_E_OK, SEC_I_CONTINUE_NEEDED, Error, WantRead
from .verify import judge

_GOING_ON: Final = (SEC_E_OK, SEC_I_CONTINUE_NEEDED)
_NOTHING_SHOWN: Final = Fault(VerifyFailure.OTHER, "the client sent no certificate")


class SChannelEngine(Engine):
    """One connection.

    Args:
        context: the native configuration.
        plan: what this connection needs.
        incoming: ciphertext from the peer.
        outgoing: ciphertext to the peer.
    """

    __slots__ = (
        "_begin", "_chain", "_channel", "_context", "_end", "_flight", "_held", "_incoming", "_is_clear", "_is_judged",
        "_is_late", "_outgoing", "_path", "_plan", "_rest",
    )  # fmt: skip

    def __init__(self, context: Native, plan: ConnectionPlan, incoming: RecordBuffer, outgoing: RecordBuffer) -> None:
        self._context, self._plan, self._incoming, self._outgoing = context, plan, incoming, outgoing
        self._channel = Channel(context.credential, plan.server_name, context.protocols, ask=context.asks)
        self._flight = Flight(server_side=plan.server_side)
        self._chain: list[bytes] = []
        self._path: list[bytes] = []
        self._held = b"" if plan.server_side else None
        self._rest = b""
        self._is_clear = True
        self._is_judged = context.policy is None
        self._is_late = False
        self._begin = self._end = 0

    # ------------------------------------------------------------------------------------------ the handshake

    def handshake(self) -> None:
        if self._held is None:
            self._held = b""
            self._step(b"")
        while True:
            record = self._next_record()
            try:
                is_due = self._flight.feed(record)
                self._held += record
                if not is_due:
                    continue
                self._judge_early()
            except Violation as error:
                self._tell(error.reply)
                raise
            if self._step(self._held):
                return

    def _next_record(self) -> bytes:
        """The next record of the handshake, whole.

        Raises:
            WantRead: it is not there yet.
        """
        try:
            size, _ = self._whole_record()
        except Violation as error:
            self._tell(error.reply)
            raise
        return self._incoming.read(size)

    def _whole_record(self) -> tuple[int, int]:
        """The size and the type of the record at the front of what has come in.

        Raises:
            WantRead: it is not whole.
            Violation: it is none.
        """
        incoming = self._incoming
        header = incoming.header()
        size = record_size(header) if header else 1
        if incoming.pending < size or not header:
            incoming.drop_if_ended()
            raise WantRead
        return size, header[0]

    def _tell(self, alert: int) -> None:
        """Tell the peer why this ends."""
        record = plaintext_alert(alert) if self._is_clear else self._channel.alert(alert)
        self._outgoing.write(record)

    def _step(self, data: bytes) -> bool:
        """Hand on what was held; True when the handshake is done. The last flight leaves only for a peer that was judged."""
        while True:
            code, token, rest = self._channel.step(data)
            if code == native.SEC_I_INCOMPLETE_CREDENTIALS:
                # The server wants a certificate and we have none for it: the same again says that we go on without.
                code, token, rest = self._channel.step(data)
            if code != SEC_I_CONTINUE_NEEDED or not rest:
                break
            self._send(token)
            data = rest
        if code == native.SEC_E_INCOMPLETE_MESSAGE:
            self._held = data
            return False
        self._held = rest
        if code not in _GOING_ON:
            self._outgoing.write(token)  # the alert, if SChannel has made one
            error = Error(code, "AcceptSecurityContext" if self._plan.server_side else "InitializeSecurityContext")
            error.from_peer = bool(data)
            raise error
        self._send(token, is_last=code == SEC_E_OK)
        if code == SEC_E_OK:
            self._held = b""
            self._incoming.put_back(rest)
            self._channel.open()
            return True
        return False

    def _send(self, token: bytes, *, is_last: bool = False) -> None:
        """Write a flight; one that is encrypted only to a peer that was judged."""
        if self._plan.server_side:
            self._flight.note_own(token)
        self._note_change(token)
        if is_last or not (self._is_judged or self._is_clear or self._plan.server_side):
            self._judge_late()
        self._outgoing.write(token)

    def _note_change(self, token: bytes) -> None:
        """Find out whether we have begun to encrypt: in `token` the ciphers change, or something is encrypted already."""
        at, version = 0, self._flight.version
        while at + 5 <= len(token) and self._is_clear:
            kind = token[at]
            if kind == APPLICATION_DATA or (kind == CHANGE_CIPHER_SPEC and version != TLS_1_3):
                self._is_clear = False
            at += 5 + int.from_bytes(token[at + 3 : at + 5], "big")

    # ------------------------------------------------------------------------------------------ the verdict

    def _judge_early(self) -> None:
        """Judge a peer whose certificates have come in the clear, before SChannel sees them."""
        chain = self._flight.chain
        if chain is None or self._chain:
            return
        self._chain = chain
        if self._is_judged:
            return
        if not chain and self._plan.server_side:
            self._is_judged = True
            if self._context.demands:
                self._refuse(_NOTHING_SHOWN, Alert.HANDSHAKE_FAILURE)  # RFC 5246 section 7.4.6
            return
        self._judge()

    def _judge_late(self) -> None:
        """Judge a peer whose certificates were encrypted; of one that was judged see that SChannel means the same."""
        shown = _peer.chain(self._context.libraries, self._channel)
        if self._chain:
            if shown[:1] != self._chain[:1]:
                raise Error(native.SEC_E_INTERNAL_ERROR, "SChannel names another certificate than the peer has sent")
            return
        self._chain = shown
        if self._is_judged:
            return
        if shown:
            self._judge()
        elif not self._plan.server_side or self._context.demands:
            self._refuse(_NOTHING_SHOWN, Alert.CERTIFICATE_REQUIRED)
        self._is_judged = True

    def _judge(self) -> None:
        assert self._context.policy is not None
        verdict = judge(self._context.policy, self._chain, self._plan.subjects)
        if verdict.fault is not None:
            self._refuse(verdict.fault, verdict.fault.alert)
        self._path = list(verdict.path)
        self._is_judged = True

    def _refuse(self, fault: Fault, alert: Alert) -> None:
        self._tell(alert)
        error = Error(0, "the verdict on the peer's certificate")
        error.fault = fault
        raise error

    # ------------------------------------------------------------------------------------------ data

    def read(self, size: int) -> bytes:
        if self._begin == self._end and not self._decrypt():
            return b""
        begin = self._begin
        self._begin = end = min(self._end, begin + size)
        return bytes(self._channel.view[begin:end])

    def read_into(self, size: int, buffer: Any) -> int:
        if self._begin == self._end and not self._decrypt():
            return 0
        begin = self._begin
        self._begin = end = min(self._end, begin + size)
        buffer[: end - begin] = self._channel.view[begin:end]
        return end - begin

    def pending(self) -> int:
        return self._end - self._begin

    def write(self, data: Any) -> int:
        with memoryview(data) as view, view.cast("B") as octets:
            taken, record = self._channel.encrypt(octets)
        self._outgoing.write(record)
        return taken

    def _decrypt(self) -> bool:
        """Decrypt until there is plaintext; False at close_notify.

        Raises:
            WantRead: more has to come in.
            Error: what came in is no good.
        """
        channel = self._channel
        while True:
            size, kind = self._load()
            if self._is_late:
                self._go_on(bytes(channel.view[:size]))
                continue
            code, begin, end, rest = channel.decrypt(size)
            if code == native.SEC_E_INCOMPLETE_MESSAGE:
                self._wait_for_more(size)
                continue
            self._begin, self._end = begin, end
            if code == native.SEC_I_RENEGOTIATE:
                self._late_message(rest)
            elif code not in (SEC_E_OK, native.SEC_I_CONTEXT_EXPIRED):
                raise self._refused(code, kind)
            else:
                self._incoming.put_back(rest)
            if end > begin:
                return True
            if code == native.SEC_I_CONTEXT_EXPIRED or (kind == ALERT and self._context.libraries.wine):
                return False  # Wine does not say that such a record without data is close_notify

    def _load(self) -> tuple[int, int]:
        """Bring ciphertext to the front of the channel's memory: what was not whole before, or the next record.

        Returns:
            How much it is, and the type of its first record.
        """
        view, rest = self._channel.view, self._rest
        if rest:
            self._rest = b""
            view[: len(rest)] = rest
            return len(rest), rest[0]
        size, kind = self._whole_record()
        if kind == HANDSHAKE and self._flight.version != TLS_1_3:
            raise Violation("the peer has asked for a renegotiation, which is refused")
        self._incoming.read_into(view[:size])
        return size, kind

    def _wait_for_more(self, size: int) -> None:
        """What is at the front of the channel's memory is not whole: put the next record behind it.

        Raises:
            WantRead: it is not there yet.
        """
        started = bytes(self._channel.view[:size])
        try:
            more, _ = self._load()
        except WantRead:
            self._rest = started
            raise
        if size + more > len(self._channel.view):
            raise Violation("the peer has sent a record that is longer than TLS allows", Alert.RECORD_OVERFLOW)
        self._rest = started + bytes(self._channel.view[:more])

    def _refused(self, code: int, kind: int) -> Error:
        error = Error(code, "DecryptMessage")
        error.from_peer = True
        if kind == ALERT:
            error.alert = alert_of(code, is_wine=bool(self._context.libraries.wine))
        return error

    # ------------------------------------------------------------------------------------------ behind the handshake

    def _late_message(self, data: bytes) -> None:
        """Take up a message of the handshake that came behind it: a ticket or a KeyUpdate.

        Raises:
            Violation: it is a renegotiation.
        """
        if self._flight.version != TLS_1_3:
            raise Violation("the peer has asked for a renegotiation, which is refused")
        self._held, self._is_late = b"", True
        if data:
            self._go_on(data)

    def _go_on(self, data: bytes) -> None:
        code, token, rest = self._channel.step((self._held or b"") + data)
        if code == native.SEC_E_INCOMPLETE_MESSAGE:
            self._held = (self._held or b"") + data
            return
        self._outgoing.write(token)
        self._held = b""
        self._incoming.put_back(rest)
        self._is_late = code == SEC_I_CONTINUE_NEEDED
        if code not in _GOING_ON:
            error = Error(code, "a message behind the handshake")
            error.from_peer = True
            raise error

    def shutdown(self) -> None:
        self._outgoing.write(self._channel.control(c_uint32(ss.CONTROL_SHUTDOWN)))

    # ------------------------------------------------------------------------------------------ information

    def version(self) -> int | None:
        return self._flight.version or _peer.version(self._channel)

    def cipher(self) -> int | None:
        return self._flight.suite or _peer.suite(self._channel)

    def protocol(self) -> bytes | None:
        return self._channel.protocol() if self._context.protocols else None

    def peer_chain(self) -> list[bytes]:
        return self._chain

    def verified_chain(self) -> list[bytes]:
        return self._path

    def group(self) -> int | None:
        return self._flight.group

    def resumed(self) -> bool | None:
        return self._flight.resumed

    def tls_unique(self) -> bytes | None:
        return self._channel.tls_unique()
