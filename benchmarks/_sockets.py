"""Handshakes and data through sockets over loopback: each end is a process of its own, on the same processor.

Each sample has a connection of its own (handshakes: many). All sockets have a timeout and TCP_NODELAY.
"""

from __future__ import annotations

import contextlib
import gc
import socket
import struct
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import unitls

from ._buffers import BULK, READ_SIZE, SMALL
from ._parties import PLAIN, make_party
from ._rounds import Benchmark, Metric, Options, Sample, Sampler, per_second
from ._worker import Worker

TIMEOUT: Final = 50.0
_ABORT: Final = struct.pack("ii", 1, 0)
_MOST_CONNECTIONS: Final = 200

_servers: dict[str, tuple[Any, socket.socket]] = {}
"""In the server's process: each party with its listener."""


def _listen(name: str, tls12: bool) -> int:
    """In the server's process: open a listener for that party, and give its port."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=_MOST_CONNECTIONS)
    listener.settimeout(TIMEOUT)
    _servers[name] = make_party(name, tls12), listener
    return int(listener.getsockname()[1])


def _accept(name: str) -> Any:
    party, listener = _servers[name]
    raw, _ = listener.accept()
    _prepare_socket(raw)
    return party.wrap_server(raw)


def _connect(party: Any, port: int) -> Any:
    raw = socket.socket()
    _prepare_socket(raw)
    raw.connect(("127.0.0.1", port))
    return party.wrap_client(raw)


def _prepare_socket(raw: socket.socket) -> None:
    raw.settimeout(TIMEOUT)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


# ------------------------------------------------------------------------------------------------ handshakes


def _serve_handshakes(name: str, count: int) -> float:
    cpu = time.process_time()
    connections = [_accept(name) for _ in range(count)]
    connections[-1].sendall(connections[-1].recv(1))
    cpu = time.process_time() - cpu
    for connection in connections:
        _await_end(connection)
        connection.close()
    return cpu


def _await_end(connection: Any) -> None:
    with contextlib.suppress(OSError, unitls.TLSError):
        connection.recv(1)


def _make_handshakes(party: Any, port: int, count: int) -> tuple[float, float]:
    connections = []
    try:
        gc.collect()
        cpu, wall = time.process_time(), time.perf_counter()
        for _ in range(count):
            connections.append(_connect(party, port))
        connections[-1].sendall(b"!")
        connections[-1].recv(1)
        return time.perf_counter() - wall, time.process_time() - cpu
    finally:
        for connection in connections:
            # Thousands of connections in TIME_WAIT would use up the ports.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
            connection.close()


# ------------------------------------------------------------------------------------------------ data


def _serve_bulk(name: str, count: int) -> float:
    with contextlib.closing(_accept(name)) as connection:
        _meet(connection)
        cpu = time.process_time()
        recv, left = connection.recv, count * BULK
        while left:
            data = recv(BULK)
            if not data:
                raise EOFError("the client has closed")
            left -= len(data)
        connection.sendall(b"!")
        return time.process_time() - cpu


def _send_bulk(connection: Any, count: int) -> None:
    sendall, data = connection.sendall, bytes(BULK)
    for _ in range(count):
        sendall(data)
    connection.recv(1)


def _serve_small(name: str, count: int) -> float:
    with contextlib.closing(_accept(name)) as connection:
        _meet(connection)
        cpu = time.process_time()
        recv, sendall, answer = connection.recv, connection.sendall, bytes(SMALL)
        for _ in range(count):
            if len(recv(READ_SIZE)) != SMALL:
                raise EOFError("a request was lost")
            sendall(answer)
        return time.process_time() - cpu


def _send_small(connection: Any, count: int) -> None:
    recv, sendall, request = connection.recv, connection.sendall, bytes(SMALL)
    for _ in range(count):
        sendall(request)
        if len(recv(READ_SIZE)) != SMALL:
            raise EOFError("an answer was lost")


def _meet(connection: Any) -> None:
    """One byte each way, so that tickets are out of the way before the clock starts."""
    connection.sendall(b"!")
    connection.recv(1)


def _on_connection(work: Callable[[Any, int], None], party: Any, port: int, count: int) -> tuple[float, float]:
    with contextlib.closing(_connect(party, port)) as connection:
        _meet(connection)
        gc.collect()
        cpu, wall = time.process_time(), time.perf_counter()
        work(connection, count)
        return time.perf_counter() - wall, time.process_time() - cpu


def _make_bulk(party: Any, port: int, count: int) -> tuple[float, float]:
    return _on_connection(_send_bulk, party, port, count)


def _make_small(party: Any, port: int, count: int) -> tuple[float, float]:
    return _on_connection(_send_small, party, port, count)


# ------------------------------------------------------------------------------------------------ the benchmarks

Client = Callable[[Any, int, int], tuple[float, float]]


def _run_client(client: Client, name: str, tls12: bool, port: int, count: int) -> tuple[float, float]:
    """In the client's process: wall time, and the processor time of this end."""
    return client(make_party(name, tls12), port, count)


def _preparing(serve: Callable[[str, int], float], client: Client, extra: tuple[str, ...]) -> Callable[[Options], Any]:
    @contextlib.contextmanager
    def prepare(options: Options) -> Iterator[Sampler]:
        with Worker() as server, Worker() as other:
            ports = {name: server.call(_listen, name, options.tls12) for name in (*options.parties, *extra)}

            def sample(name: str, count: int) -> Sample:
                server.begin(serve, name, count)
                wall, cpu = other.call(_run_client, client, name, options.tls12, ports[name], count)
                return Sample(count, wall, cpu + server.result())

            yield sample

    return prepare


def _cpu_per_gigabyte(sample: Sample, clock: str) -> float:
    return sample.cpu / (sample.count * BULK / 1e9)


_BESIDE: Final = (PLAIN,)
BENCHMARKS: Final = (
    Benchmark(
        "sockets-handshake",
        (Metric("sockets: full handshakes", "1/s", per_second(), 0.97),),
        _preparing(_serve_handshakes, _make_handshakes, ()),
        most=_MOST_CONNECTIONS,
        warm_up=_MOST_CONNECTIONS,  # so that memory for so many is there, whoever comes first
    ),
    Benchmark(
        "sockets-bulk",
        (
            Metric("sockets: sendall 64 KiB", "MB/s", per_second(BULK / 1e6), 0.97),
            Metric("sockets: processor time", "s/GB", _cpu_per_gigabyte, 0.97, higher_is_better=False),
        ),
        _preparing(_serve_bulk, _make_bulk, _BESIDE),
        extra=_BESIDE,
    ),
    Benchmark(
        "sockets-small",
        (Metric("sockets: 100-byte requests", "1/s", per_second(), 0.97),),
        _preparing(_serve_small, _make_small, _BESIDE),
        extra=_BESIDE,
    ),
)
