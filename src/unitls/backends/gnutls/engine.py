"""The primitive operations on one connection: a gnutls_session_t over two memory buffers."""

from __future__ import annotations

import functools
import time
from typing import Any, Final, NamedTuple

from ...api._errors import ConfigurationError
from ...api._sessions import Session
from . import ciphers, native, verify
from ._early import allowed_by
from ._psk import stands_for_certificates
from ._shaking import GOES_ON, TLS13, HandshakeEngine
from .errors import make
from .native import NULL, Error, WantRead, ffi, lib

_RECORD: Final = 16384
_MOST: Final = 16 * _RECORD
READ_SIZE: Final = 4 * _RECORD
"""How much plaintext one call decrypts at most."""
_INTERRUPTED: Final = native.E_INTERRUPTED
# What every record needs.
_receive: Final[Any] = lib.gnutls_record_recv
_send: Final[Any] = lib.gnutls_record_send
_memory: Final[Any] = ffi.from_buffer
_bytes: Final[Any] = ffi.buffer
_new: Final[Any] = functools.partial(ffi.new_allocator(should_clear_after_alloc=False), "char[]")
_PEER_TOO: Final = 1  # GNUTLS_KU_PEER
_UNIQUE: Final = 0  # GNUTLS_CB_TLS_UNIQUE
_NO_RENEGOTIATION: Final = 100
_LIFETIME: Final = 6 * 3600
"""How long a session can be resumed whose server does not say it: the library's own bound."""
_TRIED_AGAIN: Final = GOES_ON | {native.E_AGAIN}


class KeptSession(NamedTuple):
    """What is kept of a session.

    Attributes:
        data: the library's own form of it.
        early: how much early data its server takes.
    """

    data: bytes
    early: int


class GnuTLSEngine(HandshakeEngine):
    """One connection; the hot operations are few frames of Python around one call."""

    __slots__ = ()

    # ------------------------------------------------------------------------------------------ data

    def read(self, size: int) -> bytes:
        if size > _RECORD:
            return self._read_records(size)
        scratch = self._scratch
        if scratch is None:
            scratch = self._scratch = _new(_RECORD)
        self._transport.incoming.due = False
        got = self._first or _receive(self._session, scratch, size)
        if got < 0:
            got = self._read_again(got, scratch, size)
        return _bytes(scratch, got)[:]  # type: ignore[no-any-return]

    def _read_records(self, size: int) -> bytes:
        """Read as many whole records as are there and fit."""
        scratch = self._scratch
        if scratch is None or len(scratch) < READ_SIZE:
            scratch = self._scratch = _new(READ_SIZE)
        session, incoming, receive = self._session, self._transport.incoming, _receive
        room = min(size, READ_SIZE)
        incoming.due = False
        done = self._first or receive(session, scratch, room)
        if done < 0:
            done = self._read_again(done, scratch, room)
        while done and room - done >= _RECORD and incoming.held:
            got = receive(session, scratch + done, room - done)
            if got <= 0:
                if got not in _TRIED_AGAIN or self._transport.failure is not None:
                    self._first, incoming.due = got, True  # the data is given now, and what this means by the next call
                break
            done += got
        return _bytes(scratch, done)[:]  # type: ignore[no-any-return]

    def read_into(self, size: int, buffer: Any) -> int:
        target = _memory(buffer)
        room = min(size, len(target))
        self._transport.incoming.due = False
        got: int = self._first or _receive(self._session, target, room)
        return self._read_again(got, target, room) if got < 0 else got

    def _read_again(self, code: int, target: Any, size: int) -> int:
        """Go on after a read that gave nothing: a record that carries no data may stand in front of one that does."""
        session, incoming = self._session, self._transport.incoming
        asking = self._first == _INTERRUPTED
        if not asking:
            self._first = 0
        while True:
            self.check_callbacks()
            if code == native.E_AGAIN and not incoming.held:
                raise WantRead
            if code == native.E_REHANDSHAKE:
                lib.gnutls_alert_send(session, native.AL_WARNING, _NO_RENEGOTIATION)
                if self._context.server_side:
                    error = Error(code)  # the library never gets past the ClientHello; a HelloRequest is over
                    error.reason = "the client wants to renegotiate, which is refused"
                    raise error
            elif code != native.E_AGAIN and code not in GOES_ON:
                self.fail(code)
            available = incoming.held
            code = self._ask_again() if asking and self._first else 0
            if code == 0:
                code = lib.gnutls_record_recv(session, target, size)
            if code >= 0:
                return code
            if code == native.E_AGAIN and incoming.held == available:
                self.wait()

    def _ask_again(self) -> int:
        """Go on with the authentication after the handshake: 0 when there is something else to read."""
        code: int = lib.gnutls_reauth(self._session, 0)
        if code == 0:
            self._first = 0
        return 0 if code == native.E_GOT_APPLICATION_DATA else code

    def write(self, data: Any) -> int:
        session = self._session
        memory = data if type(data) is bytes else _memory(data)
        size = len(memory)
        end = size if size < _MOST else _MOST
        code: int = _send(session, memory, end)
        if code < 0:
            self.fail(code)
        if code == size:
            return code
        memory, done = _memory(data), code
        while done < end:
            code = _send(session, memory + done, end - done)
            if code < 0:
                if self._transport.failure is not None:
                    self.fail(code)
                break  # the next call meets it again
            done += code
        return done

    def pending(self) -> int:
        return lib.gnutls_record_check_pending(self._session)  # type: ignore[no-any-return]

    def shutdown(self) -> None:
        code = lib.gnutls_bye(self._session, native.SHUT_WR)
        if code < 0 and code != native.E_AGAIN:
            self.fail(code)

    # ------------------------------------------------------------------------------------------ what was negotiated

    def version(self) -> int | None:
        return native.VERSIONS.get(lib.gnutls_protocol_get_version(self._session))

    def cipher(self) -> int | None:
        session = self._session
        numbers = lib.gnutls_kx_get(session), lib.gnutls_cipher_get(session), lib.gnutls_mac_get(session)
        return ciphers.negotiated(*numbers, self.version() == TLS13)

    def protocol(self) -> bytes | None:
        name = ffi.new("gnutls_datum_t *")
        return native.content(name) if lib.gnutls_alpn_get_selected_protocol(self._session, name) == 0 else None

    def peer_chain(self) -> list[bytes]:
        if self._context.verifies and not (self._done or self._path):
            return []  # TLS 1.3 verifies later than it reads; core's verdict is about the path
        return verify.peer_chain(self._session)

    def verified_chain(self) -> list[bytes]:
        return list(self._path)

    def session(self) -> Session | None:
        is_tls13 = self.version() == TLS13
        if is_tls13 and self._lifetime is None:
            return None
        place = ffi.new("gnutls_datum_t *")
        if lib.gnutls_session_get_data2(self._session, place) < 0:
            return None
        # With TLS 1.2 a lifetime of 0 says nothing (RFC 5077 section 3.3), with TLS 1.3 that the ticket is of no use.
        lifetime = self._lifetime if is_tls13 or self._lifetime else None
        lifetime = _LIFETIME if lifetime is None else lifetime
        early = allowed_by(self._ticket) if is_tls13 else 0
        kept = KeptSession(native.taken(place), early)
        return Session(kept, time.time() + lifetime, single_use=is_tls13, owner=self._context)

    def resumed(self) -> bool | None:
        return bool(lib.gnutls_session_is_resumed(self._session))

    def used_external_psk(self) -> bool:
        if self._context.keys is None or not stands_for_certificates(self._session):
            return False
        # A session that was resumed has authenticated as the one before, which kept the server's certificate if it had one.
        return not (self.resumed() if self._context.server_side else verify.peer_chain(self._session))

    def group(self) -> int | None:
        return ciphers.group_values().get(lib.gnutls_group_get(self._session))

    def tls_unique(self) -> bytes | None:
        place = ffi.new("gnutls_datum_t *")
        native.check(lib.gnutls_session_channel_binding(self._session, _UNIQUE, place))
        return native.taken(place)

    def export(self, label: bytes, length: int, context: bytes | None) -> bytes:
        target = ffi.new("char[]", length)
        given = NULL if context is None else ffi.from_buffer("char[]", context)
        code = lib.gnutls_prf_rfc5705(self._session, len(label), label, len(context or b""), given, length, target)
        if code < 0:
            text = "there is no keying material for such a label, context or length"
            raise make(ConfigurationError, text, native_code=code, native_text=native.words(code))
        return bytes(ffi.buffer(target, length))

    def ocsp_response(self) -> bytes | None:
        return verify.stapled(self._session) or None

    def request_client_certificate(self) -> None:
        lib.gnutls_certificate_server_set_request(self._session, self._context.asks_later)
        code = lib.gnutls_reauth(self._session, 0)
        if code == native.E_INVALID_REQUEST:
            text = "the client cannot be asked: it has not said that it allows it"
            raise make(ConfigurationError, text, native_code=code, native_text=native.words(code))
        if code < 0 and code not in (native.E_AGAIN, native.E_GOT_APPLICATION_DATA):
            self.fail(code)
        self._first = _INTERRUPTED if code < 0 else 0

    def peer_is_proven(self) -> bool:
        return bool(self._first != _INTERRUPTED)

    def update_keys(self) -> None:
        code = lib.gnutls_session_key_update(self._session, _PEER_TOO)
        if code < 0:
            self.fail(code)

    def write_early_data(self, data: Any) -> int:
        session, configuration = self._plan.session, self._context.settings.configuration
        if session is None or not getattr(configuration, "early_data", False):
            return 0
        memory = _memory(data)
        size: int = min(len(memory), session.native.early - self._early)
        if size > 0:
            code = lib.gnutls_record_send_early_data(self._session, memory, size)
            if code < 0:
                return 0  # this session allows none after all
            self._early += size
        return max(0, size)

    def read_early_data(self) -> bytes:
        parts, memory = [], _new(_RECORD)
        while (got := lib.gnutls_record_recv_early_data(self._session, memory, _RECORD)) > 0:
            parts.append(_bytes(memory, got)[:])
            self._early += got
        return b"".join(parts)

    def early_data_accepted(self) -> bool | None:
        accepted = bool(lib.gnutls_session_get_flags(self._session) & native.SFLAGS_EARLY_DATA)
        if self._context.server_side:
            return accepted or None
        return accepted if self._early else None
