"""`socketserver` over any backend: servers whose connections are wrapped, with the handshake in the worker."""

from __future__ import annotations

import logging
import os
import socketserver as _standard
import sys
from socketserver import BaseRequestHandler as BaseRequestHandler
from socketserver import StreamRequestHandler as StreamRequestHandler
from socketserver import ThreadingMixIn as ThreadingMixIn
from typing import Any, cast

from ..api._context import ServerContext
from ..api._errors import ConfigurationError, ConnectionFault

__all__ = ["BaseRequestHandler", "StreamRequestHandler", "TLSServer", "ThreadingMixIn", "ThreadingTLSServer"]

logger = logging.getLogger("unitls")


class TLSServer(_standard.TCPServer):
    """A ``socketserver.TCPServer`` whose requests are wrapped sockets.

    The handshake happens at the first use of a request, so in the thread or process that handles it: a client that
    stalls holds up the others only where each is handled after the other. Give it an end all the same, by
    ``handshake_timeout`` of the configuration or ``timeout`` of a `StreamRequestHandler`.

    A connection that TLS has ended is one line in the log, at level INFO, and no traceback on ``stderr``: any port scan
    makes such connections. Other errors are reported as the standard class does.

    To serve over a Unix socket, put it before ``UnixStreamServer`` among the bases of a class.

    Args:
        server_address: where to listen.
        RequestHandlerClass: made for each request; its ``request`` is a `TLSWrappedSocket`.
        bind_and_activate: whether to begin to listen at once.
        context: certificates and everything else. What is changed of it holds for connections from then on.

    Raises:
        ConfigurationError: `context` is no server context, or has no certificate.
        OSError: as the standard class does.
    """

    def __init__(
        self, server_address: Any, RequestHandlerClass: Any, bind_and_activate: bool = True, *, context: ServerContext
    ) -> None:
        if not isinstance(context, ServerContext):
            raise ConfigurationError(f"context must be a unitls.ServerContext, not {type(context).__name__}")
        self.context = context
        super().__init__(server_address, RequestHandlerClass, bind_and_activate)

    def server_activate(self) -> None:
        """Begin to listen; from here on ``socket`` is a wrapped listener."""
        super().server_activate()
        self.socket = cast("Any", self.context.wrap_socket(self.socket))

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report what went wrong with a request.

        Args:
            request: its wrapped socket.
            client_address: where it came from.
        """
        error = sys.exc_info()[1]
        if isinstance(error, ConnectionFault):
            logger.info("the connection with %s has failed: %s: %s", client_address, type(error).__name__, error)
        else:
            super().handle_error(request, client_address)


class ThreadingTLSServer(ThreadingMixIn, TLSServer):
    """A `TLSServer` that handles each request in a thread of its own."""


if hasattr(os, "fork"):
    from socketserver import ForkingMixIn as ForkingMixIn

    class ForkingTLSServer(ForkingMixIn, TLSServer):
        """A `TLSServer` that handles each request in a process of its own.

        Use it in a process that does nothing else with TLS in other threads: what lock of the library one of them holds
        at the fork is held in the new process for ever (`ThreadingTLSServer` has no such limit). Not every TLS library
        can be used on both sides of a fork: see the notes of its backend.
        """

    __all__ += ["ForkingMixIn", "ForkingTLSServer"]
