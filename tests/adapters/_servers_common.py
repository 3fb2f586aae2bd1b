"""What the servers of these tests share: certificates, an inetd that starts a program for each connection, and PATH."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

# Programs are found, started and stopped there as they are for the other tests with real peers.
sys.path.append(str(Path(__file__).parents[1] / "interop"))
from _programs import DEADLINE as DEADLINE
from _programs import Program as Program
from _programs import clean_environment as clean_environment
from _programs import find_program as find_program
from _programs import need_program as need_program

IS_ROOT = os.name == "posix" and os.geteuid() == 0
HOST = "localhost"
"""The name in the certificate. By its address the server is another one, as far as TLS is concerned."""
ADDRESS = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Files:
    """A folder with a server's certificate and key, the authority that issued it, and one that did not.

    Attributes:
        folder: every user may look into it, since some servers give up being root.
    """

    folder: Path

    @property
    def ca(self) -> Path:
        return self.folder / "ca.pem"

    @property
    def stranger(self) -> Path:
        return self.folder / "stranger.pem"

    @property
    def chain(self) -> Path:
        return self.folder / "server.pem"

    @property
    def key(self) -> Path:
        return self.folder / "server.key"


@contextlib.contextmanager
def server_files() -> Iterator[Files]:
    """A new folder with new certificates."""
    pytest.importorskip("cryptography")
    from unitls.testing import CertificateAuthority

    authority, stranger = CertificateAuthority.create(), CertificateAuthority.create("unitls test stranger")
    issued = authority.issue(dns_names=[HOST])
    with tempfile.TemporaryDirectory(prefix="unitls-server-") as name:
        files = Files(Path(name))
        files.folder.chmod(0o755)
        files.ca.write_bytes(authority.certificate_pem)
        files.stranger.write_bytes(stranger.certificate_pem)
        files.chain.write_bytes(issued.certificate_pem)
        files.key.write_bytes(issued.key_pem)
        files.key.chmod(0o640)
        yield files


class Inetd:
    """Listens, and starts a program for each connection, which is its standard input and output.

    So there is one program for each connection and none that has to be found a port, an owner or an end.

    Args:
        command: what to start.
        environment: on top of a clean one.
        relayed: give the program a socket that is not of the network, and pass on what comes and goes.
    """

    def __init__(
        self, command: Sequence[str | Path], *, environment: dict[str, str] | None = None, relayed: bool = False
    ) -> None:
        self._relayed = relayed
        self._relays: list[threading.Thread] = []
        self._relayed_sockets: list[socket.socket] = []
        self._command = [os.fspath(part) for part in command]
        self._environment = clean_environment(**(environment or {}))
        self._listener = socket.create_server((ADDRESS, 0))
        self._processes: list[subprocess.Popen[bytes]] = []
        self._stopping = False
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            if self._stopping:
                connection.close()
                return
            # Programs that write an answer in pieces would wait for an acknowledgement, which the client delays.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._relay(connection) if self._relayed else connection as given:
                self._processes.append(
                    subprocess.Popen(
                        self._command, stdin=given, stdout=given, stderr=subprocess.DEVNULL, env=self._environment
                    )
                )

    def _relay(self, connection: socket.socket) -> socket.socket:
        """The other end of a pair of sockets, with a thread for each direction."""
        ours, theirs = socket.socketpair()
        self._relayed_sockets += [connection, ours]
        for source, sink in ((connection, ours), (ours, connection)):
            self._relays.append(threading.Thread(target=_pass_on, args=(source, sink)))
            self._relays[-1].start()
        return theirs

    def __enter__(self) -> Inetd:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stopping = True
        socket.create_connection((ADDRESS, self.port), DEADLINE).close()
        self._thread.join(DEADLINE)
        self._listener.close()
        for process in self._processes:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(DEADLINE)
        for thread in self._relays:
            thread.join(DEADLINE)
        for item in self._relayed_sockets:
            item.close()


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


@dataclass(frozen=True, slots=True)
class Target:
    """What a session needs to know of a server; it can be written to JSON.

    Attributes:
        ca: a file with the authority that issued the server's certificate.
        stranger: a file with one that did not.
        ports: by name, such as ``"plain"`` for what begins in the clear, and ``"tls"`` for what does not.
    """

    ca: str
    stranger: str
    ports: dict[str, int]

    @classmethod
    def of(cls, files: Files, **ports: int) -> Target:
        return cls(str(files.ca), str(files.stranger), ports)


def own_user() -> str:
    """The name of the user that servers are run as."""
    return pwd.getpwuid(os.geteuid()).pw_name


def own_group() -> str:
    """The name of that user's group."""
    return grp.getgrgid(os.getegid()).gr_name


@contextlib.contextmanager
def own_port() -> Iterator[int]:
    """A port for a server that cannot be given a socket.

    It is held by a socket that does not listen, so the system gives it to nobody else; a server that asks for it by its
    number gets it all the same, because both say ``SO_REUSEADDR``.
    """
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind((ADDRESS, 0))
        yield holder.getsockname()[1]
