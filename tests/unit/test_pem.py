from __future__ import annotations

import base64
import contextlib
import textwrap
from typing import Any

import pytest
from _certs import certificate, dns, ec_key, revocation_list
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs7
from hypothesis import given, settings
from hypothesis import strategies as st

from unitls.api._errors import ConfigurationError
from unitls.core._pem import certificates_from, crls_from, one_certificate_from, pem_blocks, to_pem

deterministic = settings(derandomize=True, deadline=None, max_examples=150)

A = certificate([dns("a.example")])
B = certificate([dns("b.example")])
CRL = revocation_list()
KEY = ec_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
PEM_A = to_pem(A, "CERTIFICATE")
PEM_B = to_pem(B, "CERTIFICATE")


@deterministic
@given(st.binary(min_size=1, max_size=300))
def test_pem_is_read_back(der: bytes) -> None:
    (block,) = pem_blocks(to_pem(der, "X509 CRL"))
    assert (block.label, block.decoded()) == ("X509 CRL", der)


def test_pem_is_what_cryptography_writes() -> None:
    assert x509.load_der_x509_certificate(A).public_bytes(Encoding.PEM) == PEM_A


@pytest.mark.parametrize(
    "data",
    [
        A,
        PEM_A,
        bytearray(PEM_A),
        memoryview(A),
        memoryview(PEM_A + b"..")[:-2],
        PEM_A.strip(),
        PEM_A.replace(b"\n", b"\r\n"),
        PEM_A.replace(b"\n", b"\r"),
        b"\xef\xbb\xbf" + PEM_A,
        b" 0 s:CN = a.example\n   i:CN = issuer\n" + PEM_A + b"---\nServer certificate\n",
        b"0 \xff text\n" + PEM_A,
        textwrap.indent(PEM_A.decode(), "    ").encode(),
        to_pem(A, "X509 CERTIFICATE"),
        KEY + PEM_A,
        PEM_A + KEY + to_pem(b"x", "EC PARAMETERS"),
        b"-----BEGIN CERTIFICATE-----" + base64.b64encode(A) + b"-----END CERTIFICATE-----",
    ],
)
def test_one_certificate(data: bytes) -> None:
    assert certificates_from(data) == (A,)
    assert one_certificate_from(data) == A


def test_several_certificates_in_order() -> None:
    assert certificates_from(b"# a\n" + PEM_A + KEY + b"# b\n" + PEM_B) == (A, B)
    with pytest.raises(ConfigurationError, match=r"there are 2; unitls\.load_chain"):
        one_certificate_from(PEM_A + PEM_B)


def test_revocation_lists() -> None:
    pem = to_pem(CRL, "X509 CRL")
    assert crls_from(CRL) == (CRL,)
    assert crls_from(PEM_A + pem + pem) == (CRL, CRL)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (PEM_A.decode(), "given as str, but bytes are needed"),
        (None, "has to be bytes, not NoneType"),
        (b"", "is empty"),
        (b" \r\n", "is empty"),
        (PEM_A.decode().encode("utf-16"), "UTF-16"),
        (b"\x89PNG\r\n\x1a\n", "neither PEM nor DER"),
        (b"hello", "neither PEM nor DER"),
        (base64.b64encode(A), "neither PEM nor DER"),
        (A[:-1], "damaged, cut off"),
        (A + b"\0", "has something behind it"),
        (A + B, "has something behind it"),
        (PEM_A[:-30], "not closed by '-----END CERTIFICATE-----'"),
        (PEM_A[:200], "not closed"),
        (PEM_A[:20], "incomplete or stands alone"),
        (PEM_A[28:], "no BEGIN line"),
        (PEM_A + PEM_B[:-30], "not closed"),
        (PEM_A + PEM_B[1:], "incomplete or stands alone"),
        (PEM_A[:-30] + PEM_B, "not closed"),
        (PEM_A.replace(b"END CERTIFICATE", b"END X509 CRL"), "not closed"),
        (PEM_A[:100] + b"!" + PEM_A[101:], "not base64"),
        (PEM_A[:100] + b"\xff" + PEM_A[101:], "not base64"),
        (PEM_A[:100] + PEM_A[101:], "not base64"),
        (PEM_A[:100] + b"=" + PEM_A[101:], "not base64"),
        (b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", "is empty"),
        (KEY, "holds 'PRIVATE KEY', but no certificate"),
        (to_pem(CRL, "X509 CRL"), "holds 'X509 CRL', but no certificate"),
        (to_pem(A, "TRUSTED CERTIFICATE"), "trust settings would be lost"),
        (PEM_A + to_pem(A, "TRUSTED CERTIFICATE"), "trust settings would be lost"),
        (to_pem(b"x", "CERTIFICATE REQUEST"), "the certificate is its answer"),
        (to_pem(b"x", "PKCS7"), "openssl pkcs7"),
        (to_pem(A + b"\0", "CERTIFICATE"), "unexpected bytes"),
        (to_pem(A[:-1], "CERTIFICATE"), "damaged, or something else"),
        (PEM_A + to_pem(B[:-1], "CERTIFICATE"), "the certificate 2 of 2 is damaged"),
        (to_pem(CRL, "CERTIFICATE"), "something else than a certificate"),
        (CRL, "something else than a certificate"),
        (b"\x30\x00", "something else than a certificate"),
    ],
)
def test_what_is_no_certificate(data: Any, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason) as caught:
        certificates_from(data)
    assert str(caught.value).count("certificate") >= 1 or "PEM" in str(caught.value)
    with pytest.raises(ConfigurationError, match=reason):
        one_certificate_from(data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the certificate revocation list is empty"),
        (PEM_A, "holds 'CERTIFICATE', but no certificate revocation list"),
        (A, "something else than a certificate revocation list"),
        (CRL[:-1], "damaged, cut off"),
        (to_pem(A, "X509 CRL"), "something else than a certificate revocation list"),
    ],
)
def test_what_is_no_revocation_list(data: bytes, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        crls_from(data)


def test_a_revocation_list_without_next_update() -> None:
    bare = CRL.replace(b"\x17\x0d340101000000Z", b"\x30\x0d\x06\x0b" + bytes(11))
    assert bare != CRL
    assert crls_from(bare) == (bare,)
    untimely = CRL.replace(b"\x17\x0d240101000000Z", b"\x30\x0d\x06\x0b" + bytes(11), 1)
    with pytest.raises(ConfigurationError, match="there is no thisUpdate"):
        crls_from(untimely)


def test_pkcs7_in_der_is_refused() -> None:
    bundle = pkcs7.serialize_certificates([x509.load_der_x509_certificate(A)], Encoding.DER)
    with pytest.raises(ConfigurationError, match="something else than a certificate"):
        certificates_from(bundle)


def test_every_truncation_of_a_chain_is_refused() -> None:
    chain = (PEM_A + PEM_B).rstrip()
    whole = len(PEM_A.rstrip())
    for length in {*range(0, len(chain), 7), *range(whole - 40, whole), *range(len(chain) - 40, len(chain))}:
        if whole <= length <= whole + 1:
            continue  # exactly the first certificate: nothing shows that there was a second
        with contextlib.suppress(ConfigurationError):
            found = certificates_from(chain[:length])
            # Less than the BEGIN line's first word is text behind the last block.
            assert found == (A,)
            assert whole < length < whole + len("\n-----BEGIN")


@deterministic
@given(st.binary(max_size=60), st.integers(0, len(PEM_A)), st.integers(0, 60))
def test_damage_is_read_or_refused_by_our_error(junk: bytes, position: int, length: int) -> None:
    with contextlib.suppress(ConfigurationError):
        found = certificates_from(PEM_A[:position] + junk + PEM_A[position + length :])
        assert all(x509.load_der_x509_certificate(der) for der in found)


def test_the_repr_of_a_block_shows_its_label_only() -> None:
    assert repr(pem_blocks(KEY)) == "[<PEMBlock PRIVATE KEY>]"
