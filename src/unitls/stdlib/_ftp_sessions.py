"""Sessions that a data connection takes over from the control connection."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable
from typing import Any

from ..api._context import ClientContext
from ..api._features import Feature
from ..api._sessions import Session, SessionCache


class FTPSessionCache(SessionCache):
    """A session cache that looks at a server's address, and not at its port.

    Each data connection of FTP has a port of its own. Many servers accept it only if it resumes the session of the
    control connection, since that shows them that both come from the same client. Everything else that tells sessions
    apart (native context, names, address) stays.

    A TLS 1.3 session, which is offered once only elsewhere, may be offered again here when no newer one has come: reuse
    would let an observer link the connections (RFC 8446 appendix C.4), but those of one FTP session are linked anyway.

    Args:
        max_entries: how many servers are remembered.
        sessions_per_peer: how many sessions are kept for each.
    """

    __slots__ = ("_last",)

    def __init__(self, max_entries: int = 256, sessions_per_peer: int = 4) -> None:
        super().__init__(max_entries, sessions_per_peer)
        self._last: dict[Hashable, Session] = {}

    def put(self, key: Hashable, session: Session) -> None:
        """Keep `session` under `key`, apart from the port in it."""
        super().put(_without_port(key), session)

    def get(self, key: Hashable, owner: object, now: float) -> Session | None:
        """Give the newest session for `key`, apart from the port in it, that belongs to `owner` at the time `now`."""
        key = _without_port(key)
        session = super().get(key, owner, now)
        if session is not None:
            self._last = {key: session}
            return session
        last = self._last.get(key)
        return last if last is not None and last.owner is owner and last.expires > now else None

    def drop_owner(self, owner: object) -> None:
        """Forget every session that belongs to the native context `owner`."""
        super().drop_owner(owner)
        self._last = {key: item for key, item in self._last.items() if item.owner is not owner}

    def clear(self) -> None:
        """Forget all sessions."""
        super().clear()
        self._last = {}


def _without_port(key: Any) -> Hashable:
    """The key of a session is what the connection is, with the peer's address last."""
    *rest, peer = key
    return (*rest, peer[0] if isinstance(peer, tuple) else peer)


def with_sessions(context: ClientContext) -> ClientContext:
    """`context`, or one like it whose sessions can be taken over by data connections, where the backend can do that."""
    configuration = context.configuration
    if isinstance(configuration.session_cache, FTPSessionCache):
        return context
    if not context.backend.capabilities.supports(Feature.SESSION_RESUMPTION):
        return context
    return context.backend.client_context(dataclasses.replace(configuration, session_cache=FTPSessionCache()))
