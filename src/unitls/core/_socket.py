"""The wrapped socket of every backend: a stream socket over a wrapped buffer.

The socket underneath keeps its own mode and timeout, and does the waiting: outside the connection's lock, which is held
around the library's calls alone. One lock keeps readers in order and one writers, so that a thread may read while
another writes. A read takes no more from the transport than was asked for (and a record's overhead): programs that
`select` before they read work as they do with the `ssl` module.
"""

from __future__ import annotations

import errno
import socket as socket_module
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from ..api._buffers import ReadableBuffer, WritableBuffer
from ..api._configuration import TLSConfiguration
from ..api._errors import (
    ConfigurationError,
    ConnectionFault,
    ProtocolViolation,
    TLSError,
    WantReadError,
    WantWriteError,
)
from ..api._wrapped import TLSWrappedSocket
from ._buffer import CoreBuffer
from ._delegation import Delegation
from ._names import PeerNames
from ._reading import RECORD
from ._records import RecordBounds
from ._wait import is_ready, remaining, wait
from ._writing import MAX_WRITE

if TYPE_CHECKING:
    from ..api._context import Context
    from ._context import Natives

OVERHEAD: Final = 29
"""What a record adds to its plaintext at most, with the usual suites (TLS 1.2 with AES-GCM: 5 + 8 + 16)."""
_WOULD_BLOCK: Final = (BlockingIOError, WantReadError, WantWriteError)


class CoreSocket(Delegation, TLSWrappedSocket):
    """The wrapped socket of every backend. Made by `wrap`."""

    __slots__ = (
        "__weakref__",
        "_auto",
        "_bounds",
        "_buffer",
        "_closed",
        "_context",
        "_gone",
        "_io_refs",
        "_names",
        "_natives",
        "_nested",
        "_owed",
        "_raw",
        "_raw_recv",
        "_raw_send",
        "_ready",
        "_recv_lock",
        "_send_lock",
        "_timeout",
        "_trailing",
        "_unsent",
    )  # fmt: skip

    def __init__(self, context: Context, natives: Natives, raw: Any, auto: bool, names: PeerNames) -> None:
        self._context = context
        self._natives = natives
        self._names = names
        self._auto = auto
        self._raw = raw
        self._raw_recv, self._raw_send = raw.recv, raw.send
        self._nested = isinstance(raw, TLSWrappedSocket)
        self._timeout: float | None = raw.gettimeout()
        self._recv_lock, self._send_lock = threading.Lock(), threading.Lock()
        self._bounds = RecordBounds()
        self._buffer: CoreBuffer | None = None
        self._unsent = b""
        self._owed = 0
        self._trailing = b""
        self._io_refs = 0
        self._ready = self._closed = self._gone = False

    @classmethod
    def wrap(cls, context: Context, natives: Natives, raw: Any, auto: bool, names: PeerNames) -> CoreSocket:
        """Wrap `raw`; does the handshake at once where `auto` asks for it and the socket can.

        Raises:
            ConfigurationError: it is not a stream socket.
            TLSError: as the handshake does; `raw` is closed then.
        """
        _check_stream(raw)
        wrapped = cls(context, natives, raw, auto, names)
        try:
            connected = _is_connected(raw)
            if connected or not natives.server_side:
                wrapped._begin(connected)
            if connected and auto and not natives.server_side and wrapped._timeout != 0:
                wrapped.do_handshake()
        except BaseException:
            raw.close()
            raise
        return wrapped

    def _begin(self, connected: bool) -> None:
        """Make the buffer, as soon as there is a connection; on a client also before, to find mistakes early."""
        if connected and not self._natives.server_side:
            self._refuse_early_plaintext()
        provider = self._natives.provider
        peer = self._peer_address() if connected else None
        self._buffer = CoreBuffer(
            self._context, self._natives, provider.memory_buffer(), provider.memory_buffer(), self._names,
            peer=peer, owner=self,
        )  # fmt: skip

    def _peer_address(self) -> Any:
        try:
            return self._raw.getpeername()
        except OSError:
            return None

    def _refuse_early_plaintext(self) -> None:
        """A server speaks only after our ClientHello: what is here already is plaintext, perhaps injected (STARTTLS)."""
        if self._nested:
            early = bool(self._raw.pending())
        elif early := is_ready(self._raw.fileno(), write=False, timeout=0):
            try:
                early = bool(self._raw.recv(1, socket_module.MSG_PEEK))
            except OSError:
                early = False  # the handshake will meet it
        if early:
            raise self._natives.provider.fault(
                ProtocolViolation, "plaintext was received behind the start of TLS: it may have been injected"
            )

    # ------------------------------------------------------------------------------------------ the pump

    def do_handshake(self) -> None:
        with self._recv_lock, self._send_lock:
            self._handshake()

    def _handshake(self) -> None:
        """The one loop of the handshake: step, send what came out, wait for a record, step again.

        Whatever ends it, what the library has to say about that (an alert) is still sent if that can be done at once.
        """
        buffer = self._opened()
        deadline = self._deadline(self._natives.configuration.handshake_timeout)
        try:
            self._flush(deadline)
            while not buffer.handshake_step():
                self._send_out(buffer.take(), deadline)
                self._receive_record(buffer, deadline)
            self._send_out(buffer.take(), deadline)
        except (ConnectionFault, ConfigurationError):
            self._send_farewell(buffer)
            raise
        self._ready = True

    def _receive_record(self, buffer: CoreBuffer, deadline: float | None) -> None:
        bounds = self._bounds
        while True:
            chunk = self._receive_raw(bounds.wanted, deadline)
            buffer.feed(chunk)
            if not chunk or bounds.advance(chunk):
                return

    def _prepare(self) -> None:
        """At first use: run the handshake, if that is ours to do. Two threads may come here at once."""
        if self._ready:
            return
        self._opened()
        if not self._auto:
            raise ConfigurationError("the handshake is not done: call do_handshake() first")
        with self._recv_lock, self._send_lock:
            if not self._ready:
                self._handshake()

    def _opened(self) -> CoreBuffer:
        if self._gone:
            raise OSError(errno.EBADF, "the socket is closed")
        if self._buffer is None:
            if not _is_connected(self._raw):
                raise OSError(errno.ENOTCONN, "the socket is not connected")
            self._begin(True)
            assert self._buffer is not None
        return self._buffer

    def _deadline(self, limit: float | None = None) -> float | None:
        """When this call has to end. A socket that does not block has none: it never waits."""
        timeout = self._timeout
        if timeout == 0:
            return None
        if limit is not None:
            timeout = limit if timeout is None else min(timeout, limit)
        return None if timeout is None else time.monotonic() + timeout

    def _receive_raw(self, size: int, deadline: float | None) -> bytes:
        """Ciphertext from the transport, waiting until the deadline at the latest; ``b""`` at its end."""
        try:
            if deadline is not None:
                left = remaining(deadline)
                if not self._nested and not is_ready(self._raw.fileno(), write=False, timeout=left):
                    raise TimeoutError("timed out")
            return self._raw_recv(size)  # type: ignore[no-any-return]
        except _WOULD_BLOCK:
            raise self._natives.provider.fault(WantReadError, "nothing has come in yet") from None

    # ------------------------------------------------------------------------------------------ sending

    def _flush(self, deadline: float | None) -> None:
        if self._unsent:
            self._send_out(b"", deadline)

    def _send_out(self, wire: bytes, deadline: float | None) -> None:
        """Send ciphertext, all of it; what does not get out (a signal, a timeout) goes first next time."""
        wire = self._unsent + wire if self._unsent else wire
        done = 0
        try:
            with memoryview(wire) as view:
                while done < len(wire):
                    if deadline is not None and not self._nested:
                        wait(self._raw.fileno(), write=True, deadline=deadline)
                    done += self._raw_send(view[done:])
        except _WOULD_BLOCK:
            raise self._natives.provider.fault(WantWriteError, "the transport takes no more for now") from None
        finally:
            self._unsent = wire[done:]

    def _send_farewell(self, buffer: CoreBuffer) -> None:
        """Send an alert or a close_notify, if it can be done at once and anybody still listens."""
        try:
            wire = self._unsent + buffer.take()
            if wire and (self._nested or is_ready(self._raw.fileno(), write=True, timeout=0)):
                self._raw_send(wire)
            self._unsent = b""
        except (OSError, ValueError, TLSError):
            pass  # nobody listens any more; the connection ends in any case

    def send(self, data: ReadableBuffer, flags: int = 0, /) -> int:
        if flags or not self._ready:
            self._check_flags(flags)
            self._prepare()
        if type(data) is not bytes:
            data = memoryview(data).cast("B")
        with self._send_lock:
            if self._unsent or self._owed:
                return self._send_owed(data)
            taken, wire = self._buffer.encrypt(data)  # type: ignore[union-attr]
            try:
                sent = self._raw_send(wire)
            except _WOULD_BLOCK:
                sent = 0
            except TimeoutError:
                self._unsent = wire
                raise
            if sent != len(wire):
                self._unsent, self._owed = wire[sent:], taken
                return self._send_owed(data)
            return taken

    def _send_owed(self, data: ReadableBuffer) -> int:
        """Finish a send that was begun: what it took is reported once its ciphertext is out.

        So a program that got `WantWriteError` and repeats the call with the same data sends it once.
        """
        owed = self._owed
        if owed > len(data):
            raise ConfigurationError("after WantWriteError, send() has to be repeated with the same data")
        self._flush(self._deadline())
        self._owed = 0
        if owed:
            return owed
        taken, wire = self._buffer.encrypt(data)  # type: ignore[union-attr]
        self._owed = taken
        self._send_out(wire, self._deadline())
        self._owed = 0
        return taken

    def sendall(self, data: ReadableBuffer, flags: int = 0, /) -> None:
        if flags or not self._ready:
            self._check_flags(flags)
            self._prepare()
        if type(data) is not bytes:
            data = memoryview(data).cast("B")
        with self._send_lock:
            if len(data) > RECORD or self._unsent:
                return self._send_long(data, self._deadline())
            taken, wire = self._buffer.encrypt(data)  # type: ignore[union-attr]
            try:
                sent = self._raw_send(wire)
            except _WOULD_BLOCK:
                sent = 0
            except TimeoutError:
                self._unsent = wire
                raise
            if sent != len(wire) or taken != len(data):
                self._unsent = wire[sent:]
                self._send_long(data[taken:], self._deadline())

    def _send_long(self, data: ReadableBuffer, deadline: float | None) -> None:
        buffer = self._opened()
        self._flush(deadline)
        self._owed = done = 0
        with memoryview(data) as view:
            while done < len(view):
                taken, wire = buffer.encrypt(view[done : done + MAX_WRITE])
                done += taken
                self._send_out(wire, deadline)

    # ------------------------------------------------------------------------------------------ receiving

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        if flags or not self._ready:
            self._check_flags(flags)
            self._prepare()
        if bufsize <= 0:
            return self._nothing(bufsize)
        buffer = self._buffer
        assert buffer is not None
        timeout = self._timeout
        with self._recv_lock:
            deadline = time.monotonic() + timeout if timeout else None
            try:
                data = buffer.receive(None, bufsize) if buffer.buffered else None
                if data is None:
                    data = buffer.receive(self._first_chunk(bufsize), bufsize)
                    while data is None:
                        data = buffer.receive(self._receive_raw(bufsize + OVERHEAD, deadline), bufsize)
            except ConnectionFault:
                self._send_farewell(buffer)
                raise
            if buffer.outgoing_pending:
                self._flush_aside(buffer)
            return data

    def recv_into(self, buffer: WritableBuffer, nbytes: int = 0, flags: int = 0, /) -> int:
        if flags or not self._ready:
            self._check_flags(flags)
            self._prepare()
        with memoryview(buffer) as whole, whole.cast("B") as octets:
            size = min(nbytes, len(octets)) if nbytes else len(octets)
            if size <= 0:
                return len(self._nothing(size))
            with octets[:size] as view:
                return self._fill(view)

    def _fill(self, view: memoryview) -> int:
        buffer, size, timeout = self._buffer, len(view), self._timeout
        assert buffer is not None
        with self._recv_lock:
            deadline = time.monotonic() + timeout if timeout else None
            try:
                taken = buffer.receive_into(None, view) if buffer.buffered else None
                if taken is None:
                    taken = buffer.receive_into(self._first_chunk(size), view)
                    while taken is None:
                        taken = buffer.receive_into(self._receive_raw(size + OVERHEAD, deadline), view)
            except ConnectionFault:
                self._send_farewell(buffer)
                raise
            if buffer.outgoing_pending:
                self._flush_aside(buffer)
            return taken

    def _first_chunk(self, size: int) -> bytes:
        """The first wait of a call: the socket's own, with its own timeout."""
        try:
            return self._raw_recv(size + OVERHEAD)  # type: ignore[no-any-return]
        except _WOULD_BLOCK:
            raise self._natives.provider.fault(WantReadError, "nothing has come in yet") from None

    def _flush_aside(self, buffer: CoreBuffer) -> None:
        """A read has made something to send (the answer to a KeyUpdate): send it unless that would wait.

        A writer that is at work, or the next one, takes it along otherwise.
        """
        if not self._send_lock.acquire(blocking=False):
            return
        try:
            if not self._unsent and (self._nested or is_ready(self._raw.fileno(), write=True, timeout=0)):
                self._send_out(buffer.take(), self._deadline())
        except WantWriteError:
            pass  # what is left goes first with the next send
        finally:
            self._send_lock.release()

    # ------------------------------------------------------------------------------------------ the end

    def shutdown(self, how: int, /) -> None:
        if how != socket_module.SHUT_RD and self._buffer is not None:
            with self._send_lock:
                self._buffer.shutdown()
                self._send_out(self._buffer.take(), self._deadline())
        self._raw.shutdown(how)

    def unwrap(self) -> socket_module.socket:
        buffer = self._opened()
        with self._recv_lock, self._send_lock:
            deadline = self._deadline()
            if self._ready:
                buffer.shutdown()
                self._send_out(buffer.take(), deadline)
                self._await_close(buffer, deadline)
            self._trailing = buffer.take_trailing()
        self._closed = self._gone = True
        return self._raw  # type: ignore[no-any-return]

    def _await_close(self, buffer: CoreBuffer, deadline: float | None) -> None:
        data = buffer.receive(None, 1)
        while data is None:
            # A close_notify fits in one small read, so that little of what follows it ends up in `trailing_data`.
            data = buffer.receive(self._receive_raw(OVERHEAD + 2, deadline), 1)
        if data:
            raise self._natives.provider.fault(
                ConnectionFault,
                "application data came instead of close_notify and would be lost: read it before unwrap()",
            )

    @property
    def trailing_data(self) -> bytes:
        return self._trailing

    def close(self) -> None:
        self._closed = True
        if self._io_refs <= 0 and not self._gone:
            self._gone = True
            self._say_goodbye()
            self._raw.close()

    def _say_goodbye(self) -> None:
        buffer = self._buffer
        if buffer is None or not self._ready or not self._send_lock.acquire(blocking=False):
            return
        try:
            buffer.shutdown()
            self._send_farewell(buffer)
        except (OSError, TLSError):
            pass  # the connection is lost already; there is nobody to say goodbye to
        finally:
            self._send_lock.release()

    def detach(self) -> int:
        self._closed = self._gone = True
        return self._raw.detach()  # type: ignore[no-any-return]

    # ------------------------------------------------------------------------------------------ connecting

    def connect(self, address: Any, /) -> None:
        self._check_client()
        self._raw.connect(address)
        self._connected()

    def connect_ex(self, address: Any, /) -> int:
        self._check_client()
        number: int = self._raw.connect_ex(address)
        if not number:
            self._connected()
        return number

    def _check_client(self) -> None:
        if self._natives.server_side:
            raise ConfigurationError("a server side socket cannot connect; wrap it with a client context")

    def _connected(self) -> None:
        self._begin(True)
        if self._auto and self._timeout != 0:
            self.do_handshake()

    def accept(self) -> tuple[TLSWrappedSocket, Any]:
        raw, address = self._raw.accept()
        # The context as it is now: a listener goes on with new certificates without being opened again.
        context: Any = self._context
        return type(self).wrap(context, context._usable(), raw, self._auto, self._names), address

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
        self._timeout = self._raw.gettimeout()

    def setblocking(self, flag: bool, /) -> None:
        self.settimeout(None if flag else 0.0)

    def _check_flags(self, flags: int) -> None:
        if flags:
            raise ConfigurationError("flags have no meaning over TLS; pass 0")

    def _nothing(self, size: int) -> bytes:
        if size < 0:
            raise ValueError("negative buffersize in recv")
        return b""

    def __repr__(self) -> str:
        state = "closed" if self._closed else repr(self._buffer)
        return f"<{type(self).__name__} over {self._raw!r}: {state}>"


def _check_stream(raw: Any) -> None:
    kind = getattr(raw, "type", None)
    if not isinstance(raw, (socket_module.socket, TLSWrappedSocket)):
        raise ConfigurationError(
            f"a socket is needed to wrap, not {type(raw).__name__}; use wrap_buffers for other transports"
        )
    if kind != socket_module.SOCK_STREAM:
        raise ConfigurationError("only stream sockets (SOCK_STREAM) can be wrapped: there is no TLS over datagrams")


def _is_connected(raw: Any) -> bool:
    try:
        raw.getpeername()
    except OSError:
        return False
    return True
