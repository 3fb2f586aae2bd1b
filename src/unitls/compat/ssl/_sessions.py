"""Sessions: resumption happens where a program asks for it, with the session it gives."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from typing import Any

from ...api._sessions import Session, SessionCache


class SSLSession:
    """A session that can be resumed: `SSLSocket.session`, and an argument of `SSLContext.wrap_socket`.

    Made by the face only.
    """

    __slots__ = ("_context", "_key", "_made", "_native", "_session", "_used")

    def __init__(self, context: Any, key: Hashable, session: Session) -> None:
        self._context = weakref.ref(context)
        self._key = key
        self._session = session
        self._native = session.native
        self._made = time.time()
        self._used = False

    def _belongs_to(self, context: Any) -> bool:
        return self._context() is context

    def _take(self, key: Any, owner: object, now: float) -> Session | None:
        """The session, if it may be offered under `key`: the same library context, the same names."""
        mine: Any = self._key
        session = self._session
        if session.owner is not owner or session.expires <= now or key[1] != mine[1]:
            return None
        if session.single_use and self._used:
            return None
        self._used = True
        return session

    @property
    def id(self) -> bytes:
        """The session's identifier, where the library tells it; else ``b""``."""
        found = getattr(self._native, "id", b"")
        return found if isinstance(found, bytes) else b""

    @property
    def time(self) -> int:
        """When it was made, in seconds since the epoch."""
        return int(getattr(self._native, "time", self._made))

    @property
    def timeout(self) -> int:
        """How many seconds it can be used from then on."""
        return max(0, int(self._session.expires - self.time))

    @property
    def ticket_lifetime_hint(self) -> int:
        """What the server said about that; the same as `timeout` where the library does not tell it."""
        return int(getattr(self._native, "ticket_lifetime_hint", self.timeout))

    @property
    def has_ticket(self) -> bool:
        """Whether it is kept in a ticket; libraries that do not tell have no other kind."""
        return bool(getattr(self._native, "has_ticket", True))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SSLSession):
            return NotImplemented
        return self._session is other._session

    def __hash__(self) -> int:
        return id(self._session)


class ContextSessions(SessionCache):
    """The sessions of one context's connections. None is offered unless the program gave it for this connection."""

    __slots__ = ("_offer",)

    def __init__(self) -> None:
        super().__init__()
        self._offer = threading.local()

    @contextmanager
    def offering(self, session: SSLSession) -> Iterator[None]:
        """Offer `session` with the connection that is begun inside, by this thread."""
        self._offer.session = session
        try:
            yield
        finally:
            self._offer.session = None

    def get(self, key: Hashable, owner: object, now: float) -> Session | None:
        """The session this thread offers now, if it fits."""
        offered: SSLSession | None = getattr(self._offer, "session", None)
        return None if offered is None else offered._take(key, owner, now)

    def newest(self, key: Hashable) -> Session | None:
        """The last session that came in under `key`."""
        with self._lock:
            sessions = self._entries.get(key)
            return sessions[-1] if sessions else None
