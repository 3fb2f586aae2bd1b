"""The primitive operations on one connection: a connection of pyOpenSSL over the memory BIOs of two buffers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Final, NoReturn

from ...api._errors import ConfigurationError
from ...api._sessions import Session
from ...core._clock import time_by
from ...core._provider import ConnectionPlan, Engine
from . import ciphers, native
from ._buffer import MemoryBuffer
from ._sessions import expiry
from .config import Native
from .errors import make
from .native import (
    KEPT,
    SSL,
    SSL_ERROR_WANT_READ,
    SSL_ERROR_ZERO_RETURN,
    ERR_clear_error,
    ERR_peek_error,
    SSL_do_handshake,
    SSL_pending,
    SSL_read,
    SSL_write,
    allocate,
    from_buffer,
    lib,
    unpack,
)
from .verify import first_fault

MAX_WRITE: Final = 16 * 16384
"""The most that one write takes, so that the outgoing buffer stays small."""
_TLS_1_3: Final = 0x0304


class PyOpenSSLEngine(Engine):
    """One connection. The hot operations are calls of OpenSSL, with no frame of pyOpenSSL in between.

    Args:
        context: the native context.
        plan: what this connection needs.
        incoming: ciphertext from the peer.
        outgoing: ciphertext to the peer.
    """

    __slots__ = ("_chosen", "_context", "_found_psk", "_incoming", "_keep", "_plan", "_ssl")

    def __init__(self, context: Native, plan: ConnectionPlan, incoming: MemoryBuffer, outgoing: MemoryBuffer) -> None:
        ssl, reads, writes, self._keep = native.new_connection(context.raw, context.has_callbacks)
        self._ssl = ssl
        self._context = context
        self._plan = plan
        self._incoming = incoming
        self._chosen: object = None
        self._found_psk = False
        if plan.server_side:
            lib.SSL_set_accept_state(ssl)
        else:
            lib.SSL_set_connect_state(ssl)
            if plan.server_name is not None:
                lib.SSL_set_tlsext_host_name(ssl, plan.server_name.encode("ascii"))
            if plan.session is not None:
                lib.SSL_set_session(ssl, plan.session.native)
            if context.request_ocsp:
                lib.SSL_set_tlsext_status_type(ssl, lib.TLSEXT_STATUSTYPE_ocsp)
        incoming.attach_reader(reads, ssl)
        outgoing.attach_writer(writes, ssl)

    # Whatever lies in OpenSSL's queue of errors before a call would be taken for its result. The queue belongs to the
    # thread, and to everybody there who uses the same OpenSSL: so it is looked at each time.

    def handshake(self) -> None:
        context = self._context
        if not context.is_watched:
            self._step()
            return
        if context.clock is not None:
            self._set_time(time_by(context.clock))
        with self._collected():
            self._step()

    def _step(self) -> None:
        if ERR_peek_error():
            ERR_clear_error()
        if self._incoming.is_between:
            self._incoming.feed()
        result = SSL_do_handshake(self._ssl)
        if result != 1:
            self._fail(result)

    def _set_time(self, now: float) -> None:
        """Let certificates be verified as of `now`."""
        lib.X509_VERIFY_PARAM_set_time(lib.SSL_get0_param(self._ssl), max(0, int(now)))

    @contextlib.contextmanager
    def _collected(self) -> Iterator[None]:
        """Run calls of OpenSSL inside which something of ours may run, and take over what that has left."""
        KEPT.problem = KEPT.chosen = None
        KEPT.found_psk = False
        try:
            yield
        finally:
            self._chosen = KEPT.chosen or self._chosen
            self._found_psk |= KEPT.found_psk
            if KEPT.problem is not None:
                problem, KEPT.problem = KEPT.problem, None
                try:
                    if isinstance(problem, Exception):
                        raise native.callback_error(problem) from problem
                    raise problem
                finally:
                    del problem  # in a frame of its own traceback it would hold the connection

    def read(self, n: int) -> bytes:
        if ERR_peek_error():
            ERR_clear_error()
        if self._incoming.is_between:
            self._incoming.feed()
        target = allocate("char[]", n)
        taken = SSL_read(self._ssl, target, n)
        if taken <= 0:
            return self._unread(taken)
        return unpack(target, taken)  # type: ignore[no-any-return]

    def read_into(self, n: int, buffer: Any) -> int:
        if ERR_peek_error():
            ERR_clear_error()
        if self._incoming.is_between:
            self._incoming.feed()
        with from_buffer(buffer, require_writable=True) as target:
            taken: int = SSL_read(self._ssl, target, n)
        return taken if taken > 0 else len(self._unread(taken))

    def _unread(self, result: int) -> bytes:
        """What a read that gave nothing means: ``b""`` is the peer's close_notify."""
        kind = lib.SSL_get_error(self._ssl, result)
        if kind == SSL_ERROR_WANT_READ:
            raise SSL.WantReadError
        if kind == SSL_ERROR_ZERO_RETURN:
            return b""
        raise self._fault()

    def write(self, data: Any) -> int:
        if ERR_peek_error():
            ERR_clear_error()
        octets = data if type(data) is bytes else from_buffer(data)
        size = len(octets)
        taken: int = SSL_write(self._ssl, octets, size if size < MAX_WRITE else MAX_WRITE)
        if taken <= 0:
            self._fail(taken)
        return taken

    def pending(self) -> int:
        return SSL_pending(self._ssl)  # type: ignore[no-any-return]

    def shutdown(self) -> None:
        if ERR_peek_error():
            ERR_clear_error()
        result = lib.SSL_shutdown(self._ssl)  # sends close_notify; a second call would wait for the peer's
        if result < 0:
            self._fail(result)

    # ------------------------------------------------------------------------------------------ faults

    # An exception never stands in a variable of the frame that raises it: it would hold the frame, and that the
    # connection, until the garbage collector comes.

    def _fail(self, result: int) -> NoReturn:
        kind = lib.SSL_get_error(self._ssl, result)
        if kind == SSL_ERROR_WANT_READ:
            raise SSL.WantReadError
        if kind == SSL_ERROR_ZERO_RETURN:  # in the handshake, where that is not the clean end
            raise SSL.ZeroReturnError
        raise self._fault()

    def _fault(self) -> native.Error:
        """The error that OpenSSL has in its queue; for a refused certificate with the fault that is to be reported."""
        error = native.queued_error()
        if error.reason == "CERTIFICATE_VERIFY_FAILED":
            error.verify_code = lib.SSL_get_verify_result(self._ssl)
            error.fault = first_fault(
                error.verify_code,
                self._refused_chain(),
                self._plan.subjects,
                self._context.authorities,
                time_by(self._context.clock),
            )
        elif error.reason == "INVALID_STATUS_RESPONSE":
            error.fault, KEPT.fault = KEPT.fault, None
        return error

    def _refused_chain(self) -> list[bytes]:
        if not self._plan.server_side:
            return native.ders_of(lib.SSL_get_peer_cert_chain(self._ssl))
        chain, KEPT.chain = list(KEPT.chain), ()
        return chain

    # ------------------------------------------------------------------------------------------ information

    def version(self) -> int | None:
        return lib.SSL_version(self._ssl)  # type: ignore[no-any-return]

    def cipher(self) -> int | None:
        return ciphers.current(self._ssl)

    def protocol(self) -> bytes | None:
        return native.selected_protocol(self._ssl) or None

    def peer_certificate(self) -> bytes | None:
        return native.peer_certificate(self._ssl)

    def peer_chain(self) -> list[bytes]:
        chain = native.ders_of(lib.SSL_get_peer_cert_chain(self._ssl))
        leaf = native.peer_certificate(self._ssl)
        if leaf is not None and chain[:1] != [leaf]:
            chain.insert(0, leaf)  # OpenSSL leaves it out on a server
        return chain

    def verified_chain(self) -> list[bytes]:
        return native.ders_of(lib.SSL_get0_verified_chain(self._ssl))

    def session(self) -> Session | None:
        der = native.session_der(self._ssl)
        expires = expiry(der) if der else None
        if expires is None:
            return None
        return Session(native.session_from(der), expires, single_use=self.version() == _TLS_1_3, owner=self._context)

    def resumed(self) -> bool | None:
        """Whether a session was resumed. OpenSSL says so of a connection with an external key, too."""
        has_psk = self._found_psk if self._plan.server_side else self._plan.session is None
        return bool(lib.SSL_session_reused(self._ssl)) and not has_psk

    def used_external_psk(self) -> bool:
        """Whether the external key has authenticated both ends, in the place of certificates."""
        if self._context.configuration.external_psk is None or not lib.SSL_session_reused(self._ssl):
            return False
        # A session that was made with the key has no certificate either.
        return self._found_psk if self._plan.server_side else native.peer_certificate(self._ssl) is None

    def group(self) -> int | None:
        return ciphers.group_of(native.group_name(self._ssl))

    def tls_unique(self) -> bytes | None:
        """The first Finished message: the client's, or the server's where a session was resumed (RFC 5929 section 3.1)."""
        is_ours = bool(self.resumed()) == self._plan.server_side
        return native.finished(lib.SSL_get_finished if is_ours else lib.SSL_get_peer_finished, self._ssl)

    def export(self, label: bytes, length: int, context: bytes | None) -> bytes:
        ERR_clear_error()
        target = allocate("unsigned char[]", length)
        value = b"" if context is None else context
        result = lib.SSL_export_keying_material(
            self._ssl, target, length, label, len(label), value, len(value), context is not None
        )
        if result != 1:
            text = "there is no keying material for such a label, context or length"
            raise make(ConfigurationError, text, native_text=str(native.queued_error()))
        return bytes(native.ffi.buffer(target, length))

    # Without early data in the configuration there is none, and that is no fault.

    def write_early_data(self, data: Any) -> int:
        return 0

    def read_early_data(self) -> bytes:
        return b""

    def early_data_accepted(self) -> bool | None:
        return None

    def ocsp_response(self) -> bytes | None:
        target = native.ffi.new("unsigned char **")
        size = lib.SSL_get_tlsext_status_ocsp_resp(self._ssl, target)
        return bytes(native.ffi.buffer(target[0], size)) if size > 0 else None
