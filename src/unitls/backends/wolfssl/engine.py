"""The primitive operations on one connection: a native connection whose callbacks move bytes between two buffers."""

from __future__ import annotations

import functools
from typing import Any, Final

from ...api._alerts import AlertDescription
from ...api._errors import ConfigurationError
from ...api._errors import VerifyFailure as Failure
from ...api._sessions import Session
from ...core._foreign import Transport, incoming_buffers, outgoing_buffers
from ...core._greeting import plaintext_alert
from ...core._key_log import append_to_key_log
from ...core._late_verdict import ANOTHER
from ...core._leaf_check import Fault
from ...core._path_rules import Path
from ...core._provider import ConnectionPlan, Engine
from . import _sessions, errors, native
from ._answer import AwaitedAnswer
from ._facts import TLS13, Facts, facts, peer_finished
from ._offered import Watch, common_versions, has_signed_with, signs_in_the_clear
from ._psk import Key
from ._signer import Signing, attach
from ._store import SessionStore
from ._transcript import Transcript
from ._verdict import RightAlert, judged
from .config import Native
from .errors import Refusal, make
from .native import SUCCESS, ffi, lib
from .verify import Verdict

_RECORD: Final = 16384
_MOST: Final = 16 * _RECORD
"""How much one write takes, so that the outgoing buffer stays small."""


class WolfSSLEngine(Engine):
    """One connection.

    Args:
        context: the native context.
        plan: what this connection needs.
        incoming: ciphertext from the peer.
        outgoing: ciphertext to the peer.

    Raises:
        native.Error: wolfSSL does not take the plan.
    """

    __slots__ = (
        "__weakref__", "_chain", "_context", "_facts", "_finished", "_heard", "_is_cleared", "_is_refused", "_knows_psk",
        "_last_session", "_outgoing", "_plan", "_raw", "_room", "_step", "_transport", "_unheard", "_verdict", "_watch",
        "may_be_anonymous", "signing", "verifies",
    )  # fmt: skip

    def __init__(self, context: Native, plan: ConnectionPlan, incoming: Any, outgoing: Any) -> None:
        raw = lib.wolfSSL_new(context.context)
        if not raw:
            raise native.Error(native.MEMORY)
        self._raw = ffi.gc(raw, lib.wolfSSL_free)
        self._context = context
        self._plan = plan
        self._outgoing = outgoing
        self._transport = Transport(incoming, outgoing, self)
        self._chain: list[bytes] = []
        self._verdict: Verdict | None = None
        self._facts: Facts | None = None
        self._last_session: Session | None = None
        self._finished: bytes | None = None  # the client's, once it was asked for a certificate
        self._is_cleared = self._is_refused = self._knows_psk = False
        self._room: Any = None
        self._unheard = plan.server_side
        self.verifies = context.verifier is not None
        self.may_be_anonymous = plan.server_side
        self._step = lib.wolfSSL_accept if plan.server_side else lib.wolfSSL_connect
        self.signing: Signing | None = None
        self._heard: Transcript | None = Transcript() if context.offer.hears else None
        self._watch: Watch | None = None
        self._prepare()

    def _prepare(self) -> None:
        raw, plan, number = self._raw, self._plan, self._transport.number
        lib.wolfSSL_SetIOReadCtx(raw, number)
        lib.wolfSSL_SetIOWriteCtx(raw, number)
        lib.wolfSSL_set_app_data(raw, number)
        lib.wolfSSL_KeepArrays(raw)
        if plan.server_name is not None:
            name = plan.server_name.encode("ascii")
            self._set(lib.wolfSSL_UseSNI(raw, native.SNI_HOST_NAME, name, len(name)))
        protocols = self._protocols()
        if protocols:
            self._set(lib.wolfSSL_UseALPN(raw, protocols, len(protocols), native.ALPN_CONTINUE))
        if self._context.key is not None:
            self.signing = Signing(self._context.key, plan.server_side)
            attach(raw, number)
        if plan.session is not None:
            _sessions.offer(raw, plan.session.native)
            if plan.session.native.ticket and not plan.session.single_use:
                forget_ticket = functools.partial(lib.wolfSSL_set_SessionTicket, raw, ffi.NULL, 0)
                incoming_buffers[number] = AwaitedAnswer(self._transport.incoming, forget_ticket)
        if signs_in_the_clear(plan, self._context.bounds, self.verifies):
            buffer = incoming_buffers[number]
            self._watch = incoming_buffers[number] = Watch(buffer, self._context.offer, plan.server_side)

    def _protocols(self) -> bytes:
        """On a client what is offered, on a server the one that was chosen, from what the ClientHello says."""
        ours, hello = self._context.protocols, self._plan.hello
        if self._plan.server_side:
            ours = tuple(name for name in ours if hello is not None and name in hello.alpn)[:1]
        return b",".join(ours)

    @property
    def store(self) -> SessionStore:
        """The sessions that this server keeps."""
        return self._context.store

    @property
    def psk(self) -> Key | None:
        """The external key of the configuration."""
        return self._context.psk

    def suite_for_psk(self) -> int | None:
        """On a server whose external key the client has named: the suite to take with it; `None` if none is offered."""
        psk, hello = self._context.psk, self._plan.hello
        suite = None if psk is None or hello is None else psk.suite(hello.cipher_suites)
        self._knows_psk = suite is not None
        return suite

    def _set(self, result: int) -> None:
        if result != SUCCESS:
            self._raise_failure()
            raise native.Error(result)

    # ------------------------------------------------------------------------------------------ the handshake

    def handshake(self) -> None:
        native.free_with_thread()
        written = self._outgoing.pending
        if self._unheard:
            self._unheard = False
            self._check_versions()
        heard = self._heard if self.signing is None else self.signing.transcript
        if heard is None:
            result = self._step(self._raw)
        else:
            with heard.listening():
                result = self._step(self._raw)
        self._check_choice(heard, written)
        if result == SUCCESS and not self._plan.server_side:
            self._make_sure()
        if self._is_refused:
            self._drop(written, result)
        if result != SUCCESS:
            self._raise(result)
        self._raise_failure()
        self._finish()

    def _check_choice(self, heard: Transcript | None, written: int) -> None:
        """Refuse a peer that has signed, or exchanged keys, with what it was not offered."""
        if self._watch is not None and self._watch.is_broken:
            self._outgoing.write(plaintext_alert(AlertDescription.ILLEGAL_PARAMETER))
            raise native.Error(native.INVALID_PARAMETER)
        if self._heard is None or heard is None or lib.wolfSSL_version(self._raw) != TLS13:
            return
        if has_signed_with(heard.messages, self._plan.server_side) not in (None, *self._context.offer.schemes):
            earlier = self._outgoing.read()[:written]
            self._outgoing.write(earlier)
            raise native.Error(native.INVALID_PARAMETER)

    def _drop(self, written: int, result: int) -> None:
        """Refuse the peer, whatever wolfSSL makes of our verdict: if it goes on, what it has written is taken back."""
        if result == SUCCESS or isinstance(native.failed(self._raw, result), native.WantRead):
            earlier = self._outgoing.read()[:written]
            self._outgoing.write(earlier)
        self._raise(result)

    def _check_versions(self) -> None:
        """Take the highest version in common; end the handshake with the right alert where there is none.

        wolfSSL takes the one that the client names first, and sends another alert.
        """
        common = common_versions(self._plan.hello, self._context.bounds)
        if not common:
            self._outgoing.write(plaintext_alert(AlertDescription.PROTOCOL_VERSION))
            raise native.Error(native.NO_VERSION)
        if common[0] != max(common):
            self._set(lib.wolfSSL_set_min_proto_version(self._raw, max(common)))

    def _make_sure(self) -> None:
        """Refuse a server that wolfSSL has not asked us about, should it ever, and that has no key in the place of that."""
        may_do_without = self._context.psk is not None and lib.wolfSSL_version(self._raw) == TLS13
        if self.verifies and self._verdict is None and not (lib.wolfSSL_session_reused(self._raw) or may_do_without):
            self.refuse(Fault(Failure.OTHER, "the server's certificate was not seen"))

    def judge(self, chain: list[bytes]) -> Fault | None:
        """The verdict on the peer's certificates, once for each time that it shows some.

        Args:
            chain: what it has sent, its own first.
        """
        if self._verdict is None or chain != self._chain:
            before, self._chain = self._chain, chain
            verifier = self._context.verifier
            self._verdict = Verdict() if verifier is None else verifier.verdict(chain, self._plan.subjects)
            fault = self._verdict.fault
            if not self._context.asks:  # with TLS 1.3 wolfSSL takes it
                fault = Fault(Failure.OTHER, "the client has shown a certificate that it was not asked for")
            if fault is None and self._facts is not None:  # in the handshake core judges by itself
                fault = ANOTHER if before and before[0] != chain[0] else self._context.late_check(self._plan, self)
            if fault is not None:
                self.refuse(fault)
        return self._verdict.fault

    def refuse(self, fault: Fault) -> Fault:
        """Refuse the peer for good."""
        self._verdict, self._is_refused = Verdict(fault=fault), True
        outgoing_buffers[self._transport.number] = RightAlert(self._outgoing, fault.alert)
        return fault

    def _raise(self, result: int) -> None:
        """Raise why a call has failed."""
        self._raise_failure()
        if self._verdict is not None and self._verdict.fault is not None:
            raise Refusal(self._verdict.fault)
        raise self._failure(result)  # which no local variable holds: it would be a cycle with this frame

    def _raise_failure(self) -> None:
        """Raise what a callback has raised."""
        failure = self._transport.take_failure()
        if failure is not None:
            raise native.CallbackFailed from failure

    def _failure(self, result: int) -> Exception:
        failure = native.failed(self._raw, result)
        if not isinstance(failure, native.Error):
            return failure
        if failure.code == native.PARSE_ERROR:
            failure.alert = self._plain_alert()
        elif failure.code in native.UNREADABLE and self.verifies and self._verdict is None:
            # What a peer has sent must not seem to be a bug of ours.
            return Refusal(Fault(Failure.INVALID, "wolfSSL cannot read a certificate, or has no memory for it"))
        elif failure.code == native.BAD_ARGUMENT and self._facts is None:
            return native.Error(native.INVALID_PARAMETER)  # a signature scheme that cannot be, for one
        return failure

    def _plain_alert(self) -> int | None:
        """The alert that wolfSSL did not read: clients send it in the clear before they have keys, also with TLS 1.3.

        The header of the record is gone, its content still there: a level, which is fatal, and the number.
        """
        octets = self._transport.incoming.read(2) if self._transport.incoming.pending >= 2 else b""
        return octets[1] if octets[:1] == b"\2" and octets[1] else None

    def _finish(self) -> None:
        """What is due once the handshake is done."""
        if self.signing is not None:
            self.signing.transcript = Transcript()  # all is signed
        self._heard = None
        if not (self._plan.server_side or self._context.answers_later):
            lib.wolfSSL_certs_clear(self._raw)  # wolfSSL would show our certificate to any server that asks later
        found = self._facts = facts(self._raw, server_side=self._plan.server_side)
        if found.version == TLS13 and found.group is None:
            # psk_ke: a key stands for the exchange of keys, too, without forward secrecy. wolfSSL cannot be kept from it.
            raise native.Error(native.EXTENSION_MISSING)
        if self._plan.session is not None and found.resumed:
            self._chain = list(self._plan.session.native.chain)
        for _ in range(1, self._context.tickets if found.version == TLS13 else 0):
            self._set(lib.wolfSSL_send_SessionTicket(self._raw))
        if self._context.key_log is not None:
            self._log_key(self._context.key_log)

    def _log_key(self, path: str) -> None:
        """Append the master secret under the client's random value (RFC 9850)."""
        master, random, other = ffi.new("unsigned char **"), ffi.new("unsigned char **"), ffi.new("unsigned char **")
        sizes = [ffi.new("unsigned int *") for _ in range(3)]
        self._set(lib.wolfSSL_get_keys(self._raw, master, sizes[0], other, sizes[1], random, sizes[2]))
        texts = (bytes(ffi.buffer(random[0], sizes[2][0])).hex(), bytes(ffi.buffer(master[0], sizes[0][0])).hex())
        append_to_key_log(path, "CLIENT_RANDOM {} {}\n".format(*texts).encode("ascii"))

    # ------------------------------------------------------------------------------------------ data

    def read(self, n: int) -> bytes:
        room = self._room
        if room is None:
            room = self._room = ffi.new("char[]", _RECORD)
        taken = lib.wolfSSL_read(self._raw, room, n if n < _RECORD else _RECORD)
        if taken > 0 and not self._is_refused:
            return ffi.buffer(room, taken)[:]  # type: ignore[no-any-return]
        self._ended(taken)
        return b""

    def read_into(self, n: int, buffer: Any) -> int:
        taken: int = lib.wolfSSL_read(self._raw, ffi.from_buffer(buffer), n)
        if taken > 0 and not self._is_refused:
            return taken
        self._ended(taken)
        return 0

    def _ended(self, result: int) -> None:
        """Raise why a read gave nothing, unless that is the peer's clean end."""
        try:
            self._raise(result)
        except native.Closed:
            return

    def write(self, data: Any) -> int:
        octets = ffi.from_buffer(data)
        size = len(octets)
        taken: int = lib.wolfSSL_write(self._raw, octets, size if size < _MOST else _MOST)
        if taken <= 0:
            self._raise(taken)
        return taken

    def pending(self) -> int:
        return lib.wolfSSL_pending(self._raw)  # type: ignore[no-any-return]

    def shutdown(self) -> None:
        # Once both ends have closed, wolfSSL clears its object: the session has to be taken before.
        self._last_session = self.session()
        result = lib.wolfSSL_shutdown(self._raw)
        if result < 0:
            self._raise(result)
        self._is_cleared = result == SUCCESS

    # ------------------------------------------------------------------------------------------ what was negotiated

    def version(self) -> int | None:
        return None if self._facts is None else self._facts.version

    def cipher(self) -> int | None:
        return None if self._facts is None else self._facts.cipher

    def protocol(self) -> bytes | None:
        return None if self._facts is None else self._facts.protocol

    def group(self) -> int | None:
        return None if self._facts is None else self._facts.group

    def resumed(self) -> bool | None:
        return None if self._facts is None else self._facts.resumed

    def used_external_psk(self) -> bool:
        found = self._facts
        if found is None or found.version != TLS13 or self._context.psk is None:
            return False
        if self._plan.server_side:
            return self._knows_psk and not found.resumed
        # A client of wolfSSL does not get this far without a certificate, unless a key stands for it: the external one, or
        # that of a session, which has kept the certificate if there was one.
        return not self._chain

    def tls_unique(self) -> bytes | None:
        return None if self._facts is None else self._facts.unique

    def peer_chain(self) -> list[bytes]:
        return self._chain

    def verified_chain(self) -> list[bytes]:
        path: Path = () if self._verdict is None else self._verdict.path
        return list(path)

    def session(self) -> Session | None:
        if self._plan.server_side or self._facts is None:
            return None
        if self._is_cleared:
            return self._last_session
        offered = None if self._plan.session is None else self._plan.session.native
        return _sessions.taken(self._raw, self._chain, offered, self._context, is_tls13=self._facts.version == TLS13)

    def export(self, label: bytes, length: int, context: bytes | None) -> bytes:
        material = ffi.new("unsigned char[]", length)
        given = context or b""
        result = lib.wolfSSL_export_keying_material(
            self._raw, material, length, label, len(label), given, len(given), context is not None
        )
        if result != SUCCESS:
            raise make(ConfigurationError, "there is no keying material for such a label, context or length")
        return bytes(ffi.buffer(material, length))

    def request_client_certificate(self) -> None:
        if self._finished is not None:
            raise make(ConfigurationError, "wolfSSL asks the client of a connection once: it rejects a second answer")
        self._finished = peer_finished(self._raw)
        lib.wolfSSL_set_verify(self._raw, self._context.asks_later, judged)
        self._done(lib.wolfSSL_request_certificate(self._raw))

    def peer_is_proven(self) -> bool:
        return self._finished is None or self._finished != peer_finished(self._raw)

    def update_keys(self) -> None:
        self._done(lib.wolfSSL_update_keys(self._raw))

    def _done(self, result: int) -> None:
        """Raise if a call has failed that gives wolfSSL's number; else send what it may still hold back."""
        if result != SUCCESS:
            # A refusal is not noted by wolfSSL: its last error is still that of an earlier call, or none.
            if result < 0 and lib.wolfSSL_get_error(self._raw, result) != result:
                raise errors.refusal(native.Error(result))
            self._raise(result)
        lib.wolfSSL_write(self._raw, b"", 0)
