"""External pre-shared keys (RFC 8446 section 4.2.11), as NSS holds them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from ...api._configuration import ExternalPSK
from ...api._errors import ConfigurationError
from . import native
from .errors import make
from .native import checked, ffi, item, nss, present

_HASHES: Final = {"sha256": 4, "sha384": 5}
"""SSLHashType, of sslt.h."""
_SHA384_SUITE: Final = 0x1302
_LONGEST: Final = 0xFFFF
_GENERATE_HKDF: Final = 0x402C  # CKM_HKDF_KEY_GEN
_FROM_OUTSIDE: Final = 4  # PK11_OriginUnwrap
_DERIVE: Final = 0x10C  # CKA_DERIVE


@dataclass(frozen=True, slots=True, eq=False)
class Key:
    """A key in NSS's own token.

    Attributes:
        handle: the key.
        identity: how it is called on the wire.
        hash_type: the hash it is used with.
    """

    handle: Any
    identity: bytes
    hash_type: int


def check_psk(psk: ExternalPSK) -> None:
    """Refuse what TLS has no place for.

    Raises:
        ConfigurationError: the hash is none of TLS 1.3, or the identity or the key is empty or too long.
    """
    if psk.hash_name not in _HASHES:
        raise make(ConfigurationError, f"an external key is used with {' or '.join(_HASHES)}, not {psk.hash_name!r}")
    if not 1 <= len(psk.identity) <= _LONGEST:
        raise make(ConfigurationError, f"the identity of an external key has 1 to {_LONGEST:,} bytes")
    if not psk.key:
        raise make(ConfigurationError, "the external key is empty")
    load_psk(psk)


def load_psk(psk: ExternalPSK) -> Key:
    """Give a key to NSS.

    Raises:
        ConfigurationError: it does not take it.
    """
    value, held = item(psk.key)
    slot = present(nss.PK11_GetInternalSlot())
    handle = nss.PK11_ImportSymKey(slot, _GENERATE_HKDF, _FROM_OUTSIDE, _DERIVE, value, ffi.NULL)
    nss.PK11_FreeSlot(slot)
    ffi.memmove(held, bytes(len(psk.key)), len(psk.key))
    if handle == ffi.NULL:
        raise make(ConfigurationError, f"NSS does not take the external key: {native.last_error()}")
    return Key(ffi.gc(handle, nss.PK11_FreeSymKey), psk.identity, _HASHES[psk.hash_name])


def add_psk(socket: Any, key: Key) -> None:
    """Offer or accept a key on a connection."""
    checked(native.add_external_psk(socket, key.handle, key.identity, len(key.identity), key.hash_type))


def preferred(suites: Sequence[int], psk: ExternalPSK) -> tuple[int, ...]:
    """Suites with those first that go with the key: a server that prefers another hash passes the key over."""
    wants_sha384 = psk.hash_name == "sha384"
    return tuple(sorted(suites, key=lambda suite: (suite == _SHA384_SUITE) is not wants_sha384))
