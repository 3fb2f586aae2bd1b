"""The text's protocol classes: contexts, the socket and the buffer."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Protocol

from ...api._buffers import ReadableBuffer, WritableBuffer
from ...api._ciphers import CipherSuite
from ...api._protocols import NextProtocol
from ._configuration import TLSClientConfiguration, TLSServerConfiguration, TLSVersion


class _Connection(Protocol):
    """What a socket and a buffer tell alike. All of it is `None` before the handshake is done."""

    @property
    @abstractmethod
    def context(self) -> ClientContext | ServerContext:
        """The context this belongs to."""
        ...

    @abstractmethod
    def cipher(self) -> CipherSuite | int | None:
        """The cipher suite that was negotiated."""
        ...

    @abstractmethod
    def negotiated_protocol(self) -> NextProtocol | bytes | None:
        """The protocol that was agreed on by ALPN, if any."""
        ...

    @property
    @abstractmethod
    def negotiated_tls_version(self) -> TLSVersion | None:
        """The version that was negotiated."""
        ...

    @abstractmethod
    def getpeercert(self) -> bytes | None:
        """The peer's certificate in DER, if it sent one."""
        ...


class TLSSocket(_Connection, Protocol):
    """A socket that speaks TLS only. It does not block: `recv`, `send`, `accept` and `close` raise the Want signals."""

    @abstractmethod
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Not to be called: a context's ``connect`` makes sockets, and `accept` does."""
        ...

    @abstractmethod
    def recv(self, bufsize: int) -> bytes:
        """Receive up to `bufsize` bytes, ``b""`` only after the peer's close_notify; the handshake comes first.

        Raises:
            WantReadError: nothing has come yet.
            RaggedEOF: the transport has ended without close_notify.
        """
        ...

    @abstractmethod
    def send(self, bytes: bytes) -> int:
        """Send some of `bytes`; returns how many."""
        ...

    @abstractmethod
    def close(self, force: bool = False) -> None:
        """Send close_notify and close the socket.

        Args:
            force: do not wait for the peer's close_notify.

        Raises:
            WantReadError: the peer's close_notify has not come yet; the socket is still open, call again.
            WantWriteError: ours could not be sent yet; likewise.
            ConnectionFault: the connection was lost, or application data came that nobody has read. It is closed.
        """
        ...

    @abstractmethod
    def listen(self, backlog: int) -> None:
        """On a server's socket: let up to `backlog` connections wait for `accept`."""
        ...

    @abstractmethod
    def accept(self) -> tuple[TLSSocket, tuple[str | None, int]]:
        """Accept a connection; its handshake happens at its first use.

        Raises:
            WantReadError: none waits.
        """
        ...

    @abstractmethod
    def getsockname(self) -> tuple[str | None, int]:
        """The local address."""
        ...

    @abstractmethod
    def getpeername(self) -> tuple[str | None, int]:
        """The peer's address."""
        ...


class TLSBuffer(_Connection, Protocol):
    """TLS in memory, without I/O."""

    @abstractmethod
    def read(self, amt: int, buffer: WritableBuffer | None = None) -> bytes | int:
        """Read up to `amt` bytes of plaintext, as a result or into `buffer`; nothing only after the peer's close_notify.

        Raises:
            WantReadError: more has to come in first.
            RaggedEOF: the transport has ended without close_notify.
        """
        ...

    @abstractmethod
    def write(self, buf: ReadableBuffer) -> int:
        """Encrypt some of `buf`; returns how many bytes."""
        ...

    @abstractmethod
    def do_handshake(self) -> None:
        """Perform the handshake, with certificate validation and hostname verification, as far as it goes.

        Raises:
            WantReadError: what is outgoing has to be sent, and more has to come in; call again.
        """
        ...

    @abstractmethod
    def shutdown(self) -> None:
        """Write close_notify, so that the peer knows that the content is finished."""
        ...

    @abstractmethod
    def process_incoming(self, data_from_network: bytes) -> None:
        """Take in `data_from_network`, which is ciphertext; ``b""`` says that the transport has ended.

        Raises:
            WantReadError: too much waits already. Nothing was stored: read first.
        """
        ...

    @abstractmethod
    def incoming_bytes_buffered(self) -> int:
        """How many bytes of ciphertext wait to be decrypted."""
        ...

    @abstractmethod
    def process_outgoing(self, amount_bytes_for_network: int) -> bytes:
        """Take out the next `amount_bytes_for_network` bytes for the network, or as many as there are."""
        ...

    @abstractmethod
    def outgoing_bytes_buffered(self) -> int:
        """How many bytes wait for the network."""
        ...


class ClientContext(Protocol):
    """A factory of client connections."""

    @abstractmethod
    def __init__(self, configuration: TLSClientConfiguration) -> None:
        """Make a context from a configuration."""
        ...

    @property
    @abstractmethod
    def configuration(self) -> TLSClientConfiguration:
        """The configuration this was made with."""
        ...

    @abstractmethod
    def connect(self, address: tuple[str | None, int]) -> TLSSocket:
        """Connect to a server; the handshake happens with that, and verifies the host's name or address.

        Args:
            address: host and port.

        Raises:
            ConfigurationError: there is no host.
            CertificateVerificationError: the server's certificate was not accepted.
        """
        ...

    @abstractmethod
    def create_buffer(self, server_hostname: str) -> TLSBuffer:
        """Make a connection in memory.

        Args:
            server_hostname: the name or address of the server: what is sent (SNI), and what its certificate is for.
        """
        ...


class ServerContext(Protocol):
    """A factory of server connections."""

    @abstractmethod
    def __init__(self, configuration: TLSServerConfiguration) -> None:
        """Make a context from a configuration."""
        ...

    @property
    @abstractmethod
    def configuration(self) -> TLSServerConfiguration:
        """The configuration this was made with."""
        ...

    @abstractmethod
    def connect(self, address: tuple[str | None, int]) -> TLSSocket:
        """Bind to an address, and listen.

        Args:
            address: host (`None` for every interface) and port.
        """
        ...

    @abstractmethod
    def create_buffer(self) -> TLSBuffer:
        """Make a connection in memory."""
        ...
