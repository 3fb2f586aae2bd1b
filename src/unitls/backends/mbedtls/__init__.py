"""Mbed TLS 2.28 and 3.6, through cffi."""

from __future__ import annotations

from typing import Any, ClassVar

from ...api._certificates import Identity
from ...api._errors import TLSError
from ...api._features import Capabilities
from ...core._backend import make_backend
from ...core._foreign import ForeignBuffer
from ...core._provider import ConnectionPlan, Engine, Provider
from ...core._settings import Settings
from .._lasting import keep_for_good
from . import ciphers, config, errors, native
from .engine import MbedTLSEngine


class MbedTLSProvider(Provider):
    """Mbed TLS, as core sees it."""

    name = "mbedtls"
    library_version = native.VERSION
    fault_types = (native.Error, native.WantRead)
    buffer_types: ClassVar[tuple[type[Any], ...]] = (ForeignBuffer,)
    error_classes: ClassVar[dict[type[TLSError], type[TLSError]]] = errors.ERRORS.classes
    want_read = (native.WantRead,)
    leaves_rest = True
    needs_client_hello = native.HAS_TLS13
    alpn_mismatch_is_fatal = True

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

    def build(self, settings: Settings) -> config.Native:
        return config.build(settings)

    def engine(self, context: config.Native, plan: ConnectionPlan, incoming: Any, outgoing: Any) -> Engine:
        try:
            return MbedTLSEngine(context, plan, incoming, outgoing)
        except native.Error as error:
            raise errors.refusal(error) from error

    def translate(self, error: BaseException) -> TLSError | None:
        return errors.translate(error)


keep_for_good(__name__, native.ffi.CData, type(native.lib))
BACKEND = make_backend(MbedTLSProvider(), "MbedTLS")
