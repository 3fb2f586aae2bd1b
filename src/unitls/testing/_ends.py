"""The two ends of a connection under test, over memory buffers or over non-blocking sockets, behind one face."""

from __future__ import annotations

import contextlib
import select
import socket
from collections.abc import Callable
from typing import Any, Final, Protocol

from ..api._wrapped import TLSWrappedBuffer, TLSWrappedSocket

PATIENCE: Final = 30.0
"""How many seconds two ends on the loopback may need for one step, before they are taken to be stuck.

Far more than it takes, so that a machine under load fails nothing.
"""


class End(Protocol):
    """One end: its connection, and the operations that a buffer and a socket name differently."""

    tls: Any

    def read(self, amt: int | None = None) -> bytes:
        """Read application data; never waits."""

    def read_into(self, buffer: bytearray, amt: int | None = None) -> int:
        """Read application data into a buffer; never waits."""

    def write(self, data: Any) -> int:
        """Write application data; never waits."""

    def close_write(self) -> None:
        """Send close_notify."""

    def inject(self, data: bytes) -> None:
        """Let `data` arrive at this end, as if the peer had sent it."""

    def end_incoming(self) -> None:
        """End the transport towards this end, behind what is on its way."""


class BufferEnd:
    """An end over two memory buffers.

    Args:
        make_buffer: what makes them.
        wrap: makes the connection of them.

    Attributes:
        flight: what the peer has sent and has not arrived here yet.
    """

    def __init__(self, make_buffer: Callable[[], Any], wrap: Callable[[Any, Any], Any]) -> None:
        self.incoming, self.outgoing = make_buffer(), make_buffer()
        self.flight = bytearray()
        self._ending = self._ended = False
        self.tls: Any = wrap(self.incoming, self.outgoing)

    def read(self, amt: int | None = None) -> bytes:
        data: bytes = self.tls.read(amt)
        return data

    def read_into(self, buffer: bytearray, amt: int | None = None) -> int:
        taken: int = self.tls.read_into(buffer, amt)
        return taken

    def write(self, data: Any) -> int:
        taken: int = self.tls.write(data)
        return taken

    def close_write(self) -> None:
        self.tls.shutdown()

    def inject(self, data: bytes) -> None:
        self.flight += data

    def end_incoming(self) -> None:
        self._ending = True

    def arrive(self, limit: int | None) -> bool:
        """Move up to `limit` bytes of the flight into the incoming buffer; False if nothing has moved."""
        if self.flight:
            size = len(self.flight) if limit is None else limit
            # A full buffer takes less; the rest stays on its way.
            taken: int = self.incoming.write(bytes(self.flight[:size]))
            del self.flight[:taken]
            return taken > 0
        if self._ending and not self._ended:
            self.incoming.write_eof()
            self._ended = True
            return True
        return False


class SocketEnd:
    """An end over a non-blocking socket.

    Args:
        raw: the socket.
        peer: the socket at the other side.
        wrap: makes the connection of `raw`.
    """

    def __init__(self, raw: socket.socket, peer: socket.socket, wrap: Callable[[socket.socket], Any]) -> None:
        self.raw, self._peer = raw, peer
        self.tls: Any = wrap(raw)

    def read(self, amt: int | None = None) -> bytes:
        data: bytes = self.tls.recv(65536 if amt is None else amt)
        return data

    def read_into(self, buffer: bytearray, amt: int | None = None) -> int:
        taken: int = self.tls.recv_into(buffer, amt or 0)
        return taken

    def write(self, data: Any) -> int:
        taken: int = self.tls.send(data)
        return taken

    def close_write(self) -> None:
        self.tls.shutdown(socket.SHUT_WR)

    def inject(self, data: bytes) -> None:
        self._peer.sendall(data)

    def end_incoming(self) -> None:
        with contextlib.suppress(OSError):  # it may have ended already
            self._peer.shutdown(socket.SHUT_WR)


def wait_for(wants: dict[socket.socket, bool]) -> bool:
    """Wait until one of the sockets can go on.

    Args:
        wants: for each socket whether it waits to write (True) or to read.

    Returns:
        False if none could within `PATIENCE`.
    """
    reading = [raw for raw, write in wants.items() if not write]
    writing = [raw for raw, write in wants.items() if write]
    readable, writable, _ = select.select(reading, writing, [], PATIENCE)
    return bool(readable or writable)


def is_buffer(connection: TLSWrappedBuffer | TLSWrappedSocket) -> bool:
    """Whether `connection` is one over memory buffers."""
    return isinstance(connection, TLSWrappedBuffer)
