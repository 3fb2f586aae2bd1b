"""Early data (RFC 8446 section 2.3).

OpenSSL has functions of its own for it, but the binding lacks the one that says whether it was accepted. That is read
from the handshake's messages, which OpenSSL shows to a callback (`_callbacks.keep_answer`).
"""

from __future__ import annotations

from typing import Any, Final

from ...api._configuration import TLSClientConfiguration
from ...api._errors import InternalTLSError
from ...core._provider import ConnectionPlan
from . import errors
from ._buffer import MemoryBuffer
from .config import Native
from .engine import PyOpenSSLEngine
from .native import KEPT, ERR_clear_error, allocate, ffi, from_buffer, lib, unpack

_RECORD: Final = 16384
_SUCCESS: Final = 1
_FINISH: Final = 2


class EarlyEngine(PyOpenSSLEngine):
    """A connection that may begin with early data."""

    __slots__ = ("_accepted", "_done", "_early", "_offered", "_room")

    def __init__(self, context: Native, plan: ConnectionPlan, incoming: MemoryBuffer, outgoing: MemoryBuffer) -> None:
        super().__init__(context, plan, incoming, outgoing)
        self._accepted = self._offered = False
        self._early = b""
        self._room = 0
        configuration = context.configuration
        if isinstance(configuration, TLSClientConfiguration) and configuration.early_data and plan.session is not None:
            self._room = lib.SSL_SESSION_get_max_early_data(plan.session.native)
        self._done = not getattr(configuration, "max_early_data", 0)

    def _step(self) -> None:
        KEPT.offered = KEPT.accepted = False
        try:
            if not self._done:
                self._read_early()
            super()._step()
        finally:
            self._offered |= KEPT.offered
            self._accepted |= KEPT.accepted

    def _read_early(self) -> None:
        """On a server: take the handshake to the end of the early data, which there need not be."""
        ERR_clear_error()
        if self._incoming.is_between:
            self._incoming.feed()
        target, size = allocate("char[]", _RECORD), ffi.new("size_t *")
        while not self._done:
            result = lib.SSL_read_early_data(self._ssl, target, _RECORD, size)
            if result not in (_SUCCESS, _FINISH):
                self._fail(result)
            self._early += unpack(target, size[0])
            self._done = result == _FINISH

    def write_early_data(self, data: Any) -> int:
        taken = min(len(data), self._room)
        if not taken:
            return 0
        ERR_clear_error()
        size = ffi.new("size_t *")
        if lib.SSL_write_early_data(self._ssl, from_buffer(data), taken, size) != 1:
            raise errors.translate(self._fault()) or errors.make(InternalTLSError, "OpenSSL has taken no early data")
        self._offered = True
        self._room -= size[0]
        return int(size[0])

    def read_early_data(self) -> bytes:
        data, self._early = self._early, b""
        return data

    def early_data_accepted(self) -> bool | None:
        return self._accepted if self._offered else None
