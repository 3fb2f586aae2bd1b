"""Contexts of the text over a backend of unitls."""

from __future__ import annotations

import socket as socket_module
from typing import Any, ClassVar

from ...api._backend import Backend
from ...api._errors import ConfigurationError
from ._configuration import TLSClientConfiguration, TLSServerConfiguration
from ._connections import Buffer, Socket
from ._protocols import ClientContext, ServerContext
from ._translate import client_settings, server_settings


class Client(ClientContext):
    """A client's context; a subclass for each backend says which that is."""

    _native: ClassVar[Backend]
    _names: ClassVar[dict[str, Any]] = {}
    _validate = True

    def __init__(self, configuration: TLSClientConfiguration) -> None:
        self._core = self._native.client_context(client_settings(configuration, validate=self._validate))
        self._configuration = configuration

    @property
    def configuration(self) -> TLSClientConfiguration:
        return self._configuration

    def connect(self, address: tuple[str | None, int]) -> Socket:
        host, _ = address
        if host is None and self._validate and not self._names:
            raise ConfigurationError(
                "a client needs a host, so that the server's certificate can be checked against it"
            )
        raw = socket_module.create_connection(address)  # no host means the loopback interface
        try:
            return Socket.over(self, self._core.wrap_socket(raw, True, host, **self._names))
        except BaseException:
            raw.close()
            raise

    def create_buffer(self, server_hostname: str) -> Buffer:
        return Buffer(self, server_hostname, **self._names)


class Server(ServerContext):
    """A server's context; a subclass for each backend says which that is."""

    _native: ClassVar[Backend]
    _validate = True

    def __init__(self, configuration: TLSServerConfiguration) -> None:
        self._core = self._native.server_context(server_settings(configuration, validate=self._validate))
        self._configuration = configuration

    @property
    def configuration(self) -> TLSServerConfiguration:
        return self._configuration

    def connect(self, address: tuple[str | None, int]) -> Socket:
        host, port = address
        family = socket_module.AF_INET6 if host is not None and ":" in host else socket_module.AF_INET
        raw = socket_module.create_server(("" if host is None else host, port), family=family)
        try:
            return Socket.over(self, self._core.wrap_socket(raw), is_listener=True)
        except BaseException:
            raw.close()
            raise

    def create_buffer(self) -> Buffer:
        return Buffer(self)


def for_backend(base: type[Any], native: Backend) -> type[Any]:
    """The class of a backend's contexts, of either role."""
    return type(base.__name__.lstrip("_") + "Context", (base,), {"_native": native})
