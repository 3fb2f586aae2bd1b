"""External pre-shared keys (RFC 8446 section 4.2.11)."""

from __future__ import annotations

import hmac
from typing import Any, Final

from ...api._configuration import ExternalPSK
from ...api._errors import UnsupportedFeature
from ...api._features import Feature
from . import _callbacks, native
from ._identities import configured
from .native import lib

_MACS: Final = {"sha256": 6, "sha384": 7}  # gnutls_mac_algorithm_t
_WITH_SHA384: Final = frozenset({0x1302})
_LONGEST_NAME: Final = 128
"""MAX_USERNAME_SIZE up to 3.8.10; in later releases it is longer."""
_RAW: Final = 0
_RANDOM_ENDS: Final = 34
_EXTENSION: Final = 41
_KINDS: Final = frozenset({9, 10, 14})
"""GNUTLS_KX_PSK, …_DHE_PSK and …_ECDHE_PSK: what the key exchange is called where a key stands for certificates."""


class Keys:
    """The external key of a configuration in the library's form.

    Args:
        psk: the key.
        server_side: the role.

    Attributes:
        name: the identity of the key.
        key: the secret.
        credentials: a gnutls_psk_client_credentials_t, or one for servers.
    """

    def __init__(self, psk: ExternalPSK, server_side: bool) -> None:
        """Make it.

        Raises:
            ConfigurationError: the library does not take it.
        """
        self._psk = psk
        self.name, self.key = psk.identity, psk.key
        role, mac = "server" if server_side else "client", _MACS[psk.hash_name]
        allocate = getattr(lib, f"gnutls_psk_allocate_{role}_credentials{'2' if _has_choice() else ''}")
        self.credentials = native.owned(
            f"gnutls_psk_{role}_credentials_t",
            lambda place: allocate(place, mac) if _has_choice() else allocate(place),
            getattr(lib, f"gnutls_psk_free_{role}_credentials"),
        )
        if server_side:
            lib.gnutls_psk_set_server_credentials_function2(self.credentials, _callbacks.find_key)
            return
        name, key = native.datum(psk.identity), native.datum(psk.key)
        configured(
            lambda: native.check(lib.gnutls_psk_set_client_credentials2(self.credentials, name, key, _RAW)),
            "the external key",
        )

    def is_offered(self, message: bytes) -> bool:
        """Whether the first external key that a ClientHello names is this one: a server of GnuTLS looks at no other."""
        name = first_external_name(message)
        return name is not None and hmac.compare_digest(name, self.name)

    def goes_with(self, suite: int) -> bool:
        """Whether a suite of TLS 1.3 has the hash of the key."""
        return (suite in _WITH_SHA384) == (self._psk.hash_name == "sha384")

    def preferred(self, suites: tuple[int, ...]) -> tuple[int, ...]:
        """The suites, with those first that have the hash of the key."""
        return tuple(sorted(suites, key=lambda suite: not self.goes_with(suite)))


def check_psk(psk: ExternalPSK) -> None:
    """Refuse what the library has no place for.

    Raises:
        UnsupportedFeature: this release of the library does not take the hash, or so long an identity.
    """
    if psk.hash_name != "sha256" and not _has_choice():
        raise UnsupportedFeature(
            "GnuTLS before 3.8.11 uses external keys with sha256 only", feature=Feature.EXTERNAL_PSK
        )
    if len(psk.identity) > _LONGEST_NAME:
        text = f"GnuTLS takes identities of external keys of up to {_LONGEST_NAME} bytes"
        raise UnsupportedFeature(text, feature=Feature.EXTERNAL_PSK)


def stands_for_certificates(session: Any) -> bool:
    """Whether a key, of a ticket or an external one, was used in the place of certificates."""
    return lib.gnutls_kx_get(session) in _KINDS


def _has_choice() -> bool:
    return native.has("gnutls_psk_allocate_client_credentials2")


def first_external_name(message: bytes) -> bytes | None:
    """The first external identity of a ClientHello that is known to be well-formed; those of tickets have an age.

    Args:
        message: without its header.
    """
    at = _RANDOM_ENDS
    for size in (1, 2, 1):  # session id, suites, compression methods
        at += size + int.from_bytes(message[at : at + size], "big")
    at += 2
    while at + 4 <= len(message):
        kind, size = int.from_bytes(message[at : at + 2], "big"), int.from_bytes(message[at + 2 : at + 4], "big")
        if kind == _EXTENSION:
            return _first_without_age(message[at + 4 : at + 4 + size])
        at += 4 + size
    return None


def _first_without_age(extension: bytes) -> bytes | None:
    identities = extension[2 : 2 + int.from_bytes(extension[:2], "big")]
    while identities:
        end = 2 + int.from_bytes(identities[:2], "big")
        if identities[end : end + 4] == bytes(4):
            return identities[2:end]
        identities = identities[end + 4 :]
    return None
