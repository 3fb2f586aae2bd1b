"""What a transport tells about its TLS connection, under the names that asyncio and programs written for it use."""

from __future__ import annotations

import re
from typing import Any, Final

from ..api._errors import UnsupportedFeature
from ..api._features import Feature
from ..api._wrapped import TLSWrappedBuffer

_BITS: Final = (
    (re.compile(r"_AES_256_|_CHACHA20_|_CAMELLIA_256_|_ARIA_256_"), 256),
    (re.compile(r"_AES_128_|_CAMELLIA_128_|_ARIA_128_|_SEED_|_SM4_"), 128),
    (re.compile(r"_3DES_"), 112),
)
"""The strength of a suite by the cipher in its IANA name."""


def _bits(name: str) -> int:
    return next((bits for pattern, bits in _BITS if pattern.search(f"{name}_")), 0)


class ConnectionInformation:
    """The getters of an `ssl.SSLObject`, for programs that ask ``get_extra_info("ssl_object")``.

    It reads and writes nothing. `tls` has the same as values of unitls.

    Args:
        tls: the connection.
    """

    __slots__ = ("tls",)

    def __init__(self, tls: TLSWrappedBuffer) -> None:
        self.tls = tls

    @property
    def context(self) -> Any:
        """The context of the connection."""
        return self.tls.context

    @property
    def server_side(self) -> bool:
        """Whether this end is the server."""
        return self.tls.server_side

    @property
    def server_hostname(self) -> str | None:
        """The server name of the handshake."""
        return self.tls.server_name

    @property
    def session_reused(self) -> bool | None:
        """Whether a session was resumed; `None` where the backend does not tell."""
        try:
            return self.tls.session_resumed
        except UnsupportedFeature:
            return None

    def version(self) -> str | None:
        """The version, as ``"TLSv1.3"``."""
        version = self.tls.negotiated_tls_version
        return None if version is None else version.name.replace("_", ".")

    def cipher(self) -> tuple[str, str, int] | None:
        """The suite's IANA name, the version, and the strength in bits."""
        suite, version = self.tls.cipher(), self.version()
        if suite is None or version is None:
            return None
        name = getattr(suite, "name", f"0x{int(suite):04X}")
        return name, version, _bits(name)

    def selected_alpn_protocol(self) -> str | None:
        """The protocol that ALPN selected."""
        name = self.tls.negotiated_protocol()
        if name is None:
            return None
        octets: bytes = name if isinstance(name, bytes) else name.value
        return octets.decode("ascii", "backslashreplace")

    def getpeercert(self, binary_form: bool = True) -> bytes | None:
        """The peer's certificate in DER.

        Args:
            binary_form: there is no other form here.

        Raises:
            UnsupportedFeature: the decoded form is asked for; a library for X.509 gives it.
        """
        if not binary_form:
            raise UnsupportedFeature(
                "certificates are given in DER only: getpeercert(True)", feature=Feature.PEER_CHAIN
            )
        return self.tls.getpeercert()

    def get_channel_binding(self, cb_type: str = "tls-unique") -> bytes | None:
        """Channel binding data.

        Args:
            cb_type: which kind.
        """
        return self.tls.get_channel_binding(cb_type)

    def compression(self) -> None:
        """TLS compression: there is none, ever (RFC 7525 section 3.3)."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.tls!r}>"


NAMES: Final = frozenset({"sslcontext", "ssl_object", "tls", "peercert", "cipher", "compression", "alpn_protocol"})
"""What `extra_info` answers; everything else is a matter of the transport underneath."""


def extra_info(name: str, tls: TLSWrappedBuffer) -> Any:
    """What ``get_extra_info(name)`` gives once the handshake is done.

    Args:
        name: one of `NAMES`.
        tls: the connection.
    """
    match name:
        case "tls":
            return tls
        case "ssl_object":
            return ConnectionInformation(tls)
        case "sslcontext":
            return tls.context
        case "peercert":
            return tls.getpeercert()
        case "cipher":
            return ConnectionInformation(tls).cipher()
        case "alpn_protocol":
            return ConnectionInformation(tls).selected_alpn_protocol()
    return None
