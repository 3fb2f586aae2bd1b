"""SChannel, the TLS of Windows, through `ctypes`.

The package can be imported on any system, so that its parts can be tested on any. ``BACKEND`` is there only on Windows:
elsewhere asking for it is an ImportError that says so.
"""

from __future__ import annotations

import functools
from typing import Any, ClassVar

from ...api._backend import Backend
from ...api._certificates import Identity
from ...api._errors import TLSError
from ...api._features import Capabilities
from ...core._backend import make_backend
from ...core._provider import ConnectionPlan, Engine, Provider
from ...core._settings import Settings
from . import ciphers, config, errors, native
from ._buffer import RecordBuffer
from ._capabilities import capabilities
from ._identities import identity_from_store as identity_from_store
from .engine import SChannelEngine


class SChannelProvider(Provider):
    """SChannel, as core sees it."""

    name = "schannel"
    fault_types = (native.Error, native.WantRead, native.Closed)
    verifies_by_platform = True
    buffer_types: ClassVar[tuple[type[Any], ...]] = (RecordBuffer,)
    error_classes: ClassVar[dict[type[TLSError], type[TLSError]]] = errors.ERRORS.classes
    want_read = (native.WantRead,)
    leaves_rest = True
    alpn_mismatch_is_fatal = True
    memory_buffer: Any = RecordBuffer  # the class itself: some frames less for each connection

    @property
    def library_version(self) -> str:  # type: ignore[override]  # it is found out when it is asked for
        return native.version()

    def capabilities(self) -> Capabilities:
        return capabilities()

    def default_ciphers(self) -> tuple[int, ...]:
        known = native.libraries()
        return ciphers.available(has_tls13=known.has_tls13, is_wine=bool(known.wine))

    def check(self, settings: Settings) -> None:
        config.check(settings)

    def check_identity(self, identity: Identity) -> None:
        config.check_identity(identity)

    def build(self, settings: Settings) -> config.Native:
        return config.build(settings)

    def engine(self, context: config.Native, plan: ConnectionPlan, incoming: Any, outgoing: Any) -> Engine:
        return SChannelEngine(context, plan, incoming, outgoing)

    def translate(self, error: BaseException) -> TLSError | None:
        return errors.translate(error)


@functools.cache
def backend() -> Backend:
    """The value of ``BACKEND``, made when it is first asked for: only then are the libraries of Windows loaded."""
    return make_backend(SChannelProvider(), "SChannel")


def __getattr__(name: str) -> Any:
    if name == "BACKEND":
        return backend()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
