"""The primitive operations on one connection: a native connection over two native buffers."""

from __future__ import annotations

import time
from typing import Any, Final

from ...api._errors import ConfigurationError
from ...api._sessions import Session
from ...core._clock import time_by
from ...core._key_log import append_to_key_log
from ...core._ocsp import ocsp_fault
from ...core._provider import ConnectionPlan, Engine
from . import native
from .config import Native
from .errors import make
from .verify import first_fault

_TICKET_LIFETIME: Final = 7 * 24 * 3600
"""The longest that a ticket may live (RFC 8446 section 4.6.1); rustls itself offers none that its server ended earlier."""


class RustlsEngine(Engine):
    """One connection. The hot operations are the methods of the native object itself.

    Args:
        context: the native configuration.
        plan: what this connection needs.
        incoming: ciphertext from the peer.
        outgoing: ciphertext to the peer.
    """

    __slots__ = ("_context", "_outgoing", "_plan", "_raw", "_response_due")

    def __init__(
        self, context: Native, plan: ConnectionPlan, incoming: native.MemoryBuffer, outgoing: native.MemoryBuffer
    ) -> None:
        session: Any = None if plan.session is None else plan.session.native
        raw = native.Connection(context.config, incoming, outgoing, plan.server_name, session)
        self._context = context
        self._plan = plan
        self._raw = raw
        self._outgoing = outgoing
        self._response_due = context.request_ocsp
        self.read, self.read_into, self.write, self.pending = raw.read, raw.read_into, raw.write, raw.pending

    def handshake(self) -> None:
        clock = self._context.clock
        now, written = None if clock is None else max(0, int(time_by(clock))), self._outgoing.pending
        try:
            self._raw.handshake(now)
        except native.WantRead:
            self._check_response(written)
            raise
        except native.Error as error:
            interruption = native.interruption(error)
            if interruption is None:
                self._explain(error)
                raise
            try:
                raise interruption
            finally:
                del interruption  # in a frame of its own traceback it would hold the connection
        finally:
            if self._context.key_log is not None:
                self._write_log(self._context.key_log)
        self._check_response(written)

    def _check_response(self, written: int) -> None:
        """Check the stapled OCSP response as soon as the server was verified, where one is demanded.

        On a no, all that this step of the handshake has written but the first `written` bytes is taken back, as core
        does on its own no. A resumed session has none: it was checked when the session was made.
        """
        if not self._response_due or not self._raw.peer_chain():
            return
        self._response_due = False
        if self._raw.resumed():
            return
        accepted = False
        try:
            fault = ocsp_fault(self._raw.ocsp(), self._raw.verified_chain(), time_by(self._context.clock))
            accepted = fault is None
        finally:
            if not accepted:
                earlier = self._outgoing.read()[:written]
                self._outgoing.write(earlier)
        if fault is not None:
            error = native.Error("certificate", "InvalidOcspResponse", fault.text)
            error.fault = fault
            raise error

    def _explain(self, error: native.Error) -> None:
        """Note on a refused certificate which of its faults is to be reported."""
        kind, code, text = native.arguments(error)
        if kind == "certificate":
            now = time_by(self._context.clock)
            error.fault = first_fault(
                code, text, self._raw.peer_chain(), self._plan.subjects, self._context.authorities, now
            )

    def _write_log(self, path: str) -> None:
        lines = self._raw.take_log()
        if lines:
            append_to_key_log(path, lines.encode("ascii"))

    def shutdown(self) -> None:
        self._raw.shutdown()

    def version(self) -> int | None:
        return self._raw.version()

    def cipher(self) -> int | None:
        return self._raw.cipher()

    def protocol(self) -> bytes | None:
        return self._raw.protocol()

    def peer_chain(self) -> list[bytes]:
        return self._raw.peer_chain()

    def verified_chain(self) -> list[bytes]:
        return self._raw.verified_chain()

    def session(self) -> Session | None:
        session = self._raw.take_session()
        if session is None:
            return None
        return Session(session, time.time() + _TICKET_LIFETIME, single_use=session.is_tls13, owner=self._context)

    def resumed(self) -> bool | None:
        return self._raw.resumed()

    def group(self) -> int | None:
        return self._raw.group()

    def export(self, label: bytes, length: int, context: bytes | None) -> bytes:
        material = self._raw.export(label, length, context)
        if material is None:
            raise make(ConfigurationError, "there is no keying material for such a label, context or length")
        return material

    def ocsp_response(self) -> bytes | None:
        return self._raw.ocsp() or None

    def update_keys(self) -> None:
        self._raw.update_keys()

    def write_early_data(self, data: Any) -> int:
        return self._raw.write_early(data)

    def read_early_data(self) -> bytes:
        return self._raw.take_early()

    def early_data_accepted(self) -> bool | None:
        return self._raw.early_accepted()
