"""Keys that live elsewhere, with Mbed TLS: what is signed is found, in each role and version, and nothing else is signed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import load_pem_private_key

import unitls
from unitls import TLSVersion
from unitls.core._x509 import certificate_fields
from unitls.testing._ca import Issued
from unitls.testing._kit import Drive, Kit

pytest.importorskip("unitls.backends.mbedtls.native", exc_type=ImportError)

HASHES: dict[int, Any] = {4: hashes.SHA256(), 5: hashes.SHA384(), 6: hashes.SHA512()}
Signer = Callable[[int, bytes], bytes]


def signer(issued: Issued, asked: list[int]) -> Signer:
    key = load_pem_private_key(issued.key_pem, None)

    def sign(scheme: int, message: bytes) -> bytes:
        asked.append(scheme)
        digest = HASHES[scheme >> 8]
        if isinstance(key, rsa.RSAPrivateKey):
            return key.sign(message, padding.PKCS1v15(), digest)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return key.sign(message, ec.ECDSA(digest))

    return sign


def identity(issued: Issued, sign: Signer) -> unitls.Identity:
    chain = [unitls.Certificate.from_buffer(der) for der in issued.chain]
    return unitls.Identity(chain, unitls.PrivateKey.from_signer(certificate_fields(issued.chain[0]).spki, sign))


VERSIONS = [version for version in unitls.get_backend("mbedtls").capabilities.versions if version >= TLSVersion.TLSv1_2]


@pytest.fixture(params=VERSIONS, ids=str)
def kit(request: pytest.FixtureRequest) -> Any:
    backend = unitls.get_backend("mbedtls")
    made = Kit(backend, backend, Drive.WHOLE, request.param)
    yield made
    made.close()


@pytest.mark.parametrize("kind", ["server", "rsa_server"])
def test_a_server(kit: Kit, kind: str) -> None:
    issued, asked = getattr(kit.identities, kind), list[int]()
    shown = identity(issued, signer(issued, asked))
    if kind == "rsa_server" and kit.version is TLSVersion.TLSv1_3:
        with pytest.raises(unitls.UnsupportedFeature):
            kit.server(identities=(shown,))
        return
    kit.connected(server=kit.server(identities=(shown,))).echo()
    assert len(asked) == 1
    assert asked[0] & 0xFF == (1 if kind == "rsa_server" else 3)


@pytest.mark.parametrize("kind", ["server", "rsa_server"])
def test_a_server_that_signs_digests(kit: Kit, kind: str) -> None:
    issued, asked = getattr(kit.identities, kind), list[tuple[int, int]]()
    if kind == "rsa_server" and kit.version is TLSVersion.TLSv1_3:
        pytest.skip("RSA signs up to TLS 1.2")
    key = load_pem_private_key(issued.key_pem, None)

    def sign_digest(scheme: int, digest: bytes) -> bytes:
        asked.append((scheme, len(digest)))
        algorithm = Prehashed(HASHES[scheme >> 8])
        if isinstance(key, rsa.RSAPrivateKey):
            return key.sign(digest, padding.PKCS1v15(), algorithm)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return key.sign(digest, ec.ECDSA(algorithm))

    chain = [unitls.Certificate.from_buffer(der) for der in issued.chain]
    spki = certificate_fields(issued.chain[0]).spki
    shown = unitls.PrivateKey.from_signer(spki, lambda scheme, message: b"", sign_digest=sign_digest)
    kit.connected(server=kit.server(identities=(unitls.Identity(chain, shown),))).echo()
    ((scheme, size),) = asked
    assert size == HASHES[scheme >> 8].digest_size


def test_a_client(kit: Kit) -> None:
    issued, asked = kit.identities.client, list[int]()
    client = kit.client(identities=(identity(issued, signer(issued, asked)),))
    server = kit.server(client_authentication=unitls.ClientAuthentication.REQUIRED, trust_store=kit.trust)
    pair = kit.connected(client, server)
    pair.echo()
    assert pair.server.tls.getpeercert() == issued.chain[0]
    assert len(asked) == 1


@pytest.mark.parametrize("answer", [b"", b"x" * 5000, None, "text"])
def test_a_signature_that_is_none(kit: Kit, answer: Any) -> None:
    server = kit.server(identities=(identity(kit.identities.server, lambda scheme, message: answer),))
    _, at_server = kit.pair(server=server).attempt()
    assert isinstance(at_server, unitls.ConnectionFault)


def test_a_signature_that_is_wrong_is_refused_by_the_peer(kit: Kit) -> None:
    server = kit.server(identities=(identity(kit.identities.server, lambda scheme, message: bytes(70)),))
    at_client, _ = kit.pair(server=server).attempt()
    assert isinstance(at_client, unitls.ConnectionFault)


def test_what_a_signer_raises_is_the_cause(kit: Kit) -> None:
    mistake = PermissionError("not today")

    def refuse(scheme: int, message: bytes) -> bytes:
        raise mistake

    _, at_server = kit.pair(server=kit.server(identities=(identity(kit.identities.server, refuse),))).attempt()
    assert isinstance(at_server, unitls.ConnectionFault)
    assert "not today" in str(at_server)


def test_a_key_that_belongs_to_another_certificate(kit: Kit) -> None:
    other = certificate_fields(kit.identities.client.chain[0]).spki
    chain = [unitls.Certificate.from_buffer(kit.identities.server.chain[0])]
    key = unitls.PrivateKey.from_signer(other, lambda scheme, message: b"")
    with pytest.raises(unitls.ConfigurationError, match="does not belong"):
        kit.server(identities=(unitls.Identity(chain, key),))


def test_older_versions_are_refused() -> None:
    backend = unitls.get_backend("mbedtls")
    if backend.capabilities.versions[0] > TLSVersion.TLSv1_1:
        pytest.skip("this library has none")
    kit = Kit(backend, backend, Drive.WHOLE, None)
    shown = identity(kit.identities.server, lambda scheme, message: b"")
    with pytest.raises(unitls.UnsupportedFeature, match=r"TLS 1\.2"):
        kit.server(identities=(shown,), lower_bound=TLSVersion.TLSv1)
