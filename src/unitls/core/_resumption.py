"""Which session may be offered on which connection, and when a new one is kept."""

from __future__ import annotations

import time
from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

from ..api._configuration import TLSClientConfiguration
from ..api._sessions import Session
from ._names import PeerNames
from ._provider import Engine
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
    key = (native, names, peer)
    return key, configuration.session_cache.get(key, native, time.time())


def keep_session(
    natives: Natives,
    key: Hashable,
    engine: Engine,
    leaf: bytes | None,
    offered: Session | None,
    path: tuple[bytes, ...] = (),
) -> bool:
    """Put a new session into the cache; False if the server has not given one yet.

    It keeps the path that was trusted: `path` where not the library has verified it; one that comes of a resumed session
    (`offered`) inherits the path of that one.
    """
    session = engine.session()
    if session is None:
        return False
    configuration = natives.configuration
    assert isinstance(configuration, TLSClientConfiguration)
    assert configuration.session_cache is not None
    if leaf is not None and configuration.validate_certificates:
        chain = path or tuple(engine.verified_chain()) or (offered.chain if offered is not None else ())
        expires = min(session.expires, certificate_fields(leaf).not_after)
        session = Session(session.native, expires, session.single_use, session.owner, chain)
    configuration.session_cache.put(key, session)
    return True
