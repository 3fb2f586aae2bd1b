"""HTTP with real programs: curl asks ``http.server`` on our sockets, and our client asks nginx."""

from __future__ import annotations

import contextlib
import http.server
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from _http import get
from _nginx import BIG_FILE, NginxServer
from _ours import TIMEOUT, connected
from _peers import ServerOptions
from _pki import PKI, SERVER_NAME
from _programs import DEADLINE, clean_environment, need_program

import unitls
from unitls import Feature, NextProtocol, TLSVersion


@contextlib.contextmanager
def _file_server(context: unitls.ServerContext, folder: Path) -> Iterator[int]:
    """Python's own file server, its listener wrapped."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = TIMEOUT

        def __init__(self, *args: object) -> None:
            super().__init__(*args, directory=str(folder))  # type: ignore[arg-type]

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket)  # type: ignore[assignment]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join(TIMEOUT)


@pytest.mark.needs(Feature.SERVER)
def test_curl_asks_http_server(backend: unitls.Backend, version: TLSVersion, pki: PKI, tmp_path: Path) -> None:
    """Two files over one connection, a megabyte and a few bytes."""
    (tmp_path / "big").write_bytes(BIG_FILE)
    (tmp_path / "small").write_bytes(b"small")
    context = backend.server_context(
        unitls.TLSServerConfiguration(identities=(pki.identity("server"),), lower_bound=version, upper_bound=version)
    )
    with _file_server(context, tmp_path) as port:
        url = f"https://{SERVER_NAME}:{port}"
        done = subprocess.run(
            [
                need_program("curl"), "-sS", "--fail", "--max-time", str(int(DEADLINE)), "--cacert", pki.pem("ca"),
                "--resolve", f"{SERVER_NAME}:{port}:127.0.0.1", f"{url}/big", f"{url}/small",
            ],
            env=clean_environment(), capture_output=True, timeout=2 * DEADLINE, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == BIG_FILE + b"small"


@pytest.mark.needs(Feature.CLIENT, Feature.CUSTOM_TRUST_STORE, Feature.ALPN)
@pytest.mark.parametrize("protocol", [NextProtocol.H2, NextProtocol.HTTP1], ids=lambda item: item.name)
def test_nginx_sends_a_file(
    backend: unitls.Backend, version: TLSVersion, pki: PKI, tmp_path: Path, protocol: NextProtocol
) -> None:
    """A megabyte from nginx, in both versions of HTTP."""
    context = backend.client_context(
        unitls.TLSClientConfiguration(trust_store=pki.trust(), inner_protocols=(protocol,))
    )
    options = ServerOptions(version=version, protocols=("h2", "http/1.1"))
    with (
        NginxServer().start(pki, options, tmp_path) as server,
        connected(context, server.port, SERVER_NAME) as connection,
    ):
        assert connection.negotiated_protocol() is protocol
        assert get(connection, SERVER_NAME, "/big") == (200, BIG_FILE)
