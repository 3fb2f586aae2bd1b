"""`ftplib` over any backend: `FTP_TLS` (RFC 4217)."""

from __future__ import annotations

import socket
import sys
from ftplib import FTP as FTP
from ftplib import Error as Error
from ftplib import all_errors as all_errors
from ftplib import error_perm as error_perm
from ftplib import error_proto as error_proto
from ftplib import error_reply as error_reply
from ftplib import error_temp as error_temp
from typing import Any, Final, TextIO

from ..api._context import ClientContext
from ..api._errors import ConfigurationError, ProtocolViolation
from ..api._wrapped import TLSWrappedSocket
from ._ftp_sessions import FTPSessionCache as FTPSessionCache
from ._ftp_sessions import with_sessions
from ._ftp_transfers import Transfers
from ._upgrade import DEFAULT_TIMEOUT, client_context, refuse_read_ahead, wrap

__all__ = [
    "Error", "FTP", "FTPSessionCache", "FTP_TLS", "all_errors", "error_perm", "error_proto", "error_reply", "error_temp",
]  # fmt: skip

_IMPLICIT_PORT: Final = 990


class FTP_TLS(Transfers):
    """An FTP client whose connections can be protected, as ``ftplib.FTP_TLS``.

    `login` protects the control connection, `prot_p` the data connections; these resume the session of the control
    connection where the backend can do that. In both the server's certificate is verified.

    The end of a data connection without close_notify is `RaggedEOF`, since the file may have been cut short: the reply
    on the control connection says only that the server has sent all of it. Old servers that never send close_notify can
    be put up with by setting `trust_ragged_eof`.

    Args:
        host: the server, connected to at once if it is given; its certificate has to be for this name.
        user: logs in at once, if it is given with `host`.
        passwd: the password.
        acct: the account.
        context: how TLS is done; the default backend's context if none is given. If its configuration has an
            `FTPSessionCache` it is used as it is, otherwise a copy that has one.
        timeout: seconds for each call.
        source_address: where to connect from.
        encoding: of commands and file names.
        implicit: TLS from the beginning, on port 990. (This has no RFC; the standard class does not have it.)

    Raises:
        ConfigurationError: `context` is no client context.
        OSError: as the standard class does.
        TLSError: as ``ClientContext.wrap_socket`` does.
    """

    def __init__(
        self,
        host: str = "",
        user: str = "",
        passwd: str = "",
        acct: str = "",
        *,
        context: ClientContext | None = None,
        timeout: float | None = DEFAULT_TIMEOUT,
        source_address: tuple[str, int] | None = None,
        encoding: str = "utf-8",
        implicit: bool = False,
    ) -> None:
        self.context = client_context(context)
        self._wrapping = self.context
        self._prot_p = False
        self._implicit = implicit
        if implicit:
            self.port = _IMPLICIT_PORT
        super().__init__(host, user, passwd, acct, timeout, source_address, encoding=encoding)

    # ------------------------------------------------------------------------------------------ control connection

    def connect(
        self,
        host: str = "",
        port: int = 0,
        timeout: float | None = -999,
        source_address: tuple[str, int] | None = None,
    ) -> str:
        """Connect to the server.

        Args:
            host: the server; the one from before if it is empty.
            port: the port; the one from before if it is 0.
            timeout: seconds for each call.
            source_address: where to connect from.

        Returns:
            The server's welcome.
        """
        self._prot_p = False
        if not self._implicit:
            return super().connect(host, port, timeout, source_address)  # type: ignore[arg-type]
        self.host, self.port = host or self.host, port if port > 0 else self.port
        self.timeout = self.timeout if timeout == -999 else timeout
        self.source_address = source_address or self.source_address
        if self.timeout is not None and not self.timeout:
            raise ValueError("Non-blocking socket (timeout=0) is not supported")
        sys.audit("ftplib.connect", self, self.host, self.port)
        self._secure(socket.create_connection((self.host, self.port), self.timeout, self.source_address))
        self.welcome = self.getresp()
        return self.welcome

    def login(self, user: str = "", passwd: str = "", acct: str = "", secure: bool = True) -> str:
        """Log in, over a protected control connection.

        Args:
            user: who; anonymous if it is empty.
            passwd: the password.
            acct: the account.
            secure: whether to call `auth` first, if that has not been done.

        Returns:
            The server's reply.
        """
        if secure and not self._is_secure:
            self.auth()
        return super().login(user, passwd, acct)

    def auth(self) -> str:
        """Protect the control connection (AUTH TLS).

        Returns:
            The server's reply.

        Raises:
            ConfigurationError: it is already protected.
            error_perm: the server does not want it. (Or somebody on the way does not: do not go on in the clear.)
            TLSError: as ``ClientContext.wrap_socket`` does; the connection is closed then.
        """
        if self._is_secure:
            raise ConfigurationError("TLS is already in use on the control connection")
        reply = self.voidcmd("AUTH TLS")
        assert self.sock is not None
        try:
            refuse_read_ahead(self.sock, self.file)
            self._secure(self.sock)
        except BaseException:
            self.close()
            raise
        return reply

    def ccc(self) -> str:
        """Go back to a control connection in the clear (CCC). Everything that follows can be read and changed by others.

        Returns:
            The server's reply.

        Raises:
            ConfigurationError: it is not protected.
            ProtocolViolation: something came in behind the reply; the connection is closed then.
            TLSError: as `TLSWrappedSocket.unwrap` does; likewise.
        """
        sock: Any = self.sock
        if not isinstance(sock, TLSWrappedSocket):
            raise ConfigurationError("TLS is not in use on the control connection")
        reply = self.voidcmd("CCC")
        try:
            refuse_read_ahead(sock, self.file)  # type: ignore[arg-type]
            self.sock = sock.unwrap()
            if sock.trailing_data:
                raise ProtocolViolation("plaintext was received behind the end of TLS, though nothing was asked for")
        except BaseException:
            self.close()
            raise
        self.file = self._text(self.sock)
        return reply

    def abort(self) -> str:
        """Break off a transfer.

        Returns:
            The server's reply.
        """
        assert self.sock is not None
        self.sock.sendall(b"ABOR\r\n")  # the standard class sends it as urgent data, which TLS does not have
        reply = self.getmultiline()
        if reply[:3] not in ("426", "225", "226"):
            raise error_proto(reply)
        return reply

    @property
    def _is_secure(self) -> bool:
        return isinstance(self.sock, TLSWrappedSocket)

    def _secure(self, sock: socket.socket) -> None:
        # The context as it is now; data connections are made with the same one, so that they can take over the session.
        self._wrapping = with_sessions(self.context)
        self.sock = wrap(sock, self._wrapping, self.host)
        self.af = self.sock.family
        self.file = self._text(self.sock)

    def _text(self, sock: socket.socket) -> TextIO:
        return sock.makefile("r", encoding=self.encoding)

    def prot_p(self) -> str:
        """Protect data connections (PROT P).

        Returns:
            The server's reply.
        """
        self.voidcmd("PBSZ 0")  # has to be sent, and has no other value over TLS (RFC 4217 section 9)
        reply = self.voidcmd("PROT P")
        self._prot_p = True
        return reply

    def prot_c(self) -> str:
        """Leave data connections in the clear (PROT C).

        Returns:
            The server's reply.
        """
        reply = self.voidcmd("PROT C")
        self._prot_p = False
        return reply
