"""Contexts: one immutable configuration behind setters, and the native contexts that were built from it."""

from __future__ import annotations

import dataclasses
import logging
import os
import socket as socket_module
import sys
import threading
import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, TypeVar

from ..api._buffers import ByteSink, ByteSource
from ..api._certificates import Certificate, Identity, PrivateKey
from ..api._cipher_values import cipher_suite
from ..api._configuration import TLSClientConfiguration, TLSConfiguration, TLSServerConfiguration
from ..api._context import ClientContext, ServerContext, ServerNameCallback, _BaseContext
from ..api._errors import ConfigurationError
from ..api._protocols import ClientAuthentication, NextProtocol
from ..api._subjects import Subject
from ..api._trust import TrustStore
from ..api._versions import TLSVersion
from ..api._wrapped import TLSWrappedSocket
from ._buffer import CoreBuffer
from ._checks import check_supported, check_values
from ._key_log import prepare_key_log
from ._names import NO_NAMES, PeerNames, names_of, peer_names
from ._owned_lock import OwnedLock, calls_back
from ._provider import Provider
from ._revocation_lists import check_lists
from ._secrets import forgetting
from ._settings import Settings, enabled_suites, resolve, version_range
from ._socket import CoreSocket
from ._system_verdict import check_platform, uses_platform, verification
from ._verdict import Judge

if TYPE_CHECKING:
    from ..api._backend import Backend
    from ..api._ciphers import CipherSuite

C = TypeVar("C", bound=TLSConfiguration)
logger = logging.getLogger("unitls")
_USUAL = (0, True)
"""The key of the native context that connections without anything special need."""


class Natives:
    """The native contexts of one configuration, each built once, when it is first needed.

    Connections keep the `Natives` they were made with: a change of the context's configuration does not reach them.

    Args:
        provider: the backend.
        configuration: checked.
        server_side: the role.

    Attributes:
        first: the native context of the first identity, which is the usual one; `None` until it was built.
        judge: gives core's verdict on peers.
        new_lock: makes the locks of a connection.
        buffer_types, leaves_rest, memory_buffer, new_engine, read_size: the provider's, at hand: what belongs to a class is
            slow to read through its instances.
    """

    __slots__ = (
        "__weakref__",
        "_built",
        "_former",
        "_lock",
        "bounds",
        "buffer_types",
        "configuration",
        "decides",
        "first",
        "judge",
        "leaves",
        "leaves_rest",
        "memory_buffer",
        "new_engine",
        "new_lock",
        "peer_may_be_anonymous",
        "provider",
        "read_size",
        "remembers",
        "server_side",
    )

    def __init__(self, provider: Provider, configuration: TLSConfiguration, server_side: bool) -> None:
        self.provider = provider
        self.configuration = configuration
        self.server_side = server_side
        self.leaves = tuple(map(provider.leaf, configuration.identities))
        self.bounds = version_range(configuration, provider.capabilities())
        mode = getattr(configuration, "client_authentication", None)
        self.peer_may_be_anonymous = server_side and mode is not ClientAuthentication.REQUIRED
        # Who resumes is again who it was: where that is chosen for each connection, nothing is resumed.
        chooses = getattr(configuration, "choose_certificate", None) is not None
        self.remembers = getattr(configuration, "session_cache", None) is not None and not chooses
        self.decides = _depends_on_hello(provider, configuration)
        self.buffer_types, self.read_size, self.leaves_rest = (
            provider.buffer_types,
            provider.read_size,
            provider.leaves_rest,
        )
        self.memory_buffer, self.new_engine = provider.memory_buffer, provider.engine
        self.new_lock: Any = OwnedLock if calls_back(configuration) else threading.Lock
        self._lock = threading.Lock()
        self._built: dict[tuple[int, bool], Any] = {}
        self._former: list[dict[tuple[int, bool], Any]] = []
        self.first: Any = None
        self.judge = Judge(provider, configuration)
        cache = getattr(configuration, "session_cache", None)
        if cache is not None:
            weakref.finalize(self, _drop_sessions, cache, self._built)
        if getattr(configuration, "max_early_data", 0):
            _take_early_data.add(self)

    def begin_anew(self) -> None:
        """Build the native contexts again when they are needed; the former live on, as somebody may be inside of them."""
        self._former.append(self._built)
        self._built, self._lock, self.first = {}, threading.Lock(), None

    def settings(self, identity: int = 0, offer_protocols: bool = True) -> Settings:
        """The resolved settings for the identity with that index (there need not be any)."""
        identities = self.configuration.identities
        return resolve(
            self.configuration,
            self.provider.capabilities(),
            server_side=self.server_side,
            identity=identities[identity] if identities else None,
            offer_protocols=offer_protocols,
        )

    def get(self, identity: int = 0, offer_protocols: bool = True) -> Any:
        """The native context, built under the lock if nobody has needed it before."""
        key = (identity, offer_protocols)
        native = self._built.get(key)
        if native is None:
            with self._lock:
                native = self._built.get(key)
                if native is None:
                    settings = self.settings(identity, offer_protocols)
                    _audit(settings)
                    verified = verification(self.provider, settings)
                    self.judge.system = verified.judge
                    with forgetting:
                        native = self._built[key] = self.provider.build(verified.settings)
                    if key == _USUAL:
                        self.first = native
        return native


_take_early_data: Final[weakref.WeakSet[Natives]] = weakref.WeakSet()
"""Those whose early data must not be taken twice."""


def _begin_anew() -> None:
    """In a forked child: neither process knows what the other takes, so they must not have their sessions in common."""
    for natives in list(_take_early_data):
        natives.begin_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)


def _depends_on_hello(provider: Provider, configuration: TLSConfiguration) -> bool:
    """Whether a callback, several certificates, the protocols or the library make a ClientHello worth reading."""
    return (
        getattr(configuration, "sni_callback", None) is not None
        or len(configuration.identities) != 1
        or bool(configuration.inner_protocols)
        or provider.needs_client_hello
    )


def _drop_sessions(cache: Any, built: dict[tuple[int, bool], Any]) -> None:
    for native in built.values():
        cache.drop_owner(native)


def _audit(settings: Settings) -> None:
    if settings.key_log:
        sys.audit("unitls.insecure", "key_log")
        logger.warning("TLS secrets are written to the key log")
        prepare_key_log(settings.key_log)
    if not settings.server_side and not settings.verify:
        sys.audit("unitls.insecure", "validate_certificates")


class CoreContext(_BaseContext, Generic[C]):
    """What both roles share. A backend's contexts are subclasses that `make_backend` makes.

    Args:
        configuration: what is wanted; `None` for the defaults.

    Raises:
        UnsupportedFeature: the backend cannot honour it.
        ConfigurationError: a value is wrong in itself.
    """

    __slots__ = ("_lock", "_natives")

    provider: ClassVar[Provider]
    belongs_to: ClassVar[Backend]
    server_side: ClassVar[bool]
    configuration_type: ClassVar[type[TLSConfiguration]]

    def __init__(self, configuration: C | None = None) -> None:
        self._lock = threading.RLock()
        given: Any = self.configuration_type() if configuration is None else configuration
        if not isinstance(given, self.configuration_type):
            raise ConfigurationError(f"the configuration must be a {self.configuration_type.__name__}")
        self._natives = self._checked(given, ())

    def _checked(self, configuration: TLSConfiguration, known: tuple[Identity, ...]) -> Natives:
        """Check everything that can be checked before there is a connection."""
        capabilities = self.provider.capabilities()
        check_values(configuration)
        check_supported(configuration, capabilities, self.provider.name)
        store = configuration.trust_store if configuration.validate_certificates else TrustStore.system()
        trusting = dataclasses.replace(configuration, trust_store=store or TrustStore.system())
        settings = resolve(trusting, capabilities, server_side=self.server_side)
        is_meant = store is not None or not self.server_side
        if is_meant and settings.verify and uses_platform(self.provider, settings):
            check_platform(settings)
        check_lists(configuration.crls, take_scoped=self.provider.takes_scoped_lists)
        with forgetting:
            self.provider.check(settings)
            for identity in configuration.identities:
                if not any(identity is item for item in known):
                    self.provider.check_identity(identity)
        return Natives(self.provider, configuration, self.server_side)

    def _change(self, **changes: Any) -> None:
        with self._lock:
            configuration = self._natives.configuration
            self._natives = self._checked(dataclasses.replace(configuration, **changes), configuration.identities)

    @property
    def backend(self) -> Backend:
        return self.belongs_to

    @property
    def configuration(self) -> C:
        return self._natives.configuration  # type: ignore[return-value]

    @configuration.setter
    def configuration(self, value: C) -> None:
        if not isinstance(value, self.configuration_type):
            raise ConfigurationError(f"the configuration must be a {self.configuration_type.__name__}")
        with self._lock:
            self._natives = self._checked(value, self._natives.configuration.identities)

    @property
    def ciphers(self) -> tuple[CipherSuite | int, ...]:
        capabilities = self.provider.capabilities()
        settings = resolve(
            dataclasses.replace(self._natives.configuration, trust_store=TrustStore.system()),
            capabilities,
            server_side=self.server_side,
        )
        suites = enabled_suites(settings, capabilities, self.provider.default_ciphers_for(settings))
        return tuple(cipher_suite(value) for value in suites)

    @property
    def verifier(self) -> str | None:
        natives = self._natives
        return verification(self.provider, natives.settings()).verifier or None

    def set_ciphers(self, ciphers: Sequence[CipherSuite | int]) -> None:
        self._change(ciphers=tuple(ciphers))

    def set_inner_protocols(self, protocols: Sequence[NextProtocol | bytes]) -> None:
        if isinstance(protocols, (str, bytes)):
            raise ConfigurationError("protocols is a list of NextProtocol or byte string values")
        self._change(inner_protocols=tuple(protocols))

    def set_version_range(self, lower_bound: TLSVersion | None = None, upper_bound: TLSVersion | None = None) -> None:
        bounds = {"lower_bound": lower_bound, "upper_bound": upper_bound}
        self._change(**{name: value for name, value in bounds.items() if value is not None})

    def use_trust_store(self, store: TrustStore) -> None:
        if not isinstance(store, TrustStore):
            raise ConfigurationError(f"the trust store must be a TrustStore, not {type(store).__name__}")
        self._change(trust_store=store)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.provider.library_version}>"


class CoreClientContext(CoreContext[TLSClientConfiguration], ClientContext):
    """A client context of any backend."""

    __slots__ = ()
    server_side = False
    configuration_type = TLSClientConfiguration

    @property
    def validate_certificates(self) -> bool:
        return self._natives.configuration.validate_certificates

    @validate_certificates.setter
    def validate_certificates(self, val: bool) -> None:
        self._change(validate_certificates=val)

    def register_certificates(self, certificates: Sequence[Certificate], key: PrivateKey) -> None:
        self._change(identities=(Identity(certificates, key),))

    def _names(self, server_hostname: str | None, valid_subjects: Sequence[Subject] | None) -> PeerNames:
        validate = self._natives.configuration.validate_certificates
        if valid_subjects is None and validate and type(server_hostname) is str:
            return names_of(server_hostname)
        return peer_names(server_hostname, valid_subjects, validate=validate)

    def wrap_socket(
        self,
        socket: socket_module.socket | TLSWrappedSocket,
        auto_handshake: bool = True,
        server_hostname: str | None = None,
        *,
        valid_subjects: Sequence[Subject] | None = None,
    ) -> CoreSocket:
        names = self._names(server_hostname, valid_subjects)
        return CoreSocket.wrap(self, self._natives, socket, auto_handshake, names)

    def wrap_buffers(
        self,
        incoming: ByteSource,
        outgoing: ByteSink,
        server_hostname: str | None = None,
        *,
        valid_subjects: Sequence[Subject] | None = None,
    ) -> CoreBuffer:
        names = self._names(server_hostname, valid_subjects)
        return CoreBuffer(self, self._natives, incoming, outgoing, names)


class CoreServerContext(CoreContext[TLSServerConfiguration], ServerContext):
    """A server context of any backend."""

    __slots__ = ()
    server_side = True
    configuration_type = TLSServerConfiguration

    @property
    def validate_certificates(self) -> bool:
        return self._natives.configuration.validate_certificates

    @validate_certificates.setter
    def validate_certificates(self, val: bool) -> None:
        mode = ClientAuthentication.REQUIRED if val else ClientAuthentication.NONE
        self._change(validate_certificates=val, client_authentication=mode)

    def register_certificates(self, certificates: Sequence[Certificate], key: PrivateKey) -> None:
        with self._lock:
            identities = self._natives.configuration.identities
            self._change(identities=(*identities, Identity(certificates, key)))

    def set_sni_callback(self, callback: ServerNameCallback | None) -> None:
        self._change(sni_callback=callback)

    def wrap_socket(self, socket: socket_module.socket | TLSWrappedSocket, auto_handshake: bool = True) -> CoreSocket:
        return CoreSocket.wrap(self, self._usable(), socket, auto_handshake, NO_NAMES)

    def wrap_buffers(self, incoming: ByteSource, outgoing: ByteSink) -> CoreBuffer:
        return CoreBuffer(self, self._usable(), incoming, outgoing, NO_NAMES)

    def _usable(self) -> Natives:
        natives = self._natives
        if natives.first is not None:
            return natives
        if not natives.configuration.identities and getattr(natives.configuration, "sni_callback", None) is None:
            raise ConfigurationError("a server needs a certificate: call register_certificates() first")
        if natives.configuration.identities:
            natives.get()  # what is wrong with the settings is said here, before a byte is read
        return natives
