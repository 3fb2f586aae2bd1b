"""The text's configuration: one immutable value for both roles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ...api._certificates import Certificate, PrivateKey
from ...api._ciphers import CipherSuite
from ...api._protocols import NextProtocol
from ...api._trust import TrustStore
from ...api._versions import TLSVersion

if TYPE_CHECKING:
    from ._abstract import TLSBufferObject

ServerNameCallback: TypeAlias = Callable[["TLSBufferObject", str | None, "TLSConfiguration"], Any]
"""``callback(wrapped, server_name, configuration)``; a `TLSConfiguration` goes on, anything else is an error."""

DEFAULT_CIPHER_LIST: Final[tuple[CipherSuite | int, ...]] = (
    CipherSuite.TLS_AES_256_GCM_SHA384,
    CipherSuite.TLS_CHACHA20_POLY1305_SHA256,
    CipherSuite.TLS_AES_128_GCM_SHA256,
    CipherSuite.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    CipherSuite.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    CipherSuite.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    CipherSuite.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    CipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    CipherSuite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
)
"""What a configuration has that says nothing of ciphers: authenticated encryption with forward secrecy, and no other."""

_DEFAULT_VALUE: Final[Any] = object()
_FIELDS: Final = (
    "validate_certificates", "certificate_chain", "ciphers", "inner_protocols", "lowest_supported_version",
    "highest_supported_version", "trust_store", "sni_callback",
)  # fmt: skip


class TLSConfiguration:
    """An immutable configuration. Two of the same values are equal, and can be the same key of a dictionary.

    Args:
        validate_certificates: whether the peer's certificate is verified, with its name, or not at all.
        certificate_chain: the certificates, the leaf first, and the private key of the leaf.
        ciphers: the acceptable suites, by preference; those the library lacks are left out.
        inner_protocols: protocols for ALPN, by preference.
        lowest_supported_version: TLS 1.2 if nothing is said (the text has TLS 1.0).
        highest_supported_version: the highest acceptable version.
        trust_store: the anchors. `None` means the system's on a client; a server without one asks for no certificate.
        sni_callback: called on a server for each ClientHello; a client has no use for it.
    """

    __slots__ = (
        "_certificate_chain", "_ciphers", "_highest_supported_version", "_inner_protocols", "_lowest_supported_version",
        "_sni_callback", "_trust_store", "_validate_certificates",
    )  # fmt: skip

    def __init__(
        self,
        validate_certificates: bool | None = None,
        certificate_chain: tuple[Sequence[Certificate], PrivateKey] | None = None,
        ciphers: Sequence[CipherSuite | int] | None = None,
        inner_protocols: Sequence[NextProtocol | bytes] | None = None,
        lowest_supported_version: TLSVersion | None = None,
        highest_supported_version: TLSVersion | None = None,
        trust_store: TrustStore | None = None,
        sni_callback: ServerNameCallback | None = None,
    ) -> None:
        self._validate_certificates = True if validate_certificates is None else validate_certificates
        self._certificate_chain = None if certificate_chain is None else _frozen(*certificate_chain)
        self._ciphers = DEFAULT_CIPHER_LIST if ciphers is None else tuple(ciphers)
        self._inner_protocols = () if inner_protocols is None else tuple(inner_protocols)
        lowest, highest = lowest_supported_version, highest_supported_version
        self._lowest_supported_version = TLSVersion.TLSv1_2 if lowest is None else lowest
        self._highest_supported_version = TLSVersion.MAXIMUM_SUPPORTED if highest is None else highest
        self._trust_store = trust_store
        self._sni_callback = sni_callback

    def update(
        self,
        validate_certificates: bool | None = _DEFAULT_VALUE,
        certificate_chain: tuple[Sequence[Certificate], PrivateKey] | None = _DEFAULT_VALUE,
        ciphers: Sequence[CipherSuite | int] | None = _DEFAULT_VALUE,
        inner_protocols: Sequence[NextProtocol | bytes] | None = _DEFAULT_VALUE,
        lowest_supported_version: TLSVersion | None = _DEFAULT_VALUE,
        highest_supported_version: TLSVersion | None = _DEFAULT_VALUE,
        trust_store: TrustStore | None = _DEFAULT_VALUE,
        sni_callback: ServerNameCallback | None = _DEFAULT_VALUE,
    ) -> TLSConfiguration:
        """Create a new configuration, with some of the settings of this one overridden.

        What is not given stays as it is. `None` is given too: it means what it means to the constructor.

        Args:
            validate_certificates: see the class, as for all of them.
            certificate_chain: the chain and the key.
            ciphers: the suites.
            inner_protocols: the protocols for ALPN.
            lowest_supported_version: the lowest version.
            highest_supported_version: the highest version.
            trust_store: the anchors.
            sni_callback: the server name callback.
        """
        given = (
            validate_certificates, certificate_chain, ciphers, inner_protocols, lowest_supported_version,
            highest_supported_version, trust_store, sni_callback,
        )  # fmt: skip
        pairs = zip(given, self._values(), strict=True)
        values: list[Any] = [kept if value is _DEFAULT_VALUE else value for value, kept in pairs]
        return type(self)(*values)

    @property
    def validate_certificates(self) -> bool:
        """Whether the peer's certificate is verified."""
        return self._validate_certificates

    @property
    def certificate_chain(self) -> tuple[tuple[Certificate, ...], PrivateKey] | None:
        """The certificates, the leaf first, and the private key of the leaf."""
        return self._certificate_chain

    @property
    def ciphers(self) -> tuple[CipherSuite | int, ...]:
        """The acceptable suites, by preference."""
        return self._ciphers

    @property
    def inner_protocols(self) -> tuple[NextProtocol | bytes, ...]:
        """The protocols that are advertised, by preference."""
        return self._inner_protocols

    @property
    def lowest_supported_version(self) -> TLSVersion:
        """The lowest version that is allowed."""
        return self._lowest_supported_version

    @property
    def highest_supported_version(self) -> TLSVersion:
        """The highest version that is allowed."""
        return self._highest_supported_version

    @property
    def trust_store(self) -> TrustStore | None:
        """The anchors that certificates are verified with."""
        return self._trust_store

    @property
    def sni_callback(self) -> ServerNameCallback | None:
        """What is called once a ClientHello has arrived."""
        return self._sni_callback

    def _values(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in _FIELDS)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TLSConfiguration):
            return NotImplemented
        return self._values() == other._values()

    def __hash__(self) -> int:
        return hash(self._values()[:-1])  # the callback may be a method of something that has no hash

    def __repr__(self) -> str:
        pairs = zip(_FIELDS, self._values(), strict=True)
        return f"TLSConfiguration({', '.join(f'{name}={value!r}' for name, value in pairs)})"


def _frozen(certificates: Sequence[Certificate], key: PrivateKey) -> tuple[tuple[Certificate, ...], PrivateKey]:
    return tuple(certificates), key
