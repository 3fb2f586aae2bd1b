"""The fields of an X.509 certificate that unitls itself looks at (RFC 5280 section 4).

The TLS library verifies certificates; what is read here serves the leaf check, the choice of a certificate by SNI and
messages. Nothing is verified: signatures, key usages and constraints are none of this module's business.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from ._der import (
    BIT_STRING,
    BOOLEAN,
    GENERALIZED_TIME,
    INTEGER,
    OBJECT_IDENTIFIER,
    OCTET_STRING,
    SEQUENCE,
    UTC_TIME,
    DERError,
    DERReader,
    dotted,
    enter_whole,
)

RSA_ENCRYPTION: Final = "1.2.840.113549.1.1.1"
RSASSA_PSS: Final = "1.2.840.113549.1.1.10"
EC_PUBLIC_KEY: Final = "1.2.840.10045.2.1"

# What an issuer signs a digest of, by the signature algorithm; the hash of RSASSA-PSS is a parameter. Algorithms without
# a hash of their own (EdDSA, ML-DSA) are not here.
_SIGNATURE_HASHES: Final = {
    "1.2.840.113549.1.1.2": "md2",  # with RSA, up to sha512
    "1.2.840.113549.1.1.4": "md5",
    "1.2.840.113549.1.1.5": "sha1",
    "1.2.840.113549.1.1.14": "sha224",
    "1.2.840.113549.1.1.11": "sha256",
    "1.2.840.113549.1.1.12": "sha384",
    "1.2.840.113549.1.1.13": "sha512",
    "1.2.840.10040.4.3": "sha1",  # with DSA
    "2.16.840.1.101.3.4.3.2": "sha256",
    "1.2.840.10045.4.1": "sha1",  # with ECDSA
    "1.2.840.10045.4.3.1": "sha224",
    "1.2.840.10045.4.3.2": "sha256",
    "1.2.840.10045.4.3.3": "sha384",
    "1.2.840.10045.4.3.4": "sha512",
}
_HASHES: Final = {
    "1.2.840.113549.2.5": "md5",
    "1.3.14.3.2.26": "sha1",
    "2.16.840.1.101.3.4.2.4": "sha224",
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
}
WEAK_HASHES: Final = frozenset({"md2", "md5", "sha1"})

_SUBJECT_ALT_NAME: Final = b"\x55\x1d\x11"  # 2.5.29.17
_BASIC_CONSTRAINTS: Final = b"\x55\x1d\x13"  # 2.5.29.19
_EXTENDED_KEY_USAGE: Final = b"\x55\x1d\x25"  # 2.5.29.37
_CONTEXT_CLASS: Final = 0x80
_VERSION_3: Final = 2
_PSS_HASH: Final = 0xA0

# GeneralName's context tags (RFC 5280 section 4.2.1.6).
_DNS_NAME: Final = 0x82
_URI: Final = 0x86
_IP_ADDRESS: Final = 0x87

_DAYS_IN_MONTH: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_DAYS_TO_1970: Final = 719468  # from 1 March of the year 0, in the Gregorian calendar


@dataclass(frozen=True, slots=True)
class CertificateFields:
    """What a certificate says, as bytes where the bytes are what is compared.

    Attributes:
        dns_names: the ``dNSName`` entries as they stand there; they may hold anything, null bytes too.
        ip_addresses: the ``iPAddress`` entries, 4 or 16 bytes each if the issuer was careful.
        uris: the ``uniformResourceIdentifier`` entries.
        is_ca: what the basic constraints say; False without them.
        not_before: seconds since the epoch.
        not_after: seconds since the epoch; the certificate is still valid in this second.
        subject: the distinguished name in DER.
        issuer: the distinguished name in DER.
        spki: the whole SubjectPublicKeyInfo in DER.
        public_key_algorithm: the key's algorithm, a dotted OID.
        signature_algorithm: the algorithm the issuer signed with, a dotted OID.
        signature_hash: the hash that goes with it, as `hashlib` calls it; None for an algorithm that has none of its own,
            or is not known.
        rsa_bits: the size of the modulus, where the key is an RSA key.
        serial_number: it may be negative, against the RFC, as some are.
        extended_key_usage: dotted OIDs; None where the extension is missing, which means any use.
    """

    dns_names: tuple[bytes, ...]
    ip_addresses: tuple[bytes, ...]
    uris: tuple[bytes, ...]
    is_ca: bool
    not_before: int
    not_after: int
    subject: bytes
    issuer: bytes
    spki: bytes
    public_key_algorithm: str
    signature_algorithm: str
    signature_hash: str | None
    rsa_bits: int | None
    serial_number: int
    extended_key_usage: tuple[str, ...] | None

    @property
    def is_self_issued(self) -> bool:
        """Whether subject and issuer are the same bytes. Whether it is self-signed, only the signature tells."""
        return self.subject == self.issuer

    @property
    def is_weakly_signed(self) -> bool:
        """Whether the issuer's signature is over a hash for which collisions are known."""
        return self.signature_hash in WEAK_HASHES


def parse_certificate(der: bytes) -> CertificateFields:
    """Read a certificate.

    An explicitly encoded default (``critical FALSE``) is accepted, though DER forbids it: many certificates have it,
    and it has but one meaning.

    Args:
        der: one certificate, with nothing behind it.

    Returns:
        Its fields.

    Raises:
        DERError: it is not a certificate, or malformed; an extension that stands there twice is, too.
    """
    certificate = enter_whole(der, SEQUENCE)
    tbs = certificate.enter(SEQUENCE)
    outer_algorithm = certificate.element(SEQUENCE)
    certificate.skip(BIT_STRING)
    certificate.finish()

    version = _version(tbs)
    serial_number = tbs.integer()
    algorithm = tbs.element(SEQUENCE)
    if algorithm != outer_algorithm:
        raise DERError("the two signature algorithms differ (RFC 5280 section 4.1.1.2)")
    issuer = tbs.element(SEQUENCE)
    not_before, not_after = _validity(tbs.enter(SEQUENCE))
    subject = tbs.element(SEQUENCE)
    spki = tbs.element(SEQUENCE)
    public_key_algorithm, rsa_bits = _public_key(spki)
    signature_algorithm, signature_hash = read_signature(algorithm)
    extensions = _extensions(tbs, version)
    dns_names, ip_addresses, uris = _alternative_names(extensions.get(_SUBJECT_ALT_NAME))
    return CertificateFields(
        dns_names=dns_names,
        ip_addresses=ip_addresses,
        uris=uris,
        is_ca=_is_ca(extensions.get(_BASIC_CONSTRAINTS)),
        not_before=not_before,
        not_after=not_after,
        subject=subject,
        issuer=issuer,
        spki=spki,
        public_key_algorithm=public_key_algorithm,
        signature_algorithm=signature_algorithm,
        signature_hash=signature_hash,
        rsa_bits=rsa_bits,
        serial_number=serial_number,
        extended_key_usage=_extended_key_usage(extensions.get(_EXTENDED_KEY_USAGE)),
    )


@lru_cache(maxsize=256)
def certificate_fields(der: bytes) -> CertificateFields:
    """`parse_certificate`, which remembers the last few hundred: peers come back, and so do our own leaves.

    Raises:
        DERError: as `parse_certificate`.
    """
    return parse_certificate(der)


def _version(tbs: DERReader) -> int:
    if tbs.peek() != 0xA0:
        return 0
    explicit = tbs.enter(0xA0)
    version = explicit.integer()
    explicit.finish()
    if not 0 <= version <= _VERSION_3:
        raise DERError("the version is none of v1, v2, v3")
    return version


def _validity(validity: DERReader) -> tuple[int, int]:
    not_before, not_after = read_time(validity), read_time(validity)
    validity.finish()
    return not_before, not_after


def read_time(reader: DERReader) -> int:
    """Seconds since the epoch of a Time in the one form that RFC 5280 section 4.1.2.5 allows: with seconds, in UTC."""
    tag, content = reader.any_element()
    if tag == UTC_TIME:
        if len(content) != 13:
            raise DERError("a UTCTime is not of the form YYMMDDHHMMSSZ")
        content = (b"19" if content >= b"50" else b"20") + content
    elif tag != GENERALIZED_TIME or len(content) != 15:
        raise DERError("a time is neither a UTCTime nor a GeneralizedTime of the form YYYYMMDDHHMMSSZ")
    if not content[:14].isdigit() or content[14:] != b"Z":
        raise DERError("a time holds something else than digits and a final Z")
    year, month, day = int(content[:4]), int(content[4:6]), int(content[6:8])
    hour, minute, second = int(content[8:10]), int(content[10:12]), int(content[12:14])
    if not (year and 1 <= month <= 12 and 1 <= day <= _days(year, month) and hour < 24 and minute < 60 and second < 60):
        raise DERError("a time is not in the calendar")
    return ((_day_number(year, month, day) * 24 + hour) * 60 + minute) * 60 + second


def _days(year: int, month: int) -> int:
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return 28 if month == 2 and not leap else _DAYS_IN_MONTH[month - 1]


def _day_number(year: int, month: int, day: int) -> int:
    # The year is counted from March, so that the leap day is its last; (153 m + 2) // 5 are the days before month m.
    year -= month <= 2
    days = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return 365 * year + year // 4 - year // 100 + year // 400 + days - _DAYS_TO_1970


def _public_key(spki: bytes) -> tuple[str, int | None]:
    info = enter_whole(spki, SEQUENCE)
    algorithm = info.enter(SEQUENCE).object_identifier()
    key = info.bit_string()
    info.finish()
    if algorithm not in (RSA_ENCRYPTION, RSASSA_PSS):
        return algorithm, None
    numbers = enter_whole(key, SEQUENCE)
    modulus = numbers.integer()
    numbers.skip(INTEGER)
    numbers.finish()
    if modulus <= 0:
        raise DERError("the RSA modulus is not positive")
    return algorithm, modulus.bit_length()


def read_signature(algorithm: bytes) -> tuple[str, str | None]:
    """The algorithm of a signature, and its hash: for RSASSA-PSS a parameter, SHA-1 where it is missing (RFC 4055)."""
    reader = enter_whole(algorithm, SEQUENCE)
    name = reader.object_identifier()
    if name != RSASSA_PSS:
        return name, _SIGNATURE_HASHES.get(name)
    if reader.peek() != SEQUENCE:
        return name, "sha1"
    parameters = reader.enter(SEQUENCE)
    if parameters.peek() != _PSS_HASH:
        return name, "sha1"
    return name, _HASHES.get(parameters.enter(_PSS_HASH).enter(SEQUENCE).object_identifier())


def _extensions(tbs: DERReader, version: int) -> dict[bytes, bytes]:
    """The extensions' values by the content of their OID; passes over the unique identifiers before them."""
    tbs.skip_optional(0x81)
    tbs.skip_optional(0x82)
    found: dict[bytes, bytes] = {}
    if tbs.peek() == 0xA3:
        if version != _VERSION_3:
            raise DERError("only a v3 certificate has extensions (RFC 5280 section 4.1.2.9)")
        explicit = tbs.enter(0xA3)
        extensions = explicit.enter(SEQUENCE)
        explicit.finish()
        while extensions.peek() >= 0:
            _one_extension(extensions.enter(SEQUENCE), found)
    tbs.finish()
    return found


def _one_extension(extension: DERReader, found: dict[bytes, bytes]) -> None:
    oid = extension.content(OBJECT_IDENTIFIER)
    if oid in found:
        raise DERError(f"the extension {dotted(oid)} stands there twice (RFC 5280 section 4.2)")
    if extension.peek() == BOOLEAN:
        extension.boolean()
    found[oid] = extension.content(OCTET_STRING)
    extension.finish()


def _alternative_names(value: bytes | None) -> tuple[tuple[bytes, ...], tuple[bytes, ...], tuple[bytes, ...]]:
    names: dict[int, list[bytes]] = {_DNS_NAME: [], _IP_ADDRESS: [], _URI: []}
    if value is not None:
        reader = enter_whole(value, SEQUENCE)
        while reader.peek() >= 0:
            tag, content = reader.any_element()
            if tag in names:
                names[tag].append(content)
            elif tag & 0xC0 != _CONTEXT_CLASS:
                raise DERError("a subject alternative name is not a GeneralName")
    return tuple(names[_DNS_NAME]), tuple(names[_IP_ADDRESS]), tuple(names[_URI])


def _is_ca(value: bytes | None) -> bool:
    if value is None:
        return False
    constraints = enter_whole(value, SEQUENCE)
    is_ca = constraints.boolean() if constraints.peek() == BOOLEAN else False
    constraints.skip_optional(INTEGER)
    constraints.finish()
    return is_ca


def _extended_key_usage(value: bytes | None) -> tuple[str, ...] | None:
    if value is None:
        return None
    reader = enter_whole(value, SEQUENCE)
    purposes: list[str] = []
    while reader.peek() >= 0:
        purposes.append(reader.object_identifier())
    return tuple(purposes)
