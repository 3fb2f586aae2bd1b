"""Early data: what a ticket allows, and a server's memory of the ClientHellos whose early data it has taken."""

from __future__ import annotations

import itertools
import threading
import time
import weakref
from typing import Any, Final

from ...core._foreign import keep_for_thread
from . import native
from .native import ffi, lib

_EARLY_DATA: Final = 42  # the extension, RFC 8446 section 4.2.10
_ENTRY_EXISTS: Final = -428
_MOST_ENTRIES: Final = 100_000

_numbers: Final = itertools.count(1)
_memories: Final[weakref.WeakValueDictionary[int, AntiReplay]] = weakref.WeakValueDictionary()


def allowed_by(ticket: bytes) -> int:
    """How much early data a NewSessionTicket of TLS 1.3 allows (RFC 8446 section 4.6.1)."""
    begin = 9 + ticket[8]  # behind lifetime, age_add and nonce
    begin += 2 + int.from_bytes(ticket[begin : begin + 2], "big")
    extensions = ticket[begin + 2 :]
    while len(extensions) >= 4:
        kind, size = int.from_bytes(extensions[:2], "big"), int.from_bytes(extensions[2:4], "big")
        if kind == _EARLY_DATA:
            return int.from_bytes(extensions[4 : 4 + size], "big")
        extensions = extensions[4 + size :]
    return 0


class AntiReplay:
    """Lets the early data of a ClientHello through once (RFC 8446 section 8.2).

    Attributes:
        native: a gnutls_anti_replay_t.
    """

    def __init__(self) -> None:
        self.native = native.owned("gnutls_anti_replay_t", lib.gnutls_anti_replay_init, lib.gnutls_anti_replay_deinit)
        self._lock = threading.Lock()
        self._seen: dict[bytes, float] = {}
        number = next(_numbers)
        _memories[number] = self
        lib.gnutls_anti_replay_set_ptr(self.native, number)
        lib.gnutls_anti_replay_set_add_function(self.native, _add)

    def add(self, key: bytes, expires: float) -> bool:
        """Note a ClientHello; False if it was there already, or there is no room to remember it."""
        with self._lock:
            if key in self._seen:
                return False
            if len(self._seen) >= _MOST_ENTRIES:
                now = time.time()
                self._seen = {item: end for item, end in self._seen.items() if end > now}
            if len(self._seen) >= _MOST_ENTRIES:
                return False
            self._seen[key] = expires
            return True


@ffi.callback(
    "int(uintptr_t, intptr_t, const gnutls_datum_t *, const gnutls_datum_t *)",
    error=_ENTRY_EXISTS,
    onerror=keep_for_thread,
)  # type: ignore[untyped-decorator]
def _add(number: int, expires: int, key: Any, data: Any) -> int:
    memory = _memories.get(number)
    return 0 if memory is not None and memory.add(native.content(key), expires) else _ENTRY_EXISTS
