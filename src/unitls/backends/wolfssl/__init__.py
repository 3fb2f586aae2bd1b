"""wolfSSL 5.5 and newer, through cffi. It is under the GPL: only whoever names this backend loads it."""

from __future__ import annotations

import functools
from typing import Any, ClassVar

from ...api._certificates import Identity
from ...api._errors import InternalTLSError, TLSError
from ...api._features import Capabilities
from ...core._backend import make_backend
from ...core._late_verdict import late_fault
from ...core._provider import ConnectionPlan, Engine, Provider
from ...core._settings import Settings
from .._lasting import keep_for_good
from . import ciphers, config, errors, native
from .engine import WolfSSLEngine


class WolfSSLProvider(Provider):
    """wolfSSL, as core sees it."""

    name = "wolfssl"
    library_version = native.VERSION
    fault_types = (native.WantRead, native.Error, native.Closed, native.CallbackFailed, errors.Refusal)
    buffer_types: ClassVar[tuple[type[Any], ...]] = (native.ForeignBuffer,)
    error_classes: ClassVar[dict[type[TLSError], type[TLSError]]] = errors.ERRORS.classes
    want_read = (native.WantRead,)
    leaves_rest = True
    needs_client_hello = True

    def capabilities(self) -> Capabilities:
        return config.capabilities()

    def default_ciphers(self) -> tuple[int, ...]:
        return ciphers.default()

    def default_ciphers_for(self, settings: Settings) -> tuple[int, ...]:
        return config.default_suites(settings)

    def memory_buffer(self) -> native.ForeignBuffer:
        return native.ForeignBuffer()

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
            return WolfSSLEngine(context, plan, incoming, outgoing)
        except native.Error as error:
            raise errors.make(InternalTLSError, f"wolfSSL cannot begin a connection: {error.text}") from error

    def translate(self, error: BaseException) -> TLSError | None:
        return errors.translate(error)


keep_for_good(__name__, native.ffi.CData, type(native.lib))
BACKEND = make_backend(WolfSSLProvider(), "WolfSSL")
