"""A certificate as `SSLSocket.getpeercert` shows it: a dictionary, made from the DER."""

from __future__ import annotations

import datetime
from functools import lru_cache
from typing import Any, Final

from ...core._der import OBJECT_IDENTIFIER, SEQUENCE, SET, DERError, DERReader, dotted, enter_whole
from ...core._x509 import certificate_fields
from ._names import LONG_NAMES
from ._translate import failure

_SUBJECT_ALT_NAME: Final = "2.5.29.17"
_CRL_DISTRIBUTION_POINTS: Final = "2.5.29.31"
_AUTHORITY_INFORMATION: Final = "1.3.6.1.5.5.7.1.1"
_OCSP: Final = "1.3.6.1.5.5.7.48.1"
_CA_ISSUERS: Final = "1.3.6.1.5.5.7.48.2"
_URI: Final = 0x86
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# How the content of a string type becomes text (ASN1_STRING_to_UTF8): UTF8, Printable, T61, IA5, Visible, Universal, BMP.
_ENCODINGS: Final = {
    0x0C: "utf-8", 0x12: "latin-1", 0x13: "latin-1", 0x14: "latin-1", 0x16: "latin-1", 0x1A: "latin-1",
    0x1C: "utf-32-be", 0x1E: "utf-16-be",
}  # fmt: skip
_PLAIN_NAMES: Final = {0x81: "email", 0x82: "DNS", 0x86: "URI"}
_OTHER_NAMES: Final = {0xA0: "othername", 0xA3: "X400Name", 0xA5: "EdiPartyName"}
_DIRECTORY_NAME, _IP_ADDRESS, _REGISTERED_ID = 0xA4, 0x87, 0x88


def decode_certificate(der: bytes) -> dict[str, Any]:
    """Show a certificate as the `ssl` module does.

    Args:
        der: the certificate.

    Returns:
        ``subject``, ``issuer``, ``version``, ``serialNumber``, ``notBefore``, ``notAfter``, and where they are there
        ``subjectAltName``, ``OCSP``, ``caIssuers`` and ``crlDistributionPoints``. A new dictionary each time.

    Raises:
        SSLError: it is malformed.
    """
    try:
        return dict(_decoded(der))
    except (DERError, UnicodeDecodeError) as error:
        raise failure(None, f"the certificate cannot be shown: {error}") from error


@lru_cache(maxsize=64)
def _decoded(der: bytes) -> tuple[tuple[str, Any], ...]:
    fields = certificate_fields(der)
    extensions = extension_values(der)
    names = extensions.get(_SUBJECT_ALT_NAME)
    shown: dict[str, Any] = {
        "subject": _name(fields.subject),
        "issuer": _name(fields.issuer),
        "version": _version(der),
        "serialNumber": _serial(fields.serial_number),
        "notBefore": _time(fields.not_before),
        "notAfter": _time(fields.not_after),
        "subjectAltName": () if names is None else _alternative_names(names),
        "OCSP": _access(extensions, _OCSP),
        "caIssuers": _access(extensions, _CA_ISSUERS),
        "crlDistributionPoints": _distribution_points(extensions.get(_CRL_DISTRIBUTION_POINTS)),
    }
    return tuple((key, value) for key, value in shown.items() if value != () or key in ("subject", "issuer"))


def _body(der: bytes) -> DERReader:
    return enter_whole(der, SEQUENCE).enter(SEQUENCE)


def _version(der: bytes) -> int:
    body = _body(der)
    return body.enter(0xA0).integer() + 1 if body.peek() == 0xA0 else 1


def extension_values(der: bytes) -> dict[str, bytes]:
    """The extensions of a certificate that `certificate_fields` takes: their values by dotted identifier."""
    body = _body(der)
    found = {}
    while body.peek() >= 0:
        tag, content = body.any_element()
        if tag == 0xA3:
            entries = enter_whole(content, SEQUENCE)
            while entries.peek() >= 0:
                entry = entries.enter(SEQUENCE)
                identifier = entry.object_identifier()
                entry.skip_optional(0x01)
                found[identifier] = entry.content(0x04)
    return found


def _name(der: bytes) -> tuple[tuple[tuple[str, str], ...], ...]:
    """A distinguished name: a tuple of pairs for each of its relative ones."""
    parts, reader = [], enter_whole(der, SEQUENCE)
    while reader.peek() >= 0:
        pairs, several = [], reader.enter(SET)
        while several.peek() >= 0:
            pair = several.enter(SEQUENCE)
            identifier = pair.object_identifier()
            tag, content = pair.any_element()
            pairs.append((LONG_NAMES.get(identifier, identifier), content.decode(_ENCODINGS.get(tag, "latin-1"))))
        parts.append(tuple(pairs))
    return tuple(parts)


def _serial(number: int) -> str:
    """The serial number in whole bytes of hexadecimal digits (i2a_ASN1_INTEGER)."""
    digits = f"{abs(number):X}"
    return ("-" if number < 0 else "") + digits.zfill(len(digits) + len(digits) % 2)


def _time(seconds: int) -> str:
    moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=seconds)
    return f"{_MONTHS[moment.month - 1]} {moment.day:2} {moment:%H:%M:%S} {moment.year} GMT"


def _alternative_names(value: bytes) -> tuple[tuple[str, Any], ...]:
    names, reader = [], enter_whole(value, SEQUENCE)
    while reader.peek() >= 0:
        names.append(_general_name(*reader.any_element()))
    return tuple(names)


def _general_name(tag: int, content: bytes) -> tuple[str, Any]:
    if tag in _PLAIN_NAMES:
        return _PLAIN_NAMES[tag], content.decode()
    if tag == _IP_ADDRESS:
        return "IP Address", _address(content)
    if tag == _DIRECTORY_NAME:
        return "DirName", _name(content)
    if tag == _REGISTERED_ID:
        identifier = dotted(content)
        return "Registered ID", LONG_NAMES.get(identifier, identifier)
    return _OTHER_NAMES.get(tag, "othername"), "<unsupported>"


def _address(packed: bytes) -> str:
    if len(packed) == 4:
        return ".".join(map(str, packed))
    if len(packed) == 16:
        return ":".join(f"{int.from_bytes(packed[at : at + 2], 'big'):X}" for at in range(0, 16, 2))
    return "<invalid>"


def _access(extensions: dict[str, bytes], method: str) -> tuple[str, ...]:
    """The URIs of one kind in the authority information access."""
    value = extensions.get(_AUTHORITY_INFORMATION)
    if value is None:
        return ()
    found, reader = [], enter_whole(value, SEQUENCE)
    while reader.peek() >= 0:
        entry = reader.enter(SEQUENCE)
        kind = dotted(entry.content(OBJECT_IDENTIFIER))
        tag, content = entry.any_element()
        if kind == method and tag == _URI:
            found.append(content.decode())
    return tuple(found)


def _distribution_points(value: bytes | None) -> tuple[str, ...]:
    """The URIs of the points that have a full name (RFC 5280 section 4.2.1.13)."""
    if value is None:
        return ()
    found, points = [], enter_whole(value, SEQUENCE)
    while points.peek() >= 0:
        found += _full_name(points.enter(SEQUENCE))
    return tuple(found)


def _full_name(point: DERReader) -> list[str]:
    """The URIs in the full name of a distribution point, which is the first choice in its first field."""
    if point.peek() != 0xA0:
        return []
    name = point.enter(0xA0)
    if name.peek() != 0xA0:
        return []
    found, names = [], name.enter(0xA0)
    while names.peek() >= 0:
        tag, content = names.any_element()
        if tag == _URI:
            found.append(content.decode())
    return found
