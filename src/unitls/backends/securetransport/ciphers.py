"""The cipher suites of SecureTransport: which it has, and how it takes their numbers."""

from __future__ import annotations

import ctypes
import functools
import re
from collections.abc import Iterable
from typing import Any, Final

from ...api._cipher_values import cipher_suite
from ...platforms.macos._foundation import Owned
from . import native

_USABLE: Final = re.compile(r"TLS_(ECDHE_ECDSA|ECDHE_RSA|RSA)_WITH_(AES_\d+_(GCM|CBC)|CHACHA20_POLY1305)_SHA\d*$")
"""No suites without authentication or encryption; none with DHE, whose group the library bounds by no public call."""
_STRONG: Final = re.compile(r"TLS_ECDHE_\w+_(GCM|CHACHA20_POLY1305)_SHA\d+$")
_OLD: Final = re.compile(r"TLS_ECDHE_\w+_CBC_SHA$")
_WIDE: Final = 4
_NARROW: Final = 2
_UNTOUCHED: Final = b"\xff"


def values_in(memory: bytes, count: int) -> tuple[int, tuple[int, ...]]:
    """The suites that the library has written, and how many bytes each takes.

    The type of a suite has 32 bits on Intel and 16 on ARM. Which it is shows by how far the library has written.

    Args:
        memory: 4 bytes for each suite, all of them 0xff before the library wrote.
        count: how many suites there are.
    """
    half = count * _NARROW
    size = _NARROW if memory[half : 2 * half] == _UNTOUCHED * half else _WIDE
    return size, tuple(int.from_bytes(memory[index * size : (index + 1) * size], "little") for index in range(count))


@functools.cache
def _supported() -> tuple[int, tuple[int, ...]]:
    security, count = native.frameworks().security, ctypes.c_size_t()
    session = Owned(security.SSLCreateContext(None, native.CLIENT_SIDE, native.STREAM))
    native.check(security.SSLGetNumberSupportedCiphers(session, ctypes.byref(count)))
    memory = ctypes.create_string_buffer(_UNTOUCHED * _WIDE * count.value, _WIDE * count.value)
    native.check(security.SSLGetSupportedCiphers(session, memory, ctypes.byref(count)))
    return values_in(memory.raw, count.value)


def _named(value: int) -> str:
    suite = cipher_suite(value) if value <= 0xFFFF else value
    return str(getattr(suite, "name", ""))


@functools.cache
def available() -> tuple[int, ...]:
    """Every suite that can be negotiated, as IANA values by preference: forward secrecy and authentication first."""
    usable = [value for value in _supported()[1] if _USABLE.match(_named(value))]
    return tuple(sorted(usable, key=lambda value: (not _STRONG.match(_named(value)), "ECDHE" not in _named(value))))


def default() -> tuple[int, ...]:
    """The suites enabled when none are chosen: with forward secrecy and authenticated encryption."""
    return tuple(value for value in available() if _STRONG.match(_named(value)))


def old_default() -> tuple[int, ...]:
    """The suites enabled besides where versions before TLS 1.2 are: with forward secrecy and SHA-1."""
    return tuple(value for value in available() if _OLD.match(_named(value)))


def packed(values: Iterable[int]) -> bytes:
    """Suites as the library takes them."""
    size = _supported()[0]
    return b"".join(value.to_bytes(size, "little") for value in values)


def negotiated(session: Any) -> int | None:
    """The suite of a connection; `None` before there is one."""
    memory = ctypes.create_string_buffer(_WIDE)  # zeros behind a short number: both sizes read alike
    if native.frameworks().security.SSLGetNegotiatedCipher(session, memory) != native.OK:
        return None
    return int.from_bytes(memory.raw, "little") or None
