"""GnuTLS 3.7 and newer, through cffi."""

from __future__ import annotations

import functools
from typing import Any, ClassVar

from ...api._certificates import Identity
from ...api._errors import TLSError
from ...api._features import Capabilities
from ...core._backend import make_backend
from ...core._foreign import ForeignBuffer
from ...core._late_verdict import late_fault
from ...core._provider import ConnectionPlan, Engine, Provider
from ...core._settings import Settings
from .._lasting import keep_for_good
from . import ciphers, config, errors, native
from .engine import READ_SIZE, GnuTLSEngine


class GnuTLSProvider(Provider):
    """GnuTLS, as core sees it."""

    name = "gnutls"
    library_version = native.VERSION
    fault_types = (native.Error, native.WantRead)
    want_read = (native.WantRead,)
    buffer_types: ClassVar[tuple[type[Any], ...]] = (ForeignBuffer,)
    error_classes: ClassVar[dict[type[TLSError], type[TLSError]]] = errors.ERRORS.classes
    leaves_rest = True
    read_size = READ_SIZE

    def capabilities(self) -> Capabilities:
        return config.capabilities()

    def default_ciphers(self) -> tuple[int, ...]:
        return ciphers.default()

    def default_ciphers_for(self, settings: Settings) -> tuple[int, ...]:
        return config.default_suites(settings)

    def memory_buffer(self) -> ForeignBuffer:
        return ForeignBuffer()

    def check(self, settings: Settings) -> None:
        config.check(settings)

    def check_identity(self, identity: Identity) -> None:
        config.check_identity(identity)

    def leaf(self, identity: Identity) -> bytes:
        return config.leaf(identity)

    def build(self, settings: Settings) -> config.Native:
        return config.build(settings, functools.partial(late_fault, self, settings.configuration))

    def engine(self, context: config.Native, plan: ConnectionPlan, incoming: Any, outgoing: Any) -> Engine:
        try:
            return GnuTLSEngine(context, plan, incoming, outgoing)
        except native.Error as error:
            raise errors.translate(error) or error from error

    def translate(self, error: BaseException) -> TLSError | None:
        return errors.translate(error)


keep_for_good(__name__, native.ffi.CData, type(native.lib))
BACKEND = make_backend(GnuTLSProvider(), "GnuTLS")
