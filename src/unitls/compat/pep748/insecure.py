"""What PEP 748 puts apart: configurations, contexts and implementations that leave checks out. For tests only.

Every step warns with `SecurityWarning`, and core raises the auditing event ``unitls.insecure``. For a server with a
certificate of its own making, put that certificate into a `TrustStore` instead.
"""

from __future__ import annotations

import functools
import warnings
from abc import abstractmethod
from typing import Any, Generic, Protocol, TypeVar

from ...api._backend import Backend
from ...api._errors import ConfigurationError
from ...core._names import ANY_SUBJECT, InsecureWarning
from ._configuration import TLSClientConfiguration, TLSServerConfiguration
from ._connections import Buffer, Socket
from ._contexts import Client, Server, for_backend
from ._implementation import TLSImplementation, Validator, native_backend, validator
from ._protocols import ClientContext, ServerContext

__all__ = [
    "InsecureClientContext", "InsecureConfiguration", "InsecureServerContext", "InsecureTLSImplementation",
    "SecurityWarning", "get_implementation",
]  # fmt: skip


class SecurityWarning(InsecureWarning):
    """This module was used, and a connection is insecure by it."""


def _warn(what: str) -> None:
    warnings.warn(f"{what} is insecure and should not be used in production", SecurityWarning, stacklevel=3)


class InsecureConfiguration:
    """Which checks are left out.

    Args:
        disable_hostname_check: accept a certificate for any name, from a trusted authority.
        disable_verification: accept any certificate; also on a server, which then asks for none.

    Raises:
        ConfigurationError: verification is to be disabled, and the check of the name is not.
    """

    __slots__ = ("_disable_hostname_check", "_disable_verification")

    def __init__(self, disable_hostname_check: bool = False, disable_verification: bool = False) -> None:
        _warn("an InsecureConfiguration")
        if disable_verification and not disable_hostname_check:
            raise ConfigurationError("cannot disable verification without disabling the check of the host's name")
        self._disable_hostname_check = disable_hostname_check
        self._disable_verification = disable_verification

    @property
    def disable_hostname_check(self) -> bool:
        """Whether the server's name is not checked."""
        return self._disable_hostname_check

    @property
    def disable_verification(self) -> bool:
        """Whether certificates are not verified."""
        return self._disable_verification


class InsecureClientContext(ClientContext, Protocol):
    """A client context that leaves checks out."""

    @abstractmethod
    def __init__(
        self, tls_configuration: TLSClientConfiguration, insecure_configuration: InsecureConfiguration
    ) -> None:
        """Make a context from a configuration, and from what is left out."""
        ...

    @property
    @abstractmethod
    def insecure_configuration(self) -> InsecureConfiguration:
        """What is left out."""
        ...


class InsecureServerContext(ServerContext, Protocol):
    """A server context that leaves checks out."""

    @abstractmethod
    def __init__(
        self, tls_configuration: TLSServerConfiguration, insecure_configuration: InsecureConfiguration
    ) -> None:
        """Make a context from a configuration, and from what is left out."""
        ...

    @property
    @abstractmethod
    def insecure_configuration(self) -> InsecureConfiguration:
        """What is left out."""
        ...


_C = TypeVar("_C", bound=ClientContext)
_S = TypeVar("_S", bound=ServerContext)
_IC = TypeVar("_IC", bound=InsecureClientContext)
_IS = TypeVar("_IS", bound=InsecureServerContext)


class InsecureTLSImplementation(TLSImplementation[_C, _S], Generic[_C, _S, _IC, _IS]):
    """An implementation that has insecure contexts beside the others.

    Args:
        client_context: the class of client contexts.
        server_context: the class of server contexts.
        validate_config: refuses a configuration that the library cannot honour.
        insecure_client_context: the class of client contexts that leave checks out.
        insecure_server_context: the class of server contexts that leave checks out.
    """

    __slots__ = ("_insecure_client_context", "_insecure_server_context")

    def __init__(
        self,
        client_context: type[_C],
        server_context: type[_S],
        validate_config: Validator,
        insecure_client_context: type[_IC],
        insecure_server_context: type[_IS],
    ) -> None:
        _warn("an InsecureTLSImplementation")
        super().__init__(client_context, server_context, validate_config)
        self._insecure_client_context = insecure_client_context
        self._insecure_server_context = insecure_server_context

    @property
    def insecure_client_context(self) -> type[_IC]:
        """The class of client contexts that leave checks out."""
        return self._insecure_client_context

    @property
    def insecure_server_context(self) -> type[_IS]:
        """The class of server contexts that leave checks out."""
        return self._insecure_server_context

    @property
    def insecure_configuration(self) -> type[InsecureConfiguration]:
        """`InsecureConfiguration`, beside the contexts it is for."""
        return InsecureConfiguration


class _InsecureClient(Client, InsecureClientContext):
    def __init__(
        self, tls_configuration: TLSClientConfiguration, insecure_configuration: InsecureConfiguration
    ) -> None:
        _warn("an insecure client context")
        self._insecure = insecure_configuration
        self._validate = not insecure_configuration.disable_verification
        # Where verification is off, nothing is checked; where only the name is, that has to be said of each connection.
        if self._validate and insecure_configuration.disable_hostname_check:
            self._names = {"valid_subjects": ANY_SUBJECT}  # type: ignore[misc]
        super().__init__(tls_configuration)

    @property
    def insecure_configuration(self) -> InsecureConfiguration:
        return self._insecure

    def connect(self, address: tuple[str | None, int]) -> Socket:
        _warn("a connection of an insecure client context")
        return super().connect(address)

    def create_buffer(self, server_hostname: str) -> Buffer:
        _warn("a buffer of an insecure client context")
        return super().create_buffer(server_hostname)


class _InsecureServer(Server, InsecureServerContext):
    def __init__(
        self, tls_configuration: TLSServerConfiguration, insecure_configuration: InsecureConfiguration
    ) -> None:
        _warn("an insecure server context")
        self._insecure = insecure_configuration
        self._validate = not insecure_configuration.disable_verification
        super().__init__(tls_configuration)

    @property
    def insecure_configuration(self) -> InsecureConfiguration:
        return self._insecure

    def connect(self, address: tuple[str | None, int]) -> Socket:
        _warn("a socket of an insecure server context")
        return super().connect(address)

    def create_buffer(self) -> Buffer:
        _warn("a buffer of an insecure server context")
        return super().create_buffer()


def get_implementation(
    backend: str | Backend | None = None,
) -> InsecureTLSImplementation[ClientContext, ServerContext, InsecureClientContext, InsecureServerContext]:
    """The text's implementation object for a backend of unitls, with the insecure contexts.

    Args:
        backend: which one, by name or as it is; `None` takes what `unitls.get_backend` gives.

    Raises:
        ConfigurationError: there is no such backend, or it cannot be used here.
    """
    client, server, insecure_client, insecure_server = _classes(native_backend(backend))
    return InsecureTLSImplementation(client, server, validator(client, server), insecure_client, insecure_server)


@functools.cache
def _classes(native: Backend) -> tuple[type[Any], ...]:
    return tuple(for_backend(base, native) for base in (Client, Server, _InsecureClient, _InsecureServer))
