"""Which session may be offered on which connection, and when a new one is kept."""

from __future__ import annotations

import time
from collections.abc import Hashable
from math import inf
from typing import TYPE_CHECKING, Any

from ..api._configuration import TLSClientConfiguration
from ..api._sessions import Session
from ._clock import ClockFailed, time_by
from ._names import PeerNames
from ._provider import Engine
from ._verdict import Accepted
from ._x509 import certificate_fields

if TYPE_CHECKING:
    from ._context import Natives


def find_session(natives: Natives, native: Any, names: PeerNames, peer: Any) -> tuple[Hashable | None, Session | None]:
    """The key under which sessions of this connection are kept, and one to offer.

    Returns:
        The key, `None` without a cache; and a session, `None` if there is none that fits exactly.
    """
    configuration = natives.configuration
    if not isinstance(configuration, TLSClientConfiguration) or configuration.session_cache is None:
        return None, None
    # A native context has one configuration: it stands for the library, trust, validation, own identity, protocols,
    # versions and ciphers.
    key = (native, names.key, peer)
    return key, configuration.session_cache.get(key, native, _latest(configuration))


def _latest(configuration: TLSClientConfiguration) -> float:
    """The time by which a session must not have expired: now, or what the program's clock says where that is later."""
    now = time.time()
    if configuration.verification_time is None:
        return now
    try:
        return max(now, time_by(configuration.verification_time))
    except ClockFailed:
        return inf  # it will fail in the handshake again, which has words for it


def forget_session(natives: Natives, key: Hashable | None, offered: Session | None) -> None:
    """Take the session out of the cache that a connection has offered which was lost (RFC 5246 section 7.2.2).

    A server may have refused it: the next connection makes a full handshake.
    """
    cache = getattr(natives.configuration, "session_cache", None)
    if cache is not None and offered is not None:
        cache.drop(key, offered)


def keep_session(
    natives: Natives,
    key: Hashable,
    engine: Engine,
    accepted: Accepted | None,
    offered: Session | None,
) -> bool:
    """Put a new session into the cache; False if the server has not given one yet.

    It keeps the path that was trusted: one that comes of a resumed session (`offered`) inherits the path of that one.
    """
    session = engine.session()
    if session is None:
        return False
    configuration = natives.configuration
    assert isinstance(configuration, TLSClientConfiguration)
    assert configuration.session_cache is not None
    if accepted is not None and accepted.leaf is not None:
        chain = accepted.path or tuple(engine.verified_chain()) or (offered.chain if offered is not None else ())
        # Nobody verifies the path again: behind the end of a certificate in it, the anchor's apart, there is no resuming.
        ends = (certificate_fields(der).not_after for der in (accepted.leaf, *chain[1:-1]))
        expires = min(session.expires, *ends)
        session = Session(session.native, expires, session.single_use, session.owner, chain)
    configuration.session_cache.put(key, session)
    return True
