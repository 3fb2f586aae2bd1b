"""Many connections at once, and both directions of one connection at once for a long time.

``UNITLS_SOAK_SECONDS`` says how long: half a second from day to day.
"""

from __future__ import annotations

import os
import random
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from _ours import TIMEOUT, OurServer, connected, exchange
from _pki import PKI, SERVER_NAME

import unitls
from unitls import Feature, TLSVersion

pytestmark = [
    pytest.mark.needs(Feature.SERVER, Feature.CLIENT, Feature.CUSTOM_TRUST_STORE),
    pytest.mark.timeout(600 + 2 * float(os.environ.get("UNITLS_SOAK_SECONDS", "0"))),
]
_SECONDS = float(os.environ.get("UNITLS_SOAK_SECONDS", "0.5"))
_AT_ONCE = 200
_PATIENCE = 150.0  # what all of them are waited for
_PATTERN = random.Random(1).randbytes(65521)  # a prime, so that no block of a power of two looks like its neighbour
_ENDLESS = _PATTERN * 3
_LARGEST = len(_PATTERN)


def _contexts(
    backend: unitls.Backend, pki: PKI, version: TLSVersion
) -> tuple[unitls.ServerContext, unitls.ClientContext]:
    return (
        backend.server_context(unitls.TLSServerConfiguration(identities=(pki.identity("server"),))),
        backend.client_context(
            unitls.TLSClientConfiguration(trust_store=pki.trust(), lower_bound=version, upper_bound=version)
        ),
    )


def test_many_connections(backend: unitls.Backend, version: TLSVersion, pki: PKI) -> None:
    """All handshakes done, then data on all of them, then all closed: each connection in a thread of its own."""
    server_context, client_context = _contexts(backend, pki, version)
    everybody = threading.Barrier(_AT_ONCE)

    def talk(server: OurServer) -> None:
        with connected(client_context, server.port, SERVER_NAME, _PATIENCE) as connection:
            everybody.wait(_PATIENCE)
            exchange(connection, rounds=3, size=5000)
            everybody.wait(_PATIENCE)

    with OurServer(server_context, timeout=_PATIENCE) as server, ThreadPoolExecutor(_AT_ONCE) as threads:
        for done in [threads.submit(talk, server) for _ in range(_AT_ONCE)]:
            done.result(2 * _PATIENCE)
        assert [server.next_report().error for _ in range(_AT_ONCE)] == [None] * _AT_ONCE


@pytest.mark.parametrize("timeout", [None, _PATIENCE], ids=["blocking", "timed"])
def test_both_directions_at_once(backend: unitls.Backend, version: TLSVersion, pki: PKI, timeout: float | None) -> None:
    """At each end one thread writes while another reads, blocks of every size, until the time is up; then a clean end."""
    server_context, client_context = _contexts(backend, pki, version)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        raw = socket.create_connection(listener.getsockname(), TIMEOUT)
        accepted, _ = listener.accept()
    raw.settimeout(timeout)
    accepted.settimeout(timeout)
    with ThreadPoolExecutor(4) as threads, server_context.wrap_socket(accepted) as server:
        greeting = threads.submit(server.do_handshake)
        with client_context.wrap_socket(raw, server_hostname=SERVER_NAME) as client:
            greeting.result(TIMEOUT)
            tasks: list[tuple[Callable[[unitls.TLSWrappedSocket, int], int], unitls.TLSWrappedSocket]]
            tasks = [(_write, client), (_read, server), (_write, server), (_read, client)]
            running = [threads.submit(task, end_point, seed) for seed, (task, end_point) in enumerate(tasks)]
            sizes = [item.result(_SECONDS + _PATIENCE) for item in running]
    assert sizes[0] == sizes[1] > 0
    assert sizes[2] == sizes[3] > 0


def _write(connection: unitls.TLSWrappedSocket, seed: int) -> int:
    """Send the pattern over and over, in blocks of random size, then close this direction; how many bytes."""
    choice, total, end = random.Random(seed), 0, time.monotonic() + _SECONDS
    while not total or time.monotonic() < end:
        size = choice.choice((1, choice.randrange(1, 2000), choice.randrange(1, _LARGEST)))
        start = total % len(_PATTERN)
        block = _ENDLESS[start : start + size]
        if choice.random() < 0.5:
            connection.sendall(block)
            total += size
        else:
            total += connection.send(block)
    connection.shutdown(socket.SHUT_WR)
    return total


def _read(connection: unitls.TLSWrappedSocket, seed: int) -> int:
    """Read to the end, in blocks of random size, and check each byte; how many."""
    choice, total = random.Random(seed), 0
    room = bytearray(_LARGEST)
    while True:
        size = choice.choice((1, choice.randrange(1, 2000), choice.randrange(1, _LARGEST)))
        whole = choice.random() < 0.5
        data = connection.recv(size) if whole else bytes(room[: connection.recv_into(room, size)])
        if not data:
            return total
        start = total % len(_PATTERN)
        assert data == _ENDLESS[start : start + len(data)], f"wrong bytes behind byte {total}"
        total += len(data)
