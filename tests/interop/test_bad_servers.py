"""Servers that choose what was never offered, or say what they may not, get nowhere with any client of ours."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import Any

import pytest
from _bad_server import (
    ECDSA_SHA1,
    ECDSA_SHA256,
    ECDSA_SHA384,
    P224,
    X25519,
    BadServer,
    extensions,
    message,
    vector,
)
from _pki import PKI

import unitls
from unitls import Feature, TLSVersion

pytestmark = pytest.mark.needs(Feature.CLIENT, Feature.CUSTOM_TRUST_STORE)

_TLS12 = pytest.mark.parametrize("version", [TLSVersion.TLSv1_2], ids=["TLSv1_2"], indirect=True)
_TLS13 = pytest.mark.parametrize("version", [TLSVersion.TLSv1_3], ids=["TLSv1_3"], indirect=True)
_APPLICATION_DATA = 23
_ALPN = 16


def _server(backend: unitls.Backend, version: TLSVersion, pki: PKI, **changes: Any) -> BadServer:
    basic = unitls.TLSClientConfiguration(trust_store=pki.trust(), lower_bound=version, upper_bound=version)
    return BadServer(pki, backend.client_context(dataclasses.replace(basic, **changes)))


def _shake_hands(server: BadServer, version: TLSVersion, **options: Any) -> None:
    shake = server.shake_hands if version is TLSVersion.TLSv1_3 else server.shake_hands_of_old
    shake(**options)


def _is_refused(server: BadServer, version: TLSVersion, **options: Any) -> unitls.ConnectionFault:
    with pytest.raises(unitls.ConnectionFault) as caught:
        _shake_hands(server, version, **options)
    with pytest.raises(unitls.ConnectionFault):
        server.client.read(1)
    return caught.value


def test_the_server_itself(backend: unitls.Backend, version: TLSVersion, pki: PKI) -> None:
    """Without a deviation all is well."""
    server = _server(backend, version, pki)
    _shake_hands(server, version)
    assert server.client.negotiated_tls_version is version
    assert server.tell(server.keys.seal(b"hello", _APPLICATION_DATA)) == b"hello"


@_TLS12
def test_signature_with_sha1(backend: unitls.Backend, version: TLSVersion, pki: PKI) -> None:
    """Nobody offers SHA-1 (RFC 9155)."""
    error = _is_refused(_server(backend, version, pki), version, scheme=ECDSA_SHA1)
    assert isinstance(error, unitls.ProtocolViolation)


@pytest.mark.needs(Feature.SIGNATURE_ALGORITHMS)
def test_signature_that_was_not_offered(backend: unitls.Backend, version: TLSVersion, pki: PKI) -> None:
    """The list of the configuration counts for what the peer signs."""
    wanted = (ECDSA_SHA384,)
    error = _is_refused(_server(backend, version, pki, signature_algorithms=wanted), version, scheme=ECDSA_SHA256)
    assert isinstance(error, unitls.ProtocolViolation)
    _shake_hands(_server(backend, version, pki, signature_algorithms=(ECDSA_SHA256,)), version, scheme=ECDSA_SHA256)


@_TLS12
def test_curve_that_nobody_offers(backend: unitls.Backend, version: TLSVersion, pki: PKI) -> None:
    """Each of our clients offers better ones."""
    error = _is_refused(_server(backend, version, pki), version, group=P224)
    assert isinstance(error, unitls.ProtocolViolation)


@_TLS12
@pytest.mark.needs(Feature.GROUPS)
def test_group_that_was_not_offered(backend: unitls.Backend, version: TLSVersion, pki: PKI) -> None:
    """The list of the configuration counts in TLS 1.2, too."""
    server = _server(backend, version, pki, groups=(unitls.NamedGroup.SECP384R1, unitls.NamedGroup.SECP521R1))
    assert isinstance(_is_refused(server, version, group=X25519), unitls.ConnectionFault)


@pytest.mark.needs(Feature.ALPN)
def test_protocol_that_was_not_offered(backend: unitls.Backend, version: TLSVersion, pki: PKI) -> None:
    """It is refused, or not taken for one: never is it what the connection speaks."""
    server = _server(backend, version, pki, inner_protocols=(b"h2", b"http/1.1"))
    name = "encrypted" if version is TLSVersion.TLSv1_3 else "hello"
    try:
        _shake_hands(server, version, **{name: [(_ALPN, vector(vector(b"http/1.", 1)))]})
    except unitls.ProtocolViolation:
        return
    assert server.client.negotiated_protocol() is None


def test_share_that_is_none(backend: unitls.Backend, version: TLSVersion, pki: PKI) -> None:
    """The point zero is no share of a key exchange, and no matter of certificates once one was accepted."""
    name = "share" if version is TLSVersion.TLSv1_3 else "point"
    error = _is_refused(_server(backend, version, pki), version, **{name: bytes(32)})
    if version is TLSVersion.TLSv1_2:
        assert isinstance(error, unitls.ProtocolViolation)


@_TLS13
def test_no_certificate(backend: unitls.Backend, version: TLSVersion, pki: PKI) -> None:
    """The error speaks of nothing that a client has to send."""
    assert "client" not in str(_is_refused(_server(backend, version, pki), version, empty=True))


@_TLS13
def test_certificate_asked_for_later(backend: unitls.Backend, version: TLSVersion, pki: PKI) -> None:
    """A client that has not offered it refuses, or shows none at least, after the handshake (RFC 8446 section 4.6.2)."""
    server = _server(backend, version, pki, identities=(pki.identity("client"),))
    server.shake_hands()
    server.sent()
    request = message(13, vector(b"later", 1) + extensions([(13, vector(b"\4\3"))]))
    with contextlib.suppress(unitls.ProtocolViolation):
        server.tell(server.keys.seal(request) + server.keys.seal(b"hello", _APPLICATION_DATA))
    assert 0 < len(server.sent()) < 100  # an alert, or a message without a certificate


def test_close_in_the_handshake(backend: unitls.Backend, version: TLSVersion, pki: PKI) -> None:
    """A server that closes before it has said anything has ended the connection: that is no violation."""
    server = _server(backend, version, pki)
    with pytest.raises(unitls.RaggedEOF):
        server.close_early()
