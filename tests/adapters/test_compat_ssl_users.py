"""Packages that know only `ssl`, unchanged, with a context of the face: good certificates and bad ones, on every backend."""

from __future__ import annotations

import asyncio
import functools
import gc
import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from _compat import SECONDS, client_context, echo, files, server_context, serving
from _compat_servers import BODY, https, redis_server

import unitls
import unitls.compat.ssl as face

HOST = "localhost"
Case = tuple[face.SSLContext, str, bool]


@pytest.fixture(params=["good", "stranger", "other name"])
def case(request: pytest.FixtureRequest, backend: unitls.Backend) -> Case:
    """A client's context, the host it asks for, and whether that is good."""
    trusting = request.param != "stranger"
    host = "127.0.0.2" if request.param == "other name" else HOST
    return client_context(backend, trusting=trusting), host, request.param == "good"


def refused(error: BaseException) -> bool:
    """Whether there is a refused certificate among the causes of an error."""
    waiting: list[Any] = [error]
    for _ in range(50):
        if not waiting:
            return False
        item = waiting.pop()
        if isinstance(item, ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY_FAILED" in str(item):
            return True
        around = [item.__cause__, item.__context__, getattr(item, "reason", None), *item.args]
        waiting += [other for other in around if isinstance(other, BaseException)]
    return False


def attempt(case: Case, use: Callable[[face.SSLContext, str], Any]) -> None:
    context, host, good = case
    try:
        use(context, host)
    except Exception as error:
        if good or not refused(error):
            raise
    else:
        assert good, "it was accepted"
    finally:
        gc.collect()


def one_failure(run: Callable[[], Any]) -> None:
    """Run, and give the exception itself instead of a group around it."""
    try:
        run()
    except BaseExceptionGroup as group:
        failure = group.exceptions[0]
        raise failure from failure.__cause__


def attempt_async(case: Case, use: Callable[[face.SSLContext, str], Awaitable[Any]]) -> None:
    async def run(context: face.SSLContext, host: str) -> None:
        await use(context, host)

    attempt(case, lambda context, host: asyncio.run(run(context, host)))


# ---------------------------------------------------------------------------------------------- urllib3, requests


def test_urllib3(backend: unitls.Backend, case: Case) -> None:
    urllib3 = pytest.importorskip("urllib3")

    def use(context: face.SSLContext, host: str) -> None:
        with urllib3.PoolManager(ssl_context=context, retries=False, timeout=SECONDS) as pool:
            for _ in range(2):
                assert pool.request("GET", f"https://{host}:{port}/").data == BODY

    with https(server_context(backend)) as port:
        attempt(case, use)


def test_requests(backend: unitls.Backend, case: Case) -> None:
    requests = pytest.importorskip("requests")

    class Adapter(requests.adapters.HTTPAdapter):  # type: ignore[misc, name-defined]
        def __init__(self, context: face.SSLContext) -> None:
            self.context = context
            super().__init__()

        def init_poolmanager(self, *arguments: Any, **options: Any) -> Any:
            return super().init_poolmanager(*arguments, ssl_context=self.context, **options)

    def use(context: face.SSLContext, host: str) -> None:
        with requests.Session() as session:
            session.trust_env = False
            session.mount("https://", Adapter(context))
            assert session.get(f"https://{host}:{port}/", timeout=SECONDS).content == BODY

    with https(server_context(backend)) as port:
        attempt(case, use)


# ---------------------------------------------------------------------------------------------- httpx


def test_httpx(backend: unitls.Backend, case: Case) -> None:
    httpx = pytest.importorskip("httpx")

    def use(context: face.SSLContext, host: str) -> None:
        with httpx.Client(verify=context, trust_env=False, timeout=SECONDS) as client:
            for _ in range(2):
                assert client.get(f"https://{host}:{port}/").content == BODY

    with https(server_context(backend)) as port:
        attempt(case, use)


def test_httpx_async(backend: unitls.Backend, case: Case) -> None:
    httpx = pytest.importorskip("httpx")

    async def use(context: face.SSLContext, host: str) -> None:
        async with httpx.AsyncClient(verify=context, trust_env=False, timeout=SECONDS) as client:
            assert (await client.get(f"https://{host}:{port}/")).content == BODY

    with https(server_context(backend)) as port:
        attempt_async(case, use)


def test_httpx_async_on_trio(backend: unitls.Backend, case: Case) -> None:
    httpx, trio = pytest.importorskip("httpx"), pytest.importorskip("trio")

    async def use(context: face.SSLContext, host: str) -> None:
        async with httpx.AsyncClient(verify=context, trust_env=False, timeout=SECONDS) as client:
            assert (await client.get(f"https://{host}:{port}/")).content == BODY

    with https(server_context(backend)) as port:
        attempt(case, lambda context, host: trio.run(use, context, host))


def http2_server(context: face.SSLContext) -> Callable[[socket.socket], None]:
    """One answer over HTTP/2, by the package h2."""
    connection_of, config_of = pytest.importorskip("h2.connection"), pytest.importorskip("h2.config")

    def handle(raw: socket.socket) -> None:
        with context.wrap_socket(raw, server_side=True) as wrapped:
            assert wrapped.selected_alpn_protocol() == "h2"
            http2 = connection_of.H2Connection(config_of.H2Configuration(client_side=False))
            http2.initiate_connection()
            wrapped.sendall(http2.data_to_send())
            while data := wrapped.recv(65536):
                for event in http2.receive_data(data):
                    if type(event).__name__ == "RequestReceived":
                        http2.send_headers(event.stream_id, [(":status", "200")])
                        http2.send_data(event.stream_id, BODY, end_stream=True)
                wrapped.sendall(http2.data_to_send())

    return handle


def test_httpx_over_http2(backend: unitls.Backend, case: Case) -> None:
    httpx = pytest.importorskip("httpx")
    server = server_context(backend)
    server.set_alpn_protocols(["h2"])

    def use(context: face.SSLContext, host: str) -> None:
        with httpx.Client(verify=context, http2=True, trust_env=False, timeout=SECONDS) as client:
            answer = client.get(f"https://{host}:{address[1]}/")
            assert (answer.http_version, answer.content) == ("HTTP/2", BODY)

    with serving(http2_server(server), "0.0.0.0") as address:
        attempt(case, use)


# ---------------------------------------------------------------------------------------------- aiohttp


def test_aiohttp_in_both_roles(backend: unitls.Backend, case: Case) -> None:
    aiohttp, web = pytest.importorskip("aiohttp"), pytest.importorskip("aiohttp.web")

    async def answer(request: Any) -> Any:
        assert request.transport.get_extra_info("ssl_object").server_side
        return web.Response(body=BODY)

    async def use(context: face.SSLContext, host: str) -> None:
        application = web.Application()
        application.router.add_get("/", answer)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, "0.0.0.0", 0, ssl_context=server_context(backend)).start()
            port = runner.addresses[0][1]
            async with (
                aiohttp.ClientSession() as session,
                session.get(f"https://{host}:{port}/", ssl=context) as response,
            ):
                assert await response.read() == BODY
        finally:
            await runner.cleanup()
            await asyncio.sleep(0)

    attempt_async(case, use)


# ---------------------------------------------------------------------------------------------- anyio, trio


def test_anyio_in_both_roles(backend: unitls.Backend, case: Case) -> None:
    anyio = pytest.importorskip("anyio")
    tls = pytest.importorskip("anyio.streams.tls")

    async def shout(stream: Any) -> None:
        try:
            async with stream:
                await stream.send((await stream.receive()).upper())
        except (anyio.BrokenResourceError, anyio.EndOfStream, OSError):
            pass

    async def use(context: face.SSLContext, host: str) -> None:
        plain = await anyio.create_tcp_listener(local_host="0.0.0.0")
        listener = tls.TLSListener(plain, server_context(backend))
        async with listener, anyio.create_task_group() as group:
            group.start_soon(listener.serve, shout)
            try:
                port = plain.extra(anyio.abc.SocketAttribute.local_port)
                stream = await anyio.connect_tcp(host, port, ssl_context=context, tls_hostname=host)
                async with stream:
                    await stream.send(b"hello")
                    assert await stream.receive() == b"HELLO"
                    assert stream.extra(tls.TLSAttribute.tls_version) in ("TLSv1.2", "TLSv1.3")
            finally:
                group.cancel_scope.cancel()

    attempt(case, lambda context, host: one_failure(lambda: anyio.run(use, context, host)))


def test_trio_in_both_roles(backend: unitls.Backend, case: Case) -> None:
    trio = pytest.importorskip("trio")

    async def shout(stream: Any) -> None:
        try:
            async with stream:
                await stream.send_all((await stream.receive_some()).upper())
        except trio.BrokenResourceError:
            pass

    serve = functools.partial(trio.serve_ssl_over_tcp, shout, 0, server_context(backend), host="0.0.0.0")

    async def use(context: face.SSLContext, host: str) -> None:
        async with trio.open_nursery() as nursery:
            (listener,) = await nursery.start(serve)
            try:
                port = listener.transport_listener.socket.getsockname()[1]
                raw = await trio.open_tcp_stream(host, port)
                stream = trio.SSLStream(raw, context, server_hostname=host)
                async with stream:
                    await stream.send_all(b"hello")
                    assert await stream.receive_some() == b"HELLO"
                    assert stream.selected_alpn_protocol() is None
            finally:
                nursery.cancel_scope.cancel()

    attempt(case, lambda context, host: one_failure(lambda: trio.run(use, context, host)))


def test_trio_sees_an_end_without_close_notify(backend: unitls.Backend) -> None:
    trio = pytest.importorskip("trio")
    testing = pytest.importorskip("trio.testing")

    async def use() -> None:
        near, far = testing.memory_stream_pair()
        client = trio.SSLStream(near, client_context(backend), server_hostname=HOST)
        server = trio.SSLStream(far, server_context(backend), server_side=True)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(client.do_handshake)
            nursery.start_soon(server.do_handshake)
        await server.send_all(b"x")
        assert await client.receive_some() == b"x"
        await far.aclose()
        with pytest.raises(trio.BrokenResourceError):
            await client.receive_some()

    trio.run(use)


def test_trio_unwraps(backend: unitls.Backend) -> None:
    trio = pytest.importorskip("trio")
    testing = pytest.importorskip("trio.testing")

    async def use() -> None:
        near, far = testing.memory_stream_pair()
        client = trio.SSLStream(near, client_context(backend), server_hostname=HOST)
        server = trio.SSLStream(far, server_context(backend), server_side=True)

        async def end() -> None:
            plain, early = await server.unwrap()
            assert early == b""
            await plain.send_all(b"in the clear")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(client.do_handshake)
            nursery.start_soon(server.do_handshake)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(end)
            plain, early = await client.unwrap()
        assert early + (b"" if early else await plain.receive_some()) == b"in the clear"

    trio.run(use)


# ---------------------------------------------------------------------------------------------- redis


def test_redis(backend: unitls.Backend, case: Case) -> None:
    redis = pytest.importorskip("redis")

    class Connection(redis.SSLConnection):  # type: ignore[misc, name-defined]
        """It makes its own context from names of files: here it is given one."""

        context: Any = None

        def _wrap_socket_with_ssl(self, sock: Any) -> Any:
            return self.context.wrap_socket(sock, server_hostname=self.host)

    def use(context: face.SSLContext, host: str) -> None:
        Connection.context = context
        pool = redis.ConnectionPool(
            connection_class=Connection, host=host, port=address[1], socket_timeout=SECONDS, protocol=2, retry=None
        )
        with redis.Redis(connection_pool=pool) as client:
            assert client.ping() is True
        pool.disconnect()

    with serving(redis_server(server_context(backend)), "0.0.0.0") as address:
        attempt(case, use)


def test_the_echo_server_is_good(backend: unitls.Backend) -> None:
    """What the others are measured by: Python's own module talks to the same servers."""
    with serving(echo(server_context(backend))) as address:
        raw = socket.create_connection(address, SECONDS)
        with ssl.create_default_context(cafile=files().ca).wrap_socket(raw, server_hostname=HOST) as connection:
            connection.sendall(b"x")
            assert connection.recv(1) == b"X"
