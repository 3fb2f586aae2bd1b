"""What the tests of the rustls backend share. They are skipped where its crate is not built."""

from __future__ import annotations

from typing import Any

import pytest

import unitls
from unitls.testing._zoo_files import load_identities

native: Any = pytest.importorskip(
    "unitls_rustls", reason="the crate is not built: pip install ./rustls", exc_type=ImportError
)

BACKEND = unitls.get_backend("rustls")
IDS = load_identities()
TRUST = unitls.TrustStore.from_buffer(IDS.ca_pem)
HOST = "server.test"


def identity(issued: Any = IDS.server, **more: Any) -> unitls.Identity:
    chain = [unitls.Certificate.from_buffer(der) for der in issued.chain]
    return unitls.Identity(chain, unitls.PrivateKey.from_buffer(issued.key_pem), **more)


def contexts(
    client: dict[str, Any] | None = None, server: dict[str, Any] | None = None
) -> tuple[unitls.ClientContext, unitls.ServerContext]:
    ours = unitls.TLSClientConfiguration(**{"trust_store": TRUST, **(client or {})})
    theirs = unitls.TLSServerConfiguration(**{"identities": (identity(),), **(server or {})})
    return BACKEND.client_context(ours), BACKEND.server_context(theirs)


def wrapped(made: tuple[unitls.ClientContext, unitls.ServerContext]) -> tuple[Any, Any, Any, Any]:
    """A client and a server, and the buffers to the server and to the client."""
    up, down = BACKEND.memory_buffer(), BACKEND.memory_buffer()
    return made[0].wrap_buffers(down, up, HOST), made[1].wrap_buffers(up, down), up, down


def shake(client: Any, server: Any) -> None:
    for _ in range(10):
        if [end.handshake_step() for end in (client, server)] == [True, True]:
            return
    raise AssertionError("the handshake got stuck")


def connected(client: dict[str, Any] | None = None, server: dict[str, Any] | None = None) -> tuple[Any, Any]:
    one, other, _, _ = wrapped(contexts(client, server))
    shake(one, other)
    return one, other


def raw_pair(made: tuple[unitls.ClientContext, unitls.ServerContext], session: Any = None) -> tuple[Any, Any, Any, Any]:
    """The native objects alone, without core's lock around them: client, server, buffers to the server and the client."""
    up, down = native.MemoryBuffer(), native.MemoryBuffer()
    client, server = (context._natives.get(0, True).config for context in made)  # type: ignore[attr-defined]
    return native.Connection(client, down, up, HOST, session), native.Connection(server, up, down), up, down
