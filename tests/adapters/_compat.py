"""What the tests of the face of `ssl` share: certificates in files, contexts, and servers in threads."""

from __future__ import annotations

import contextlib
import functools
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import unitls
import unitls.compat.ssl as face
from unitls.testing import load_identities

NAME = "server.test"
SECONDS = 60  # for anything that is to happen: far more than it takes, also on a machine under load
SOURCE = Path(unitls.__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Files:
    """Certificates in files, as programs of `ssl` want them. They go with the process."""

    ca: str
    chain: str
    key: str
    rsa_chain: str
    rsa_key: str
    client_chain: str
    client_key: str
    other_chain: str
    other_key: str


@functools.cache
def _folder() -> Any:
    return tempfile.TemporaryDirectory(prefix="unitls-compat-")  # removed when the process ends


@functools.cache
def files() -> Files:
    """The certificates that ship with the package."""
    identities = load_identities()

    def written(name: str, content: bytes) -> str:
        path = os.path.join(_folder().name, name)
        with open(path, "wb") as file:
            file.write(content)
        return path

    return Files(
        ca=written("ca.pem", identities.ca_pem),
        chain=written("server.pem", identities.server.certificate_pem),
        key=written("server.key", identities.server.key_pem),
        rsa_chain=written("rsa.pem", identities.rsa_server.certificate_pem),
        rsa_key=written("rsa.key", identities.rsa_server.key_pem),
        client_chain=written("client.pem", identities.client.certificate_pem),
        client_key=written("client.key", identities.client.key_pem),
        other_chain=written("other.pem", identities.second_server.certificate_pem),
        other_key=written("other.key", identities.second_server.key_pem),
    )


def server_context(backend: unitls.Backend, *, other: bool = False) -> face.SSLContext:
    """A server's context, with a certificate for `NAME` and localhost, or with that of another name."""
    context = face.create_default_context(face.Purpose.CLIENT_AUTH, backend=backend)
    if other:
        context.load_cert_chain(files().other_chain, files().other_key)
    else:
        context.load_cert_chain(files().chain, files().key)
    return context


def client_context(backend: unitls.Backend, *, trusting: bool = True) -> face.SSLContext:
    """A client's context, which trusts our authority, or only the system's."""
    return face.create_default_context(cafile=files().ca if trusting else None, backend=backend)


class Failures(list[BaseException]):
    """What went wrong in the threads of a server."""


@contextlib.contextmanager
def serving(handle: Callable[[socket.socket], Any], host: str = "127.0.0.1") -> Iterator[tuple[str, int]]:
    """Handle each connection to a local port in a thread of its own; what it raises as an `OSError` is a client's affair."""
    listener = socket.create_server((host, 0))
    failures = Failures()
    threads: list[threading.Thread] = []

    def one(connection: socket.socket) -> None:
        connection.settimeout(SECONDS)
        try:
            handle(connection)
        except OSError:
            pass  # the client has gone, or has refused us: what it saw is what is tested
        except BaseException as error:
            failures.append(error)
        finally:
            connection.close()

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threads.append(threading.Thread(target=one, args=(connection,), daemon=True))
            threads[-1].start()

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield listener.getsockname()
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        acceptor.join(SECONDS)  # from here on there are no more threads than these
        for thread in threads:
            thread.join(SECONDS)
    assert not failures, failures


def echo(context: face.SSLContext) -> Callable[[socket.socket], None]:
    """A handler that sends back what it gets, in upper case, until the client ends."""

    def handle(raw: socket.socket) -> None:
        with context.wrap_socket(raw, server_side=True) as connection:
            while data := connection.recv(65536):
                connection.sendall(data.upper())

    return handle


@contextlib.contextmanager
def pair(server: Any, client: Any, name: str = NAME, **options: Any) -> Iterator[tuple[Any, Any]]:
    """A client and a server socket after the handshake."""
    near, far = socket.socketpair()
    near.settimeout(SECONDS)
    far.settimeout(SECONDS)
    held: list[Any] = []

    def accept() -> None:
        try:
            held.append(server.wrap_socket(far, server_side=True))
        except BaseException as error:
            held.append(error)

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        connection = client.wrap_socket(near, server_hostname=name, **options)
    except BaseException:
        near.close()
        thread.join(SECONDS)
        if held and not isinstance(held[0], BaseException):
            held[0].close()
        raise
    thread.join(SECONDS)
    try:
        if isinstance(held[0], BaseException):
            raise held[0]
        yield connection, held[0]
    finally:
        connection.close()
        if not isinstance(held[0], BaseException):
            held[0].close()


def run_python(*arguments: str, code: str | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a Python that finds the package, and no variables of ours."""
    command = [sys.executable, "-W", "error", *arguments, *(["-c", code] if code is not None else [])]
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("UNITLS", "SSL", "PYTHON"))}
    clean |= {"PYTHONPATH": os.pathsep.join([str(SOURCE), str(Path(__file__).parent)]), **environment}
    return subprocess.run(command, env=clean, capture_output=True, text=True, timeout=SECONDS * 2, check=False)


BLOCKER = """
import sys

class _Blocked:
    def find_spec(self, name, path=None, target=None):
        if name in ("ssl", "_ssl"):
            raise ImportError(f"{name} is blocked")

for name in ("ssl", "_ssl"):
    sys.modules.pop(name, None)
sys.meta_path.insert(0, _Blocked())
"""
"""Code that takes `ssl` away from the Python that runs it."""
