"""Contexts with the certificates that ship with the package: the server is server.test, client and server know one CA."""

from __future__ import annotations

from typing import Any

import unitls
from unitls.testing import load_identities

NAME = "server.test"


def client_context(backend: unitls.Backend, **settings: Any) -> unitls.ClientContext:
    """A client context that trusts the authority."""
    trust = unitls.TrustStore.from_buffer(load_identities().ca_pem)
    return backend.client_context(unitls.TLSClientConfiguration(trust_store=trust, **settings))


def server_context(backend: unitls.Backend, **settings: Any) -> unitls.ServerContext:
    """A server context with the certificate of server.test."""
    return backend.server_context(unitls.TLSServerConfiguration(identities=(identity(),), **settings))


def identity() -> unitls.Identity:
    """The certificate of server.test, and its key."""
    issued = load_identities().server
    chain = [unitls.Certificate.from_buffer(der) for der in issued.chain]
    return unitls.Identity(chain, unitls.PrivateKey.from_buffer(issued.key_pem))
