"""The standard library's own modules, unchanged, with a context of the face: good certificates and bad ones."""

from __future__ import annotations

import asyncio
import ftplib
import gc
import http.client
import imaplib
import poplib
import smtplib
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from _compat import NAME, SECONDS, client_context, echo, files, server_context, serving
from _compat_servers import BODY, FTP, IMAP, POP3, SMTP, https, talking

import unitls
import unitls.compat.ssl as face

HOST = "localhost"  # in the certificate; 127.0.0.2 is not
OWN_NAME = "client.test"  # which a client of SMTP would otherwise ask for, perhaps a server far away
Contexts = tuple[face.SSLContext, str, type[BaseException] | None]


@pytest.fixture(params=["good", "stranger", "other name"])
def case(request: pytest.FixtureRequest, backend: unitls.Backend) -> Contexts:
    """A client's context, the host it asks for, and what it has to raise."""
    trusting = request.param != "stranger"
    host = "127.0.0.2" if request.param == "other name" else HOST
    return (
        client_context(backend, trusting=trusting),
        host,
        None if request.param == "good" else ssl.SSLCertVerificationError,
    )


def attempt(case: Contexts, use: Callable[[face.SSLContext, str], Any]) -> None:
    context, host, refusal = case
    if refusal is None:
        use(context, host)
        return
    with pytest.raises((ssl.SSLError, urllib.error.URLError)) as caught:
        use(context, host)
    error: Any = caught.value
    while not isinstance(error, refusal):
        error = getattr(error, "reason", None) or error.__cause__ or error.__context__
        assert error is not None, caught.value
    gc.collect()


def drop(client: Any) -> None:
    """Close what a client of IMAP or POP3 holds: its own method would shut the socket down, which is gone."""
    for item in (client.file, client.sock):
        if item is not None:
            item.close()


def test_http_client(backend: unitls.Backend, case: Contexts) -> None:
    def use(context: face.SSLContext, host: str) -> None:
        connection = http.client.HTTPSConnection(host, port, context=context, timeout=SECONDS)
        try:
            for _ in range(2):
                connection.request("GET", "/")
                assert connection.getresponse().read() == BODY
            assert isinstance(connection.sock, face.SSLSocket)
        finally:
            connection.close()

    with https(server_context(backend)) as port:
        attempt(case, use)


def test_urllib_request(backend: unitls.Backend, case: Contexts) -> None:
    def use(context: face.SSLContext, host: str) -> None:
        with urllib.request.urlopen(f"https://{host}:{port}/", context=context, timeout=SECONDS) as answer:
            assert answer.read() == BODY

    with https(server_context(backend)) as port:
        attempt(case, use)


def test_smtplib_with_tls_from_the_start(backend: unitls.Backend, case: Contexts) -> None:
    def use(context: face.SSLContext, host: str) -> None:
        with smtplib.SMTP_SSL(host, port, OWN_NAME, context=context, timeout=SECONDS) as client:
            assert client.noop()[0] == 250

    with talking(SMTP, server_context(backend), implicit=True) as port:
        attempt(case, use)


def test_smtplib_with_starttls(backend: unitls.Backend, case: Contexts) -> None:
    def use(context: face.SSLContext, host: str) -> None:
        client = smtplib.SMTP(host, port, OWN_NAME, timeout=SECONDS)
        try:
            assert client.starttls(context=context)[0] == 220
            assert client.noop()[0] == 250
            client.quit()
        finally:
            client.close()

    with talking(SMTP, server_context(backend), implicit=False) as port:
        attempt(case, use)


def test_imaplib(backend: unitls.Backend, case: Contexts) -> None:
    def use(context: face.SSLContext, host: str) -> None:
        client = imaplib.IMAP4(host, port, timeout=SECONDS)
        try:
            client.starttls(context)
            assert client.noop()[0] == "OK"
            client.logout()
        finally:
            drop(client)

    with talking(IMAP, server_context(backend), implicit=False) as port:
        attempt(case, use)
    if case[2] is None:
        with talking(IMAP, server_context(backend), implicit=True) as port:
            client = imaplib.IMAP4_SSL(HOST, port, ssl_context=case[0], timeout=SECONDS)
            assert client.noop()[0] == "OK"
            client.logout()


def test_poplib(backend: unitls.Backend, case: Contexts) -> None:
    def use(context: face.SSLContext, host: str) -> None:
        client = poplib.POP3(host, port, timeout=SECONDS)
        try:
            client.stls(context)
            assert client.noop().startswith(b"+OK")
            client.quit()
        finally:
            drop(client)

    with talking(POP3, server_context(backend), implicit=False) as port:
        attempt(case, use)


def test_ftplib(backend: unitls.Backend, case: Contexts) -> None:
    def use(context: face.SSLContext, host: str) -> None:
        with ftplib.FTP_TLS(context=context, timeout=SECONDS) as client:
            client.connect(host, port)
            client.login("somebody", "something")
            client.prot_p()
            assert client.nlst() == ["one", "two"]
            assert isinstance(client.sock, face.SSLSocket)
            client.ccc()
            assert client.sock.version() is None

    with talking(FTP, server_context(backend), implicit=False) as port:
        attempt(case, use)


# ---------------------------------------------------------------------------------------------- asyncio


async def _shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while line := await reader.readline():
            writer.write(line.upper())
            await writer.drain()
    except (OSError, ssl.SSLError):
        pass
    finally:
        writer.close()


def test_asyncio_streams(backend: unitls.Backend, case: Contexts) -> None:
    async def use(context: face.SSLContext, host: str) -> None:
        server = await asyncio.start_server(_shout, "127.0.0.1", 0, ssl=server_context(backend))
        async with server:
            port = server.sockets[0].getsockname()[1]
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=host)
            big = b"x" * 300_000 + b"\n"
            for line in (b"hello\n", big[:60_000] + b"\n"):
                writer.write(line)
                assert await reader.readline() == line.upper()
            assert isinstance(writer.get_extra_info("ssl_object"), face.SSLObject)
            assert ("DNS", NAME) in writer.get_extra_info("peercert")["subjectAltName"]
            assert writer.get_extra_info("cipher")
            writer.close()
            await writer.wait_closed()

    attempt(case, lambda context, host: asyncio.run(use(context, host)))


def test_asyncio_start_tls(backend: unitls.Backend, case: Contexts) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readline() == b"STARTTLS\n"
        writer.write(b"go ahead\n")
        try:
            await writer.start_tls(server_context(backend))
            await _shout(reader, writer)
        except (OSError, ssl.SSLError):
            writer.close()

    async def use(context: face.SSLContext, host: str) -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b"STARTTLS\n")
            assert await reader.readline() == b"go ahead\n"
            try:
                await writer.start_tls(context, server_hostname=host)
                writer.write(b"hello\n")
                assert await reader.readline() == b"HELLO\n"
            finally:
                writer.close()
            await writer.wait_closed()

    attempt(case, lambda context, host: asyncio.run(use(context, host)))


def test_uvloop(backend: unitls.Backend, case: Contexts) -> None:
    uvloop = pytest.importorskip("uvloop")

    async def use(context: face.SSLContext, host: str) -> None:
        server = await asyncio.start_server(_shout, "127.0.0.1", 0, ssl=server_context(backend))
        async with server:
            port = server.sockets[0].getsockname()[1]
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=host)
            writer.write(b"hello\n")
            assert await reader.readline() == b"HELLO\n"
            writer.close()
            await writer.wait_closed()

    def run(context: face.SSLContext, host: str) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(use(context, host))

    attempt(case, run)


# ---------------------------------------------------------------------------------------------- functions


def test_get_server_certificate(backend: unitls.Backend) -> None:
    with serving(echo(server_context(backend))) as address:
        pem = face.get_server_certificate((HOST, address[1]), ca_certs=files().ca, timeout=SECONDS, backend=backend)
        assert pem == face.get_server_certificate((HOST, address[1]), backend=backend)
        assert pem in open_text(files().chain)
        with pytest.raises(ssl.SSLCertVerificationError):
            face.get_server_certificate(("127.0.0.1", address[1]), ca_certs=files().client_chain, backend=backend)


def open_text(path: str) -> str:
    with open(path) as file:
        return file.read()
