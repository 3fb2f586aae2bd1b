"""Sessions that a client keeps: as bytes, which hold no memory of the library's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from . import native
from .native import NULL, ffi, lib


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class SavedSession:
    """A session.

    Attributes:
        content: as the library writes it.
        chain: what the server sent when the session was made.
    """

    content: bytes
    chain: tuple[bytes, ...]


def save(raw: Any, chain: tuple[bytes, ...]) -> SavedSession | None:
    """Take the session of a connection; `None` if the library does not give it.

    Args:
        raw: the connection.
        chain: what the peer has sent.
    """
    session, size = native.new("ssl_session"), ffi.new("size_t *")
    if lib.mbedtls_ssl_get_session(raw, session):
        return None
    lib.mbedtls_ssl_session_save(session, NULL, 0, size)
    content = ffi.new("unsigned char[]", size[0])
    if lib.mbedtls_ssl_session_save(session, content, size[0], size):
        return None
    return SavedSession(bytes(ffi.buffer(content, size[0])), chain)


def offer(raw: Any, saved: SavedSession) -> bool:
    """Have a connection offer a session; False if the library does not take it back, and a full handshake is made."""
    session = native.new("ssl_session")
    if lib.mbedtls_ssl_session_load(session, saved.content, len(saved.content)):
        return False
    return lib.mbedtls_ssl_set_session(raw, session) == 0  # type: ignore[no-any-return]
