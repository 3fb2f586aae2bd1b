"""A client and a server in one thread, taken forward in lock-step.

One loop drives both ends: each is asked to go on, whatever it has to say is moved to the other, and a step in which
nothing moved and nobody went on is the end of it. So nothing here waits for a time, and a stuck handshake is found at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from ..api._errors import TLSError, WantReadError, WantWriteError
from ._ends import BufferEnd, End, SocketEnd, wait_for
from ._expect import NotConforming, require

CHUNK: Final = 65536


@dataclass(slots=True)
class Outcome:
    """What came of one end's operation.

    Attributes:
        done: whether it returned.
        value: what it returned.
        error: what it raised.
    """

    done: bool = False
    value: Any = None
    error: Exception | None = None

    @property
    def ended(self) -> bool:
        """Whether it has returned or raised; else it was still waiting when nothing moved any more."""
        return self.done or self.error is not None

    def result(self, what: str) -> Any:
        """Give what it returned.

        Raises:
            Exception: what it raised.
            NotConforming: it never ended.
        """
        if self.error is not None:
            raise self.error
        require(self.done, f"{what}: stuck, nothing moves any more")
        return self.value


class Pair:
    """A client and a server that can reach each other.

    Args:
        client: one end.
        server: the other.
        limit: how many bytes at most move in one step (`None`: all that is there); over buffers only.
    """

    def __init__(self, client: End, server: End, limit: int | None = None) -> None:
        self.client, self.server = client, server
        self._limit = limit

    def other(self, end: End) -> End:
        """The peer of `end`."""
        return self.server if end is self.client else self.client

    def move(self, wants: dict[End, bool]) -> set[End]:
        """Move what is on its way; gives the ends for which something has changed, so that they may go on.

        Args:
            wants: the ends that wait, and whether for writing.
        """
        if isinstance(self.client, SocketEnd):
            ready = wait_for({end.raw: write for end, write in wants.items() if isinstance(end, SocketEnd)})
            return {self.client, self.server} if ready else set()
        changed: set[End] = set()
        for end in (self.client, self.server):
            peer = self.other(end)
            assert isinstance(end, BufferEnd)
            assert isinstance(peer, BufferEnd)
            if sent := end.outgoing.read():
                peer.flight += sent
                changed.add(end)
            if peer.arrive(self._limit):
                changed.add(peer)
        return changed

    def drive(self, operations: dict[End, Callable[[], Any]]) -> dict[End, Outcome]:
        """Take operations forward until all have ended, or nothing moves any more.

        Args:
            operations: for one or both ends what to call, again and again while it raises a Want signal.

        Returns:
            What came of each.
        """
        outcomes = {end: Outcome() for end in operations}
        wants: dict[End, bool] = dict.fromkeys(operations, False)
        changed = set(operations)
        while True:
            # An end for which nothing has changed would only say again that it waits; with single bytes that takes longest.
            for end in [end for end in wants if end in changed or not changed]:
                write = _step(operations[end], outcomes[end])
                if write is None:
                    del wants[end]
                else:
                    wants[end] = write
            if not wants or not changed:
                self._flush()
                return outcomes
            changed = self.move(wants)

    def _flush(self) -> None:
        """Let what was said last arrive."""
        while not isinstance(self.client, SocketEnd) and self.move({}):
            pass

    # ------------------------------------------------------------------------------------------ the handshake

    def attempt(self) -> tuple[Exception | None, Exception | None]:
        """Run the handshake; gives the errors of client and server.

        An end that fails ends its transport, as a program would. The other then has its chance to read why: with TLS 1.3
        a client is done before the server has looked at its certificate.

        Raises:
            NotConforming: it got stuck.
        """
        ends = (self.client, self.server)
        outcomes = self.drive({end: self._shaking(end) for end in ends})
        for end in ends:
            if outcomes[end].done and outcomes[self.other(end)].error is not None:
                outcomes[end] = Outcome(True, error=self._heard(end))
        require(all(outcomes[end].ended for end in ends), "the handshake got stuck: both ends wait for each other")
        return outcomes[self.client].error, outcomes[self.server].error

    def _shaking(self, end: End) -> Callable[[], None]:
        def shake() -> None:
            try:
                end.tls.do_handshake()
            except (WantReadError, WantWriteError):
                raise
            except Exception:
                if not isinstance(end, SocketEnd):
                    self._flush()
                self.other(end).end_incoming()
                raise

        return shake

    def _heard(self, end: End) -> Exception | None:
        return self.drive({end: lambda: end.read(1)})[end].error

    def handshake(self) -> Pair:
        """Run a handshake that has to succeed.

        Raises:
            NotConforming: it failed; the error of the end that failed first is the cause.
        """
        client, server = self.attempt()
        error = client if server is None else server
        if error is not None:
            raise NotConforming(f"the handshake failed: client {client!r}, server {server!r}") from error
        return self

    # ------------------------------------------------------------------------------------------ data

    def read(self, end: End, amt: int | None = None) -> bytes:
        """Read once at `end`, up to `amt` bytes, as soon as something has come."""
        data: bytes = self.drive({end: lambda: end.read(amt)})[end].result("reading")
        return data

    def transfer(self, sender: End, data: bytes) -> bytes:
        """Send `data` from `sender` to its peer; gives what arrived there."""
        receiver = self.other(sender)
        left = memoryview(data)
        got = bytearray()

        def write() -> None:
            nonlocal left
            while left:
                left = left[sender.write(left) :]
            sender.write(b"")  # waits until all of it is out

        def read() -> None:
            while len(got) < len(data):
                piece = receiver.read(min(CHUNK, len(data) - len(got)))
                require(piece, f"the connection ended after {len(got)} of {len(data)} bytes")
                got.extend(piece)

        outcomes = self.drive({sender: write, receiver: read})
        outcomes[sender].result("writing")
        outcomes[receiver].result("reading")
        return bytes(got)

    def echo(self, data: bytes = b"ping") -> None:
        """Send `data` both ways, which has to arrive as it was sent.

        Raises:
            NotConforming: it did not.
        """
        for end in (self.client, self.server):
            arrived = self.transfer(end, data)
            require(arrived == data, f"{len(data)} bytes were sent, and {len(arrived)} others arrived")

    def close_write(self, end: End) -> None:
        """Send close_notify from `end`, and let it arrive."""
        self.drive({end: end.close_write})[end].result("sending close_notify")

    def cut(self, end: End) -> None:
        """End the transport from `end` without close_notify; what it has sent still arrives."""
        self._flush()
        self.other(end).end_incoming()


def _step(operation: Callable[[], Any], outcome: Outcome) -> bool | None:
    """Ask an end to go on; gives whether it waits to write, `None` when it has ended."""
    try:
        outcome.value = operation()
        outcome.done = True
    except WantReadError:
        return False
    except WantWriteError:
        return True
    except (TLSError, OSError, NotConforming) as error:
        outcome.error = error
    return None
