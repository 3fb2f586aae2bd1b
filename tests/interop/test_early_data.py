"""Early data (TLS 1.3) in both roles, with ``openssl`` at the other end."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from _ours import TIMEOUT, OurServer
from _peers import ClientOptions, ServerOptions, openssl_client_command, openssl_server_command
from _pki import PKI, SERVER_NAME
from _programs import Program

import unitls
from unitls import Feature, TLSVersion

pytestmark = pytest.mark.needs(Feature.EARLY_DATA)
_LIMIT = 4096
_EARLY = b"GET /early\n"


def test_openssl_takes_ours(backend: unitls.Backend, pki: PKI) -> None:
    """A server of OpenSSL's takes early data with the second connection, and the rest behind it."""
    context = backend.client_context(
        unitls.TLSClientConfiguration(trust_store=pki.trust(), session_cache=unitls.SessionCache(), early_data=True)
    )
    command = openssl_server_command(pki, ServerOptions(version=TLSVersion.TLSv1_3), "-early_data")
    with Program(command) as program:
        port = int(program.wait_for("ACCEPT").rsplit(":", 1)[1])
        assert _talk(context, program, port) == (0, None)
        program.wait_for("early data")
        assert _talk(context, program, port) == (len(_EARLY), True)
        program.wait_for(_EARLY.decode().strip())


def _talk(context: unitls.ClientContext, program: Program, port: int) -> tuple[int, bool | None]:
    raw = socket.create_connection(("127.0.0.1", port), TIMEOUT)
    with context.wrap_socket(raw, auto_handshake=False, server_hostname=SERVER_NAME) as connection:
        taken = connection.write_early_data(_EARLY)
        connection.do_handshake()
        accepted = connection.early_data_accepted
        program.type("behind\n")
        assert connection.recv(100) == b"behind\n"  # the tickets have come in, too
    return taken, accepted


def test_openssl_sends_it_to_ours(backend: unitls.Backend, pki: PKI, tmp_path: Path) -> None:
    """A client of OpenSSL's sends early data with a session of its first connection."""
    early, session = tmp_path / "early", tmp_path / "session"
    early.write_bytes(_EARLY)
    heard: list[tuple[bool | None, bytes]] = []

    def talk(connection: unitls.TLSWrappedSocket) -> None:
        heard.append((connection.early_data_accepted, connection.read_early_data()))
        while data := connection.recv(100):
            connection.sendall(data)

    configuration = unitls.TLSServerConfiguration(identities=(pki.identity("server"),), max_early_data=_LIMIT)
    with OurServer(backend.server_context(configuration), talk) as server:
        options = ClientOptions(version=TLSVersion.TLSv1_3, port=0)
        connect = ("-connect", f"127.0.0.1:{server.port}")
        for more in (("-sess_out", session), ("-sess_in", session, "-early_data", early)):
            with Program(openssl_client_command(pki, options, *connect, *more)) as program:
                program.type("behind\n")
                program.wait_for("behind")
                program.type("Q\n")
                assert program.finish() == 0
            assert server.next_report().error is None
    assert heard == [(None, b""), (True, _EARLY)]
