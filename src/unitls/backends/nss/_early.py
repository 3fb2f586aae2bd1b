"""Early data (RFC 8446 section 2.3): a server's memory of the ClientHellos whose early data it has taken, and the data."""

from __future__ import annotations

from typing import Any, Final

from ...core._foreign import incoming_buffers
from . import native
from .native import WOULD_BLOCK, checked, ffi, nspr, ssl

_WINDOW: Final = 10_000_000
"""Microseconds. Early data is refused that comes half of it earlier or later than the age of its ticket says."""
_HASHES: Final = 7
_BITS: Final = 17
"""Two Bloom filters of 16 KiB: with 8,000 ClientHellos in a window one in a hundred is taken for a replay, and refused."""
_PIECE: Final = 16384
_NOTHING: Final = native.MemoryBuffer()


def let_in(model: Any, limit: int) -> None:
    """Let a server take early data, that of each ClientHello once (RFC 8446 section 8.2).

    Args:
        model: the settings of the server.
        limit: how much a connection may begin with.
    """
    place = ffi.new("SSLAntiReplayContext **")
    # For a first window NSS refuses everything, as it does not know what came before. Here nothing did: a ticket is good
    # at its own context only, and none is older than this.
    begun = nspr.PR_Now() - 2 * _WINDOW
    checked(native.create_anti_replay(begun, _WINDOW, _HASHES, _BITS, place))
    try:
        checked(native.set_anti_replay(model, place[0]))
    finally:
        native.release_anti_replay(place[0])
    checked(native.set_max_early_data(model, limit))
    checked(ssl.SSL_OptionSet(model, native.EARLY_DATA, 1))


def received(socket: Any, number: int) -> bytes:
    """On a server: the early data that NSS has decrypted in this step of the handshake.

    Nothing is there to be read meanwhile, so that NSS does not go on to what comes behind it.

    Raises:
        native.Error: NSS fails.
    """
    parts, target = [], ffi.new("char[]", _PIECE)
    incoming, incoming_buffers[number] = incoming_buffers[number], _NOTHING
    try:
        while (taken := nspr.PR_Recv(socket, target, _PIECE, 0, 0)) > 0:
            parts.append(ffi.buffer(target, taken)[:])
    finally:
        incoming_buffers[number] = incoming
    if taken < 0 and nspr.PR_GetError() != WOULD_BLOCK:
        raise native.last_error()
    return b"".join(parts)
