"""PKCS#12: read with `cryptography`, used with any backend."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

import unitls
from unitls.testing._zoo_files import load_identities

IDENTITIES = load_identities()


def packed(password: bytes | None) -> bytes:
    """The server identity as a PKCS#12 file."""
    key = serialization.load_pem_private_key(IDENTITIES.server.key_pem, None)
    leaf, *others = [x509.load_der_x509_certificate(der) for der in IDENTITIES.server.chain]
    protection = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return pkcs12.serialize_key_and_certificates(b"server", key, leaf, others, protection)  # type: ignore[arg-type]


@pytest.mark.parametrize("password", [None, b"secret", bytearray(b"secret"), lambda: b"secret"])
def test_the_identity_comes_out_as_it_went_in(password: object) -> None:
    identity = unitls.load_pkcs12(packed(b"secret" if password is not None else None), password)  # type: ignore[arg-type]
    assert [item.der for item in identity.certificates] == list(IDENTITIES.server.chain)  # type: ignore[attr-defined]
    context = unitls.get_backend().server_context()
    context.register_certificates(identity.certificates, identity.private_key)
    assert len(context.configuration.identities) == 1


def test_a_wrong_passphrase_is_told() -> None:
    with pytest.raises(unitls.ConfigurationError, match="cannot be read"):
        unitls.load_pkcs12(packed(b"secret"), b"other")


def test_garbage_is_told() -> None:
    with pytest.raises(unitls.ConfigurationError, match="cannot be read"):
        unitls.load_pkcs12(b"\x30\x03garbage")


def test_a_file_without_a_key_is_told() -> None:
    leaf = x509.load_der_x509_certificate(IDENTITIES.server.chain[0])
    bag = pkcs12.serialize_key_and_certificates(None, None, None, [leaf], serialization.NoEncryption())
    with pytest.raises(unitls.ConfigurationError, match="no certificate with its private key"):
        unitls.load_pkcs12(bag)


@pytest.mark.parametrize(
    ("buffer", "password"), [("text", None), (7, None), (None, None), (packed(b"s"), "s"), (packed(b"s"), 7)]
)
def test_a_file_and_a_passphrase_are_bytes(buffer: object, password: object) -> None:
    with pytest.raises(unitls.ConfigurationError, match="bytes"):
        unitls.load_pkcs12(buffer, password)  # type: ignore[arg-type]
