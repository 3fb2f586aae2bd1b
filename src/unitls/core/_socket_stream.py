"""Sending and receiving on a wrapped socket.

`send`, `sendall`, `recv` and `recv_into` are the hot path: one call into the buffer and one into the socket underneath,
and what is not plain success is left to `SocketTurns`. A read takes no more from the transport than was asked for (and
the overhead of the records), and gives all of it that is complete: programs that `select` before they read work as they
do with the `ssl` module.
"""

from __future__ import annotations

from time import monotonic

from ..api._buffers import ReadableBuffer, WritableBuffer
from ..api._errors import ConfigurationError, ConnectionFault, WantReadError, WantWriteError
from ._buffer import CoreBuffer
from ._reading import RECORD
from ._socket_turns import SocketTurns
from ._transport import WOULD_BLOCK
from ._writing import MAX_WRITE


class SocketStream(SocketTurns):
    """The part of a wrapped socket through which application data flows."""

    __slots__ = ()

    # ------------------------------------------------------------------------------------------ sending

    def send(self, data: ReadableBuffer, flags: int = 0, /) -> int:
        if flags or not self._ready:
            self._check_flags(flags)
            self._prepare()
        if type(data) is not bytes:
            data = memoryview(data).cast("B")
        timeout = self._timeout
        with self._send_lock:
            deadline = monotonic() + timeout if timeout else None
            if self._unsent or self._owed:
                return self._send_owed(data, deadline)
            try:
                taken, wire = self._buffer.encrypt(data)  # type: ignore[union-attr]
            except (WantReadError, WantWriteError):
                if timeout == 0:
                    raise
                taken, wire = self._encrypt(data, deadline)
            if self._send_at_once(wire, taken):
                return taken
            return self._send_owed(data, deadline)

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
            try:
                taken, wire = self._buffer.encrypt(data)  # type: ignore[union-attr]
            except (WantReadError, WantWriteError):
                if timeout == 0:
                    raise
                taken, wire = self._encrypt(data, deadline)
            if not self._send_at_once(wire, 0) or taken != len(data):
                self._send_long(data[taken:], deadline)

    def _send_at_once(self, wire: bytes, owed: int) -> bool:
        """Send ciphertext in one call; if not all of it gets out, keep the rest, and what it stands for."""
        sent = 0
        try:
            sent = self._raw.send(wire)
        except WOULD_BLOCK:
            pass  # the caller goes on with the rest, which tells what is wanted
        except TimeoutError:
            self._unsent, self._owed = wire, owed
            raise
        if sent == len(wire):
            return True
        self._unsent, self._owed = wire[sent:], owed
        return False

    # ------------------------------------------------------------------------------------------ receiving

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        if flags or not self._ready:
            self._check_flags(flags)
            self._prepare()
        if bufsize <= 0:
            return self._nothing(bufsize)
        buffer, timeout = self._buffer, self._timeout
        assert buffer is not None
        # Whole records are asked for: a bulk stream stays aligned, and each read ends where a record does. There is never
        # more plaintext in it than fits: the overhead of each record that was not counted on takes its place.
        wire = bufsize + self._overhead * ((bufsize + RECORD - 1) // RECORD)
        with self._recv_lock:
            deadline = monotonic() + timeout if timeout else None
            try:
                if self._rest and self._has_rest(buffer):
                    return self._recv_on(buffer, b"", None, bufsize, wire, deadline)
                try:
                    chunk = self._raw.recv(wire)  # the first wait of a call is the socket's own, with its own timeout
                except WOULD_BLOCK:
                    raise self._natives.provider.more_to_come() from None
                try:
                    data = buffer.receive(chunk, bufsize)
                except WantWriteError:
                    chunk, data = self._turn_to_write(buffer, chunk, deadline), None
                if not data or buffer.is_busy(len(data), bufsize):
                    return self._recv_on(buffer, chunk, data, bufsize, wire, deadline)
                return data
            except ConnectionFault:
                self._rest = True
                self._send_farewell(buffer)
                raise

    def _recv_on(
        self, buffer: CoreBuffer, chunk: bytes, data: bytes | None, bufsize: int, wire: int, deadline: float | None
    ) -> bytes:
        """`recv` where something is left over from before, or is left over now, or nothing has come of `chunk` yet."""
        self._rest = True
        if chunk and buffer.in_record:
            self._follow(chunk)
        if data is None:
            data = self._receive_on(buffer, wire, deadline, lambda chunk: buffer.receive(chunk, bufsize))
        self._look_after(buffer)
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
                return self._fill(view)

    def _fill(self, view: memoryview) -> int:
        """As `recv`, into `view`."""
        buffer, timeout, size = self._buffer, self._timeout, len(view)
        assert buffer is not None
        wire = size + self._overhead * ((size + RECORD - 1) // RECORD)
        with self._recv_lock:
            deadline = monotonic() + timeout if timeout else None
            try:
                if self._rest and self._has_rest(buffer):
                    return self._fill_on(buffer, b"", None, view, wire, deadline)
                try:
                    chunk = self._raw.recv(wire)
                except WOULD_BLOCK:
                    raise self._natives.provider.more_to_come() from None
                try:
                    taken = buffer.receive_into(chunk, view)
                except WantWriteError:
                    chunk, taken = self._turn_to_write(buffer, chunk, deadline), None
                if not taken or buffer.is_busy(taken, size):
                    return self._fill_on(buffer, chunk, taken, view, wire, deadline)
                return taken
            except ConnectionFault:
                self._rest = True
                self._send_farewell(buffer)
                raise

    def _fill_on(
        self, buffer: CoreBuffer, chunk: bytes, taken: int | None, view: memoryview, wire: int, deadline: float | None
    ) -> int:
        """As `_recv_on`, into `view`."""
        self._rest = True
        if chunk and buffer.in_record:
            self._follow(chunk)
        if taken is None:
            taken = self._receive_on(buffer, wire, deadline, lambda chunk: buffer.receive_into(chunk, view))
        self._look_after(buffer)
        return taken

    # ------------------------------------------------------------------------------------------ arguments

    def _check_flags(self, flags: int) -> None:
        if flags:
            raise ConfigurationError("flags have no meaning over TLS; pass 0")

    def _nothing(self, size: int) -> bytes:
        if size < 0:
            raise ValueError("negative buffersize in recv")
        return b""
