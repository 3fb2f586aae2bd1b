"""The cipher suites of NSS. It knows them by their IANA values."""

from __future__ import annotations

import functools
from typing import Final

from .native import FAILURE, ffi, ssl

_PREFERRED: Final = (
    0x1301, 0x1303, 0x1302,
    0xC02B, 0xC02F, 0xCCA9, 0xCCA8, 0xC02C, 0xC030,
    0x009E, 0xCCAA, 0x009F,
)  # fmt: skip
"""Forward secrecy and authenticated encryption."""
_OLD: Final = (0xC009, 0xC013, 0xC00A, 0xC014)
"""What TLS 1.0 and 1.1 have with forward secrecy; offered only where one of them is allowed."""
_NULL_ENCRYPTION: Final = frozenset({0x0001, 0x0002, 0x003B, 0xC001, 0xC006, 0xC00B, 0xC010, 0xC015})


@functools.cache
def implemented() -> tuple[int, ...]:
    """Every suite that NSS implements."""
    numbers = ssl.SSL_GetImplementedCiphers()
    return tuple(numbers[index] for index in range(ssl.SSL_GetNumImplementedCiphers()))


@functools.cache
def available() -> tuple[int, ...]:
    """Every suite that NSS implements and its policy allows, the preferred ones first; none without encryption."""
    allowed = [suite for suite in implemented() if _is_allowed(suite) and suite not in _NULL_ENCRYPTION]
    known = frozenset(allowed)
    return tuple(dict.fromkeys([*(suite for suite in _PREFERRED if suite in known), *allowed]))


def _is_allowed(suite: int) -> bool:
    policy = ffi.new("int32_t *")
    return bool(ssl.SSL_CipherPolicyGet(suite, policy) != FAILURE and policy[0])


def default() -> tuple[int, ...]:
    """The suites enabled when none are chosen."""
    known = frozenset(available())
    return tuple(suite for suite in _PREFERRED if suite in known)


def old_default() -> tuple[int, ...]:
    """The suites that come to `default` where TLS 1.0 or 1.1 is allowed."""
    known = frozenset(available())
    return tuple(suite for suite in _OLD if suite in known)
