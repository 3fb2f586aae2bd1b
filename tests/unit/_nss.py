"""What the tests of the NSS backend share. They are skipped where NSS cannot be used."""

from __future__ import annotations

from typing import Any

import pytest
from _link import Link

import unitls
from unitls.testing import CertificateAuthority

pytest.importorskip("unitls.backends.nss", reason="NSS cannot be used here", exc_type=ImportError)

BACKEND = unitls.get_backend("nss")
HOST = "server.test"


def identity(issued: Any) -> unitls.Identity:
    chain = [unitls.Certificate.from_buffer(der) for der in issued.chain]
    return unitls.Identity(chain, unitls.PrivateKey.from_buffer(issued.key_pem))


def trust(*authorities: CertificateAuthority | bytes) -> unitls.TrustStore:
    ders = [item if isinstance(item, bytes) else item.certificate_der for item in authorities]
    return unitls.TrustStore.union(*map(unitls.TrustStore.from_buffer, ders))


def client(store: unitls.TrustStore, **more: Any) -> unitls.ClientContext:
    return BACKEND.client_context(unitls.TLSClientConfiguration(trust_store=store, **more))


def server(*issued: Any, **more: Any) -> unitls.ServerContext:
    return BACKEND.server_context(unitls.TLSServerConfiguration(identities=tuple(map(identity, issued)), **more))


def failure(store: unitls.TrustStore, issued: Any, **more: Any) -> unitls.VerifyFailure | None:
    """What an NSS client makes of a server's certificate, shown to it by an NSS server; `None` if it is accepted."""
    link = Link(client(store, **more), server(issued), host=HOST)
    try:
        link.handshake()
    except unitls.CertificateVerificationError as error:
        return error.failure
    return None
