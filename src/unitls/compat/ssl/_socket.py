"""`SSLSocket`: a stream socket whose bytes travel encrypted, by any backend."""

from __future__ import annotations

import errno
import socket as socket_module
from typing import IO, TYPE_CHECKING, Any

from ...api._errors import RaggedEOF, TLSError, WantReadError, WantWriteError
from ...core._buffer import CoreBuffer
from ...core._socket import CoreSocket
from ._constants import OP_IGNORE_UNEXPECTED_EOF
from ._errors import SSLProtocolViolation
from ._plain_socket import PlainSocket
from ._platform import base_of
from ._translate import boundary, failure, translated

if TYPE_CHECKING:
    from ._context import SSLContext
    from ._sessions import SSLSession


class SSLSocket(PlainSocket, base_of("SSLSocket", socket_module.socket)):  # type: ignore[misc]
    """A wrapped socket, made by `SSLContext.wrap_socket`. It is a `socket.socket` for whoever asks.

    The descriptor belongs to a plain socket inside; the one this is itself in C stays without, so that nothing can go
    past TLS.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise TypeError(
            f"{type(self).__name__} does not have a public constructor. "
            "Instances are returned by SSLContext.wrap_socket()."
        )

    @classmethod
    def _create(
        cls,
        sock: Any,
        server_side: bool = False,
        do_handshake_on_connect: bool = True,
        suppress_ragged_eofs: bool = True,
        server_hostname: str | bytes | None = None,
        context: SSLContext | None = None,
        session: SSLSession | None = None,
    ) -> SSLSocket:
        assert context is not None
        if sock.getsockopt(socket_module.SOL_SOCKET, socket_module.SO_TYPE) != socket_module.SOCK_STREAM:
            raise NotImplementedError("only stream sockets are supported")
        if server_side and server_hostname:
            raise ValueError("server_hostname can only be specified in client mode")
        if server_side and session is not None:
            raise ValueError("session can only be specified in client mode")
        if context.check_hostname and not server_hostname:
            raise ValueError("check_hostname requires server_hostname")
        self = cls.__new__(cls)
        self._io_refs, self._closed = 0, False
        self._context, self._tls, self._session, self._counted = context, None, None, False
        self.server_side = bool(server_side)
        self.server_hostname = context._encode_hostname(server_hostname)
        self.do_handshake_on_connect = do_handshake_on_connect
        self.suppress_ragged_eofs = suppress_ragged_eofs
        if session is not None:
            self._check_session(session)
            self._session = session
        self._take_over(sock)
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def _start(self) -> None:
        if not self._has_peer():
            self._refuse_stray_data()
            return
        self._begin_again()
        self._context._count("accept" if self.server_side else "connect")
        if self.do_handshake_on_connect:
            if self.gettimeout() == 0:
                raise ValueError("do_handshake_on_connect should not be specified for non-blocking sockets")
            self.do_handshake()

    def _refuse_stray_data(self) -> None:
        """Data on a socket whose peer has gone already was sent in the clear (CVE-2023-40217)."""
        timeout = self.gettimeout()
        self._plain.setblocking(False)
        try:
            stray = self._plain.recv(1)
        except OSError:
            stray = b""
        self._plain.settimeout(timeout)
        if stray:
            error = failure(None, "Closed before TLS handshake with data in recv buffer.")
            error.reason = error.strerror
            raise error

    def _begin_again(self) -> None:
        """Make the connection; again where a session was set before the handshake has begun."""
        context = self._context
        core, natives = context._core(self.server_side)
        names = context._names(None if self.server_side else self.server_hostname)
        with boundary(), context._offering(self._session):
            tls = CoreSocket.wrap(core, natives, self._plain, False, names)
        tls._auto = True  # so that the first use does the handshake, as OpenSSL does
        self._tls = tls
        buffer = self._buffer()
        if buffer is not None:
            self._adopt(buffer)
            self._take_in_trailing(buffer)

    def _take_in_trailing(self, buffer: CoreBuffer) -> None:
        """Go on with what came behind the end of the TLS before this one: a client's hello, but nothing of a server's."""
        early, self._trailing = self._trailing, b""
        if early and not self.server_side:
            raise failure(
                None, "plaintext was received before TLS began: it may have been injected", SSLProtocolViolation
            )
        if early:
            buffer.feed(early)

    @property
    def _sslobj(self) -> Any:
        """This object as long as there is TLS: httpcore asks theirs for what was negotiated."""
        return None if self._tls is None else self

    def _buffer(self) -> CoreBuffer | None:
        return None if self._tls is None else self._tls._buffer

    # ------------------------------------------------------------------------------------------ handshake

    def do_handshake(self, block: bool = False) -> None:
        """Do the handshake.

        Args:
            block: wait for it on a socket that does not block, too.
        """
        if self._tls is None:
            self.getpeername()  # raises where there is no peer
            self._begin_again()
        timeout = self.gettimeout()
        if timeout == 0 and block:
            self.settimeout(None)
        try:
            self._tls.do_handshake()
        except (WantReadError, WantWriteError) as signal:
            raise translated(signal) from None
        except TLSError as error:
            self._raise(error)
        finally:
            if timeout == 0 and block:
                self.settimeout(timeout)
        self._finished()

    def connect(self, addr: Any) -> None:
        """Connect, and do the handshake if that was asked for."""
        self._connect(addr, number=False)

    def connect_ex(self, addr: Any) -> int:
        """Connect; an error of the connection comes back as a number, one of the handshake is raised."""
        return self._connect(addr, number=True)

    def _connect(self, addr: Any, *, number: bool) -> int:
        if self.server_side:
            raise ValueError("can't connect in server-side mode")
        if self._tls is not None:
            raise ValueError("attempt to connect already-connected SSLSocket!")
        code: int = self._plain.connect_ex(addr) if number else self._plain.connect(addr) or 0
        if not code:
            self._begin_again()
            self._context._count("connect")
            if self.do_handshake_on_connect:
                self.do_handshake()
        return code

    def accept(self) -> tuple[Any, Any]:
        """Accept a connection, wrapped as this listener is."""
        raw, address = self._plain.accept()
        wrapped = self._context.wrap_socket(
            raw,
            do_handshake_on_connect=self.do_handshake_on_connect,
            suppress_ragged_eofs=self.suppress_ragged_eofs,
            server_side=True,
        )
        return wrapped, address

    # ------------------------------------------------------------------------------------------ application data

    def read(self, len: int = 1024, buffer: Any = None) -> Any:
        """Read up to `len` bytes, as a result or into `buffer`; nothing at the end."""
        if self._tls is None:
            raise ValueError("Read on closed or unwrapped SSL socket.")
        return self.recv(len) if buffer is None else self.recv_into(buffer, len if len > 0 else None)

    def write(self, data: Any) -> int:
        """Write some of `data`; returns how many bytes."""
        if self._tls is None:
            raise ValueError("Write on closed or unwrapped SSL socket.")
        return self.send(data)

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        """Receive up to `buflen` bytes; ``b""`` at the end."""
        tls = self._tls
        if tls is None:
            return self._recv_plain(buflen, flags)
        if flags:
            self._refuse_flags("recv")
        try:
            return tls.recv(buflen)  # type: ignore[no-any-return]
        except TLSError as error:
            self._not_read(error)
            return b""

    def recv_into(self, buffer: Any, nbytes: int | None = None, flags: int = 0) -> int:
        """Receive into `buffer`; 0 at the end."""
        tls = self._tls
        if tls is None:
            return self._recv_into_plain(buffer, nbytes, flags)
        if flags:
            self._refuse_flags("recv_into")
        try:
            return tls.recv_into(buffer, nbytes or 0)  # type: ignore[no-any-return]
        except TLSError as error:
            self._not_read(error)
            return 0

    def _not_read(self, error: TLSError) -> None:
        """Raise what has stopped a read, unless it is an end that was asked to be taken for a clean one."""
        if isinstance(error, (WantReadError, WantWriteError)):
            raise translated(error) from None
        lenient = self.suppress_ragged_eofs or self._context.options & OP_IGNORE_UNEXPECTED_EOF
        if not (isinstance(error, RaggedEOF) and lenient):
            raise translated(error) from error

    def send(self, data: Any, flags: int = 0) -> int:
        """Send some of `data`; returns how many bytes."""
        tls = self._tls
        if tls is None:
            return int(self._plain_now().send(data, flags))
        if flags:
            self._refuse_flags("send")
        try:
            return tls.send(data)  # type: ignore[no-any-return]
        except (WantReadError, WantWriteError) as signal:
            raise translated(signal) from None
        except TLSError as error:
            raise translated(error) from error

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Send all of `data`."""
        tls = self._tls
        if tls is None:
            self._plain_now().sendall(data, flags)
            return
        if flags:
            self._refuse_flags("sendall")
        try:
            tls.sendall(data)
        except (WantReadError, WantWriteError) as signal:
            raise translated(signal) from None
        except TLSError as error:
            raise translated(error) from error

    def sendfile(self, file: IO[bytes], offset: int = 0, count: int | None = None) -> int:
        """Send a file; returns how many bytes."""
        if self._tls is None:
            return int(self._plain_now().sendfile(file, offset, count))
        with boundary():
            return int(self._tls.sendfile(file, offset, count))

    def pending(self) -> int:
        """How many bytes can be read at once."""
        return 0 if self._tls is None else self._tls.pending()

    # ------------------------------------------------------------------------------------------ the end

    def unwrap(self) -> SSLSocket:
        """End TLS cleanly in both directions.

        Returns:
            This socket, which is a plain one from now on; what the peer sent behind its close_notify is read from it first.

        Raises:
            SSLError: the handshake is not done, or has failed; the socket does not become a plain one by that.
        """
        if self._tls is None:
            raise ValueError(f"No SSL wrapper around {self}")
        if not self._is_done():
            raise failure("SHUTDOWN_WHILE_IN_INIT", "shutdown while in init")
        with boundary():
            self._tls.unwrap()
        self._trailing, self._tls, self._unwrapped = self._tls.trailing_data, None, True
        return self

    def shutdown(self, how: int) -> None:
        """Shut down one or both halves; for writing, close_notify goes out first."""
        if self._tls is None:
            self._plain.shutdown(how)
            return
        try:
            self._tls.shutdown(how)
        except TLSError as error:
            if not isinstance(error, OSError):
                self._raise(error)
            self._plain.shutdown(how)  # the connection is lost already

    def get_channel_binding(self, cb_type: str = "tls-unique") -> bytes | None:
        """Channel binding data, see `SSLObject.get_channel_binding`."""
        return super().get_channel_binding(cb_type)

    def getpeercert(self, binary_form: bool = False) -> Any:
        """The peer's certificate, see `SSLObject.getpeercert`."""
        if self._tls is None:
            self.getpeername()  # raises where there is no peer
        return super().getpeercert(binary_form)

    def _no_peer(self) -> OSError:
        gone = self._plain.fileno() < 0
        return (
            OSError(errno.EBADF, "Bad file descriptor")
            if gone
            else OSError(errno.ENOTCONN, "Transport endpoint is not connected")
        )
