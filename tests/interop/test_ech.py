"""Encrypted ClientHello, with Go's crypto/tls as the server: the name we ask for is not on the wire, or nothing goes on."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from _ours import TIMEOUT, connected, exchange
from _pki import PKI, SECOND_NAME, SERVER_NAME
from _programs import Program

import unitls
from unitls import Feature, TLSVersion

pytestmark = pytest.mark.needs(Feature.CLIENT, Feature.CUSTOM_TRUST_STORE, Feature.ECH)


class _Server:
    """Go's server, which has both names and publishes one of them."""

    def __init__(self, program: Program) -> None:
        self.program = program
        told = program.next_json()
        self.port, self.list = int(told["port"]), bytes.fromhex(told["ech"])


@pytest.fixture
def go_server(go_peer: Path, pki: PKI) -> Iterator[_Server]:
    with _started(go_peer, pki) as server:
        yield server


@contextlib.contextmanager
def _started(go_peer: Path, pki: PKI) -> Iterator[_Server]:
    identities = ",".join(f"{pki.pem(name)}:{pki.key(name)}" for name in ("server", "second_server"))
    with Program([go_peer, "-version", "1.3", "-identities", identities, "-public-name", SECOND_NAME]) as program:
        yield _Server(program)


def _client(backend: unitls.Backend, pki: PKI, ech: bytes) -> unitls.ClientContext:
    return backend.client_context(
        unitls.TLSClientConfiguration(trust_store=pki.trust(), ech_config_list=ech, lower_bound=TLSVersion.TLSv1_3)
    )


def test_the_inner_name_is_what_the_server_gets(backend: unitls.Backend, pki: PKI, go_server: _Server) -> None:
    with connected(_client(backend, pki, go_server.list), go_server.port, SERVER_NAME) as connection:
        exchange(connection, rounds=2)
    seen = go_server.program.next_json()
    assert (seen["error"], seen["ech"], seen["server_name"]) == ("", True, SERVER_NAME)


def test_the_name_is_not_on_the_wire(backend: unitls.Backend, pki: PKI, go_server: _Server) -> None:
    """A relay in between sees the published name alone."""
    sent: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as relay:
        worker = threading.Thread(target=_relay, args=(relay, go_server.port, sent))
        worker.start()
        with connected(_client(backend, pki, go_server.list), relay.getsockname()[1], SERVER_NAME) as connection:
            exchange(connection, rounds=1)
        worker.join(TIMEOUT)
    stream = b"".join(sent)
    assert SECOND_NAME.encode() in stream
    assert SERVER_NAME.encode() not in stream


def _relay(listener: socket.socket, port: int, sent: list[bytes]) -> None:
    listener.settimeout(TIMEOUT)
    near, _ = listener.accept()
    with near, socket.create_connection(("127.0.0.1", port), TIMEOUT) as far:
        near.settimeout(TIMEOUT)
        back = threading.Thread(target=_pass_on, args=(far, near, []))
        back.start()
        _pass_on(near, far, sent)
        back.join(TIMEOUT)


def _pass_on(source: socket.socket, sink: socket.socket, seen: list[bytes]) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            seen.append(data)
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def test_a_server_that_refuses_it_ends_the_connection(
    backend: unitls.Backend, pki: PKI, go_peer: Path, go_server: _Server
) -> None:
    """A list of another server's: there is no way back to a ClientHello in the clear."""
    client = _client(backend, pki, go_server.list)
    with (
        _started(go_peer, pki) as other,
        pytest.raises(unitls.ConnectionFault, match=r"Encrypted ClientHello \(ECH\)"),
        connected(client, other.port, SERVER_NAME) as connection,
    ):
        exchange(connection, rounds=1)


def test_a_list_that_is_damaged_is_refused_at_once(backend: unitls.Backend, pki: PKI) -> None:
    with pytest.raises(unitls.ConfigurationError):
        _client(backend, pki, b"no list at all")


def test_it_needs_tls13(backend: unitls.Backend, pki: PKI, go_server: _Server) -> None:
    with pytest.raises(unitls.ConfigurationError, match="1_3"):
        backend.client_context(unitls.TLSClientConfiguration(trust_store=pki.trust(), ech_config_list=go_server.list))
