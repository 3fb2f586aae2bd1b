"""What a backend supplies: a provider that turns settings into native objects, and an engine for each connection.

This is the whole of it. Waiting, looping, partial writes, ends, states, sockets and the wrapping of errors are core's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NoReturn, TypeVar

from ..api._certificates import Identity
from ..api._errors import TLSError, UnsupportedFeature, WantReadError
from ..api._features import Capabilities, Feature
from ..api._sessions import Session
from ..api._subjects import Subject
from ._client_hello import ClientHello
from ._settings import Settings

E = TypeVar("E", bound=TLSError)


@dataclass(frozen=True, slots=True)
class ConnectionPlan:
    """What one connection needs on top of its settings.

    Attributes:
        server_side: which end we are.
        server_name: the SNI to send (A-labels, never an address), on a client.
        subjects: the acceptable subjects of the peer; `None` if none is checked.
        session: one to resume, on a client.
        hello: the client's first message, on a server where something depends on it.
    """

    server_side: bool
    server_name: str | None = None
    subjects: tuple[Subject, ...] | None = None
    session: Session | None = None
    hello: ClientHello | None = None

    def with_session(self, session: Session | None) -> ConnectionPlan:
        """The same, with a session to resume."""
        return ConnectionPlan(self.server_side, self.server_name, self.subjects, session, self.hello)


class Engine(ABC):
    """The primitive operations on one connection. None waits, and none loops over a transport.

    What moves the connection on (the handshake, reading, writing, the end, commands) is never called while another such call
    is under way. What only asks may be: a program may ask in one thread, or in a callback of the library, what was negotiated.

    Ciphertext is taken from and put to the two buffers that the provider was given. Whatever goes wrong is raised as the
    library's own exception, one of `Provider.fault_types`, for `Provider.translate` to map.

    The five that each connection calls again and again are attributes, so that a library's own method can be one. Core reads
    them first and calls them then: in one step, Python looks for a method of the class each time.

    Attributes:
        handshake: ``handshake() -> None``: takes the handshake as far as it goes; returns when it is done.
        read: ``read(n) -> bytes``: plaintext of at most one record, at least one byte. The peer's close_notify is either
            ``b""`` or an exception that `Provider.translate` maps to `None`.
        read_into: ``read_into(n, buffer) -> int``: likewise, into a writable buffer.
        write: ``write(data) -> int``: takes at least one byte.
        pending: ``pending() -> int``: plaintext already decrypted.
    """

    __slots__ = ("handshake", "pending", "read", "read_into", "write")

    handshake: Callable[[], None]
    read: Callable[[int], bytes]
    read_into: Callable[[int, Any], int]
    write: Callable[[Any], int]
    pending: Callable[[], int]

    @abstractmethod
    def shutdown(self) -> None:
        """Put close_notify to the outgoing buffer; what the peer has sent stays readable."""

    @abstractmethod
    def version(self) -> int | None:
        """The negotiated version as on the wire."""

    @abstractmethod
    def cipher(self) -> int | None:
        """The negotiated suite as on the wire."""

    @abstractmethod
    def protocol(self) -> bytes | None:
        """The protocol agreed on by ALPN."""

    @abstractmethod
    def peer_chain(self) -> list[bytes]:
        """What the peer sent, as soon as it is known, also while the handshake is under way."""

    def peer_certificate(self) -> bytes | None:
        """The peer's own certificate, as soon as it is known."""
        chain = self.peer_chain()
        return chain[0] if chain else None

    def peer_is_proven(self) -> bool:
        """On a server: whether the client has finished its answer to the last request for a certificate after the handshake.

        Libraries tell the certificate earlier, when nothing has shown yet that the client has the key to it.
        """
        return True

    def verified_chain(self) -> list[bytes]:
        """The path that was trusted; empty if the library does not tell."""
        return []

    def session(self) -> Session | None:
        """A session that can be resumed, if there is a new one."""
        return None

    def resumed(self) -> bool | None:
        """Whether the session was resumed."""
        return None

    def used_external_psk(self) -> bool:
        """Whether an external pre-shared key has authenticated both ends, in the place of certificates."""
        return False

    def group(self) -> int | None:
        """The key exchange group."""
        return None

    def tls_unique(self) -> bytes | None:
        """The channel binding tls-unique; a backend without the feature is not asked."""
        _missing(Feature.TLS_UNIQUE_BINDING)

    def export(self, label: bytes, length: int, context: bytes | None) -> bytes:
        """Keying material."""
        _missing(Feature.EXPORTER)

    def ocsp_response(self) -> bytes | None:
        """The stapled OCSP response."""
        _missing(Feature.OCSP_STAPLING)

    def request_client_certificate(self) -> None:
        """Ask for a client certificate after the handshake."""
        _missing(Feature.POST_HANDSHAKE_AUTHENTICATION)

    def update_keys(self) -> None:
        """Send a KeyUpdate."""
        _missing(Feature.KEY_UPDATE)

    def write_early_data(self, data: Any) -> int:
        """On a client that has not begun: take early data that goes out with the ClientHello; how much of it."""
        _missing(Feature.EARLY_DATA)

    def read_early_data(self) -> bytes:
        """On a server: the early data that has come in and was not read yet."""
        _missing(Feature.EARLY_DATA)

    def early_data_accepted(self) -> bool | None:
        """Whether the server has taken early data; `None` if there was none."""
        _missing(Feature.EARLY_DATA)


def _missing(feature: Feature) -> NoReturn:
    raise UnsupportedFeature(f"this backend does not have {feature.value}", feature=feature)


class Provider(ABC):
    """One TLS library, as core sees it. Stateless and safe to share between threads.

    Attributes:
        name: the backend's name.
        library_version: as the library says it.
        fault_types: the exceptions the library's calls raise.
        want_read: those of them that mean that more has to come in first, and nothing else.
        buffer_types: the buffer types an engine works on directly; others are relayed by core.
        error_classes: the backend's subclass for each class of our errors.
        needs_client_hello: the engine wants `ConnectionPlan.hello` in any case; otherwise it is there only when something
            depends on it.
        leaves_rest: the library takes whole records from the incoming buffer, one by one, and leaves what it does not
            need for the handshake.
        read_size: how much plaintext one read of the engine may be asked for: what a record holds, or more where the
            engine decrypts as many records as fit.
        verifies_by_platform: the library's own verification is the platform's; elsewhere core asks the platform, where it has
            one, in the place of the library.
        takes_scoped_lists: the library knows which certificates a revocation list with an issuingDistributionPoint covers.
        alpn_mismatch_is_fatal: the library ends a handshake when no protocol is agreed on; core then offers none.
    """

    name: ClassVar[str]
    library_version: str
    fault_types: ClassVar[tuple[type[BaseException], ...]]
    want_read: ClassVar[tuple[type[BaseException], ...]] = ()
    buffer_types: ClassVar[tuple[type[Any], ...]]
    error_classes: ClassVar[Mapping[type[TLSError], type[TLSError]]] = {}
    verifies_by_platform: ClassVar[bool] = False
    takes_scoped_lists: ClassVar[bool] = False
    alpn_mismatch_is_fatal: ClassVar[bool] = False
    needs_client_hello: ClassVar[bool] = False
    leaves_rest: ClassVar[bool] = False
    read_size: ClassVar[int] = 16384

    @abstractmethod
    def capabilities(self) -> Capabilities:
        """What the library can do here; cheap after the first call."""

    @abstractmethod
    def default_ciphers(self) -> tuple[int, ...]:
        """The suites enabled when none are chosen, as IANA values."""

    def default_ciphers_for(self, settings: Settings) -> tuple[int, ...]:
        """Likewise with some settings: the versions that they allow may need suites of their own."""
        return self.default_ciphers()

    @abstractmethod
    def memory_buffer(self) -> Any:
        """A new, empty buffer of the fastest kind."""

    def check(self, settings: Settings) -> None:  # noqa: B027 - most libraries have nothing to refuse here
        """Refuse what no capability speaks of, when it is configured.

        Raises:
            UnsupportedFeature: the library cannot express it.
        """

    @abstractmethod
    def check_identity(self, identity: Identity) -> None:
        """Load an identity once and throw it away.

        Raises:
            ConfigurationError: the library does not take it, or the key does not fit.
        """

    def leaf(self, identity: Identity) -> bytes:
        """The leaf certificate of an identity that was checked, in DER; empty if it cannot be told, as of one in a token."""
        return getattr(identity.certificates[0], "der", None) or b""

    @abstractmethod
    def build(self, settings: Settings) -> Any:
        """Make the native context. Called once for each configuration (and identity); may be expensive.

        Raises:
            ConfigurationError: the library does not take the settings.
        """

    @abstractmethod
    def engine(self, native: Any, plan: ConnectionPlan, incoming: Any, outgoing: Any) -> Engine:
        """Make the engine of one connection over two buffers of one of `buffer_types`."""

    @abstractmethod
    def translate(self, error: BaseException) -> TLSError | None:
        """Map an exception of the library to ours; `None` for the peer's clean close."""

    def more_to_come(self) -> WantReadError:
        """Make the signal that is raised most often."""
        return self.fault(WantReadError, "more has to come in first")

    def fault(self, kind: type[E], text: str, **attributes: Any) -> E:
        """Make an error of the backend's subclass of `kind`."""
        chosen = self.error_classes.get(kind, kind)
        return chosen(text, **attributes)  # type: ignore[return-value]
