"""`unitls.anyio`: the stream of anyio, on asyncio and on trio."""

from __future__ import annotations

import contextlib
import functools
import math
from typing import Any

import pytest
from _contexts import NAME, client_context

import unitls

anyio = pytest.importorskip("anyio")

from unitls.anyio import TLSAttribute, TLSListener, TLSStream, connect_tcp  # noqa: E402 - needs anyio

HOST = "127.0.0.1"
LARGE = bytes(range(256)) * 4000
DEADLINE = 60.0  # far more than anything takes, also on a machine under load


@pytest.fixture(params=["asyncio", "trio"])
def run(request: pytest.FixtureRequest) -> Any:
    """Runs a coroutine function on each of the libraries below anyio."""
    pytest.importorskip(request.param)

    def start(main: Any) -> Any:
        async def limited() -> Any:
            with anyio.fail_after(DEADLINE):
                return await main()

        return anyio.run(limited, backend=request.param)

    return start


def memory_pipe() -> tuple[Any, Any]:
    """Two ends of a stream of bytes in memory."""
    there_send, there = anyio.create_memory_object_stream[bytes](math.inf)
    back_send, back = anyio.create_memory_object_stream[bytes](math.inf)
    return (
        anyio.streams.stapled.StapledObjectStream(there_send, back),
        anyio.streams.stapled.StapledObjectStream(back_send, there),
    )


@contextlib.asynccontextmanager
async def pair(server: Any, client: Any) -> Any:
    """Both ends over memory, after the handshake."""
    ends = memory_pipe()
    found: dict[str, TLSStream] = {}

    async def accept() -> None:
        found["server"] = await TLSStream.wrap(ends[1], server)

    async with anyio.create_task_group() as group:
        group.start_soon(accept)
        found["client"] = await TLSStream.wrap(ends[0], client, server_hostname=NAME)
    try:
        yield found["client"], found["server"]
    finally:
        for end in ends:
            await end.aclose()


async def echo(stream: TLSStream) -> None:
    async with stream:
        async for data in stream:
            await stream.send(data)


@contextlib.asynccontextmanager
async def listening(context: Any, handler: Any = echo, **options: Any) -> Any:
    plain = await anyio.create_tcp_listener(local_host=HOST)
    async with TLSListener(plain, context, **options) as listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, handler)
        yield listener.extra(anyio.abc.SocketAttribute.local_port)
        group.cancel_scope.cancel()


def test_data_over_tcp(run: Any, server: Any, client: Any) -> None:
    async def main() -> None:
        async with listening(server) as port, await connect_tcp(HOST, port, client, server_hostname=NAME) as stream:
            received = bytearray()
            async with anyio.create_task_group() as group:
                group.start_soon(stream.send, LARGE)
                while len(received) < len(LARGE):
                    received += await stream.receive()
            assert received == LARGE
            assert stream.extra(anyio.abc.SocketAttribute.remote_port) == port
            check_attributes(stream)

    run(main)


def check_attributes(stream: TLSStream) -> None:
    assert stream.extra(TLSAttribute.tls) is stream.tls
    assert stream.extra(TLSAttribute.tls_version) is stream.tls.negotiated_tls_version
    assert stream.extra(TLSAttribute.cipher) == stream.tls.cipher()
    assert stream.extra(TLSAttribute.peer_certificate) == stream.tls.getpeercert()
    assert stream.extra(TLSAttribute.alpn_protocol) is None
    assert stream.extra(TLSAttribute.server_side) is False
    assert stream.extra(TLSAttribute.server_name) == NAME


def test_both_directions_end_by_themselves(run: Any, server: Any, client: Any) -> None:
    async def main() -> None:
        async with pair(server, client) as (ours, theirs):
            await ours.send(b"the question")
            await ours.send_eof()
            assert await theirs.receive(3) == b"the"
            assert await theirs.receive() == b" question"
            with pytest.raises(anyio.EndOfStream):
                await theirs.receive()
            await theirs.send(b"the answer")
            await theirs.aclose()
            assert await ours.receive() == b"the answer"
            with pytest.raises(anyio.EndOfStream):
                await ours.receive()

    run(main)


def test_tls_is_taken_off_again(run: Any, server: Any, client: Any) -> None:
    async def main() -> None:
        async with pair(server, client) as (ours, theirs):
            await theirs.send_eof()
            await theirs.transport_stream.send(b"plain again")
            plain, rest = await ours.unwrap()
            assert rest + (b"" if rest else await plain.receive()) == b"plain again"
            with pytest.raises(anyio.ClosedResourceError):
                await ours.receive()

    run(main)


def test_data_instead_of_close_notify_is_not_lost(run: Any, server: Any, client: Any) -> None:
    async def main() -> None:
        async with pair(server, client) as (ours, theirs):
            await theirs.send(b"unread")
            with pytest.raises(anyio.BrokenResourceError):
                await ours.unwrap()
            assert await ours.receive(2) == b"un"
            assert await ours.receive() == b"read"

    run(main)


def test_a_transport_that_ends_without_close_notify(run: Any, server: Any, client: Any) -> None:
    async def main() -> None:
        async with pair(server, client) as (ours, theirs):
            await theirs.send(b"not all")
            await theirs.transport_stream.aclose()
            assert await ours.receive() == b"not all"
            with pytest.raises(anyio.BrokenResourceError) as caught:
                await ours.receive()
            assert isinstance(caught.value.__cause__, unitls.RaggedEOF)

    run(main)


def test_one_task_at_a_time_in_each_direction(run: Any, server: Any, client: Any) -> None:
    async def main() -> None:
        async with pair(server, client) as (ours, _):
            async with anyio.create_task_group() as group:
                group.start_soon(ours.receive)
                await anyio.wait_all_tasks_blocked()
                with pytest.raises(anyio.BusyResourceError):
                    await ours.receive()
                group.cancel_scope.cancel()
            await ours.aclose()
            with pytest.raises(anyio.ClosedResourceError):
                await ours.receive()
            with pytest.raises(anyio.ClosedResourceError):
                await ours.send(b"too late")

    run(main)


def test_a_cancelled_receive_loses_nothing(run: Any, server: Any, client: Any) -> None:
    async def main() -> None:
        async with pair(server, client) as (ours, theirs):
            for _ in range(3):
                with anyio.move_on_after(0.01):
                    await ours.receive()
            await theirs.send(b"still here")
            assert await ours.receive() == b"still here"

    run(main)


def test_an_untrusted_server_is_refused(run: Any, backend: Any, server: Any) -> None:
    unitls.set_default_backend(backend)

    async def main() -> None:
        async with listening(server) as port:
            with pytest.raises(unitls.CertificateVerificationError):
                await connect_tcp(HOST, port, server_hostname=NAME)
            trusting = client_context(backend)
            async with await connect_tcp(HOST, port, trusting, server_hostname=NAME) as stream:
                await stream.send(b"the listener goes on")
                assert await stream.receive() == b"the listener goes on"

    run(main)


@pytest.mark.parametrize("configured", [False, True])
def test_a_peer_that_says_nothing(run: Any, configured: bool, backend: Any) -> None:
    client = client_context(backend, handshake_timeout=0.05 if configured else None)

    async def main() -> None:
        ends = memory_pipe()
        with pytest.raises(TimeoutError):
            await TLSStream.wrap(ends[0], client, server_hostname=NAME, handshake_timeout=None if configured else 0.05)
        async for hello in ends[1]:  # until the end: the transport was closed
            assert hello.startswith(b"\x16")  # there is none where it takes longer to make than the time allows
        await ends[1].aclose()

    run(main)


def test_a_client_without_tls_does_no_harm_to_a_listener(run: Any, server: Any, client: Any) -> None:
    async def main() -> None:
        async with listening(server, handshake_timeout=DEADLINE) as port:
            async with await anyio.connect_tcp(HOST, port) as plain:
                await plain.send(b"GET / HTTP/1.0\r\n\r\n")
                with contextlib.suppress(anyio.EndOfStream, anyio.BrokenResourceError):
                    while await plain.receive():
                        pass
            async with await connect_tcp(HOST, port, client, server_hostname=NAME) as stream:
                await stream.send(b"x")
                assert await stream.receive() == b"x"

    run(main)


def test_a_handshake_that_fails_in_this_program_ends_alone(
    run: Any, server: Any, client: Any, monkeypatch: Any, caplog: Any
) -> None:
    taken, wrap = [], TLSStream.wrap

    async def fail_once(*arguments: Any, **options: Any) -> Any:
        taken.append(arguments)
        if len(taken) == 1:
            await arguments[0].aclose()
            raise unitls.InternalTLSError("a bug")
        return await wrap(*arguments, **options)

    async def main() -> None:
        async with listening(server, handshake_timeout=DEADLINE) as port:
            monkeypatch.setattr(TLSStream, "wrap", fail_once)
            async with await anyio.connect_tcp(HOST, port) as plain:
                with contextlib.suppress(anyio.EndOfStream, anyio.BrokenResourceError):
                    await plain.receive()
            async with await connect_tcp(HOST, port, client, server_hostname=NAME) as stream:
                await stream.send(b"x")
                assert await stream.receive() == b"x"

    run(main)
    assert "a bug" in caplog.text


def test_the_wrong_role_is_refused(run: Any, server: Any, client: Any) -> None:
    async def main() -> None:
        plain = await anyio.create_tcp_listener(local_host=HOST)
        with pytest.raises(unitls.ConfigurationError, match="server context is needed"):
            TLSListener(plain, client)
        with pytest.raises(unitls.ConfigurationError, match="client context is needed"):
            await connect_tcp(HOST, 1, server)
        await plain.aclose()

    run(main)


def test_a_peer_that_does_not_read_while_we_close(run: Any, server: Any, client: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("unitls.anyio.SHUTDOWN_TIMEOUT", 0.05)

    async def main() -> None:
        async with pair(server, client) as (ours, _):

            async def stalls(item: bytes) -> None:
                await anyio.sleep(math.inf)

            ours.transport_stream.send = functools.partial(stalls)
            await ours.aclose()

    run(main)


def stuck(scope: Any) -> Any:
    """The method of a transport that takes nothing more: whoever waits for it in this scope is cancelled."""

    async def send(data: bytes) -> None:
        scope.cancel()
        await anyio.sleep_forever()

    return send


def test_nothing_is_sent_behind_a_send_that_was_broken_off(
    run: Any, server: Any, client: Any, monkeypatch: Any
) -> None:
    async def main() -> None:
        async with pair(server, client) as (ours, theirs):
            with monkeypatch.context() as patched, anyio.CancelScope() as scope:
                patched.setattr(ours.transport_stream, "send", stuck(scope))
                await ours.send(b"cut off")
            with pytest.raises(anyio.BrokenResourceError, match="broken off"):
                await ours.send(b"under the wrong number")
            await theirs.send(b"this way all is well")
            assert await ours.receive() == b"this way all is well"
            await ours.aclose()
            with pytest.raises(anyio.BrokenResourceError) as caught:
                await theirs.receive()
            assert isinstance(caught.value.__cause__, unitls.RaggedEOF)  # and not a record that cannot be decrypted

    run(main)


def test_a_receive_that_is_cancelled_while_it_sends_loses_nothing(
    run: Any, backend: unitls.Backend, server: Any, client: Any, monkeypatch: Any
) -> None:
    if not backend.capabilities.supports(unitls.Feature.KEY_UPDATE):
        pytest.skip(backend.capabilities.reason(unitls.Feature.KEY_UPDATE))

    async def main() -> None:
        async with pair(server, client) as (ours, theirs):
            await theirs.send(b"received all the same")
            assert await ours.receive(8) == b"received"
            ours.tls.update_keys()  # which goes out with whatever comes next
            with monkeypatch.context() as patched, anyio.CancelScope() as scope:
                patched.setattr(ours.transport_stream, "send", stuck(scope))
                await ours.receive()
            assert scope.cancelled_caught
            assert await ours.receive() == b" all the same"

    run(main)


def test_an_answer_does_not_hold_up_reading_while_a_send_waits(
    run: Any, backend: unitls.Backend, server: Any, client: Any, monkeypatch: Any
) -> None:
    """A peer that takes nothing before it has written, and asks for new keys meanwhile, would never be done."""
    if not backend.capabilities.supports(unitls.Feature.KEY_UPDATE):
        pytest.skip(backend.capabilities.reason(unitls.Feature.KEY_UPDATE))

    async def main() -> None:
        async with pair(server, client) as (ours, theirs), anyio.create_task_group() as group:
            send, taking = ours.transport_stream.send, anyio.Event()

            async def later(wire: bytes) -> None:
                await taking.wait()
                await send(wire)

            with monkeypatch.context() as patched:
                patched.setattr(ours.transport_stream, "send", later)
                group.start_soon(ours.send, b"taken late")
                await anyio.wait_all_tasks_blocked()
                ours.tls.update_keys()
                await theirs.send(b"written first")
                with anyio.move_on_after(DEADLINE / 10):
                    assert await ours.receive() == b"written first"
                    taking.set()
                assert taking.is_set()
                assert await theirs.receive() == b"taken late"
                await anyio.wait_all_tasks_blocked()
            assert not ours.tls.outgoing_pending, "the answer went behind what was sent"

    run(main)


def test_names_that_make_no_sense_are_refused_before_anything_is_opened(
    run: Any, client: Any, monkeypatch: Any
) -> None:
    async def opened(*arguments: Any) -> None:
        raise AssertionError("a connection was opened")

    async def main() -> None:
        monkeypatch.setattr(anyio, "connect_tcp", opened)
        with pytest.raises(unitls.ConfigurationError):
            await connect_tcp(HOST, 1, client, valid_subjects=())

    run(main)
