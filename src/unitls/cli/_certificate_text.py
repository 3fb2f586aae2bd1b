"""What a certificate says, for people to read. Nothing is verified here."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ..core._der import SEQUENCE, SET, DERReader, enter_whole
from ..core._x509 import parse_certificate

# The short names of RFC 4514 section 3, and those that certificates often have besides.
_ATTRIBUTES: Final = {
    "2.5.4.3": "CN",
    "2.5.4.5": "serialNumber",
    "2.5.4.6": "C",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.9": "STREET",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "2.5.4.97": "organizationIdentifier",
    "0.9.2342.19200300.100.1.1": "UID",
    "0.9.2342.19200300.100.1.25": "DC",
    "1.2.840.113549.1.9.1": "emailAddress",
}
_STRINGS: Final = {
    0x0C: "utf-8",  # UTF8String
    0x13: "ascii",  # PrintableString
    0x14: "latin-1",  # TeletexString, as it is used
    0x16: "ascii",  # IA5String
    0x1C: "utf-32-be",  # UniversalString
    0x1E: "utf-16-be",  # BMPString
}


@dataclass(frozen=True, slots=True)
class CertificateText:
    """A certificate in words.

    Attributes:
        subject: the distinguished name (RFC 4514); may be empty.
        issuer: likewise.
        not_before: the start of its validity.
        not_after: the end of its validity.
        names: the subject alternative names.
        is_authority: whether the basic constraints say that it is an authority.
    """

    subject: str
    issuer: str
    not_before: datetime
    not_after: datetime
    names: tuple[str, ...]
    is_authority: bool

    def as_json(self) -> dict[str, Any]:
        """The same as values of JSON."""
        return {
            "subject": self.subject,
            "issuer": self.issuer,
            "not_before": self.not_before.isoformat(),
            "not_after": self.not_after.isoformat(),
            "subject_alternative_names": list(self.names),
            "is_authority": self.is_authority,
        }


def describe(der: bytes) -> CertificateText:
    """Read a certificate.

    Raises:
        DERError: it is none, or malformed.
    """
    fields = parse_certificate(der)
    return CertificateText(
        subject=distinguished_name(fields.subject),
        issuer=distinguished_name(fields.issuer),
        not_before=_moment(fields.not_before),
        not_after=_moment(fields.not_after),
        names=(
            *(name.decode("ascii", "backslashreplace") for name in fields.dns_names),
            *map(_address, fields.ip_addresses),
            *(uri.decode("ascii", "backslashreplace") for uri in fields.uris),
        ),
        is_authority=fields.is_ca,
    )


def _moment(seconds: int) -> datetime:
    # Not `datetime.fromtimestamp`, which some platforms cannot do before 1970.
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)


def distinguished_name(der: bytes) -> str:
    """A distinguished name as RFC 4514 writes it, the most specific part first.

    Raises:
        DERError: it is malformed.
    """
    names = enter_whole(der, SEQUENCE)
    relative = []
    while names.peek() >= 0:
        relative.append(_relative_name(names.enter(SET)))
    return ",".join(reversed(relative))


def _relative_name(attributes: DERReader) -> str:
    parts = []
    while attributes.peek() >= 0:
        attribute = attributes.enter(SEQUENCE)
        kind = attribute.object_identifier()
        tag, content = attribute.any_element()
        attribute.finish()
        parts.append(f"{_ATTRIBUTES.get(kind, kind)}={_value(tag, content)}")
    return "+".join(parts)


def _value(tag: int, content: bytes) -> str:
    encoding = _STRINGS.get(tag)
    if encoding is None:
        return "#" + content.hex()
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        return "#" + content.hex()
    escaped = "".join(f"\\{char}" if char in ',+"\\<>;' else char for char in text)
    return f"\\{escaped}" if escaped[:1] in ("#", " ") else escaped


def _address(packed: bytes) -> str:
    try:
        return str(ipaddress.ip_address(packed))
    except ValueError:
        return "#" + packed.hex()
