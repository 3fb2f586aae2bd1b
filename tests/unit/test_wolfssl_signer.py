"""Keys that live elsewhere: wolfSSL hands over hashes, and the signer gets the messages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from _link import IDS, TRUST, Link, identity

import unitls
from unitls import Certificate, Identity, PrivateKey, SignatureScheme, TLSVersion
from unitls.core._x509 import certificate_fields

pytest.importorskip("unitls.backends.wolfssl", reason="wolfSSL is not installed", exc_type=ImportError)
pytest.importorskip("cryptography")
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from unitls.backends.wolfssl import BACKEND, native
from unitls.backends.wolfssl._transcript import Transcript
from unitls.testing._ca import CertificateAuthority
from unitls.testing._certificates import load_private_key

_HASHES = {4: hashes.SHA256(), 5: hashes.SHA384(), 6: hashes.SHA512()}
BOTH = [TLSVersion.TLSv1_2, TLSVersion.TLSv1_3]


def sign(key: Any, scheme: int, message: bytes, *, prehashed: bool = False) -> bytes:
    def hashed(digest: Any) -> Any:
        return Prehashed(digest) if prehashed else digest

    signature: bytes
    if isinstance(key, rsa.RSAPrivateKey):
        if scheme >> 8 == 8:
            digest = _HASHES[scheme & 0xFF]
            signature = key.sign(message, padding.PSS(padding.MGF1(digest), digest.digest_size), hashed(digest))
        else:
            signature = key.sign(message, padding.PKCS1v15(), hashed(_HASHES[scheme >> 8]))
    elif isinstance(key, ec.EllipticCurvePrivateKey):
        signature = key.sign(message, ec.ECDSA(hashed(_HASHES[scheme >> 8])))
    else:
        signature = key.sign(message)
    return signature


def elsewhere(
    issued: Any, signer: Callable[[int, bytes], bytes] | None = None, seen: list[int] | None = None
) -> Identity:
    key = load_private_key(issued.key_pem)

    def signed(scheme: int, message: bytes) -> bytes:
        if seen is not None:
            seen.append(scheme)
        return sign(key, scheme, message)

    chain = [Certificate.from_buffer(der) for der in issued.chain]
    return Identity(chain, PrivateKey.from_signer(certificate_fields(issued.chain[0]).spki, signer or signed))


def client(version: TLSVersion, trust: Any = TRUST, **values: Any) -> unitls.ClientContext:
    bounds = {"lower_bound": version, "upper_bound": version}
    return BACKEND.client_context(unitls.TLSClientConfiguration(trust_store=trust, **bounds, **values))


def server(version: TLSVersion, *identities: Identity, **values: Any) -> unitls.ServerContext:
    bounds = {"lower_bound": version, "upper_bound": version}
    return BACKEND.server_context(unitls.TLSServerConfiguration(identities=identities, **bounds, **values))


@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize("name", ["server", "rsa_server"])
@pytest.mark.parametrize("group", [29, 23, 24, 25, 30])
def test_a_servers_key_elsewhere(version: TLSVersion, name: str, group: int) -> None:
    """With the client's first share, and with a second ClientHello (which only X25519 spares)."""
    issued, seen = getattr(IDS, name), list[int]()
    context = server(version, elsewhere(issued, seen=seen), groups=[group])
    for _ in range(3):
        Link(client(version), context).handshake()
    assert len(seen) == 3
    assert {SignatureScheme(scheme).name.split("_")[0] for scheme in seen} == {"RSA" if "rsa" in name else "ECDSA"}


@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize("group", [29, 23])
@pytest.mark.parametrize("suite", [0x1301, 0x1302, 0x1303])
def test_a_clients_key_elsewhere(version: TLSVersion, group: int, suite: int) -> None:
    seen = list[int]()
    required = {"client_authentication": unitls.ClientAuthentication.REQUIRED, "trust_store": TRUST}
    suites = {} if version is TLSVersion.TLSv1_2 else {"ciphers": [suite]}
    context = server(version, identity(), groups=[group], **required)
    link = Link(client(version, identities=(elsewhere(IDS.client, seen=seen),), **suites), context).handshake()
    assert link.server.getpeercert() == IDS.client.chain[0]
    assert len(seen) == 1


@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize("kind", ["Ed25519", "P-384"])
def test_other_kinds_of_keys(version: TLSVersion, kind: Any) -> None:
    try:
        issued = (authority := CertificateAuthority.create()).issue(dns_names=["server.test"], key_type=kind)
    except (KeyError, ValueError, unitls.ConfigurationError):
        pytest.skip(f"the test authority makes no keys of kind {kind}")
    trust = unitls.TrustStore.from_buffer(authority.certificate_der)
    seen = list[int]()
    if kind == "Ed25519" and native.lib.wolfSSL_lib_version_hex() >= 0x05006000:
        with pytest.raises(unitls.ConfigurationError, match="Ed25519"):
            server(version, elsewhere(issued))
        return
    Link(client(version, trust), server(version, elsewhere(issued, seen=seen))).handshake()
    assert len(seen) == 1
    assert seen[0] in ([0x0807] if kind == "Ed25519" else [0x0403, 0x0503, 0x0603])


@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize("name", ["server", "rsa_server"])
def test_a_key_that_signs_digests_is_not_asked_for_messages(version: TLSVersion, name: str) -> None:
    issued, seen = getattr(IDS, name), list[int]()
    key = load_private_key(issued.key_pem)

    def sign_digest(scheme: int, digest: bytes) -> bytes:
        seen.append(scheme)
        return sign(key, scheme, digest, prehashed=True)

    def forbidden(scheme: int, message: bytes) -> bytes:
        raise AssertionError("asked for a message")

    spki = certificate_fields(issued.chain[0]).spki
    chain = [Certificate.from_buffer(der) for der in issued.chain]
    context = server(version, Identity(chain, PrivateKey.from_signer(spki, forbidden, sign_digest=sign_digest)))
    Link(client(version), context).handshake()
    assert len(seen) == 1


def test_sessions_go_on_without_a_signature() -> None:
    seen = list[int]()
    context = server(TLSVersion.TLSv1_2, elsewhere(IDS.server, seen=seen))
    caching = client(TLSVersion.TLSv1_2, session_cache=unitls.SessionCache())
    for _ in range(2):
        link = Link(caching, context).handshake()
        link.client.shutdown()
        link.move()
        assert link.server.read() == b""
    assert link.client.session_resumed
    assert len(seen) == 1


@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize("answer", [b"", b"x" * 5000, "text", b"wrong" * 14])
def test_what_is_no_signature_ends_the_handshake(version: TLSVersion, answer: Any) -> None:
    context = server(version, elsewhere(IDS.server, lambda scheme, message: answer))
    with pytest.raises(unitls.TLSError):
        Link(client(version), context).handshake()


@pytest.mark.parametrize("version", BOTH)
def test_what_a_signer_raises_is_the_cause(version: TLSVersion) -> None:
    mistake = PermissionError("the card was taken out")

    def failing(scheme: int, message: bytes) -> bytes:
        raise mistake

    link = Link(client(version), server(version, elsewhere(IDS.server, failing)))
    with pytest.raises(unitls.ConnectionFault) as caught:
        link.handshake()
    cause: BaseException | None = caught.value
    while cause is not None and cause is not mistake:
        cause = cause.__cause__
    assert cause is mistake


def test_what_does_not_fit_is_said_when_it_is_configured() -> None:
    other = PrivateKey.from_signer(certificate_fields(IDS.client.chain[0]).spki, lambda scheme, message: b"")
    with pytest.raises(unitls.ConfigurationError, match="not that of the leaf"):
        server(BOTH[0], Identity(identity().certificates, other))
    strange = PrivateKey.from_signer(b"\x30\x05\x30\x03\x06\x01\x2a", lambda scheme, message: b"")
    with pytest.raises(unitls.ConfigurationError, match="takes RSA"):
        server(BOTH[0], Identity(identity().certificates, strange))
    with pytest.raises(unitls.UnsupportedFeature):
        client(BOTH[1], identities=(elsewhere(IDS.client),), post_handshake_authentication=True)


def test_a_transcript_hears_its_own_hash_only() -> None:
    hello, rest = b"\x01\x00\x00\x3c\x03\x03" + bytes(58), b"\x02\x00\x00\x01\x00"
    transcript = Transcript()
    for hash_, data in ((1, b"\x01"), (1, b"\x01" * 60), (2, hello), (1, rest), (2, rest), (3, hello)):
        transcript.hear(hash_, data)
    assert bytes(transcript.messages) == hello + rest
    for hash_, data in ((7, b"\xfe\0\0\x20"), (7, bytes(32)), (2, rest), (7, hello)):
        transcript.hear(hash_, data)
    assert bytes(transcript.messages) == b"\xfe\0\0\x20" + bytes(32) + hello
