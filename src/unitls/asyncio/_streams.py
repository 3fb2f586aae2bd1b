"""Streams over TLS: the readers and writers of asyncio, on transports of ours."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from ..api._context import ClientContext, ServerContext
from ..api._wrapped import TLSWrappedBuffer
from ._connecting import create_connection, create_server, start_tls

LIMIT: Final = 2**16
"""How much a reader keeps before the peer has to wait (twice that); asyncio has the same number."""

Connected = Callable[["asyncio.StreamReader", "StreamWriter"], Awaitable[None] | None]


class StreamWriter(asyncio.StreamWriter):
    """The writer of a TLS stream: that of asyncio, with what TLS adds."""

    @property
    def tls(self) -> TLSWrappedBuffer | None:
        """The connection, for what it tells: version, suite, certificates, …"""
        tls: TLSWrappedBuffer | None = self.get_extra_info("tls")
        return tls

    async def start_tls(  # type: ignore[override]  # a context of unitls, in either role
        self, context: ClientContext | ServerContext, **options: Any
    ) -> None:
        """Upgrade the stream to TLS, or to TLS in TLS.

        Args:
            context: a client or a server context: it says which role this is.
            **options: as `unitls.asyncio.start_tls` takes them.

        Raises:
            ProtocolViolation: the reader has plaintext in its buffer, which may have been injected.
            ConnectionFault: the handshake has failed.
        """
        await upgrade(self, context, **options)


async def upgrade(writer: asyncio.StreamWriter, context: ClientContext | ServerContext, **options: Any) -> None:
    """Upgrade a stream to TLS, in either role; it may be one of asyncio's own.

    Its reader and writer are used as before.

    Args:
        writer: the writer of the stream.
        context: a client or a server context: it says which role this is.
        **options: as `start_tls` takes them.

    Raises:
        ProtocolViolation: the reader has plaintext in its buffer, which may have been injected.
        ConnectionFault: the handshake has failed.
    """
    stream: Any = writer
    protocol, reader = stream._protocol, stream._reader
    await writer.drain()
    transport = await start_tls(writer.transport, protocol, context, **options)
    stream._transport = protocol._transport = transport
    if reader is not None:
        reader._transport = transport


class StreamProtocol(asyncio.StreamReaderProtocol):
    """Between a transport of ours and a reader. It lets a stream write after the peer has ended, as one without TLS does.

    Args:
        reader: the reader.
        connected: called with reader and writer once the connection is there.
        loop: the event loop.
    """

    def __init__(
        self, reader: asyncio.StreamReader, loop: asyncio.AbstractEventLoop, connected: Connected | None = None
    ) -> None:
        super().__init__(reader, loop=loop)
        self._connected = connected
        self._kept: Any = reader  # the base class itself holds it weakly
        self._served: asyncio.Task[None] | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        reader, self._kept = self._kept, None
        if self._connected is None:
            return
        loop = asyncio.get_running_loop()
        result = self._connected(reader, StreamWriter(transport, self, reader, loop))
        if asyncio.iscoroutine(result):
            self._served = loop.create_task(result)
            self._served.add_done_callback(functools.partial(_tell_failure, transport))

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._served = self._kept = None

    def eof_received(self) -> bool:
        super().eof_received()
        return True


def _tell_failure(transport: Any, task: asyncio.Task[None]) -> None:
    """End the connection of a task that has failed, and tell the loop why, as asyncio does."""
    if task.cancelled():
        transport.close()
        return
    if (fault := task.exception()) is not None:
        task.get_loop().call_exception_handler(
            {"message": "Unhandled exception in client_connected_cb", "exception": fault, "transport": transport}
        )
        transport.close()


async def open_connection(
    host: str | None = None,
    port: int | None = None,
    *,
    context: ClientContext | None = None,
    limit: int = LIMIT,
    **options: Any,
) -> tuple[asyncio.StreamReader, StreamWriter]:
    """Open a TLS connection as a pair of streams: `asyncio.open_connection`, with a context of unitls.

    Args:
        host: the host, and what its certificate is checked against unless ``server_hostname`` says otherwise.
        port: the port.
        context: a client context; `None` for a default one of the default backend.
        limit: how much the reader keeps before the peer has to wait.
        **options: as `create_connection` takes them.

    Returns:
        The reader and the writer.

    Raises:
        OSError: as `create_connection` does.
        ConfigurationError: likewise.
    """
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=limit, loop=loop)
    protocol = StreamProtocol(reader, loop)
    transport, _ = await create_connection(lambda: protocol, host, port, context=context, **options)
    return reader, StreamWriter(transport, protocol, reader, loop)


async def start_server(
    client_connected_cb: Connected,
    host: str | Sequence[str] | None = None,
    port: int | None = None,
    *,
    context: ServerContext,
    limit: int = LIMIT,
    **options: Any,
) -> asyncio.Server:
    """Start a TLS server that gives each connection as a pair of streams: `asyncio.start_server`, with a context of unitls.

    Args:
        client_connected_cb: called with the reader and the writer of each connection whose handshake is done; a
            coroutine function becomes a task.
        host: where to listen.
        port: the port.
        context: a server context.
        limit: how much a reader keeps before its peer has to wait.
        **options: as `create_server` takes them.

    Raises:
        ConfigurationError: the context does not fit.
        OSError: the address cannot be listened on.
    """
    loop = asyncio.get_running_loop()

    def connected() -> StreamProtocol:
        reader = asyncio.StreamReader(limit=limit, loop=loop)
        return StreamProtocol(reader, loop, client_connected_cb)

    return await create_server(connected, host, port, context=context, **options)
