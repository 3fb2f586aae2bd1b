"""Between IANA numbers and OpenSSL's own names of cipher suites."""

from __future__ import annotations

import functools
import ssl
from collections.abc import Iterable
from typing import Final

from ...api._cipher_values import is_tls13_suite

SECURITY_LEVEL: Final = "@SECLEVEL=2"
"""At least 112 bits: RSA keys of 2048 bits, no SHA-1 signatures (SSL_CTX_set_security_level)."""
DEFAULT: Final = f"{SECURITY_LEVEL}:ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20:!aNULL:!PSK:!aDSS"
"""Forward secrecy and authenticated encryption; the TLS 1.3 suites are the module's own."""
_EVERYTHING: Final = f"{SECURITY_LEVEL}:ALL:!aNULL:!eNULL:!PSK:!SRP"


def _listed(context: ssl.SSLContext) -> dict[int, str]:
    # OpenSSL's "id" is the IANA value with a marker of the protocol family in its upper half.
    return {item["id"] & 0xFFFF: item["name"] for item in context.get_ciphers()}


@functools.cache
def available() -> dict[int, str]:
    """Every suite the library can negotiate here: IANA value to OpenSSL name, TLS 1.3 first."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers(_EVERYTHING)
    return _listed(context)


@functools.cache
def default() -> tuple[int, ...]:
    """The suites of `DEFAULT`, as IANA values."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers(DEFAULT)
    return tuple(_listed(context))


@functools.cache
def _values() -> dict[str, int]:
    return {name: value for value, name in available().items()}


def from_name(name: str) -> int | None:
    """The IANA value of OpenSSL's `name`."""
    return _values().get(name)


def cipher_string(suites: Iterable[int]) -> str:
    """What `set_ciphers` takes to enable exactly these suites up to TLS 1.2."""
    names = available()
    return ":".join([SECURITY_LEVEL, *(names[suite] for suite in suites if not is_tls13_suite(suite))])
