"""Two fakes that talk to each other: over memory buffers in lock step, or over a pair of sockets."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import unitls
from unitls.testing._fake import FakeProvider, Script, fake_backend
from unitls.testing._zoo_files import load_identities

TIMEOUT = 30.0
"""Seconds for what has to happen: a busy machine stands still for some of them."""
IDS = load_identities()
TRUST = unitls.TrustStore.from_buffer(IDS.ca_pem)


def identity(issued: Any = IDS.server) -> unitls.Identity:
    chain = [unitls.Certificate.from_buffer(der) for der in issued.chain]
    return unitls.Identity(chain, unitls.PrivateKey.from_buffer(issued.key_pem))


def quick_provider(script: Script | None = None) -> FakeProvider:
    """A library that lets core take the short ways."""
    return FakeProvider(script, leaves_rest=True, tells_want_read=True)


def client_context(script: Script | FakeProvider | None = None, **configuration: Any) -> unitls.ClientContext:
    values = {"trust_store": TRUST, **configuration}
    return fake_backend(script).client_context(unitls.TLSClientConfiguration(**values))


def server_context(script: Script | FakeProvider | None = None, **configuration: Any) -> unitls.ServerContext:
    values = {"identities": (identity(),), **configuration}
    return fake_backend(script).server_context(unitls.TLSServerConfiguration(**values))


class Link:
    """A client and a server over four buffers; `move` carries the ciphertext.

    Attributes:
        client: the client's wrapped buffer.
        server: the server's.
    """

    def __init__(
        self,
        client: unitls.ClientContext | None = None,
        server: unitls.ServerContext | None = None,
        *,
        host: str | None = "server.test",
        buffers: Any = None,
        **names: Any,
    ) -> None:
        client, server = client or client_context(), server or server_context()
        make_client, make_server = buffers or client.backend.memory_buffer, buffers or server.backend.memory_buffer
        self.client_in, self.client_out = make_client(), make_client()
        self.server_in, self.server_out = make_server(), make_server()
        self.client = client.wrap_buffers(self.client_in, self.client_out, host, **names)
        self.server = server.wrap_buffers(self.server_in, self.server_out)

    def to_server(self) -> bytes:
        data: bytes = self.client_out.read()
        self.server_in.write(data)
        return data

    def to_client(self) -> bytes:
        data: bytes = self.server_out.read()
        self.client_in.write(data)
        return data

    def move(self) -> None:
        self.to_server()
        self.to_client()

    def handshake(self) -> Link:
        for _ in range(40):
            done = [step(self.client), self.move(), step(self.server), self.move()]
            if done[0] and done[2]:
                return self
        raise AssertionError("the handshake does not end")


def open_link(**arguments: Any) -> Link:
    return Link(**arguments).handshake()


def step(end: unitls.TLSWrappedBuffer) -> bool:
    """One step of the handshake; whether it is done."""
    try:
        end.do_handshake()
    except (unitls.WantReadError, unitls.WantWriteError):
        return False
    return True


@contextmanager
def socket_pair(timeout: float | None = TIMEOUT) -> Iterator[tuple[socket.socket, socket.socket]]:
    left, right = socket.socketpair()
    with left, right:
        left.settimeout(timeout)
        right.settimeout(timeout)
        yield left, right


def pump(*ends: Any) -> None:
    """Run the handshakes of non-blocking sockets in turns."""
    for _ in range(200):
        waiting = False
        for end in ends:
            try:
                end.do_handshake()
            except (unitls.WantReadError, unitls.WantWriteError):
                waiting = True
        if not waiting:
            return
    raise AssertionError("the handshake does not end")


@contextmanager
def secure_pair(
    client: unitls.ClientContext | None = None,
    server: unitls.ServerContext | None = None,
    timeout: float | None = TIMEOUT,
) -> Iterator[tuple[unitls.TLSWrappedSocket, unitls.TLSWrappedSocket]]:
    """A client and a server socket whose handshake is done, with that timeout."""
    left, right = socket.socketpair()
    left.setblocking(False)
    right.setblocking(False)
    with left, right:
        client_end = (client or client_context()).wrap_socket(left, False, "server.test")
        server_end = (server or server_context()).wrap_socket(right, False)
        try:
            pump(client_end, server_end)
            client_end.settimeout(timeout)
            server_end.settimeout(timeout)
            yield client_end, server_end
        finally:
            client_end.close()
            server_end.close()
