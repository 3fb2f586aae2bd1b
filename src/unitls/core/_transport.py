"""The transport under a wrapped socket: sending and receiving ciphertext, and waiting until a deadline.

The socket underneath keeps its own mode and timeout and does most of the waiting itself, outside the connection's lock,
which is held around the library's calls alone.
"""

from __future__ import annotations

import errno
import socket as socket_module
from abc import abstractmethod
from math import inf
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from ..api._errors import ConfigurationError, TLSError, WantReadError, WantWriteError
from ..api._wrapped import TLSWrappedSocket
from ._buffer import CoreBuffer
from ._delegation import Delegation
from ._names import PeerNames
from ._records import RecordBounds
from ._wait import is_ready, wait

if TYPE_CHECKING:
    from ..api._context import Context
    from ._context import Natives

OVERHEAD: Final = 29
"""What a record adds to its plaintext with TLS 1.2 and AES-GCM: header 5, nonce 8, tag 16; the most of the usual suites."""
OVERHEAD_TLS13: Final = 22
"""The same with TLS 1.3: header 5, content type 1, tag 16."""
NEARLY_ALL: Final = 0.98
"""How much of a timeout has to be left for the socket's own wait to stand for the deadline of the call."""
WOULD_BLOCK: Final = (BlockingIOError, WantReadError, WantWriteError)
"""What a transport raises that does not block: a plain socket the first, a wrapped one (TLS in TLS) the others."""


class Transport(Delegation):
    """The fields of a wrapped socket, and what its parts do in common.

    One lock keeps readers in order and one writers, so that a thread may read while another writes.

    `_fresh` is how much of a call's time has to be left, in seconds, for the socket's own wait, in C, to do: while nearly
    all is left, its timeout ends with the deadline of the call. Later, and where the socket has none, `wait` comes first;
    a wrapped socket (TLS in TLS) cannot be waited for.

    Args:
        context: the context that makes it.
        natives: its native contexts, with their configuration.
        raw: the socket underneath.
        auto: whether the handshake runs by itself.
        names: what a client calls its peer.
    """

    __slots__ = (
        "__weakref__", "_auto", "_bounds", "_buffer", "_closed", "_context", "_fresh", "_gone", "_in_record", "_io_refs",
        "_linked", "_names", "_natives", "_nested", "_overhead", "_owed", "_raw", "_ready", "_recv_lock", "_rest",
        "_send_lock", "_timeout", "_trailing", "_unsent",
    )  # fmt: skip

    def __init__(self, context: Context, natives: Natives, raw: Any, auto: bool, names: PeerNames) -> None:
        self._context = context
        self._natives = natives
        self._names = names
        self._auto = auto
        self._raw = raw
        self._nested = type(raw) is not socket_module.socket and isinstance(raw, TLSWrappedSocket)
        self._timeout = timeout = raw.gettimeout()
        self._fresh = -inf if self._nested else inf if timeout is None else NEARLY_ALL * timeout
        new_lock = natives.new_lock
        self._recv_lock, self._send_lock = new_lock(), new_lock()
        self._buffer: CoreBuffer | None = None
        self._unsent = b""
        self._owed = 0
        self._overhead = OVERHEAD
        self._bounds: RecordBounds | None = None
        self._in_record = False
        self._rest = True
        self._trailing = b""
        self._io_refs = 0
        self._ready = self._linked = self._closed = self._gone = False

    def _opened(self) -> CoreBuffer:
        """The buffer, once there is a connection.

        Raises:
            OSError: the socket is closed, or not connected.
        """
        if self._gone:
            raise OSError(errno.EBADF, "the socket is closed")
        if not self._linked:
            if not examine(self._raw):
                raise OSError(errno.ENOTCONN, "the socket is not connected")
            self._begin(True)
        buffer = self._buffer
        assert buffer is not None
        return buffer

    @abstractmethod
    def _begin(self, connected: bool) -> None:
        """Make the buffer; see `SocketHandshake`."""

    def _record_bounds(self) -> RecordBounds:
        """Where the records end; most sockets never ask."""
        if self._bounds is None:
            self._bounds = RecordBounds()
        return self._bounds

    # ------------------------------------------------------------------------------------------ waiting

    def _deadline(self, limit: float | None = None) -> float | None:
        """When this call has to end. A socket that does not block has none: it never waits."""
        timeout = self._timeout
        if timeout == 0:
            return None
        if limit is not None:
            timeout = limit if timeout is None else min(timeout, limit)
        return None if timeout is None else monotonic() + timeout

    def _receive_raw(self, size: int, deadline: float | None, flags: int = 0) -> bytes:
        """Ciphertext from the transport, waiting until the deadline at the latest; ``b""`` at its end."""
        if deadline is not None and deadline - monotonic() < self._fresh:
            wait(self._raw.fileno(), write=False, deadline=deadline)
        try:
            return self._raw.recv(size, flags)  # type: ignore[no-any-return]
        except WOULD_BLOCK:
            raise self._natives.provider.fault(WantReadError, "nothing has come in yet") from None

    # ------------------------------------------------------------------------------------------ sending

    def _send_out(self, wire: bytes, deadline: float | None) -> None:
        """Send ciphertext, all of it; what does not get out (a signal, a timeout) goes first next time."""
        if self._unsent:
            wire = self._unsent + wire
        size, done = len(wire), 0
        try:
            while done < size:
                if deadline is not None and deadline - monotonic() < self._fresh:
                    wait(self._raw.fileno(), write=True, deadline=deadline)
                done += self._raw.send(memoryview(wire)[done:] if done else wire)
        except WOULD_BLOCK:
            raise self._natives.provider.fault(WantWriteError, "the transport takes no more for now") from None
        finally:
            self._unsent = wire[done:] if done < size else b""

    def _send_farewell(self, buffer: CoreBuffer, farewell: bytes | None = None) -> None:
        """Send an alert or a close_notify, if it can be done at once and anybody still listens."""
        try:
            wire = self._unsent + (buffer.take() if farewell is None else farewell)
            if wire and (self._nested or is_ready(self._raw.fileno(), write=True, timeout=0)):
                self._raw.send(wire)
            self._unsent = b""
        except (OSError, ValueError, TLSError):
            pass  # nobody listens any more; the connection ends in any case

    def _flush_aside(self, buffer: CoreBuffer) -> None:
        """A read has made something to send (the answer to a KeyUpdate): send it unless that would wait.

        A writer that is at work, or the next one, takes it along otherwise, and is told if nobody listens any more: the
        read has its own result.
        """
        if not self._send_lock.acquire(blocking=False):
            return
        try:
            if not self._unsent and (self._nested or is_ready(self._raw.fileno(), write=True, timeout=0)):
                self._send_out(buffer.take(), self._deadline())
        except (WantWriteError, OSError):
            pass  # what is left goes first with the next send
        finally:
            self._send_lock.release()


_kind_of: Final = socket_module.SocketType.type.__get__


def examine(raw: Any) -> bool:
    """Refuse what is no stream socket, and tell whether it has a peer.

    Raises:
        ConfigurationError: the message says what it is instead.
    """
    if type(raw) is socket_module.socket:
        kind = _kind_of(raw)  # the property makes a member of an enumeration of it
    elif isinstance(raw, (socket_module.socket, TLSWrappedSocket)):
        kind = raw.type
    else:
        raise ConfigurationError(
            f"a socket is needed to wrap, not {type(raw).__name__}; use wrap_buffers for other transports"
        )
    if kind != socket_module.SOCK_STREAM:
        raise ConfigurationError("only stream sockets (SOCK_STREAM) can be wrapped: there is no TLS over datagrams")
    try:
        raw.getpeername()
    except OSError:
        return False
    return True
