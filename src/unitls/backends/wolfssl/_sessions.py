"""Sessions of a client, as wolfSSL writes them down: bytes, so that no memory of C's outlives its connection."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, Final

from ...api._sessions import Session
from .native import ffi, lib

_LONGEST: Final = 7 * 24 * 3600
"""RFC 8446 section 4.6.1."""
_TICKET_ROOM: Final = 65536


@dataclass(frozen=True, slots=True)
class Saved:
    """A session that can be offered, and who the peer was.

    Attributes:
        content: as wolfSSL writes it; it holds secrets.
        ticket: the ticket in it; empty if the server keeps the session itself.
        chain: what the peer had sent.
    """

    content: bytes = field(repr=False)
    ticket: bytes = field(repr=False)
    chain: tuple[bytes, ...] = field(repr=False)


def offer(raw: Any, saved: Saved) -> None:
    """Offer a session. One that wolfSSL does not take leads to a full handshake."""
    session = restored(saved.content)
    if session:
        lib.wolfSSL_set_session(raw, session)
        lib.wolfSSL_SESSION_free(session)


def restored(content: bytes) -> Any:
    """A session that was written down; null if wolfSSL cannot read it. The caller has to free it.

    Whether it has expired is ours to say. (wolfSSL takes a lifetime hint of 0 for its end, though that says nothing, RFC 5077
    section 3.3.)
    """
    begin = ffi.new("const unsigned char **", ffi.from_buffer(content))
    session = lib.wolfSSL_d2i_SSL_SESSION(ffi.NULL, begin, len(content))
    if session:
        lib.wolfSSL_SSL_SESSION_set_timeout(session, _LONGEST)
    return session


def taken(raw: Any, chain: list[bytes], offered: Saved | None, owner: Any, *, is_tls13: bool) -> Session | None:
    """The session of a connection, if there is one that was not offered already.

    Args:
        raw: the connection.
        chain: what the peer has sent.
        offered: what was offered to it.
        owner: the native context.
        is_tls13: whether it is a TLS 1.3 connection.
    """
    ticket = _ticket(raw)
    if not ticket and (is_tls13 or not _identifier(raw)):
        return None
    if is_tls13 and offered is not None and offered.ticket == ticket:
        return None
    session = lib.wolfSSL_get1_session(raw)
    if not session:
        return None
    try:
        content = written(session)
        lifetime = lib.wolfSSL_SESSION_get_ticket_lifetime_hint(session)
    finally:
        lib.wolfSSL_SESSION_free(session)
    expires = time.time() + min(lifetime or _LONGEST, _LONGEST)
    saved = Saved(content, ticket, tuple(chain))
    return Session(saved, expires, single_use=is_tls13, owner=owner) if content else None


def peer_chain(raw: Any) -> list[bytes]:
    """The chain that wolfSSL keeps with the session, without large certificates."""
    kept = lib.wolfSSL_get_peer_chain(raw)
    return [
        bytes(ffi.buffer(lib.wolfSSL_get_chain_cert(kept, index), lib.wolfSSL_get_chain_length(kept, index)))
        for index in range(lib.wolfSSL_get_chain_count(kept) if kept else 0)
    ]


def _ticket(raw: Any) -> bytes:
    size, room = ffi.new("unsigned int *", _TICKET_ROOM), ffi.new("unsigned char[]", _TICKET_ROOM)
    lib.wolfSSL_get_SessionTicket(raw, room, size)
    return bytes(ffi.buffer(room, size[0]))


def _identifier(raw: Any) -> bool:
    size = ffi.new("unsigned int *")
    lib.wolfSSL_SESSION_get_id(lib.wolfSSL_get_session(raw), size)
    return bool(size[0])


def written(session: Any) -> bytes:
    """A session as bytes; empty if it cannot be written down."""
    size = lib.wolfSSL_i2d_SSL_SESSION(session, ffi.NULL)
    if size <= 0:
        return b""
    room = ffi.new("unsigned char[]", size)
    lib.wolfSSL_i2d_SSL_SESSION(session, ffi.new("unsigned char **", room))
    return bytes(ffi.buffer(room, size))
