"""NSS, through cffi."""

from __future__ import annotations

import functools
from typing import Any, ClassVar

from ...api._certificates import Identity
from ...api._errors import TLSError
from ...api._features import Capabilities
from ...core._backend import make_backend
from ...core._late_verdict import late_fault
from ...core._provider import ConnectionPlan, Engine, Provider
from ...core._settings import Settings
from .._lasting import keep_for_good
from . import _identity, ciphers, config, errors, native
from .engine import NSSEngine


class NSSProvider(Provider):
    """NSS, as core sees it."""

    name = "nss"
    library_version = native.VERSION
    fault_types = (native.Error, native.WantRead)
    want_read = (native.WantRead,)
    buffer_types: ClassVar[tuple[type[Any], ...]] = (native.MemoryBuffer,)
    error_classes: ClassVar[dict[type[TLSError], type[TLSError]]] = errors.ERRORS.classes
    alpn_mismatch_is_fatal = True
    needs_client_hello = True

    def capabilities(self) -> Capabilities:
        return config.capabilities()

    def default_ciphers(self) -> tuple[int, ...]:
        return ciphers.default()

    def default_ciphers_for(self, settings: Settings) -> tuple[int, ...]:
        return config.default_suites(settings)

    def memory_buffer(self) -> native.MemoryBuffer:
        return native.MemoryBuffer()

    def check(self, settings: Settings) -> None:
        config.check(settings)

    def check_identity(self, identity: Identity) -> None:
        _identity.check_identity(identity)

    def leaf(self, identity: Identity) -> bytes:
        return _identity.leaf(identity)

    def build(self, settings: Settings) -> config.Native:
        return config.build(settings, functools.partial(late_fault, self, settings.configuration))

    def engine(self, context: config.Native, plan: ConnectionPlan, incoming: Any, outgoing: Any) -> Engine:
        return NSSEngine(context, plan, incoming, outgoing)

    def translate(self, error: BaseException) -> TLSError | None:
        return errors.translate(error)


keep_for_good(__name__, native.ffi.CData, type(native.nss))
BACKEND = make_backend(NSSProvider(), "NSS")
