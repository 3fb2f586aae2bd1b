"""The text's ``Backend``: one for each backend of unitls, with contexts made from the text's configuration."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, ClassVar

from ... import registry
from ...api._backend import Backend as NativeBackend
from ...api._certificates import Certificate, Identity, PrivateKey
from ...api._configuration import TLSClientConfiguration, TLSServerConfiguration
from ...api._errors import ConfigurationError
from ...api._features import Feature
from ...api._protocols import ClientAuthentication
from ...api._trust import TrustStore
from ._abstract import ClientContext, ServerContext
from ._buffer import Buffer
from ._configuration import ServerNameCallback, TLSConfiguration
from ._faces import FACES
from ._socket import TLSWrappedSocket

if TYPE_CHECKING:
    import socket as socket_module

_REMEMBERED = 64
"""For how many configurations of a server name callback a context is kept."""


class Backend:
    """The classes of one TLS library, under the text's names.

    Args:
        client_context: the class of client contexts, or `None` if the library cannot be a client.
        server_context: the class of server contexts, or `None` if the library cannot be a server.
        certificate: the class of certificates.
        private_key: the class of private keys.
        trust_store: the class of trust stores.
    """

    __slots__ = ("_certificate", "_client_context", "_private_key", "_server_context", "_trust_store")

    def __init__(
        self,
        client_context: type[ClientContext] | None,
        server_context: type[ServerContext] | None,
        certificate: type[Certificate],
        private_key: type[PrivateKey],
        trust_store: type[TrustStore],
    ) -> None:
        self._client_context = client_context
        self._server_context = server_context
        self._certificate = certificate
        self._private_key = private_key
        self._trust_store = trust_store

    @property
    def client_context(self) -> type[ClientContext] | None:
        """The class of client contexts, or `None` if the library cannot be a client."""
        return self._client_context

    @property
    def server_context(self) -> type[ServerContext] | None:
        """The class of server contexts, or `None` if the library cannot be a server."""
        return self._server_context

    @property
    def certificate(self) -> type[Certificate]:
        """The class of certificates."""
        return self._certificate

    @property
    def private_key(self) -> type[PrivateKey]:
        """The class of private keys."""
        return self._private_key

    @property
    def trust_store(self) -> type[TrustStore]:
        """The class of trust stores."""
        return self._trust_store


def get_backend(backend: str | NativeBackend | None = None) -> Backend:
    """The text's backend object for a backend of unitls.

    Args:
        backend: which one, by name or as it is; `None` takes what `unitls.get_backend` gives.

    Returns:
        The object, the same each time.

    Raises:
        ConfigurationError: there is no such backend, or it cannot be used here.
    """
    return _face_of(backend if isinstance(backend, NativeBackend) else registry.get_backend(backend))


@functools.cache
def _face_of(native: NativeBackend) -> Backend:
    has = native.capabilities.supports
    client: Any = type("ClientContext", (_Client,), {"__slots__": (), "_native": native})
    server: Any = type("ServerContext", (_Server,), {"__slots__": (), "_native": native})
    return Backend(
        client if has(Feature.CLIENT) else None,
        server if has(Feature.SERVER) else None,
        native.certificate,
        native.private_key,
        native.trust_store,
    )


class _Client(ClientContext):
    __slots__ = ("_configuration", "_core")
    _native: ClassVar[NativeBackend]

    def __init__(self, configuration: TLSConfiguration) -> None:
        self._configuration = _checked(configuration)
        self._core = self._native.client_context(
            TLSClientConfiguration(
                validate_certificates=configuration.validate_certificates,
                trust_store=configuration.trust_store,
                **_common(configuration),
            )
        )

    @property
    def configuration(self) -> TLSConfiguration:
        return self._configuration

    def wrap_socket(self, socket: socket_module.socket, server_hostname: str | None) -> TLSWrappedSocket:
        return TLSWrappedSocket._over(self, self._core.wrap_socket(socket, False, server_hostname))

    def wrap_buffers(self, server_hostname: str | None) -> Buffer:
        return Buffer(self, server_hostname)


class _Server(ServerContext):
    __slots__ = ("_configuration", "_core", "_others")
    _native: ClassVar[NativeBackend]

    def __init__(self, configuration: TLSConfiguration) -> None:
        self._configuration = _checked(configuration)
        self._others = functools.lru_cache(maxsize=_REMEMBERED)(type(self))
        # Nobody but a store of our own choice may authenticate clients: without one they are not asked.
        asks = configuration.validate_certificates and configuration.trust_store is not None
        callback = configuration.sni_callback
        self._core = self._native.server_context(
            TLSServerConfiguration(
                client_authentication=ClientAuthentication.REQUIRED if asks else ClientAuthentication.NONE,
                trust_store=configuration.trust_store if asks else None,
                sni_callback=None if callback is None else _adapted(callback, configuration),
                **_common(configuration),
            )
        )

    @property
    def configuration(self) -> TLSConfiguration:
        return self._configuration

    def wrap_socket(self, socket: socket_module.socket) -> TLSWrappedSocket:
        return TLSWrappedSocket._over(self, self._core.wrap_socket(socket, False))

    def wrap_buffers(self) -> Buffer:
        return Buffer(self)


def _checked(configuration: TLSConfiguration) -> TLSConfiguration:
    if not isinstance(configuration, TLSConfiguration):
        raise ConfigurationError(f"a context is made of a TLSConfiguration, not of a {type(configuration).__name__}")
    return configuration


def _common(configuration: TLSConfiguration) -> dict[str, Any]:
    """What both roles have in common, in unitls' names."""
    chain = configuration.certificate_chain
    return {
        "identities": () if chain is None else (Identity(*chain),),
        "ciphers": configuration.ciphers,
        "inner_protocols": configuration.inner_protocols,
        "lower_bound": configuration.lowest_supported_version,
        "upper_bound": configuration.highest_supported_version,
    }


def _adapted(callback: ServerNameCallback, configuration: TLSConfiguration) -> Any:
    """The text's callback as one of unitls: `None` goes on, anything else ends the handshake."""

    def hear(wrapped: Any, server_name: str | None, _context: Any) -> str | None:
        face = FACES[id(wrapped)]
        answer = callback(face, server_name, configuration)
        if not isinstance(answer, TLSConfiguration):
            return f"a {type(answer).__name__} instead of a TLSConfiguration"
        if answer != configuration:
            face._context = face._context._others(answer)
            wrapped.context = face._context._core
        return None

    return hear
