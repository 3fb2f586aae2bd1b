"""`smtplib` over any backend: `SMTP` and `LMTP` with STARTTLS (RFC 3207), and `SMTP_SSL` (RFC 8314)."""

from __future__ import annotations

import smtplib as _standard
import socket
from smtplib import SMTPAuthenticationError as SMTPAuthenticationError
from smtplib import SMTPConnectError as SMTPConnectError
from smtplib import SMTPDataError as SMTPDataError
from smtplib import SMTPException as SMTPException
from smtplib import SMTPHeloError as SMTPHeloError
from smtplib import SMTPNotSupportedError as SMTPNotSupportedError
from smtplib import SMTPRecipientsRefused as SMTPRecipientsRefused
from smtplib import SMTPResponseException as SMTPResponseException
from smtplib import SMTPSenderRefused as SMTPSenderRefused
from smtplib import SMTPServerDisconnected as SMTPServerDisconnected
from smtplib import quoteaddr as quoteaddr
from smtplib import quotedata as quotedata

from ..api._context import ClientContext
from ..api._errors import ConfigurationError
from ..api._wrapped import TLSWrappedSocket
from ._upgrade import DEFAULT_TIMEOUT, client_context, refuse_read_ahead, wrap

__all__ = [
    "LMTP", "SMTP", "SMTPAuthenticationError", "SMTPConnectError", "SMTPDataError", "SMTPException", "SMTPHeloError",
    "SMTPNotSupportedError", "SMTPRecipientsRefused", "SMTPResponseException", "SMTPSenderRefused",
    "SMTPServerDisconnected", "SMTP_SSL", "quoteaddr", "quotedata",
]  # fmt: skip


class SMTP(_standard.SMTP):
    """``smtplib.SMTP`` with STARTTLS over any backend."""

    def starttls(self, *, context: ClientContext | None = None) -> tuple[int, bytes]:  # type: ignore[override]
        """Put the connection into TLS mode, and forget what the server has said in the clear.

        Args:
            context: how TLS is done; the default backend's context if none is given.

        Returns:
            The server's reply to STARTTLS.

        Raises:
            SMTPHeloError: the server did not reply properly to the greeting.
            SMTPNotSupportedError: the server does not offer STARTTLS. (It may have been taken out on the way: do not go
                on in the clear.)
            SMTPResponseException: it does not want to start TLS now.
            ConfigurationError: TLS is already in use, or `context` is no client context.
            TLSError: as ``ClientContext.wrap_socket`` does; the connection is closed then.
        """
        context = client_context(context)
        if isinstance(self.sock, TLSWrappedSocket):
            raise ConfigurationError("TLS is already in use on this connection")
        self.ehlo_or_helo_if_needed()
        if not self.has_extn("starttls"):
            raise SMTPNotSupportedError("STARTTLS extension not supported by server.")
        code, reply = self.docmd("STARTTLS")
        if code != 220:
            raise SMTPResponseException(code, reply)
        raw = self.sock
        assert raw is not None
        try:
            refuse_read_ahead(raw, self.file)
            self.sock = wrap(raw, context, self._host)
        except BaseException:
            self.close()
            raise
        self.file = None
        self.helo_resp = None
        self.ehlo_resp = None
        self.esmtp_features = {}
        self.does_esmtp = False
        return code, reply

    def _get_socket(self, host: str, port: int, timeout: float | None) -> socket.socket:
        # The name as it was connected to. The standard class keeps what its constructor was given: nothing where
        # `connect` is called later, and the port along with the name in "host:port".
        self._host = host
        return super()._get_socket(host, port, timeout)  # type: ignore[misc,no-any-return]


class SMTP_SSL(SMTP):
    """As `SMTP`, over TLS from the beginning (port 465).

    Args:
        host: the server; its certificate has to be for this name.
        port: the port; 465 if it is 0.
        local_hostname: how we call ourselves.
        timeout: seconds for each call.
        source_address: where to connect from.
        context: how TLS is done; the default backend's context if none is given.

    Raises:
        SMTPConnectError: the server does not greet.
        TLSError: as ``ClientContext.wrap_socket`` does.
    """

    default_port = _standard.SMTP_SSL_PORT

    def __init__(
        self,
        host: str = "",
        port: int = 0,
        local_hostname: str | None = None,
        *,
        timeout: float | None = DEFAULT_TIMEOUT,
        source_address: tuple[str, int] | None = None,
        context: ClientContext | None = None,
    ) -> None:
        self.context = client_context(context)
        super().__init__(host, port, local_hostname, timeout, source_address)  # type: ignore[arg-type]

    def _get_socket(self, host: str, port: int, timeout: float | None) -> socket.socket:
        return wrap(super()._get_socket(host, port, timeout), self.context, host)


class LMTP(SMTP, _standard.LMTP):
    """``smtplib.LMTP`` (RFC 2033) with STARTTLS over any backend.

    Over a Unix socket there is no name of a host that a certificate could be for, and STARTTLS is refused.
    """

    def starttls(self, *, context: ClientContext | None = None) -> tuple[int, bytes]:  # type: ignore[override]
        """As `SMTP.starttls`.

        Args:
            context: how TLS is done; the default backend's context if none is given.

        Raises:
            ConfigurationError: the connection is one over a Unix socket.
        """
        if self.sock is not None and self.sock.family == getattr(socket, "AF_UNIX", None):
            raise ConfigurationError(
                "a Unix socket has no host name to check a certificate against: STARTTLS is refused"
            )
        return super().starttls(context=context)
