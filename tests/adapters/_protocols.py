"""Protocols that write down what happens to them."""

from __future__ import annotations

import asyncio
from typing import Any

import unitls.asyncio as tls


class Recorder(asyncio.Protocol):
    """Collects what it is told, in order; `keep_open` is what it answers to the peer's end."""

    def __init__(self, keep_open: bool = False) -> None:
        self.keep_open = keep_open
        self.events: list[str] = []
        self.data = bytearray()
        self.transport: Any = None
        self.fault: BaseException | None = None
        loop = asyncio.get_running_loop()
        self.made: asyncio.Future[None] = loop.create_future()
        self.lost: asyncio.Future[None] = loop.create_future()
        self.ended: asyncio.Future[None] = loop.create_future()
        self._wanted: list[tuple[int, asyncio.Future[None]]] = []

    def connection_made(self, transport: Any) -> None:
        self.events.append("made")
        self.transport = transport
        self.made.set_result(None)

    def data_received(self, data: bytes) -> None:
        if self.events[-1] != "data":
            self.events.append("data")
        self.data += data
        for size, future in self._wanted:
            if len(self.data) >= size and not future.done():
                future.set_result(None)

    def eof_received(self) -> bool:
        self.events.append("eof")
        self.ended.set_result(None)
        return self.keep_open

    def connection_lost(self, exc: BaseException | None) -> None:
        self.events.append("lost")
        self.fault = exc
        self.lost.set_result(None)

    def pause_writing(self) -> None:
        self.events.append("pause")

    def resume_writing(self) -> None:
        self.events.append("resume")

    async def received(self, size: int) -> bytes:
        """Wait until so much has come in."""
        if len(self.data) < size:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._wanted.append((size, future))
            await future
        return bytes(self.data)


class Filled(asyncio.BufferedProtocol):
    """Receives into a small buffer of its own."""

    def __init__(self, size: int = 1000) -> None:
        self.buffer = bytearray(size)
        self.data = bytearray()
        self.transport: Any = None
        self.made: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.made.set_result(None)

    def get_buffer(self, sizehint: int) -> Any:
        return self.buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.data += self.buffer[:nbytes]

    def eof_received(self) -> None:
        self.ended.set_result(None)

    def connection_lost(self, exc: BaseException | None) -> None:
        self.lost.set_result(None)


class Pair:
    """A client and a server connected by TLS.

    Attributes:
        client: the client's protocol.
        server: the server's.
    """

    client: Any
    server: Any

    def __init__(self, server_context: Any, client_context: Any, name: str) -> None:
        self._contexts = server_context, client_context
        self._name = name
        self.make_client: Any = Recorder
        self.make_server: Any = Recorder
        self.server_options: dict[str, Any] = {}
        self.client_options: dict[str, Any] = {}

    async def __aenter__(self) -> Pair:
        server_context, client_context = self._contexts
        served: list[Any] = []

        def serve() -> Any:
            served.append(self.make_server())
            return served[-1]

        self._listener = await tls.create_server(serve, "127.0.0.1", 0, context=server_context, **self.server_options)
        port = self._listener.sockets[0].getsockname()[1]
        _, self.client = await tls.create_connection(
            self.make_client, "127.0.0.1", port, context=client_context, server_hostname=self._name,
            **self.client_options,
        )  # fmt: skip
        self.server = served[0]
        await self.server.made  # the client is done first
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self._listener.close()
        for protocol in (self.client, self.server):
            if protocol.transport is not None:
                protocol.transport.abort()
        await self._listener.wait_closed()  # from Python 3.12 on it waits for the connections, too
