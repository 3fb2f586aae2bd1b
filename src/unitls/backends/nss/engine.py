"""The primitive operations on one connection: a TLS socket of NSS over our two buffers."""

from __future__ import annotations

import contextlib
import time
from typing import Any, Final

from ...api._errors import ConfigurationError
from ...api._sessions import Session
from ...api._versions import TLSVersion
from ...core._provider import ConnectionPlan
from . import _hooks, native
from ._shaking import WANT_READ, HandshakeEngine
from .config import Native
from .errors import make, translate
from .native import FAILURE, SUCCESS, WOULD_BLOCK, ffi, nspr, ssl

_TICKET_LIFETIME: Final = 7 * 24 * 3600
"""The longest that a ticket may live (RFC 8446 section 4.6.1); NSS itself offers none that its server ended earlier."""
_SCRATCH: Final = 64 * 1024
_SEND: Final = 1


class NSSEngine(HandshakeEngine):
    """One connection."""

    __slots__ = ("_early_sent", "_is_asking", "_scratch", "_view")

    def __init__(self, context: Native, plan: ConnectionPlan, incoming: Any, outgoing: Any) -> None:
        super().__init__(context, plan, incoming, outgoing)
        self._is_asking = False
        self._scratch: Any = None
        self._view: Any = None
        self._early_sent: int | None = None  # how much, once the ClientHello is out

    # ------------------------------------------------------------------------------------------ data

    def read(self, size: int) -> bytes:
        if self._scratch is None:
            self._scratch = ffi.new("char[]", _SCRATCH)
            self._view = ffi.buffer(self._scratch)
        taken = self._receive(self._scratch, min(size, _SCRATCH))
        return self._view[:taken]  # type: ignore[no-any-return]

    def read_into(self, size: int, buffer: Any) -> int:
        return self._receive(ffi.from_buffer(buffer), size)

    def _receive(self, target: Any, size: int) -> int:
        """One record's plaintext; 0 at the peer's close_notify."""
        incoming = self._incoming
        while True:
            available = incoming.held
            taken: int = nspr.PR_Recv(self._socket, target, size, 0, 0)
            if self._is_asking:
                self._look_for_answer()
            if taken > 0:
                return taken
            self.raise_failure()
            if taken == 0 and self._closed:
                return 0
            code = nspr.PR_GetError() if taken < 0 else WOULD_BLOCK
            # A server that wants to renegotiate has been told no (with a warning), and may go on.
            if code != WOULD_BLOCK and (code != native.NO_RENEGOTIATION or self.server_side):
                raise self.failed(code)
            left = incoming.held
            if not left or left == available:
                raise WANT_READ

    def write(self, data: Any) -> int:
        held = data if type(data) is bytes else ffi.from_buffer(data)
        taken: int = nspr.PR_Send(self._socket, held, len(held), 0, 0)
        if taken < 0:
            code = nspr.PR_GetError()
            self.raise_failure()
            raise WANT_READ if code == WOULD_BLOCK else self.failed(code)
        return taken

    def pending(self) -> int:
        waiting: int = ssl.SSL_DataPending(self._socket)
        return max(0, waiting)

    def shutdown(self) -> None:
        if nspr.PR_Shutdown(self._socket, _SEND) == FAILURE:
            code = nspr.PR_GetError()
            self.raise_failure()
            raise self.failed(code)

    # ------------------------------------------------------------------------------------------ the peer

    def peer_chain(self) -> list[bytes]:
        if not self._chain and self._done:
            self._chain = _hooks.sent_chain(self._socket)
        return list(self._chain)

    def verified_chain(self) -> list[bytes]:
        return list(self._path)

    def ocsp_response(self) -> bytes | None:
        return self._ocsp or self.stapled(self._socket) or None

    # ------------------------------------------------------------------------------------------ sessions, keys

    def session(self) -> Session | None:
        token, self._token = self._token, None
        if token is None:
            return None
        is_tls13 = self.version() == TLSVersion.TLSv1_3
        return Session(token, time.time() + _TICKET_LIFETIME, single_use=is_tls13, owner=self._context)

    def request_client_certificate(self) -> None:
        if native.send_certificate_request(self._socket) != SUCCESS:
            raise make(ConfigurationError, f"the client cannot be asked for a certificate now: {native.last_error()}")
        self._is_asking = True

    def peer_is_proven(self) -> bool:
        return not self._is_asking

    def _look_for_answer(self) -> None:
        """Find out whether the client's answer is complete, which NSS does not say: it updates no keys before."""
        code = nspr.PR_GetError()
        self._is_asking = native.key_update(self._socket, 0) != SUCCESS
        nspr.PR_SetError(code, 0)

    def update_keys(self) -> None:
        if native.key_update(self._socket, 0) != SUCCESS:
            raise make(ConfigurationError, f"the keys cannot be updated now: {native.last_error()}")

    # ------------------------------------------------------------------------------------------ early data

    def write_early_data(self, data: Any) -> int:
        if not self._context.early_data or self._plan.session is None:
            return 0
        if self._early_sent is None:
            self._early_sent = 0
            native.checked(ssl.SSL_OptionSet(self._socket, native.EARLY_DATA, 1))
            with contextlib.suppress(WANT_READ):  # the ClientHello goes before it
                self.handshake()
        try:
            taken = self.write(data)
        except WANT_READ:
            return 0  # this session allows none, or no more
        except native.Error as error:
            raise translate(error) or error from error
        self._early_sent += taken
        return taken

    def read_early_data(self) -> bytes:
        data, self._early = self._early, b""
        return data

    def early_data_accepted(self) -> bool | None:
        accepted = bool(self._channel().earlyDataAccepted)
        if self.server_side:
            return accepted or None
        return accepted if self._early_sent else None
