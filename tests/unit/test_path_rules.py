"""The rules that every trusted path has to keep, whatever the library thinks of it."""

from __future__ import annotations

import pytest
from _certs import NOT_AFTER, NOT_BEFORE, dns, ec_key
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from unitls import VerifyFailure
from unitls.core._path_rules import CLIENT_AUTH, SERVER_AUTH, path_fault

Extension = tuple[x509.ExtensionType, bool]
_BITS = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
_MORE_BITS = ("key_cert_sign", "crl_sign", "encipher_only", "decipher_only")


def usage(*names: str) -> Extension:
    bits = dict.fromkeys((*_BITS, *_MORE_BITS), False)
    return x509.KeyUsage(**{**bits, **dict.fromkeys(names, True)}), True


def purpose(*oids: x509.ObjectIdentifier) -> Extension:
    return x509.ExtendedKeyUsage(list(oids)), False


def raw(oid: str, value: bytes, critical: bool = False) -> Extension:
    return x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value), critical


def made(subject: str, issuer: str, *extensions: Extension, key: rsa.RSAPrivateKey | None = None) -> bytes:
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)]) for text in (issuer, subject)]
    builder = x509.CertificateBuilder(*names, (key or ec_key()).public_key(), 1, NOT_BEFORE, NOT_AFTER)
    for value, critical in extensions:
        builder = builder.add_extension(value, critical)
    return builder.sign(ec_key(), hashes.SHA256()).public_bytes(Encoding.DER)


CA: Extension = (x509.BasicConstraints(True, None), True)
NO_CA: Extension = (x509.BasicConstraints(False, None), True)
SAN: Extension = (x509.SubjectAlternativeName([dns("*.zoo.test")]), False)
SERVER, CLIENT = purpose(ExtendedKeyUsageOID.SERVER_AUTH), purpose(ExtendedKeyUsageOID.CLIENT_AUTH)
STRANGE = raw("1.2.3.4.5", b"\x05\x00", critical=True)
GARBAGE_USAGE = raw("2.5.29.15", b"\x01\x02\x03")
ROOT, MIDDLE, LEAF = made("root", "root", CA), made("middle", "root", CA), made("leaf", "middle", NO_CA, SAN)


def failure(*path: bytes, wanted: str = SERVER_AUTH, signs: bool = True) -> VerifyFailure | None:
    fault = path_fault(path, wanted, signs=signs)
    return None if fault is None else fault.failure


def test_a_good_path() -> None:
    assert failure(LEAF, MIDDLE, ROOT) is None
    assert failure(LEAF) is None
    assert failure(LEAF, made("middle", "middle")) is None, "an old root without any extension"


@pytest.mark.parametrize(
    ("middle", "due"),
    [
        ([NO_CA], VerifyFailure.INVALID),
        ([usage("key_cert_sign")], VerifyFailure.INVALID),  # no basic constraints at all
        ([], VerifyFailure.INVALID),
        ([CA, usage("crl_sign")], VerifyFailure.INVALID),
        ([CA, usage("key_cert_sign")], None),
        ([CA, GARBAGE_USAGE], VerifyFailure.INVALID),
        ([CA, CLIENT], VerifyFailure.BAD_PURPOSE),
        ([CA, SERVER], None),
        ([CA, purpose(ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE)], None),
        ([CA, STRANGE], VerifyFailure.INVALID),
        ([CA, raw("2.5.29.19.1", b"")], None),
        ([CA, (x509.NameConstraints(None, [dns("a.zoo.test")]), True)], VerifyFailure.INVALID),
        ([(x509.BasicConstraints(True, 0), True)], None),
    ],
)
def test_what_an_authority_has_to_be(middle: list[Extension], due: VerifyFailure | None) -> None:
    assert failure(LEAF, made("middle", "root", *middle), ROOT) is due


def test_what_an_anchor_has_to_be() -> None:
    """Also a server's own certificate can be trusted: that does not make an authority of it."""
    for own in ([NO_CA], [SAN], [CA, usage("crl_sign")], [CA, STRANGE]):
        assert failure(LEAF, made("middle", "root", *own)) is VerifyFailure.INVALID
    assert failure(LEAF, made("middle", "root", CA, CLIENT)) is None, (
        "what an anchor is good for, its owner has decided"
    )
    short = made("root", "root", (x509.BasicConstraints(True, 0), True))
    assert failure(LEAF, MIDDLE, short) is VerifyFailure.INVALID
    assert failure(made("leaf", "root", NO_CA, SAN), short) is None


def test_a_leaf_is_for_its_purpose_also_where_it_is_the_anchor() -> None:
    for extension, right, wrong in ((SERVER, SERVER_AUTH, CLIENT_AUTH), (CLIENT, CLIENT_AUTH, SERVER_AUTH)):
        leaf = made("leaf", "root", NO_CA, extension)
        for path in ((leaf,), (leaf, ROOT)):
            assert failure(*path, wanted=right) is None
            assert failure(*path, wanted=wrong) is VerifyFailure.BAD_PURPOSE


def test_a_leaf_signs_unless_the_handshake_does_without() -> None:
    leaf = made("leaf", "root", NO_CA, usage("key_encipherment"))
    assert failure(leaf, ROOT) is VerifyFailure.BAD_PURPOSE
    assert failure(leaf, ROOT, signs=False) is None


def test_a_key_that_is_too_small_anywhere() -> None:
    small = rsa.generate_private_key(65537, 1024)
    assert failure(made("leaf", "root", NO_CA, key=small)) is VerifyFailure.WEAK
    assert failure(LEAF, made("middle", "root", CA, key=small), ROOT) is VerifyFailure.WEAK


def test_what_cannot_be_read_is_invalid() -> None:
    assert failure(b"\x30\x00", ROOT) is VerifyFailure.INVALID
    assert failure(LEAF, MIDDLE + b"\0", ROOT) is VerifyFailure.INVALID
