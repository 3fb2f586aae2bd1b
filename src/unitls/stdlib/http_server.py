"""`http.server` over any backend: servers for HTTPS."""

from __future__ import annotations

import http.server
from http.server import BaseHTTPRequestHandler as BaseHTTPRequestHandler
from http.server import HTTPServer as HTTPServer
from http.server import SimpleHTTPRequestHandler as SimpleHTTPRequestHandler
from http.server import ThreadingHTTPServer as ThreadingHTTPServer
from typing import Any

from ..api._context import ServerContext
from .http_client import only_http1
from .socketserver import ThreadingMixIn, TLSServer

__all__ = [
    "BaseHTTPRequestHandler", "HTTPSServer", "HTTPServer", "SimpleHTTPRequestHandler", "ThreadingHTTPSServer",
    "ThreadingHTTPServer",
]  # fmt: skip


class HTTPSServer(TLSServer, http.server.HTTPServer):
    """An ``http.server.HTTPServer`` over TLS; see `TLSServer` for the handshake and for errors.

    Args:
        server_address: where to listen.
        RequestHandlerClass: handles requests, as ``http.server``'s do.
        bind_and_activate: whether to begin to listen at once.
        context: certificates and everything else.

    Raises:
        ConfigurationError: `context` is no server context, has no certificate, or offers a protocol other than HTTP/1.
        OSError: as the standard class does.
    """

    def __init__(
        self, server_address: Any, RequestHandlerClass: Any, bind_and_activate: bool = True, *, context: ServerContext
    ) -> None:
        if isinstance(context, ServerContext):
            only_http1(context, "http.server")
        super().__init__(server_address, RequestHandlerClass, bind_and_activate, context=context)


class ThreadingHTTPSServer(ThreadingMixIn, HTTPSServer):
    """An `HTTPSServer` that handles each connection in a thread of its own."""

    daemon_threads = True
