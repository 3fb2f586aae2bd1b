"""Thousands of handshakes, most of which fail: is anything left of them?

``python tools/soak.py --count 10000 --backend openssl``. Each kind runs over loopback sockets, with a server and a client
of the same backend in this process (where the kind has two ends of ours). Descriptors, memory, threads and files in the
folder for temporary files are counted after the first fifth and again at the end. The exit status says whether all of it
stayed within bounds.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import itertools
import os
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import unitls
from unitls import Feature
from unitls.testing._zoo_files import load_identities, load_zoo

TIMEOUT = 30.0
MEMORY_BOUND = 1024 * 1024
"""How many bytes the process may grow by, behind the first fifth, whatever the number of handshakes."""
_LEAKED_SESSION = 8 * 1024 if sys.version_info < (3, 12, 8) or sys.version_info[:3] == (3, 13, 0) else 0
"""What the ssl module loses whenever its `session` is read, at most (CPython issue gh-116810)."""
_GARBAGE = bytes(range(255, -1, -1)) * 2
_HALF_A_HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(32)
Attempt = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Usage:
    """What the process has in use.

    Attributes:
        descriptors: open file descriptors.
        memory: resident bytes.
        threads: running threads.
        files: names in the folder for temporary files.
    """

    descriptors: int
    memory: int
    threads: int
    files: frozenset[str]

    @classmethod
    def now(cls) -> Usage:
        """Count, garbage collected."""
        gc.collect()
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return cls(
            descriptors=len(os.listdir("/proc/self/fd")),
            memory=pages * os.sysconf("SC_PAGE_SIZE"),
            threads=threading.active_count(),
            files=frozenset(os.listdir(tempfile.gettempdir())),
        )


@dataclass(frozen=True, slots=True)
class Result:
    """What a kind of handshake has left behind."""

    kind: str
    count: int
    seconds: float
    descriptors: int
    memory: int
    threads: int
    files: tuple[str, ...]
    known: int

    @property
    def is_clean(self) -> bool:
        """Whether nothing is left, and the memory stayed within its bound but for what is `known` to be lost."""
        return (
            self.descriptors <= 0 and self.threads <= 0 and not self.files and self.memory - self.known <= MEMORY_BOUND
        )

    def __str__(self) -> str:
        rate = self.count / self.seconds
        return (
            f"{self.kind:<22} {self.count:>6} handshakes, {rate:>6.0f}/s: descriptors {self.descriptors:+d}, "
            f"memory {self.memory / 1024:+.0f} KiB, threads {self.threads:+d}, temporary files {len(self.files):+d}"
        )


class _Listener:
    """A server of ours, in one thread, whose handshakes are to succeed or to fail; each failure must be a `ConnectionFault`.

    Args:
        context: the server's.
        is_good: whether they are to succeed; it then greets with a byte.
    """

    def __init__(self, context: unitls.ServerContext, is_good: bool) -> None:
        self._is_good = is_good
        self._raw = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._wrapped = context.wrap_socket(self._raw)
        self.address = self._raw.getsockname()
        self.ended = 0
        self.unexpected: BaseException | None = None
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._wrapped.accept()
            except OSError:
                return  # the listener was closed
            try:
                with connection:
                    self._talk(connection)
            except (unitls.ConnectionFault, ConnectionError) as error:
                self._end(as_wanted=not self._is_good, error=error)
            except Exception as error:  # for the main thread, which raises it
                self.unexpected = error
            else:
                self._end(as_wanted=self._is_good)

    def _talk(self, connection: unitls.TLSWrappedSocket) -> None:
        connection.settimeout(TIMEOUT)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.do_handshake()
        if self._is_good:
            connection.sendall(b"!")
        connection.recv(1)  # a client of TLS 1.3 is done before we are

    def _end(self, *, as_wanted: bool, error: BaseException | None = None) -> None:
        """The connection is closed by now: the main thread counts descriptors as soon as it hears of this."""
        if as_wanted:
            self.ended += 1
        else:
            self.unexpected = error or SystemExit("a handshake succeeded that should have failed")

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._raw.shutdown(socket.SHUT_RDWR)
        self._thread.join(TIMEOUT)
        self._wrapped.close()


def _server_context(backend: unitls.Backend, *, demands_certificate: bool = False) -> unitls.ServerContext:
    identities = load_identities()
    chain = [unitls.Certificate.from_buffer(der) for der in identities.server.chain]
    identity = unitls.Identity(chain, unitls.PrivateKey.from_buffer(identities.server.key_pem))
    if not demands_certificate:
        return backend.server_context(unitls.TLSServerConfiguration(identities=(identity,)))
    trust = unitls.TrustStore.from_buffer(identities.ca_pem)
    return backend.server_context(
        unitls.TLSServerConfiguration(identities=(identity,), trust_store=trust, validate_certificates=True)
    )


def _client_context(backend: unitls.Backend, *, trusts_server: bool, **settings: Any) -> unitls.ClientContext:
    pem = load_identities().ca_pem if trusts_server else load_zoo()[0].trust_pem
    trust = unitls.TrustStore.from_buffer(pem)
    return backend.client_context(unitls.TLSClientConfiguration(trust_store=trust, **settings))


def _succeeds(context: unitls.ClientContext, address: tuple[str, int], resumed: bool | None = None) -> None:
    """A client of ours whose connection has to succeed, and to resume a session or not where that is said."""
    raw = socket.create_connection(address, TIMEOUT)
    with context.wrap_socket(raw, server_hostname="server.test") as connection:
        if connection.recv(1) != b"!":
            raise SystemExit("the server's byte did not come")
        if resumed is not None and connection.session_resumed is not resumed:
            raise SystemExit("a session was resumed, or not, against what was wanted")


def _fails(context: unitls.ClientContext, address: tuple[str, int]) -> None:
    """A client of ours whose connection has to fail."""
    raw = socket.create_connection(address, TIMEOUT)
    try:
        with context.wrap_socket(raw, server_hostname="server.test") as connection:
            connection.recv(1)
    except (unitls.ConnectionFault, ConnectionError):
        return
    raise SystemExit("a handshake succeeded that should have failed")


def _sends(data: bytes, address: tuple[str, int]) -> None:
    """A client that speaks no TLS, and goes."""
    with socket.create_connection(address, TIMEOUT) as raw, contextlib.suppress(ConnectionError):
        raw.sendall(data)


def _wrong_server(backend: unitls.Backend, first: bytes) -> Attempt:
    """A client of ours, and a server that says `first` and goes."""
    context = _client_context(backend, trusts_server=True)

    def attempt() -> None:
        ours, theirs = socket.socketpair()
        ours.settimeout(TIMEOUT)
        with ours, theirs:
            theirs.sendall(first)
            theirs.shutdown(socket.SHUT_WR)
            try:
                context.wrap_socket(ours, auto_handshake=False, server_hostname="server.test").do_handshake()
            except unitls.ConnectionFault:
                return
        raise SystemExit("a handshake succeeded that should have failed")

    return attempt


@contextlib.contextmanager
def _against_listener(
    context: unitls.ServerContext, connect: Callable[[tuple[str, int]], None], *, is_good: bool = False
) -> Iterator[Attempt]:
    """One attempt is one connection to a server of ours, which has to have ended there too before the next begins."""
    listener = _Listener(context, is_good)

    def attempt() -> None:
        expected = listener.ended + 1
        connect(listener.address)
        end = time.monotonic() + TIMEOUT
        while listener.ended < expected:
            if listener.unexpected is not None:
                raise listener.unexpected
            if time.monotonic() > end:
                raise SystemExit("the server did not notice that the connection ended")
            os.sched_yield()

    try:
        yield attempt
    finally:
        listener.close()


def kinds(backend: unitls.Backend) -> dict[str, Callable[[], contextlib.AbstractContextManager[Attempt]]]:
    """By name, each kind of handshake that the backend's roles allow; entering it gives what makes one attempt."""
    has = backend.capabilities.supports
    plain = _server_context(backend) if has(Feature.SERVER) else None
    found: dict[str, Callable[[], contextlib.AbstractContextManager[Attempt]]] = {}
    if plain is not None:
        found["server: garbage"] = lambda: _against_listener(plain, lambda to: _sends(_GARBAGE, to))
        found["server: cut"] = lambda: _against_listener(plain, lambda to: _sends(_HALF_A_HELLO, to))
    if has(Feature.CLIENT) and has(Feature.CUSTOM_TRUST_STORE):
        found["client: garbage"] = lambda: contextlib.nullcontext(_wrong_server(backend, _GARBAGE))
        found["client: cut"] = lambda: contextlib.nullcontext(_wrong_server(backend, b"\x16\x03\x03\x00\x7a\x02"))
    if plain is not None and "client: cut" in found:
        friend = _client_context(backend, trusts_server=True)
        found["good"] = lambda: _against_listener(plain, lambda to: _succeeds(friend, to), is_good=True)
        if has(Feature.SESSION_RESUMPTION):
            again = _client_context(backend, trusts_server=True, session_cache=unitls.SessionCache())
            found["resumed"] = lambda: _against_listener(plain, _resuming(again), is_good=True)
        stranger = _client_context(backend, trusts_server=False)
        found["unknown issuer"] = lambda: _against_listener(plain, lambda to: _fails(stranger, to))
        if has(Feature.CLIENT_CERTIFICATES):
            strict = _server_context(backend, demands_certificate=True)
            nobody = _client_context(backend, trusts_server=True)
            found["no client certificate"] = lambda: _against_listener(strict, lambda to: _fails(nobody, to))
    return found


def _resuming(context: unitls.ClientContext) -> Callable[[tuple[str, int]], None]:
    """Connections of which each but the first resumes a session."""
    rounds = itertools.count()
    return lambda address: _succeeds(context, address, resumed=next(rounds) > 0)


def soak(backend: unitls.Backend, count: int, only: str = "") -> Iterator[Result]:
    """Make `count` handshakes of each kind, and tell what those behind the first fifth have left."""
    for kind, enter in kinds(backend).items():
        if not kind.startswith(only):
            continue
        with enter() as attempt:
            for _ in range(count // 5):
                attempt()
            before, start = Usage.now(), time.monotonic()
            for _ in range(count - count // 5):
                attempt()
            seconds = time.monotonic() - start
            after = Usage.now()
        yield Result(
            kind,
            count - count // 5,
            seconds,
            after.descriptors - before.descriptors,
            after.memory - before.memory,
            after.threads - before.threads,
            tuple(sorted(after.files - before.files)),
            known=count * _LEAKED_SESSION if (backend.name, kind) == ("openssl", "resumed") else 0,
        )


def main() -> int:
    """Run what the command line asks for; 0 if nothing was left behind."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=10_000, help="handshakes of each kind (default: %(default)s)")
    parser.add_argument("--only", metavar="KIND", default="", help="kinds whose name begins so (default: all)")
    parser.add_argument("--backend", default=None, help="which backend (default: the default one)")
    given = parser.parse_args()
    backend = unitls.get_backend(given.backend)
    print(f"{backend.name}: {backend.library_version}")
    # A folder of our own for temporary files: what others do meanwhile is none of our business.
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        tempfile.tempdir = folder
        clean = True
        for result in soak(backend, given.count, given.only):
            print(result, flush=True)
            clean = clean and result.is_clean
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main())
