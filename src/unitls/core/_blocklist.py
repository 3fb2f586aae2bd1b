"""Certificates that the administrator of a Linux system has blocked, by the trust module of p11-kit.

Its sources are read here, since a TLS library knows at most of the anchors that were made of them: a blocked root is none
of these, but an intermediate that is blocked can only be found in a chain.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from typing import Final, TypeAlias
from urllib.parse import unquote_to_bytes

from ..api._errors import ConfigurationError, VerifyFailure
from ._der import SEQUENCE, DERError, DERReader
from ._leaf_check import Fault
from ._pem import is_pem, pem_blocks
from ._system_files import Stamp, stamps_in
from ._x509 import certificate_fields

SOURCES: Final = (
    "/etc/pki/ca-trust/source",  # Fedora, RHEL, CentOS
    "/usr/share/pki/ca-trust-source",
    "/etc/pki/trust",  # openSUSE
    "/usr/share/pki/trust",
    "/etc/ca-certificates/trust-source",  # Arch
    "/usr/share/ca-certificates/trust-source",
)
_BLOCKING: Final = ("blocklist", "blacklist")
"""Folders of which everything is blocked; the second is the name up to p11-kit 0.23."""
_OBJECT: Final = b"[p11-kit-object-v1]"
_ATTRIBUTE: Final = re.compile(rb'^\s*([a-z-]+)\s*[:=]\s*"?([^"\r\n]*?)"?\s*$', re.MULTILINE)
_CERTIFICATES: Final = frozenset({"CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"})

Issued: TypeAlias = tuple[bytes, int]
"""How a certificate is named by its issuer: the issuer's name in DER, and the serial number."""


def blocked_certificates() -> frozenset[Issued]:
    """The certificates that are blocked now; what was read before is read again only when it has changed.

    Raises:
        ConfigurationError: something that looks like a certificate in a list of blocked ones cannot be read.
    """
    listed = [stamp for source in SOURCES for name in _BLOCKING for stamp in stamps_in(os.path.join(source, name))]
    marked = [stamp for source in SOURCES for stamp in stamps_in(source) if stamp[0].endswith(".p11-kit")]
    return _read(tuple(listed), tuple(marked))


def blocked_fault(
    blocked: Collection[Issued], anchors: Collection[bytes], chain: Sequence[bytes], path: Sequence[bytes]
) -> Fault | None:
    """Find a blocked certificate.

    Args:
        blocked: the blocked ones.
        anchors: those that are trusted besides the system's: what the system blocks does not bind them.
        chain: what the peer has sent.
        path: the path that was trusted, as far as the library tells.
    """
    if path and path[-1] in anchors:
        return None
    if any(is_blocked(der, blocked) for der in path or chain):
        return Fault(VerifyFailure.REVOKED, "a certificate of the path is on this system's blocklist")
    return None


def is_blocked(der: bytes, blocked: Collection[Issued]) -> bool:
    """Whether a certificate is among the blocked ones; of one that cannot be read nobody can have known the name."""
    try:
        fields = certificate_fields(der)
    except DERError:
        return False
    return (fields.issuer, fields.serial_number) in blocked


@lru_cache(maxsize=4)
def _read(listed: tuple[Stamp, ...], marked: tuple[Stamp, ...]) -> frozenset[Issued]:
    found: set[Issued] = set()
    for stamps, is_marked in ((listed, False), (marked, True)):
        for path, *_ in stamps:
            try:
                with open(path, "rb") as file:
                    found.update(_issued_in(file.read(), is_marked))
            except (OSError, ValueError) as error:  # DERError and ConfigurationError are ValueErrors
                raise ConfigurationError(f"the blocked certificates in {path} cannot be read: {error}") from error
    return frozenset(found)


def _issued_in(content: bytes, is_marked: bool) -> Iterator[Issued]:
    """What a file blocks: all that is in it, or where it has other things too, what is marked there."""
    objects = content.split(_OBJECT)
    if len(objects) > 1:
        for item in objects[1:]:
            attributes = dict(_ATTRIBUTE.findall(item))
            if not is_marked or attributes.get(b"x-distrusted") == b"true":
                yield from _issued_of_object(item, attributes)
    elif not is_marked and (b"-----BEGIN" in content or content[:1] == bytes([SEQUENCE])):  # else a README or the like
        yield from _issued_of(content)


def _issued_of_object(item: bytes, attributes: dict[bytes, bytes]) -> Iterator[Issued]:
    if b"issuer" in attributes and b"serial-number" in attributes:
        serial = DERReader(unquote_to_bytes(attributes[b"serial-number"])).integer()
        yield unquote_to_bytes(attributes[b"issuer"]), serial
    elif b"-----BEGIN" in item:
        yield from _issued_of(item)


def _issued_of(content: bytes) -> Iterator[Issued]:
    is_text = is_pem(content, "certificate")
    ders = [block.decoded() for block in pem_blocks(content) if block.label in _CERTIFICATES] if is_text else [content]
    for der in ders:
        # OpenSSL's own format has its trust settings behind the certificate.
        fields = certificate_fields(DERReader(der).element(SEQUENCE))
        yield fields.issuer, fields.serial_number
