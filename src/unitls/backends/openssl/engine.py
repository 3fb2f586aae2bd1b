"""The primitive operations on one connection: an `ssl.SSLObject` over two memory BIOs."""

from __future__ import annotations

import contextlib
import ssl
from typing import Any, Final

from ...api._sessions import Session
from ...core._provider import ConnectionPlan, Engine
from .ciphers import from_name
from .native import ders, new_connection, unverified_chain

_VERSIONS: Final = {"TLSv1": 0x0301, "TLSv1.1": 0x0302, "TLSv1.2": 0x0303, "TLSv1.3": 0x0304}
_RECORD: Final = 16384
_newest: tuple[Any, list[bytes]] = (None, [])
"""The newest path: many connections in a row go to the same server. It is replaced whole, so it needs no lock."""


class OpenSSLEngine(Engine):
    """One connection. The hot operations are the methods of the C object itself.

    Args:
        context: the native context.
        plan: what this connection needs.
        incoming: ciphertext from the peer.
        outgoing: ciphertext to the peer.
    """

    __slots__ = ("_fault", "_held", "_raw")

    def __init__(
        self, context: ssl.SSLContext, plan: ConnectionPlan, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO
    ) -> None:
        server_side, server_name, session = plan.server_side, plan.server_name, plan.session
        if session is None:
            raw = new_connection(context, incoming, outgoing, server_side, server_name)
        else:
            raw = new_connection(context, incoming, outgoing, server_side, server_name, session=session.native)
        self._raw = raw
        self._held = b""
        self._fault: ssl.SSLError | None = None
        self.handshake, self.write, self.pending = raw.do_handshake, raw.write, raw.pending
        self.read = self.read_into = raw.read

    def shutdown(self) -> None:
        """Send close_notify (SSL_shutdown).

        The module calls SSL_shutdown a second time, which looks for the peer's close_notify and throws away what it
        finds in front of it. So everything that is there is read before, and given out later.
        """
        self._hold()
        with contextlib.suppress(
            ssl.SSLError
        ):  # our close_notify is out; what the second call found, the next read meets too
            self._raw.shutdown()

    def _hold(self) -> None:
        try:
            while data := self._raw.read(_RECORD):
                self._held += data
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            # OpenSSL tells a fault once: behind a fatal alert of the peer its next read would say the clean end.
            self._fault = error.with_traceback(None)
        if self._held or self._fault is not None:
            self.read, self.read_into, self.pending = self._read_held, self._read_held_into, self._pending_held

    def _read_held(self, size: int) -> bytes:
        if not self._held:
            if self._fault is not None:
                fault, self._fault = self._fault, None
                try:
                    raise fault
                finally:
                    del fault  # in a frame of its own traceback it would hold the connection
            data: bytes = self._raw.read(size)
            return data
        data, self._held = self._held[:size], self._held[size:]
        return data

    def _read_held_into(self, size: int, buffer: Any) -> int:
        data = self._read_held(size)
        buffer[: len(data)] = data
        return len(data)

    def _pending_held(self) -> int:
        return len(self._held) or self._raw.pending()

    def version(self) -> int | None:
        return _VERSIONS.get(self._raw.version())

    def cipher(self) -> int | None:
        cipher = self._raw.cipher()
        return None if cipher is None else from_name(cipher[0])

    def protocol(self) -> bytes | None:
        name = self._raw.selected_alpn_protocol()
        return None if name is None else name.encode()

    def peer_certificate(self) -> bytes | None:
        try:
            return self._raw.getpeercert(True)  # type: ignore[no-any-return]
        except ValueError:  # the handshake is under way, and the public getter waits for its end
            return next(iter(unverified_chain(self._raw)), None)

    def peer_chain(self) -> list[bytes]:
        chain = unverified_chain(self._raw)
        if not chain and (leaf := self.peer_certificate()) is not None:
            chain = [leaf]  # a resumed session keeps the leaf alone
        return chain

    def verified_chain(self) -> list[bytes]:
        """As SSL_get0_verified_chain tells it; empty for a resumed session."""
        global _newest
        found = self._raw.get_verified_chain()
        known, chain = _newest
        if found != known:  # comparing is X509_cmp, and cheaper than encoding
            chain = ders(found)
            _newest = found, chain
        return chain.copy()

    def session(self) -> Session | None:
        native: Any = self._raw.session
        is_tls13 = self.version() == 0x0304
        if native is None or not (native.has_ticket or (native.id and not is_tls13)):
            return None
        return Session(native, native.time + native.timeout, single_use=is_tls13, owner=self._raw.context)

    def resumed(self) -> bool | None:
        return bool(self._raw.session_reused)

    def group(self) -> int | None:
        """Not told by the module before Python 3.15; the feature is not claimed."""
        return None

    def tls_unique(self) -> bytes | None:
        binding: bytes | None = self._raw.get_channel_binding("tls-unique")
        return binding
