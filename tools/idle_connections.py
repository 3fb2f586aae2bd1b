"""Hold thousands of idle TLS connections in one server on an event loop, and say what they cost.

The clients are a process of their own. In the end one byte goes through every connection, and all are closed in order.

$ python tools/idle_connections.py --backend openssl --connections 5000
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import resource
import time
from pathlib import Path
from typing import Any, Final

import unitls
import unitls.asyncio
from unitls.testing import load_identities

HOST: Final = "127.0.0.1"
AT_ONCE: Final = 50
DEADLINE: Final = 240.0


def main() -> int:
    """Run the server here and the clients beside it."""
    parser = argparse.ArgumentParser(description="Hold idle TLS connections.")
    parser.add_argument("--backend", default="openssl")
    parser.add_argument("--connections", type=int, default=5000)
    arguments = parser.parse_args()
    raise_limit(arguments.connections + 200)
    asyncio.run(asyncio.wait_for(serve(arguments.backend, arguments.connections), DEADLINE))
    return 0


def raise_limit(needed: int) -> None:
    """Allow that many open descriptors."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, max(hard, needed)))


async def serve(name: str, count: int) -> None:
    """Take all connections, answer one byte on each, and wait until they are closed."""
    backend, identities = unitls.get_backend(name), load_identities()
    context = backend.server_context()
    context.register_certificates(
        [unitls.Certificate.from_buffer(der) for der in identities.server.chain],
        unitls.PrivateKey.from_buffer(identities.server.key_pem),
    )
    served = Served(count)
    server = await unitls.asyncio.create_server(lambda: Echo(served), HOST, 0, context=context, backlog=1000)
    before = memory()
    start = time.monotonic()
    clients = multiprocessing.get_context("spawn").Process(
        target=run_clients, args=(name, server.sockets[0].getsockname()[1], count)
    )
    clients.start()
    await served.full.wait()
    print(f"{backend.library_version}: {served.open} connections open after {time.monotonic() - start:.1f} s")
    print(f"the server holds {(memory() - before) / count / 1024:.1f} KiB for each, {memory() / 2**20:.0f} MiB in all")
    cpu = time.process_time()
    await asyncio.sleep(1)
    print(f"processor time of one idle second: {(time.process_time() - cpu) * 1000:.1f} ms")
    await served.empty.wait()
    await asyncio.to_thread(clients.join)
    server.close()
    await server.wait_closed()
    print(f"answered {served.answered}, closed in order {served.clean}, left open {served.open}")
    if clients.exitcode or served.clean != count:
        raise SystemExit(1)


class Served:
    """What the server has seen."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.open = self.answered = self.clean = 0
        self.full, self.empty = asyncio.Event(), asyncio.Event()


class Echo(asyncio.Protocol):
    """Answers what comes in, and counts."""

    def __init__(self, served: Served) -> None:
        self._served = served

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._served.open += 1
        if self._served.open == self._served.count:
            self._served.full.set()

    def data_received(self, data: bytes) -> None:
        self._served.answered += 1
        self._transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._served.open -= 1
        self._served.clean += exc is None
        if not self._served.open:
            self._served.empty.set()


def memory() -> int:
    """The resident memory of this process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise OSError("this system does not tell how much memory a process has")


def run_clients(name: str, port: int, count: int) -> None:
    """The other process: open all, wait, use each once, close all."""
    raise_limit(count + 200)
    asyncio.run(asyncio.wait_for(use_all(name, port, count), DEADLINE))


async def use_all(name: str, port: int, count: int) -> None:
    """Open that many connections, a few at a time."""
    context = unitls.get_backend(name).client_context()
    context.use_trust_store(unitls.TrustStore.from_buffer(load_identities().ca_pem))
    few = asyncio.Semaphore(AT_ONCE)

    async def connect() -> Any:
        async with few:
            return await unitls.asyncio.open_connection(HOST, port, context=context, server_hostname="server.test")

    async def use(reader: asyncio.StreamReader, writer: Any) -> None:
        async with few:
            writer.write(b"!")
            assert await reader.readexactly(1) == b"!"
            writer.close()
            await writer.wait_closed()

    streams = await asyncio.gather(*(connect() for _ in range(count)))
    await asyncio.sleep(3)
    await asyncio.gather(*(use(*pair) for pair in streams))


if __name__ == "__main__":
    raise SystemExit(main())
