"""What `SSLSocket` and `SSLObject` tell alike."""

from __future__ import annotations

import warnings
import weakref
from typing import TYPE_CHECKING, Any, Final

from ...api._errors import TLSError
from ...api._protocols import NextProtocol
from ...core._buffer import CoreBuffer
from ...core._client_hello import parse_client_hello
from ._certificate_dict import decode_certificate
from ._cipher_strings import short
from ._sessions import SSLSession
from ._settings import Settings
from ._translate import boundary, translated

if TYPE_CHECKING:
    from ._context import SSLContext

_BINDINGS: Final = ("tls-unique", "tls-exporter", "tls-server-end-point")
_VERSIONS: Final = {0x0300: "SSLv3", 0x0301: "TLSv1", 0x0302: "TLSv1.1", 0x0303: "TLSv1.2", 0x0304: "TLSv1.3"}


class Information:
    """A mix-in over ``_context`` and ``_tls``, a wrapped socket or buffer of ours; `None` where there is no TLS."""

    _context: SSLContext
    _tls: Any
    _session: SSLSession | None
    _counted: bool

    server_side: bool

    if TYPE_CHECKING:

        def _buffer(self) -> CoreBuffer | None: ...
        def _begin_again(self) -> None: ...

    # ------------------------------------------------------------------------------------------ states

    def _is_done(self) -> bool:
        """Whether the handshake is done."""
        return self._tls is not None and self._tls.negotiated_tls_version is not None

    def _require_done(self) -> Any:
        if not self._is_done():
            raise ValueError("handshake not done yet")
        return self._tls

    def _finished(self) -> None:
        """Count a handshake that has succeeded."""
        if not self._counted:
            self._counted = True
            self._context._count("accept_good" if self.server_side else "connect_good")
            if not self.server_side and self.session_reused:
                self._context._count("hits")

    def _hello_message(self) -> bytes:
        buffer = self._buffer()
        assert buffer is not None  # only a server that has read one asks
        assert buffer._hello is not None
        return buffer._hello

    def _adopt(self, buffer: CoreBuffer) -> None:
        """Let the server name callback be called with this object."""
        buffer._owner = weakref.ref(self)

    # ------------------------------------------------------------------------------------------ context and session

    @property
    def context(self) -> SSLContext:
        """The context in use. A server name callback can set another one; all of it applies then."""
        return self._context

    @context.setter
    def context(self, value: SSLContext) -> None:
        if not isinstance(value, Settings):
            raise TypeError("The value must be a SSLContext")
        if self._tls is not None:
            core, _natives = value._core(self.server_side)
            with boundary():
                self._tls.context = core
        self._context = value

    @property
    def session(self) -> SSLSession | None:
        """The session of a client, once the server has given one (with TLS 1.3 that is after the first read)."""
        buffer, sessions = self._buffer(), self._context._wishes.sessions
        if buffer is None or sessions is None or buffer._session_key is None:
            return self._session
        with buffer._lock, boundary():
            if buffer._failure is None:
                buffer._collect_session()  # with TLS 1.2 it has come in the handshake
        newest = sessions.newest(buffer._session_key)
        return self._session if newest is None else SSLSession(self._context, buffer._session_key, newest)

    @session.setter
    def session(self, value: Any) -> None:
        self._check_session(value)
        if self._is_done():
            raise ValueError("Cannot set session after handshake.")
        self._session = value
        if self._tls is not None:
            self._begin_again()

    def _check_session(self, session: Any) -> None:
        if not isinstance(session, SSLSession):
            raise TypeError("Value is not a SSLSession.")
        if self.server_side:
            raise ValueError("Cannot set session for server-side SSLSocket.")
        if not session._belongs_to(self._context):
            raise ValueError("Session refers to a different SSLContext.")

    @property
    def session_reused(self) -> bool | None:
        """Whether a session was resumed; `None` without TLS."""
        if self._tls is None:
            return None
        with boundary():
            return bool(self._tls.session_resumed)

    # ------------------------------------------------------------------------------------------ the peer

    def getpeercert(self, binary_form: bool = False) -> Any:
        """The peer's certificate: in DER, or as a dictionary, which is empty where it was not verified."""
        der = self._require_done().getpeercert()
        if der is None or binary_form:
            return der
        return decode_certificate(der) if self._tls.configuration.validate_certificates else {}

    def get_verified_chain(self) -> list[bytes]:
        """The path that was trusted, in DER; without verification what the peer sent."""
        if self._tls is not None and not self._tls.configuration.validate_certificates:
            return self.get_unverified_chain()
        with boundary():
            return [] if self._tls is None else self._tls.getverifiedchain()

    def get_unverified_chain(self) -> list[bytes]:
        """What the peer sent, in DER."""
        with boundary():
            return [] if self._tls is None else self._tls.getpeerchain()

    # ------------------------------------------------------------------------------------------ what was negotiated

    def selected_alpn_protocol(self) -> str | None:
        """The protocol agreed on by ALPN."""
        found = None if self._tls is None else self._tls.negotiated_protocol()
        name: bytes | None = found.value if isinstance(found, NextProtocol) else found
        return None if name is None else name.decode("ascii", "surrogateescape")

    def selected_npn_protocol(self) -> None:
        """`None`: NPN is gone from every library."""
        warnings.warn("ssl NPN is deprecated, use ALPN instead", DeprecationWarning, stacklevel=2)

    def cipher(self) -> tuple[str, str, int] | None:
        """The suite: OpenSSL's name, the first version that has it, the length of the key."""
        number = None if self._tls is None else self._tls.cipher()
        return None if number is None else short(int(number))

    def shared_ciphers(self) -> list[tuple[str, str, int]] | None:
        """On a server: what the client offers and we have, in the client's order."""
        buffer = self._buffer()
        if buffer is None or not self.server_side or buffer._hello is None:
            return None
        ours = {int(number) for number in self._tls.context.ciphers}
        return [short(number) for number in parse_client_hello(buffer._hello).cipher_suites if number in ours]

    def compression(self) -> None:
        """`None`: nothing is compressed, by any backend."""

    def version(self) -> str | None:
        """The version of TLS, such as ``TLSv1.3``."""
        found = None if self._tls is None else self._tls.negotiated_tls_version
        return None if found is None else _VERSIONS.get(int(found), "unknown")

    def get_channel_binding(self, cb_type: str = "tls-unique") -> bytes | None:
        """Channel binding data; ``tls-exporter`` and ``tls-server-end-point`` are had besides ``tls-unique``."""
        if cb_type not in _BINDINGS:
            raise ValueError(f"{cb_type} channel binding type not implemented")
        if not self._is_done():
            return None
        with boundary():
            return self._tls.get_channel_binding(cb_type)  # type: ignore[no-any-return]

    def verify_client_post_handshake(self) -> None:
        """Ask the client for a certificate now."""
        if self._tls is None:
            raise ValueError(f"No SSL wrapper around {self}")
        with boundary():
            self._tls.request_client_certificate()

    def _raise(self, error: TLSError) -> Any:
        """Raise what a call on the connection has raised as an error of the face."""
        raise translated(error) from error
