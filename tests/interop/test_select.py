"""Programs that `select` before they receive: they never wait for what is already inside the wrapped socket."""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from _ours import TIMEOUT
from _pki import PKI, SERVER_NAME

import unitls
from unitls import Feature, TLSVersion

pytestmark = pytest.mark.needs(Feature.SERVER, Feature.CLIENT, Feature.CUSTOM_TRUST_STORE)
_RECORD_SIZES = (1, 10, 100, 1000, 16384)
_TIMEOUTS = {"blocking": None, "timed": TIMEOUT, "non_blocking": 0.0}
Ends = tuple[unitls.TLSWrappedSocket, unitls.TLSWrappedSocket]


@pytest.fixture
def ends(backend: unitls.Backend, version: TLSVersion, pki: PKI) -> Iterator[Ends]:
    """A server's and a client's end of a connection, handshake done."""
    server_context = backend.server_context(unitls.TLSServerConfiguration(identities=(pki.identity("server"),)))
    client_context = backend.client_context(
        unitls.TLSClientConfiguration(trust_store=pki.trust(), lower_bound=version, upper_bound=version)
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        raw = socket.create_connection(listener.getsockname(), TIMEOUT)
        accepted, _ = listener.accept()
    accepted.settimeout(TIMEOUT)
    with ThreadPoolExecutor(1) as threads, server_context.wrap_socket(accepted) as server:
        greeting = threads.submit(server.do_handshake)
        with client_context.wrap_socket(raw, server_hostname=SERVER_NAME) as client:
            greeting.result(TIMEOUT)
            yield server, client


def _send_records(server: unitls.TLSWrappedSocket, record: int, total: int) -> None:
    """Send `total` bytes, in records of `record` bytes."""
    for start in range(0, total, record):
        server.sendall(bytes((start + index) % 251 for index in range(min(record, total - start))))


def _receive(client: unitls.TLSWrappedSocket, size: int, total: int, *, asks_pending: bool) -> bytes:
    """Receive `total` bytes: `select` (unless something is pending), then ``recv(size)``."""
    received = bytearray()
    while len(received) < total:
        if not (asks_pending and client.pending()):
            assert select.select([client], [], [], TIMEOUT)[0], f"nothing came behind {len(received)} of {total} bytes"
        try:
            data = client.recv(size)
        except unitls.WantReadError:
            continue  # a part of a record had come, or a session ticket
        assert 0 < len(data) <= size
        received += data
    return bytes(received)


@pytest.mark.parametrize("timeout", _TIMEOUTS.values(), ids=_TIMEOUTS)
@pytest.mark.parametrize("record", _RECORD_SIZES)
def test_pending_then_select(ends: Ends, record: int, timeout: float | None) -> None:
    """With `pending` asked first, as the `ssl` module's users do, any size does, whatever the records' size."""
    server, client = ends
    client.settimeout(timeout)
    for size in (1, 7, 100, 1024, 4096, 16384, 65536):
        total = min(400 * min(record, size), 200_000)
        with ThreadPoolExecutor(1) as threads:
            sending = threads.submit(_send_records, server, record, total)
            data = _receive(client, size, total, asks_pending=True)
            sending.result(TIMEOUT)
        assert data == b"".join(
            bytes((start + index) % 251 for index in range(min(record, total - start)))
            for start in range(0, total, record)
        )


@pytest.mark.parametrize("timeout", _TIMEOUTS.values(), ids=_TIMEOUTS)
@pytest.mark.parametrize("record", _RECORD_SIZES)
def test_select_alone(ends: Ends, record: int, timeout: float | None) -> None:
    """Without `pending`, any size does that is no smaller than the records."""
    server, client = ends
    client.settimeout(timeout)
    for size in {record, record + 1, 2 * record, 16384, 65536}:
        total = min(400 * record, 300_000)
        with ThreadPoolExecutor(1) as threads:
            sending = threads.submit(_send_records, server, record, total)
            received = _receive(client, size, total, asks_pending=False)
            sending.result(TIMEOUT)
        assert len(received) == total


@pytest.mark.parametrize("record", _RECORD_SIZES)
def test_select_alone_when_all_has_come(ends: Ends, record: int) -> None:
    """Likewise, when everything lies in the kernel's buffer before the first byte is received."""
    server, client = ends
    total = min(100 * record, 60_000)
    for size in {record, record + 1, 2 * record, 16384}:
        _send_records(server, record, total)
        assert len(_receive(client, size, total, asks_pending=False)) == total
