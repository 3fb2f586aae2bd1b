"""The key exchange group of a handshake, read from what the server sent: not every library tells it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

_HANDSHAKE: Final = 22
_SERVER_HELLO: Final = 2
_SERVER_KEY_EXCHANGE: Final = 12
_NAMED_CURVE: Final = 3
_KEY_SHARE: Final = 51


def negotiated_group(flight: bytes) -> int | None:
    """The group as an IANA value.

    Args:
        flight: the server's first flight, as it stands on the wire.

    Returns:
        From the key_share of a TLS 1.3 ServerHello (RFC 8446 section 4.2.8) or from the ServerKeyExchange of TLS 1.2
        (RFC 8422 section 5.4); `None` if there is neither.
    """
    for kind, body in _messages(_handshake_bytes(flight)):
        if kind == _SERVER_HELLO and (share := _extensions(body).get(_KEY_SHARE)):
            return int.from_bytes(share[:2], "big")
        if kind == _SERVER_KEY_EXCHANGE and body[0] == _NAMED_CURVE:
            return int.from_bytes(body[1:3], "big")
    return None


def _handshake_bytes(flight: bytes) -> bytes:
    """The content of the unencrypted handshake records."""
    content, at = b"", 0
    while at < len(flight) and flight[at] == _HANDSHAKE:
        end = at + 5 + int.from_bytes(flight[at + 3 : at + 5], "big")
        content += flight[at + 5 : end]
        at = end
    return content


def _messages(content: bytes) -> Iterator[tuple[int, bytes]]:
    while content:
        end = 4 + int.from_bytes(content[1:4], "big")
        yield content[0], content[4:end]
        content = content[end:]


def _extensions(hello: bytes) -> dict[int, bytes]:
    """Those of a ServerHello: behind version, random, session id, suite and compression."""
    at = 2 + 32 + 1 + hello[34] + 2 + 1
    found, block = {}, hello[at + 2 :]
    while block:
        end = 4 + int.from_bytes(block[2:4], "big")
        found[int.from_bytes(block[:2], "big")] = block[4:end]
        block = block[end:]
    return found
