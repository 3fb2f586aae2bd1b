"""The text's ``TLSImplementation``: one for each backend of unitls."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Generic, TypeAlias, TypeVar

from ... import registry
from ...api._backend import Backend
from ._configuration import TLSClientConfiguration, TLSServerConfiguration
from ._contexts import Client, Server, for_backend
from ._protocols import ClientContext, ServerContext

_ClientContext = TypeVar("_ClientContext", bound=ClientContext)
_ServerContext = TypeVar("_ServerContext", bound=ServerContext)
Validator: TypeAlias = Callable[[TLSClientConfiguration | TLSServerConfiguration], None]


class TLSImplementation(Generic[_ClientContext, _ServerContext]):
    """The classes of one TLS library, under the text's names.

    Args:
        client_context: the class of client contexts.
        server_context: the class of server contexts.
        validate_config: refuses a configuration that the library cannot honour.
    """

    __slots__ = ("_client_context", "_server_context", "_validate_config")

    def __init__(
        self,
        client_context: type[_ClientContext],
        server_context: type[_ServerContext],
        validate_config: Validator,
    ) -> None:
        self._client_context = client_context
        self._server_context = server_context
        self._validate_config = validate_config

    @property
    def client_context(self) -> type[_ClientContext]:
        """The class of client contexts. Making one raises `UnsupportedFeature` if the library cannot be a client."""
        return self._client_context

    @property
    def server_context(self) -> type[_ServerContext]:
        """The class of server contexts. Making one raises `UnsupportedFeature` if the library cannot be a server."""
        return self._server_context

    @property
    def validate_config(self) -> Validator:
        """Raises what making a context of a configuration would raise: `ConfigurationError`, or `OSError` for a file."""
        return self._validate_config


def get_implementation(backend: str | Backend | None = None) -> TLSImplementation[ClientContext, ServerContext]:
    """The text's implementation object for a backend of unitls.

    Args:
        backend: which one, by name or as it is; `None` takes what `unitls.get_backend` gives.

    Returns:
        The object, the same each time.

    Raises:
        ConfigurationError: there is no such backend, or it cannot be used here.
    """
    return _implementation_of(native_backend(backend))


def native_backend(backend: str | Backend | None) -> Backend:
    """The backend of unitls that is meant."""
    return backend if isinstance(backend, Backend) else registry.get_backend(backend)


def validator(client: type[Any], server: type[Any]) -> Validator:
    """What tries a configuration with the contexts of a backend."""

    def validate_config(configuration: TLSClientConfiguration | TLSServerConfiguration) -> None:
        (server if isinstance(configuration, TLSServerConfiguration) else client)(configuration)

    return validate_config


@functools.cache
def _implementation_of(native: Backend) -> TLSImplementation[ClientContext, ServerContext]:
    client, server = for_backend(Client, native), for_backend(Server, native)
    return TLSImplementation(client, server, validator(client, server))
