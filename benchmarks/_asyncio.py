"""Streams of asyncio over loopback: `unitls.asyncio` against asyncio with the `ssl` module, both with the same program.

Each end is a process of its own with a loop of its own, on the same processor; what counts is the processor time of both.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import socket
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final

import unitls.asyncio

from ._buffers import BULK, SMALL
from ._parties import BARE, NAME, make_party
from ._rounds import Benchmark, Metric, Options, Sample, Sampler
from ._worker import Worker

_HOST: Final = "127.0.0.1"
_READ: Final = 256 * 1024
_TIMEOUT: Final = 50.0
_MOST_CONNECTIONS: Final = 300

Serve = Callable[[Any, Any, int], Awaitable[None]]
Use = Callable[[Callable[[], Any], int], Awaitable[None]]


@functools.cache
def _runner() -> asyncio.Runner:
    """The loop of this process."""
    return asyncio.Runner()


def _opener(name: str, tls12: bool, port: int) -> Callable[[], Any]:
    """A function that opens a connection as a pair of streams."""
    context = make_party(name, tls12)._client
    if name == BARE:
        return functools.partial(asyncio.open_connection, _HOST, port, ssl=context, server_hostname=NAME)
    return functools.partial(unitls.asyncio.open_connection, _HOST, port, context=context, server_hostname=NAME)


async def _start(
    name: str, tls12: bool, listener: socket.socket, connected: Callable[[Any, Any], Any]
) -> asyncio.Server:
    context = make_party(name, tls12)._server
    if name == BARE:
        return await asyncio.start_server(connected, sock=listener, ssl=context)
    return await unitls.asyncio.start_server(connected, sock=listener, context=context)


# ------------------------------------------------------------------------------------------------ the server's process

_listeners: dict[str, socket.socket] = {}


def _listen(name: str) -> int:
    listener = socket.create_server((_HOST, 0), backlog=_MOST_CONNECTIONS)
    _listeners[name] = listener
    return int(listener.getsockname()[1])


def _serve_one(work: Serve, name: str, tls12: bool, count: int) -> float:
    """Serve the one connection of a sample; gives the processor time of what it carries, without the handshake."""

    async def measured(reader: Any, writer: Any) -> float:
        await _meet(reader, writer)
        gc.collect()
        begun = time.process_time()
        await work(reader, writer, count)
        return time.process_time() - begun

    (cpu,) = _runner().run(asyncio.wait_for(_served(measured, 1, name, tls12), _TIMEOUT))
    return cpu


def _serve_each(work: Serve, name: str, tls12: bool, count: int) -> float:
    """Serve a connection for each operation of a sample; gives the processor time of all there is to them."""

    async def served(reader: Any, writer: Any) -> float:
        await work(reader, writer, count)
        return 0.0

    make_party(name, tls12)
    gc.collect()
    begun = time.process_time()
    _runner().run(asyncio.wait_for(_served(served, count, name, tls12), _TIMEOUT))
    return time.process_time() - begun


async def _served(
    work: Callable[[Any, Any], Awaitable[float]], connections: int, name: str, tls12: bool
) -> list[float]:
    """Do `work` on so many connections, which the client closes first; gives what it returned."""
    tasks: list[asyncio.Task[float]] = []
    ended: asyncio.Queue[asyncio.Task[float]] = asyncio.Queue()

    async def serve(reader: Any, writer: Any) -> float:
        try:
            figure = await work(reader, writer)
            await reader.read()
        finally:
            writer.close()
        await writer.wait_closed()
        return figure

    def connected(reader: Any, writer: Any) -> None:
        task = asyncio.create_task(serve(reader, writer))
        tasks.append(task)  # nothing else keeps it alive
        task.add_done_callback(ended.put_nowait)

    server = await _start(name, tls12, _listeners[name].dup(), connected)
    try:
        return [(await ended.get()).result() for _ in range(connections)]
    finally:
        server.close()
        await server.wait_closed()


# ------------------------------------------------------------------------------------------------ the client's process


def _use_each(use: Use, name: str, tls12: bool, port: int, count: int) -> tuple[float, float]:
    """Do one sample; gives wall time and processor time."""
    return _runner().run(asyncio.wait_for(_timed(use, _opener(name, tls12, port), count), _TIMEOUT))


async def _timed(use: Use, opener: Callable[[], Any], count: int) -> tuple[float, float]:
    gc.collect()
    cpu, wall = time.process_time(), time.perf_counter()
    await use(opener, count)
    return time.perf_counter() - wall, time.process_time() - cpu


async def _meet(reader: Any, writer: Any) -> None:
    """One byte each way, so that tickets are out of the way before the clock starts."""
    writer.write(b"!")
    await reader.readexactly(1)


async def _on_connection(work: Serve, opener: Callable[[], Any], count: int) -> tuple[float, float]:
    """Do one sample on one connection."""
    reader, writer = await opener()
    await _meet(reader, writer)
    gc.collect()
    cpu, wall = time.process_time(), time.perf_counter()
    await work(reader, writer, count)
    figures = time.perf_counter() - wall, time.process_time() - cpu
    writer.close()
    await writer.wait_closed()
    return figures


def _use_one(work: Serve, name: str, tls12: bool, port: int, count: int) -> tuple[float, float]:
    return _runner().run(asyncio.wait_for(_on_connection(work, _opener(name, tls12, port), count), _TIMEOUT))


# ------------------------------------------------------------------------------------------------ the programs


async def _answer_once(reader: Any, writer: Any, count: int) -> None:
    writer.write(await reader.readexactly(SMALL))


async def _connect_often(opener: Callable[[], Any], count: int) -> None:
    request = bytes(SMALL)
    for _ in range(count):
        reader, writer = await opener()
        writer.write(request)
        await reader.readexactly(SMALL)
        writer.close()
        await writer.wait_closed()


async def _receive_bulk(reader: Any, writer: Any, count: int) -> None:
    left = count * BULK
    while left:
        data = await reader.read(_READ)
        if not data:
            raise EOFError("the client has closed")
        left -= len(data)
    writer.write(b"!")
    await writer.drain()


async def _send_bulk(reader: Any, writer: Any, count: int) -> None:
    data = bytes(BULK)
    for _ in range(count):
        writer.write(data)
        await writer.drain()
    await reader.readexactly(1)


async def _answer_small(reader: Any, writer: Any, count: int) -> None:
    for _ in range(count):
        writer.write(await reader.readexactly(SMALL))


async def _ask_small(reader: Any, writer: Any, count: int) -> None:
    request = bytes(SMALL)
    for _ in range(count):
        writer.write(request)
        await reader.readexactly(SMALL)


# ------------------------------------------------------------------------------------------------ the benchmarks


def _preparing(
    server: Callable[..., float], serve: Serve, client: Callable[..., tuple[float, float]], use: Serve | Use
) -> Callable[[Options], Any]:
    @contextlib.contextmanager
    def prepare(options: Options) -> Iterator[Sampler]:
        with Worker() as one, Worker() as other:
            ports = {name: one.call(_listen, name) for name in options.parties}

            def sample(name: str, count: int) -> Sample:
                one.begin(server, serve, name, options.tls12, count)
                wall, cpu = other.call(client, use, name, options.tls12, ports[name], count)
                return Sample(count, wall, cpu + one.result())

            yield sample

    return prepare


def _cpu(work: float) -> Callable[[Sample, str], float]:
    """The value of a metric that counts `work` for each operation, per second of processor time."""
    return lambda sample, clock: sample.count * work / sample.cpu


BENCHMARKS: Final = (
    Benchmark(
        "asyncio-connections",
        (Metric("asyncio: new connections (CPU)", "1/s", _cpu(1.0), 0.98),),
        _preparing(_serve_each, _answer_once, _use_each, _connect_often),
        most=_MOST_CONNECTIONS,
    ),
    Benchmark(
        "asyncio-bulk",
        (Metric("asyncio: stream, 64 KiB writes (CPU)", "MB/s", _cpu(BULK / 1e6), 0.98),),
        _preparing(_serve_one, _receive_bulk, _use_one, _send_bulk),
    ),
    Benchmark(
        "asyncio-small",
        (Metric("asyncio: 100-byte requests (CPU)", "1/s", _cpu(1.0), 0.98),),
        _preparing(_serve_one, _answer_small, _use_one, _ask_small),
    ),
)
