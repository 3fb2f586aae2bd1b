"""Sessions that a server keeps itself, for clients of TLS 1.2 that take no tickets (RFC 5246 section 7.4.1.2).

wolfSSL's own cache is one for the whole process, whoever trusts whom. Here each native context has its own.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from typing import Any, Final

from ...core._foreign import Transport, guarded
from ._facts import TLS13
from ._sessions import restored, written
from .native import ffi, keep, lib

_ENTRIES: Final = 256
_LIFETIME: Final = 7200
_FREE_IT: Final = 0
"""To wolfSSL: the session that you have handed over is yours to free."""


class SessionStore:
    """The sessions of one server, by their identifiers: the newest, for two hours. Safe to share between threads."""

    __slots__ = ("_entries", "_lock")

    def __init__(self) -> None:
        self._entries: OrderedDict[bytes, tuple[float, bytes]] = OrderedDict()
        self._lock = threading.Lock()

    def put(self, identifier: bytes, content: bytes) -> None:
        """Keep a session."""
        with self._lock:
            self._entries[identifier] = time.time() + _LIFETIME, content
            while len(self._entries) > _ENTRIES:
                self._entries.popitem(last=False)

    def get(self, identifier: bytes) -> bytes | None:
        """A session that has not expired."""
        with self._lock:
            expires, content = self._entries.get(identifier, (0.0, b""))
        return content if expires > time.time() else None


def install(context: Any) -> None:
    """Let a native context ask us for sessions."""
    lib.wolfSSL_CTX_sess_set_new_cb(context, new_session)
    lib.wolfSSL_CTX_sess_set_get_cb(context, find_session)


@guarded(_FREE_IT)
def _keep(connection: Transport, raw: Any, session: Any) -> int:
    size = ffi.new("unsigned int *")
    identifier = lib.wolfSSL_SESSION_get_id(session, size)
    if lib.wolfSSL_version(raw) != TLS13 and size[0]:
        connection.owner.store.put(bytes(ffi.buffer(identifier, size[0])), written(session))
    return _FREE_IT


@ffi.callback("SessionNewCb", error=_FREE_IT, onerror=keep)  # type: ignore[untyped-decorator]
def new_session(raw: Any, session: Any) -> int:
    """Keep a session of a handshake that is done."""
    return _keep(lib.wolfSSL_get_app_data(raw), raw, session)


@guarded(ffi.NULL)
def _found(connection: Transport, identifier: bytes) -> Any:
    content = connection.owner.store.get(identifier)
    return ffi.NULL if content is None else restored(content)


@ffi.callback("SessionGetCb", error=ffi.NULL, onerror=keep)  # type: ignore[untyped-decorator]
def find_session(raw: Any, identifier: Any, size: int, must_copy: Any) -> Any:
    """Give wolfSSL the session that a client offers, if it is here."""
    must_copy[0] = 0
    return _found(lib.wolfSSL_get_app_data(raw), bytes(ffi.buffer(identifier, size)))
