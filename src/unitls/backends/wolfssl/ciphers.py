"""The cipher suites of wolfSSL: what its build has, and what is on when nobody chooses."""

from __future__ import annotations

import functools
from typing import Final

from .native import ffi, lib

# ChaCha20 stands before AES-GCM: common builds of wolfSSL (Debian's among them) do AES without the processor's help.
_DEFAULT: Final = (
    0x1303, 0x1301, 0x1302, 0xCCA9, 0xCCA8, 0xC02B, 0xC02F, 0xC02C, 0xC030,
)  # fmt: skip
_BEFORE_TLS12: Final = (0xC009, 0xC00A, 0xC013, 0xC014)
"""With forward secrecy; TLS 1.1 has nothing better than CBC."""
_NAMES_SIZE: Final = 16384
# Without encryption, without a certificate, by a key that was agreed on before, or with a broken cipher: never on.
_REFUSED: Final = (
    "NULL", "ADH", "AECDH", "ANON", "PSK", "RC4", "RABBIT", "IDEA", "HC128", "DES-CBC-SHA", "DES-CBC3-SHA", "-OLD",
    "TLS13-SHA",
)  # fmt: skip
_SCSVS: Final = frozenset({0x00FF, 0x5600})


@functools.cache
def available() -> tuple[int, ...]:
    """Every suite of this build that protects anything, as IANA values; those that are on by default come first."""
    names = ffi.new("char[]", _NAMES_SIZE)
    lib.wolfSSL_get_ciphers(names, _NAMES_SIZE)
    values = (_value(name) for name in ffi.string(names).split(b":") if not _is_refused(name.decode("ascii")))
    found = {value for value in values if value is not None} - _SCSVS
    first = [suite for suite in (*_DEFAULT, *_BEFORE_TLS12) if suite in found]
    return (*first, *sorted(found.difference(first)))


def default(*, old_versions: bool = False) -> tuple[int, ...]:
    """The suites enabled when none are chosen: with forward secrecy, and authenticated encryption where that exists.

    Args:
        old_versions: whether versions before TLS 1.2 are allowed.
    """
    chosen = _DEFAULT + _BEFORE_TLS12 if old_versions else _DEFAULT
    return tuple(suite for suite in chosen if suite in available())


def _is_refused(name: str) -> bool:
    return any(word in name.upper() for word in _REFUSED)


def _value(name: bytes) -> int | None:
    high, low, flags = ffi.new("unsigned char *"), ffi.new("unsigned char *"), ffi.new("int *")
    if lib.wolfSSL_get_cipher_suite_from_name(name, high, low, flags) != 0:
        return None
    return int(high[0]) << 8 | int(low[0])
