"""How protected connections end, and what the clients make of an end that is none."""

from __future__ import annotations

import contextlib
import io
import socket
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from _servers_common import HOST, Files, server_files
from _servers_scripted import FTPServer, serving

import unitls
from unitls import Feature
from unitls.stdlib import ftplib, http_client, poplib, urllib_request

TIMEOUT = 60.0  # far more than anything takes, also on a machine under load


@pytest.fixture(scope="module")
def files() -> Iterator[Files]:
    """Certificates for this machine."""
    with server_files() as made:
        yield made


@pytest.fixture
def local_server(backend: unitls.Backend, files: Files) -> unitls.ServerContext:
    """A server context with a certificate for this machine."""
    identity = unitls.Identity(unitls.load_chain(files.chain), unitls.PrivateKey.from_file(files.key))
    return backend.server_context(unitls.TLSServerConfiguration(identities=(identity,)))


@pytest.fixture
def local_client(backend: unitls.Backend, files: Files) -> unitls.ClientContext:
    """A client context that trusts its authority."""
    return backend.client_context(unitls.TLSClientConfiguration(trust_store=unitls.TrustStore.from_file(files.ca)))


@contextlib.contextmanager
def _logged_in(server: unitls.ServerContext, client: unitls.ClientContext, ending: str) -> Iterator[Any]:
    with FTPServer(server, ending) as running, ftplib.FTP_TLS(context=client, timeout=TIMEOUT) as ftp:
        ftp.connect(HOST, running.port)
        ftp.login("user", "secret")
        ftp.prot_p()
        yield running, ftp


@pytest.mark.parametrize("method", ["retrbinary", "retrlines"])
def test_a_file_that_may_have_been_cut_short(
    local_server: unitls.ServerContext, local_client: unitls.ClientContext, method: str
) -> None:
    """Without close_notify there is no telling; the reply 226 says only what the server has sent. FTP goes on."""
    with _logged_in(local_server, local_client, "ragged") as (_, ftp):
        with pytest.raises(unitls.RaggedEOF) as caught:
            getattr(ftp, method)("RETR file", lambda _: None)
        assert caught.value.__notes__ == ["the server says: 226 done"]
        assert ftp.voidcmd("NOOP") == "200 good"


def test_an_old_server_can_be_put_up_with(
    local_server: unitls.ServerContext, local_client: unitls.ClientContext
) -> None:
    with _logged_in(local_server, local_client, "ragged") as (running, ftp):
        ftp.trust_ragged_eof = True
        got = io.BytesIO()
        assert ftp.retrbinary("RETR file", got.write) == "226 done"
        assert got.getvalue() == running.content


@pytest.mark.parametrize("size", [0, 1, 300_000])
def test_an_upload_arrives_whole(
    local_server: unitls.ServerContext, local_client: unitls.ClientContext, size: int
) -> None:
    """It ends with close_notify, and is not cut by a reset because of what the client has not read (tickets)."""
    with _logged_in(local_server, local_client, "clean") as (running, ftp):
        assert ftp.storbinary("STOR file", io.BytesIO(b"x" * size)) == "226 done"
        assert running.stored == b"x" * size
        lines: list[str] = []
        assert ftp.retrlines("RETR file", lines.append) == "226 done"
        assert lines == ["one line", "another"]


@pytest.mark.parametrize("command", ["retrbinary", "storbinary"])
def test_a_data_connection_that_the_server_refuses(
    local_server: unitls.ServerContext, local_client: unitls.ClientContext, command: str
) -> None:
    """The error is that of the connection, and what the server says about it is a note."""
    with _logged_in(local_server, local_client, "refused") as (_, ftp):
        other: Any = io.BytesIO(b"x") if command == "storbinary" else lambda _: None
        with pytest.raises((unitls.ConnectionFault, ConnectionError)) as caught:
            getattr(ftp, command)(f"{command[:4].upper()} file", other)
        assert caught.value.__notes__ == ["the server says: 425 I do not like this data connection"]
        assert ftp.voidcmd("NOOP") == "200 good"


def test_data_connections_resume_the_session(
    backend: unitls.Backend, local_server: unitls.ServerContext, local_client: unitls.ClientContext
) -> None:
    """The context stays as it is, or is used as it is where it has a cache for that."""
    if not backend.capabilities.supports(Feature.SESSION_RESUMPTION):
        pytest.skip(backend.capabilities.reason(Feature.SESSION_RESUMPTION))
    with _logged_in(local_server, local_client, "clean") as (_, ftp):
        with ftp.transfercmd("RETR file") as data:
            assert data.session_resumed
            while data.recv(1000):
                pass
        ftp.voidresp()
        assert ftp.context is local_client
        assert local_client.configuration.session_cache is None


def test_a_cache_of_ones_own_is_used(backend: unitls.Backend) -> None:
    if not backend.capabilities.supports(Feature.SESSION_RESUMPTION):
        pytest.skip(backend.capabilities.reason(Feature.SESSION_RESUMPTION))
    cache = ftplib.FTPSessionCache()
    context = backend.client_context(unitls.TLSClientConfiguration(session_cache=cache))
    assert ftplib.with_sessions(context) is context
    other = backend.client_context(unitls.TLSClientConfiguration(session_cache=unitls.SessionCache()))
    assert isinstance(ftplib.with_sessions(other).configuration.session_cache, ftplib.FTPSessionCache)


def test_the_session_cache_knows_servers_by_their_address() -> None:
    owner = object()

    def session(single_use: bool) -> unitls.Session:
        return unitls.Session("native", expires=100, single_use=single_use, owner=owner)

    cache = ftplib.FTPSessionCache()
    used_once = session(True)
    cache.put((owner, "name", ("192.0.2.1", 21)), used_once)
    data = (owner, "name", ("192.0.2.1", 40000))
    assert cache.get((owner, "other", ("192.0.2.1", 40000)), owner, 1) is None
    assert cache.get((owner, "name", ("192.0.2.2", 21)), owner, 1) is None
    assert [cache.get(data, owner, 1) for _ in range(2)] == [used_once, used_once]  # no newer one has come
    assert cache.get(data, object(), 1) is None
    assert cache.get(data, owner, 200) is None
    cache.put(data, newer := session(False))
    assert cache.get(data, owner, 1) is newer
    cache.drop_owner(owner)
    assert cache.get(data, owner, 1) is None
    cache.put(data, session(True))
    cache.get(data, owner, 1)
    cache.clear()
    assert cache.get(data, owner, 1) is None


@pytest.mark.parametrize("length", [b"", b"Content-Length: 5\r\n"], ids=["until the end", "by its length"])
def test_a_body_that_may_have_been_cut_short(
    local_server: unitls.ServerContext, local_client: unitls.ClientContext, length: bytes
) -> None:
    """One that lasts until the end of the connection needs close_notify; one of a known length does not."""

    def serve(connection: Any) -> None:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.0 200 OK\r\n" + length + b"\r\nhello")
        connection._raw.shutdown(socket.SHUT_WR)
        while connection.recv(4096):
            pass

    with serving(local_server, serve) as port:
        client = http_client.HTTPSConnection(HOST, port, context=local_client, timeout=TIMEOUT)
        with contextlib.closing(client):
            client.request("GET", "/")
            response = client.getresponse()
            with contextlib.nullcontext() if length else pytest.raises(unitls.RaggedEOF):
                assert response.read() == b"hello"
            response.close()


def test_to_close_a_lost_connection_is_no_error(
    local_server: unitls.ServerContext, local_client: unitls.ClientContext
) -> None:
    def serve(connection: Any) -> None:
        connection.sendall(b"+OK hi\r\n")
        connection._raw.shutdown(socket.SHUT_WR)
        while connection.recv(4096):
            pass

    with serving(local_server, serve) as port:
        client = poplib.POP3_SSL(HOST, port, context=local_client, timeout=TIMEOUT)
        with pytest.raises(unitls.RaggedEOF):
            client.noop()
        client.close()
        assert client.sock is None


def test_http_1_only(backend: unitls.Backend) -> None:
    if not backend.capabilities.supports(Feature.ALPN):
        pytest.skip(backend.capabilities.reason(Feature.ALPN))
    context = backend.client_context(unitls.TLSClientConfiguration(inner_protocols=(unitls.NextProtocol.H2,)))
    with pytest.raises(unitls.ConfigurationError, match="HTTP/1 only"):
        http_client.HTTPSConnection(HOST, context=context)
    with pytest.raises(unitls.ConfigurationError, match="HTTP/1 only"):
        urllib_request.HTTPSHandler(context=context)


def test_connections_are_audited_as_those_of_the_standard_class(
    local_client: unitls.ClientContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[tuple[Any, ...]] = []
    monkeypatch.setattr(sys, "audit", lambda *event: events.append(event))
    client = ftplib.FTP_TLS(context=local_client, implicit=True)
    with socket.socket() as silent:
        silent.bind((HOST, 0))  # it has the port, and does not listen
        port = silent.getsockname()[1]
        with pytest.raises(ConnectionRefusedError):
            client.connect(HOST, port, timeout=TIMEOUT)
    assert ("ftplib.connect", client, HOST, port) in events
