"""A backend: the types of one TLS library, in one value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from ._certificates import Certificate, PrivateKey
from ._configuration import TLSClientConfiguration, TLSServerConfiguration
from ._context import ClientContext, ServerContext
from ._features import Capabilities
from ._trust import TrustStore


class ClientContextFactory(Protocol):
    """Makes client contexts: a context class is one."""

    def __call__(self, configuration: TLSClientConfiguration | None = None, /) -> ClientContext: ...


class ServerContextFactory(Protocol):
    """Makes server contexts: a context class is one."""

    def __call__(self, configuration: TLSServerConfiguration | None = None, /) -> ServerContext: ...


@dataclass(frozen=True, slots=True, eq=False)
class Backend:
    """One TLS library, ready to use.

    Attributes:
        name: the name it is chosen by.
        library_version: the library and its version, as it says itself.
        client_context: makes a `ClientContext`, from a `TLSClientConfiguration` or with the defaults.
        server_context: makes a `ServerContext`, from a `TLSServerConfiguration` or with the defaults.
        certificate: the class of certificates that suits it best.
        private_key: the class of private keys that suits it best.
        trust_store: the class of trust stores that suits it best.
        memory_buffer: makes the fastest buffer for `wrap_buffers`: a `ByteSource` and `ByteSink` in one, with
            ``write_eof()``.
        find_capabilities: finds out what the library can do; called by `capabilities`, and cheap after the first call.
    """

    name: str
    library_version: str
    client_context: ClientContextFactory
    server_context: ServerContextFactory
    certificate: type[Certificate]
    private_key: type[PrivateKey]
    trust_store: type[TrustStore]
    memory_buffer: Callable[[], Any]
    find_capabilities: Callable[[], Capabilities] = field(repr=False)

    @property
    def capabilities(self) -> Capabilities:
        """What this backend can do on this machine; found out when it is first asked for."""
        return self.find_capabilities()


@dataclass(frozen=True, slots=True)
class BackendStatus:
    """Whether a known backend can be used here.

    Attributes:
        name: the name it is chosen by.
        available: whether `get_backend` would give it.
        library_version: the library and its version, if it is available.
        reason: why it is not available, and what to install; empty if it is.
        source: ``"unitls"`` for one of ours, else the distribution that registered it.
    """

    name: str
    available: bool
    library_version: str = ""
    reason: str = ""
    source: str = "unitls"
