"""What SChannel tells of a finished handshake."""

from __future__ import annotations

import ctypes
from typing import Final

from ...core._der import DERError
from ...core._x509 import certificate_fields
from . import _certificate_structures as cs
from . import _structures as ss
from ._channel import Channel
from .native import Error, Libraries

_VERSIONS: Final = {
    bits: version for version, server in ss.SP_PROT_SERVER.items() for bits in (server, server * 2, server * 3)
}


def version(channel: Channel) -> int | None:
    """The version as on the wire; `None` if SChannel does not name one that is known."""
    info = ss.ConnectionInfo()
    channel.query(ss.ATTR_CONNECTION, info)
    return _VERSIONS.get(info.protocol)


def suite(channel: Channel) -> int | None:
    """The cipher suite as on the wire."""
    info = ss.CipherInfo(version=1)
    channel.query(ss.ATTR_CIPHER, info)
    return info.suite or None


def chain(libraries: Libraries, channel: Channel) -> list[bytes]:
    """The peer's certificates: its own, and then those that lead on from it. Empty if it has shown none."""
    holder = ctypes.c_void_p()
    try:
        channel.query(ss.ATTR_REMOTE_CERT, holder)
    except Error:
        return []
    if not holder.value:
        return []
    pointer = ctypes.cast(holder, cs.CertPointer)
    try:
        leaf = cs.der_of(pointer.contents)
        others = _in_store(libraries, pointer.contents.store)
    finally:
        libraries.crypt32.CertFreeCertificateContext(pointer)
    return _ordered(leaf, [der for der in others if der != leaf])


def _in_store(libraries: Libraries, store: int | None) -> list[bytes]:
    found = []
    current = libraries.crypt32.CertEnumCertificatesInStore(store, None) if store else None
    while current:
        found.append(cs.der_of(current.contents))
        current = libraries.crypt32.CertEnumCertificatesInStore(store, current)  # frees the one before
    return found


def _ordered(leaf: bytes, others: list[bytes]) -> list[bytes]:
    """A store has no order: put each issuer behind what it has issued, and the rest at the end."""
    chain, left = [leaf], list(others)
    try:
        while left:
            issuer = certificate_fields(chain[-1]).issuer
            following = next((der for der in left if certificate_fields(der).subject == issuer), None)
            if following is None:
                break
            left.remove(following)
            chain.append(following)
    except DERError:
        pass  # whoever verifies it will say so
    return chain + left
