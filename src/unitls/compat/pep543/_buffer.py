"""The text's wrapped buffer, over core's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...api._buffers import ReadableBuffer
from ...api._ciphers import CipherSuite
from ...api._errors import ConfigurationError
from ...api._protocols import NextProtocol
from ...api._versions import TLSVersion
from .._wire import Wire
from ._abstract import TLSWrappedBuffer
from ._faces import FACES

if TYPE_CHECKING:
    import socket as socket_module

    from ._abstract import Context


class Buffer(TLSWrappedBuffer):
    """A connection in memory.

    Args:
        context: the context that makes it.
        names: what core's context is told besides the buffers: the server's name on a client.
    """

    __slots__ = ("__weakref__", "_context", "_names", "_tls", "_used", "_wire")

    def __init__(self, context: Context, *names: str | None) -> None:
        core: Any = context._core  # type: ignore[union-attr]
        incoming, outgoing = core.backend.memory_buffer(), core.backend.memory_buffer()
        self._context = context
        self._names = names
        self._used = False
        self._tls: Any = core.wrap_buffers(incoming, outgoing, *names)
        self._wire = Wire(self._tls, incoming)
        FACES[id(self._tls)] = self

    def _surrender(self, socket: socket_module.socket) -> tuple[Context, Any]:
        """Give the connection away to a socket, before it has begun."""
        if self._used:
            raise ConfigurationError("the buffer was used already: a socket needs a new one")
        core: Any = self._context._core  # type: ignore[union-attr]
        tls = core.wrap_socket(socket, False, *self._names)
        self._used, self._tls = True, _GIVEN_AWAY
        self._wire = Wire(_GIVEN_AWAY, _GIVEN_AWAY)
        return self._context, tls

    def read(self, amt: int) -> bytes:
        data: bytes = self._tls.read(amt)
        return data

    def readinto(self, buffer: Any, amt: int) -> int:
        size: int = self._tls.read_into(buffer, amt)
        return size

    def write(self, buf: ReadableBuffer) -> int:
        size: int = self._tls.write(buf)
        return size

    def do_handshake(self) -> None:
        self._used = True
        self._tls.do_handshake()

    def cipher(self) -> CipherSuite | int | None:
        suite: CipherSuite | int | None = self._tls.cipher()
        return suite

    def negotiated_protocol(self) -> NextProtocol | bytes | None:
        protocol: NextProtocol | bytes | None = self._tls.negotiated_protocol()
        return protocol

    @property
    def context(self) -> Context:
        return self._context

    @property
    def negotiated_tls_version(self) -> TLSVersion | None:
        version: TLSVersion | None = self._tls.negotiated_tls_version
        return version

    def shutdown(self) -> None:
        self._used = True
        self._tls.shutdown()

    def receive_from_network(self, data: bytes) -> None:
        self._used = True
        self._wire.push(data)

    def peek_outgoing(self, amt: int) -> bytes:
        return self._wire.peek(amt)

    def consume_outgoing(self, amt: int) -> None:
        self._wire.discard(amt)

    def bytes_buffered(self) -> int:
        return self._wire.outgoing_size

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._tls!r}>"


class _GivenAway:
    """Stands for a connection that belongs to a socket now: every use says so."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise ConfigurationError("this buffer belongs to a wrapped socket now: use the socket")

    def __repr__(self) -> str:
        return "a wrapped socket"


_GIVEN_AWAY = _GivenAway()
