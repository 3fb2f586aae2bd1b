"""`unitls.asyncio` with protocols: what they are told and when, flow control in both directions, and faults of their own."""

from __future__ import annotations

import asyncio
import tempfile
from typing import Any

import pytest
from _contexts import NAME, client_context
from _loops import both_loops, run
from _protocols import Filled, Pair, Recorder

import unitls
import unitls.asyncio as tls

MEGABYTE = 1 << 20


@pytest.fixture
def pair(server: unitls.ServerContext, client: unitls.ClientContext) -> Pair:
    return Pair(server, client, NAME)


@both_loops
def test_the_life_of_a_connection_in_order(loop: str, pair: Pair) -> None:
    async def main() -> None:
        async with pair:
            pair.client.transport.write(b"question")
            assert await pair.server.received(8) == b"question"
            pair.server.transport.write(b"answer")
            assert await pair.client.received(6) == b"answer"
            pair.client.transport.close()
            assert pair.client.transport.is_closing()
            await asyncio.gather(pair.client.lost, pair.server.lost)
            assert pair.client.events == ["made", "data", "lost"]
            assert pair.server.events == ["made", "data", "eof", "lost"]
            assert pair.client.fault is pair.server.fault is None

    run(main(), loop)


@both_loops
def test_abort_is_no_clean_end(loop: str, pair: Pair) -> None:
    async def main() -> None:
        async with pair:
            pair.client.transport.abort()
            await asyncio.gather(pair.client.lost, pair.server.lost)
            assert pair.client.fault is None
            assert pair.server.events == ["made", "lost"]
            assert isinstance(pair.server.fault, OSError)  # a ragged end, or a reset

    run(main(), loop)


@both_loops
def test_both_directions_end_by_themselves(loop: str, pair: Pair) -> None:
    pair.make_server = pair.make_client = lambda: Recorder(keep_open=True)

    async def main() -> None:
        async with pair:
            pair.client.transport.write(b"all")
            pair.client.transport.write_eof()
            pair.client.transport.write_eof()  # a second time does nothing
            with pytest.raises(RuntimeError, match="write_eof"):
                pair.client.transport.write(b"more")
            await pair.server.ended
            pair.server.transport.write(b"still open")
            assert await pair.client.received(10) == b"still open"
            pair.server.transport.write_eof()
            await pair.client.ended
            assert not pair.client.transport.is_closing()
            pair.client.transport.close()
            pair.server.transport.close()
            await asyncio.gather(pair.client.lost, pair.server.lost)
            assert pair.client.fault is pair.server.fault is None

    run(main(), loop)


@both_loops
def test_a_protocol_with_a_buffer_of_its_own(loop: str, pair: Pair) -> None:
    pair.make_server = Filled
    data = bytes(range(256)) * 500

    async def main() -> None:
        async with pair:
            pair.client.transport.write(data)
            pair.client.transport.write_eof()
            await pair.server.ended
            assert pair.server.data == data
            await pair.server.lost

    run(main(), loop)


@both_loops
def test_pieces_are_sent_as_one(loop: str, pair: Pair) -> None:
    async def main() -> None:
        async with pair:
            pair.client.transport.writelines([b"one ", bytearray(b"two "), memoryview(b"three")])
            pair.client.transport.writelines([])
            pair.client.transport.write(b"")
            assert await pair.server.received(13) == b"one two three"
            with pytest.raises(TypeError, match="bytes-like"):
                pair.client.transport.write("text")
            words = memoryview(bytearray(8)).cast("I")
            pair.client.transport.write(words)
            assert len(await pair.server.received(21)) == 21

    run(main(), loop)


# ---------------------------------------------------------------------------------------------- flow control


@both_loops
def test_a_writer_is_told_to_wait_while_the_peer_does_not_read(loop: str, pair: Pair) -> None:
    async def main() -> None:
        async with pair:
            pair.server.transport.pause_reading()
            assert not pair.server.transport.is_reading()
            sent = 0
            while "pause" not in pair.client.events:
                pair.client.transport.write(bytes(100_000))
                sent += 100_000
                await asyncio.sleep(0)
                assert sent < 100 * MEGABYTE
            assert pair.client.transport.get_write_buffer_size() > 512 * 1024
            assert pair.server.data == b""
            # What the paused end holds is bounded: a receive buffer beyond the mark, not all that was sent.
            assert pair.server.transport.get_read_buffer_size() < 1 * MEGABYTE
            pair.server.transport.resume_reading()
            assert len(await pair.server.received(sent)) == sent
            while pair.client.events[-1] != "resume":
                await asyncio.sleep(0)
            assert pair.client.events[-2:] == ["pause", "resume"]
            assert pair.client.transport.get_write_buffer_size() == 0

    run(main(), loop)


@both_loops
def test_water_marks(loop: str, pair: Pair) -> None:
    async def main() -> None:
        async with pair:
            transport = pair.client.transport
            assert transport.get_write_buffer_limits() == (128 * 1024, 512 * 1024)
            assert transport.get_read_buffer_limits() == (64 * 1024, 256 * 1024)
            transport.set_write_buffer_limits(high=1000)
            transport.set_read_buffer_limits(low=50)
            assert transport.get_write_buffer_limits() == (250, 1000)
            assert transport.get_read_buffer_limits() == (50, 200)
            for change in (transport.set_write_buffer_limits, transport.set_read_buffer_limits):
                with pytest.raises(ValueError, match="must be >="):
                    change(high=1, low=2)
            pair.server.transport.pause_reading()
            transport.write(bytes(20 * MEGABYTE))
            assert pair.client.events[-1] == "pause"
            pair.server.transport.resume_reading()
            await pair.server.received(20 * MEGABYTE)
            while pair.client.events[-1] != "resume":
                await asyncio.sleep(0)

    run(main(), loop)


@both_loops
def test_nothing_is_delivered_while_reading_is_paused(loop: str, pair: Pair) -> None:
    async def main() -> None:
        async with pair:
            pair.server.transport.pause_reading()
            pair.client.transport.write(b"later")
            pair.client.transport.close()
            while not pair.server.transport.get_read_buffer_size():
                await asyncio.sleep(0.001)
            assert pair.server.events == ["made"]
            pair.server.transport.resume_reading()
            pair.server.transport.resume_reading()
            await asyncio.gather(pair.server.lost, pair.client.lost)
            assert pair.server.events == ["made", "data", "eof", "lost"]
            assert pair.server.data == b"later"

    run(main(), loop)


@both_loops
def test_an_end_behind_data_waits_while_reading_is_paused(loop: str, pair: Pair) -> None:
    class Pausing(Recorder):
        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self.transport.pause_reading()

    pair.make_server = Pausing

    async def main() -> None:
        async with pair:
            pair.client.transport.write(b"data")
            pair.client.transport.close()  # both in one piece
            await pair.server.received(4)
            for _ in range(5):
                await asyncio.sleep(0)
            assert pair.server.events == ["made", "data"]
            pair.server.transport.resume_reading()
            await asyncio.gather(pair.server.lost, pair.client.lost)
            assert pair.server.events == ["made", "data", "eof", "lost"]

    run(main(), loop)


def test_a_file_is_sent(pair: Pair) -> None:
    data = bytes(range(256)) * 4096

    async def main() -> None:
        async with pair:
            with tempfile.TemporaryFile() as file:
                file.write(data)
                file.seek(0)
                loop = asyncio.get_running_loop()
                assert await loop.sendfile(pair.client.transport, file) == len(data)
            assert await pair.server.received(len(data)) == data

    run(main())


# ---------------------------------------------------------------------------------------------- other protocols, faults


@both_loops
def test_another_protocol_takes_over(loop: str, pair: Pair) -> None:
    async def main() -> None:
        async with pair:
            successor = Filled()
            pair.server.transport.set_protocol(successor)
            assert pair.server.transport.get_protocol() is successor
            pair.client.transport.write(b"for the successor")
            pair.client.transport.close()
            await successor.ended
            await successor.lost
            assert successor.data == b"for the successor"
            assert pair.server.events == ["made"]

    run(main(), loop)


@pytest.mark.parametrize("method", ["connection_made", "data_received", "eof_received"])
@both_loops
def test_what_a_protocol_raises_ends_its_connection_and_is_reported(loop: str, method: str, pair: Pair) -> None:
    class Broken(Recorder):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._break("connection_made")

        def data_received(self, data: bytes) -> None:
            self._break("data_received")

        def eof_received(self) -> bool:
            self._break("eof_received")
            return False

        def _break(self, here: str) -> None:
            if here == method:
                raise ArithmeticError(here)

    pair.make_server = Broken
    complaints: list[Any] = []

    async def main() -> None:
        async with pair:
            pair.client.transport.write(b"data")
            pair.client.transport.write_eof()
            await pair.server.lost
            await pair.client.lost
            assert isinstance(pair.server.fault, ArithmeticError)

    run(main(), loop, complaints=complaints)
    (complaint,) = complaints
    assert isinstance(complaint["exception"], ArithmeticError)
    assert method in complaint["message"]


@both_loops
def test_what_pause_writing_raises_is_reported_and_goes_on(loop: str, pair: Pair) -> None:
    class Broken(Recorder):
        def pause_writing(self) -> None:
            raise ArithmeticError

    pair.make_client = Broken
    complaints: list[Any] = []

    async def main() -> None:
        async with pair:
            pair.client.transport.write(bytes(20 * MEGABYTE))
            await pair.server.received(20 * MEGABYTE)

    run(main(), loop, complaints=complaints)
    assert [item["message"] for item in complaints] == ["protocol.pause_writing() failed"]


@both_loops
def test_a_lost_transport_takes_nothing_and_says_what_it_is(loop: str, pair: Pair, caplog: Any) -> None:
    async def main() -> None:
        async with pair:
            transport = pair.client.transport
            pair.server.transport.close()
            await pair.client.lost
            assert transport.is_closing()
            assert not transport.is_reading()
            for _ in range(10):
                transport.write(b"too late")
            transport.close()
            transport.abort()
            transport.write_eof()
            transport.pause_reading()
            transport.resume_reading()
            assert transport.get_extra_info("peername", "gone") == "gone"
            assert transport.tls is not None
            assert "closing" in repr(transport)

    run(main(), loop)
    assert "closed; what is written to it is lost" in caplog.text


def test_an_unclosed_transport_is_warned_of(client: Any) -> None:
    from unitls.asyncio._limits import Timeouts
    from unitls.asyncio._protocol import TLSProtocol
    from unitls.asyncio._wrapping import Wrapping

    async def main() -> None:
        loop = asyncio.get_running_loop()
        protocol: Any = TLSProtocol(loop, asyncio.Protocol(), Wrapping(client, NAME), Timeouts())
        assert protocol.transport is protocol.transport
        with pytest.warns(ResourceWarning, match="unclosed transport"):
            protocol.transport.__del__()

    run(main())


@both_loops
def test_keys_are_updated_at_once(loop: str, pair: Pair, backend: unitls.Backend) -> None:
    if not backend.capabilities.supports(unitls.Feature.KEY_UPDATE):
        pytest.skip(backend.capabilities.reason(unitls.Feature.KEY_UPDATE) or "")

    async def main() -> None:
        async with pair:
            pair.client.transport.update_keys()
            pair.client.transport.write(b"under new keys")
            assert await pair.server.received(14) == b"under new keys"
            pair.server.transport.write(b"likewise")
            assert await pair.client.received(8) == b"likewise"

    run(main(), loop)


# ---------------------------------------------------------------------------------------------- session tickets


@both_loops
def test_a_session_is_resumed(loop: str, backend: unitls.Backend, server: unitls.ServerContext) -> None:
    for feature in (unitls.Feature.SESSION_RESUMPTION, unitls.Feature.RESUMPTION_INFORMATION):
        if not backend.capabilities.supports(feature):
            pytest.skip(backend.capabilities.reason(feature) or "")
    client = client_context(backend, session_cache=unitls.SessionCache())

    async def main() -> None:
        listener = await tls.create_server(Answer, "127.0.0.1", 0, context=server)
        port = listener.sockets[0].getsockname()[1]
        resumed = []
        for _ in range(2):
            transport, protocol = await tls.create_connection(
                Recorder, "127.0.0.1", port, context=client, server_hostname=NAME
            )
            transport.write(b"question")
            await protocol.received(6)
            assert transport.tls is not None
            resumed.append(transport.tls.session_resumed)
            transport.close()
            await protocol.lost
        listener.close()
        await listener.wait_closed()
        assert resumed == [False, True]

    run(main(), loop)


class Answer(asyncio.Protocol):
    """Answers everything with "answer", a moment later, as a task would."""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        asyncio.get_running_loop().call_soon(self._transport.write, b"answer")


@pytest.mark.parametrize("how", ["a second message", "time"])
def test_tickets_go_out_where_a_server_has_no_answer(how: str, pair: Pair, server: Any) -> None:
    """They wait for the first answer, but not for ever."""

    async def main() -> None:
        async with pair:
            if pair.server.transport.tls.negotiated_tls_version is not unitls.TLSVersion.TLSv1_3:
                pytest.skip("only TLS 1.3 sends tickets behind the handshake")
            lower = pair.server.transport._tls
            if not lower._buffer.outgoing_pending:
                pytest.skip("this library sends its tickets by other means, or none")
            if how == "a second message":
                pair.client.transport.write(b"1")
                await pair.server.received(1)
                pair.client.transport.write(b"2")
                await pair.server.received(2)
            else:
                assert not lower._timer.cancelled()
                lower._timer._run()  # the time of the handshake is over: a minute later, for which nobody has to wait
            while lower._buffer.outgoing_pending:
                await asyncio.sleep(0.01)
            assert pair.server.events[-1] in ("made", "data")
            pair.client.transport.close()
            await pair.client.lost

    run(main())


def test_what_a_backend_lacks_is_refused(pair: Pair, backend: unitls.Backend) -> None:
    async def main() -> None:
        async with pair:
            for feature, method in (
                (unitls.Feature.KEY_UPDATE, "update_keys"),
                (unitls.Feature.POST_HANDSHAKE_AUTHENTICATION, "request_client_certificate"),
            ):
                if not backend.capabilities.supports(feature):
                    with pytest.raises(unitls.UnsupportedFeature):
                        getattr(pair.server.transport, method)()

    run(main())


def test_the_face_of_a_transport() -> None:
    assert issubclass(tls.TLSTransport, asyncio.Transport)
    assert tls.__all__ == sorted(tls.__all__)
    for name in tls.__all__:
        assert getattr(tls, name).__doc__
