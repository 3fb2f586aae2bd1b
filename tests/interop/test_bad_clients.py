"""Clients that show a certificate nobody has asked for, or sign with what nobody offers, get nowhere with any server of ours."""

from __future__ import annotations

from typing import Any

import pytest
from _bad_client import BadClient
from _bad_server import ECDSA_SHA1, ECDSA_SHA256, ECDSA_SHA384
from _pki import PKI

import unitls
from unitls import ClientAuthentication, Feature, TLSVersion

pytestmark = pytest.mark.needs(Feature.SERVER, Feature.CUSTOM_TRUST_STORE)

_TLS12 = pytest.mark.parametrize("version", [TLSVersion.TLSv1_2], ids=["TLSv1_2"], indirect=True)


def _asking(backend: unitls.Backend, pki: PKI, **changes: Any) -> unitls.ServerContext:
    return backend.server_context(
        unitls.TLSServerConfiguration(
            identities=(pki.identity("server"),),
            client_authentication=ClientAuthentication.REQUIRED,
            trust_store=pki.trust(),
            **changes,
        )
    )


def _is_refused(client: BadClient, scheme: int = ECDSA_SHA256) -> None:
    with pytest.raises(unitls.ConnectionFault):
        client.shake_hands(scheme)
    with pytest.raises(unitls.ConnectionFault):
        client.server.read(1)
    assert client.server.getpeercert() is None


def test_the_client_itself(backend: unitls.Backend, version: TLSVersion, pki: PKI) -> None:
    """Without a deviation all is well."""
    client = BadClient(pki, _asking(backend, pki), version)
    client.shake_hands(ECDSA_SHA256)
    assert client.server.negotiated_tls_version is version
    assert client.server.getpeercert() == pki.leaf("client")


@pytest.mark.parametrize("name", ["client", "stranger_client"])
def test_certificate_that_was_not_asked_for(backend: unitls.Backend, version: TLSVersion, pki: PKI, name: str) -> None:
    """A server that asks for none never tells of one: it would be one that nobody has verified."""
    plain = backend.server_context(unitls.TLSServerConfiguration(identities=(pki.identity("server"),)))
    _is_refused(BadClient(pki, plain, version, name))


@_TLS12
def test_signature_with_sha1(backend: unitls.Backend, version: TLSVersion, pki: PKI) -> None:
    """No server asks for SHA-1 (RFC 9155)."""
    _is_refused(BadClient(pki, _asking(backend, pki), version), ECDSA_SHA1)


@pytest.mark.needs(Feature.SIGNATURE_ALGORITHMS)
def test_signature_that_was_not_offered(backend: unitls.Backend, version: TLSVersion, pki: PKI) -> None:
    """The list of the configuration counts for what a client signs."""
    schemes = (ECDSA_SHA256, ECDSA_SHA384)
    context = _asking(backend, pki, signature_algorithms=schemes[:1])
    _is_refused(BadClient(pki, context, version), ECDSA_SHA384)
    BadClient(pki, _asking(backend, pki, signature_algorithms=schemes), version).shake_hands(ECDSA_SHA256)
