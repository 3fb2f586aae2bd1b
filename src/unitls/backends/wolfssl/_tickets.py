"""Session tickets of a server: sealed here, so that their keys can be shared between servers and changed.

wolfSSL's own keys live in a random generator that two processes share after a fork, and so could use a nonce twice.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import weakref
from collections.abc import Callable
from typing import Any, Final

from ...core._foreign import Transport, guarded, keeping
from .native import ffi, lib

_OK: Final = 0
_REJECT: Final = 1
_FATAL: Final = -1
_NAME_SIZE: Final = 16
_KEY_SIZE: Final = 32
_NONCE_SIZE: Final = 12
_numbers: Final = itertools.count(1)
_known: Final[weakref.WeakValueDictionary[int, TicketKeys]] = weakref.WeakValueDictionary()


class TicketKeys:
    """The keys of one server's tickets: the first seals, all open.

    Args:
        secrets: as they are configured, of any length; `None` for one that this process makes up.

    Attributes:
        number: what wolfSSL hands back to the callback.
    """

    __slots__ = ("__weakref__", "_keys", "number")

    def __init__(self, secrets: tuple[bytes, ...] | None) -> None:
        self._keys = dict(map(_derived, secrets or (os.urandom(_KEY_SIZE),)))
        self.number = next(_numbers)
        _known[self.number] = self

    def seal(self, name: Any, nonce: Any, tag: Any, ticket: Any, size: int, taken: Any) -> int:
        """Encrypt a ticket in place, and say with which key."""
        chosen, key = next(iter(self._keys.items()))
        fresh = os.urandom(_NONCE_SIZE)
        ffi.memmove(name, chosen, _NAME_SIZE)
        ffi.memmove(nonce, fresh, _NONCE_SIZE)
        taken[0] = size
        result = lib.wc_ChaCha20Poly1305_Encrypt(key, fresh, chosen, _NAME_SIZE, ticket, size, ticket, tag)
        return _OK if result == 0 else _FATAL

    def open(self, name: Any, nonce: Any, tag: Any, ticket: Any, size: int, taken: Any) -> int:
        """Decrypt a ticket in place; one of another server leads to a full handshake."""
        chosen = bytes(ffi.buffer(name, _NAME_SIZE))
        key = self._keys.get(chosen)
        if key is None:
            return _REJECT
        taken[0] = size
        result = lib.wc_ChaCha20Poly1305_Decrypt(key, nonce, chosen, _NAME_SIZE, ticket, size, tag, ticket)
        return _OK if result == 0 else _REJECT


def _derived(secret: bytes) -> tuple[bytes, bytes]:
    """The name and the key that come of a secret (which has no given length)."""
    spread = hashlib.shake_256(b"unitls wolfssl ticket\0" + secret).digest(_NAME_SIZE + _KEY_SIZE)
    return spread[:_NAME_SIZE], spread[_NAME_SIZE:]


@guarded(_FATAL)
def _done(_connection: Transport, work: Callable[..., int], *arguments: Any) -> int:
    return work(*arguments)


@ffi.callback("SessionTicketEncCb", error=_FATAL, onerror=keeping(raw=lib.wolfSSL_get_app_data))  # type: ignore[untyped-decorator]
def ticket(
    raw: Any, name: Any, nonce: Any, tag: Any, sealing: int, content: Any, size: int, taken: Any, number: int
) -> int:
    """Seal or open a ticket for wolfSSL."""
    keys = _known.get(number)
    if keys is None:
        return _FATAL if sealing else _REJECT
    work = keys.seal if sealing else keys.open
    return _done(lib.wolfSSL_get_app_data(raw), work, name, nonce, tag, content, size, taken)
