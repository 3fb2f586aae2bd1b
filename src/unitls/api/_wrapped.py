"""Connections: the wrapped buffer, which does no I/O, and the wrapped socket, which is a stream socket."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from typing import IO, TYPE_CHECKING, Any, Self

from ._buffers import ReadableBuffer, WritableBuffer
from ._protocols import NextProtocol
from ._versions import TLSVersion

if TYPE_CHECKING:
    import socket as socket_module

    from ._ciphers import CipherSuite
    from ._configuration import TLSConfiguration
    from ._context import Context
    from ._groups import NamedGroup


class _Connection(metaclass=ABCMeta):
    """What a wrapped socket and a wrapped buffer tell alike. Before the handshake is done it is `None`, or empty.

    What would be dangerous to take for an answer, and commands, raise `ConfigurationError` then.
    """

    __slots__ = ()

    @abstractmethod
    def do_handshake(self) -> None:
        """Perform the TLS handshake, including certificate validation and hostname verification.

        Calling it again once it is done does nothing.

        Raises:
            WantReadError: more has to come in first; call again (buffers, and sockets that do not block).
            WantWriteError: something has to go out first; call again.
            CertificateVerificationError: the peer's certificate was not accepted.
            PeerAlert: the peer refused with an alert.
            ProtocolViolation: the peer sent what TLS forbids, or nothing could be agreed on.
            RaggedEOF: the transport ended.
            TimeoutError: it took longer than the socket's timeout, or than ``handshake_timeout``.
        """

    @abstractmethod
    def cipher(self) -> CipherSuite | int | None:
        """Return the cipher suite that has been negotiated (an integer if the registry has no name for it)."""

    @abstractmethod
    def negotiated_protocol(self) -> NextProtocol | bytes | None:
        """Return the protocol that was selected during the TLS handshake.

        Returns:
            The member of `NextProtocol`, or else the raw byte string. `None` if no protocols were set, the peer does
            not negotiate, there is no overlap, or the handshake has not happened yet.
        """

    @property
    @abstractmethod
    def context(self) -> Context:
        """The context this connection is tied to.

        It can be replaced in the server name callback, by another context of the same backend and role.

        Raises:
            ConfigurationError: on assignment, anywhere else.
        """

    @context.setter
    @abstractmethod
    def context(self, value: Context) -> None: ...

    @property
    @abstractmethod
    def configuration(self) -> TLSConfiguration:
        """The configuration this connection was made with."""

    @property
    @abstractmethod
    def negotiated_tls_version(self) -> TLSVersion | None:
        """The version of TLS that has been negotiated on this connection."""

    @abstractmethod
    def getpeercert(self) -> bytes | None:
        """Return the peer's certificate in DER, or `None` if it sent none."""

    @abstractmethod
    def getpeerchain(self) -> list[bytes]:
        """Return the certificates the peer sent, in DER, leaf first; of a resumed session what is left of them.

        Raises:
            UnsupportedFeature: the backend lacks `Feature.PEER_CHAIN`.
        """

    @abstractmethod
    def getverifiedchain(self) -> list[bytes]:
        """Return the path that was trusted, in DER, from the leaf to the anchor; empty without validation.

        Raises:
            UnsupportedFeature: the backend lacks `Feature.VERIFIED_CHAIN`.
        """

    @property
    @abstractmethod
    def server_side(self) -> bool:
        """Whether this end is the server."""

    @property
    @abstractmethod
    def server_name(self) -> str | None:
        """The server name of the handshake (SNI): what we sent, or what the client sent, IDNA-decoded."""

    @property
    @abstractmethod
    def session_resumed(self) -> bool | None:
        """Whether the session was resumed.

        Raises:
            UnsupportedFeature: the backend lacks `Feature.RESUMPTION_INFORMATION`.
        """

    @property
    @abstractmethod
    def group(self) -> NamedGroup | int | None:
        """The key exchange group that was negotiated, as the IANA value.

        Raises:
            UnsupportedFeature: the backend lacks `Feature.GROUP_INFORMATION`.
        """

    @abstractmethod
    def get_channel_binding(self, kind: str = "tls-exporter") -> bytes | None:
        """Return channel binding data.

        Args:
            kind: ``"tls-exporter"`` (RFC 9266), ``"tls-server-end-point"`` or ``"tls-unique"`` (RFC 5929; TLS 1.2
                only).

        Raises:
            UnsupportedFeature: the backend cannot give this kind.
            ConfigurationError: the handshake is not done, or there is no such kind, or not with this version of TLS.
        """

    @abstractmethod
    def export_keying_material(self, label: bytes, length: int, context: bytes | None = None) -> bytes:
        """Return keying material bound to this connection (RFC 5705, RFC 8446 section 7.5).

        Args:
            label: an ASCII label of at most 249 bytes.
            length: how many bytes, at most 8,160 (what HKDF gives with SHA-256).
            context: the context value, if any: at most 65,535 bytes.

        Raises:
            UnsupportedFeature: the backend lacks `Feature.EXPORTER`.
            ConfigurationError: the handshake is not done, an argument is beyond these bounds, or the library, which may
                take shorter labels only, has no such material.
        """

    @abstractmethod
    def ocsp_response(self) -> bytes | None:
        """Return the stapled OCSP response in DER, if the server sent one.

        Raises:
            UnsupportedFeature: the backend lacks `Feature.OCSP_STAPLING`.
            ConfigurationError: the handshake is not done.
        """

    @abstractmethod
    def request_client_certificate(self) -> None:
        """Ask the client for a certificate now (TLS 1.3, RFC 8446 section 4.6.2).

        A socket sends the request at once. The client answers when it reads; the answer is taken in by our next reads. They
        raise `CertificateVerificationError` if the certificate is not acceptable, is another than the client has shown
        before, or there is none and ``client_authentication`` is not `ClientAuthentication.OPTIONAL`.

        Raises:
            UnsupportedFeature: the backend lacks `Feature.POST_HANDSHAKE_AUTHENTICATION`.
            ConfigurationError: the handshake is not done, this is a client or not TLS 1.3, or the client does not let
                itself be asked.
            ConnectionFault: the connection is lost, or closed for writing.
        """

    @abstractmethod
    def update_keys(self) -> None:
        """Send a KeyUpdate and ask the peer for one (TLS 1.3, RFC 8446 section 4.6.3). A socket sends it at once.

        Raises:
            UnsupportedFeature: the backend lacks `Feature.KEY_UPDATE`.
            ConfigurationError: the handshake is not done, or this is not TLS 1.3.
            ConnectionFault: the connection is lost, or closed for writing.
        """

    @abstractmethod
    def write_early_data(self, data: ReadableBuffer) -> int:
        """On a client, before the handshake begins: send data with the first flight (RFC 8446 section 2.3).

        It can be replayed by whoever sees it, and is not forward secret. It goes out with the next `do_handshake`, so a
        socket is wrapped with ``auto_handshake=False``. Look at `early_data_accepted` afterwards: what the server has not
        taken is lost and has to be written again.

        Args:
            data: a request that may be repeated.

        Returns:
            How many bytes were taken: 0 when there is no session to resume whose server takes early data, fewer than all
            when it takes no more.

        Raises:
            UnsupportedFeature: the backend lacks `Feature.EARLY_DATA`.
            ConfigurationError: the handshake has begun, or this is a server.
        """

    @abstractmethod
    def read_early_data(self) -> bytes:
        """On a server: return the early data that has come in and was not read yet, also while the handshake goes on.

        Whoever wrote it has proved nothing yet: before the handshake is done it may be a replay.

        Returns:
            The data, ``b""`` if there is none.

        Raises:
            UnsupportedFeature: the backend lacks `Feature.EARLY_DATA`.
            ConfigurationError: this is a client.
        """

    @property
    @abstractmethod
    def early_data_accepted(self) -> bool | None:
        """Whether the server has taken the early data; `None` if there was none.

        Raises:
            UnsupportedFeature: the backend lacks `Feature.EARLY_DATA`.
            ConfigurationError: the handshake is not done.
        """

    @abstractmethod
    def pending(self) -> int:
        """How many bytes of plaintext can be read at once, at least."""


class TLSWrappedBuffer(_Connection):
    """TLS between two memory buffers, with no I/O of its own.

    Ciphertext comes from ``incoming`` and goes to ``outgoing``. A call never waits: it raises `WantReadError` when it
    needs more in ``incoming`` and `WantWriteError` when ``outgoing`` is full. One thread may read while another writes;
    the buffers themselves must not be touched during a call.
    """

    __slots__ = ()

    @abstractmethod
    def read(self, amt: int | None = None) -> bytes:
        """Read up to `amt` bytes of plaintext.

        Args:
            amt: how many bytes at most, and at most what one record holds (16 KiB); `None` for all that is there.

        Returns:
            The plaintext, at least one byte; ``b""`` only when the peer has closed cleanly (or when `amt` is 0).

        Raises:
            WantReadError: nothing is there.
            WantWriteError: something has to go out first.
            RaggedEOF: ``incoming`` ended without close_notify.
            PeerAlert: the peer sent an alert.
            ProtocolViolation: a record is broken.
            ConfigurationError: the handshake is not done.
        """

    @abstractmethod
    def read_into(self, buffer: WritableBuffer, amt: int | None = None) -> int:
        """Read into `buffer`, which must be a writable buffer.

        Args:
            buffer: filled from its start.
            amt: how many bytes at most; `None` for as many as fit.

        Returns:
            How many bytes were read; 0 only when the peer has closed cleanly (or when nothing fits).

        Raises:
            TLSError: as `read` does.
        """

    @abstractmethod
    def write(self, buf: ReadableBuffer) -> int:
        """Write `buf` in encrypted form to the output buffer.

        Args:
            buf: contiguous bytes. Empty, nothing is written, and the call says whether everything is out.

        Returns:
            How many bytes were taken: all of them, or fewer when `buf` is large or ``outgoing`` is nearly full.

        Raises:
            WantWriteError: ``outgoing`` is full; nothing was taken.
            WantReadError: something has to come in first; nothing was taken.
            ConnectionFault: the connection is lost, or closed for writing.
            ConfigurationError: the handshake is not done.
        """

    @abstractmethod
    def shutdown(self) -> None:
        """Perform a clean TLS shut down: send close_notify, so that the peer knows that the content is finished.

        The other direction stays open: what the peer still sends can be read until `read` gives ``b""``. Calling it
        again does nothing.

        Raises:
            WantWriteError: ``outgoing`` is full.
        """


class TLSWrappedSocket(_Connection):
    """A stream socket whose bytes travel encrypted.

    It has the methods of a `socket.socket`, with their meaning; timeouts are deadlines per call and raise the built-in
    `TimeoutError`. A non-blocking one raises `WantReadError` and `WantWriteError`. One thread may read while another
    writes.
    """

    __slots__ = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    @abstractmethod
    def unwrap(self) -> socket_module.socket:
        """Cleanly terminate the TLS connection: send close_notify and wait for the peer's.

        Returns:
            The socket that was wrapped, as it was. This object can no longer be used. What the peer sent behind its
            close_notify is in `trailing_data`.

        Raises:
            WantReadError: the peer's close_notify has not come yet (sockets that do not block); call again.
            WantWriteError: our close_notify is not out yet; likewise.
            ConnectionFault: application data came instead, which would be lost: read it first.
            RaggedEOF: the transport ended first.
            ConfigurationError: the handshake is not done, or has failed: there is no TLS to end.
        """

    @property
    @abstractmethod
    def trailing_data(self) -> bytes:
        """What was received behind the peer's close_notify, after `unwrap`: the first bytes of the plain stream."""

    @property
    @abstractmethod
    def family(self) -> int: ...

    @property
    @abstractmethod
    def type(self) -> int: ...

    @property
    @abstractmethod
    def proto(self) -> int: ...

    @property
    @abstractmethod
    def timeout(self) -> float | None: ...

    @abstractmethod
    def accept(self) -> tuple[TLSWrappedSocket, Any]:
        """Accept a connection on a wrapped listener. The handshake happens at its first use, not here."""

    @abstractmethod
    def bind(self, address: Any, /) -> None: ...

    @abstractmethod
    def close(self) -> None:
        """Send close_notify if that can be done at once, and close the socket."""

    @abstractmethod
    def connect(self, address: Any, /) -> None:
        """Connect, then do the handshake unless ``auto_handshake`` is off."""

    @abstractmethod
    def connect_ex(self, address: Any, /) -> int:
        """Connect; an error of the connection comes back as a number, one of the handshake is raised."""

    @abstractmethod
    def detach(self) -> int:
        """Give up the descriptor without close_notify and without closing it. This object can no longer be used."""

    @abstractmethod
    def dup(self) -> TLSWrappedSocket:
        """Raise `ConfigurationError`: the state of a TLS connection cannot be shared by two sockets."""

    @abstractmethod
    def fileno(self) -> int: ...

    @abstractmethod
    def get_inheritable(self) -> bool: ...

    @abstractmethod
    def getblocking(self) -> bool: ...

    @abstractmethod
    def getpeername(self) -> Any: ...

    @abstractmethod
    def getsockname(self) -> Any: ...

    @abstractmethod
    def getsockopt(self, level: int, optname: int, buflen: int = 0, /) -> Any: ...

    @abstractmethod
    def gettimeout(self) -> float | None: ...

    @abstractmethod
    def listen(self, backlog: int | None = None, /) -> None: ...

    @abstractmethod
    def makefile(
        self,
        mode: str = "r",
        buffering: int | None = None,
        *,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> IO[Any]:
        """Return a file object over the plaintext, as `socket.socket.makefile` does."""

    @abstractmethod
    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        """Receive up to `bufsize` bytes; ``b""`` only at a clean close. `flags` must be 0."""

    @abstractmethod
    def recv_into(self, buffer: WritableBuffer, nbytes: int = 0, flags: int = 0, /) -> int:
        """Receive into `buffer`; 0 only at a clean close. `flags` must be 0."""

    @abstractmethod
    def recvfrom(self, bufsize: int, flags: int = 0, /) -> tuple[bytes, Any]: ...

    @abstractmethod
    def recvfrom_into(self, buffer: WritableBuffer, nbytes: int = 0, flags: int = 0, /) -> tuple[int, Any]: ...

    @abstractmethod
    def recvmsg(self, bufsize: int, ancbufsize: int = 0, flags: int = 0, /) -> Any: ...

    @abstractmethod
    def recvmsg_into(self, buffers: Any, ancbufsize: int = 0, flags: int = 0, /) -> Any: ...

    @abstractmethod
    def send(self, data: ReadableBuffer, flags: int = 0, /) -> int:
        """Send some of `data`; returns how many bytes. `flags` must be 0.

        On a socket that does not block, `WantWriteError` means that the call has to be repeated with the same data.
        """

    @abstractmethod
    def sendall(self, data: ReadableBuffer, flags: int = 0, /) -> None:
        """Send all of `data`. `flags` must be 0."""

    @abstractmethod
    def sendfile(self, file: IO[bytes], offset: int = 0, count: int | None = None) -> int: ...

    @abstractmethod
    def sendmsg(self, buffers: Any, ancdata: Any = (), flags: int = 0, address: Any = None, /) -> int: ...

    @abstractmethod
    def sendto(self, data: ReadableBuffer, *args: Any) -> int: ...

    @abstractmethod
    def set_inheritable(self, inheritable: bool, /) -> None: ...

    @abstractmethod
    def setblocking(self, flag: bool, /) -> None: ...

    @abstractmethod
    def setsockopt(self, level: int, optname: int, *value: Any) -> None: ...

    @abstractmethod
    def settimeout(self, value: float | None, /) -> None: ...

    @abstractmethod
    def shutdown(self, how: int, /) -> None:
        """Shut down one or both halves; for writing, close_notify goes out first, then FIN."""
