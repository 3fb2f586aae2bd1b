"""RSASSA-PSS with SHA-1 is as weak as any signature with SHA-1: its hash is a parameter that no name tells."""

from __future__ import annotations

from functools import cache

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

import unitls
from unitls import VerifyFailure
from unitls.core._x509 import parse_certificate
from unitls.testing import CertificateAuthority
from unitls.testing._ca import Issued
from unitls.testing._permissive import PermissiveConnection, PermissiveServer

BACKENDS = [item.name for item in unitls.available_backends() if item.available and item.source == "unitls"]
PKCS1_SHA256, PSS_SHA1 = (
    bytes.fromhex("300d06092a864886f70d01010b0500"),
    bytes.fromhex("300d06092a864886f70d01010a3000"),
)
"""Two algorithms of signatures, of one length; the second has the default of each parameter."""


@cache
def authority() -> CertificateAuthority:
    return CertificateAuthority.create(key_type="RSA-2048")


@cache
def issued(is_weak: bool) -> tuple[tuple[bytes, ...], bytes]:
    """A chain and the key of its leaf, which the authority has signed."""
    good: Issued = authority().issue(dns_names=["server.test"])
    der, key = good.chain[0], load_pem_private_key(authority().key_pem, None)
    assert isinstance(key, rsa.RSAPrivateKey)
    if is_weak:
        body = x509.load_der_x509_certificate(der).tbs_certificate_bytes.replace(PKCS1_SHA256, PSS_SHA1)
        signature = key.sign(body, padding.PSS(padding.MGF1(hashes.SHA1()), 20), hashes.SHA1())
        der = der.replace(PKCS1_SHA256, PSS_SHA1)[: -len(signature)] + signature
    assert parse_certificate(der).is_weakly_signed is is_weak
    return (der,), good.key_pem


def failure(backend: str, chain: tuple[bytes, ...], key_pem: bytes) -> VerifyFailure | None:
    trust = unitls.TrustStore.from_buffer(authority().certificate_der)
    chosen = unitls.get_backend(backend)
    to_client, to_server = chosen.memory_buffer(), chosen.memory_buffer()
    client = chosen.client_context(unitls.TLSClientConfiguration(trust_store=trust))
    ends: list[unitls.TLSWrappedBuffer | PermissiveConnection] = [
        client.wrap_buffers(to_client, to_server, "server.test"),
        PermissiveServer(chain, key_pem, None).wrap(to_server, to_client),
    ]
    for end in ends * 4:
        try:
            end.do_handshake()
        except unitls.WantReadError:
            continue
        except unitls.CertificateVerificationError as error:
            return error.failure
    return None


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_hash_that_is_a_parameter_counts(backend: str) -> None:
    assert failure(backend, *issued(False)) is None
    assert failure(backend, *issued(True)) is VerifyFailure.WEAK
