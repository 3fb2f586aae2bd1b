"""OpenSSL through pyOpenSSL: the one that comes with `cryptography`, without the `ssl` module."""

from __future__ import annotations

from typing import Any, ClassVar

from ...api._certificates import Identity
from ...api._errors import TLSError
from ...api._features import Capabilities
from ...core._backend import make_backend
from ...core._provider import ConnectionPlan, Engine, Provider
from ...core._settings import Settings
from . import ciphers, config, errors, native
from ._buffer import MemoryBuffer
from ._early import EarlyEngine
from ._identity import load_identity
from ._late import LateEngine
from .engine import PyOpenSSLEngine


class PyOpenSSLProvider(Provider):
    """pyOpenSSL, as core sees it."""

    name = "pyopenssl"
    library_version = native.VERSION
    fault_types = (native.SSL.Error,)
    want_read = (native.SSL.WantReadError,)
    leaves_rest = True
    takes_scoped_lists = True
    buffer_types: ClassVar[tuple[type[Any], ...]] = (MemoryBuffer,)
    error_classes: ClassVar[dict[type[TLSError], type[TLSError]]] = errors.ERRORS.classes

    def capabilities(self) -> Capabilities:
        return config.capabilities()

    def default_ciphers(self) -> tuple[int, ...]:
        return ciphers.default()

    def check(self, settings: Settings) -> None:
        config.check(settings)

    def check_identity(self, identity: Identity) -> None:
        load_identity(config.new_context(True), identity)

    def build(self, settings: Settings) -> config.Native:
        return config.build(settings)

    def engine(self, context: config.Native, plan: ConnectionPlan, incoming: Any, outgoing: Any) -> Engine:
        kind = LateEngine if context.is_late else EarlyEngine if context.is_early else PyOpenSSLEngine
        return kind(context, plan, incoming, outgoing)

    memory_buffer: Any = MemoryBuffer  # the class itself: a frame less for each connection
    more_to_come: Any = staticmethod(errors.ERRORS.want_read)

    def translate(self, error: BaseException) -> TLSError | None:
        return errors.translate(error)


PROVIDER = PyOpenSSLProvider()
BACKEND = make_backend(PROVIDER, "PyOpenSSL")
