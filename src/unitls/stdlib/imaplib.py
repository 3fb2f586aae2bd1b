"""`imaplib` over any backend: `IMAP4` with STARTTLS (RFC 3501 section 6.2.1), and `IMAP4_SSL` (RFC 8314)."""

from __future__ import annotations

import contextlib
import imaplib as _standard
import socket
from imaplib import IMAP4_stream as IMAP4_stream
from imaplib import Int2AP as Int2AP
from imaplib import Internaldate2tuple as Internaldate2tuple
from imaplib import ParseFlags as ParseFlags
from imaplib import Time2Internaldate as Time2Internaldate
from typing import Any, Final

from ..api._context import ClientContext
from ..api._errors import ConnectionFault, ProtocolViolation
from ._upgrade import client_context, refuse_read_ahead, wrap

__all__ = ["IMAP4", "IMAP4_SSL", "IMAP4_stream", "Int2AP", "Internaldate2tuple", "ParseFlags", "Time2Internaldate"]

_PORT: Final = 993


class IMAP4(_standard.IMAP4):
    """``imaplib.IMAP4`` with STARTTLS over any backend."""

    _tls_established: bool

    def starttls(self, ssl_context: ClientContext | None = None) -> tuple[str, list[Any]]:  # type: ignore[override]
        """Start TLS on this connection, and forget what the server has said in the clear.

        Args:
            ssl_context: how TLS is done; the default backend's context if none is given.

        Returns:
            The type and data of the server's response.

        Raises:
            IMAP4.abort: TLS is already in use, or the server does not offer it. (The offer may have been taken out on
                the way: do not go on in the clear.)
            IMAP4.error: the server does not want to start TLS, or the session has gone too far for it.
            ConfigurationError: `ssl_context` is no client context.
            TLSError: as ``ClientContext.wrap_socket`` does; the connection is closed then.
        """
        name = "STARTTLS"
        context = client_context(ssl_context, "ssl_context")
        if self._tls_established:
            raise self.abort("TLS session already established")
        if name not in self.capabilities:
            raise self.abort("TLS not supported by server")
        kind, data = self._simple_command(name)
        if kind != "OK":
            raise self.error("Couldn't establish TLS session")
        try:
            self._start_tls(context)
        except BaseException:
            self.state = "LOGOUT"  # there is nobody left to take leave of
            self.sock.close()
            raise
        result: tuple[str, list[Any]] = self._untagged_response(kind, data, name)
        self.untagged_responses = {}
        self._get_capabilities()
        return result

    def _start_tls(self, context: ClientContext) -> None:
        # From Python 3.14 on the file has another name, and beside it there is a list of what was read ahead.
        file = "_file" if "_file" in vars(self) else "file"
        refuse_read_ahead(self.sock, vars(self)[file])
        if vars(self).get("_readbuf"):
            raise ProtocolViolation("plaintext was received behind the start of TLS: it may have been injected")
        self.sock = wrap(self.sock, context, self.host)
        vars(self)[file] = self.sock.makefile("rb")
        self._tls_established = True

    def shutdown(self) -> None:
        """Close the connection. If it is lost already, so that there is nobody to take leave of, that is no error."""
        with contextlib.suppress(ConnectionFault, ConnectionError):
            super().shutdown()


class IMAP4_SSL(IMAP4):
    """As `IMAP4`, over TLS from the beginning (port 993).

    Args:
        host: the server; its certificate has to be for this name. This machine if it is empty.
        port: the port.
        ssl_context: how TLS is done; the default backend's context if none is given.
        timeout: seconds for each call.

    Raises:
        IMAP4.error: the server does not greet.
        TLSError: as ``ClientContext.wrap_socket`` does.
    """

    def __init__(
        self,
        host: str = "",
        port: int = _PORT,
        *,
        ssl_context: ClientContext | None = None,
        timeout: float | None = None,
    ) -> None:
        self.ssl_context = client_context(ssl_context, "ssl_context")
        super().__init__(host, port, timeout)

    def _create_socket(self, timeout: float | None) -> socket.socket:
        sock = wrap(super()._create_socket(timeout), self.ssl_context, self.host)  # type: ignore[misc]
        self._tls_established = True
        return sock

    def open(self, host: str = "", port: int = _PORT, timeout: float | None = None) -> None:
        """Connect; called by the constructor.

        Args:
            host: the server.
            port: the port.
            timeout: seconds for each call.
        """
        super().open(host, port, timeout)
