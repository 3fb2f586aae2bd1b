"""Name constraints (RFC 5280 section 4.2.1.10), and the reading of what limits a certificate."""

from __future__ import annotations

import ipaddress

import pytest
from _certs import NOT_AFTER, NOT_BEFORE, dns, ec_key, ip
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import NameOID

from unitls.core._certificate_limits import certificate_limits
from unitls.core._der import DERError
from unitls.core._name_constraints import breaks, constraints_kept

Extension = x509.ExtensionType


def name(*values: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, value) for value in values])


def made(subject: x509.Name, issuer: x509.Name, *extensions: Extension, ca: bool = False) -> bytes:
    builder = x509.CertificateBuilder(issuer, subject, ec_key().public_key(), 1, NOT_BEFORE, NOT_AFTER)
    builder = builder.add_extension(x509.BasicConstraints(ca, None), critical=True)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=isinstance(extension, x509.NameConstraints))
    return builder.sign(ec_key(), hashes.SHA256()).public_bytes(Encoding.DER)


ROOT, MIDDLE, LEAF = name("root"), name("middle"), name("leaf")
SAN = x509.SubjectAlternativeName([dns("zoo.test")])
root = made(ROOT, ROOT, ca=True)


def path(*middle: Extension, leaf: tuple[Extension, ...] = (SAN,), subject: x509.Name = LEAF) -> list[bytes]:
    return [made(subject, MIDDLE, *leaf), made(MIDDLE, ROOT, *middle, ca=True), root]


def network(text: str) -> x509.IPAddress:
    return x509.IPAddress(ipaddress.ip_network(text))


def permitted(*names: x509.GeneralName) -> x509.NameConstraints:
    return x509.NameConstraints(list(names), None)


def excluded(*names: x509.GeneralName) -> x509.NameConstraints:
    return x509.NameConstraints(None, list(names))


directory = x509.DirectoryName
mail = x509.RFC822Name


@pytest.mark.parametrize(
    ("constraints", "names", "kept"),
    [
        (permitted(dns("zoo.test")), [dns("zoo.test")], True),
        (permitted(dns("zoo.test")), [dns("a.ZOO.test")], True),
        (permitted(dns("zoo.test")), [dns("notzoo.test")], False),
        (permitted(dns("zoo.test")), [dns("zoo.test"), dns("other.test")], False),
        (permitted(dns("zoo.test"), dns("b.test")), [dns("b.test")], True),
        (permitted(dns(".zoo.test")), [dns("a.zoo.test")], True),
        (permitted(dns("")), [dns("anything.test")], True),
        (permitted(dns("a.zoo.test")), [dns("*.zoo.test")], False),
        (permitted(dns("zoo.test")), [dns("*.zoo.test")], True),
        (excluded(dns("zoo.test")), [dns("a.zoo.test")], False),
        (excluded(dns("a.zoo.test")), [dns("*.zoo.test")], False),
        (excluded(dns("zoo.test")), [dns("other.test")], True),
        (excluded(dns("")), [dns("other.test")], False),
        (permitted(network("10.0.0.0/8")), [ip("10.1.2.3")], True),
        (permitted(network("10.0.0.0/8")), [ip("11.1.2.3")], False),
        (permitted(network("10.0.0.0/8")), [ip("::1")], False),
        (permitted(network("10.0.0.0/8")), [dns("zoo.test")], True),
        (excluded(network("::/0")), [ip("::1")], False),
        (permitted(directory(LEAF)), [dns("zoo.test")], True),
        (permitted(directory(name("leaf", "more"))), [dns("zoo.test")], False),
        (permitted(directory(name("other"))), [dns("zoo.test")], False),
        (permitted(directory(LEAF)), [directory(name("leaf", "below"))], True),
        (permitted(directory(LEAF)), [directory(name("other"))], False),
        (permitted(mail("zoo.test")), [dns("zoo.test")], True),
        (permitted(mail("zoo.test")), [mail("a@zoo.test")], True),
        (permitted(mail("zoo.test")), [mail("a@other.test")], False),
        (excluded(mail("zoo.test")), [mail("a@zoo.test")], False),
        (excluded(mail("other.test")), [mail("a@zoo.test")], True),
        (excluded(dns("zoo.test.")), [dns("zoo.test")], False),
        (permitted(dns("zoo.test.")), [dns("zoo.test")], False),
    ],
)
def test_name_constraints(constraints: x509.NameConstraints, names: list[x509.GeneralName], kept: bool) -> None:
    ders = path(constraints, leaf=(x509.SubjectAlternativeName(names),))
    assert constraints_kept(ders) is kept


@pytest.mark.parametrize(("constraint", "kept"), [("zoo.test", True), ("other.test", False)])
def test_an_address_in_the_subject_counts_as_mail(constraint: str, kept: bool) -> None:
    subject = x509.Name([x509.NameAttribute(NameOID.EMAIL_ADDRESS, "a@ZOO.test")])
    assert constraints_kept(path(permitted(mail(constraint)), leaf=(SAN,), subject=subject)) is kept
    assert constraints_kept(path(excluded(mail(constraint)), leaf=(SAN,), subject=subject)) is not kept


@pytest.mark.parametrize(
    "kind", [_ASN1Type.PrintableString, _ASN1Type.UTF8String, _ASN1Type.BMPString, _ASN1Type.T61String]
)
@pytest.mark.parametrize("text", ["leaf", "LEAF", "  leaf "])
def test_how_a_directory_name_is_written_makes_no_difference(kind: _ASN1Type, text: str) -> None:
    """Otherwise whoever is excluded would only have to write the name in another way."""
    base = directory(x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, text, kind)]))
    assert constraints_kept(path(excluded(base))) is False
    assert constraints_kept(path(permitted(base))) is True


def test_a_directory_name_is_compared_by_whole_relative_names() -> None:
    assert constraints_kept(path(excluded(directory(name("lea"))))) is True
    assert constraints_kept(path(excluded(directory(name())))) is False
    country, organization = (NameOID.COUNTRY_NAME, "DE"), (NameOID.ORGANIZATION_NAME, "leaf")
    both = [x509.NameAttribute(*country), x509.NameAttribute(*organization)]
    together = x509.Name([x509.RelativeDistinguishedName(both)])
    assert constraints_kept(path(excluded(directory(together)), subject=together)) is False
    assert constraints_kept(path(excluded(directory(name("leaf"))), subject=together)) is True


def test_a_directory_name_that_cannot_be_read_breaks_its_constraint() -> None:
    damaged = [b"\x30\x0f\x31\x0d\x30\x0b\x06\x03\x55\x04\x0a\x0c\x04lea\xff"]
    for constraints in (([(DIRECTORY, LEAF.public_bytes())], []), ([], [(DIRECTORY, LEAF.public_bytes())])):
        assert breaks([(DIRECTORY, damaged[0])], *constraints)


def test_an_address_in_two_byte_characters_is_not_compared() -> None:
    kind = _ASN1Type.BMPString
    subject = x509.Name([x509.NameAttribute(NameOID.EMAIL_ADDRESS, "a@zoo.test", kind)])
    assert not constraints_kept(path(excluded(mail("other.test")), leaf=(SAN,), subject=subject))


def test_the_constraints_of_an_anchor_count_too() -> None:
    narrow = made(ROOT, ROOT, permitted(dns("other.test")), ca=True)
    assert constraints_kept([*path()[:2], narrow]) is False


def test_an_authority_that_renews_itself_is_not_bound_by_its_own_constraints() -> None:
    renewed = made(MIDDLE, MIDDLE, x509.SubjectAlternativeName([dns("other.test")]), ca=True)
    constrained = made(MIDDLE, ROOT, permitted(dns("zoo.test")), ca=True)
    assert constraints_kept([made(LEAF, MIDDLE, SAN), renewed, constrained, root]) is True


def test_subtrees_with_more_than_a_name_are_not_understood() -> None:
    der = path(permitted(dns("zoo.test")))[1]
    old = b"\x30\x0a\x82\x08zoo.test"
    assert old in der
    changed = der.replace(old, b"\x30\x0a\x82\x05zoo.\x21\x80\x01\x01")
    with pytest.raises(DERError):
        certificate_limits(changed)


DNS, MAIL, URI, IP, ANY, DIRECTORY = 0x82, 0x81, 0x86, 0x87, 0x88, 0xA4


@pytest.mark.parametrize(
    ("kind", "name", "base", "inside"),
    [
        (DNS, b"a.test", b"test", True),
        (DNS, b"A.TEST", b"test", True),
        (DNS, b"atest", b"test", False),
        (DNS, b"test", b"test", True),
        (DNS, b"test", b".test", False),
        (DNS, b"a.test", b".test", True),
        (DNS, b"a.test", b"", True),
        (MAIL, b"me@a.test", b"a.test", True),
        (MAIL, b"me@b.a.test", b"a.test", False),
        (MAIL, b"me@b.a.test", b".a.test", True),
        (MAIL, b"me@a.test", b"you@a.test", False),
        (URI, b"https://a.test/x", b"a.test", True),
        (URI, b"https://b.a.test:8/x", b".a.test", True),
        (IP, ipaddress.ip_address("10.1.2.3").packed, b"\x0a\x01\x00\x00\xff\xff\x00\x00", True),
        (IP, ipaddress.ip_address("10.2.2.3").packed, b"\x0a\x01\x00\x00\xff\xff\x00\x00", False),
        (IP, ipaddress.ip_address("::1").packed, b"\x0a\x01\x00\x00\xff\xff\x00\x00", False),
    ],
)
def test_names_within_subtrees(kind: int, name: bytes, base: bytes, inside: bool) -> None:
    assert breaks([(kind, name)], [(kind, base)], []) is not inside
    assert breaks([(kind, name)], [], [(kind, base)]) is inside
    assert not breaks([(kind, name)], [(ANY, base)], [(ANY, base)]), "a constraint on another kind"


def test_a_wildcard_does_not_stand_for_an_excluded_host() -> None:
    assert breaks([(DNS, b"*.A.test")], [], [(DNS, b"b.a.test")])
    assert not breaks([(DNS, b"*.a.test")], [], [(DNS, b"b.c.test")])
    assert not breaks([(DNS, b"*.a.test")], [], [(DNS, b"c.b.a.test")]), "it stands for one label"


def test_a_name_that_cannot_be_compared_breaks_its_constraint() -> None:
    assert breaks([(ANY, b"\x2a\x03")], [(ANY, b"\x2a\x03")], [])
    assert breaks([(ANY, b"\x2a\x03")], [], [(ANY, b"\x2a\x04")])
    assert breaks([(DNS, b"zoo.test")], [], [(DNS, b"*.test")])
    for size in (0, 4, 5, 7, 9):
        assert breaks([(IP, b"\x7f\0\0\1")], [], [(IP, bytes(size))])
    assert breaks([(IP, b"\x7f\0\0\1\xff")], [], [(IP, bytes(8))])
    for kind, name in ((URI, b"urn:x"), (URI, b"https://[::1/"), (URI, b"https://\xe9.test/"), (MAIL, b"a.test")):
        assert breaks([(kind, name)], [(kind, b"a.test")], [])
        assert breaks([(kind, name)], [], [(kind, b"other.test")])
