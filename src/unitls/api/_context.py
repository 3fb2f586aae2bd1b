"""Contexts: configuration, and the factories of wrapped sockets and buffers."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, Union

from ._buffers import ByteSink, ByteSource
from ._certificates import Certificate, PrivateKey
from ._configuration import TLSClientConfiguration, TLSConfiguration, TLSServerConfiguration
from ._protocols import NextProtocol
from ._subjects import Subject
from ._trust import TrustStore
from ._versions import TLSVersion
from ._wrapped import TLSWrappedBuffer, TLSWrappedSocket

if TYPE_CHECKING:
    import socket as socket_module

    from ._backend import Backend
    from ._ciphers import CipherSuite

TLSBufferObject: TypeAlias = Union[TLSWrappedSocket, TLSWrappedBuffer]  # noqa: UP007 - as the specification has it
"""What a server name callback is called with."""

ServerNameCallback: TypeAlias = Callable[[TLSBufferObject, str | None, "Context"], Any]
"""``callback(wrapped, server_name, context)``; `None` goes on, anything else ends the handshake."""


class _BaseContext(metaclass=ABCMeta):
    """What client and server contexts share: one immutable configuration, behind setters.

    A context is safe to share between threads. Changing it does not touch connections already made.
    """

    __slots__ = ()

    @property
    @abstractmethod
    def backend(self) -> Backend:
        """The backend this context belongs to."""

    @property
    @abstractmethod
    def configuration(self) -> TLSConfiguration:
        """The configuration as it stands. Assign a changed copy (`dataclasses.replace`) to set any field of it.

        Raises:
            UnsupportedFeature: on assignment, if the backend cannot honour it.
            ConfigurationError: on assignment, if a value is wrong in itself.
        """

    @property
    @abstractmethod
    def ciphers(self) -> tuple[CipherSuite | int, ...]:
        """The cipher suites that connections of this context may negotiate, as IANA values."""

    @property
    @abstractmethod
    def verifier(self) -> str | None:
        """Who verifies the certificates of peers, and against whose roots, in words for people; `None` if nobody does.

        It is the library with its version; with `TrustStore.system()` the platform, where that has a verification.

        Raises:
            ConfigurationError: the system's trust store is empty, or cannot be read.
        """

    @property
    @abstractmethod
    def validate_certificates(self) -> bool:
        """Whether to validate the TLS certificates.

        This switch operates at a very broad scope: either validation is enabled, in which case all forms of validation
        are performed including hostname validation, or validation is disabled, in which case no validation is
        performed. On a server it speaks of client certificates: `True` requires one.

        Raises:
            UnsupportedFeature: on assignment of `False`, if the backend cannot do without validation.
        """

    @validate_certificates.setter
    @abstractmethod
    def validate_certificates(self, val: bool) -> None: ...

    @abstractmethod
    def register_certificates(self, certificates: Sequence[Certificate], key: PrivateKey) -> None:
        """Load a certificate, a number of intermediate certificates, and the corresponding private key.

        These certificates will be offered to the remote peer during the handshake if required. On a server context
        several calls register several identities, of which one is chosen by the client's server name; on a client
        context a further call replaces the former.

        Args:
            certificates: the leaf first; all others are offered as intermediates.
            key: the private key of the leaf.

        Raises:
            ConfigurationError: the key does not fit the leaf, its passphrase is wrong, or a value is damaged.
            UnsupportedFeature: the backend cannot use such a key or certificate.
        """

    @abstractmethod
    def set_ciphers(self, ciphers: Sequence[CipherSuite | int]) -> None:
        """Set the available ciphers for TLS connections created with this context.

        Args:
            ciphers: IANA values, by preference. Those the library does not have are left out.

        Raises:
            ConfigurationError: none of them is available.
            UnsupportedFeature: a suite that is not listed would stay enabled.
        """

    @abstractmethod
    def set_inner_protocols(self, protocols: Sequence[NextProtocol | bytes]) -> None:
        """Specify which protocols are advertised as supported during the TLS handshake, by ALPN.

        Args:
            protocols: by preference, such as ``[NextProtocol.H2, NextProtocol.HTTP1]``; any other protocol is passed as
                a byte string of 1 to 255 bytes. An empty list switches negotiation off.

        Raises:
            ConfigurationError: a name is empty, too long, or of the wrong type.
            UnsupportedFeature: (a `NotImplementedError`) the TLS implementation has no protocol negotiation.
        """

    @abstractmethod
    def set_version_range(self, lower_bound: TLSVersion | None = None, upper_bound: TLSVersion | None = None) -> None:
        """Set the minimum and maximum versions of TLS that should be allowed on connections made by this context.

        Args:
            lower_bound: the lowest acceptable version; `None` leaves this bound unchanged.
            upper_bound: the highest acceptable version, also one above what the library has; `None` leaves this bound
                unchanged.

        Raises:
            UnsupportedFeature: the library cannot go as low as `lower_bound`, or has no version in the range.
            ConfigurationError: the bounds cross.
        """

    @abstractmethod
    def use_trust_store(self, store: TrustStore) -> None:
        """Use a given trust store to validate certificates. If not called, a client uses the system's.

        Args:
            store: any neutral store, or one of this backend.

        Raises:
            UnsupportedFeature: the library cannot trust exactly this store.
        """


class ClientContext(_BaseContext):
    """A factory of client connections."""

    __slots__ = ()

    @property
    @abstractmethod
    def configuration(self) -> TLSClientConfiguration: ...

    @configuration.setter
    @abstractmethod
    def configuration(self, value: TLSClientConfiguration) -> None: ...

    @abstractmethod
    def wrap_socket(
        self,
        socket: socket_module.socket | TLSWrappedSocket,
        auto_handshake: bool = True,
        server_hostname: str | None = None,
        *,
        valid_subjects: Sequence[Subject] | None = None,
    ) -> TLSWrappedSocket:
        """Wrap an existing Python socket object and return a wrapped socket.

        Args:
            socket: a ``SOCK_STREAM`` socket, connected or not, or a wrapped socket (TLS in TLS). It belongs to the
                wrapped socket from now on.
            auto_handshake: do the handshake at once on a connected socket that can block, else after ``connect()``.
                When `False`, `TLSWrappedSocket.do_handshake` has to be called, and nothing else does it.
            server_hostname: the host name or IP address of the service we are connecting to. A host name is sent as
                SNI, an IP address never; the certificate must be for it.
            valid_subjects: acceptable names of the peer, instead of `server_hostname`; one that matches suffices. With
                ``unitls.insecure.ANY_SUBJECT`` any name does.

        Returns:
            The wrapped socket, tied to this context's configuration as it is now.

        Raises:
            ConfigurationError: it is not a stream socket, there is no name to check, a name is none, or a combination
                of settings makes no sense.
            ProtocolViolation: plaintext has already been received behind the start of TLS.
            ConnectionFault: the handshake, if it is done at once, failed.
            TimeoutError: likewise, if it took too long.
        """

    @abstractmethod
    def wrap_buffers(
        self,
        incoming: ByteSource,
        outgoing: ByteSink,
        server_hostname: str | None = None,
        *,
        valid_subjects: Sequence[Subject] | None = None,
    ) -> TLSWrappedBuffer:
        """Wrap a pair of buffer objects to create an in-memory stream for TLS.

        Args:
            incoming: ciphertext is read from here. Nobody else may read it meanwhile.
            outgoing: ciphertext is written to here.
            server_hostname: as for `wrap_socket`.
            valid_subjects: as for `wrap_socket`.

        Returns:
            The wrapped buffer; the handshake is the caller's to run. ``backend.memory_buffer`` is the fastest type of
            buffer for it.

        Raises:
            ConfigurationError: as for `wrap_socket`.
        """


class ServerContext(_BaseContext):
    """A factory of server connections."""

    __slots__ = ()

    @property
    @abstractmethod
    def configuration(self) -> TLSServerConfiguration: ...

    @configuration.setter
    @abstractmethod
    def configuration(self, value: TLSServerConfiguration) -> None: ...

    @abstractmethod
    def wrap_socket(
        self, socket: socket_module.socket | TLSWrappedSocket, auto_handshake: bool = True
    ) -> TLSWrappedSocket:
        """Wrap an existing Python socket object and return a wrapped socket.

        Args:
            socket: a connected ``SOCK_STREAM`` socket, or a listening one: then ``accept()`` gives wrapped sockets.
            auto_handshake: do the handshake at first use. When `False`, `TLSWrappedSocket.do_handshake` has to be
                called.

        Returns:
            The wrapped socket, tied to this context's configuration as it is now.

        Raises:
            ConfigurationError: it is not a stream socket, there is no certificate, or client certificates are asked
                for without a trust store.
        """

    @abstractmethod
    def wrap_buffers(self, incoming: ByteSource, outgoing: ByteSink) -> TLSWrappedBuffer:
        """Wrap a pair of buffer objects to create an in-memory stream for TLS; as on a client.

        Args:
            incoming: ciphertext is read from here.
            outgoing: ciphertext is written to here.

        Raises:
            ConfigurationError: as for `wrap_socket`.
        """

    @abstractmethod
    def set_sni_callback(self, callback: ServerNameCallback | None) -> None:
        """Register a callback that is called after the ClientHello has been received.

        Only one callback can be set per context; a further call replaces it.

        Args:
            callback: called with the wrapped socket or buffer, the IDNA-decoded server name (as received where it does
                not decode, `None` if the client sent none), and this context. It runs before anything has been
                negotiated: assigning ``wrapped.context`` replaces certificates, versions, ciphers, protocols and client
                authentication. If it returns anything but `None`, the handshake ends: with the alert of that number
                if it is one (an `AlertDescription`, say), else with unrecognized_name. If it raises, the handshake
                ends with internal_error, and the exception is the ``__cause__`` of what ``do_handshake`` raises. `None`
                disables it.

        Raises:
            UnsupportedFeature: the backend cannot.
        """


Context: TypeAlias = Union[ClientContext, ServerContext]  # noqa: UP007 - as the specification has it
"""Either kind of context."""
