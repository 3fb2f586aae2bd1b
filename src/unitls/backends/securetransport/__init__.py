"""SecureTransport, the TLS library of macOS, through `ctypes`. Importing this needs macOS."""

from __future__ import annotations

import platform
from typing import Any, ClassVar

from ...api._certificates import Identity
from ...api._errors import TLSError
from ...api._features import Capabilities
from ...core._backend import make_backend
from ...core._foreign import ForeignBuffer
from ...core._provider import ConnectionPlan, Engine, Provider
from ...core._settings import Settings
from . import native

native.frameworks()  # raises ImportError where there are none

from . import ciphers, config, errors  # noqa: E402 - what they do needs the frameworks
from .engine import READ_SIZE, SecureTransportEngine  # noqa: E402


def _library_version() -> str:
    release = platform.mac_ver()[0]
    return f"SecureTransport of macOS {release}" if release else "SecureTransport (a stand-in)"


class SecureTransportProvider(Provider):
    """SecureTransport, as core sees it."""

    name = "securetransport"
    library_version = _library_version()
    fault_types = (native.Error, native.WantRead)
    verifies_by_platform = True
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

    def build(self, settings: Settings) -> config.Native:
        return config.build(settings)

    def engine(self, context: config.Native, plan: ConnectionPlan, incoming: Any, outgoing: Any) -> Engine:
        try:
            return SecureTransportEngine(context, plan, incoming, outgoing)
        except native.Error as error:
            raise errors.translate(error) or error from error

    def translate(self, error: BaseException) -> TLSError | None:
        return errors.translate(error)


BACKEND = make_backend(SecureTransportProvider(), "SecureTransport")
