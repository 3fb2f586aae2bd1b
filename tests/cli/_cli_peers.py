"""Programs and servers that the tests of the command line talk to."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import unitls
from unitls.cli._authority import Cast, identity

TIMEOUT = 60.0
"""Seconds for anything that is waited for. Far more than it takes: only what hangs is to fail for it."""
Talk = Callable[[socket.socket], None]


@dataclass(frozen=True)
class Ran:
    """What a run of the command line left behind."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def program(*argv: str, **environment: str) -> Ran:
    """Run a command as a program."""
    done = subprocess.run(
        [sys.executable, "-m", "unitls", *argv],
        capture_output=True,
        text=True,
        timeout=150,  # to try every pair takes longest
        stdin=subprocess.DEVNULL,
        env={**os.environ, **environment},
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


class Server:
    """Calls a function for each connection, one after the other, until it is closed.

    What the function raises for a connection that broke is passed over; anything else is kept in `faults`.
    """

    def __init__(self, talk: Talk, family: socket.AddressFamily = socket.AF_INET) -> None:
        self._talk = talk
        self._listener = socket.create_server(("::1" if family is socket.AF_INET6 else "127.0.0.1", 0), family=family)
        self.port: int = self._listener.getsockname()[1]
        self.target = f"127.0.0.1:{self.port}"
        self.connections = 0
        self.faults: list[BaseException] = []
        self._closing = False
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            with connection:
                if self._closing:
                    return
                self.connections += 1
                connection.settimeout(TIMEOUT)
                try:
                    self._talk(connection)
                except (OSError, unitls.TLSError):
                    pass
                except BaseException as error:
                    self.faults.append(error)

    def close(self) -> None:
        self._closing = True
        # A last connection wakes `accept`.
        with contextlib.suppress(OSError), socket.create_connection(self._listener.getsockname()[:2], TIMEOUT):
            pass
        self._thread.join(2 * TIMEOUT)
        self._listener.close()
        assert not self._thread.is_alive()
        assert not self.faults


def tls(cast: Cast, *, impostor: bool = False, protocols: tuple[bytes, ...] = (b"http/1.1",)) -> Talk:
    """A TLS server that reads until the client is done."""
    own = identity(cast.impostor if impostor else cast.server)
    context = unitls.get_backend().server_context(
        unitls.TLSServerConfiguration(identities=(own,), inner_protocols=protocols)
    )

    def talk(connection: socket.socket) -> None:
        with context.wrap_socket(connection) as wrapped:
            while wrapped.recv(4096):
                pass

    return talk


def wait_for_end(connection: socket.socket) -> None:
    """Say nothing until the client goes away."""
    while connection.recv(4096):
        pass
