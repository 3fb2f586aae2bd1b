"""Handshakes and data through memory buffers: no I/O, both ends in one process."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, Final

from ._parties import Party, make_party
from ._rounds import Benchmark, Metric, Options, Sample, Sampler, per_second, timed
from ._wire import negotiated_group
from ._worker import Worker

BULK: Final = 65536
SMALL: Final = 100
READ_SIZE: Final = 4096
"""What is asked for when small messages are read."""
_TURNS: Final = 8
"""No handshake takes more turns than that."""


class Pair:
    """A client and a server, and the four buffers between them.

    Args:
        party: whose.
        resume: offer a session.
    """

    __slots__ = ("client", "client_in", "client_out", "first_flight", "server", "server_in", "server_out", "want_read")

    def __init__(self, party: Party, resume: bool = False) -> None:
        self.client_in, self.client_out = party.buffer(), party.buffer()
        self.server_in, self.server_out = party.buffer(), party.buffer()
        self.want_read = party.want_read
        connect = party.resuming_client if resume else party.client
        self.client = connect(self.client_in, self.client_out)
        self.server = party.server(self.server_in, self.server_out)
        self.first_flight = b""

    def handshake(self) -> None:
        """Do the whole handshake; what the server sends behind it lies in the client's buffer at the end.

        Raises:
            RuntimeError: it does not come to an end.
        """
        client_done = server_done = False
        for _ in range(_TURNS):
            if not client_done:
                client_done = self._step(self.client)
            self.server_in.write(self.client_out.read())
            if not server_done:
                server_done = self._step(self.server)
            flight = self.server_out.read()
            self.first_flight = self.first_flight or flight
            self.client_in.write(flight)
            if client_done and server_done:
                return
        raise RuntimeError("the handshake does not end")

    def _step(self, connection: Any) -> bool:
        try:
            connection.do_handshake()
        except self.want_read:
            return False
        return True

    def read_tickets(self) -> None:
        """Let the client take in what came behind the handshake."""
        with contextlib.suppress(self.want_read):
            self.client.read(READ_SIZE)

    def send(self, data: bytes) -> None:
        """Client to server, in one write."""
        if self.client.write(data) != len(data):
            raise RuntimeError("a write was cut short")
        self.server_in.write(self.client_out.read())

    def greet(self) -> None:
        """One byte from the server to the client, with which TLS 1.3 tickets are taken in."""
        self.server.write(b"!")
        self.client_in.write(self.server_out.read())
        if self.client.read(READ_SIZE) != b"!":
            raise RuntimeError("the greeting was lost")


def parameters(party: Party) -> tuple[str, int, int | None]:
    """What a handshake of this party negotiates: version, cipher suite and group."""
    pair = Pair(party)
    pair.handshake()
    version, suite = party.negotiated(pair.client)
    return version, suite, negotiated_group(pair.first_flight)


def _full_handshakes(party: Party, count: int) -> Sample:
    def work() -> None:
        for _ in range(count):
            Pair(party).handshake()

    return timed(count, work)


def _resumed_handshakes(party: Party, count: int) -> Sample:
    def connect() -> Pair:
        pair = Pair(party, resume=True)
        pair.handshake()
        pair.greet()
        party.keep_session(pair.client)
        return pair

    def work() -> None:
        for _ in range(count):
            if not party.is_resumed(connect().client):
                raise RuntimeError(f"{party.name} did not resume a session")

    connect()
    return timed(count, work)


def _opened(party: Party) -> Pair:
    pair = Pair(party)
    pair.handshake()
    pair.read_tickets()
    return pair


def _bulk(party: Party, count: int) -> Sample:
    pair, data = _opened(party), bytes(BULK)
    send, read = pair.send, pair.server.read

    def work() -> None:
        for _ in range(count):
            send(data)
            left = BULK
            while left:
                left -= len(read(BULK))

    return timed(count, work)


def _small(party: Party, count: int) -> Sample:
    pair, data = _opened(party), bytes(SMALL)
    send, read = pair.send, pair.server.read

    def work() -> None:
        for _ in range(count):
            send(data)
            if len(read(READ_SIZE)) != SMALL:
                raise RuntimeError("a message was lost")

    return timed(count, work)


def _measured(sample: Callable[[Party, int], Sample], name: str, tls12: bool, count: int) -> Sample:
    return sample(make_party(name, tls12), count)


def _preparing(sample: Callable[[Party, int], Sample]) -> Callable[[Options], Any]:
    @contextlib.contextmanager
    def prepare(options: Options) -> Iterator[Sampler]:
        with Worker() as worker:
            yield lambda name, count: worker.call(_measured, sample, name, options.tls12, count)

    return prepare


BENCHMARKS: Final = (
    Benchmark(
        "buffers-handshake",
        (Metric("buffers: full handshakes", "1/s", per_second(), 0.95),),
        _preparing(_full_handshakes),
    ),
    Benchmark(
        "buffers-resumed",
        (Metric("buffers: resumed handshakes", "1/s", per_second(), 0.95),),
        _preparing(_resumed_handshakes),
    ),
    Benchmark(
        "buffers-bulk",
        (Metric("buffers: 64 KiB writes", "MB/s", per_second(BULK / 1e6), 0.95),),
        _preparing(_bulk),
    ),
    Benchmark(
        "buffers-small",
        (Metric("buffers: 100-byte messages", "1/s", per_second(), 0.75),),
        _preparing(_small),
    ),
)
