"""External pre-shared keys (RFC 8446 section 4.2.11).

wolfSSL ties a key to one suite where TLS ties it to a hash. So a client is asked about each of its suites, and a server names
the one that it will take: from the ClientHello, which it has read before.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ...api._cipher_values import is_tls13_suite
from ...api._configuration import ExternalPSK
from ...api._errors import ConfigurationError, UnsupportedFeature
from ...api._features import Feature
from ...api._versions import TLSVersion
from ...core._foreign import Transport, guarded
from ...core._settings import Settings
from .errors import make
from .native import ffi, keep, lib

_HASHES: Final = ("sha256", "sha384")
_WITH_SHA384: Final = 0x1302
_LONGEST_NAME: Final = 1536
_LONGEST_KEY: Final = 64
"""MAX_PSK_ID_LEN and MAX_PSK_KEY_LEN, where the build does not set others."""
_NO_ROOM: Final = "this build of wolfSSL has external {} of up to {} bytes"
_FALLS_BACK: Final = 0x05007002
"""The release from which on a client that has offered a key was seen to go on with a server of TLS 1.2."""
_NO_KEY: Final = 0


@dataclass(frozen=True, slots=True, eq=False)
class Key:
    """The external key of a native context.

    Attributes:
        psk: the key.
        names: wolfSSL's names of the suites that have the hash of the key, by preference.
    """

    psk: ExternalPSK
    names: Mapping[int, bytes]

    def suite(self, offered: Iterable[int]) -> int | None:
        """The suite that a server takes with the key, if a client has offered one of those."""
        among = frozenset(offered)
        return next((suite for suite in self.names if suite in among), None)


def check_psk(psk: ExternalPSK, settings: Settings) -> None:
    """Refuse what TLS, or the library, has no place for.

    Raises:
        ConfigurationError: the hash is none of TLS 1.3, or the identity or the key is empty.
        UnsupportedFeature: the identity or the key is too long, the identity holds a null byte, or a client would have to
            fall back to TLS 1.2 and this release cannot.
    """
    if psk.hash_name not in _HASHES:
        raise make(ConfigurationError, f"an external key is used with {' or '.join(_HASHES)}, not {psk.hash_name!r}")
    if not psk.identity or not psk.key:
        raise make(ConfigurationError, "the identity of an external key, or the key, is empty")
    if len(psk.identity) > _LONGEST_NAME or len(psk.key) > _LONGEST_KEY or b"\0" in psk.identity:
        raise _unsupported(
            f"wolfSSL takes external keys of up to {_LONGEST_KEY} bytes, with identities of up to {_LONGEST_NAME:,} bytes "
            "without a null byte"
        )
    if not settings.server_side and settings.lower < TLSVersion.TLSv1_3 and lib.wolfSSL_lib_version_hex() < _FALLS_BACK:
        raise _unsupported(
            "a client of this wolfSSL that has offered an external key does not go on with a server of TLS 1.2: set "
            "lower_bound=TLSVersion.TLSv1_3"
        )


def _unsupported(text: str) -> UnsupportedFeature:
    return UnsupportedFeature(text, feature=Feature.EXTERNAL_PSK)


def preferred(suites: Iterable[int], psk: ExternalPSK) -> tuple[int, ...]:
    """Suites with those first that go with the key: a server that prefers another hash passes the key over."""
    return tuple(sorted(suites, key=lambda suite: not _goes_with(suite, psk)))


def install(context: Any, psk: ExternalPSK, suites: Iterable[int], *, server_side: bool) -> Key:
    """Let the connections of a native context offer or accept a key.

    Args:
        context: the native context.
        psk: the key.
        suites: what may be negotiated, by preference.
        server_side: which role.
    """
    if server_side:
        lib.wolfSSL_CTX_set_psk_server_tls13_callback(context, accepted)
    else:
        lib.wolfSSL_CTX_set_psk_client_cs_callback(context, offered)
    return Key(psk, {suite: _name(suite) for suite in suites if is_tls13_suite(suite) and _goes_with(suite, psk)})


def _goes_with(suite: int, psk: ExternalPSK) -> bool:
    return (suite == _WITH_SHA384) == (psk.hash_name == "sha384")


def _name(suite: int) -> bytes:
    return ffi.string(lib.wolfSSL_get_cipher_name_from_suite(*suite.to_bytes(2, "big")))  # type: ignore[no-any-return]


@guarded(_NO_KEY)
def _offered(connection: Transport, name: bytes, identity: Any, most: int, key: Any, longest: int) -> int:
    found: Key = connection.owner.psk
    if name not in found.names.values():
        return _NO_KEY
    if len(found.psk.identity) > most:
        raise ValueError(_NO_ROOM.format("identities", most))
    ffi.memmove(identity, found.psk.identity + b"\0", len(found.psk.identity) + 1)
    return _given(found, key, longest)


@guarded(_NO_KEY)
def _accepted(connection: Transport, identity: bytes, key: Any, longest: int, name: Any) -> int:
    found: Key = connection.owner.psk
    if not hmac.compare_digest(identity, found.psk.identity):
        return _NO_KEY
    suite = connection.owner.suite_for_psk()
    if suite is None:
        return _NO_KEY
    name[0] = lib.wolfSSL_get_cipher_name_from_suite(*suite.to_bytes(2, "big"))
    return _given(found, key, longest)


def _given(found: Key, room: Any, longest: int) -> int:
    if len(found.psk.key) > longest:
        raise ValueError(_NO_ROOM.format("keys", longest))
    ffi.memmove(room, found.psk.key, len(found.psk.key))
    return len(found.psk.key)


@ffi.callback("wc_psk_client_cs_callback", error=_NO_KEY, onerror=keep)  # type: ignore[untyped-decorator]
def offered(raw: Any, _hint: Any, identity: Any, most: int, key: Any, longest: int, suite: Any) -> int:
    """Give wolfSSL the key if it goes with a suite of the client's."""
    return _offered(lib.wolfSSL_get_app_data(raw), ffi.string(suite), identity, most, key, longest)


@ffi.callback("wc_psk_server_tls13_callback", error=_NO_KEY, onerror=keep)  # type: ignore[untyped-decorator]
def accepted(raw: Any, identity: Any, key: Any, longest: int, name: Any) -> int:
    """Give wolfSSL the key if it is the one that the client names, and say which suite it goes with."""
    return _accepted(lib.wolfSSL_get_app_data(raw), ffi.string(identity), key, longest, name)
