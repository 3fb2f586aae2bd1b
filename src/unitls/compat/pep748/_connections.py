"""The text's socket and buffer, over core's."""

from __future__ import annotations

from typing import Any

from ...api._buffers import ReadableBuffer, WritableBuffer
from ...api._ciphers import CipherSuite
from ...api._errors import TLSError, WantReadError, WantWriteError
from ...api._protocols import NextProtocol
from .._wire import Wire
from ._configuration import TLSVersion
from ._protocols import ClientContext, ServerContext, TLSBuffer, TLSSocket
from ._translate import text_version


class _Informed:
    """What both tell of the connection."""

    __slots__ = ()
    _context: ClientContext | ServerContext
    _tls: Any

    @property
    def context(self) -> ClientContext | ServerContext:
        """The context this belongs to."""
        return self._context

    def cipher(self) -> CipherSuite | int | None:
        """The cipher suite that was negotiated."""
        suite: CipherSuite | int | None = self._tls.cipher()
        return suite

    def negotiated_protocol(self) -> NextProtocol | bytes | None:
        """The protocol that was agreed on by ALPN, if any."""
        protocol: NextProtocol | bytes | None = self._tls.negotiated_protocol()
        return protocol

    @property
    def negotiated_tls_version(self) -> TLSVersion | None:
        """The version that was negotiated."""
        return text_version(self._tls.negotiated_tls_version)

    def getpeercert(self) -> bytes | None:
        """The peer's certificate in DER, if it sent one."""
        der: bytes | None = self._tls.getpeercert()
        return der

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._tls!r}>"


class Socket(_Informed, TLSSocket):
    """A socket of a context; it does not block."""

    _is_listener: bool

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise TypeError("sockets are made by the connect() of a context, and by accept()")

    @classmethod
    def over(cls, context: ClientContext | ServerContext, tls: Any, *, is_listener: bool = False) -> Socket:
        """The face of a wrapped socket of core, which is put into non-blocking mode."""
        self = cls.__new__(cls)
        self._context, self._tls, self._is_listener = context, tls, is_listener
        tls.setblocking(False)
        return self

    def recv(self, bufsize: int) -> bytes:
        data: bytes = self._tls.recv(bufsize)
        return data

    def send(self, bytes: ReadableBuffer) -> int:
        size: int = self._tls.send(bytes)
        return size

    def close(self, force: bool = False) -> None:
        try:
            if not (force or self._tls.negotiated_tls_version is None or self._tls.fileno() < 0):
                self._tls.unwrap().close()
        except (WantReadError, WantWriteError):
            raise
        except (OSError, TLSError):
            self._tls.close()  # the peer's close_notify will not come any more
            raise
        else:
            self._tls.close()

    def listen(self, backlog: int) -> None:
        self._tls.listen(backlog)

    def accept(self) -> tuple[Socket, Any]:
        try:
            tls, address = self._tls.accept()
        except BlockingIOError as error:
            raise WantReadError("no connection waits") from error
        return self.over(self._context, tls), address

    def getsockname(self) -> Any:
        return self._tls.getsockname()

    def getpeername(self) -> Any:
        return self._tls.getpeername()

    def fileno(self) -> int:
        """The descriptor, to wait for; -1 when it is closed. Not in the text, which has no other way to wait."""
        number: int = self._tls.fileno()
        return number


class Buffer(_Informed, TLSBuffer):
    """A connection of a context in memory."""

    def __init__(self, context: ClientContext | ServerContext, *args: Any, **options: Any) -> None:
        core: Any = context._core  # type: ignore[union-attr]
        incoming, outgoing = core.backend.memory_buffer(), core.backend.memory_buffer()
        self._context = context
        self._tls = core.wrap_buffers(incoming, outgoing, *args, **options)
        self._wire = Wire(self._tls, incoming)

    def read(self, amt: int, buffer: WritableBuffer | None = None) -> bytes | int:
        result: bytes | int = self._tls.read(amt) if buffer is None else self._tls.read_into(buffer, amt)
        return result

    def write(self, buf: ReadableBuffer) -> int:
        size: int = self._tls.write(buf)
        return size

    def do_handshake(self) -> None:
        self._tls.do_handshake()

    def shutdown(self) -> None:
        self._tls.shutdown()

    def process_incoming(self, data_from_network: bytes) -> None:
        self._wire.push(data_from_network)

    def incoming_bytes_buffered(self) -> int:
        return self._wire.incoming_size

    def process_outgoing(self, amount_bytes_for_network: int) -> bytes:
        return self._wire.take(amount_bytes_for_network)

    def outgoing_bytes_buffered(self) -> int:
        return self._wire.outgoing_size
