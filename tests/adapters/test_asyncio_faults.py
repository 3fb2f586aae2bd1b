"""What goes wrong on a loop: peers that stall, break off or say nothing, cancelled handshakes; and that nothing is left."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from _contexts import NAME, client_context, server_context
from _loops import both_loops, run
from _protocols import Recorder
from _raw_peer import RawPeer, serving

import unitls
import unitls.asyncio as tls
from unitls.registry import is_named_only
from unitls.testing import load_identities

HOST = "127.0.0.1"
SOON = 0.1  # seconds until something times out that nothing will end


async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A peer that reads, and never answers."""
    while await reader.read(65536):
        pass


async def connect(port: int, context: unitls.ClientContext, make: Any = Recorder, **options: Any) -> Any:
    return await tls.create_connection(make, HOST, port, context=context, server_hostname=NAME, **options)


async def listen(context: unitls.ServerContext, made: list[Any], **options: Any) -> tuple[Any, int]:
    """A TLS server that keeps its protocols in `made`."""

    def make() -> Recorder:
        made.append(Recorder())
        return made[-1]

    server = await tls.create_server(make, HOST, 0, context=context, **options)
    return server, server.sockets[0].getsockname()[1]


async def plain_client(port: int, context: unitls.ClientContext) -> RawPeer:
    """A client that drives TLS by hand, after its handshake."""
    reader, writer = await asyncio.open_connection(HOST, port)
    peer = RawPeer(context, reader, writer, NAME)
    await peer.handshake()
    return peer


# ---------------------------------------------------------------------------------------------- during the handshake


@both_loops
def test_a_server_that_says_nothing(loop: str, client: unitls.ClientContext) -> None:
    async def main() -> None:
        async with serving(say_nothing) as port:
            with pytest.raises(ConnectionAbortedError, match=r"SSL handshake is taking longer than 0\.1 seconds"):
                await connect(port, client, ssl_handshake_timeout=SOON)

    run(main(), loop)


@both_loops
def test_the_limit_of_the_configuration_holds_as_well(loop: str, backend: unitls.Backend) -> None:
    client = client_context(backend, handshake_timeout=SOON)

    async def main() -> None:
        async with serving(say_nothing) as port:
            with pytest.raises(ConnectionAbortedError):
                await connect(port, client, ssl_handshake_timeout=20)

    run(main(), loop)


@both_loops
def test_a_client_that_says_nothing(loop: str, server: unitls.ServerContext, caplog: Any) -> None:
    made: list[Any] = []

    async def main() -> None:
        listener, port = await listen(server, made, ssl_handshake_timeout=SOON)
        reader, writer = await asyncio.open_connection(HOST, port)
        assert await reader.read() == b""
        writer.close()
        listener.close()
        await listener.wait_closed()
        assert made[0].events == []  # no connection was made, so none is lost

    run(main(), loop)
    assert caplog.records == []


@both_loops
def test_a_handshake_is_cancelled(loop: str, client: unitls.ClientContext) -> None:
    async def main() -> None:
        async with serving(say_nothing) as port:
            for steps in range(12):  # wherever it stands
                task = asyncio.create_task(connect(port, client))
                for _ in range(steps):
                    await asyncio.sleep(0)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(connect(port, client), SOON)

    run(main(), loop)


@both_loops
def test_a_connection_is_cancelled_at_every_step(loop: str, server: Any, client: Any) -> None:
    made: list[Any] = []

    async def main() -> None:
        listener, port = await listen(server, made)
        done = 0
        for steps in range(0, 60, 2):
            task = asyncio.create_task(connect(port, client))
            for _ in range(steps):
                await asyncio.sleep(0)
            task.cancel()
            try:
                transport, _ = await task
            except asyncio.CancelledError:
                continue
            done += 1
            transport.abort()
        listener.close()
        await listener.wait_closed()

    run(main(), loop)


@both_loops
def test_nobody_listens(loop: str, client: unitls.ClientContext) -> None:
    async def main() -> None:
        with socket.socket() as silent:
            silent.bind((HOST, 0))  # it has the port, and does not listen
            with pytest.raises(ConnectionRefusedError):
                await connect(silent.getsockname()[1], client)

    run(main(), loop)


@both_loops
def test_a_server_that_closes_at_once(loop: str, client: unitls.ClientContext) -> None:
    async def close(reader: Any, writer: Any) -> None:
        await reader.read(1)

    async def main() -> None:
        async with serving(close) as port:
            with pytest.raises(OSError, match=r"."):  # a ragged end, or a reset
                await connect(port, client)

    run(main(), loop)


@both_loops
def test_a_server_that_ends_in_mid_handshake(loop: str, client: unitls.ClientContext) -> None:
    async def end(reader: Any, writer: Any) -> None:
        await reader.read(65536)
        writer.write(b"\x16\x03\x03\x01\x00half")
        writer.write_eof()
        await reader.read()

    async def main() -> None:
        async with serving(end) as port:
            with pytest.raises(unitls.RaggedEOF):
                await connect(port, client)

    run(main(), loop)


@both_loops
def test_a_server_without_tls(loop: str, client: unitls.ClientContext) -> None:
    async def talk(reader: Any, writer: Any) -> None:
        writer.write(b"220 mail.test ready\r\n" * 4000)  # more than any library waits for
        with contextlib.suppress(ConnectionError):  # the client has not read all of it when it closes
            await reader.read()

    async def main() -> None:
        async with serving(talk) as port:
            with pytest.raises(unitls.ProtocolViolation):
                await connect(port, client)

    run(main(), loop)


@both_loops
def test_a_client_without_tls_and_one_that_leaves(loop: str, server: Any, client: Any) -> None:
    made: list[Any] = []

    async def main() -> None:
        listener, port = await listen(server, made)
        reader, writer = await asyncio.open_connection(HOST, port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        await reader.read()
        writer.close()
        _, writer = await asyncio.open_connection(HOST, port)
        writer.write(b"\x16\x03\x01")
        writer.close()
        transport, protocol = await connect(port, client)  # the server goes on
        transport.close()
        await protocol.lost
        listener.close()
        await listener.wait_closed()
        assert made[0].events == made[1].events == []

    run(main(), loop)


@both_loops
def test_an_untrusted_server_is_refused_and_told_why(loop: str, backend: unitls.Backend, server: Any) -> None:
    nobody = unitls.TrustStore.from_buffer(load_identities().client.certificate_pem)
    client = backend.client_context(unitls.TLSClientConfiguration(trust_store=nobody))
    seen: list[Any] = []

    async def shake(reader: Any, writer: Any) -> None:
        peer = RawPeer(server, reader, writer)
        try:
            await peer.handshake()
            await peer.read()
        except unitls.ConnectionFault as error:
            seen.append(error)

    async def main() -> None:
        async with serving(shake) as port:
            with pytest.raises(unitls.CertificateVerificationError):
                await connect(port, client)
        assert isinstance(seen[0], unitls.PeerAlert)

    run(main(), loop)


@both_loops
def test_a_wrong_name_is_refused(loop: str, server: Any, client: Any) -> None:
    made: list[Any] = []

    async def main() -> None:
        listener, port = await listen(server, made)
        with pytest.raises(unitls.CertificateVerificationError) as caught:
            await tls.create_connection(Recorder, HOST, port, context=client, server_hostname="wrong.test")
        assert caught.value.failure is unitls.VerifyFailure.NAME_MISMATCH
        listener.close()
        await listener.wait_closed()

    run(main(), loop)


@both_loops
def test_a_callback_that_raises_is_reported(loop: str, backend: unitls.Backend, client: Any) -> None:
    def refuse(*arguments: Any) -> None:
        raise ArithmeticError("the callback")

    server = server_context(backend, sni_callback=refuse)
    made: list[Any] = []

    async def main() -> None:
        listener, port = await listen(server, made)
        with pytest.raises(unitls.ConnectionFault):
            await connect(port, client)
        listener.close()
        await listener.wait_closed()

    run(main(), loop)


@both_loops
def test_an_upgrade_that_fails_closes_the_transport(loop: str, client: unitls.ClientContext) -> None:
    async def main() -> None:
        async with serving(say_nothing) as port:
            transport, protocol = await asyncio.get_running_loop().create_connection(Recorder, HOST, port)
            with pytest.raises(ConnectionAbortedError):
                await tls.start_tls(transport, protocol, client, server_hostname=NAME, ssl_handshake_timeout=SOON)
            assert transport.is_closing()
            await protocol.lost
            assert isinstance(protocol.fault, ConnectionAbortedError)

    run(main(), loop)


@both_loops
def test_an_upgrade_of_a_transport_that_is_closed(loop: str, client: unitls.ClientContext) -> None:
    async def main() -> None:
        async with serving(say_nothing) as port:
            transport, protocol = await asyncio.get_running_loop().create_connection(Recorder, HOST, port)
            transport.abort()
            with pytest.raises(ConnectionResetError, match="nothing to upgrade"):
                await tls.start_tls(transport, protocol, client, server_hostname=NAME)

    run(main(), loop)


@both_loops
def test_an_upgrade_of_a_transport_that_is_lost_meanwhile(loop: str, client: unitls.ClientContext) -> None:
    async def main() -> None:
        async with serving(say_nothing) as port:
            transport, protocol = await asyncio.get_running_loop().create_connection(Recorder, HOST, port)
            upgrade = tls.start_tls(transport, protocol, client, server_hostname=NAME)
            asyncio.get_running_loop().call_soon(transport.abort)
            with pytest.raises(ConnectionAbortedError):
                await upgrade
            await protocol.lost

    run(main(), loop)


def test_where_somebody_debugs_every_fault_is_logged(client: Any, caplog: Any) -> None:
    caplog.set_level(logging.DEBUG, logger="unitls")

    async def main() -> None:
        asyncio.get_running_loop().set_debug(True)
        async with serving(say_nothing) as port:
            with pytest.raises(ConnectionAbortedError):
                await connect(port, client, ssl_handshake_timeout=SOON)

    run(main())
    assert "starts the TLS handshake" in caplog.text
    assert "taking longer" in caplog.text


# ---------------------------------------------------------------------------------------------- after the handshake


@both_loops
def test_a_peer_that_ends_without_close_notify(loop: str, server: Any, client: Any) -> None:
    made: list[Any] = []

    async def main() -> None:
        listener, port = await listen(server, made)
        peer = await plain_client(port, client)
        peer.writer.write(peer.encrypted(b"not everything"))
        peer.writer.write_eof()
        await made[0].lost
        assert made[0].data == b"not everything"
        assert made[0].events == ["made", "data", "lost"]
        assert isinstance(made[0].fault, unitls.RaggedEOF)
        await peer.close()
        listener.close()
        await listener.wait_closed()

    run(main(), loop)


@both_loops
def test_a_peer_that_ends_in_mid_record(loop: str, server: Any, client: Any) -> None:
    made: list[Any] = []

    async def main() -> None:
        listener, port = await listen(server, made)
        peer = await plain_client(port, client)
        peer.writer.write(peer.encrypted(b"a whole record") + peer.encrypted(b"half of one")[:-5])
        peer.writer.write_eof()
        await made[0].lost
        assert made[0].data == b"a whole record"
        assert isinstance(made[0].fault, unitls.RaggedEOF)
        await peer.close()
        listener.close()
        await listener.wait_closed()

    run(main(), loop)


@both_loops
def test_a_stream_whose_peer_ends_in_mid_record(loop: str, server: Any, client: Any) -> None:
    faults: list[Any] = []

    async def serve(reader: asyncio.StreamReader, writer: tls.StreamWriter) -> None:
        try:
            await reader.readexactly(1000)
        except OSError as error:
            faults.append(error)
        writer.close()

    async def main() -> None:
        listener = await tls.start_server(serve, HOST, 0, context=server)
        peer = await plain_client(listener.sockets[0].getsockname()[1], client)
        peer.writer.write(peer.encrypted(b"half")[:-1])
        peer.writer.write_eof()
        while not faults:
            await asyncio.sleep(0.001)
        await peer.close()
        listener.close()
        await listener.wait_closed()
        assert isinstance(faults[0], unitls.RaggedEOF)

    run(main(), loop)


@both_loops
def test_a_ragged_end_waits_while_reading_is_paused(loop: str, server: Any, client: Any) -> None:
    made: list[Any] = []

    async def main() -> None:
        listener, port = await listen(server, made)
        peer = await plain_client(port, client)
        await made[0].made
        made[0].transport.pause_reading()
        peer.writer.write(peer.encrypted(b"data"))
        peer.writer.write_eof()
        while not made[0].transport.get_read_buffer_size():
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.01)
        assert made[0].events == ["made"]
        made[0].transport.resume_reading()
        await made[0].lost
        assert made[0].events == ["made", "data", "lost"]
        assert isinstance(made[0].fault, unitls.RaggedEOF)
        await peer.close()
        listener.close()
        await listener.wait_closed()

    run(main(), loop)


@both_loops
def test_garbage_in_the_middle(loop: str, server: Any, client: Any) -> None:
    made: list[Any] = []

    async def main() -> None:
        listener, port = await listen(server, made)
        peer = await plain_client(port, client)
        peer.writer.write(b"\x17\x03\x03\x00\x20" + bytes(32))
        with pytest.raises(unitls.PeerAlert):
            await peer.read()
        await made[0].lost
        assert isinstance(made[0].fault, unitls.ConnectionFault)
        await peer.close()
        listener.close()
        await listener.wait_closed()

    run(main(), loop)


@both_loops
def test_a_peer_that_never_answers_close_notify(loop: str, server: Any, client: Any) -> None:
    made: list[Any] = []

    async def main() -> None:
        listener, port = await listen(server, made, ssl_shutdown_timeout=SOON)
        peer = await plain_client(port, client)
        await made[0].made
        made[0].transport.close()
        assert await peer.read() == b""
        await made[0].lost
        assert isinstance(made[0].fault, TimeoutError)
        assert "SSL shutdown timed out" in str(made[0].fault)
        await peer.close()
        listener.close()
        await listener.wait_closed()

    run(main(), loop)


@both_loops
def test_a_peer_that_sends_on_after_close_notify_and_never_ends(loop: str, server: Any, client: Any) -> None:
    made: list[Any] = []

    async def main() -> None:
        listener, port = await listen(server, made, ssl_shutdown_timeout=SOON)
        peer = await plain_client(port, client)
        await made[0].made
        made[0].transport.close()
        while not made[0].lost.done():
            peer.writer.write(peer.encrypted(b"and another thing"))
            await asyncio.sleep(0.002)
        assert made[0].events == ["made", "lost"]  # nothing is delivered after close()
        assert isinstance(made[0].fault, TimeoutError)
        await peer.close()
        listener.close()
        await listener.wait_closed()

    run(main(), loop)


@both_loops
def test_a_peer_that_closes_the_transport_instead_of_answering(loop: str, server: Any, client: Any) -> None:
    made: list[Any] = []

    async def main() -> None:
        listener, port = await listen(server, made)
        peer = await plain_client(port, client)
        await made[0].made
        made[0].transport.close()
        assert await peer.read() == b""
        await peer.close()
        await made[0].lost
        assert made[0].fault is None  # what it sends is of no interest any more
        listener.close()
        await listener.wait_closed()

    run(main(), loop)


@pytest.mark.parametrize("ends", [False, True], ids=["stalls", "ends and stalls"])
@both_loops
def test_a_peer_that_does_not_read_while_we_close(loop: str, ends: bool, server: Any, client: Any) -> None:
    made: list[Any] = []

    async def main() -> None:
        listener, port = await listen(server, made, ssl_shutdown_timeout=3 * SOON)
        peer = await plain_client(port, client)
        peer.writer.transport.pause_reading()
        await made[0].made
        if ends:
            peer.tls.shutdown()
            peer.flush()
        made[0].transport.write(bytes(20_000_000))
        made[0].transport.close()
        await made[0].lost
        assert isinstance(made[0].fault, TimeoutError)
        peer.writer.transport.abort()
        listener.close()
        await listener.wait_closed()

    run(main(), loop)


def updating_context() -> unitls.ClientContext:
    """A client whose library can ask for new keys."""
    for status in unitls.available_backends():
        if status.available and not is_named_only(status.name):
            backend = unitls.get_backend(status.name)
            if backend.capabilities.supports(unitls.Feature.KEY_UPDATE):
                return client_context(backend)
    pytest.skip("no backend here can ask for new keys")


async def ask_for_keys(peer: RawPeer, times: int) -> None:
    """Ask for new keys again and again, and read none of the answers."""
    for _ in range(times // 100):
        for _ in range(100):
            peer.tls.update_keys()
            peer.tls.write(b"x")  # libraries count how many there are without data between them
        if peer.writer.transport.is_closing():
            return
        peer.flush()
        await asyncio.sleep(0)


async def listen_in_small_pieces(made: list[Any]) -> tuple[Any, RawPeer]:
    """A server, and a client of it that can ask for new keys; the system keeps little of what the server says."""
    listener, port = await listen(server_context(unitls.get_backend()), made)
    listener.sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
    peer = RawPeer(updating_context(), *await asyncio.open_connection(HOST, port, limit=1024), NAME)
    await peer.handshake()
    await made[0].made
    peer.writer.transport.pause_reading()
    return listener, peer


@both_loops
def test_a_peer_that_asks_for_answers_and_takes_none(loop: str) -> None:
    made: list[Any] = []

    async def main() -> None:
        listener, peer = await listen_in_small_pieces(made)
        await ask_for_keys(peer, 40_000)
        lower = made[0].transport._tls.lower
        most = 0
        for _ in range(50):
            most = max(most, lower.get_write_buffer_size())
            await asyncio.sleep(0.002)
        assert most < 400_000  # the answers to all of it are a megabyte
        peer.tls.write(b"the end")
        peer.tls.shutdown()
        peer.flush()
        peer.writer.transport.resume_reading()
        while await peer.reader.read(65536):
            pass
        assert len(made[0].data) == 40_007  # once the answers are taken, all the rest is read
        await peer.close()
        listener.close()
        await listener.wait_closed()

    run(main(), loop)


@both_loops
def test_a_peer_that_asks_for_answers_while_we_close(loop: str) -> None:
    made: list[Any] = []

    async def main() -> None:
        listener, peer = await listen_in_small_pieces(made)
        made[0].transport.write(bytes(1_000_000))
        made[0].transport.close()
        await ask_for_keys(peer, 20_000)
        await asyncio.wait_for(made[0].lost, 10)  # not only when the time for the end is over
        peer.writer.transport.abort()
        listener.close()
        await listener.wait_closed()

    run(main(), loop)


@both_loops
def test_a_peer_that_reads_only_once_it_has_written(loop: str, server: Any, client: Any) -> None:
    made: list[Any] = []
    data = bytes(20_000_000)  # more than the system keeps of a connection

    async def main() -> None:
        listener, port = await listen(server, made)
        peer = await plain_client(port, client)
        peer.writer.transport.pause_reading()
        await made[0].made
        transport = made[0].transport
        transport.pause_reading()
        peer.writer.write(peer.encrypted(data))
        try:
            while transport.get_read_buffer_size() < transport.get_read_buffer_limits()[1]:
                await asyncio.sleep(0.001)
            transport.write(data)
            transport.close()
            await peer.writer.drain()
            peer.writer.transport.resume_reading()
            received = 0
            while more := await peer.read():
                received += len(more)
            assert received == len(data)
        finally:
            peer.writer.transport.abort()
        await made[0].lost
        assert made[0].fault is None
        listener.close()
        await listener.wait_closed()

    run(main(), loop)


@both_loops
def test_a_reset_connection(loop: str, server: Any, client: Any) -> None:
    made: list[Any] = []

    async def main() -> None:
        listener, port = await listen(server, made)
        peer = await plain_client(port, client)
        await made[0].made
        raw = peer.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        peer.writer.transport.abort()
        await made[0].lost
        assert isinstance(made[0].fault, ConnectionResetError)
        listener.close()
        await listener.wait_closed()

    run(main(), loop)


ABRUPT = """
import asyncio, sys
sys.path.insert(0, sys.argv[1])
from _contexts import NAME, client_context, server_context
import unitls, unitls.asyncio as tls

async def serve(reader, writer):
    await reader.read()

async def main():
    backend = unitls.get_backend(sys.argv[2])
    listener = await tls.start_server(serve, "127.0.0.1", 0, context=server_context(backend))
    port = listener.sockets[0].getsockname()[1]
    client = client_context(backend)
    global kept
    kept = await tls.open_connection("127.0.0.1", port, context=client, server_hostname=NAME)
    held = []  # a writer that nobody holds is closed
    silent = await asyncio.start_server(lambda *ends: held.append(ends), "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    asyncio.ensure_future(tls.open_connection("127.0.0.1", port, context=client, server_hostname=NAME))
    await asyncio.sleep(0.05)

asyncio.run(main())
"""


def test_a_program_that_ends_with_everything_open(backend: unitls.Backend) -> None:
    here = str(Path(__file__).parent)
    done = subprocess.run(
        [sys.executable, "-c", ABRUPT, here, backend.name], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
