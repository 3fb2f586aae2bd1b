"""Sending and receiving on a wrapped socket.

`send`, `sendall`, `recv` and `recv_into` are the hot path: one call into the buffer and one into the socket underneath,
and what is not plain success is left to the slower methods. A read takes no more from the transport than was asked for
(and a record's overhead), and gives all of it that is complete: programs that `select` before they read work as they do
with the `ssl` module.
"""

from __future__ import annotations

from time import monotonic

from ..api._buffers import ReadableBuffer, WritableBuffer
from ..api._errors import ConfigurationError, ConnectionFault, WantReadError
from ._buffer import CoreBuffer
from ._reading import RECORD
from ._socket_handshake import SocketHandshake
from ._transport import WOULD_BLOCK
from ._writing import MAX_WRITE


class SocketStream(SocketHandshake):
    """The part of a wrapped socket through which application data flows."""

    __slots__ = ()

    # ------------------------------------------------------------------------------------------ sending

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
            except WOULD_BLOCK:
                sent = 0
            except TimeoutError:
                self._unsent, self._owed = wire, taken
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
        self._send_out(b"", self._deadline())
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
        timeout = self._timeout
        with self._send_lock:
            deadline = monotonic() + timeout if timeout else None
            if len(data) > MAX_WRITE or self._unsent:
                return self._send_long(data, deadline)
            taken, wire = self._buffer.encrypt(data)  # type: ignore[union-attr]
            try:
                sent = self._raw_send(wire)
            except WOULD_BLOCK:
                sent = 0
            except TimeoutError:
                self._unsent = wire
                raise
            if sent != len(wire) or taken != len(data):
                self._unsent = wire[sent:]
                self._send_long(data[taken:], deadline)

    def _send_long(self, data: ReadableBuffer, deadline: float | None) -> None:
        buffer = self._opened()
        self._send_out(b"", deadline)
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
        buffer, timeout = self._buffer, self._timeout
        # Whole records are asked for: a bulk stream stays aligned, and each read ends where a record does. There is never
        # more plaintext in it than fits: the overhead of each record that was not counted on takes its place.
        wire = bufsize + self._overhead * ((bufsize + RECORD - 1) // RECORD)
        with self._recv_lock:
            deadline = monotonic() + timeout if timeout else None
            try:
                data = buffer.receive(None, bufsize) if buffer.buffered else None  # type: ignore[union-attr]
                if data is None:
                    # The first wait of a call is the socket's own, with its own timeout.
                    data = buffer.receive(self._raw_recv(wire), bufsize)  # type: ignore[union-attr]
                    while data is None:
                        data = buffer.receive(self._receive_more(buffer, wire, deadline), bufsize)  # type: ignore[union-attr, arg-type]
            except WOULD_BLOCK:
                raise self._nothing_yet() from None
            except ConnectionFault:
                self._send_farewell(buffer)  # type: ignore[arg-type]
                raise
            if buffer.outgoing_pending:  # type: ignore[union-attr]
                self._flush_aside(buffer)  # type: ignore[arg-type]
            return data

    def recv_into(self, buffer: WritableBuffer, nbytes: int = 0, flags: int = 0, /) -> int:
        if flags or not self._ready:
            self._check_flags(flags)
            self._prepare()
        with memoryview(buffer) as whole, whole.cast("B") as octets:
            if whole.readonly:
                raise TypeError("a buffer that can be written to is needed")
            size = min(nbytes, len(octets)) if nbytes else len(octets)
            if size <= 0:
                return len(self._nothing(size))
            with octets[:size] as view:
                return self._receive_into(view)

    def _receive_into(self, view: memoryview) -> int:
        """As `recv`, into `view`."""
        buffer, timeout, size = self._buffer, self._timeout, len(view)
        wire = size + self._overhead * ((size + RECORD - 1) // RECORD)
        assert buffer is not None
        with self._recv_lock:
            deadline = monotonic() + timeout if timeout else None
            try:
                taken = buffer.receive_into(None, view) if buffer.buffered else None
                if taken is None:
                    taken = buffer.receive_into(self._raw_recv(wire), view)
                    while taken is None:
                        taken = buffer.receive_into(self._receive_more(buffer, wire, deadline), view)
            except WOULD_BLOCK:
                raise self._nothing_yet() from None
            except ConnectionFault:
                self._send_farewell(buffer)
                raise
            if buffer.outgoing_pending:
                self._flush_aside(buffer)
            return taken

    def _receive_more(self, buffer: CoreBuffer, size: int, deadline: float | None) -> bytes:
        """A record without data, or a part of one, came: answer it if need be, and wait for the rest."""
        if buffer.outgoing_pending:
            self._flush_aside(buffer)
        return self._receive_raw(size, deadline)

    # ------------------------------------------------------------------------------------------ arguments

    def _nothing_yet(self) -> WantReadError:
        fault: WantReadError = self._natives.provider.fault(WantReadError, "nothing has come in yet")
        return fault

    def _check_flags(self, flags: int) -> None:
        if flags:
            raise ConfigurationError("flags have no meaning over TLS; pass 0")

    def _nothing(self, size: int) -> bytes:
        if size < 0:
            raise ValueError("negative buffersize in recv")
        return b""
