"""Our ends of the connections: a threaded server, a client, and what they exchange."""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import unitls
from unitls import Feature, TLSVersion

TIMEOUT = 60.0
"""Seconds that either end waits for the other. Far more than it takes: only what hangs is to fail for it."""
VERSIONS = (TLSVersion.TLSv1_2, TLSVersion.TLSv1_3)
Talk = Callable[[unitls.TLSWrappedSocket], None]


@dataclass(frozen=True, slots=True)
class Served:
    """What our server saw of one connection."""

    version: TLSVersion | None = None
    protocol: Any = None
    server_name: str | None = None
    client_certificate: bytes | None = None
    resumed: bool | None = None
    error: BaseException | None = None


def echo(connection: unitls.TLSWrappedSocket) -> None:
    """Send everything back until the peer closes."""
    while data := connection.recv(65536):
        connection.sendall(data)


def exchange(connection: unitls.TLSWrappedSocket, *, rounds: int = 8, size: int = 20_000) -> None:
    """Send `rounds` blocks of data, each other than the last, and check that each comes back as it was."""
    for number in range(rounds):
        block = bytes((number + index) % 251 for index in range(size))
        connection.sendall(block)
        assert receive_exactly(connection, size) == block


def receive_exactly(connection: Any, size: int) -> bytes:
    """Receive `size` bytes, or fewer if the connection ends."""
    received = bytearray()
    while len(received) < size and (data := connection.recv(size - len(received))):
        received += data
    return bytes(received)


def served(connection: unitls.TLSWrappedSocket, backend: unitls.Backend, error: BaseException | None = None) -> Served:
    """What a connection says about itself."""
    tells_resumption = backend.capabilities.supports(Feature.RESUMPTION_INFORMATION)
    return Served(
        connection.negotiated_tls_version,
        connection.negotiated_protocol(),
        connection.server_name,
        connection.getpeercert(),
        connection.session_resumed if tells_resumption else None,
        error,
    )


class OurServer:
    """A server of ours on a port of its own, one thread for each connection.

    Args:
        context: its context.
        talk: what to do on a connection once the handshake is done.
        timeout: of each connection.
    """

    def __init__(self, context: unitls.ServerContext, talk: Talk = echo, timeout: float = TIMEOUT) -> None:
        self._context = context
        self._talk = talk
        self._timeout = timeout
        self._reports: queue.Queue[Future[Served]] = queue.Queue()
        self._workers: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = self._listener.getsockname()[1]
        self.address = ("127.0.0.1", self.port)
        self._wrapped = context.wrap_socket(self._listener)
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._wrapped.accept()
            except OSError:
                return  # the listener was closed
            connection.settimeout(self._timeout)
            report: Future[Served] = Future()
            self._reports.put(report)
            worker = threading.Thread(target=self._serve, args=(connection, report), daemon=True)
            self._workers.append(worker)
            worker.start()

    def _serve(self, connection: unitls.TLSWrappedSocket, report: Future[Served]) -> None:
        error: BaseException | None = None
        with connection:
            try:
                connection.do_handshake()
                self._talk(connection)
            except Exception as caught:  # reported to the test, which says what it should be
                error = caught
            report.set_result(served(connection, self._context.backend, error))

    def next_report(self) -> Served:
        """What was seen of the next connection, in the order in which they were accepted, once it has ended."""
        return self._reports.get(timeout=2 * TIMEOUT).result(timeout=2 * TIMEOUT)

    def close(self) -> None:
        """Close the listener and wait for everything that runs."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
        self._thread.join(TIMEOUT)
        self._wrapped.close()
        for worker in self._workers:
            worker.join(2 * TIMEOUT)

    def __enter__(self) -> OurServer:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


@contextlib.contextmanager
def connected(
    context: unitls.ClientContext, port: int, name: str | None, timeout: float | None = TIMEOUT
) -> Iterator[unitls.TLSWrappedSocket]:
    """A client of ours, handshake done, which is closed at the end."""
    raw = socket.create_connection(("127.0.0.1", port), timeout)
    with context.wrap_socket(raw, server_hostname=name) as connection:
        yield connection
