"""Application-layer protocols (ALPN, RFC 7301), and how a server treats client certificates."""

from __future__ import annotations

import enum


class NextProtocol(enum.Enum):
    """Well-known protocol identifiers; any other is passed as a byte string."""

    H2 = b"h2"
    H2C = b"h2c"
    HTTP1 = b"http/1.1"
    WEBRTC = b"webrtc"
    C_WEBRTC = b"c-webrtc"
    FTP = b"ftp"
    STUN = b"stun.nat-discovery"
    TURN = b"stun.turn"


def next_protocol(name: bytes) -> NextProtocol | bytes:
    """Give the member for a protocol identifier, or the identifier itself where there is none."""
    try:
        return NextProtocol(name)
    except ValueError:
        return name


class ClientAuthentication(enum.Enum):
    """What a server does about client certificates (RFC 8446 section 4.3.2)."""

    NONE = "none"
    """It asks for none."""
    OPTIONAL = "optional"
    """It asks for one; a client without one is accepted, one with a bad one is not."""
    REQUIRED = "required"
    """It asks for one, and refuses a client that has none."""
