"""Small servers for programs of the standard library: each speaks just enough of its protocol, over the face."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from _compat import SECONDS, serving

BODY = b"the body of the answer"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # they are waited for at the end: none is left to disturb the next test

    def server_bind(self) -> None:
        """Leave out what the base class adds: it asks for the name of the address, perhaps of a server far away."""
        socketserver.TCPServer.server_bind(self)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that refuses us is what is tested."""


@contextlib.contextmanager
def https(context: Any) -> Iterator[int]:
    """The standard library's server behind a context, as its documentation shows it; gives the port."""
    server = _Server(("0.0.0.0", 0), _Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join(SECONDS)
        server.server_close()


class Lines:
    """A connection that speaks in lines."""

    def __init__(self, raw: Any) -> None:
        self.raw = raw

    def read(self) -> str:
        line = b""
        while not line.endswith(b"\n"):
            octet = self.raw.recv(1)
            if not octet:
                raise ConnectionError("the client has gone")
            line += octet
        return line.decode().strip()

    def write(self, *lines: str) -> None:
        self.raw.sendall("".join(line + "\r\n" for line in lines).encode())


class _Talk:
    """One conversation: `answers` by the first word of a line; ``TLS`` behind an answer begins TLS."""

    greeting = ""
    answers: ClassVar[dict[str, tuple[str, ...]]]
    tagged = False

    def __init__(self, context: Any, *, implicit: bool) -> None:
        self.context, self.implicit = context, implicit

    def __call__(self, raw: socket.socket) -> None:
        lines = Lines(self.begin(raw) if self.implicit else raw)
        try:
            lines.write(self.greeting)
            while self.step(lines):
                pass
        finally:
            lines.raw.close()

    def begin(self, raw: Any) -> Any:
        return self.context.wrap_socket(raw, server_side=True)

    def step(self, lines: Lines) -> bool:
        line = lines.read()
        tag, _, rest = line.partition(" ") if self.tagged else ("", "", line)
        word = rest.split()[0].upper()
        answer = [text.replace("TAG", tag) for text in self.answers[word]]
        lines.write(*[text for text in answer if text != "TLS"])
        if "TLS" in answer:
            lines.raw = self.begin(lines.raw)
        return word not in ("QUIT", "LOGOUT")


class SMTP(_Talk):
    greeting = "220 ready"
    answers: ClassVar = {
        "EHLO": ("250-server.test", "250 STARTTLS"),
        "STARTTLS": ("220 go ahead", "TLS"),
        "NOOP": ("250 done",),
        "QUIT": ("221 bye",),
    }


class IMAP(_Talk):
    greeting = "* OK ready"
    tagged = True
    answers: ClassVar = {
        "CAPABILITY": ("* CAPABILITY IMAP4rev1 STARTTLS", "TAG OK done"),
        "STARTTLS": ("TAG OK go ahead", "TLS"),
        "NOOP": ("TAG OK done",),
        "LOGOUT": ("* BYE", "TAG OK bye"),
    }


class POP3(_Talk):
    greeting = "+OK ready"
    answers: ClassVar = {
        "CAPA": ("+OK", "STLS", "."),
        "STLS": ("+OK go ahead", "TLS"),
        "NOOP": ("+OK",),
        "QUIT": ("+OK bye",),
    }


class FTP(_Talk):
    greeting = "220 ready"
    answers: ClassVar = {
        "AUTH": ("234 go ahead", "TLS"),
        "PBSZ": ("200 done",),
        "PROT": ("200 done",),
        "USER": ("230 welcome",),
        "TYPE": ("200 done",),
        "QUIT": ("221 bye",),
    }

    def step(self, lines: Lines) -> bool:
        if not isinstance(lines.raw, getattr(self.context, "sslsocket_class", ())):
            return super().step(lines)
        return self.secured(lines)

    def secured(self, lines: Lines) -> bool:
        word, _, _ = lines.read().partition(" ")
        if word in ("PASV", "EPSV"):
            self.listener = socket.create_server(("127.0.0.1", 0))
            port = self.listener.getsockname()[1]
            epsv, pasv = f"229 passive (|||{port}|)", f"227 passive (127,0,0,1,{port >> 8},{port & 255})"
            lines.write(epsv if word == "EPSV" else pasv)
        elif word == "NLST":
            lines.write("150 here it comes")
            raw, _ = self.listener.accept()
            self.listener.close()
            with self.begin(raw) as data:
                data.sendall(b"one\r\ntwo\r\n")
                with contextlib.suppress(OSError):
                    data.unwrap()
            lines.write("226 done")
        elif word == "CCC":
            lines.write("200 in the clear from now on")
            lines.raw = lines.raw.unwrap()
        else:
            lines.write(*self.answers[word])
        return word != "QUIT"


@contextlib.contextmanager
def talking(talk: type[_Talk], context: Any, *, implicit: bool) -> Iterator[int]:
    """A server of that protocol; gives the port."""
    with serving(talk(context, implicit=implicit), "0.0.0.0") as address:
        yield address[1]


def redis_server(context: Any) -> Callable[[socket.socket], None]:
    """Says PONG to each PING, and OK to the rest (RESP)."""

    def handle(raw: socket.socket) -> None:
        with context.wrap_socket(raw, server_side=True) as connection, connection.makefile("rwb") as file:
            while line := file.readline():
                words = []
                for _ in range(int(line[1:])):
                    length = int(file.readline()[1:])
                    words.append(file.read(length + 2)[:-2])
                file.write(b"+PONG\r\n" if words[0] == b"PING" else b"+OK\r\n")
                file.flush()

    return handle
