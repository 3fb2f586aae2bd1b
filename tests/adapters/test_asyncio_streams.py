"""`unitls.asyncio` with streams: data, ends, information, upgrades, TLS in TLS, on both loops."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest
from _contexts import NAME, client_context, server_context
from _loops import both_loops, run
from _raw_peer import serving

import unitls
import unitls.asyncio as tls

HOST = "127.0.0.1"
LARGE = bytes(range(256)) * 8000  # two megabytes: more than any buffer on the way


async def echo(reader: asyncio.StreamReader, writer: tls.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()
    await writer.wait_closed()


@contextlib.asynccontextmanager
async def server_of(context: unitls.ServerContext, connected: Any = echo, **options: Any) -> Any:
    server = await tls.start_server(connected, HOST, 0, context=context, **options)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


async def opened(port: int, context: unitls.ClientContext, **options: Any) -> Any:
    return await tls.open_connection(HOST, port, context=context, server_hostname=NAME, **options)


async def closed(writer: Any) -> None:
    writer.close()
    await writer.wait_closed()


@both_loops
def test_data_goes_both_ways(loop: str, server: unitls.ServerContext, client: unitls.ClientContext) -> None:
    async def main() -> None:
        async with server_of(server) as port:
            reader, writer = await opened(port, client)
            for message in (b"a", b"several words", b"x" * 16384, b"y" * 16385):
                writer.write(message)
                assert await reader.readexactly(len(message)) == message
            await closed(writer)

    run(main(), loop)


@both_loops
def test_much_data_goes_both_ways_at_once(loop: str, server: Any, client: Any) -> None:
    async def main() -> None:
        async with server_of(server) as port:
            reader, writer = await opened(port, client)

            async def send() -> None:
                for start in range(0, len(LARGE), 100_000):
                    writer.write(LARGE[start : start + 100_000])
                    await writer.drain()

            received, _ = await asyncio.gather(reader.readexactly(len(LARGE)), send())
            assert received == LARGE
            await closed(writer)

    run(main(), loop)


@both_loops
def test_one_huge_write_arrives_whole(loop: str, server: Any, client: Any) -> None:
    async def main() -> None:
        async with server_of(server) as port:
            reader, writer = await opened(port, client)
            mutable = bytearray(LARGE)
            writer.write(mutable)
            mutable[:] = bytes(len(mutable))  # what was written is ours no more
            writer.write(memoryview(b"and the end"))
            assert await reader.readexactly(len(LARGE)) == LARGE
            assert await reader.readexactly(11) == b"and the end"
            await closed(writer)

    run(main(), loop)


@both_loops
def test_the_end_of_one_direction_leaves_the_other_open(loop: str, server: Any, client: Any) -> None:
    async def answer_the_whole(reader: asyncio.StreamReader, writer: tls.StreamWriter) -> None:
        request = await reader.read()
        writer.write(b"%d bytes" % len(request))
        await closed(writer)

    async def main() -> None:
        async with server_of(server, answer_the_whole) as port:
            reader, writer = await opened(port, client)
            assert writer.can_write_eof()
            writer.write(LARGE)
            writer.write_eof()
            assert await reader.read() == b"%d bytes" % len(LARGE)
            await closed(writer)

    run(main(), loop)


@both_loops
def test_what_is_written_before_closing_arrives(loop: str, server: Any, client: Any) -> None:
    async def say_much(reader: asyncio.StreamReader, writer: tls.StreamWriter) -> None:
        writer.write(LARGE)
        await closed(writer)

    async def main() -> None:
        async with server_of(server, say_much) as port:
            reader, writer = await opened(port, client)
            assert await reader.read() == LARGE
            await closed(writer)

    run(main(), loop)


@both_loops
def test_a_connection_tells_about_itself(loop: str, backend: unitls.Backend) -> None:
    server = server_context(backend, inner_protocols=(unitls.NextProtocol.H2,))
    client = client_context(backend, inner_protocols=(unitls.NextProtocol.H2, unitls.NextProtocol.HTTP1))
    served: list[Any] = []

    async def remember(reader: asyncio.StreamReader, writer: tls.StreamWriter) -> None:
        served.append((writer.tls, writer.get_extra_info("peername"), writer.get_extra_info("ssl_object").server_side))
        await echo(reader, writer)

    async def main() -> None:
        async with server_of(server, remember) as port:
            _, writer = await opened(port, client)
            _check_information(writer, client, port)
            await closed(writer)
            assert served[0][1] == own_name
            assert served[0][2] is True
            assert served[0][0].server_side is True

    own_name: Any = None

    def _check_information(writer: tls.StreamWriter, context: unitls.ClientContext, port: int) -> None:
        nonlocal own_name
        info = writer.get_extra_info
        own_name = info("sockname")
        assert info("peername") == (HOST, port)
        assert info("socket").getpeername() == (HOST, port)
        assert info("sslcontext") is context
        assert info("compression") is None
        assert info("nothing of the kind", "default") == "default"
        connection = writer.tls
        assert connection is info("tls")
        assert connection is not None
        assert connection.negotiated_protocol() is unitls.NextProtocol.H2
        assert info("peercert") == connection.getpeercert()
        assert info("peercert").startswith(b"\x30")
        assert info("alpn_protocol") == "h2"
        name, version, bits = info("cipher")
        assert unitls.CipherSuite[name] == connection.cipher()
        assert version == connection.negotiated_tls_version.name.replace("_", ".")  # type: ignore[union-attr]
        assert bits in (128, 256)
        assert writer.transport.get_protocol() is not None
        _check_ssl_object(info("ssl_object"), connection, context)

    def _check_ssl_object(found: Any, connection: Any, context: Any) -> None:
        assert isinstance(found, tls.ConnectionInformation)
        assert found.selected_alpn_protocol() == "h2"
        assert found.version() in ("TLSv1.2", "TLSv1.3")
        assert found.getpeercert(True) == connection.getpeercert()
        assert found.server_hostname == NAME
        assert found.server_side is False
        assert found.context is context
        assert found.compression() is None
        assert found.session_reused in (False, None)
        with pytest.raises(unitls.UnsupportedFeature):
            found.getpeercert(False)

    run(main(), loop)


def test_a_client_needs_a_name(client: unitls.ClientContext) -> None:
    async def main() -> None:
        with pytest.raises(unitls.ConfigurationError):
            await tls.open_connection(sock=object(), context=client)

    run(main())


@pytest.mark.parametrize("option", ["ssl_handshake_timeout", "ssl_shutdown_timeout"])
@pytest.mark.parametrize("value", [0, -1])
def test_a_timeout_is_positive(option: str, value: float, client: Any, server: Any) -> None:
    async def main() -> None:
        options: dict[str, Any] = {option: value}
        with pytest.raises(ValueError, match=f"{option} should be a positive number"):
            await tls.open_connection(HOST, 1, context=client, **options)
        with pytest.raises(ValueError, match=f"{option} should be a positive number"):
            await tls.start_server(echo, HOST, 0, context=server, **options)

    run(main())


def test_a_context_of_the_other_role_is_refused(client: Any, server: Any) -> None:
    async def main() -> None:
        with pytest.raises(unitls.ConfigurationError, match="client context is needed"):
            await tls.open_connection(HOST, 1, context=server)
        with pytest.raises(unitls.ConfigurationError, match="server context is needed"):
            await tls.start_server(echo, HOST, 0, context=client)
        with pytest.raises(unitls.ConfigurationError, match="context of unitls"):
            await tls.start_server(echo, HOST, 0, context=object())  # type: ignore[arg-type]
        with pytest.raises(unitls.ConfigurationError, match="called context"):
            await tls.open_connection(HOST, 1, ssl=True)

    run(main())


def test_a_client_without_a_context_uses_the_default_one_and_so_trusts_no_stranger(backend: Any, server: Any) -> None:
    unitls.set_default_backend(backend)

    async def main() -> None:
        async with server_of(server) as port:
            with pytest.raises(unitls.CertificateVerificationError) as caught:
                await tls.open_connection(HOST, port, server_hostname=NAME)
            assert caught.value.failure is unitls.VerifyFailure.UNKNOWN_ISSUER

    run(main())


def test_a_server_goes_on_with_new_certificates(backend: unitls.Backend, client: Any) -> None:
    from unitls.testing import load_identities

    issued = load_identities().second_server
    context = server_context(backend)

    async def peer_certificate(port: int) -> Any:
        _, writer = await tls.open_connection(HOST, port, context=client, valid_subjects=names)
        found = writer.get_extra_info("peercert")
        await closed(writer)
        return found

    names = [unitls.DNSName("server.test"), unitls.DNSName("www.other.test"), unitls.DNSName("other.test")]

    async def main() -> None:
        async with server_of(context) as port:
            before = await peer_certificate(port)
            chain = [unitls.Certificate.from_buffer(der) for der in issued.chain]
            new = unitls.Identity(chain, unitls.PrivateKey.from_buffer(issued.key_pem))
            context.configuration = unitls.TLSServerConfiguration(identities=(new,))
            assert await peer_certificate(port) != before

    run(main())


# ---------------------------------------------------------------------------------------------- upgrades


async def talk_plainly(reader: Any, writer: Any, context: unitls.ServerContext) -> None:
    """A server with STARTTLS, on asyncio's own streams."""
    assert await reader.readline() == b"STARTTLS\n"
    writer.write(b"go ahead\n")
    await tls.upgrade(writer, context)
    writer.write(b"echo: " + await reader.readline())
    assert await reader.read() == b""


@both_loops
def test_a_stream_is_upgraded_in_both_roles(loop: str, server: Any, client: Any) -> None:
    async def main() -> None:
        async with serving(lambda reader, writer: talk_plainly(reader, writer, server)) as port:
            reader, writer = await asyncio.open_connection(HOST, port)
            writer.write(b"STARTTLS\n")
            assert await reader.readline() == b"go ahead\n"
            await tls.upgrade(writer, client, server_hostname=NAME)
            assert writer.get_extra_info("tls").negotiated_tls_version is not None
            writer.write(b"hello\n")
            assert await reader.readline() == b"echo: hello\n"
            await closed(writer)

    run(main(), loop)


@both_loops
def test_what_was_buffered_in_front_of_tls_is_refused(loop: str, server: Any, client: Any) -> None:
    async def inject(reader: Any, writer: Any) -> None:
        await reader.readline()
        writer.write(b"go ahead\n250 injected\n")
        assert await reader.read() == b""  # no ClientHello

    async def main() -> None:
        async with serving(inject) as port:
            reader, writer = await asyncio.open_connection(HOST, port)
            writer.write(b"STARTTLS\n")
            assert await reader.readline() == b"go ahead\n"
            with pytest.raises(unitls.ProtocolViolation, match="injected"):
                await tls.upgrade(writer, client, server_hostname=NAME)
            writer.close()

    run(main(), loop)


@both_loops
def test_tls_in_tls(loop: str, server: Any, client: Any) -> None:
    async def upgrading(reader: asyncio.StreamReader, writer: tls.StreamWriter) -> None:
        writer.write(b"go ahead\n")  # what the client sent before would be refused as plaintext in front of TLS
        await writer.start_tls(server)
        await echo(reader, writer)

    async def main() -> None:
        async with server_of(server, upgrading) as port:
            reader, writer = await opened(port, client)
            outer = writer.tls
            assert await reader.readline() == b"go ahead\n"
            await writer.start_tls(client, server_hostname=NAME)
            assert writer.tls is not outer
            assert writer.get_extra_info("peername") == (HOST, port)
            writer.write(LARGE)
            assert await reader.readexactly(len(LARGE)) == LARGE
            await closed(writer)

    run(main(), loop)


def test_start_tls_says_what_it_cannot_upgrade(client: Any, server: Any) -> None:
    async def main() -> None:
        with pytest.raises(TypeError, match="not supported by start_tls"):
            await tls.start_tls(object(), asyncio.Protocol(), client, server_hostname=NAME)
        async with serving(_discard) as port:
            transport, protocol = await asyncio.get_running_loop().create_connection(asyncio.Protocol, HOST, port)
            with pytest.raises(unitls.ConfigurationError, match="server context is needed"):
                await tls.start_tls(transport, protocol, client, server_side=True, server_hostname=NAME)
            with pytest.raises(unitls.ConfigurationError, match="for clients"):
                await tls.start_tls(transport, protocol, server, server_hostname=NAME)
            assert not transport.is_closing()
            transport.close()

    run(main())


async def _discard(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
