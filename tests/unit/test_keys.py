from __future__ import annotations

import re
from functools import cache
from typing import Any

import pytest
from _certs import certificate, ec_key, revocation_list, rsa_key
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa, x25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_pem_private_key,
    pkcs12,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from unitls.api._errors import ConfigurationError
from unitls.core._der import encode
from unitls.core._keys import KeyFormat, key_material, to_pkcs8
from unitls.core._pem import to_pem

deterministic = settings(derandomize=True, deadline=None, max_examples=150)

PASSPHRASE = b"correct horse"
LOCKED = BestAvailableEncryption(PASSPHRASE)
OPEN = NoEncryption()
ED25519 = ed25519.Ed25519PrivateKey.from_private_bytes(b"k" * 32)
ED448 = ed448.Ed448PrivateKey.from_private_bytes(b"k" * 57)
P521 = ec.derive_private_key(12345678901234567890, ec.SECP521R1())
TRADITIONAL = PrivateFormat.TraditionalOpenSSL
PKCS8 = PrivateFormat.PKCS8


def pem(key: Any, format: PrivateFormat = PKCS8, encryption: KeySerializationEncryption = OPEN) -> bytes:
    data = key.private_bytes(Encoding.PEM, format, encryption)
    assert isinstance(data, bytes)
    return data


def der(key: Any, format: PrivateFormat = PKCS8, encryption: KeySerializationEncryption = OPEN) -> bytes:
    data = key.private_bytes(Encoding.DER, format, encryption)
    assert isinstance(data, bytes)
    return data


def refusal(data: bytes) -> str:
    """The text of the error, empty where there is none."""
    try:
        key_material(data)
    except ConfigurationError as error:
        return str(error)
    return ""


@cache
def dsa_key() -> dsa.DSAPrivateKey:
    return dsa.generate_private_key(1024)


CASES = [
    (rsa_key(), PKCS8, OPEN, KeyFormat.PKCS8),
    (ec_key(), PKCS8, OPEN, KeyFormat.PKCS8),
    (P521, PKCS8, OPEN, KeyFormat.PKCS8),
    (ED25519, PKCS8, OPEN, KeyFormat.PKCS8),
    (ED448, PKCS8, OPEN, KeyFormat.PKCS8),
    (rsa_key(), TRADITIONAL, OPEN, KeyFormat.PKCS1),
    (ec_key(), TRADITIONAL, OPEN, KeyFormat.SEC1),
    (P521, TRADITIONAL, OPEN, KeyFormat.SEC1),
    (rsa_key(), PKCS8, LOCKED, KeyFormat.ENCRYPTED_PKCS8),
    (ED25519, PKCS8, LOCKED, KeyFormat.ENCRYPTED_PKCS8),
]


@pytest.mark.parametrize(("key", "form", "encryption", "expected"), CASES)
@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
def test_formats(
    key: Any, form: PrivateFormat, encryption: KeySerializationEncryption, expected: KeyFormat, encoding: Encoding
) -> None:
    material = key_material(key.private_bytes(encoding, form, encryption))
    password = PASSPHRASE if encryption is LOCKED else None
    assert material.format is expected
    assert material.is_encrypted == (encryption is LOCKED)
    assert der(load_pem_private_key(material.pem, password)) == der(key)
    assert der(load_der_private_key(material.der, password)) == der(key)
    if password is None:
        assert der(load_der_private_key(to_pkcs8(material), None)) == der(key)


@pytest.mark.parametrize("key", [rsa_key(), ec_key()])
def test_traditional_encryption(key: Any) -> None:
    locked = pem(key, TRADITIONAL, LOCKED)
    material = key_material(locked.replace(b"\n", b"\r\n"))
    assert material.format is KeyFormat.ENCRYPTED_TRADITIONAL
    assert material.is_encrypted
    assert material.der == b""
    assert material.pem == locked
    assert der(load_pem_private_key(material.pem, PASSPHRASE)) == der(key)


def test_wrapping_gives_what_openssl_writes() -> None:
    for key in (rsa_key(), ec_key(), P521):
        assert to_pkcs8(key_material(der(key, TRADITIONAL))) == der(key)


def test_an_encrypted_key_cannot_be_wrapped() -> None:
    with pytest.raises(ConfigurationError, match="decrypted before"):
        to_pkcs8(key_material(pem(ec_key(), PKCS8, LOCKED)))


def test_certificates_and_parameters_are_passed_over() -> None:
    chain = to_pem(certificate(), "CERTIFICATE")
    parameters = to_pem(bytes.fromhex("06082a8648ce3d030107"), "EC PARAMETERS")
    material = key_material(bytearray(b"Bag Attributes\n" + chain + parameters + pem(ec_key()) + chain))
    assert material.pem == pem(ec_key())


def test_the_repr_hides_everything() -> None:
    material = key_material(pem(ED25519))
    assert repr(material) == "<KeyMaterial PKCS8>"
    assert material == material
    assert material != key_material(pem(ED25519))


def test_an_ec_key_without_public_part() -> None:
    short = encode(0x30, b"\x02\x01\x01", encode(4, b"\1" * 32), encode(0xA0, bytes.fromhex("06082a8648ce3d030107")))
    loaded = load_der_private_key(to_pkcs8(key_material(short)), None)
    assert isinstance(loaded, ec.EllipticCurvePrivateKey)
    assert loaded.private_numbers().private_value == int.from_bytes(b"\1" * 32, "big")


def _changed_modulus() -> bytes:
    data = bytearray(der(rsa_key()))
    data[60] ^= 1
    return bytes(data)


LOCKED_EC = pem(ec_key(), TRADITIONAL, LOCKED)
P256 = encode(0xA0, bytes.fromhex("06082a8648ce3d030107"))
NO_CURVE = encode(0x30, b"\x02\x01\x01", encode(4, b"\1" * 32))
EXPLICIT = encode(0x30, b"\x02\x01\x01", encode(4, b"\1" * 32), encode(0xA0, encode(0x30, b"\x02\x01\x01")))
PKCS12 = pkcs12.serialize_key_and_certificates(b"x", ec_key(), None, None, OPEN)
PUBLIC = ec_key().public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
RSA_PUBLIC = rsa_key().public_key()
SHORT_ED25519 = encode(0x30, b"\x02\x01\x00", encode(0x30, b"\x06\x03\x2b\x65\x70"), encode(4, encode(4, b"k" * 31)))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (pem(ec_key()).decode(), "given as str"),
        (b"", "the private key is empty"),
        (b"nonsense", "neither PEM nor DER"),
        (pem(ec_key())[:-5], "not closed by"),
        (pem(ec_key())[:80], "not closed by"),
        (pem(ec_key())[:60] + b"?" + pem(ec_key())[61:], "not base64"),
        (der(ec_key())[:-1], "damaged, cut off"),
        (der(ec_key()) + b"\n", "something behind it"),
        (to_pem(der(ec_key())[:-1], "PRIVATE KEY"), "the private key is damaged or cut off"),
        (to_pem(der(rsa_key(), TRADITIONAL), "PRIVATE KEY"), "the private key is damaged"),
        (to_pem(b"x", "PRIVATE KEY"), "the private key is damaged"),
        (_changed_modulus(), "do not fit each other"),
        (pem(ec_key()) + pem(ED25519), "holds 2 private keys"),
        (pem(ec_key(), TRADITIONAL) + pem(ec_key(), PKCS8, LOCKED), "holds 2 private keys"),
        (to_pem(certificate(), "CERTIFICATE"), "holds 'CERTIFICATE', but no private key"),
        (certificate(), "this is a certificate"),
        (revocation_list(), "this is a certificate"),
        (pem(ED25519, PrivateFormat.OpenSSH), "ssh-keygen -p -m PKCS8"),
        (PUBLIC, "this is a public key"),
        (to_pem(PUBLIC, "PUBLIC KEY"), "this is a public key"),
        (RSA_PUBLIC.public_bytes(Encoding.PEM, PublicFormat.PKCS1), "this is a public key"),
        (RSA_PUBLIC.public_bytes(Encoding.DER, PublicFormat.PKCS1), "this is a public key"),
        (pem(dsa_key()), "DSA"),
        (pem(dsa_key(), TRADITIONAL), "DSA"),
        (der(dsa_key(), TRADITIONAL), "DSA"),
        (pem(dsa_key(), TRADITIONAL, LOCKED), "DSA"),
        (pem(x25519.X25519PrivateKey.from_private_bytes(b"k" * 32)), "cannot authenticate"),
        (PKCS12, "openssl pkcs12"),
        (b"\x30\x02\x06\x00", "PKCS #7"),
        (b"\x30\x02\x05\x00", "no private key of a known format"),
        (b"\x30\x00", "no private key of a known format"),
        (NO_CURVE, "does not name its curve"),
        (EXPLICIT, "does not name its curve"),
        (SHORT_ED25519, "wrong size"),
        (der(ED25519).replace(b"\x02\x01\x00", b"\x02\x01\x02", 1), "neither 0 nor 1"),
        (der(rsa_key(), TRADITIONAL).replace(b"\x02\x01\x00", b"\x02\x01\x02", 1), "neither 0 nor 1"),
        (der(ec_key(), TRADITIONAL).replace(b"\x02\x01\x01", b"\x02\x01\x02", 1), "is not 1"),
        (encode(0x30, b"\x02\x01\x01", b"\x04\x00", P256), "the EC key is empty"),
        (encode(0x30, b"\x02\x01\x00", *[b"\x02\x01\xff"] * 8), "do not fit each other"),
        (LOCKED_EC.replace(b"4,ENCRYPTED", b"4,MIC-CLEAR"), "Proc-Type"),
        (LOCKED_EC.replace(b"EC PRIVATE", b"PRIVATE"), "Proc-Type"),
        (LOCKED_EC.replace(b"DEK-Info", b"DEK-Nope"), "DEK-Info"),
        (LOCKED_EC.replace(b"AES-256-CBC,", b"ROT13,"), "DEK-Info"),
        (LOCKED_EC.replace(b"AES-256-CBC,", b"AES-256-CBC,00"), "encrypted private key is damaged"),
        (LOCKED_EC.replace(b"AES-256-CBC,", b"DES-CBC,"), "encrypted private key is damaged"),
        (re.sub(rb"CBC,..", b"CBC,zz", LOCKED_EC), "encrypted private key is damaged"),
    ],
)
def test_what_is_no_usable_key(data: Any, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        key_material(data)


@pytest.mark.parametrize("lost", [1, 4, 12, 60])
def test_a_traditional_key_that_lost_some_characters(lost: int) -> None:
    lines = LOCKED_EC.split(b"\n")
    lines[5] = lines[5][lost:]
    with pytest.raises(ConfigurationError, match="damaged"):
        key_material(b"\n".join(lines))


@pytest.mark.parametrize(("key", "form", "encryption", "expected"), CASES)
def test_every_truncation_is_refused(
    key: Any, form: PrivateFormat, encryption: KeySerializationEncryption, expected: KeyFormat
) -> None:
    data = der(key, form, encryption)
    for length in range(len(data)):
        with pytest.raises(ConfigurationError):
            key_material(to_pem(data[:length], expected.value))


def test_encrypted_data_of_half_a_block_is_refused() -> None:
    whole = der(ec_key(), PKCS8, LOCKED)
    algorithm_length = whole[4] + 2 if whole[1] < 0x80 else whole[1 + 1 + (whole[1] & 0x7F) + 1] + 2
    algorithm_start = 2 if whole[1] < 0x80 else 2 + (whole[1] & 0x7F)
    algorithm = whole[algorithm_start : algorithm_start + algorithm_length]
    for size, refused in ((0, True), (15, True), (16, False), (24, True)):
        made = encode(0x30, algorithm, encode(0x04, bytes(size)))
        if refused:
            with pytest.raises(ConfigurationError, match="damaged or cut off"):
                key_material(made)
        else:
            assert key_material(made).format is KeyFormat.ENCRYPTED_PKCS8


@deterministic
@given(st.sampled_from(CASES), st.integers(0, 2000), st.integers(1, 255))
def test_a_changed_byte_is_read_or_refused_without_showing_the_key(case: Any, position: int, change: int) -> None:
    key, form, encryption, _ = case
    data = bytearray(der(key, form, encryption) if encryption is OPEN else der(ED25519, PKCS8, LOCKED))
    data[position % len(data)] ^= change
    text = refusal(bytes(data))
    assert text.isascii()
    assert text.isprintable()
    assert not any(data[at : at + 4].hex() in text for at in range(0, len(data) - 4))


@deterministic
@given(st.binary(max_size=80))
def test_random_bytes_are_refused_by_our_error(data: bytes) -> None:
    for buffer in (data, to_pem(data, "PRIVATE KEY"), b"-----BEGIN RSA PRIVATE KEY-----" + data):
        with pytest.raises(ConfigurationError):
            key_material(buffer)


def test_an_rsa_key_of_three_primes_is_left_to_the_library() -> None:
    numbers = [encode(0x02, bytes((value,))) for value in (105, 5, 5, 3, 5, 1, 1, 2)]
    others = encode(0x30, encode(0x30, b"\x02\x01\x07\x02\x01\x01\x02\x01\x01"))
    assert key_material(encode(0x30, b"\x02\x01\x01", *numbers, others)).format is KeyFormat.PKCS1
    with pytest.raises(ConfigurationError, match="damaged"):
        key_material(encode(0x30, b"\x02\x01\x00", *numbers))


def test_a_key_of_an_unknown_algorithm_is_left_to_the_library() -> None:
    unknown = encode(0x30, b"\x02\x01\x00", encode(0x30, b"\x06\x03\x2a\x03\x04"), b"\x04\x01x")
    assert to_pkcs8(key_material(unknown)) == unknown


def test_rsa_keys_of_other_sizes() -> None:
    small = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    assert key_material(der(small, TRADITIONAL)).format is KeyFormat.PKCS1
