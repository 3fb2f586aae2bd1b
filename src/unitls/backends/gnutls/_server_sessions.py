"""A server's memory of TLS 1.2 sessions, for clients that take no tickets (RFC 5246 section 7.4.1.2)."""

from __future__ import annotations

import itertools
import threading
import weakref
from collections import OrderedDict
from typing import Any, Final

from ...core._foreign import keep_for_thread
from . import native
from .native import NULL, ffi, lib

_MOST_ENTRIES: Final = 256
_numbers: Final = itertools.count(1)
_memories: Final[weakref.WeakValueDictionary[int, ServerSessions]] = weakref.WeakValueDictionary()


class ServerSessions:
    """The sessions of one server context, a bounded number of them; the oldest goes first. The library dates them itself."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: OrderedDict[bytes, bytes] = OrderedDict()
        self._number = next(_numbers)
        _memories[self._number] = self

    def attach(self, session: Any) -> None:
        """Let a gnutls_session_t use them."""
        lib.gnutls_db_set_ptr(session, self._number)
        lib.gnutls_db_set_store_function(session, _store)
        lib.gnutls_db_set_retrieve_function(session, _retrieve)
        lib.gnutls_db_set_remove_function(session, _remove)

    def put(self, key: bytes, data: bytes) -> None:
        """Keep a session."""
        with self._lock:
            self._entries[key] = data
            while len(self._entries) > _MOST_ENTRIES:
                self._entries.popitem(last=False)

    def get(self, key: bytes) -> bytes | None:
        """Find a session."""
        with self._lock:
            return self._entries.get(key)

    def drop(self, key: bytes) -> None:
        """Forget a session."""
        with self._lock:
            self._entries.pop(key, None)


@ffi.callback("int(uintptr_t, gnutls_datum_t, gnutls_datum_t)", error=-1, onerror=keep_for_thread)  # type: ignore[untyped-decorator]
def _store(number: int, key: Any, data: Any) -> int:
    memory = _memories.get(number)
    if memory is None:
        return -1
    memory.put(native.content(key), native.content(data))
    return 0


@ffi.callback("gnutls_datum_t(uintptr_t, gnutls_datum_t)", error=(NULL, 0), onerror=keep_for_thread)  # type: ignore[untyped-decorator]
def _retrieve(number: int, key: Any) -> Any:
    memory, place = _memories.get(number), ffi.new("gnutls_datum_t *")
    data = None if memory is None else memory.get(native.content(key))
    if data is not None:
        native.allocated(place, data)
    return place[0]


@ffi.callback("int(uintptr_t, gnutls_datum_t)", error=-1, onerror=keep_for_thread)  # type: ignore[untyped-decorator]
def _remove(number: int, key: Any) -> int:
    memory = _memories.get(number)
    if memory is not None:
        memory.drop(native.content(key))
    return 0
