"""`unitls.stdlib.socketserver` and `http_server`, with clients of ours and with curl."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from _servers_common import ADDRESS, DEADLINE, HOST, Files, Program, clean_environment, need_program, server_files

import unitls
from unitls import Feature
from unitls.stdlib import http_server, socketserver, urllib_request

TIMEOUT = 60.0  # far more than anything takes, also on a machine under load


@pytest.fixture(scope="module")
def files() -> Iterator[Files]:
    """Certificates for this machine."""
    with server_files() as made:
        yield made


@pytest.fixture
def context(backend: unitls.Backend, files: Files) -> unitls.ServerContext:
    """A server context with a certificate for this machine."""
    if not backend.capabilities.supports(Feature.SERVER):
        pytest.skip(backend.capabilities.reason(Feature.SERVER))
    identity = unitls.Identity(unitls.load_chain(files.chain), unitls.PrivateKey.from_file(files.key))
    return backend.server_context(unitls.TLSServerConfiguration(identities=(identity,), handshake_timeout=TIMEOUT))


@pytest.fixture
def trusting(backend: unitls.Backend, files: Files) -> unitls.ClientContext:
    """A client context that trusts its authority."""
    return backend.client_context(unitls.TLSClientConfiguration(trust_store=unitls.TrustStore.from_file(files.ca)))


@contextlib.contextmanager
def running(server: Any) -> Iterator[int]:
    """Serve in a thread; gives the port."""
    server.daemon_threads = False  # they are waited for at the end: none is left to write into the log of the next test
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    with server:
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join(DEADLINE)


class Hello(http_server.BaseHTTPRequestHandler):
    """Answers with what it was asked."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Send the path."""
        self._answer(self.path.encode())

    def do_POST(self) -> None:
        """Send the body back."""
        self._answer(self.rfile.read(int(self.headers["Content-Length"])))

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


class Echo(socketserver.StreamRequestHandler):
    """Sends each line back, with the name that the client asked for."""

    timeout = TIMEOUT

    def handle(self) -> None:
        """Until the client closes."""
        for line in self.rfile:
            self.wfile.write(self.request.server_name.encode() + b": " + line)


def _line(trusting: unitls.ClientContext, port: int, host: str = HOST) -> bytes:
    with (
        socket.create_connection((ADDRESS, port), TIMEOUT) as raw,
        trusting.wrap_socket(raw, server_hostname=host) as connection,
    ):
        connection.sendall(b"a line\n")
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(100), b""))


@pytest.mark.parametrize("kind", [http_server.HTTPSServer, http_server.ThreadingHTTPSServer])
def test_http(context: unitls.ServerContext, trusting: unitls.ClientContext, kind: Any) -> None:
    with running(kind((ADDRESS, 0), Hello, context=context)) as port:
        url = f"https://{HOST}:{port}"
        with urllib_request.urlopen(f"{url}/path", timeout=TIMEOUT, context=trusting) as response:
            assert response.read() == b"/path"
        body = os.urandom(300_000)
        with urllib_request.urlopen(f"{url}/", body, timeout=TIMEOUT, context=trusting) as response:
            assert response.read() == body
        with pytest.raises(OSError, match=r"is not for 127\.0\.0\.1"):
            urllib_request.urlopen(f"https://{ADDRESS}:{port}/", timeout=TIMEOUT, context=trusting)


@pytest.mark.parametrize("trusted", [True, False])
def test_http_with_curl(context: unitls.ServerContext, files: Files, trusted: bool) -> None:
    with running(http_server.ThreadingHTTPSServer((ADDRESS, 0), Hello, context=context)) as port:
        command = [
            need_program("curl"),
            "-sS",
            "--cacert",
            str(files.ca if trusted else files.stranger),
            "--max-time",
            "60",
        ]
        made = subprocess.run(
            [*command, f"https://{HOST}:{port}/one", f"https://{HOST}:{port}/two"],
            capture_output=True, env=clean_environment(), timeout=2 * DEADLINE, check=False,
        )  # fmt: skip
    assert (made.returncode, made.stdout) == ((0, b"/one/two") if trusted else (60, b""))


SERVERS = [socketserver.TLSServer, socketserver.ThreadingTLSServer]


@pytest.mark.parametrize("kind", SERVERS)
def test_a_bad_client_is_a_line_in_the_log_and_the_next_is_served(
    context: unitls.ServerContext,
    trusting: unitls.ClientContext,
    kind: Any,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.INFO, "unitls")
    with running(kind((ADDRESS, 0), Echo, context=context)) as port:
        with socket.create_connection((ADDRESS, port), TIMEOUT) as raw:
            raw.sendall(b"GET / HTTP/1.1\r\n\r\n")
            while raw.recv(100):  # an alert, perhaps
                pass
        assert _line(trusting, port) == b"localhost: a line\n"
    faults = [record.getMessage() for record in caplog.records if "has failed" in record.getMessage()]
    assert len(faults) == 1
    assert ADDRESS in faults[0]
    assert capfd.readouterr().err == ""


def test_an_error_of_the_handler_is_reported_as_ever(
    context: unitls.ServerContext, trusting: unitls.ClientContext, capfd: pytest.CaptureFixture[str]
) -> None:
    class Broken(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            while self.request.recv(100):
                pass
            raise RuntimeError("a mistake of the program")

    with running(socketserver.TLSServer((ADDRESS, 0), Broken, context=context)) as port:
        assert _line(trusting, port) == b""
    assert "a mistake of the program" in capfd.readouterr().err


def test_a_silent_client_holds_up_nobody_else(context: unitls.ServerContext, trusting: unitls.ClientContext) -> None:
    """The handshake happens in the thread of the request."""
    server = socketserver.ThreadingTLSServer((ADDRESS, 0), Echo, context=context)
    with running(server) as port, socket.create_connection((ADDRESS, port), TIMEOUT):
        assert _line(trusting, port) == b"localhost: a line\n"


FORKING_SERVER = """
import sys
import unitls
from unitls.stdlib import socketserver

name, chain, key = sys.argv[1:]


class Echo(socketserver.StreamRequestHandler):
    timeout = 20.0

    def handle(self):
        for line in self.rfile:
            self.wfile.write(line)


identity = unitls.Identity(unitls.load_chain(chain), unitls.PrivateKey.from_file(key))
context = unitls.get_backend(name).server_context(unitls.TLSServerConfiguration(identities=(identity,)))
with socketserver.ForkingTLSServer(("127.0.0.1", 0), Echo, context=context) as server:
    print("port", server.server_address[1], flush=True)
    server.serve_forever()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_process_for_each_request(
    backend: unitls.Backend, files: Files, context: unitls.ServerContext, trusting: unitls.ClientContext
) -> None:
    """The parent never takes part in the connection, and its close of the descriptor ends nothing.

    It has a process of its own, with one thread: a child would inherit each lock that another thread holds at the fork.
    """
    with Program([sys.executable, "-W", "error", "-c", FORKING_SERVER, backend.name, files.chain, files.key]) as server:
        port = int(server.wait_for("port").split()[1])
        assert [_line(trusting, port) for _ in range(3)] == [b"a line\n"] * 3


def test_a_new_certificate_without_a_new_server(
    backend: unitls.Backend, context: unitls.ServerContext, trusting: unitls.ClientContext
) -> None:
    """What is changed of the context holds for the connections from then on."""
    from unitls.testing import CertificateAuthority

    authority = CertificateAuthority.create("another one")
    issued = authority.issue(dns_names=["new.test"])
    chain = [unitls.Certificate.from_buffer(der) for der in issued.chain]
    identity = unitls.Identity(chain, unitls.PrivateKey.from_buffer(issued.key_pem))
    anew = backend.client_context(
        unitls.TLSClientConfiguration(trust_store=unitls.TrustStore.from_buffer(authority.certificate_pem))
    )
    with running(socketserver.ThreadingTLSServer((ADDRESS, 0), Echo, context=context)) as port:
        assert _line(trusting, port) == b"localhost: a line\n"
        context.configuration = unitls.TLSServerConfiguration(identities=(identity,))
        with pytest.raises(unitls.CertificateVerificationError):
            _line(trusting, port)
        assert _line(anew, port, "new.test") == b"new.test: a line\n"


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="there are no Unix sockets here")
def test_a_unix_socket(context: unitls.ServerContext, trusting: unitls.ClientContext, tmp_path: Any) -> None:
    import socketserver as standard

    class UnixServer(socketserver.TLSServer, standard.UnixStreamServer):
        pass

    path = str(tmp_path / "socket")
    server = UnixServer(path, Echo, context=context)
    with running(server), socket.socket(socket.AF_UNIX) as raw:
        raw.settimeout(TIMEOUT)
        raw.connect(path)
        with trusting.wrap_socket(raw, server_hostname=HOST) as connection:
            connection.sendall(b"a line\n")
            assert connection.recv(100) == b"localhost: a line\n"


def test_what_is_wrong_with_the_context_is_said_at_once(
    backend: unitls.Backend, trusting: unitls.ClientContext
) -> None:
    with pytest.raises(unitls.ConfigurationError, match=r"must be a unitls\.ServerContext"):
        socketserver.TLSServer((ADDRESS, 0), Echo, context=trusting)  # type: ignore[arg-type]
    with pytest.raises(unitls.ConfigurationError, match="certificate"):
        socketserver.TLSServer((ADDRESS, 0), Echo, context=backend.server_context())
    if backend.capabilities.supports(Feature.ALPN):
        offers = backend.server_context(unitls.TLSServerConfiguration(inner_protocols=(unitls.NextProtocol.H2,)))
        with pytest.raises(unitls.ConfigurationError, match="HTTP/1 only"):
            http_server.HTTPSServer((ADDRESS, 0), Hello, context=offers)
