"""What a handshake has negotiated, asked for once: wolfSSL clears its object when both ends have closed."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from ._names import GROUPS_BY_NAME
from .native import SUCCESS, ffi, lib

TLS12: Final = 0x0303
TLS13: Final = 0x0304
_FINISHED_SIZE: Final = 64


class Facts(NamedTuple):
    """What was negotiated.

    Attributes:
        version: the version as on the wire.
        cipher: the suite as on the wire.
        protocol: the protocol agreed on by ALPN.
        group: the key exchange group, where it is one of those that are known.
        resumed: whether a session was resumed.
        unique: the channel binding tls-unique; `None` for TLS 1.3.
    """

    version: int
    cipher: int
    protocol: bytes | None
    group: int | None
    resumed: bool
    unique: bytes | None


def facts(raw: Any, *, server_side: bool) -> Facts:
    """Ask a connection whose handshake is done."""
    version, resumed = int(lib.wolfSSL_version(raw)), bool(lib.wolfSSL_session_reused(raw))
    unique = None if version == TLS13 else _first_finished(raw, ours=server_side == resumed)
    return Facts(version, int(lib.wolfSSL_get_current_cipher_suite(raw)), _protocol(raw), _group(raw), resumed, unique)


def peer_finished(raw: Any) -> bytes:
    """The peer's newest Finished message."""
    room = ffi.new("unsigned char[]", _FINISHED_SIZE)
    return bytes(ffi.buffer(room, lib.wolfSSL_get_peer_finished(raw, room, _FINISHED_SIZE)))


def _protocol(raw: Any) -> bytes | None:
    name, size = ffi.new("char **"), ffi.new("unsigned short *")
    if lib.wolfSSL_ALPN_GetProtocol(raw, name, size) != SUCCESS:
        return None
    return bytes(ffi.buffer(name[0], size[0]))


def _group(raw: Any) -> int | None:
    name = lib.wolfSSL_get_curve_name(raw)
    return GROUPS_BY_NAME.get(ffi.string(name).decode("ascii")) if name else None


def _first_finished(raw: Any, *, ours: bool) -> bytes:
    """The first Finished of the handshake: the client's, or the server's where a session was resumed (RFC 5929)."""
    get = lib.wolfSSL_get_finished if ours else lib.wolfSSL_get_peer_finished
    room = ffi.new("unsigned char[]", _FINISHED_SIZE)
    return bytes(ffi.buffer(room, get(raw, room, _FINISHED_SIZE)))
