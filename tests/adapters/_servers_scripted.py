"""Servers that follow a script: for what real ones do not do."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

from _servers_common import ADDRESS, DEADLINE

import unitls


class Script:
    """Serves one connection in a thread.

    Args:
        greeting: what it says first.
        *answers: what it says to each line.
        leaves: whether it ends the connection at what comes in behind the script, instead of waiting for the client's end.

    Attributes:
        port: where it listens.
        commands: what came in before the script was at its end, line by line.
        rest: what came in behind that.
    """

    def __init__(self, greeting: bytes, *answers: Callable[[bytes], bytes] | bytes, leaves: bool = False) -> None:
        self._greeting, self._answers, self._leaves = greeting, answers, leaves
        self._listener = socket.create_server((ADDRESS, 0))
        self.port: int = self._listener.getsockname()[1]
        self.commands: list[bytes] = []
        self.rest = b""
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        with self._listener, self._listener.accept()[0] as connection, contextlib.suppress(ConnectionError):
            connection.settimeout(DEADLINE)
            connection.sendall(self._greeting)
            received = b""
            for answer in self._answers:
                while b"\n" not in received:
                    received += (chunk := connection.recv(4096))
                    if not chunk:
                        return
                line, _, received = received.partition(b"\n")
                if line == b"\r":
                    continue
                self.commands.append(line.rstrip())
                connection.sendall(answer(line) if callable(answer) else answer)
            self.rest = received
            while chunk := connection.recv(4096):
                self.rest += chunk
                if self._leaves:
                    connection.shutdown(socket.SHUT_WR)
                    self._leaves = False

    def __enter__(self) -> Script:
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._thread.is_alive() and not self.commands:
            with contextlib.suppress(OSError):
                socket.create_connection((ADDRESS, self.port), DEADLINE).close()
        self._thread.join(DEADLINE)
        assert not self._thread.is_alive()


class FTPServer:
    """A small FTP server over our own server context, with one connection and one way to end a data connection.

    Args:
        context: the server's.
        ending: ``"clean"``, ``"ragged"`` (no close_notify) or ``"refused"`` (no TLS on the data connection at all).
    """

    content = b"one line\r\nanother\r\n"

    def __init__(self, context: unitls.ServerContext, ending: str) -> None:
        self._context, self._ending = context, ending
        self._listener = socket.create_server((ADDRESS, 0))
        self._data = socket.create_server((ADDRESS, 0))
        self.port: int = self._listener.getsockname()[1]
        self.stored = b""
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        with self._listener, self._data, self._listener.accept()[0] as raw, contextlib.suppress(ConnectionError):
            raw.settimeout(DEADLINE)
            self._data.settimeout(DEADLINE)
            raw.sendall(b"220 hello\r\n")
            assert raw.recv(100) == b"AUTH TLS\r\n"
            raw.sendall(b"234 go\r\n")
            with self._context.wrap_socket(raw) as control, contextlib.suppress(unitls.ConnectionFault):
                for line in control.makefile("rb"):
                    answer = self._answer(control, line.split()[0].decode())
                    control.sendall(answer.encode() + b"\r\n")
                    if answer.startswith("221"):
                        return

    def _answer(self, control: unitls.TLSWrappedSocket, command: str) -> str:
        if command == "PASV":
            port = self._data.getsockname()[1]
            return f"227 here (127,0,0,1,{port // 256},{port % 256})"
        if command in ("RETR", "STOR"):
            control.sendall(b"150 now\r\n")
            return self._transfer(command)
        return {"USER": "230 in", "QUIT": "221 bye"}.get(command, "200 good")

    def _transfer(self, command: str) -> str:
        raw, _ = self._data.accept()
        with raw:
            raw.settimeout(DEADLINE)
            if self._ending == "refused":
                return "425 I do not like this data connection"
            connection = self._context.wrap_socket(raw)
            if command == "STOR":
                self.stored = b"".join(iter(lambda: connection.recv(4096), b""))
            else:
                connection.sendall(self.content)
                raw.shutdown(socket.SHUT_WR) if self._ending == "ragged" else connection.shutdown(socket.SHUT_WR)
                with contextlib.suppress(OSError):
                    while connection.recv(4096):
                        pass
        return "226 done"

    def __enter__(self) -> FTPServer:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._thread.join(DEADLINE)
        assert not self._thread.is_alive()


@contextlib.contextmanager
def serving(context: unitls.ServerContext, serve: Callable[[Any], None]) -> Iterator[int]:
    """One connection of a TLS server: `serve` is given the wrapped socket; gives the port."""
    listener = socket.create_server((ADDRESS, 0))

    def run() -> None:
        with listener, listener.accept()[0] as raw, contextlib.suppress(OSError):
            raw.settimeout(DEADLINE)
            serve(context.wrap_socket(raw))

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        thread.join(DEADLINE)
        assert not thread.is_alive()
