"""`poplib` over any backend: `POP3` with STLS (RFC 2595), and `POP3_SSL` (RFC 8314)."""

from __future__ import annotations

import contextlib
import poplib as _standard
import socket
from poplib import error_proto as error_proto
from typing import Any, NoReturn

from ..api._context import ClientContext
from ..api._errors import ConnectionFault
from ._upgrade import DEFAULT_TIMEOUT, client_context, refuse_read_ahead, wrap

__all__ = ["POP3", "POP3_SSL", "error_proto"]


class POP3(_standard.POP3):
    """``poplib.POP3`` with STLS over any backend."""

    _tls_established: bool

    def stls(self, context: ClientContext | None = None) -> bytes:  # type: ignore[override]
        """Start TLS on this connection.

        Args:
            context: how TLS is done; the default backend's context if none is given.

        Returns:
            The server's response to STLS.

        Raises:
            error_proto: TLS is already in use, or the server does not offer or want it. (The offer may have been taken
                out on the way: do not go on in the clear.)
            ConfigurationError: `context` is no client context.
            TLSError: as ``ClientContext.wrap_socket`` does; the connection is closed then.
        """
        context = client_context(context)
        if self._tls_established:
            raise error_proto("-ERR TLS session already established")
        if "STLS" not in self.capa():
            raise error_proto("-ERR STLS not supported by server")
        response: bytes = self._shortcmd("STLS")  # type: ignore[attr-defined]
        try:
            refuse_read_ahead(self.sock, self.file)
            self.sock = wrap(self.sock, context, self.host)
        except BaseException:
            gone: Any = None
            self.file = self.sock = gone  # both are closed, and `close` would take leave
            raise
        self.file = self.sock.makefile("rb")
        self._tls_established = True
        return response

    def close(self) -> None:
        """Close the connection. If it is lost already, so that there is nobody to take leave of, that is no error."""
        with contextlib.suppress(ConnectionFault, ConnectionError):
            super().close()


class POP3_SSL(POP3):
    """As `POP3`, over TLS from the beginning (port 995).

    Args:
        host: the server; its certificate has to be for this name.
        port: the port.
        timeout: seconds for each call.
        context: how TLS is done; the default backend's context if none is given.

    Raises:
        error_proto: the server does not greet.
        TLSError: as ``ClientContext.wrap_socket`` does.
    """

    def __init__(
        self,
        host: str,
        port: int = _standard.POP3_SSL_PORT,
        *,
        timeout: float | None = DEFAULT_TIMEOUT,
        context: ClientContext | None = None,
    ) -> None:
        self.context = client_context(context)
        super().__init__(host, port, timeout)  # type: ignore[arg-type]
        self._tls_established = True

    def _create_socket(self, timeout: float | None) -> socket.socket:
        return wrap(super()._create_socket(timeout), self.context, self.host)  # type: ignore[misc]

    def stls(self, context: ClientContext | None = None) -> NoReturn:  # type: ignore[override]
        """Raise `error_proto`: TLS is already in use.

        Args:
            context: has no meaning here.
        """
        raise error_proto("-ERR TLS session already established")
