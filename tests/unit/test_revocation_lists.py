"""What revocation lists say about themselves, and which of them are refused when they are configured."""

from __future__ import annotations

import datetime

import pytest
from _certs import NOT_AFTER, NOT_BEFORE, NOW, ec_key, rsa_key
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

import unitls
from unitls import VerifyFailure
from unitls.core._revocation_lists import check_lists, list_fault, newest_first, revocation_list

ISSUER = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "issuer")])
STRANGE = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4.5"), b"\x05\x00")
DAY = datetime.timedelta(days=1)


def crl(
    *extensions: tuple[x509.ExtensionType, bool],
    begins: datetime.datetime = NOT_BEFORE,
    issuer: x509.Name = ISSUER,
) -> bytes:
    builder = x509.CertificateRevocationListBuilder(issuer, begins, NOT_AFTER)
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(ec_key(), hashes.SHA256()).public_bytes(Encoding.DER)


def scope(**only: bool) -> x509.IssuingDistributionPoint:
    none = dict.fromkeys(("only_contains_user_certs", "only_contains_ca_certs", "indirect_crl"), False)
    return x509.IssuingDistributionPoint(
        full_name=None,
        relative_name=None,
        only_some_reasons=None,
        only_contains_attribute_certs=False,
        **{**none, **only},
    )


def with_sha1() -> bytes:
    """A list signed with RSA and SHA-1: the two identifiers of the algorithm are of one length."""
    builder = x509.CertificateRevocationListBuilder(ISSUER, NOT_BEFORE, NOT_AFTER)
    made = builder.sign(rsa_key(), hashes.SHA256())
    sha256, sha1 = bytes.fromhex("06092a864886f70d01010b"), bytes.fromhex("06092a864886f70d010105")
    signature = rsa_key().sign(made.tbs_certlist_bytes.replace(sha256, sha1), padding.PKCS1v15(), hashes.SHA1())
    return made.public_bytes(Encoding.DER).replace(sha256, sha1)[: -len(signature)] + signature


def test_reading() -> None:
    found = revocation_list(crl((x509.CRLNumber(3), False), (STRANGE, False)))
    assert found.issuer == ISSUER.public_bytes()
    assert found.this_update == NOT_BEFORE.timestamp()
    assert found.next_update == NOT_AFTER.timestamp()
    assert not found.is_scoped
    assert revocation_list(crl((scope(only_contains_user_certs=True), False))).is_scoped


@pytest.mark.parametrize(
    ("der", "reason"),
    [
        (crl((x509.DeltaCRLIndicator(2), True)), "delta"),
        (crl((x509.DeltaCRLIndicator(2), False)), "delta"),
        (crl((STRANGE, True)), "critical"),
        (with_sha1(), "collisions"),
        (crl() + b"\0", "unexpected"),
        (crl()[:-3], "longer"),
        (crl().replace(b"\x02\x01\x01", b"\x02\x01\x02", 1), "version"),
        (b"\x30\x03\x02\x01\x01", "tag"),
    ],
)
def test_lists_that_nobody_can_rely_on(der: bytes, reason: str) -> None:
    with pytest.raises(unitls.ConfigurationError, match=reason):
        check_lists([crl(), der], take_scoped=True)


def test_lists_for_some_certificates_only() -> None:
    for critical in (False, True):
        der = crl((scope(only_contains_ca_certs=True), critical))
        check_lists([der], take_scoped=True)
        with pytest.raises(unitls.UnsupportedFeature) as caught:
            check_lists([crl(), der], take_scoped=False)
        assert caught.value.feature is unitls.Feature.CRLS


def test_the_newest_comes_first() -> None:
    old, middle, new = (crl(begins=NOT_BEFORE + days * DAY) for days in (0, 1, 2))
    assert newest_first([middle, new, old]) == [new, middle, old]


def issued(*bits: str) -> tuple[bytes, bytes]:
    """A leaf, and its issuer with a key usage of `bits`."""
    usage = dict.fromkeys(
        ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"), False
    )
    more = dict.fromkeys(("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"), False)
    ders = []
    for subject in (x509.Name([]), ISSUER):
        builder = x509.CertificateBuilder(ISSUER, subject, ec_key().public_key(), 1, NOT_BEFORE, NOT_AFTER)
        builder = builder.add_extension(
            x509.KeyUsage(**{**usage, **more, "digital_signature": True, **dict.fromkeys(bits, True)}), True
        )
        ders.append(builder.sign(ec_key(), hashes.SHA256()).public_bytes(Encoding.DER))
    return ders[0], ders[1]


def test_a_list_that_has_not_begun_covers_nothing() -> None:
    path = issued("key_cert_sign", "crl_sign")
    later = crl(begins=NOT_AFTER - DAY)
    fault = list_fault([later], path, NOW)
    assert fault is not None
    assert fault.failure is VerifyFailure.OTHER
    assert list_fault([later, crl()], path, NOW) is None
    assert list_fault([later], path, NOT_AFTER.timestamp()) is None


def test_an_issuer_that_must_not_sign_lists() -> None:
    fault = list_fault([crl()], issued("key_cert_sign"), NOW)
    assert fault is not None
    assert fault.failure is VerifyFailure.OTHER
    assert list_fault([], issued("key_cert_sign"), NOW) is None, "without a list nobody has to sign one"
