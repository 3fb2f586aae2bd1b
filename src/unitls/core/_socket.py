"""The wrapped socket of every backend: a stream socket over a wrapped buffer."""

from __future__ import annotations

import errno
import socket as socket_module
from math import inf
from typing import TYPE_CHECKING, Any

from ..api._configuration import TLSConfiguration
from ..api._errors import ConfigurationError, ConnectionFault, TLSError
from ..api._wrapped import TLSWrappedSocket
from ._buffer import CoreBuffer
from ._names import PeerNames
from ._socket_stream import SocketStream
from ._transport import NEARLY_ALL, OVERHEAD, examine

if TYPE_CHECKING:
    from ..api._context import Context
    from ._context import Natives


class CoreSocket(SocketStream, TLSWrappedSocket):
    """Handshake and stream over one `Transport`, and how it ends. Made by `wrap`."""

    __slots__ = ()

    @classmethod
    def wrap(cls, context: Context, natives: Natives, raw: Any, auto: bool, names: PeerNames) -> CoreSocket:
        """Wrap `raw`; does the handshake at once where `auto` asks for it and the socket can.

        Raises:
            ConfigurationError: it is not a stream socket.
            TLSError: as the handshake does; `raw` is closed then.
        """
        is_connected, is_client = examine(raw), not natives.server_side
        wrapped = cls(context, natives, raw, auto, names)
        try:
            if is_connected or is_client:
                wrapped._begin(is_connected)
            if is_connected and is_client and auto and wrapped._timeout != 0:
                wrapped._handshake()  # nobody else knows this socket yet, so the locks can wait
        except BaseException:
            raw.close()
            raise
        return wrapped

    def accept(self) -> tuple[TLSWrappedSocket, Any]:
        if not self._natives.server_side:
            raise ConfigurationError("a client side socket cannot accept; wrap it with a server context")
        # The context as it is now: a listener goes on with new certificates without being opened again.
        context: Any = self._context
        natives = context._usable()
        raw, address = self._raw.accept()
        return self.wrap(context, natives, raw, self._auto, self._names), address

    # ------------------------------------------------------------------------------------------ the end

    def shutdown(self, how: int, /) -> None:
        if self._gone:  # after unwrap() the plain stream is somebody else's
            raise OSError(errno.EBADF, "the socket is closed")
        if how in (socket_module.SHUT_WR, socket_module.SHUT_RDWR) and self._ready:
            with self._send_lock:
                buffer = self._opened()
                buffer.shutdown()
                self._send_out(buffer.take(), self._deadline())
        self._raw.shutdown(how)

    def unwrap(self) -> socket_module.socket:
        buffer = self._opened()
        with self._recv_lock, self._send_lock:
            deadline = self._deadline()
            if not self._ready:
                raise ConfigurationError("the handshake is not done: there is no TLS to end")
            buffer.shutdown()
            self._send_out(buffer.take(), deadline)
            self._await_close(buffer, deadline)
            self._trailing = buffer.take_trailing()
        self._closed, self._gone, self._ready = True, True, False
        return self._raw  # type: ignore[no-any-return]

    def _await_close(self, buffer: CoreBuffer, deadline: float | None) -> None:
        data = buffer.receive(None, 1)
        while data is None:
            # A close_notify fits in one small read, so that little of what follows it ends up in `trailing_data`.
            data = buffer.receive(self._receive_raw(OVERHEAD + 2, deadline), 1)
        if data:
            text = "application data came instead of close_notify and would be lost: read it before unwrap()"
            raise self._natives.provider.fault(ConnectionFault, text)

    @property
    def trailing_data(self) -> bytes:
        return self._trailing

    def close(self) -> None:
        self._closed = True
        if self._io_refs <= 0 and not self._gone:
            self._gone = True
            self._say_goodbye()
            self._ready = False
            self._raw.close()

    def _say_goodbye(self) -> None:
        buffer = self._buffer
        if buffer is None or not self._ready or not self._send_lock.acquire(blocking=False):
            return
        try:
            self._send_farewell(buffer, buffer.farewell())
        except (OSError, TLSError):
            pass  # the connection is lost already; there is nobody to say goodbye to
        finally:
            self._send_lock.release()

    def detach(self) -> int:
        self._closed, self._gone, self._ready = True, True, False
        return self._raw.detach()  # type: ignore[no-any-return]

    # ------------------------------------------------------------------------------------------ context, settings

    @property
    def context(self) -> Context:
        return self._context if self._buffer is None else self._buffer.context

    @context.setter
    def context(self, value: Context) -> None:
        if self._buffer is None:
            raise ConfigurationError("the context of a connection can be changed in its server name callback only")
        self._buffer.context = value

    @property
    def configuration(self) -> TLSConfiguration:
        return self._natives.configuration if self._buffer is None else self._buffer.configuration

    def settimeout(self, value: float | None, /) -> None:
        self._raw.settimeout(value)
        self._timeout = timeout = self._raw.gettimeout()
        if not self._nested:
            self._fresh = inf if timeout is None else NEARLY_ALL * timeout

    def setblocking(self, flag: bool, /) -> None:
        self.settimeout(None if flag else 0.0)

    def __repr__(self) -> str:
        state = "closed" if self._closed else repr(self._buffer)
        return f"<{type(self).__name__} over {self._raw!r}: {state}>"
