"""TLS under an event loop: a wrapped buffer between two asyncio streams.

The wrapped buffer never waits, so the loop does all the waiting: `Want` signals say when. A server and a client run in
this process, over a loopback connection.

$ python examples/event_loop.py
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from typing import TypeVar

import unitls
from unitls.testing import load_identities

T = TypeVar("T")


class Stream:
    """A TLS connection over a pair of asyncio streams."""

    def __init__(
        self,
        context: unitls.ClientContext | unitls.ServerContext,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        host: str | None = None,
    ) -> None:
        self._reader, self._writer = reader, writer
        self._incoming, self._outgoing = context.backend.memory_buffer(), context.backend.memory_buffer()
        if isinstance(context, unitls.ClientContext):
            self.tls = context.wrap_buffers(self._incoming, self._outgoing, server_hostname=host)
        else:
            self.tls = context.wrap_buffers(self._incoming, self._outgoing)

    async def _run(self, step: Callable[[], T]) -> T:
        """Call `step` until it needs nothing more from the peer, and carry the ciphertext each time."""
        while True:
            try:
                return step()
            except unitls.WantReadError:
                await self._flush()  # before waiting: the peer may be waiting for us
                await self._fill()
            finally:
                await self._flush()

    async def _flush(self) -> None:
        self._writer.write(self._outgoing.read())
        await self._writer.drain()

    async def _fill(self) -> None:
        chunk = await self._reader.read(65536)
        if chunk:
            self._incoming.write(chunk)
        else:
            self._incoming.write_eof()

    async def handshake(self) -> None:
        """Do the handshake."""
        await self._run(self.tls.do_handshake)

    async def read(self) -> bytes:
        """Give what has come in; ``b""`` once the peer has closed."""
        return await self._run(self.tls.read)

    async def write(self, data: bytes) -> None:
        """Send all of `data`; a single `write` may take less."""
        while data:
            data = data[await self._run(functools.partial(self.tls.write, data)) :]

    async def close(self) -> None:
        """Send close_notify, and close the transport."""
        self.tls.shutdown()
        await self._flush()
        self._writer.close()
        await self._writer.wait_closed()


async def talk(server_context: unitls.ServerContext, client_context: unitls.ClientContext) -> bytes:
    """Start a server that echoes, and send it something."""
    served: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        stream = Stream(server_context, reader, writer)
        await stream.handshake()
        while data := await stream.read():
            await stream.write(data)
        await stream.close()
        served.set_result(None)

    async with await asyncio.start_server(echo, "127.0.0.1", 0) as server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        stream = Stream(client_context, reader, writer, host="server.test")
        await stream.handshake()
        await stream.write(b"through the loop")
        answer = await stream.read()
        await stream.close()
        await served
    return answer


def main() -> None:
    """Make two contexts from test certificates, and let them talk."""
    identities = load_identities()
    tls = unitls.get_backend()
    server_context, client_context = tls.server_context(), tls.client_context()
    server_context.register_certificates(
        [unitls.Certificate.from_buffer(der) for der in identities.server.chain],
        unitls.PrivateKey.from_buffer(identities.server.key_pem),
    )
    client_context.use_trust_store(unitls.TrustStore.from_buffer(identities.ca_pem))
    print("the echo:", asyncio.run(asyncio.wait_for(talk(server_context, client_context), timeout=10)))


if __name__ == "__main__":
    main()
