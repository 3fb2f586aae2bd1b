"""The text's configurations: one immutable value for each role."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Any, Final, Generic, TypeVar

from ...api._ciphers import CipherSuite
from ...api._protocols import NextProtocol
from ._values import SigningChain, TrustStore

C = TypeVar("C")

DEFAULT_CIPHER_LIST: Final[tuple[CipherSuite | int, ...]] = (
    CipherSuite.TLS_AES_256_GCM_SHA384,
    CipherSuite.TLS_CHACHA20_POLY1305_SHA256,
    CipherSuite.TLS_AES_128_GCM_SHA256,
    CipherSuite.TLS_AES_128_CCM_SHA256,
    CipherSuite.TLS_AES_128_CCM_8_SHA256,
    CipherSuite.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    CipherSuite.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    CipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    CipherSuite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    CipherSuite.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    CipherSuite.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
)
"""The text's default suites, to be named by who wants them: a configuration without any takes the backend's choice."""


class TLSVersion(enum.Enum):
    """A version of TLS; the text knows none below 1.2, and so `MINIMUM_SUPPORTED` never goes below it."""

    MINIMUM_SUPPORTED = "MINIMUM_SUPPORTED"
    TLSv1_2 = "TLSv1.2"
    TLSv1_3 = "TLSv1.3"
    MAXIMUM_SUPPORTED = "MAXIMUM_SUPPORTED"


class _Configuration(Generic[C]):
    """What both roles have in common. Two of the same values are equal, and can be the same key of a dictionary."""

    __slots__ = (
        "_certificate_chain", "_ciphers", "_highest_supported_version", "_inner_protocols", "_lowest_supported_version",
        "_trust_store",
    )  # fmt: skip

    def __init__(
        self,
        certificate_chain: C | None = None,
        ciphers: Sequence[CipherSuite | int] | None = None,
        inner_protocols: Sequence[NextProtocol | bytes] | None = None,
        lowest_supported_version: TLSVersion | None = None,
        highest_supported_version: TLSVersion | None = None,
        trust_store: TrustStore | None = None,
    ) -> None:
        self._certificate_chain: C | None = certificate_chain
        self._ciphers = None if ciphers is None else tuple(ciphers)
        self._inner_protocols = () if inner_protocols is None else tuple(inner_protocols)
        self._lowest_supported_version = lowest_supported_version
        self._highest_supported_version = highest_supported_version
        self._trust_store = trust_store

    @property
    def certificate_chain(self) -> C | None:
        """Who we are to the peer."""
        return self._certificate_chain

    @property
    def ciphers(self) -> Sequence[CipherSuite | int] | None:
        """The acceptable suites, by preference; `None` for the backend's own good choice."""
        return self._ciphers

    @property
    def inner_protocols(self) -> Sequence[NextProtocol | bytes]:
        """Protocols for ALPN, by preference."""
        return self._inner_protocols

    @property
    def lowest_supported_version(self) -> TLSVersion | None:
        """The lowest acceptable version; `None` means TLS 1.2."""
        return self._lowest_supported_version

    @property
    def highest_supported_version(self) -> TLSVersion | None:
        """The highest acceptable version; `None` means the library's highest."""
        return self._highest_supported_version

    @property
    def trust_store(self) -> TrustStore | None:
        """The anchors that certificates are verified with."""
        return self._trust_store

    def _values(self) -> tuple[Any, ...]:
        return type(self), *(getattr(self, name) for name in _Configuration.__slots__)

    def __eq__(self, other: object) -> bool:
        return self._values() == other._values() if isinstance(other, _Configuration) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._values())

    def __repr__(self) -> str:
        fields = (f"{name[1:]}={getattr(self, name)!r}" for name in _Configuration.__slots__)
        return f"{type(self).__name__}({', '.join(fields)})"


class TLSClientConfiguration(_Configuration[SigningChain]):
    """What a client wants.

    Args:
        certificate_chain: who the client is, where the server asks.
        ciphers: the acceptable suites, by preference; `None` for the backend's own good choice.
        inner_protocols: protocols for ALPN, by preference.
        lowest_supported_version: the lowest acceptable version; `None` means TLS 1.2.
        highest_supported_version: the highest acceptable version; `None` means the library's highest.
        trust_store: the anchors; `None` means the system's.
    """

    __slots__ = ()


class TLSServerConfiguration(_Configuration[Sequence[SigningChain]]):
    """What a server wants; all but two of the fields as on a client.

    Args:
        certificate_chain: who the server is; of several the one that fits the client's server name is shown.
        ciphers: the acceptable suites, by preference; `None` for the backend's own good choice.
        inner_protocols: protocols for ALPN, by preference.
        lowest_supported_version: the lowest acceptable version; `None` means TLS 1.2.
        highest_supported_version: the highest acceptable version; `None` means the library's highest.
        trust_store: whose client certificates are believed: with one, every client has to show one. `None` asks for none.
    """

    __slots__ = ()

    def __init__(
        self,
        certificate_chain: Sequence[SigningChain] | None = None,
        ciphers: Sequence[CipherSuite | int] | None = None,
        inner_protocols: Sequence[NextProtocol | bytes] | None = None,
        lowest_supported_version: TLSVersion | None = None,
        highest_supported_version: TLSVersion | None = None,
        trust_store: TrustStore | None = None,
    ) -> None:
        chains = certificate_chain if certificate_chain is None else tuple(certificate_chain)
        super().__init__(
            chains, ciphers, inner_protocols, lowest_supported_version, highest_supported_version, trust_store
        )
