"""OpenSSL through Python's own `ssl` module."""

from __future__ import annotations

import ssl
from typing import Any, ClassVar

from ...api._certificates import Identity
from ...api._errors import TLSError
from ...api._features import Capabilities
from ...core._backend import make_backend
from ...core._provider import E, Provider
from ...core._settings import Settings
from . import ciphers, config, errors
from .engine import OpenSSLEngine


class OpenSSLProvider(Provider):
    """The `ssl` module, as core sees it."""

    name = "openssl"
    library_version = ssl.OPENSSL_VERSION
    fault_types = (ssl.SSLError,)
    want_read = (ssl.SSLWantReadError,)
    leaves_rest = True
    takes_scoped_lists = True
    buffer_types: ClassVar[tuple[type[Any], ...]] = (ssl.MemoryBIO,)
    error_classes: ClassVar[dict[type[TLSError], type[TLSError]]] = errors.CLASSES

    def capabilities(self) -> Capabilities:
        return config.capabilities()

    def default_ciphers(self) -> tuple[int, ...]:
        return ciphers.default()

    def check(self, settings: Settings) -> None:
        config.check(settings)

    def check_identity(self, identity: Identity) -> None:
        config.check_identity(identity)

    def build(self, settings: Settings) -> ssl.SSLContext:
        return config.build(settings)

    # The classes themselves: some frames less for each connection.
    memory_buffer: Any = ssl.MemoryBIO
    engine: Any = OpenSSLEngine

    more_to_come: Any = staticmethod(errors.want_read)

    def translate(self, error: BaseException) -> TLSError | None:
        return errors.translate(error)  # type: ignore[no-any-return]

    def fault(self, kind: type[E], text: str, **attributes: Any) -> E:
        return errors.make(kind, text, **attributes)  # type: ignore[no-any-return]


BACKEND = make_backend(OpenSSLProvider(), "OpenSSL")
