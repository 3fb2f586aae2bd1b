"""`http.client` over any backend: `HTTPSConnection`, also through a proxy by CONNECT."""

from __future__ import annotations

import http.client
import socket
from http.client import BadStatusLine as BadStatusLine
from http.client import CannotSendHeader as CannotSendHeader
from http.client import CannotSendRequest as CannotSendRequest
from http.client import HTTPConnection as HTTPConnection
from http.client import HTTPException as HTTPException
from http.client import HTTPResponse as HTTPResponse
from http.client import ImproperConnectionState as ImproperConnectionState
from http.client import IncompleteRead as IncompleteRead
from http.client import InvalidURL as InvalidURL
from http.client import LineTooLong as LineTooLong
from http.client import NotConnected as NotConnected
from http.client import RemoteDisconnected as RemoteDisconnected
from http.client import ResponseNotReady as ResponseNotReady
from http.client import UnimplementedFileMode as UnimplementedFileMode
from http.client import UnknownProtocol as UnknownProtocol
from http.client import UnknownTransferEncoding as UnknownTransferEncoding
from http.client import responses as responses
from typing import Any, Final, TypeVar

from ..api._context import ClientContext, ServerContext
from ..api._errors import ConfigurationError
from ..api._features import Feature
from ..api._protocols import NextProtocol
from ..registry import get_backend
from ._upgrade import DEFAULT_TIMEOUT, client_context, wrap

__all__ = [
    "BadStatusLine", "CannotSendHeader", "CannotSendRequest", "HTTPConnection", "HTTPException", "HTTPResponse",
    "HTTPSConnection", "ImproperConnectionState", "IncompleteRead", "InvalidURL", "LineTooLong", "NotConnected",
    "RemoteDisconnected", "ResponseNotReady", "UnimplementedFileMode", "UnknownProtocol", "UnknownTransferEncoding",
    "responses",
]  # fmt: skip

C = TypeVar("C", ClientContext, ServerContext)

_SPOKEN: Final = (NextProtocol.HTTP1, b"http/1.1", b"http/1.0")


def https_context(context: ClientContext | None) -> ClientContext:
    """The context for HTTP/1: the one that is given, or the default backend's, which offers HTTP/1.1 where it can (RFC 7301).

    Args:
        context: what the caller gave.

    Raises:
        ConfigurationError: it is no client context, or offers another protocol by ALPN.
    """
    if context is not None:
        return only_http1(client_context(context), "http.client")
    backend = get_backend()
    context = backend.client_context()
    if backend.capabilities.supports(Feature.ALPN):
        context.set_inner_protocols((NextProtocol.HTTP1,))
    return context


def only_http1(context: C, module: str) -> C:
    """`context`, if what it offers or accepts by ALPN is spoken by the standard module called `module`.

    Raises:
        ConfigurationError: it is another protocol.
    """
    others = [item for item in context.configuration.inner_protocols if item not in _SPOKEN]
    if others:
        raise ConfigurationError(f"{module} speaks HTTP/1 only, but the context offers {others} by ALPN")
    return context


class _TunnelResponse(HTTPResponse):
    """A proxy's answer to CONNECT, read without reading ahead: what is behind it belongs to TLS."""

    def __init__(self, sock: socket.socket, *args: Any, **named: Any) -> None:
        super().__init__(sock, *args, **named)
        buffered: Any = self.fp
        buffered.close()
        self.fp = sock.makefile("rb", 0)  # type: ignore[assignment]  # the stubs know the usual kind of file only


class HTTPSConnection(HTTPConnection):
    """An HTTP connection over TLS, as ``http.client.HTTPSConnection``.

    A body that ends with the connection (without ``Content-Length`` or chunks) has to be ended by close_notify: without
    it `RaggedEOF` is raised, since the body may have been cut short.

    Args:
        host: the host, with or without a port. The certificate has to be for it, or for the host of `set_tunnel`.
        port: the port; 443 if none is given.
        timeout: seconds for each call.
        source_address: where to connect from.
        context: how TLS is done; the default backend's context if none is given.
        blocksize: how much of a file is sent at a time.

    Raises:
        ConfigurationError: `context` is no client context, or offers a protocol other than HTTP/1 by ALPN.
    """

    default_port = http.client.HTTPS_PORT

    def __init__(
        self,
        host: str,
        port: int | None = None,
        *,
        timeout: float | None = DEFAULT_TIMEOUT,
        source_address: tuple[str, int] | None = None,
        context: ClientContext | None = None,
        blocksize: int = 8192,
    ) -> None:
        super().__init__(host, port, timeout, source_address, blocksize)
        self._context = https_context(context)

    def connect(self) -> None:
        """Connect, by way of the proxy if there is a tunnel, and start TLS.

        Raises:
            OSError: as ``http.client`` does.
            TLSError: as ``ClientContext.wrap_socket`` does; the connection is closed then.
        """
        super().connect()
        tunnel: str | None = self._tunnel_host  # type: ignore[attr-defined]
        try:
            self.sock = wrap(self.sock, self._context, tunnel or self.host)
        except BaseException:
            self.close()
            raise

    def _tunnel(self) -> None:
        own = self.response_class
        self.response_class = _TunnelResponse
        try:
            super()._tunnel()  # type: ignore[misc]
        finally:
            self.response_class = own
