"""The plain part of a wrapped socket: what goes to the socket underneath, what to the buffer, and what is refused."""

from __future__ import annotations

import contextlib
import socket as socket_module
from collections.abc import Callable
from typing import IO, TYPE_CHECKING, Any, NoReturn

from ..api._buffers import ReadableBuffer, WritableBuffer
from ..api._errors import ConfigurationError, WantWriteError
from ..api._protocols import NextProtocol
from ..api._versions import TLSVersion
from ._buffer import CoreBuffer

if TYPE_CHECKING:
    from ..api._ciphers import CipherSuite
    from ..api._groups import NamedGroup
    from ..api._wrapped import TLSWrappedSocket

_BLOCK = 65536


def _no_datagrams() -> NoReturn:
    raise ConfigurationError(
        "TLS is a stream: use recv, recv_into, send and sendall; there are no datagrams or messages"
    )


class Delegation:
    """A mix-in over ``_raw`` and ``_buffer``."""

    __slots__ = ()

    _raw: Any
    _buffer: CoreBuffer | None
    _natives: Any
    _names: Any
    _closed: bool
    _gone: bool
    _io_refs: int
    _timeout: float | None
    _send_lock: Any

    if TYPE_CHECKING:

        def close(self) -> None: ...
        def _deadline(self) -> float | None: ...
        def _opened(self) -> CoreBuffer: ...
        def _send_out(self, wire: bytes, deadline: float | None) -> None: ...
        def sendall(self, data: ReadableBuffer, flags: int = 0, /) -> None: ...

    # ------------------------------------------------------------------------------------------ the buffer's

    def cipher(self) -> CipherSuite | int | None:
        return None if self._buffer is None else self._buffer.cipher()

    def negotiated_protocol(self) -> NextProtocol | bytes | None:
        return None if self._buffer is None else self._buffer.negotiated_protocol()

    @property
    def negotiated_tls_version(self) -> TLSVersion | None:
        return None if self._buffer is None else self._buffer.negotiated_tls_version

    def getpeercert(self) -> bytes | None:
        return None if self._buffer is None else self._buffer.getpeercert()

    def getpeerchain(self) -> list[bytes]:
        return [] if self._buffer is None else self._buffer.getpeerchain()

    def getverifiedchain(self) -> list[bytes]:
        return [] if self._buffer is None else self._buffer.getverifiedchain()

    @property
    def server_side(self) -> bool:
        return bool(self._natives.server_side)

    @property
    def server_name(self) -> str | None:
        return self._names.server_name if self._buffer is None else self._buffer.server_name

    @property
    def session_resumed(self) -> bool | None:
        return None if self._buffer is None else self._buffer.session_resumed

    @property
    def group(self) -> NamedGroup | int | None:
        return None if self._buffer is None else self._buffer.group

    def get_channel_binding(self, kind: str = "tls-exporter") -> bytes | None:
        return self._handshaken().get_channel_binding(kind)

    def export_keying_material(self, label: bytes, length: int, context: bytes | None = None) -> bytes:
        return self._handshaken().export_keying_material(label, length, context)

    def ocsp_response(self) -> bytes | None:
        return self._handshaken().ocsp_response()

    def request_client_certificate(self) -> None:
        self._command(CoreBuffer.request_client_certificate)

    def update_keys(self) -> None:
        self._command(CoreBuffer.update_keys)

    def _command(self, command: Callable[[CoreBuffer], None]) -> None:
        """Let the library send something of its own, now: the next send may be far away."""
        buffer = self._handshaken()
        with self._send_lock:
            command(buffer)
            # The command was taken, and must not be repeated: what does not get out now goes first with the next send.
            with contextlib.suppress(WantWriteError):
                self._send_out(buffer.take(), self._deadline())

    def write_early_data(self, data: ReadableBuffer) -> int:
        return self._opened().write_early_data(data)

    def read_early_data(self) -> bytes:
        return self._opened().read_early_data()

    @property
    def early_data_accepted(self) -> bool | None:
        return self._handshaken().early_data_accepted

    def pending(self) -> int:
        return 0 if self._buffer is None or self._gone else self._buffer.pending()

    def _handshaken(self) -> CoreBuffer:
        if self._buffer is None:
            raise ConfigurationError("the handshake is not done: call do_handshake() first")
        return self._buffer

    # ------------------------------------------------------------------------------------------ the socket's

    @property
    def family(self) -> int:
        return self._raw.family  # type: ignore[no-any-return]

    @property
    def type(self) -> int:
        return self._raw.type  # type: ignore[no-any-return]

    @property
    def proto(self) -> int:
        return self._raw.proto  # type: ignore[no-any-return]

    @property
    def timeout(self) -> float | None:
        return self._timeout

    def gettimeout(self) -> float | None:
        return self._timeout

    def getblocking(self) -> bool:
        return self._timeout != 0

    def fileno(self) -> int:
        return self._raw.fileno()  # type: ignore[no-any-return]

    def bind(self, address: Any, /) -> None:
        self._raw.bind(address)

    def listen(self, backlog: int | None = None, /) -> None:
        self._raw.listen() if backlog is None else self._raw.listen(backlog)

    def getpeername(self) -> Any:
        return self._raw.getpeername()

    def getsockname(self) -> Any:
        return self._raw.getsockname()

    def getsockopt(self, level: int, optname: int, buflen: int = 0, /) -> Any:
        return self._raw.getsockopt(level, optname, buflen) if buflen else self._raw.getsockopt(level, optname)

    def setsockopt(self, level: int, optname: int, *value: Any) -> None:
        self._raw.setsockopt(level, optname, *value)

    def get_inheritable(self) -> bool:
        return self._raw.get_inheritable()  # type: ignore[no-any-return]

    def set_inheritable(self, inheritable: bool, /) -> None:
        self._raw.set_inheritable(inheritable)

    # ------------------------------------------------------------------------------------------ files

    # The standard library's own code over `recv_into`, `send` and `_io_refs`: a file reads plaintext, never the raw socket.
    makefile: Any = socket_module.socket.makefile

    def _decref_socketios(self) -> None:
        self._io_refs = max(0, self._io_refs - 1)  # type: ignore[misc]
        if self._closed:
            self.close()

    def sendfile(self, file: IO[bytes], offset: int = 0, count: int | None = None) -> int:
        """Send a file, by reading it: TLS cannot leave that to the kernel.

        Args:
            file: a regular file opened in binary mode.
            offset: where to start.
            count: how many bytes; `None` to its end.

        Returns:
            How many bytes were sent; the file's position is moved behind them.

        Raises:
            ValueError: the socket does not block, the file is a text file, or a number is negative.
        """
        if self._timeout == 0:
            raise ValueError("non-blocking sockets are not supported")
        if "b" not in getattr(file, "mode", "b"):
            raise ValueError("file should be opened in binary mode")
        if offset < 0 or (count is not None and count <= 0):
            raise ValueError("offset is not negative and count is positive")
        file.seek(offset)
        sent = 0
        while count is None or sent < count:
            block = file.read(_BLOCK if count is None else min(_BLOCK, count - sent))
            if not block:
                break
            self.sendall(block)
            sent += len(block)
        file.seek(offset + sent)
        return sent

    # ------------------------------------------------------------------------------------------ refused

    def dup(self) -> TLSWrappedSocket:
        raise ConfigurationError("the state of a TLS connection cannot be shared by two sockets: dup() is not possible")

    def recvfrom(self, bufsize: int, flags: int = 0, /) -> tuple[bytes, Any]:
        _no_datagrams()

    def recvfrom_into(self, buffer: WritableBuffer, nbytes: int = 0, flags: int = 0, /) -> tuple[int, Any]:
        _no_datagrams()

    def recvmsg(self, bufsize: int, ancbufsize: int = 0, flags: int = 0, /) -> Any:
        _no_datagrams()

    def recvmsg_into(self, buffers: Any, ancbufsize: int = 0, flags: int = 0, /) -> Any:
        _no_datagrams()

    def sendmsg(self, buffers: Any, ancdata: Any = (), flags: int = 0, address: Any = None, /) -> int:
        _no_datagrams()

    def sendto(self, data: ReadableBuffer, *args: Any) -> int:
        _no_datagrams()

    def __getstate__(self) -> NoReturn:
        raise TypeError(f"cannot pickle a {self.__class__.__name__}")
