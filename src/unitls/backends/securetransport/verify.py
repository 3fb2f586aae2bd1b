"""What the peer shows."""

from __future__ import annotations

from ...platforms.macos._foundation import Owned, certificates, copied, elements
from . import native


def peer_trust(session: Owned) -> Owned | None:
    """The SecTrust of the peer's certificates; `None` if it has sent none."""
    security = native.frameworks().security
    try:
        return copied(lambda place: security.SSLCopyPeerTrust(session, place))
    except native.Error:
        return None  # errSecBadReq where there is no certificate


def sent_chain(session: Owned) -> list[bytes]:
    """What the peer has sent, leaf first; empty where the library does not tell."""
    if "SSLCopyPeerCertificates" in native.frameworks().lacking:
        return []
    security = native.frameworks().security
    try:
        sent = copied(lambda place: security.SSLCopyPeerCertificates(session, place))
    except native.Error:
        return []
    return [] if sent is None else certificates(elements(sent))
