"""The text's abstract classes: contexts and the wrapped buffer."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from typing import TYPE_CHECKING, Any, TypeAlias, Union

from ...api._buffers import ReadableBuffer
from ...api._ciphers import CipherSuite
from ...api._protocols import NextProtocol
from ...api._versions import TLSVersion
from ._configuration import TLSConfiguration
from ._socket import TLSWrappedSocket

if TYPE_CHECKING:
    import socket as socket_module


class TLSWrappedBuffer(metaclass=ABCMeta):
    """TLS in memory, without I/O: ciphertext comes and goes through the methods at the end."""

    __slots__ = ()

    @abstractmethod
    def read(self, amt: int) -> bytes:
        """Read up to `amt` bytes of plaintext; ``b""`` only after the peer's close_notify.

        Raises:
            WantReadError: more has to come in first.
            RaggedEOF: the transport has ended without close_notify.
        """

    @abstractmethod
    def readinto(self, buffer: Any, amt: int) -> int:
        """Read up to `amt` bytes of plaintext into `buffer`; returns how many, 0 only after the peer's close_notify.

        Raises:
            WantReadError: more has to come in first.
            RaggedEOF: the transport has ended without close_notify.
        """

    @abstractmethod
    def write(self, buf: ReadableBuffer) -> int:
        """Encrypt some of `buf`; returns how many bytes."""

    @abstractmethod
    def do_handshake(self) -> None:
        """Perform the handshake, with certificate validation and hostname verification, as far as it goes.

        Raises:
            WantReadError: what is outgoing has to be sent, and more has to come in; call again.
        """

    @abstractmethod
    def cipher(self) -> CipherSuite | int | None:
        """The cipher suite that was negotiated; `None` before."""

    @abstractmethod
    def negotiated_protocol(self) -> NextProtocol | bytes | None:
        """The protocol that was agreed on by ALPN, if any."""

    @property
    @abstractmethod
    def context(self) -> Context:
        """The context this belongs to."""

    @property
    @abstractmethod
    def negotiated_tls_version(self) -> TLSVersion | None:
        """The version that was negotiated; `None` before."""

    @abstractmethod
    def shutdown(self) -> None:
        """Write close_notify, so that the peer knows that the content is finished."""

    @abstractmethod
    def receive_from_network(self, data: bytes) -> None:
        """Take in `data`, which is ciphertext; ``b""`` says that the transport has ended.

        Raises:
            WantReadError: too much waits already. Nothing was stored: read first.
        """

    @abstractmethod
    def peek_outgoing(self, amt: int) -> bytes:
        """The next `amt` bytes for the network, or as many as there are; they stay."""

    @abstractmethod
    def consume_outgoing(self, amt: int) -> None:
        """Forget the next `amt` bytes for the network: they were sent.

        Raises:
            ConfigurationError: there are fewer.
        """

    @abstractmethod
    def bytes_buffered(self) -> int:
        """How many bytes wait for the network."""


class _BaseContext(metaclass=ABCMeta):
    """What both roles share.

    Args:
        configuration: what connections are made with.
    """

    __slots__ = ()

    @abstractmethod
    def __init__(self, configuration: TLSConfiguration) -> None: ...

    @property
    @abstractmethod
    def configuration(self) -> TLSConfiguration:
        """The configuration this was made with."""


class ClientContext(_BaseContext):
    """A factory of client connections."""

    __slots__ = ()

    def wrap_socket(self, socket: socket_module.socket, server_hostname: str | None) -> TLSWrappedSocket:
        """Wrap a stream socket; the handshake is the caller's to run, after it is connected.

        Args:
            socket: connected or not; it belongs to the wrapped socket from now on.
            server_hostname: the name or address of the server: what is sent (SNI), and what its certificate is for.

        Raises:
            ConfigurationError: certificates are validated, and there is no `server_hostname`.
        """
        return TLSWrappedSocket(socket, self.wrap_buffers(server_hostname))

    @abstractmethod
    def wrap_buffers(self, server_hostname: str | None) -> TLSWrappedBuffer:
        """Make a connection in memory.

        Args:
            server_hostname: as for `wrap_socket`.

        Raises:
            ConfigurationError: certificates are validated, and there is no `server_hostname`.
        """


class ServerContext(_BaseContext):
    """A factory of server connections."""

    __slots__ = ()

    def wrap_socket(self, socket: socket_module.socket) -> TLSWrappedSocket:
        """Wrap a stream socket; the handshake is the caller's to run.

        Args:
            socket: connected or listening; it belongs to the wrapped socket from now on.
        """
        return TLSWrappedSocket(socket, self.wrap_buffers())

    @abstractmethod
    def wrap_buffers(self) -> TLSWrappedBuffer:
        """Make a connection in memory."""


Context: TypeAlias = Union[ClientContext, ServerContext]  # noqa: UP007 - as the text has it
"""Either kind of context."""

TLSBufferObject: TypeAlias = Union[TLSWrappedSocket, TLSWrappedBuffer]  # noqa: UP007 - as the text has it
"""What a server name callback is called with."""
