"""`nntplib` over any backend: `NNTP` with STARTTLS (RFC 4642), and `NNTP_SSL` (RFC 8143).

The standard module is gone from Python 3.13 on; there the plain class is one of our own, with the same face.
"""

from __future__ import annotations

import socket
import warnings
from typing import TYPE_CHECKING

from ..api._context import ClientContext
from ._upgrade import DEFAULT_TIMEOUT, client_context, refuse_read_ahead, wrap

if TYPE_CHECKING:
    from . import _nntp as _plain
else:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # it announces its end, which is provided for
            import nntplib as _plain
    except ImportError:
        from . import _nntp as _plain

ArticleInfo = _plain.ArticleInfo
GroupInfo = _plain.GroupInfo
NNTPDataError = _plain.NNTPDataError
NNTPError = _plain.NNTPError
NNTPPermanentError = _plain.NNTPPermanentError
NNTPProtocolError = _plain.NNTPProtocolError
NNTPReplyError = _plain.NNTPReplyError
NNTPTemporaryError = _plain.NNTPTemporaryError
decode_header = _plain.decode_header

__all__ = [
    "ArticleInfo", "GroupInfo", "NNTP", "NNTPDataError", "NNTPError", "NNTPPermanentError", "NNTPProtocolError",
    "NNTPReplyError", "NNTPTemporaryError", "NNTP_SSL", "decode_header",
]  # fmt: skip


class NNTP(_plain.NNTP):
    """``nntplib.NNTP`` with STARTTLS over any backend."""

    def starttls(self, context: ClientContext | None = None) -> None:
        """Start TLS on this connection, and ask for the capabilities again.

        Log in after that, not before: the constructor's `user` sends the password in the clear.

        Args:
            context: how TLS is done; the default backend's context if none is given.

        Raises:
            ValueError: TLS is already in use, or somebody is logged in.
            NNTPError: the server does not offer or want it. (Or somebody on the way does not: do not go on in the
                clear.)
            ConfigurationError: `context` is no client context.
            TLSError: as ``ClientContext.wrap_socket`` does; the connection is closed then.
        """
        context = client_context(context)
        if self.tls_on:
            raise ValueError("TLS is already enabled.")
        if self.authenticated:
            raise ValueError("TLS cannot be started after authentication.")
        answer = self._shortcmd("STARTTLS")
        if not answer.startswith("382"):
            raise NNTPError("TLS failed to start.")
        try:
            refuse_read_ahead(self.sock, self.file)
            self.sock = wrap(self.sock, context, self.host)
        except BaseException:
            self._close()
            raise
        self.file = self.sock.makefile("rwb")
        self.tls_on = True
        # Nothing that was said in the clear counts any more (RFC 4642 section 2.2.2).
        self._caps = None
        vars(self).pop("_cachedoverviewfmt", None)
        self.getcapabilities()


class NNTP_SSL(NNTP):
    """As `NNTP`, over TLS from the beginning (port 563).

    Args:
        host: the server; its certificate has to be for this name.
        port: the port.
        user: logs in, if it is given.
        password: the password.
        ssl_context: how TLS is done; the default backend's context if none is given.
        readermode: whether to send MODE READER first.
        usenetrc: whether to look up user and password in ``~/.netrc``.
        timeout: seconds for each call.

    Raises:
        NNTPError: what the server says is an error.
        TLSError: as ``ClientContext.wrap_socket`` does.
    """

    def __init__(
        self,
        host: str,
        port: int = 563,
        user: str | None = None,
        password: str | None = None,
        ssl_context: ClientContext | None = None,
        readermode: bool | None = None,
        usenetrc: bool = False,
        timeout: float | None = DEFAULT_TIMEOUT,
    ) -> None:
        self.ssl_context = client_context(ssl_context, "ssl_context")
        super().__init__(host, port, user, password, readermode, usenetrc, timeout)

    def _create_socket(self, timeout: float | None) -> socket.socket:
        return wrap(super()._create_socket(timeout), self.ssl_context, self.host)

    def _base_init(self, readermode: bool | None) -> None:
        super()._base_init(readermode)
        self.tls_on = True
