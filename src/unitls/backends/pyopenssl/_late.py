"""Client authentication after the handshake (RFC 8446 section 4.6.2)."""

from __future__ import annotations

from typing import Any

from ...api._errors import CertificateVerificationError, ConfigurationError
from ...api._protocols import ClientAuthentication
from ...core._clock import time_by
from ...core._late_verdict import ANOTHER, judge_late
from ...core._leaf_check import Fault
from ...core._provider import ConnectionPlan
from . import native
from ._buffer import MemoryBuffer
from ._early import EarlyEngine
from .config import Native
from .errors import make, plain
from .native import SSL, lib


class LateEngine(EarlyEngine):
    """A connection on which a certificate may come, or be asked for, while data is read.

    On a server core's verdict is asked for as soon as the certificate is there, and nothing that came behind it is given
    out before.
    """

    __slots__ = ("_awaited", "_before", "_finished")

    def __init__(self, context: Native, plan: ConnectionPlan, incoming: MemoryBuffer, outgoing: MemoryBuffer) -> None:
        super().__init__(context, plan, incoming, outgoing)
        self._awaited = False
        self._before: bytes | None = None
        self._finished: bytes | None = None

    def request_client_certificate(self) -> None:
        configuration: Any = self._context.configuration
        if self._context.clock is not None:
            self._set_time(time_by(self._context.clock))
        mode = SSL.VERIFY_PEER | native.SSL_VERIFY_POST_HANDSHAKE
        if configuration.client_authentication is not ClientAuthentication.OPTIONAL:
            mode |= SSL.VERIFY_FAIL_IF_NO_PEER_CERT
        native.ERR_clear_error()
        lib.SSL_set_verify(self._ssl, mode, native.keep_refused)
        if lib.SSL_verify_client_post_handshake(self._ssl) != 1:
            error = native.queued_error()
            text = f"the client cannot be asked for a certificate now: {plain(error.reason)}"
            raise make(ConfigurationError, text, native_code=error.code, native_text=str(error))
        self._before, self._awaited = self.peer_certificate(), True
        self._finished = self._peer_finished()
        self._step()

    def peer_is_proven(self) -> bool:
        return self._finished is None or self._finished != self._peer_finished()

    def _peer_finished(self) -> bytes | None:
        """The client's newest Finished message, the end of each of its answers."""
        return native.finished(lib.SSL_get_peer_finished, self._ssl)

    def read(self, n: int) -> bytes:
        with self._collected():
            try:
                data = super().read(n)
            except SSL.WantReadError:
                self._judge()
                raise
            self._judge()
        return data

    def read_into(self, n: int, buffer: Any) -> int:
        with self._collected():
            try:
                taken = super().read_into(n, buffer)
            except SSL.WantReadError:
                self._judge()
                raise
            self._judge()
        return taken

    def _judge(self) -> None:
        """On a server: give core's verdict on a certificate that has come."""
        if not self._awaited:
            return
        leaf = self.peer_certificate()
        if leaf is None or leaf == self._before:
            return
        self._awaited = False
        if self._before is not None:
            raise native.fault_error(ANOTHER)
        from . import PROVIDER

        try:
            judge_late(PROVIDER, self._context.configuration, self._plan, self)
        except CertificateVerificationError as refused:
            raise native.fault_error(Fault(refused.failure, str(refused), refused.subject)) from refused
