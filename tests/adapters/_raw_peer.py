"""A peer that drives TLS by hand over a plain stream, so that it can misbehave at every step."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import unitls


class RawPeer:
    """One end of a connection: a wrapped buffer between plain streams.

    Args:
        context: a client or a server context.
        reader: the plain reader.
        writer: the plain writer.
        name: what a client calls its peer.
    """

    def __init__(
        self, context: Any, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, name: str = ""
    ) -> None:
        self.reader, self.writer = reader, writer
        self.incoming, self.outgoing = unitls.MemoryBuffer(), unitls.MemoryBuffer()
        names = {"server_hostname": name} if name else {}
        self.tls = context.wrap_buffers(self.incoming, self.outgoing, **names)

    def flush(self) -> None:
        """Send what TLS has made."""
        self.writer.write(self.outgoing.read())

    async def fill(self) -> bytes:
        """Take in what comes next; ``b""`` at the end of the transport."""
        chunk = await self.reader.read(65536)
        if chunk:
            self.incoming.write(chunk)
        else:
            self.incoming.write_eof()
        return chunk

    async def handshake(self) -> None:
        """Do the handshake."""
        while True:
            try:
                self.tls.do_handshake()
            except unitls.WantReadError:
                self.flush()
                await self.fill()
            else:
                self.flush()
                return

    async def read(self) -> bytes:
        """Read plaintext."""
        while True:
            try:
                data: bytes = self.tls.read()
            except unitls.WantReadError:
                await self.fill()
            else:
                return data

    def encrypted(self, data: bytes) -> bytes:
        """The records that carry `data`, not sent yet."""
        rest = memoryview(data)
        while rest:
            rest = rest[self.tls.write(rest) :]
        return self.outgoing.read()

    async def close(self) -> None:
        """Close the transport, without a word in TLS."""
        self.writer.close()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()


@contextlib.asynccontextmanager
async def serving(connected: Any) -> Any:
    """A plain server whose connections are given to `connected`; gives the port. Waits until they are done."""
    tasks: list[asyncio.Task[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await connected(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.append(asyncio.get_running_loop().create_task(serve(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()
        await asyncio.gather(*tasks)
