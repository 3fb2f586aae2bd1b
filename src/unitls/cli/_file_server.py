"""The HTTPS file server behind ``unitls serve``: the standard library's, over a wrapped listener."""

from __future__ import annotations

import contextlib
import os
import socket
import socketserver
import sys
import time
from http.server import SimpleHTTPRequestHandler
from typing import Any, Final

from ..api._context import ServerContext
from ..api._errors import TLSError
from ..api._wrapped import TLSWrappedSocket
from ._output import Content, Output, OutputClosed, Styled

_TIMEOUT: Final = 30.0
_PAUSE: Final = 0.1


class FileServer(socketserver.ThreadingTCPServer):
    """Serves a directory, one thread for each connection.

    Args:
        context: wraps the listener.
        host: where to listen.
        port: likewise; 0 for any that is free.
        directory: what to serve.
        output: gets one line for each request, and for each connection that fails.

    Raises:
        OSError: the address cannot be used.
        ConfigurationError: the context cannot be used.
    """

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, context: ServerContext, host: str, port: int, directory: str, output: Output) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.directory: Final = directory
        self.output: Final = output
        super().__init__((host, port), _Handler, bind_and_activate=False)
        try:
            self.server_bind()
            self.server_activate()
            self.socket: Any = context.wrap_socket(self.socket)
        except BaseException:
            self.server_close()
            raise

    def say(self, *pieces: Content) -> None:
        """Print a line, if it still can be: who asks for a file gets it in any case."""
        # Nobody reads them any more, the disk is full, or the terminal is gone.
        with contextlib.suppress(OutputClosed, OSError):
            self.output.line(*pieces)

    def get_request(self) -> tuple[Any, Any]:
        """Accept a client, or pause: one that no descriptor is left for stays in the queue, and would be tried without end."""
        try:
            return super().get_request()
        except OSError:
            time.sleep(_PAUSE)
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Do the handshake here, in the worker, so that a client that stalls holds up nobody else."""
        try:
            request.settimeout(_TIMEOUT)
            request.do_handshake()
        except (TLSError, OSError) as error:
            self.say(_host(client_address), Styled(f" handshake failed: {error}", "warn"))
            self.shutdown_request(request)
            return
        super().process_request_thread(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """End the connection with close_notify, if it still can be."""
        # It fails where the peer is gone, and where the handshake was never done.
        with contextlib.suppress(TLSError, OSError):
            request.shutdown(socket.SHUT_WR)
        self.close_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say in one line why a connection broke; what is no fault of a connection gets its traceback."""
        error = sys.exception()
        if isinstance(error, (TLSError, OSError)):
            self.say(_host(client_address), Styled(f" connection lost: {error}", "warn"))
        else:
            super().handle_error(request, client_address)


class _Handler(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "unitls"
    timeout = _TIMEOUT
    server: FileServer
    connection: Any

    def __init__(self, request: Any, client_address: Any, server: FileServer) -> None:
        super().__init__(request, client_address, server, directory=server.directory)

    def translate_path(self, path: str) -> str:
        """The file or directory for a path; none for anything else.

        What no file system can hold would raise `ValueError` when it is opened, and a named pipe would hold up its thread.
        """
        name = super().translate_path(path)
        return name if os.path.isfile(name) or os.path.isdir(name) else ""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        status = str(int(code)) if isinstance(code, int) else str(code)
        style = "good" if status < "400" else "bad"
        connection: TLSWrappedSocket = self.connection
        version = connection.negotiated_tls_version
        self.server.say(
            _host(self.client_address),
            f" {self.requestline} ",
            Styled(status, style),
            Styled(f" {'' if version is None else version.name}", "dim"),
        )

    def log_error(self, format: str, *args: Any) -> None:
        """Nothing: the request's own line tells the status."""


def _host(client_address: Any) -> str:
    return str(client_address[0])
