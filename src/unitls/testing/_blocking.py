"""A client and a server on blocking sockets, for cases in which waiting is the point."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from ..api._wrapped import TLSWrappedSocket
from ._ends import PATIENCE
from ._expect import require
from ._kit import HOST, Kit


class Blocking:
    """A client and a server on blocking sockets, each in a thread of its own.

    Args:
        kit: what the contexts come from.
        client: the context of the client.
        server: the context of the server.
    """

    def __init__(self, kit: Kit, client: Any = None, server: Any = None) -> None:
        left, right = kit.sockets()
        self._pool: ThreadPoolExecutor = kit.enter(ThreadPoolExecutor(2))
        self.server: TLSWrappedSocket = (server or kit.server()).wrap_socket(right)
        kit.enter(self.server)
        shaking = self.run(self.server.do_handshake)
        self.client: TLSWrappedSocket = (client or kit.client()).wrap_socket(left, server_hostname=HOST)
        kit.enter(self.client)
        shaking.result(PATIENCE)

    def run(self, call: Callable[[], Any]) -> Future[Any]:
        """Run `call` in another thread."""
        return self._pool.submit(call)


def receive_exactly(sock: TLSWrappedSocket, size: int) -> bytes:
    """Receive `size` bytes from a socket that waits."""
    got = bytearray()
    while len(got) < size:
        piece = sock.recv(min(65536, size - len(got)))
        require(piece, f"the connection ended after {len(got)} of {size} bytes")
        got += piece
    return bytes(got)
