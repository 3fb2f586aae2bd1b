"""What a case of the conformance kit works with: contexts that fit the check at hand, and pairs made of them."""

from __future__ import annotations

import contextlib
import enum
import functools
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from ..api._backend import Backend
from ..api._certificates import Certificate, Identity, PrivateKey
from ..api._configuration import TLSClientConfiguration, TLSServerConfiguration
from ..api._context import ClientContext, ServerContext
from ..api._features import Feature
from ..api._subjects import Subject
from ..api._trust import TrustStore
from ..api._versions import TLSVersion
from ..core._memory_buffer import MemoryBuffer
from ._ca import Issued
from ._ends import PATIENCE, BufferEnd, End, SocketEnd
from ._expect import NotApplicable
from ._pair import Pair
from ._zoo import Identities
from ._zoo_files import load_identities

HOST: Final = "server.test"
"""A name of `Identities.server` and `Identities.rsa_server`."""
OTHER_HOST: Final = "other.test"
"""A name of `Identities.second_server`."""


class Drive(enum.Enum):
    """How the bytes travel between the two ends."""

    WHOLE = "whole"
    """Memory buffers of the backend's own kind; everything that is there arrives at once."""
    BYTES = "bytes"
    """`unitls.MemoryBuffer`, one byte at a time."""
    SOCKETS = "sockets"
    """Non-blocking TCP sockets on the loopback."""


@functools.cache
def identity_of(issued: Issued) -> Identity:
    """`issued` as backend-neutral values; the same ones at every call."""
    chain = [Certificate.from_buffer(der) for der in issued.chain]
    return Identity(chain, PrivateKey.from_buffer(issued.key_pem))


class Kit:
    """One check's surroundings. Everything it has opened is closed by `close`.

    Args:
        client_backend: whose clients are checked.
        server_backend: whose servers are checked.
        drive: how the bytes travel.
        version: the version of TLS that both ends are held to; `None` leaves it to them.

    Attributes:
        identities: good certificates.
        trust: a store of their authority.
    """

    def __init__(
        self, client_backend: Backend, server_backend: Backend, drive: Drive, version: TLSVersion | None
    ) -> None:
        self.client_backend, self.server_backend = client_backend, server_backend
        self.drive, self.version = drive, version
        self.identities: Identities = load_identities()
        self.trust = TrustStore.from_buffer(self.identities.ca_pem)
        self._stack = contextlib.ExitStack()
        self._listener: socket.socket | None = None

    # ------------------------------------------------------------------------------------------ identities

    @property
    def server_identity(self) -> Identity:
        """P-256, for ``server.test``, ``localhost``, 127.0.0.1 and ::1."""
        return identity_of(self.identities.server)

    @property
    def rsa_identity(self) -> Identity:
        """RSA, for the same names."""
        return identity_of(self.identities.rsa_server)

    @property
    def other_identity(self) -> Identity:
        """P-256 below an intermediate, for ``other.test`` and ``*.other.test``."""
        return identity_of(self.identities.second_server)

    @property
    def client_identity(self) -> Identity:
        """A client's."""
        return identity_of(self.identities.client)

    # ------------------------------------------------------------------------------------------ contexts

    def client_configuration(self, **changes: Any) -> TLSClientConfiguration:
        """A client's configuration that trusts the test authority, with `changes`."""
        return TLSClientConfiguration(**{**self._bounds(), "trust_store": self.trust, **changes})

    def server_configuration(self, **changes: Any) -> TLSServerConfiguration:
        """A server's configuration with the usual certificate, with `changes`."""
        return TLSServerConfiguration(**{**self._bounds(), "identities": (self.server_identity,), **changes})

    def client(self, **changes: Any) -> ClientContext:
        """A client context of `client_configuration`."""
        return self.client_backend.client_context(self.client_configuration(**changes))

    def server(self, **changes: Any) -> ServerContext:
        """A server context of `server_configuration`."""
        return self.server_backend.server_context(self.server_configuration(**changes))

    def _bounds(self) -> dict[str, Any]:
        return {} if self.version is None else {"lower_bound": self.version, "upper_bound": self.version}

    # ------------------------------------------------------------------------------------------ pairs

    def pair(
        self,
        client: ClientContext | None = None,
        server: ServerContext | None = None,
        *,
        hostname: str | None = HOST,
        valid_subjects: Sequence[Subject] | None = None,
        drive: Drive | None = None,
    ) -> Pair:
        """A client and a server that have not spoken yet.

        Args:
            client: the context of the client; the usual one if not given.
            server: the context of the server; the usual one if not given.
            hostname: what the client calls the server.
            valid_subjects: which names it accepts, instead.
            drive: how the bytes travel, if not as the check says.
        """
        client = client or self.client()
        server = server or self.server()

        def wrap_client(*transport: Any) -> Any:
            wrap: Callable[..., Any] = client.wrap_socket if len(transport) == 1 else client.wrap_buffers
            return wrap(*transport, server_hostname=hostname, valid_subjects=valid_subjects)

        def wrap_server(*transport: Any) -> Any:
            wrap: Callable[..., Any] = server.wrap_socket if len(transport) == 1 else server.wrap_buffers
            return wrap(*transport)

        return self.custom_pair(wrap_client, wrap_server, drive)

    def connected(self, *args: Any, **options: Any) -> Pair:
        """A pair (made as `pair` does) whose handshake has succeeded."""
        return self.pair(*args, **options).handshake()

    def custom_pair(
        self, wrap_client: Callable[..., Any], wrap_server: Callable[..., Any], drive: Drive | None = None
    ) -> Pair:
        """A pair of what the two functions make.

        Args:
            wrap_client: makes the client's connection, of one socket or of two buffers.
            wrap_server: makes the server's, likewise.
            drive: how the bytes travel, if not as the check says.
        """
        drive = drive or self.drive
        ends: tuple[End, End]
        if drive is Drive.SOCKETS:
            left, right = self.sockets(blocking=False)
            ends = (self._socket_end(left, right, wrap_client), self._socket_end(right, left, wrap_server))
            return Pair(*ends)
        backends = (self.client_backend, self.server_backend)
        makers = [MemoryBuffer if drive is Drive.BYTES else backend.memory_buffer for backend in backends]
        ends = (BufferEnd(makers[0], wrap_client), BufferEnd(makers[1], wrap_server))
        return Pair(*ends, limit=1 if drive is Drive.BYTES else None)

    def _socket_end(self, raw: socket.socket, peer: socket.socket, wrap: Callable[..., Any]) -> SocketEnd:
        end = SocketEnd(raw, peer, wrap)
        self._stack.callback(end.tls.close)
        return end

    def sockets(self, *, blocking: bool = True, timeout: float = PATIENCE) -> tuple[socket.socket, socket.socket]:
        """Two plain TCP sockets, connected with each other: one that has connected, one that was accepted.

        Args:
            blocking: whether they wait, for `timeout` at most.
            timeout: seconds.
        """
        if self._listener is None:
            # One listener for the whole check: to a client it stays the same peer.
            self._listener = self._stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            self._listener.settimeout(PATIENCE)
        left = self._stack.enter_context(socket.create_connection(self._listener.getsockname()[:2], PATIENCE))
        right = self._stack.enter_context(self._listener.accept()[0])
        for raw in (left, right):
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            raw.settimeout(timeout if blocking else 0)
        return left, right

    # ------------------------------------------------------------------------------------------ the rest

    @property
    def bulk(self) -> int:
        """How many bytes are "many" here; few enough one by one."""
        return 3000 if self.drive is Drive.BYTES else 1_000_000

    @property
    def is_buffers(self) -> bool:
        """Whether the ends are wrapped buffers."""
        return self.drive is not Drive.SOCKETS

    def has(self, feature: Feature) -> bool:
        """Whether both backends have `feature`."""
        return self.client_backend.capabilities.supports(feature) and self.server_backend.capabilities.supports(feature)

    def need(self, feature: Feature) -> None:
        """Raise `NotApplicable` unless both backends have `feature`."""
        if not self.has(feature):
            raise NotApplicable(f"needs {feature.value}")

    def directory(self) -> Path:
        """A new, empty directory that goes away at the end."""
        import tempfile

        return Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="unitls-kit-")))

    def enter(self, manager: contextlib.AbstractContextManager[Any]) -> Any:
        """Enter `manager`, and leave it at the end."""
        return self._stack.enter_context(manager)

    def close(self) -> None:
        """Close everything that was opened."""
        self._stack.close()
