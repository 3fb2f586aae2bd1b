from __future__ import annotations

import contextlib
import datetime

import pytest
from _certs import NOT_AFTER, NOT_BEFORE, certificate, dns, ec_key, ip, rsa_key
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519, padding
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import example, given, settings
from hypothesis import strategies as st

from unitls.core._der import DERError, DERReader, encode, enter_whole
from unitls.core._x509 import certificate_fields, parse_certificate, read_time

deterministic = settings(derandomize=True, deadline=None, max_examples=150)

NAMES = [dns("a.example"), dns("*.b.example"), ip("192.0.2.1"), ip("2001:db8::1"), x509.RFC822Name("a@a.example")]
LEAF = certificate(
    [*NAMES, x509.UniformResourceIdentifier("spiffe://a.example/x")],
    usages=[ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH],
    is_ca=False,
)


@pytest.mark.parametrize("key", [ec_key(), rsa_key(), ed25519.Ed25519PrivateKey.from_private_bytes(b"k" * 32)])
def test_the_fields_are_what_cryptography_reads(key: ed25519.Ed25519PrivateKey) -> None:
    der = certificate(NAMES, key=key, is_ca=True, serial=1 << 150)
    oracle = x509.load_der_x509_certificate(der)
    fields = certificate_fields(der)
    assert fields.subject == oracle.subject.public_bytes()
    assert fields.issuer == oracle.issuer.public_bytes()
    assert fields.spki == oracle.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert fields.public_key_algorithm == oracle.public_key_algorithm_oid.dotted_string
    assert fields.signature_algorithm == oracle.signature_algorithm_oid.dotted_string
    assert fields.serial_number == oracle.serial_number
    assert (fields.not_before, fields.not_after) == (NOT_BEFORE.timestamp(), NOT_AFTER.timestamp())
    assert fields.is_ca
    assert fields.extended_key_usage is None
    assert not fields.is_self_issued


def test_names_and_usages() -> None:
    fields = certificate_fields(LEAF)
    assert fields.dns_names == (b"a.example", b"*.b.example")
    assert fields.ip_addresses == (bytes((192, 0, 2, 1)), bytes.fromhex("20010db8") + bytes(11) + b"\x01")
    assert fields.uris == (b"spiffe://a.example/x",)
    assert fields.extended_key_usage == ("1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2")
    assert fields.rsa_bits is None
    assert not fields.is_ca


def test_rsa_bits() -> None:
    assert certificate_fields(certificate(key=rsa_key())).rsa_bits == 2048


@pytest.mark.parametrize("padding", [None, padding.PSS(padding.MGF1(hashes.SHA384()), 48)])
@pytest.mark.parametrize(
    ("digest", "name"), [(hashes.SHA256(), "sha256"), (hashes.SHA384(), "sha384"), (hashes.SHA512(), "sha512")]
)
def test_the_hash_of_an_rsa_signature(padding: padding.PSS | None, digest: hashes.HashAlgorithm, name: str) -> None:
    subject = x509.Name([])
    builder = x509.CertificateBuilder(subject, subject, rsa_key().public_key(), 1, NOT_BEFORE, NOT_AFTER)
    made = builder.sign(rsa_key(), digest, rsa_padding=padding)  # type: ignore[arg-type]
    fields = certificate_fields(made.public_bytes(Encoding.DER))
    assert fields.signature_hash == name
    assert not fields.is_weakly_signed


@pytest.mark.parametrize(
    ("algorithm", "name", "weak"),
    [
        ("300b06092a864886f70d01010a", "sha1", True),  # RSASSA-PSS without parameters
        ("300d06092a864886f70d01010a3000", "sha1", True),
        ("300d06092a864886f70d0101050500", "sha1", True),
        ("300d06092a864886f70d0101040500", "md5", True),
        ("300906072a8648ce3d0401", "sha1", True),
        ("300a06082a8648ce3d040303", "sha384", False),
        ("300506032b6570", None, False),  # Ed25519
    ],
)
def test_the_hash_of_a_signature(algorithm: str, name: str | None, weak: bool) -> None:
    ours = bytes.fromhex("300a06082a8648ce3d040302")
    assert LEAF.count(ours) == 2
    spliced = _with_algorithm(LEAF, bytes.fromhex(algorithm))
    fields = parse_certificate(spliced)
    assert (fields.signature_hash, fields.is_weakly_signed) == (name, weak)


def _with_algorithm(der: bytes, algorithm: bytes) -> bytes:
    """The certificate with other signature algorithms; its signature is worth nothing then."""
    outer = enter_whole(der, 0x30)
    tbs = enter_whole(outer.element(0x30), 0x30)
    head = [tbs.element(0xA0), tbs.element(0x02)]
    tbs.skip(0x30)
    rest = []
    while tbs.peek() >= 0:
        rest.append(tbs.element(tbs.peek()))
    outer.skip(0x30)
    return encode(0x30, encode(0x30, *head, algorithm, *rest), algorithm, outer.element(0x03))


def test_self_issued() -> None:
    assert certificate_fields(certificate(common_name="x", issuer="x")).is_self_issued


def test_without_extensions() -> None:
    fields = certificate_fields(certificate())
    assert (fields.dns_names, fields.is_ca, fields.extended_key_usage) == ((), False, None)


def test_the_same_bytes_are_parsed_once() -> None:
    assert certificate_fields(LEAF) is certificate_fields(bytes(bytearray(LEAF)))


@deterministic
@given(st.datetimes(datetime.datetime(1950, 1, 1), datetime.datetime(9999, 12, 31, 23, 59, 59)))
@example(datetime.datetime(2049, 12, 31, 23, 59, 59))
@example(datetime.datetime(2050, 1, 1))
@example(datetime.datetime(2000, 2, 29))
@example(datetime.datetime(9999, 12, 31, 23, 59, 59))
def test_times(moment: datetime.datetime) -> None:
    moment = moment.replace(microsecond=0, tzinfo=datetime.UTC)
    late = datetime.datetime(9999, 12, 31, 23, 59, 59, tzinfo=datetime.UTC)
    fields = parse_certificate(certificate(not_before=moment, not_after=late))
    assert fields.not_before == moment.timestamp()
    assert fields.not_after == 253402300799


@pytest.mark.parametrize(
    ("tag", "text"),
    [
        (0x17, "2401010000Z"),
        (0x17, "240101000000+0000"),
        (0x17, "240101000000z"),
        (0x17, "24010100000 Z"),
        (0x17, "241301000000Z"),
        (0x17, "240001000000Z"),
        (0x17, "230229000000Z"),
        (0x17, "240101240000Z"),
        (0x17, "240101006000Z"),
        (0x17, "240101000060Z"),
        (0x18, "20240101000000.5Z"),
        (0x18, "00000101000000Z"),
        (0x18, "21000229000000Z"),
        (0x18, "240101000000Z"),
        (0x16, "240101000000Z"),
    ],
)
def test_bad_times(tag: int, text: str) -> None:
    with pytest.raises(DERError, match="ime"):
        read_time(DERReader(encode(tag, text.encode())))


def test_two_digit_years_turn_at_50() -> None:
    assert read_time(DERReader(encode(0x17, b"500101000000Z"))) == -631152000
    assert read_time(DERReader(encode(0x17, b"491231235959Z"))) == 2524607999


def _with_extensions(*extensions: bytes, version: bytes = b"\x02") -> bytes:
    """A certificate whose extensions are written by hand; the signature does not matter."""
    tbs = DERReader(certificate()).enter(0x30).enter(0x30)
    tbs.skip(0xA0)
    parts = [encode(*tbs.any_element()) for _ in range(6)]
    algorithm = parts[1]
    head = encode(0xA0, encode(0x02, version)) if version else b""
    tail = encode(0xA3, encode(0x30, *extensions)) if extensions else b""
    return encode(0x30, encode(0x30, head, *parts, tail), algorithm, encode(0x03, b"\0sig"))


SAN = encode(0x30, b"\x06\x03\x55\x1d\x11", encode(0x04, encode(0x30, encode(0x82, b"a.example"))))
BASIC = encode(0x30, b"\x06\x03\x55\x1d\x13", encode(0x04, encode(0x30, b"\x01\x01\xff\x02\x01\x03")))


def test_extensions_written_by_hand() -> None:
    fields = parse_certificate(_with_extensions(SAN, BASIC))
    assert fields.dns_names == (b"a.example",)
    assert fields.is_ca


def test_explicit_defaults_are_accepted() -> None:
    basic = encode(0x30, b"\x06\x03\x55\x1d\x13", b"\x01\x01\x00", encode(0x04, encode(0x30, b"\x01\x01\x00")))
    assert not parse_certificate(_with_extensions(basic)).is_ca


def test_a_version_1_certificate() -> None:
    assert parse_certificate(_with_extensions(version=b"")).dns_names == ()


# A key of 91 bytes turned into another of the same length: an RSA key with a negative modulus.
EC_POINT = certificate_fields(LEAF).spki
RSA_NUMBERS = encode(0x30, encode(0x02, b"\x9f" + bytes(65)), b"\x02\x01\x03")
NEGATIVE_RSA = encode(0x30, encode(0x30, bytes.fromhex("06092a864886f70d010101")), encode(0x03, b"\0" + RSA_NUMBERS))


@pytest.mark.parametrize(
    ("der", "reason"),
    [
        (_with_extensions(SAN, SAN), "2.5.29.17 stands there twice"),
        (_with_extensions(BASIC, SAN, BASIC), "2.5.29.19 stands there twice"),
        (_with_extensions(SAN, version=b""), "only a v3"),
        (_with_extensions(SAN, version=b"\x01"), "only a v3"),
        (_with_extensions(SAN, version=b"\x03"), "none of v1"),
        (_with_extensions(SAN + b"\x05\x00"), "unexpected tag"),
        (_with_extensions(encode(0x30, b"\x06\x03\x55\x1d\x11", encode(0x04, b"\x30\x00\x00"))), "unexpected bytes"),
        (
            _with_extensions(encode(0x30, b"\x06\x03\x55\x1d\x11", encode(0x04, b"\x30\x02\x02\x00"))),
            "not a GeneralName",
        ),
        (_with_extensions(encode(0x30, b"\x06\x03\x55\x1d\x13", encode(0x04, b"\x30\x03\x01\x01\x01"))), "BOOLEAN"),
        (LEAF + b"\0", "unexpected bytes"),
        (b"", "ends at"),
        (b"\x30\x00", "ends at"),
        (LEAF.replace(EC_POINT, NEGATIVE_RSA), "modulus is not positive"),
    ],
)
def test_malformed_certificates(der: bytes, reason: str) -> None:
    with pytest.raises(DERError, match=reason):
        parse_certificate(der)


def test_the_two_signature_algorithms_have_to_agree() -> None:
    tail = LEAF.rindex(bytes.fromhex("2a8648ce3d040302"))
    changed = LEAF[:tail] + bytes.fromhex("2a8648ce3d040303") + LEAF[tail + 8 :]
    with pytest.raises(DERError, match="differ"):
        parse_certificate(changed)


def test_every_truncation_is_an_error() -> None:
    for length in range(len(LEAF)):
        with pytest.raises(DERError):
            parse_certificate(LEAF[:length])


@deterministic
@given(st.integers(0, len(LEAF) - 1), st.integers(1, 255))
def test_one_changed_byte_is_read_or_a_der_error(position: int, change: int) -> None:
    damaged = bytearray(LEAF)
    damaged[position] ^= change
    with contextlib.suppress(DERError):
        fields = parse_certificate(bytes(damaged))
        assert fields.not_before > -62135596801
