"""Between IANA numbers and OpenSSL's own names: of cipher suites, groups and signature algorithms."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from ...api._cipher_values import is_tls13_suite
from .native import HAS_GROUPS, NULL, SSL, ERR_clear_error, ffi, lib

SECURITY_LEVEL: Final = "@SECLEVEL=2"
"""At least 112 bits: RSA keys of 2048 bits, no SHA-1 signatures (SSL_CTX_set_security_level)."""
DEFAULT: Final = f"{SECURITY_LEVEL}:ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20:!aNULL:!PSK:!aDSS"
"""Forward secrecy and authenticated encryption; the TLS 1.3 suites are OpenSSL's own."""
_EVERYTHING: Final = f"{SECURITY_LEVEL}:ALL:!aNULL:!eNULL:!PSK:!SRP"
_TLS13: Final[tuple[int, ...]] = (0x1302, 0x1303, 0x1301, 0x1304)
_LEAST_BITS: Final = 112
# Where the registry has suites; the rest of its 65,536 numbers is empty.
_RANGES: Final = (range(0x0001, 0x0100), range(0x1301, 0x1308), range(0xC001, 0xC100), range(0xCCA8, 0xCCAF))
X25519MLKEM768: Final = 4588


def _connection(cipher_list: str) -> SSL.Connection:
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_cipher_list(cipher_list.encode())
    return SSL.Connection(context, None)


def _find(ssl: Any, value: int) -> Any:
    return lib.SSL_CIPHER_find(ssl, value.to_bytes(2, "big"))


def _name(cipher: Any) -> str:
    return ffi.string(lib.SSL_CIPHER_get_name(cipher)).decode()  # type: ignore[no-any-return]


@functools.cache
def _known() -> dict[str, int]:
    """Every suite OpenSSL knows, by its name."""
    ssl: Any = _connection(_EVERYTHING)._ssl
    found = ((value, _find(ssl, value)) for values in _RANGES for value in values)
    return {
        _name(cipher): value
        for value, cipher in found
        if cipher and lib.SSL_CIPHER_get_bits(cipher, NULL) >= _LEAST_BITS
    }


def _listed(connection: SSL.Connection) -> Iterator[tuple[int, str]]:
    known = _known()
    for name in connection.get_cipher_list():
        if name in known and not is_tls13_suite(known[name]):
            yield known[name], name


@functools.cache
def available() -> dict[int, str]:
    """Every suite the library can negotiate here: IANA value to OpenSSL's name, TLS 1.3 first."""
    names = {value: name for name, value in _known().items()}
    new = {value: names[value] for value in _TLS13 if value in names}
    return {**new, **dict(_listed(_connection(_EVERYTHING)))}


@functools.cache
def default() -> tuple[int, ...]:
    """The suites of `DEFAULT`, and those of TLS 1.3 that OpenSSL enables by itself, as IANA values."""
    connection = _connection(DEFAULT)
    known = _known()
    new = [known[name] for name in connection.get_cipher_list() if is_tls13_suite(known.get(name, 0))]
    return (*new, *(value for value, _ in _listed(connection)))


def current(ssl: Any) -> int | None:
    """The suite of a connection, as IANA value (SSL_get_current_cipher)."""
    cipher = lib.SSL_get_current_cipher(ssl)
    return _known().get(_name(cipher)) if cipher else None


def cipher_list(suites: Iterable[int]) -> bytes:
    """What `set_cipher_list` takes to enable exactly these suites up to TLS 1.2."""
    names = available()
    return ":".join([SECURITY_LEVEL, *(names[suite] for suite in suites if not is_tls13_suite(suite))]).encode()


def tls13_list(suites: Iterable[int]) -> bytes:
    """What SSL_CTX_set_ciphersuites takes to enable exactly these suites of TLS 1.3."""
    return ":".join(available()[suite] for suite in suites).encode()


# ---------------------------------------------------------------------------------------------- groups, signature algorithms


def _usable(names: dict[int, str], setter: Callable[[Any, bytes], int]) -> dict[int, str]:
    context: Any = SSL.Context(SSL.TLS_METHOD)._context
    found = {value: name for value, name in names.items() if setter(context, name.encode()) == 1}
    ERR_clear_error()
    return found


@functools.cache
def groups() -> dict[int, str]:
    """The key exchange groups the library has: IANA value to OpenSSL's name."""
    from ...api._groups import NamedGroup

    if not HAS_GROUPS:
        return {}
    return _usable({group.value: group.name.lower() for group in NamedGroup}, lib.SSL_CTX_set1_curves_list)


@functools.cache
def _group_values() -> dict[str, int]:
    from ...api._groups import NamedGroup

    return {group.name.lower(): group.value for group in NamedGroup}


def group_of(name: str | None) -> int | None:
    """The IANA value for the name of a group (SSL_get0_group_name)."""
    return None if name is None else _group_values().get(name.lower())


@functools.cache
def schemes() -> dict[int, str]:
    """The signature algorithms the library has: IANA value to OpenSSL's name."""
    from ...api._groups import SignatureScheme

    return _usable({scheme.value: scheme.name.lower() for scheme in SignatureScheme}, lib.SSL_CTX_set1_sigalgs_list)


def has_post_quantum() -> bool:
    """Whether the library has the hybrid group X25519MLKEM768 (OpenSSL 3.5)."""
    return X25519MLKEM768 in groups()
