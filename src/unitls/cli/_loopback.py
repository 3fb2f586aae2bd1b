"""A server on the loopback interface that takes one connection at a time, for commands that play both ends."""

from __future__ import annotations

import hashlib
import random
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Self

from ..api._context import ClientContext, ServerContext
from ..api._wrapped import TLSWrappedSocket
from ._command import CommandError

TIMEOUT: Final = 30.0
_CHUNK: Final = 65536

Client = Callable[[TLSWrappedSocket], Any]
Server = Callable[[socket.socket], Any]


@dataclass(frozen=True, slots=True)
class Ending:
    """How one end of a connection fared.

    Attributes:
        value: what its function returned.
        error: what ended it instead.
    """

    value: Any = None
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class Exchange:
    """How both ends fared."""

    client: Ending
    server: Ending

    @property
    def error(self) -> Exception | None:
        """What went wrong: at the client, else at the server."""
        return self.client.error or self.server.error


class Loopback:
    """A listener on a free port. Closed at the end of a ``with`` block."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(TIMEOUT)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._listener.close()

    def exchange(
        self,
        server: Server,
        client: ClientContext,
        hostname: str,
        use: Client,
        before: Callable[[socket.socket], None] | None = None,
    ) -> Exchange:
        """Make one connection, and let both ends talk.

        Args:
            server: called in a thread of its own with the accepted socket, which it closes.
            client: wraps the client's end.
            hostname: whom the client takes the server for.
            use: called with the client's end once the handshake is done.
            before: called with the client's end before TLS begins.

        Returns:
            How both ends fared.
        """
        endings: list[Ending] = []
        thread = threading.Thread(target=lambda: endings.append(_guarded(lambda: self._serve(server))), daemon=True)
        thread.start()
        ending = _guarded(lambda: self._connect(client, hostname, use, before))
        thread.join(2 * TIMEOUT)
        return Exchange(ending, endings[0] if endings else Ending(error=TimeoutError("the server did not end in time")))

    def _serve(self, server: Server) -> Any:
        raw, _ = self._listener.accept()
        with raw:
            raw.settimeout(TIMEOUT)
            return server(raw)

    def _connect(
        self, client: ClientContext, hostname: str, use: Client, before: Callable[[socket.socket], None] | None
    ) -> Any:
        with socket.create_connection(self._listener.getsockname(), TIMEOUT) as raw:
            if before is not None:
                before(raw)
            with client.wrap_socket(raw, server_hostname=hostname) as wrapped:
                return use(wrapped)


def tls_server(context: ServerContext, use: Callable[[TLSWrappedSocket], Any]) -> Server:
    """A server that does the handshake, then calls `use`."""

    def serve(raw: socket.socket) -> Any:
        with context.wrap_socket(raw) as wrapped:
            wrapped.do_handshake()
            return use(wrapped)

    return serve


@dataclass(frozen=True, slots=True)
class Payload:
    """Bytes that differ in each direction, and are checked by their hash.

    Attributes:
        size: how many go each way.
    """

    size: int

    def send_and_check(self, wrapped: TLSWrappedSocket, *, first: bool) -> None:
        """Exchange the payloads: the client sends `first`, then the server; at the end both close cleanly.

        Raises:
            CommandError: what arrived is not what was sent.
            TLSError: the connection fails.
        """
        own, other = self._bytes("client" if first else "server"), self._bytes("server" if first else "client")
        if first:
            wrapped.sendall(own)
        received, digest = self._receive(wrapped)
        if received != self.size or digest != hashlib.sha256(other).digest():
            raise CommandError(f"{received} bytes arrived, which are not the {self.size} bytes that were sent.")
        if not first:
            wrapped.sendall(own)
        wrapped.shutdown(socket.SHUT_WR)
        if wrapped.recv(1):
            raise CommandError("more arrived than was sent.")

    def _receive(self, wrapped: TLSWrappedSocket) -> tuple[int, bytes]:
        digest, left = hashlib.sha256(), self.size
        while left and (chunk := wrapped.recv(min(left, _CHUNK))):
            digest.update(chunk)
            left -= len(chunk)
        return self.size - left, digest.digest()

    def _bytes(self, sender: str) -> bytes:
        return random.Random(sender).randbytes(self.size)


def _guarded(action: Callable[[], Any]) -> Ending:
    try:
        return Ending(action())
    except Exception as error:  # whatever a backend raises is a result
        return Ending(error=error)
