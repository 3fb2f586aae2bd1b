"""rustls, through the crate `unitls_rustls` (distribution ``unitls-rustls``)."""

from __future__ import annotations

from typing import Any, ClassVar

from ...api._certificates import Identity
from ...api._errors import TLSError
from ...api._features import Capabilities
from ...core._backend import make_backend
from ...core._provider import ConnectionPlan, Engine, Provider
from ...core._settings import Settings
from . import ciphers, config, errors, native
from .engine import RustlsEngine


class RustlsProvider(Provider):
    """rustls, as core sees it."""

    name = "rustls"
    library_version = native.VERSION
    fault_types = (native.Error,)
    takes_scoped_lists = True
    buffer_types: ClassVar[tuple[type[Any], ...]] = (native.MemoryBuffer,)
    error_classes: ClassVar[dict[type[TLSError], type[TLSError]]] = errors.ERRORS.classes
    want_read = (native.WantRead,)
    leaves_rest = True
    read_size = native.READ_SIZE
    alpn_mismatch_is_fatal = True
    memory_buffer: Any = native.MemoryBuffer  # the class itself: some frames less for each connection

    def capabilities(self) -> Capabilities:
        return config.capabilities()

    def default_ciphers(self) -> tuple[int, ...]:
        return ciphers.default()

    def check(self, settings: Settings) -> None:
        config.check(settings)

    def check_identity(self, identity: Identity) -> None:
        config.check_identity(identity)

    def build(self, settings: Settings) -> config.Native:
        return config.build(settings)

    def engine(self, context: config.Native, plan: ConnectionPlan, incoming: Any, outgoing: Any) -> Engine:
        try:
            return RustlsEngine(context, plan, incoming, outgoing)
        except native.Error as error:
            raise errors.refusal(error) from error

    def translate(self, error: BaseException) -> TLSError | None:
        return errors.translate(error)


BACKEND = make_backend(RustlsProvider(), "Rustls")
