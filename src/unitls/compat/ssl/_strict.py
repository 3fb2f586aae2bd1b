"""``VERIFY_X509_STRICT``: what RFC 5280 asks of certificates and most verifiers let pass, on any backend.

The rules, their numbers and texts are those of OpenSSL 3 (X509_V_FLAG_X509_STRICT). They run as a verification hook,
on a path that the library has accepted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ...core._der import BIT_STRING, BOOLEAN, INTEGER, OCTET_STRING, SEQUENCE, DERReader, enter_whole
from ...core._x509 import CertificateFields, certificate_fields

_EMPTY_NAME: Final = b"\x30\x00"
_KEY_CERT_SIGN, _CRL_SIGN = 0x04, 0x02
_KEY_USAGE, _BASIC_CONSTRAINTS, _ALT_NAME = "2.5.29.15", "2.5.29.19", "2.5.29.17"
_SUBJECT_KEY, _AUTHORITY_KEY = "2.5.29.14", "2.5.29.35"


class StrictFault(Exception):
    """A certificate breaks a rule.

    Attributes:
        code: OpenSSL's number for it.
        message: its text.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class _Extension:
    critical: bool
    value: bytes


@dataclass(frozen=True, slots=True)
class _Certificate:
    fields: CertificateFields
    extensions: dict[str, _Extension]
    is_version_3: bool

    def has(self, identifier: str, *, critical: bool | None = None) -> bool:
        found = self.extensions.get(identifier)
        return found is not None and (critical is None or found.critical is critical)

    @property
    def key_usage(self) -> int | None:
        """The first eight bits of the key usage; `None` without one."""
        found = self.extensions.get(_KEY_USAGE)
        if found is None:
            return None
        bits = DERReader(found.value).content(BIT_STRING)
        return bits[1] if len(bits) > 1 else 0

    @property
    def path_length(self) -> bool:
        """Whether the basic constraints bound the path."""
        found = self.extensions.get(_BASIC_CONSTRAINTS)
        if found is None:
            return False
        constraints = enter_whole(found.value, SEQUENCE)
        constraints.skip_optional(BOOLEAN)
        return constraints.peek() == INTEGER


def check_strictly(path: tuple[bytes, ...]) -> None:
    """Check each certificate of an accepted path, the leaf first.

    Raises:
        StrictFault: one breaks a rule.
        DERError: one is malformed.
    """
    if len(path) == 1 and certificate_fields(path[0]).is_self_issued:
        return  # RFC 5280 does not speak of self-issued leaves (RFC 6818 section 2)
    for index, der in enumerate(path):
        certificate = _read(der)
        last = index == len(path) - 1 and certificate.fields.is_self_issued
        for broken, code, message in _rules(certificate, last=last):
            if broken:
                raise StrictFault(code, message)


def _rules(certificate: _Certificate, *, last: bool) -> Iterator[tuple[bool, int, str]]:
    fields, usage = certificate.fields, certificate.key_usage
    signs = usage is None or bool(usage & _KEY_CERT_SIGN)  # without the extension, every use is allowed
    empty, named = fields.subject == _EMPTY_NAME, certificate.has(_ALT_NAME)
    if certificate.path_length:
        yield not fields.is_ca, 80, "Path length invalid for non-CA cert"
        yield not signs, 81, "Path length given without key usage keyCertSign"
    if fields.is_ca:
        yield (
            certificate.has(_BASIC_CONSTRAINTS, critical=False),
            89,
            "Basic Constraints of CA cert not marked critical",
        )
        yield usage is None, 92, "CA cert does not include key usage extension"
    else:
        yield usage is not None and signs, 82, "Key usage keyCertSign invalid for non-CA cert"
    yield fields.issuer == _EMPTY_NAME, 83, "Issuer name empty"
    must_be_named = fields.is_ca or not named or bool((usage or 0) & _CRL_SIGN)
    yield empty and must_be_named, 84, "Subject name empty"
    yield (
        empty and certificate.has(_ALT_NAME, critical=False),
        88,
        "Subject empty and Subject Alt Name extension not critical",
    )
    yield (
        named and certificate.extensions[_ALT_NAME].value == _EMPTY_NAME,
        87,
        "Empty Subject Alternative Name extension",
    )
    yield certificate.has(_AUTHORITY_KEY, critical=True), 90, "Authority Key Identifier marked critical"
    yield certificate.has(_SUBJECT_KEY, critical=True), 91, "Subject Key Identifier marked critical"
    if certificate.is_version_3:
        yield not last and not _names_key(certificate), 85, "Missing Authority Key Identifier"
        yield fields.is_ca and not certificate.has(_SUBJECT_KEY), 86, "Missing Subject Key Identifier"


def _names_key(certificate: _Certificate) -> bool:
    """Whether the authority key identifier holds a key identifier."""
    found = certificate.extensions.get(_AUTHORITY_KEY)
    return found is not None and enter_whole(found.value, SEQUENCE).peek() == 0x80


def _read(der: bytes) -> _Certificate:
    body = enter_whole(der, SEQUENCE).enter(SEQUENCE)
    is_version_3 = body.peek() == 0xA0 and body.enter(0xA0).integer() == 2
    extensions: dict[str, _Extension] = {}
    while body.peek() >= 0:
        tag, content = body.any_element()
        if tag == 0xA3:
            extensions = dict(_entries(enter_whole(content, SEQUENCE)))
    return _Certificate(certificate_fields(der), extensions, is_version_3)


def _entries(reader: DERReader) -> Iterator[tuple[str, _Extension]]:
    while reader.peek() >= 0:
        entry = reader.enter(SEQUENCE)
        identifier = entry.object_identifier()
        critical = entry.boolean() if entry.peek() == BOOLEAN else False
        yield identifier, _Extension(critical, entry.content(OCTET_STRING))
