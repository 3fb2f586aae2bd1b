"""The parties that are compared: a backend of unitls, the bare `ssl` module, and plain TCP below both.

All of them take the same certificate, TLS version and names, verify the server on the client's side, and make their
contexts once. Their connections have the methods that the benchmarks call (`read`, `write`, `sendall`, `recv`, ...) in
common, so that one loop drives all of them and costs the same for each.
"""

from __future__ import annotations

import functools
import ssl
import tempfile
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Final

import unitls
from unitls.testing._zoo_files import load_identities

NAME: Final = "server.test"
TLS12_SUITE: Final = unitls.CipherSuite.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
TLS13_SUITE: Final = unitls.CipherSuite.TLS_AES_256_GCM_SHA384
BARE: Final = "ssl"
PLAIN: Final = "tcp"


class Party(ABC):
    """One of those compared.

    Attributes:
        name: how it is called.
        want_read: what a buffer raises when more has to come in.
    """

    name: str
    want_read: type[Exception]

    @abstractmethod
    def buffer(self) -> Any:
        """A new memory buffer, of the fastest kind."""

    @abstractmethod
    def client(self, incoming: Any, outgoing: Any) -> Any:
        """The client end over two buffers, without a session to resume."""

    @abstractmethod
    def server(self, incoming: Any, outgoing: Any) -> Any:
        """The server end over two buffers."""

    @abstractmethod
    def resuming_client(self, incoming: Any, outgoing: Any) -> Any:
        """The client end, which offers the newest session there is."""

    @abstractmethod
    def keep_session(self, client: Any) -> None:
        """Keep the session of a connection of `resuming_client`, where that is not done by itself."""

    @abstractmethod
    def is_resumed(self, client: Any) -> bool:
        """Whether a connection resumed a session."""

    @abstractmethod
    def negotiated(self, client: Any) -> tuple[str, int]:
        """The version of TLS and the cipher suite (its IANA value) of a connection."""

    @abstractmethod
    def wrap_client(self, raw: Any) -> Any:
        """The client end over a connected socket, once the handshake is done."""

    @abstractmethod
    def wrap_server(self, raw: Any) -> Any:
        """The server end over a connected socket, once the handshake is done."""


class UnitlsParty(Party):
    """A backend of unitls.

    Args:
        name: the backend's, with ``@GROUP`` or ``@GROUP,SUITE`` behind it where others than the usual ones are wanted.
        tls12: TLS 1.2 instead of 1.3.

    Raises:
        ConfigurationError: there is no such backend, or it cannot be used here.
    """

    want_read = unitls.WantReadError

    def __init__(self, name: str, tls12: bool) -> None:
        self.name = name
        backend = unitls.get_backend(name.partition("@")[0])
        identities = load_identities()
        self.library_version = backend.library_version
        self.buffer_type = backend.memory_buffer
        common = _common_settings(backend.capabilities, tls12, name.partition("@")[2])
        trust: Any = {"trust_store": unitls.TrustStore.from_buffer(identities.ca_pem)}
        self._client = backend.client_context(unitls.TLSClientConfiguration(**common, **trust))
        self._resuming = backend.client_context(
            unitls.TLSClientConfiguration(**common, **trust, session_cache=unitls.SessionCache())
        )
        chain = [unitls.Certificate.from_buffer(der) for der in identities.server.chain]
        key = unitls.PrivateKey.from_buffer(identities.server.key_pem)
        self._server = backend.server_context(
            unitls.TLSServerConfiguration(**common, identities=(unitls.Identity(chain, key),))
        )

    def buffer(self) -> Any:
        return self.buffer_type()

    def client(self, incoming: Any, outgoing: Any) -> Any:
        return self._client.wrap_buffers(incoming, outgoing, server_hostname=NAME)

    def server(self, incoming: Any, outgoing: Any) -> Any:
        return self._server.wrap_buffers(incoming, outgoing)

    def resuming_client(self, incoming: Any, outgoing: Any) -> Any:
        return self._resuming.wrap_buffers(incoming, outgoing, server_hostname=NAME)

    def keep_session(self, client: Any) -> None:
        pass  # the context's session cache has it already

    def is_resumed(self, client: Any) -> bool:
        return bool(client.session_resumed)

    def negotiated(self, client: Any) -> tuple[str, int]:
        return str(client.negotiated_tls_version).replace("_", "."), int(client.cipher())

    def wrap_client(self, raw: Any) -> Any:
        return self._client.wrap_socket(raw, server_hostname=NAME)

    def wrap_server(self, raw: Any) -> Any:
        wrapped = self._server.wrap_socket(raw)
        wrapped.do_handshake()
        return wrapped


def _common_settings(capabilities: unitls.Capabilities, tls12: bool, wish: str) -> dict[str, Any]:
    """Version, suite and group; where a library lets neither choose, its default has to be the same (it is checked).

    Raises:
        ConfigurationError: the wish is for a group or a suite that nobody knows.
    """
    group, _, suite = wish.partition(",")
    try:
        chosen_group = unitls.NamedGroup[group or "X25519"]
        chosen_suite = unitls.CipherSuite[suite] if suite else TLS12_SUITE if tls12 else TLS13_SUITE
    except KeyError as error:
        raise unitls.ConfigurationError(f"there is no group or cipher suite {error}") from error
    version = unitls.TLSVersion.TLSv1_2 if tls12 else unitls.TLSVersion.TLSv1_3
    settings: dict[str, Any] = {"lower_bound": version, "upper_bound": version}
    if tls12 or unitls.Feature.TLS13_CIPHER_SUITES in capabilities.features:
        settings["ciphers"] = (chosen_suite,)
    if unitls.Feature.GROUPS in capabilities.features:
        # In TLS 1.2 they are the curves of the certificates, too (RFC 8422 section 5.1.1).
        settings["groups"] = tuple(
            dict.fromkeys((chosen_group, unitls.NamedGroup.SECP256R1) if tls12 else (chosen_group,))
        )
    return settings


class SslParty(Party):
    """The `ssl` module, as a careful program uses it: default contexts, one for each role, kept for all connections.

    Args:
        tls12: TLS 1.2 instead of 1.3.
    """

    name = BARE
    want_read = ssl.SSLWantReadError
    library_version = ssl.OPENSSL_VERSION

    def __init__(self, tls12: bool) -> None:
        identities = load_identities()
        self._client = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cadata=identities.ca_pem.decode())
        self._server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "server.pem")
            path.write_bytes(identities.server.key_pem + identities.server.certificate_pem)
            self._server.load_cert_chain(path)
        version = ssl.TLSVersion.TLSv1_2 if tls12 else ssl.TLSVersion.TLSv1_3
        for context in (self._client, self._server):
            context.minimum_version = context.maximum_version = version
            if tls12:
                context.set_ciphers("ECDHE-ECDSA-AES256-GCM-SHA384")
        self._session: ssl.SSLSession | None = None

    def buffer(self) -> Any:
        return ssl.MemoryBIO()

    def client(self, incoming: Any, outgoing: Any) -> Any:
        return self._client.wrap_bio(incoming, outgoing, server_hostname=NAME)

    def server(self, incoming: Any, outgoing: Any) -> Any:
        return self._server.wrap_bio(incoming, outgoing, server_side=True)

    def resuming_client(self, incoming: Any, outgoing: Any) -> Any:
        return self._client.wrap_bio(incoming, outgoing, server_hostname=NAME, session=self._session)

    def keep_session(self, client: Any) -> None:
        self._session = client.session

    def is_resumed(self, client: Any) -> bool:
        return bool(client.session_reused)

    def negotiated(self, client: Any) -> tuple[str, int]:
        name = client.cipher()[0]
        values = {item["name"]: item["id"] & 0xFFFF for item in self._client.get_ciphers()}
        return client.version(), values[name]

    def wrap_client(self, raw: Any) -> Any:
        return self._client.wrap_socket(raw, server_hostname=NAME)

    def wrap_server(self, raw: Any) -> Any:
        return self._server.wrap_socket(raw, server_side=True)


class PlainParty:
    """TCP without TLS: what the transport alone costs."""

    name = PLAIN

    def wrap_client(self, raw: Any) -> Any:
        """The socket itself."""
        return raw

    def wrap_server(self, raw: Any) -> Any:
        """The socket itself."""
        return raw


@functools.cache
def make_party(name: str, tls12: bool) -> Any:
    """The party of that name: ``"ssl"``, ``"tcp"``, another binding, or a backend; the same one at every call in a process.

    Raises:
        ConfigurationError: there is no such backend, or it cannot be used here.
    """
    if name == PLAIN:
        return PlainParty()
    from ._others import OTHERS

    if name in OTHERS:
        return OTHERS[name](tls12)
    return SslParty(tls12) if name == BARE else UnitlsParty(name, tls12)
