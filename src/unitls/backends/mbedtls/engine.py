"""The primitive operations on one connection: an ``mbedtls_ssl_context`` between two buffers."""

from __future__ import annotations

import time
from typing import Any, Final

from ...api._alerts import AlertDescription
from ...api._errors import VerifyFailure
from ...api._sessions import Session
from ...core._key_log import append_to_key_log
from ...core._leaf_check import Fault
from ...core._provider import ConnectionPlan, Engine
from . import _callbacks, _keying, _sessions, ciphers, native
from ._callbacks import of_this_thread
from ._observer import CLIENT, SERVER
from .config import Native
from .native import IS_3, NULL, RECORD, ffi, lib
from .verify import Step, verdict

_VERSIONS: Final = {"TLSv1.0": 0x0301, "TLSv1.1": 0x0302, "TLSv1.2": 0x0303, "TLSv1.3": 0x0304}
_WEAK_HASHES: Final = frozenset({1, 2, 3})
"""MD5, SHA-1 and SHA-224, as they stand in a signature scheme (RFC 5246 section 7.4.1.4.1)."""
_NOTHING_SHOWN: Final = AlertDescription.HANDSHAKE_FAILURE
"""What a client hears that has sent no certificate (RFC 5246 section 7.4.6); for TLS 1.3 the library says it."""
_UNUSABLE: Final = Fault(
    VerifyFailure.BAD_PURPOSE, "the key of the certificate, or its usage, does not go with TLS here"
)
"""What the library finds in a certificate only after it has been verified: its key usage, and its curve."""
_TLS_1_3: Final = 0x0304
_WANTS: Final = (native.WANT_READ, native.WANT_WRITE)
_LONGEST_TICKET: Final = 7 * 24 * 3600
"""The longest that a ticket may live (RFC 8446 section 4.6.1)."""
_USUAL_LIFETIME: Final = 2 * 3600

_read, _write, _available = lib.mbedtls_ssl_read, lib.mbedtls_ssl_write, lib.mbedtls_ssl_get_bytes_avail
_from_buffer, _view = ffi.from_buffer, ffi.buffer


class MbedTLSEngine(Engine):
    """One connection.

    Args:
        context: the native configuration.
        plan: what this connection needs.
        incoming: ciphertext from the peer.
        outgoing: ciphertext to the peer.

    Attributes:
        raw: the library's structure.
        wire: the buffers, as the callbacks see them.
        external: who signs, where our key lives elsewhere.
    """

    __slots__ = (
        "__weakref__", "_chain", "_context", "_fault", "_group", "_incoming", "_is_foreign",
        "_is_late", "_lifetime", "_log", "_master", "_outgoing", "_path", "_plan", "_resumed", "_scratch", "_session",
        "_steps", "_transcript", "external", "raw", "wire",
    )  # fmt: skip

    def __init__(self, context: Native, plan: ConnectionPlan, incoming: Any, outgoing: Any) -> None:
        self._context, self._plan, self._incoming = context, plan, incoming
        self._outgoing = outgoing
        self._chain: list[bytes] = []
        self._path: list[bytes] = []
        self._steps: list[Step] = []
        self._fault: Fault | None = None
        self._master: _keying.Master | None = None
        self._session: _sessions.SavedSession | None = None
        self._transcript = b""
        self._log = ""
        self._group: int | None = None
        self._lifetime: int | None = None
        self._resumed = False
        self._scratch: Any = None
        self.external = None if context.identity is None else context.identity.external
        self.wire = _callbacks.Wire(incoming, outgoing, self, SERVER if plan.server_side else CLIENT)
        self._is_foreign = self._is_late = False
        self.raw = native.new_connection(self._choose(context))
        self._set_up()

    def _choose(self, context: Native) -> Any:
        """The configuration of the library's that fits what the client has offered."""
        hello = self._plan.hello
        if hello is None:
            return context.raw
        lower, upper = context.bounds
        offered = [version for version in hello.versions if lower <= version <= upper]
        self._is_foreign = not offered
        self._is_late = _TLS_1_3 in offered and self._context.policy is not None
        return context.raw_tls13 if self._is_late else context.raw

    def _set_up(self) -> None:
        raw, number = self.raw, self.wire.number
        lib.mbedtls_ssl_set_bio(raw, number, _callbacks.send, _callbacks.receive, NULL)
        name = self._plan.server_name
        if name is not None:
            native.check(lib.mbedtls_ssl_set_hostname(raw, name.encode("ascii")))
        elif IS_3:
            native.check(lib.mbedtls_ssl_set_hostname(raw, NULL))  # names are judged here
        if self._context.policy is not None or self._context.is_judged_elsewhere:
            lib.mbedtls_ssl_set_verify(raw, _callbacks.verify, number)
        if IS_3:
            lib.mbedtls_ssl_set_export_keys_cb(raw, _callbacks.export_3, number)
        if self._plan.session is not None:
            _sessions.offer(raw, self._plan.session.native)
        if self._context.tickets is not None:
            with self._context.guard:
                self._context.tickets.refresh()

    # ------------------------------------------------------------------------------------------ the handshake

    def handshake(self) -> None:
        context, incoming, raw = self._context, self._incoming, self.raw
        native.reseed_after_fork()
        if self._is_foreign:
            # The library would say handshake_failure.
            self._send_alert(AlertDescription.PROTOCOL_VERSION)
            raise native.Error(native.BAD_PROTOCOL_VERSION)
        # A signer may make a connection of its own in the middle of this.
        outer, of_this_thread.engine = getattr(of_this_thread, "engine", None), self
        try:
            while True:
                available = incoming.pending
                with context.guard:
                    code = lib.mbedtls_ssl_handshake(raw)
                if not code:
                    break
                self._stopped(code, available)
            self._raise_failure(code)
        finally:
            of_this_thread.engine = outer
            if self._log and context.key_log is not None:
                self._write_log(context.key_log)
        self._finish()

    def _stopped(self, code: int, available: int) -> None:
        """Raise what a call has come to; return if it should be made again.

        Args:
            code: what it returned.
            available: how much ciphertext there was before it.
        """
        self._raise_failure(code)
        if code in _WANTS:
            # A record that carries no data makes the library return, though the next one is here already.
            if 0 < self._incoming.pending < available:
                return
            raise native.WantRead
        if code == native.RECEIVED_NEW_SESSION_TICKET:
            self._take_session()
            return
        error = native.Error(code)
        if code == native.FATAL_ALERT_MESSAGE:
            error.alert = getattr(of_this_thread, "alert", None)
        elif code == native.NO_CLIENT_CERTIFICATE and not self._outgoing.pending:
            self._send_alert(_NOTHING_SHOWN)
        elif code == native.BAD_CERTIFICATE and self._chain:
            self._fault = _UNUSABLE
        error.fault = self._fault
        raise error

    def _raise_failure(self, code: int) -> None:
        """Raise what a callback has raised in the course of a call that has returned `code`."""
        failure = self.wire.take_failure()
        if failure is not None:
            raise native.Error(code) from failure

    def _finish(self) -> None:
        observer, self.wire.observer = self.wire.observer, None
        if observer is None:
            return
        reframer = self.wire.reframer
        if reframer is not None:
            reframer.close()
        if observer.scheme >> 8 in _WEAK_HASHES:  # the library takes them, though its servers ask for better ones
            self._send_alert(AlertDescription.ILLEGAL_PARAMETER)
            raise native.Error(native.BAD_CERTIFICATE_VERIFY)
        self._group, self._resumed = observer.group, observer.resumed
        if self._master is not None:
            self._transcript = bytes(observer.transcript)
        if observer.ticket_lifetime is not None or observer.has_session_id:
            self._lifetime = observer.ticket_lifetime or _USUAL_LIFETIME
        if not self._chain and self._fault is None:
            self._chain = self._known_chain()
        self._settle()
        if reframer is None or reframer.is_done:
            lib.mbedtls_ssl_set_bio(self.raw, self.wire.number, _callbacks.send_data, _callbacks.receive_data, NULL)

    def _settle(self) -> None:
        """On a server: give the verdict that had to wait for the end of the handshake, and what optional asking ignores.

        Raises:
            Error: the client is refused.
        """
        context = self._context
        if not self._plan.server_side or context.policy is None:
            return
        if self._fault is None and self._chain and lib.mbedtls_ssl_get_verify_result(self.raw):
            self._fault = _UNUSABLE
        error = native.Error(native.X509_FATAL_ERROR)
        error.fault = self._fault
        if self._fault is not None:
            self._send_alert(self._fault.alert)
            raise error
        if context.demands and not self._chain:
            self._send_alert(AlertDescription.CERTIFICATE_REQUIRED)
            raise native.Error(native.NO_CLIENT_CERTIFICATE)

    def _known_chain(self) -> list[bytes]:
        """What the peer has shown: in this handshake, or in the one whose session was resumed."""
        session = self._plan.session
        if self._resumed and session is not None:
            return list(session.native.chain)
        return native.certificates(ffi.cast("mbedtls_x509_crt *", lib.mbedtls_ssl_get_peer_cert(self.raw)))

    def verify_step(self, certificate: Any, depth: int, flags: Any) -> int:
        """Note one certificate of the path; with the leaf, which comes last, judge it.

        On a no the peer is told why, and hears nothing more. What the library would go on with depends on its mode: this
        refuses in each.

        Returns:
            0, or what ends the handshake.
        """
        self._steps.append(Step(native.certificates(certificate)[0], flags[0]))
        flags[0] = 0
        if depth:
            return 0
        steps, self._steps = self._steps[::-1], []
        chain = native.certificates(certificate)
        if self._context.policy is None:
            self._chain = chain  # core asks the platform
            return 0
        self._fault = verdict(self._context.policy, steps, chain, self._plan.subjects)
        if self._fault is None:
            self._chain, self._path = chain, [step.der for step in steps]
            return 0
        if self._is_late:
            return 0  # see _settle: what the library writes now has not the keys that the client reads with
        self._send_alert(self._fault.alert)
        return native.X509_FATAL_ERROR

    def _send_alert(self, alert: int) -> None:
        """Tell the peer why the handshake ends; it hears nothing more then."""
        lib.mbedtls_ssl_send_alert_message(self.raw, native.ALERT_FATAL, alert)
        self.wire.is_muted = True

    def take_secret(self, kind: int, secret: bytes, randoms: tuple[bytes, bytes], prf: int) -> None:
        """Keep what an exporter needs, and what goes to the key log."""
        if kind == _keying.MASTER:
            self._master = _keying.Master(secret, *randoms, prf)
        if self._context.key_log is not None:
            self._log += _keying.log_line(kind, secret, randoms[0])

    def _write_log(self, path: str) -> None:
        lines, self._log = self._log, ""
        append_to_key_log(path, lines.encode("ascii"))

    # ------------------------------------------------------------------------------------------ data

    def read(self, size: int) -> bytes:
        scratch = self._scratch
        if scratch is None:
            scratch = self._scratch = ffi.new("unsigned char[]", RECORD)
        raw, incoming = self.raw, self._incoming
        while True:
            available = incoming.pending
            got = _read(raw, scratch, size if size < RECORD else RECORD)
            if got > 0:
                return _view(scratch, got)[:]  # type: ignore[no-any-return]
            if got == native.PEER_CLOSE_NOTIFY:
                return b""
            self._stopped(got or native.WANT_READ, available)

    def read_into(self, size: int, buffer: Any) -> int:
        raw, incoming, target = self.raw, self._incoming, _from_buffer(buffer)
        while True:
            available = incoming.pending
            got: int = _read(raw, target, size)
            if got > 0:
                return got
            if got == native.PEER_CLOSE_NOTIFY:
                return 0
            self._stopped(got or native.WANT_READ, available)

    def write(self, data: Any) -> int:
        source = _from_buffer(data)
        while True:
            available = self._incoming.pending
            taken: int = _write(self.raw, source, len(source))
            if taken > 0:
                return taken
            self._stopped(taken or native.WANT_READ, available)

    def pending(self) -> int:
        return _available(self.raw)  # type: ignore[no-any-return]

    def shutdown(self) -> None:
        available = self._incoming.pending
        code = lib.mbedtls_ssl_close_notify(self.raw)
        if code:
            self._stopped(code, available)

    # ------------------------------------------------------------------------------------------ information

    def version(self) -> int | None:
        return _VERSIONS.get(native.text_of(lib.mbedtls_ssl_get_version(self.raw)) or "")

    def cipher(self) -> int | None:
        return ciphers.from_name(lib.mbedtls_ssl_get_ciphersuite(self.raw))

    def protocol(self) -> bytes | None:
        name = lib.mbedtls_ssl_get_alpn_protocol(self.raw)
        return None if name == NULL else ffi.string(name)

    def peer_chain(self) -> list[bytes]:
        return self._chain

    def verified_chain(self) -> list[bytes]:
        return self._path

    def resumed(self) -> bool | None:
        return self._resumed

    def group(self) -> int | None:
        return self._group

    def _take_session(self) -> None:
        if self._context.remembers and self._session is None:
            self._session = _sessions.save(self.raw, tuple(self._chain))

    def session(self) -> Session | None:
        is_new = self.version() == _TLS_1_3
        if not is_new and self._lifetime is not None:
            self._take_session()
            self._lifetime, lifetime = None, self._lifetime
        else:
            lifetime = _LONGEST_TICKET
        saved, self._session = self._session, None
        if saved is None:
            return None
        expires = time.time() + min(lifetime or _LONGEST_TICKET, _LONGEST_TICKET)
        return Session(saved, expires, single_use=is_new, owner=self._context)

    def export(self, label: bytes, length: int, context: bytes | None) -> bytes:
        if self._master is not None:
            return self._master.export(label, length, context)
        return _keying.exported(self.raw, label, length, context)

    def tls_unique(self) -> bytes | None:
        if self._master is None:
            return None
        return self._master.finished(self._transcript, is_server=self._resumed)
