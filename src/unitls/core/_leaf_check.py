"""The strict check of a peer's own certificate, the same for every backend.

It comes on top of the library's verification and only ever refuses. Libraries differ in what they take for a name:
some fall back to the common name, some let a wildcard stand for part of a label, some stop at a null byte. Here it is
one rule (RFC 9525): the subject alternative names, compared as bytes, and nothing else.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import inf
from typing import Final, NamedTuple

from ..api._alerts import AlertDescription
from ..api._errors import ConfigurationError, VerifyFailure
from ..api._subjects import URI, DNSName, IPAddress, Subject
from ._der import DERError
from ._x509 import CertificateFields, certificate_fields

_NAMES_SHOWN: Final = 5
_CHARACTERS_SHOWN: Final = 80
_ALERTS: Final = {
    VerifyFailure.EXPIRED: AlertDescription.CERTIFICATE_EXPIRED,
    VerifyFailure.NOT_YET_VALID: AlertDescription.CERTIFICATE_EXPIRED,
    VerifyFailure.UNKNOWN_ISSUER: AlertDescription.UNKNOWN_CA,
    VerifyFailure.SELF_SIGNED: AlertDescription.UNKNOWN_CA,
    VerifyFailure.REVOKED: AlertDescription.CERTIFICATE_REVOKED,
    VerifyFailure.BAD_PURPOSE: AlertDescription.UNSUPPORTED_CERTIFICATE,
    VerifyFailure.OTHER: AlertDescription.CERTIFICATE_UNKNOWN,
}
"""What the peer is told; bad_certificate for the rest (RFC 8446 section 6.2)."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a certificate is refused.

    Attributes:
        failure: the reason.
        text: the reason in a sentence, with no control character whatever the certificate holds.
        subject: what was asked for, where a name is the point.
    """

    failure: VerifyFailure
    text: str
    subject: str | None = None

    @property
    def alert(self) -> AlertDescription:
        """What the peer is told of it, by backends that choose the alert themselves."""
        return _ALERTS.get(self.failure, AlertDescription.BAD_CERTIFICATE)


def leaf_fault(der: bytes, subjects: Sequence[Subject] | None, *, is_anchor: bool, now: float) -> Fault | None:
    """Check dates, names and the role of a leaf certificate.

    Args:
        der: the certificate.
        subjects: the acceptable names, of which any suffices; None leaves the names unchecked.
        is_anchor: whether this very certificate is trusted by itself; it then may be an authority's.
        now: seconds since the epoch.

    Returns:
        The first fault in the order of `VerifyFailure`, or None. What cannot be read is INVALID.
    """
    global _newest
    newest = _newest
    if newest.subjects is subjects and newest.der == der and newest.not_before <= now <= newest.not_after:
        return None
    try:
        fields = certificate_fields(der)
    except DERError as error:
        return Fault(VerifyFailure.INVALID, f"the certificate is malformed: {error}")
    fault = _date_fault(fields, now) or _lasting_fault(der, None if subjects is None else tuple(subjects), is_anchor)
    if fault is None and not is_anchor:
        _newest = _Accepted(subjects, der, fields.not_before, fields.not_after)
    return fault


class _Accepted(NamedTuple):
    """A certificate that was accepted, as no anchor: so it would be as one, too."""

    subjects: Sequence[Subject] | None
    der: bytes
    not_before: float
    not_after: float


_newest: _Accepted = _Accepted((), b"", inf, -inf)
"""The newest one: many connections in a row go to the same server. It is replaced whole, so it needs no lock."""


@lru_cache(maxsize=256)
def _lasting_fault(der: bytes, subjects: tuple[Subject, ...] | None, is_anchor: bool) -> Fault | None:
    """What does not change with time, and so need not be found again for each connection to the same server."""
    fields = certificate_fields(der)
    return _name_fault(fields, subjects) or _purpose_fault(fields, is_anchor)


def name_matches(pattern: bytes, name: str) -> bool:
    """Whether a ``dNSName`` entry stands for a host name (RFC 9525 section 6.3).

    A wildcard counts only as the whole left-most label, stands for exactly one label, and needs two labels behind it:
    nobody owns all of ``*.org``. Letters are compared without case. Null bytes and non-ASCII bytes never match.

    Args:
        pattern: the entry as it stands in the certificate.
        name: the host name in A-label form, without a trailing dot.

    Returns:
        Whether it does.
    """
    # Not being ASCII has to be asked first: the lower case of the Kelvin sign is an ordinary k.
    if not name or not name.isascii() or not pattern.isascii() or "*" in name or b"\0" in pattern:
        return False
    entry, wanted = pattern.decode("ascii").lower(), name.lower()
    if not entry.startswith("*."):
        return entry == wanted
    label, _, parent = wanted.partition(".")
    return bool(label) and "." in parent.strip(".") and entry[2:] == parent


def _date_fault(fields: CertificateFields, now: float) -> Fault | None:
    if now > fields.not_after:
        return Fault(VerifyFailure.EXPIRED, f"the certificate expired at {_utc(fields.not_after)}")
    if not fields.not_before <= now:  # so that a clock that gives NaN makes nothing valid
        return Fault(VerifyFailure.NOT_YET_VALID, f"the certificate is not valid before {_utc(fields.not_before)}")
    return None


def _name_fault(fields: CertificateFields, subjects: Sequence[Subject] | None) -> Fault | None:
    if subjects is None or any(_holds(fields, subject) for subject in subjects):
        return None
    asked = ", ".join(str(subject) for subject in subjects)
    return Fault(VerifyFailure.NAME_MISMATCH, f"the certificate is not for {asked}: {_names_text(fields)}", asked)


def _purpose_fault(fields: CertificateFields, is_anchor: bool) -> Fault | None:
    if fields.is_ca and not is_anchor:
        return Fault(VerifyFailure.BAD_PURPOSE, "the certificate is an authority's, not a server's or a client's own")
    return None


def _holds(fields: CertificateFields, subject: Subject) -> bool:
    if isinstance(subject, DNSName):
        return any(name_matches(entry, subject.name) for entry in fields.dns_names)
    if isinstance(subject, IPAddress):
        return subject.packed in fields.ip_addresses
    return any(_same_uri(entry, subject) for entry in fields.uris)


def _same_uri(entry: bytes, subject: URI) -> bool:
    try:
        return URI(entry.decode("ascii")) == subject
    except (UnicodeDecodeError, ConfigurationError):
        return False


def _names_text(fields: CertificateFields) -> str:
    names = list(_names(fields))
    if not names:
        return "it has no name among its subject alternative names (a common name does not count)"
    shown = ", ".join(names[:_NAMES_SHOWN])
    more = len(names) - _NAMES_SHOWN
    return f"it is for {shown}" + (f" and {more} more" if more > 0 else "")


def _names(fields: CertificateFields) -> Iterator[str]:
    for entry in fields.dns_names:
        yield _printable(entry)
    for address in fields.ip_addresses:
        yield f"IP {ipaddress.ip_address(address)}" if len(address) in (4, 16) else f"IP {_printable(address)}"
    for uri in fields.uris:
        yield f"URI {_printable(uri)}"


def _printable(entry: bytes) -> str:
    """The entry with everything that is not a visible ASCII character escaped, and cut where it is long."""
    text = "".join(chr(octet) if 0x21 <= octet <= 0x7E else f"\\x{octet:02x}" for octet in entry[:_CHARACTERS_SHOWN])
    return text + "..." if len(entry) > _CHARACTERS_SHOWN else text


def _utc(seconds: int) -> str:
    import datetime  # only here, on the way to an error: it is dear to import

    moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=seconds)
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
