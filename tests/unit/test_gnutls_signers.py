"""External signers: GnuTLS tells most of them a hash, and they are given the message all the same."""

from __future__ import annotations

from typing import Any

import pytest
from _link import IDS, TRUST, Link, identity

pytest.importorskip("unitls.backends.gnutls", reason="GnuTLS or cffi is not installed")
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import load_pem_private_key

import unitls
from unitls import Certificate, ClientAuthentication, Feature, Identity, NamedGroup, PrivateKey, TLSVersion
from unitls.core._x509 import certificate_fields
from unitls.testing._ca import CertificateAuthority, Issued

BACKEND = unitls.get_backend("gnutls")
CLIENT, SERVER = unitls.TLSClientConfiguration, unitls.TLSServerConfiguration
_HASHES = {0x4: hashes.SHA256(), 0x5: hashes.SHA384(), 0x6: hashes.SHA512()}


class Signer:
    """Signs as TLS does, and remembers what it was asked for."""

    def __init__(self, issued: Issued) -> None:
        self.issued = issued
        self.key: Any = load_pem_private_key(issued.key_pem, None)
        self.asked: list[tuple[int, bytes]] = []

    def identity(self, *, with_digests: bool = False) -> Identity:
        spki = certificate_fields(self.issued.chain[0]).spki
        key = PrivateKey.from_signer(spki, self, sign_digest=self.sign_digest if with_digests else None)
        return Identity([Certificate.from_buffer(der) for der in self.issued.chain], key)

    def sign_digest(self, scheme: int, digest: bytes) -> bytes:
        self.asked.append((scheme, digest))
        if isinstance(self.key, ec.EllipticCurvePrivateKey):
            return self.key.sign(digest, ec.ECDSA(Prehashed(_HASHES[scheme >> 8])))
        assert isinstance(self.key, rsa.RSAPrivateKey)
        if scheme >> 8 == 8:
            algorithm = _HASHES[scheme & 0xF]
            pss = padding.PSS(padding.MGF1(algorithm), algorithm.digest_size)
            return self.key.sign(digest, pss, Prehashed(algorithm))
        return self.key.sign(digest, padding.PKCS1v15(), Prehashed(_HASHES[scheme >> 8]))

    def __call__(self, scheme: int, message: bytes) -> bytes:
        self.asked.append((scheme, message))
        if isinstance(self.key, ed25519.Ed25519PrivateKey):
            return self.key.sign(message)
        if isinstance(self.key, ec.EllipticCurvePrivateKey):
            return self.key.sign(message, ec.ECDSA(_HASHES[scheme >> 8]))
        assert isinstance(self.key, rsa.RSAPrivateKey)
        if scheme >> 8 == 8:
            algorithm = _HASHES[scheme & 0xF]
            return self.key.sign(message, padding.PSS(padding.MGF1(algorithm), algorithm.digest_size), algorithm)
        return self.key.sign(message, padding.PKCS1v15(), _HASHES[scheme >> 8])


def link(client: Any, server: Any) -> Link:
    return Link(BACKEND.client_context(client), BACKEND.server_context(server)).handshake()


def issued_by(key_type: Any) -> tuple[Signer, unitls.TrustStore]:
    authority = CertificateAuthority.create()
    issued = authority.issue(dns_names=["server.test"], key_type=key_type)
    return Signer(issued), unitls.TrustStore.from_buffer(authority.certificate_pem)


@pytest.mark.parametrize("issued", [IDS.server, IDS.rsa_server], ids=["ec", "rsa"])
def test_a_server_signs_with_tls_1_3(issued: Issued) -> None:
    signer = Signer(issued)
    found = link(CLIENT(trust_store=TRUST), SERVER(identities=(signer.identity(),), lower_bound=TLSVersion.TLSv1_3))
    assert found.client.getpeercert() == issued.chain[0]
    ((_scheme, message),) = signer.asked
    assert message.startswith(b" " * 64 + b"TLS 1.3, server CertificateVerify\0")


def test_a_server_signs_after_a_retry() -> None:
    signer = Signer(IDS.server)
    client = CLIENT(trust_store=TRUST, groups=(NamedGroup.X25519, NamedGroup.SECP384R1))
    server = SERVER(identities=(signer.identity(),), lower_bound=TLSVersion.TLSv1_3, groups=(NamedGroup.SECP384R1,))
    assert link(client, server).client.group == NamedGroup.SECP384R1
    assert len(signer.asked) == 1


@pytest.mark.parametrize("version", [TLSVersion.TLSv1_2, TLSVersion.TLSv1_3], ids=str)
def test_an_edwards_key_signs_with_both_versions(version: TLSVersion) -> None:
    signer, trust = issued_by("Ed25519")
    link(CLIENT(trust_store=trust), SERVER(identities=(signer.identity(),), upper_bound=version))
    assert [scheme for scheme, _ in signer.asked] == [0x0807]


@pytest.mark.parametrize("version", [TLSVersion.TLSv1_2, TLSVersion.TLSv1_3], ids=str)
def test_a_client_signs_with_both_versions(version: TLSVersion) -> None:
    signer = Signer(IDS.client)
    server = SERVER(
        identities=(identity(),),
        client_authentication=ClientAuthentication.REQUIRED,
        trust_store=TRUST,
        upper_bound=version,
    )
    found = link(CLIENT(trust_store=TRUST, identities=(signer.identity(),)), server)
    assert found.server.getpeercert() == IDS.client.chain[0]
    assert len(signer.asked) == 1


@pytest.mark.parametrize("scheme", [0x0401, 0x0501, 0x0601])
def test_a_client_signs_with_pkcs1_padding(scheme: int) -> None:
    signer = Signer(IDS.rsa_server)
    server = SERVER(
        identities=(identity(),),
        client_authentication=ClientAuthentication.OPTIONAL,
        trust_store=TRUST,
        signature_algorithms=(scheme, 0x0403),
        upper_bound=TLSVersion.TLSv1_2,
    )
    ends = Link(
        BACKEND.client_context(CLIENT(trust_store=TRUST, identities=(signer.identity(),))),
        BACKEND.server_context(server),
    )
    with pytest.raises(unitls.CertificateVerificationError, match="purpose"):
        ends.handshake()  # it is a server's certificate
    assert [used for used, _ in signer.asked] == [scheme]


def test_a_chosen_client_certificate_may_sign() -> None:
    signer = Signer(IDS.client)
    server = SERVER(identities=(identity(),), client_authentication=ClientAuthentication.REQUIRED, trust_store=TRUST)
    found = link(CLIENT(trust_store=TRUST, choose_certificate=lambda authorities: signer.identity()), server)
    assert found.server.getpeercert() == IDS.client.chain[0]


def test_a_client_signs_after_the_handshake() -> None:
    signer = Signer(IDS.client)
    client = CLIENT(trust_store=TRUST, identities=(signer.identity(),), post_handshake_authentication=True)
    server = SERVER(identities=(identity(),), trust_store=TRUST, post_handshake_authentication=True)
    found = link(client, server)
    for _ in range(2):
        found.server.request_client_certificate()
        found.to_client()
        for end in (found.client, found.server):
            with pytest.raises(unitls.WantReadError):
                end.read(1)
            found.move()
    assert found.server.getpeercert() == IDS.client.chain[0]
    assert len(signer.asked) == 2


@pytest.mark.parametrize("scheme", [None, 0x0401, 0x0501, 0x0804, 0x0806])
@pytest.mark.parametrize("version", [TLSVersion.TLSv1_2, TLSVersion.TLSv1_3], ids=str)
def test_an_rsa_server_signs_digests(version: TLSVersion, scheme: int | None) -> None:
    if version is TLSVersion.TLSv1_3 and scheme in (0x0401, 0x0501):
        pytest.skip("TLS 1.3 has no such signatures")
    signer = Signer(IDS.rsa_server)
    # The certificates are signed with ECDSA and SHA-256.
    accepted = None if scheme is None else (scheme, 0x0403)
    client = CLIENT(trust_store=TRUST, signature_algorithms=accepted)
    link(client, SERVER(identities=(signer.identity(with_digests=True),), upper_bound=version))
    ((used, digest),) = signer.asked
    assert scheme in (None, used)
    assert len(digest) == _HASHES[used & 0xF if used >> 8 == 8 else used >> 8].digest_size


@pytest.mark.parametrize(("key_type", "scheme"), [("P-256", 0x0403), ("P-384", 0x0503)])
@pytest.mark.parametrize("version", [TLSVersion.TLSv1_2, TLSVersion.TLSv1_3], ids=str)
def test_an_ecdsa_server_signs_digests(version: TLSVersion, key_type: str, scheme: int) -> None:
    signer, trust = issued_by(key_type)
    link(CLIENT(trust_store=trust), SERVER(identities=(signer.identity(with_digests=True),), upper_bound=version))
    ((used, digest),) = signer.asked
    assert (used, len(digest)) == (scheme, _HASHES[scheme >> 8].digest_size)


def test_an_edwards_key_signs_the_message_also_where_it_could_sign_digests() -> None:
    signer, trust = issued_by("Ed25519")
    link(CLIENT(trust_store=trust), SERVER(identities=(signer.identity(with_digests=True),)))
    ((used, message),) = signer.asked
    assert used == 0x0807
    assert len(message) > 64


def test_digests_do_for_a_client_too() -> None:
    signer = Signer(IDS.client)
    server = SERVER(identities=(identity(),), client_authentication=ClientAuthentication.REQUIRED, trust_store=TRUST)
    found = link(CLIENT(trust_store=TRUST, identities=(signer.identity(with_digests=True),)), server)
    assert found.server.getpeercert() == IDS.client.chain[0]


def test_what_it_cannot_be_told_is_refused_when_it_is_configured() -> None:
    with pytest.raises(unitls.UnsupportedFeature, match="pass sign_digest") as caught:
        BACKEND.server_context(SERVER(identities=(Signer(IDS.server).identity(),)))
    assert caught.value.feature is Feature.EXTERNAL_SIGNER
    old = CLIENT(identities=(Signer(IDS.client).identity(),), lower_bound=TLSVersion.TLSv1)
    with pytest.raises(unitls.UnsupportedFeature, match="TLSv1_2"):
        BACKEND.client_context(old)
    older = SERVER(identities=(Signer(IDS.server).identity(with_digests=True),), lower_bound=TLSVersion.TLSv1_1)
    with pytest.raises(unitls.UnsupportedFeature, match="TLSv1_2"):
        BACKEND.server_context(older)


def test_a_signer_of_another_certificate_is_refused() -> None:
    spki = certificate_fields(IDS.rsa_server.chain[0]).spki
    wrong = Identity(identity().certificates, PrivateKey.from_signer(spki, lambda scheme, message: b""))
    with pytest.raises(unitls.ConfigurationError, match="does not belong"):
        BACKEND.server_context(SERVER(identities=(wrong,), lower_bound=TLSVersion.TLSv1_3))


def test_what_a_signer_raises_is_the_cause() -> None:
    def sign(scheme: int, message: bytes) -> bytes:
        raise PermissionError("not today")

    spki = certificate_fields(IDS.server.chain[0]).spki
    refusing = Identity(identity().certificates, PrivateKey.from_signer(spki, sign))
    server = SERVER(identities=(refusing,), lower_bound=TLSVersion.TLSv1_3)
    ends = Link(BACKEND.client_context(CLIENT(trust_store=TRUST)), BACKEND.server_context(server))
    with pytest.raises(unitls.WantReadError):
        ends.client.do_handshake()
    ends.to_server()
    with pytest.raises(unitls.ConnectionFault, match="a callback has failed") as caught:
        ends.server.do_handshake()
    cause = caught.value.__cause__
    assert cause is not None
    assert isinstance(cause.__cause__, PermissionError)
    ends.to_client()
    with pytest.raises(unitls.PeerAlert):
        ends.client.do_handshake()
