"""The primitive operations on one connection: an SSLContext over two memory buffers."""

from __future__ import annotations

import ctypes
from typing import Any, Final

from ...core._foreign import Transport
from ...core._provider import ConnectionPlan
from ...platforms.macos._foundation import copied, elements, text_of
from . import ciphers, native
from ._opening import open_session
from ._shaking import HEADER, HandshakeEngine
from .config import Native
from .native import Error, WantRead

READ_SIZE: Final = 65536
"""How much plaintext one call decrypts at most."""
_RECORD: Final = 16384
_ALERT: Final = 21
_BEHIND: Final = "SecureTransport reads nothing behind its own close_notify, and the peer has sent data there"
_VERSIONS: Final = {number: value for value, number in native.VERSIONS.items()}


class SecureTransportEngine(HandshakeEngine):
    """One connection.

    Args:
        context: what the connections of its configuration share.
        plan: what this connection needs.
        incoming: ciphertext from the peer.
        outgoing: ciphertext to the peer.
    """

    __slots__ = ("_agreed", "_cipher", "_closed", "_kept", "_last", "_processed", "_protocol", "_scratch", "_version")

    def __init__(self, context: Native, plan: ConnectionPlan, incoming: Any, outgoing: Any) -> None:
        self._context, self._plan = context, plan
        self._security = native.frameworks().security
        self._transport = Transport(incoming, outgoing, self)
        self.at_end = self._done = self._closed = self._is_judged = False
        self._tail = self.header = b""
        self.left = 0
        self._path: list[bytes] = []
        self._chain: list[bytes] = []
        self._kept = bytearray()
        self._last = native.OK
        self._processed = ctypes.c_size_t()
        self._scratch: Any = None
        self._version: int | None = None
        self._cipher: int | None = None
        self._agreed: bytes | None = None
        self._protocol = _chosen(context, plan)
        self._session = open_session(context, plan, self._transport.number, self._protocol)

    # ------------------------------------------------------------------------------------------ data

    def read(self, size: int) -> bytes:
        scratch = self._scratch
        if scratch is None:
            scratch = self._scratch = ctypes.create_string_buffer(READ_SIZE)
        return ctypes.string_at(scratch, self._read_to(scratch, min(size, READ_SIZE)))

    def read_into(self, size: int, buffer: Any) -> int:
        return self._read_to(ctypes.c_char.from_buffer(buffer), min(size, len(buffer)))

    def _read_to(self, target: Any, size: int) -> int:
        """Read as many whole records as are there and fit: a call of the library gives one."""
        if self._kept or self._closed:
            return self._read_kept(target, size)
        read, session, incoming = self._security.SSLRead, self._session.pointer, self._transport.incoming
        done = self._read_first(target, size)
        while done and size - done >= _RECORD and incoming.pending and self._last == native.OK:
            code = read(session, ctypes.byref(target, done), size - done, ctypes.byref(self._processed))
            self._note(code)
            if not self._processed.value:
                break
            done += self._processed.value
        return done

    def _read_first(self, target: Any, size: int) -> int:
        incoming, done = self._transport.incoming, self._processed
        while True:
            available = incoming.pending
            if self._last == native.OK:
                code = self._security.SSLRead(self._session.pointer, ctypes.byref(target), size, ctypes.byref(done))
                self._note(code)
                if done.value:
                    return done.value
            if self._last == native.CLOSED_GRACEFUL:
                return 0
            if self._last != native.OK:
                self.fail(self._last)
            if code == native.WOULD_BLOCK and not 0 < incoming.pending < available:
                self.raise_failure()
                raise WantRead

    def _note(self, code: int) -> None:
        """Remember what ends the connection: the next read meets it, if this one has data to give."""
        if code not in (native.OK, native.WOULD_BLOCK):
            self._last = code

    def write(self, data: Any) -> int:
        content = data if type(data) is bytes else bytes(data)
        done = self._processed
        code = self._security.SSLWrite(self._session.pointer, content, len(content), ctypes.byref(done))
        if code != native.OK and not done.value:
            self.fail(code)
        return done.value

    def pending(self) -> int:
        size = ctypes.c_size_t()
        self._security.SSLGetBufferedReadSize(self._session.pointer, ctypes.byref(size))
        return size.value + len(self._kept)

    # ------------------------------------------------------------------------------------------ the end

    def shutdown(self) -> None:
        if self._done:
            self._keep_what_came()
        self._closed = True
        if self._last == native.CLOSED_GRACEFUL:
            return  # the library has answered the peer's close_notify by itself
        code = self._security.SSLClose(self._session.pointer)
        if code != native.OK and self._done:
            self.fail(code)

    def _keep_what_came(self) -> None:
        """Decrypt what has come in, as SSLClose ends both directions; a fault is met again by the next read."""
        kept = bytearray()
        try:
            while part := self.read(READ_SIZE):
                kept += part
        except (WantRead, Error):
            pass
        self._kept = kept

    def _read_kept(self, target: Any, size: int) -> int:
        """Read what had come in before our close_notify; then see how the peer ends."""
        count = min(size, len(self._kept))
        if count:
            ctypes.memmove(ctypes.byref(target), bytes(self._kept[:count]), count)
            del self._kept[:count]
            return count
        if self._last == native.OK:
            self._await_end()
        elif self._last != native.CLOSED_GRACEFUL:
            self.fail(self._last)
        return 0

    def _await_end(self) -> None:
        """Take one record behind our close_notify: an alert is the peer's end, anything else a loss that is reported."""
        incoming = self._transport.incoming
        if not self.left:
            self.follow(incoming.read(HEADER - len(self.header)))
        if not self.left:
            raise WantRead
        if self.header[0] != _ALERT:
            self._last = native.CLOSED_ABORT
            raise Error(native.CLOSED_GRACEFUL, _BEHIND)
        self.follow(incoming.read(self.left))
        if self.left:
            raise WantRead
        self._last = native.CLOSED_GRACEFUL

    # ------------------------------------------------------------------------------------------ what was negotiated
    # The library tells it as long as the connection is open, so it is asked at once.

    def handshake(self) -> None:
        super().handshake()
        self._version, self._cipher, self._agreed = self._ask_version(), self._ask_cipher(), self._ask_protocol()

    def version(self) -> int | None:
        return self._version

    def cipher(self) -> int | None:
        return self._cipher

    def protocol(self) -> bytes | None:
        return self._agreed

    def _ask_version(self) -> int | None:
        place = ctypes.c_int()
        self._security.SSLGetNegotiatedProtocolVersion(self._session.pointer, ctypes.byref(place))
        return _VERSIONS.get(place.value)

    def _ask_cipher(self) -> int | None:
        return ciphers.negotiated(self._session.pointer)

    def _ask_protocol(self) -> bytes | None:
        if self._plan.server_side:
            return self._protocol  # the library would tell what the client has offered
        if not self._context.settings.protocols:
            return None
        security, pointer = self._security, self._session.pointer
        try:
            names = copied(lambda place: security.SSLCopyALPNProtocols(pointer, place))
        except Error:
            return None
        return next((text_of(item) for item in elements(names)), None) if names is not None else None

    def peer_chain(self) -> list[bytes]:
        return list(self._chain)

    def verified_chain(self) -> list[bytes]:
        return list(self._path)


def _chosen(context: Native, plan: ConnectionPlan) -> bytes | None:
    """On a server: the first of our protocols that the client offers. A server of the library would not choose."""
    if not plan.server_side or plan.hello is None:
        return None
    return next((name for name in context.settings.protocols if name in plan.hello.alpn), None)
