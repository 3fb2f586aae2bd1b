"""Renegotiation (TLS 1.2) is refused, and the peer's KeyUpdates (TLS 1.3) are followed: with ``openssl`` at the other end.

Its programs renegotiate, or update keys, when a line begins with a certain letter; they take what comes at once for one
line. So each line is waited for at the other end before the next is typed.
"""

from __future__ import annotations

from typing import Any

import pytest
from _ours import OurServer, connected
from _peers import ClientOptions, ServerOptions, openssl_client_command, openssl_server_command
from _pki import PKI, SERVER_NAME
from _programs import Program

import unitls
from unitls import Feature, TLSVersion

_TLS12 = pytest.mark.parametrize("version", [TLSVersion.TLSv1_2], ids=["TLSv1_2"], indirect=True)
_TLS13 = pytest.mark.parametrize("version", [TLSVersion.TLSv1_3], ids=["TLSv1_3"], indirect=True)
_KEY_UPDATES = pytest.mark.parametrize("command", ["k", "K"], ids=["one_way", "both_ways"])
_ROUNDS = 5


def _server(backend: unitls.Backend, pki: PKI) -> OurServer:
    return OurServer(backend.server_context(unitls.TLSServerConfiguration(identities=(pki.identity("server"),))))


def _client(backend: unitls.Backend, pki: PKI) -> unitls.ClientContext:
    return backend.client_context(unitls.TLSClientConfiguration(trust_store=pki.trust()))


@_TLS13
@_KEY_UPDATES
@pytest.mark.needs(Feature.SERVER)
def test_client_updates_keys(backend: unitls.Backend, version: TLSVersion, pki: PKI, command: str) -> None:
    """Data goes on behind each KeyUpdate of the client, whether it asks for ours or not."""
    options = ClientOptions(version=version, port=0)
    with _server(backend, pki) as server:
        with Program(openssl_client_command(pki, options, "-connect", f"127.0.0.1:{server.port}")) as program:
            for number in range(_ROUNDS):
                program.type(f"x{number}{command}\n")
                program.wait_for(f"x{number}{command}")
                program.type(f"{command}\n")
                program.wait_for("KEYUPDATE")
            program.type("the end\n")
            program.wait_for("the end")
            assert program.finish() == 0
        assert server.next_report().error is None


@_TLS13
@_KEY_UPDATES
@pytest.mark.needs(Feature.CLIENT, Feature.CUSTOM_TRUST_STORE)
def test_server_updates_keys(backend: unitls.Backend, version: TLSVersion, pki: PKI, command: str) -> None:
    """Data goes on behind each KeyUpdate of the server."""
    with Program(openssl_server_command(pki, ServerOptions(version=version))) as program:
        port = int(program.wait_for("ACCEPT").rsplit(":", 1)[1])
        with connected(_client(backend, pki), port, SERVER_NAME) as connection, connection.makefile("rwb") as stream:
            for number in range(_ROUNDS):
                program.type(f"{command}\n")
                _say(stream, program, f"from the client {number}")
                program.type(f"from the server {number}\n")
                assert stream.readline() == f"from the server {number}\n".encode()


@_TLS12
@pytest.mark.needs(Feature.SERVER)
def test_client_renegotiates(backend: unitls.Backend, version: TLSVersion, pki: PKI) -> None:
    """The client is told no; the server goes on with the next."""
    with _server(backend, pki) as server:
        options = ClientOptions(version=version, port=server.port)
        with Program(openssl_client_command(pki, options)) as program:
            program.type("xyzzy\n")
            program.wait_for("xyzzy")
            program.type("R\n")
            program.wait_for("no renegotiation", "unexpected message")
            program.finish()
        report = server.next_report()
        # The client's alert is its way of saying that it insists; a library may refuse before it reads that.
        assert isinstance(report.error, (unitls.PeerAlert, unitls.ProtocolViolation))
        with Program(openssl_client_command(pki, options)) as program:
            program.type("the next\n")
            program.wait_for("the next")
            assert program.finish() == 0
        assert server.next_report().error is None


@_TLS12
@pytest.mark.parametrize("command", ["r", "R"], ids=["renegotiate", "ask_for_certificate"])
@pytest.mark.needs(Feature.CLIENT, Feature.CUSTOM_TRUST_STORE)
def test_server_renegotiates(backend: unitls.Backend, version: TLSVersion, pki: PKI, command: str) -> None:
    """The server is told no; data still comes with the keys there were, until the server gives up."""
    with Program(openssl_server_command(pki, ServerOptions(version=version))) as program:
        port = int(program.wait_for("ACCEPT").rsplit(":", 1)[1])
        with connected(_client(backend, pki), port, SERVER_NAME) as connection, connection.makefile("rwb") as stream:
            keys = connection.cipher()
            program.type(f"{command}\n")
            _say(stream, program, "from the client")
            program.type("from the server\n")
            assert stream.readline() == b"from the server\n"
            assert connection.cipher() is keys
            with pytest.raises(unitls.PeerAlert):  # its way of saying that it insists
                connection.recv(1)


def _say(stream: Any, program: Program, text: str) -> None:
    """Send a line to the program. Once it has printed it, it has read what was typed before."""
    stream.write(text.encode() + b"\n")
    stream.flush()
    program.wait_for(text)
