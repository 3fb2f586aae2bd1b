"""Sessions kept for resumption (RFC 8446 section 2.2, RFC 5077)."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

from ._errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Session:
    """One resumable session. It holds secrets, so its ``repr`` shows none of it, and it is not pickled or copied.

    Attributes:
        native: the library's own handle.
        expires: seconds since the epoch; never offered later. No certificate of the path ends before, but for the anchor.
        single_use: whether it may be offered once only, as with TLS 1.3 (RFC 8446 appendix C.4).
        owner: the native context the session belongs to; it is offered with no other.
        chain: the path that was trusted when the session was made, leaf first.
    """

    native: Any = field(repr=False)
    expires: float
    single_use: bool
    owner: Any = field(repr=False, default=None)
    chain: tuple[bytes, ...] = field(repr=False, default=())

    def __reduce__(self) -> str:
        raise TypeError("a session cannot be pickled")


class SessionCache:
    """A bounded cache of client sessions. Safe to share between threads and contexts.

    An entry is found only by exactly what it was made with: backend and version, peer, server name, acceptable
    subjects, trust, validation, own identity, protocols, versions and ciphers. So a session made for one name never
    resumes as another.

    Args:
        max_entries: how many peers are remembered; the one not used for longest goes first.
        sessions_per_peer: how many sessions are kept for each, the newest.

    Raises:
        ConfigurationError: a bound is not positive.
    """

    __slots__ = ("_entries", "_gone", "_lock", "_max_entries", "_per_peer")

    def __init__(self, max_entries: int = 256, sessions_per_peer: int = 4) -> None:
        if max_entries < 1 or sessions_per_peer < 1:
            raise ConfigurationError("a session cache needs room for one entry at least")
        self._max_entries = max_entries
        self._per_peer = sessions_per_peer
        self._lock = threading.Lock()
        self._entries: OrderedDict[Hashable, list[Session]] = OrderedDict()
        self._gone: deque[object] = deque()

    def put(self, key: Hashable, session: Session) -> None:
        """Keep `session` under `key`."""
        with self._lock:
            sessions = self._entries.setdefault(key, [])
            sessions.append(session)
            del sessions[: -self._per_peer]
            self._entries.move_to_end(key)
            while len(self._entries) > self._max_entries:
                self._entries.popitem(last=False)
            self._sweep()

    def get(self, key: Hashable, owner: object, now: float) -> Session | None:
        """Give the newest session for `key` that belongs to `owner` and has not expired, or `None`.

        A single-use session is taken out.

        Args:
            key: what the connection is.
            owner: the native context it is for.
            now: seconds since the epoch.
        """
        with self._lock:
            sessions = self._entries.get(key, [])
            sessions[:] = [item for item in sessions if item.expires > now and item.owner is owner]
            if not sessions:
                self._entries.pop(key, None)
                return None
            self._entries.move_to_end(key)
            return sessions.pop() if sessions[-1].single_use else sessions[-1]

    def drop(self, key: Hashable, session: Session) -> None:
        """Forget one session, if it is still there.

        Args:
            key: what the connection is that it was kept for.
            session: it, and no other that is equal.
        """
        with self._lock:
            sessions = self._entries.get(key, [])
            sessions[:] = [item for item in sessions if item is not session]
            if not sessions:
                self._entries.pop(key, None)

    def drop_owner(self, owner: object) -> None:
        """Forget every session that belongs to the native context `owner`; it is not asked for again.

        The garbage collector calls this, maybe in the midst of another method in the same thread: so it never waits. While
        the cache is in use, the sessions stay until the next session is kept, or the next owner goes.
        """
        self._gone.append(owner)
        if self._lock.acquire(blocking=False):
            try:
                self._sweep()
            finally:
                self._lock.release()

    def _sweep(self) -> None:
        """Forget what belongs to owners that are gone."""
        while self._gone:
            owner = self._gone.popleft()
            for key, sessions in list(self._entries.items()):
                sessions[:] = [item for item in sessions if item.owner is not owner]
                if not sessions:
                    del self._entries[key]

    def clear(self) -> None:
        """Forget all sessions."""
        with self._lock:
            self._entries.clear()

    def __len__(self) -> int:
        with self._lock:
            self._sweep()
            return sum(map(len, self._entries.values()))
