"""The cipher suites of Mbed TLS: it uses the IANA values itself."""

from __future__ import annotations

import functools
from typing import Final

from ...api._cipher_values import is_tls13_suite
from .native import HAS_TLS13, ffi, lib, text_of

# Suites that need what is not configured here (a shared key), or that protect nothing.
_UNUSABLE: Final = ("-PSK-", "-ECJPAKE-", "-NULL-", "-RC4-", "-DES-CBC-", "-3DES-")
_ECDHE: Final = "TLS-ECDHE-"
_AUTHENTICATED: Final = ("-GCM-", "-CHACHA20-")
# The order of preference by what the names hold; ChaCha20 first, which this library does faster than AES (measured).
_PREFERENCE: Final = ("-CHACHA20-", "-AES-128-GCM-", "-AES-256-GCM-")
LEGACY: Final = (0xC009, 0xC013, 0xC00A, 0xC014)
"""What is added where TLS 1.0 or 1.1 is asked for: ECDHE with AES in CBC mode and SHA-1, the best that they have."""


@functools.cache
def _named() -> dict[int, str]:
    """Every suite of use here, in the library's order."""
    found: dict[int, str] = {}
    values, index = lib.mbedtls_ssl_list_ciphersuites(), 0
    while values[index]:
        name = text_of(lib.mbedtls_ssl_get_ciphersuite_name(values[index])) or ""
        if not any(part in name for part in _UNUSABLE) and (HAS_TLS13 or not is_tls13_suite(values[index])):
            found[values[index]] = name
        index += 1
    return found


@functools.cache
def available() -> tuple[int, ...]:
    """Every suite of use here, as IANA values."""
    return tuple(_named())


@functools.cache
def default() -> tuple[int, ...]:
    """The suites enabled when none are chosen: forward secrecy and authenticated encryption, TLS 1.3 first."""
    new = [value for value in _named() if is_tls13_suite(value) and _rank(value) < len(_PREFERENCE)]
    old = [
        value
        for value, name in _named().items()
        if name.startswith(_ECDHE) and any(part in name for part in _AUTHENTICATED) and _rank(value) < len(_PREFERENCE)
    ]
    return (*sorted(new, key=_rank), *sorted(old, key=_rank))


def _rank(value: int) -> int:
    name = _named()[value]
    return next((index for index, part in enumerate(_PREFERENCE) if part in name), len(_PREFERENCE))


def from_name(pointer: object) -> int | None:
    """The IANA value of a suite by the library's name for it."""
    if pointer == ffi.NULL:
        return None
    return int(lib.mbedtls_ssl_get_ciphersuite_id(pointer)) or None
