"""External pre-shared keys (RFC 8446 section 4.2.11). OpenSSL takes one in the shape of a session without a ticket."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import Any, Final

from ...api._configuration import ExternalPSK
from ...api._errors import ConfigurationError
from . import native
from .errors import make
from .native import KEPT, NULL, ffi, lib

_TLS_1_3: Final = 0x0304
# A suite of TLS 1.3 for each hash: it stands for the hash of the key, and is not negotiated because of that.
_SUITES: Final = {"sha256": 0x1301, "sha384": 0x1302}
_WITH_SHA384: Final = frozenset({0x1302})


def check_psk(psk: ExternalPSK) -> None:
    """Refuse what TLS has no place for.

    Raises:
        ConfigurationError: the hash is none of TLS 1.3, or the identity or the key is empty or too long.
    """
    if psk.hash_name not in _SUITES:
        raise make(ConfigurationError, f"an external key is used with {' or '.join(_SUITES)}, not {psk.hash_name!r}")
    if not 1 <= len(psk.identity) <= 0xFFFF:
        raise make(ConfigurationError, "the identity of an external key has 1 to 65,535 bytes")
    if not psk.key:
        raise make(ConfigurationError, "the external key is empty")
    session = native.gc(lib.Cryptography_SSL_SESSION_new(), lib.SSL_SESSION_free)
    if lib.SSL_SESSION_set1_master_key(session, psk.key, len(psk.key)) != 1:
        native.ERR_clear_error()
        raise make(ConfigurationError, f"the external key is too long for OpenSSL: {len(psk.key)} bytes")


def preferred(suites: Sequence[int], psk: ExternalPSK) -> tuple[int, ...]:
    """Suites of TLS 1.3 with those first that go with the key: a server that prefers another hash ignores the key."""
    wants_sha384 = psk.hash_name == "sha384"
    return tuple(sorted(suites, key=lambda suite: (suite in _WITH_SHA384) is not wants_sha384))


def set_psk(context: Any, psk: ExternalPSK, server_side: bool) -> tuple[Any, ...]:
    """Offer the key, or take it.

    Returns:
        What has to live as long as the context.
    """
    identity = ffi.new("unsigned char[]", psk.identity)

    @ffi.callback(
        "int (*)(SSL *, const EVP_MD *, const unsigned char **, size_t *, SSL_SESSION **)",
        error=0,
        onerror=native.keep_problem,
    )  # type: ignore[untyped-decorator]
    def offer(ssl: Any, digest: Any, name: Any, size: Any, session: Any) -> int:
        session[0] = NULL
        if digest:  # a HelloRetryRequest: the hash is settled, but the binding does not tell which it is
            return 1
        session[0] = _session(ssl, psk)
        name[0], size[0] = identity, len(psk.identity)
        return 1

    @ffi.callback("int (*)(SSL *, const unsigned char *, size_t, SSL_SESSION **)", error=0, onerror=native.keep_problem)  # type: ignore[untyped-decorator]
    def find(ssl: Any, name: Any, size: int, session: Any) -> int:
        is_known = hmac.compare_digest(bytes(ffi.buffer(name, size)), psk.identity)
        session[0] = _session(ssl, psk) if is_known else NULL
        KEPT.found_psk |= is_known
        return 1

    if server_side:
        lib.SSL_CTX_set_psk_find_session_callback(context._context, find)
        return (find,)
    lib.SSL_CTX_set_psk_use_session_callback(context._context, offer)
    return offer, identity


def _session(ssl: Any, psk: ExternalPSK) -> Any:
    """The key as a session, which becomes OpenSSL's."""
    session = lib.Cryptography_SSL_SESSION_new()
    lib.SSL_SESSION_set1_master_key(session, psk.key, len(psk.key))
    lib.SSL_SESSION_set_cipher(session, lib.SSL_CIPHER_find(ssl, _SUITES[psk.hash_name].to_bytes(2, "big")))
    lib.SSL_SESSION_set_protocol_version(session, _TLS_1_3)
    return session
