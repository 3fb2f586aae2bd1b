"""Certificates and keys for the tests of core's readers, made with `cryptography`."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Sequence
from functools import cache
from typing import TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

SigningKey: TypeAlias = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey

NOT_BEFORE = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
NOT_AFTER = datetime.datetime(2034, 1, 1, tzinfo=datetime.UTC)
NOW = datetime.datetime(2030, 6, 1, tzinfo=datetime.UTC).timestamp()


@cache
def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(b"k" * 32, "big"), ec.SECP256R1())


@cache
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def dns(text: str) -> x509.DNSName:
    """A dNSName that `cryptography` would not make by itself, null bytes and all."""
    return x509.DNSName._init_without_validation(text)


def ip(text: str) -> x509.IPAddress:
    return x509.IPAddress(ipaddress.ip_address(text))


def certificate(
    names: Sequence[x509.GeneralName] = (),
    *,
    key: SigningKey | None = None,
    common_name: str = "leaf",
    issuer: str = "issuer",
    not_before: datetime.datetime = NOT_BEFORE,
    not_after: datetime.datetime = NOT_AFTER,
    is_ca: bool | None = None,
    usages: Sequence[x509.ObjectIdentifier] | None = None,
    serial: int = 77,
) -> bytes:
    """One certificate in DER. Its issuer is a name only: nothing here verifies signatures."""
    key = key or ec_key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(not_before)
        .not_valid_after(not_after)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    if is_ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
    if usages is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(key, algorithm).public_bytes(Encoding.DER)


def revocation_list(serial: int = 77) -> bytes:
    """A CRL in DER that revokes one serial number."""
    revoked = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(NOT_BEFORE).build()
    return (
        x509.CertificateRevocationListBuilder()
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "issuer")]))
        .last_update(NOT_BEFORE)
        .next_update(NOT_AFTER)
        .add_revoked_certificate(revoked)
        .sign(ec_key(), hashes.SHA256())
        .public_bytes(Encoding.DER)
    )
