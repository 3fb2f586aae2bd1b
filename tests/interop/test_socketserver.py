"""A `socketserver` whose listener is wrapped survives every bad client, and serves the good one that comes behind it."""

from __future__ import annotations

import contextlib
import dataclasses
import socketserver
import sys
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from _bad_clients import BAD_CLIENTS, cut, stays_open_after
from _ours import TIMEOUT, connected, echo, exchange
from _pki import PKI, SERVER_NAME

import unitls
from unitls import Feature, TLSVersion

pytestmark = pytest.mark.needs(Feature.SERVER, Feature.CLIENT, Feature.CUSTOM_TRUST_STORE)


class _Server(socketserver.TCPServer):
    """It serves one client after the other, so that one it cannot get rid of would be noticed."""

    request_queue_size = 1024  # bad clients do not wait to be served, and those beyond the queue try again much later

    def __init__(self, context: unitls.ServerContext, timeouts: Sequence[float]) -> None:
        self.errors: list[BaseException] = []
        left = iter(timeouts)

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                self.request.settimeout(next(left, TIMEOUT))
                echo(self.request)

        super().__init__(("127.0.0.1", 0), Handler)
        self.socket = context.wrap_socket(self.socket)  # type: ignore[assignment]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep the error for the test."""
        error = sys.exc_info()[1]
        assert error is not None
        self.errors.append(error)


@contextlib.contextmanager
def _serving(backend: unitls.Backend, pki: PKI, *timeouts: float) -> Iterator[_Server]:
    """A server whose first connections have these timeouts."""
    context = backend.server_context(unitls.TLSServerConfiguration(identities=(pki.identity("server"),)))
    with _Server(context, timeouts) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join(2 * TIMEOUT)


def _client(backend: unitls.Backend, pki: PKI, version: TLSVersion | None = None) -> unitls.ClientContext:
    configuration = unitls.TLSClientConfiguration(trust_store=pki.trust())
    if version is not None:
        configuration = dataclasses.replace(configuration, lower_bound=version, upper_bound=version)
    return backend.client_context(configuration)


def _be_served(context: unitls.ClientContext, server: _Server) -> None:
    with connected(context, server.server_address[1], SERVER_NAME) as connection:
        exchange(connection, rounds=1, size=100)


@pytest.mark.parametrize("name", BAD_CLIENTS)
def test_bad_client(backend: unitls.Backend, pki: PKI, name: str) -> None:
    """One error that an OSError's handler catches, at once, and the next client is served."""
    with _serving(backend, pki) as server:
        BAD_CLIENTS[name](server.server_address)  # type: ignore[arg-type]
        _be_served(_client(backend, pki), server)
    assert len(server.errors) == 1
    assert isinstance(server.errors[0], unitls.ConnectionFault)


def test_silent_client(backend: unitls.Backend, pki: PKI) -> None:
    """A client that says nothing, or half a word, is given up at the timeout."""
    silences = (b"", b"\x16\x03\x01\x02\x00\x01")
    with _serving(backend, pki, *[0.2] * len(silences)) as server:
        for said in silences:
            stays_open_after(said)(server.server_address)  # type: ignore[arg-type]
        _be_served(_client(backend, pki), server)
    assert [type(error) for error in server.errors] == [TimeoutError, TimeoutError]


@pytest.mark.parametrize("reset", [False, True], ids=["fin", "rst"])
def test_cut_at_every_byte(backend: unitls.Backend, version: TLSVersion, pki: PKI, reset: bool) -> None:
    """The client's half of a handshake, cut behind each of its bytes; each time the server loses that connection only."""
    context, size = _client(backend, pki, version), 0
    with _serving(backend, pki) as server:
        while not cut(context, server.server_address, size, reset=reset):  # type: ignore[arg-type]
            size += 1
        _be_served(context, server)
    assert size > 200  # a ClientHello, and what follows it
    assert len(server.errors) >= size
    assert [error for error in server.errors if not isinstance(error, OSError) or isinstance(error, TimeoutError)] == []
