"""The recipes for servers: each serves on every backend, and is asked by clients good and bad with Python's own TLS."""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
import signal
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from _recipes import need_package, running, stdlib_context
from _servers_common import ADDRESS, DEADLINE, HOST, Files, Program, server_files

import unitls

pytestmark = pytest.mark.timeout(180)  # other programs are started, on a machine that may be loaded
HTTP = {
    "aiohttp_server": ("aiohttp", "hello over TLSv1."),
    "uvicorn_server": ("uvicorn", "hello over https"),
    "hypercorn_server": ("hypercorn", "hello over https, HTTP/1.1"),
}
"""The recipes that serve HTTP: the package each needs, and what it answers."""


@pytest.fixture(scope="module")
def files() -> Iterator[Files]:
    """Certificates for localhost, of one authority, a client's of that, and a client's of a stranger."""
    with server_files() as made:
        from unitls.testing import CertificateAuthority

        authority = CertificateAuthority.create("unitls test clients")
        stranger = CertificateAuthority.create("unitls test strangers")
        (made.folder / "clients.pem").write_bytes(authority.certificate_pem)
        for name, issuer in (("good", authority), ("bad", stranger)):
            issued = issuer.issue(dns_names=["client.test"], purposes=("client",))
            (made.folder / f"{name}.pem").write_bytes(issued.certificate_pem)
            (made.folder / f"{name}.key").write_bytes(issued.key_pem)
        yield made


@contextlib.contextmanager
def serving(name: str, files: Files, backend: unitls.Backend, *more: str) -> Iterator[tuple[Program, int]]:
    """Run a recipe on a free port; gives the program and the port."""
    options = ["--cert", str(files.chain), "--key", str(files.key), "--port", "0", "--backend", backend.name, *more]
    with running(name, *options) as program:
        line = program.wait_for("serving on port", "running on https", "Running on https")
        found = re.search(r"(?:port |:)(\d+)\b(?!.*:\d)", line)
        assert found is not None, line
        try:
            yield program, int(found[1])
        except Exception as error:
            program._process.send_signal(signal.SIGTERM)
            program.finish()
            error.add_note("the server said:\n" + "\n".join(program.lines))
            raise


def ask(context: ssl.SSLContext, port: int, host: str = HOST) -> str:
    """The answer to one request, with its headers."""
    with (
        socket.create_connection((ADDRESS, port), DEADLINE) as raw,
        context.wrap_socket(raw, server_hostname=host) as connection,
    ):
        connection.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
        return answer.decode()


def refused_answer(context: ssl.SSLContext, port: int) -> str:
    """What a client that is refused gets to see: an error mostly, and never an answer."""
    try:
        return ask(context, port)
    except OSError as error:  # an alert, a reset or an end, as the one or the other comes first
        return repr(error)


def client_certificate(files: Files, name: str) -> tuple[Path, Path]:
    return files.folder / f"{name}.pem", files.folder / f"{name}.key"


@pytest.mark.parametrize("name", HTTP)
def test_good_clients_are_served_and_bad_ones_harm_nobody(name: str, backend: unitls.Backend, files: Files) -> None:
    package, says = HTTP[name]
    need_package(package)
    with serving(name, files, backend) as (program, port):
        assert says in ask(stdlib_context(files.ca), port)
        with pytest.raises(ssl.SSLCertVerificationError):
            ask(stdlib_context(files.stranger), port)
        with pytest.raises(ssl.SSLCertVerificationError):
            ask(stdlib_context(files.ca), port, ADDRESS)
        with socket.create_connection((ADDRESS, port), DEADLINE) as raw, contextlib.suppress(ConnectionError):
            raw.sendall(b"GET / HTTP/1.1\r\n\r\n")
            while raw.recv(4096):
                pass
        assert says in ask(stdlib_context(files.ca), port)
        program._process.send_signal(signal.SIGTERM)
        program.finish()
    assert "Traceback" not in "\n".join(program.lines)


@pytest.mark.parametrize("name", HTTP)
def test_client_certificates(name: str, backend: unitls.Backend, files: Files) -> None:
    package, says = HTTP[name]
    need_package(package)
    with serving(name, files, backend, "--client-ca", str(files.folder / "clients.pem")) as (_, port):
        assert says in ask(stdlib_context(files.ca, *client_certificate(files, "good")), port)
        for context in (stdlib_context(files.ca), stdlib_context(files.ca, *client_certificate(files, "bad"))):
            assert says not in refused_answer(context, port)
        assert says in ask(stdlib_context(files.ca, *client_certificate(files, "good")), port)


def test_hypercorn_speaks_http2(backend: unitls.Backend, files: Files) -> None:
    for package in ("hypercorn", "h2"):
        need_package(package)
    httpx = need_package("httpx")
    with (
        serving("hypercorn_server", files, backend) as (_, port),
        httpx.Client(verify=stdlib_context(files.ca), http2=True, trust_env=False, timeout=DEADLINE) as client,
    ):
        answer = client.get(f"https://{HOST}:{port}/")
        assert (answer.http_version, answer.text) == ("HTTP/2", "hello over https, HTTP/2")


async def shouted(context: ssl.SSLContext, port: int) -> object:
    """What a WebSocket server makes of a word.

    Its client for threads reads in one and writes in another at the same time. With Python's own TLS what is written may
    be lost then: of 2,690 such connections between two programs that knew nothing of unitls one never got its answer.
    """
    connect = need_package("websockets.asyncio.client").connect
    async with connect(f"wss://{HOST}:{port}/", ssl=context, proxy=None, open_timeout=DEADLINE) as websocket:
        await websocket.send("hello")
        return await asyncio.wait_for(websocket.recv(), DEADLINE)


def test_websockets(backend: unitls.Backend, files: Files) -> None:
    need_package("websockets")
    with serving("websockets_server", files, backend) as (_, port):
        for _ in range(2):
            assert asyncio.run(shouted(stdlib_context(files.ca), port)) == "HELLO"
            with pytest.raises(ssl.SSLCertVerificationError):
                asyncio.run(shouted(stdlib_context(files.stranger), port))


def test_websockets_with_client_certificates(backend: unitls.Backend, files: Files) -> None:
    need_package("websockets")
    with serving("websockets_server", files, backend, "--client-ca", str(files.folder / "clients.pem")) as (_, port):
        good = stdlib_context(files.ca, *client_certificate(files, "good"))
        assert asyncio.run(shouted(good, port)) == "HELLO"
        bad = stdlib_context(files.ca, *client_certificate(files, "bad"))
        with pytest.raises((OSError, EOFError, need_package("websockets.exceptions").WebSocketException)):
            asyncio.run(shouted(bad, port))


# ---------------------------------------------------------------------------------------------- new certificates


@contextlib.contextmanager
def connected(context: ssl.SSLContext, port: int) -> Iterator[ssl.SSLSocket]:
    with (
        socket.create_connection((ADDRESS, port), DEADLINE) as raw,
        context.wrap_socket(raw, server_hostname=HOST) as connection,
    ):
        yield connection


def exchange(connection: ssl.SSLSocket) -> bytes:
    """Ask something that either server answers, and keep the connection open; gives the first line."""
    connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    answer = b""
    while b"\r\n\r\n" not in answer:
        chunk = connection.recv(4096)
        assert chunk, answer
        answer += chunk
    return answer.splitlines()[0]


RELOADING = {"certificate_reload": b"GET / HTTP/1.1", "uvicorn_server": b"HTTP/1.1 200 OK"}
"""The recipes that take a new certificate, and the first line of their answer."""


@pytest.mark.parametrize("name", RELOADING)
def test_a_certificate_is_reloaded(name: str, backend: unitls.Backend, files: Files, tmp_path: Path) -> None:
    from unitls.testing import CertificateAuthority

    if name == "uvicorn_server":
        need_package("uvicorn")
    authority = CertificateAuthority.create("unitls test successor")
    issued = authority.issue(dns_names=[HOST])
    own, says = Files(tmp_path), RELOADING[name]
    for path in (files.ca, files.stranger, files.chain, files.key):
        shutil.copy(path, tmp_path)
    later = tmp_path / "later.pem"
    later.write_bytes(authority.certificate_pem)
    with serving(name, own, backend) as (program, port), connected(stdlib_context(own.ca), port) as old:
        assert exchange(old) == says
        own.chain.write_bytes(issued.certificate_pem)
        program._process.send_signal(signal.SIGHUP)  # the key does not fit yet
        program.wait_for("kept the old certificate")
        with connected(stdlib_context(own.ca), port) as still:
            assert exchange(still) == says
        own.key.write_bytes(issued.key_pem)
        program._process.send_signal(signal.SIGHUP)
        program.wait_for("the certificate was reloaded")
        with connected(stdlib_context(later), port) as new:
            assert exchange(new) == says
        with pytest.raises(ssl.SSLCertVerificationError), connected(stdlib_context(own.ca), port):
            pass
        if name == "certificate_reload":
            assert exchange(old) == says  # it goes on with what it began with
