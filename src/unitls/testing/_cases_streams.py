"""Cases on wrapped sockets that wait: files, timeouts, threads, and the way back to plaintext."""

from __future__ import annotations

import functools
import os
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

from ..api._errors import ConfigurationError, ConnectionFault
from ..api._features import Feature
from ..api._wrapped import TLSWrappedSocket
from ._blocking import Blocking, receive_exactly
from ._case import BOTH, UNBOUND, case
from ._ends import PATIENCE
from ._expect import equal, raises, require
from ._kit import HOST, Drive, Kit

_SOCKETS = (Drive.SOCKETS,)


@case("socket-makefile", "read-eof", drives=_SOCKETS)
def files(kit: Kit) -> None:
    """A file reads and writes plaintext, and keeps the connection open while it is."""
    both = Blocking(kit)
    with both.server.makefile("rwb") as there, both.client.makefile("rw", encoding="utf-8", newline="\n") as here:
        here.write("first\nsecond\n")
        here.flush()
        equal([there.readline(), there.readline()], [b"first\n", b"second\n"], "the lines")
        there.write("Gr\xfc\xdfe\n".encode())
        there.flush()
        equal(here.readline(), "Gr\xfc\xdfe\n", "the line that came back")
        both.client.close()
        here.write("still open\n")
        here.flush()
        equal(there.readline(), b"still open\n", "a line after close, with the file open")
    reading = both.run(lambda: both.server.recv(10))
    equal(reading.result(PATIENCE), b"", "the end, once the file is closed too")


@case("socket-sendfile", drives=_SOCKETS, versions=UNBOUND)
def sending_a_file(kit: Kit) -> None:
    """What a file holds is sent encrypted, and its position is moved."""
    both = Blocking(kit)
    path = kit.directory() / "file"
    data = os.urandom(300_000)
    path.write_bytes(data)
    with path.open("rb") as file:
        receiving = both.run(lambda: receive_exactly(both.server, len(data)))
        equal(both.client.sendfile(file), len(data), "sendfile()")
        equal(receiving.result(PATIENCE), data, "what arrived")
        equal(both.client.sendfile(file, 10, 5), 5, "sendfile(file, 10, 5)")
        equal(file.tell(), 15, "the position of the file")
        equal(receive_exactly(both.server, 5), data[10:15], "what arrived")


@case("socket-timeout", drives=_SOCKETS, versions=UNBOUND)
def timeouts(kit: Kit) -> None:
    """A timed socket raises TimeoutError, the connection survives it, and a silent peer ends the handshake."""
    both = Blocking(kit)
    both.client.settimeout(0.05)
    for _ in range(2):
        raises(TimeoutError, lambda: both.client.recv(10), "reading where nothing is")
        raises(TimeoutError, lambda: both.client.recv_into(bytearray(10)), "reading where nothing is")
    both.client.settimeout(PATIENCE)
    both.client.sendall(b"still here")
    equal(both.server.recv(100), b"still here", "what arrived after the timeout")
    both.server.sendall(b"so am I")
    equal(receive_exactly(both.client, 7), b"so am I", "what came back after the timeout")
    left, _ = kit.sockets(timeout=0.05)
    raises(TimeoutError, lambda: kit.client().wrap_socket(left, server_hostname=HOST), "the handshake of a client")
    server = kit.enter(kit.server().wrap_socket(kit.sockets(timeout=0.05)[1]))
    raises(TimeoutError, server.do_handshake, "the handshake of a server")


@case("handshake-timeout", drives=_SOCKETS, versions=UNBOUND, needs=[Feature.HANDSHAKE_TIMEOUT])
def handshake_timeout(kit: Kit) -> None:
    """handshake_timeout ends a handshake with a silent peer, on a socket whose own timeout is long."""
    left, _ = kit.sockets(timeout=60)
    client = kit.client(handshake_timeout=0.05)
    raises(TimeoutError, lambda: client.wrap_socket(left, server_hostname=HOST), "the handshake of a client")
    _, right = kit.sockets(timeout=60)
    server = kit.enter(kit.server(handshake_timeout=0.05).wrap_socket(right))
    raises(TimeoutError, server.do_handshake, "the handshake of a server")
    for wrong in (0, -1, float("nan"), float("inf")):
        raises(ConfigurationError, lambda w=wrong: kit.client(handshake_timeout=w), f"a limit of {wrong}")


@case("socket-recv-into", "read-into", drives=_SOCKETS, versions=UNBOUND)
def receiving_into_a_buffer(kit: Kit) -> None:
    """recv_into fills what it is given; a buffer without room and an amount of 0 keep their meaning."""
    both = Blocking(kit)
    both.client.sendall(b"0123456789")
    target = bytearray(6)
    equal((both.server.recv_into(target), bytes(target)), (6, b"012345"), "recv_into(buffer)")
    equal((both.server.recv_into(target, 2), bytes(target[:2])), (2, b"67"), "recv_into(buffer, 2)")
    equal(both.server.recv_into(memoryview(target)[4:]), 2, "recv_into(view)")
    equal(bytes(target[4:]), b"89", "what is in the view")
    equal(both.server.recv_into(bytearray()), 0, "recv_into(nothing)")
    equal(both.server.recv(0), b"", "recv(0)")


@case("unwrap", "unwrap-trailing", "starttls", drives=_SOCKETS)
def back_to_plaintext(kit: Kit) -> None:
    """TLS ends cleanly on both sides; the plain socket goes on, and what came behind is in trailing_data."""
    both = Blocking(kit)
    both.client.sendall(b"bye")
    equal(receive_exactly(both.server, 3), b"bye", "what arrived")

    def finish() -> socket.socket:
        raw = both.server.unwrap()
        raw.sendall(b"plain")
        return raw

    finishing = both.run(finish)
    here = both.client.unwrap()
    there = finishing.result(PATIENCE)
    require(isinstance(here, socket.socket), "unwrap gives a plain socket")
    got = both.client.trailing_data
    while len(got) < 5:
        got += here.recv(5 - len(got))
    equal(got, b"plain", "the plaintext behind it")
    here.sendall(b"text")
    equal(there.recv(10), b"text", "plaintext the other way")
    raises(OSError, lambda: both.client.recv(1), "using an unwrapped socket")
    # And again: STARTTLS once more, over the same sockets, the other way round.
    shaking = both.run(lambda: kit.enter(kit.server().wrap_socket(here)).do_handshake())
    with kit.client().wrap_socket(there, server_hostname=HOST) as again:
        require(again.negotiated_tls_version is not None, "a second handshake over the same sockets")
        shaking.result(PATIENCE)


@case("unwrap", drives=_SOCKETS)
def unwrap_with_data_in_the_way(kit: Kit) -> None:
    """Data is not thrown away by unwrap: it raises. So it does after a cut."""
    both = Blocking(kit)
    both.server.sendall(b"unread")
    raises(ConnectionFault, both.client.unwrap, "unwrap with data in the way")
    cut = Blocking(kit)
    raw = cut.server.detach()
    socket.socket(fileno=raw).close()
    raises((OSError), cut.client.unwrap, "unwrap after a cut")


@case("starttls", "socket-blocking", drives=_SOCKETS)
def starttls(kit: Kit) -> None:
    """A connection that has begun in plaintext becomes TLS, in both roles."""
    left, right = kit.sockets()
    pool = kit.enter(ThreadPoolExecutor(1))

    def serve() -> bytes:
        equal(right.recv(10), b"STARTTLS\r\n", "the command")
        right.sendall(b"220\r\n")
        server = kit.enter(kit.server().wrap_socket(right))
        command: bytes = server.recv(10)
        server.sendall(b"250\r\n")
        return command

    serving = pool.submit(serve)
    left.sendall(b"STARTTLS\r\n")
    equal(left.recv(5), b"220\r\n", "the answer")
    client = kit.enter(kit.client().wrap_socket(left, server_hostname=HOST))
    client.sendall(b"EHLO\r\n")
    equal(receive_exactly(client, 5), b"250\r\n", "the encrypted answer")
    equal(serving.result(PATIENCE), b"EHLO\r\n", "the encrypted command")


@case("tls-in-tls", drives=_SOCKETS, versions=BOTH)
def tls_in_tls_sockets(kit: Kit) -> None:
    """A wrapped socket can be wrapped again."""
    both = Blocking(kit)
    server = kit.enter(kit.server().wrap_socket(both.server))
    shaking = both.run(server.do_handshake)
    client = kit.enter(kit.client().wrap_socket(both.client, server_hostname=HOST))
    shaking.result(PATIENCE)
    data = os.urandom(200_000)
    for sender, receiver in ((client, server), (server, client)):
        sending = both.run(functools.partial(sender.sendall, data))
        equal(receive_exactly(receiver, len(data)), data, "what arrived through both layers")
        sending.result(PATIENCE)


@case("socket-full-duplex", drives=_SOCKETS)
def full_duplex(kit: Kit) -> None:
    """One thread reads while another writes, at both ends, without a wrong byte."""
    both = Blocking(kit)
    pool = kit.enter(ThreadPoolExecutor(4))
    data = os.urandom(1_500_000)

    def send(sock: TLSWrappedSocket) -> None:
        view = memoryview(data)
        for start in range(0, len(data), 10_007):
            sock.sendall(view[start : start + 10_007])

    jobs = [pool.submit(send, sock) for sock in (both.client, both.server)]
    results = [pool.submit(receive_exactly, sock, len(data)) for sock in (both.client, both.server)]
    for job in jobs:
        job.result(PATIENCE)
    for result in results:
        require(result.result(PATIENCE) == data, "every byte arrives as it was sent")


@case("context-threads", drives=_SOCKETS, versions=UNBOUND)
def one_context_in_many_threads(kit: Kit) -> None:
    """Eight threads share one client and one server context, while the contexts change."""
    client, server = kit.client(), kit.server()
    pairs = [kit.sockets() for _ in range(8)]
    start = threading.Barrier(16, timeout=PATIENCE)
    pool = kit.enter(ThreadPoolExecutor(16))

    def serve(raw: socket.socket) -> None:
        start.wait()
        server.set_version_range(upper_bound=server.configuration.upper_bound)
        with server.wrap_socket(raw) as sock:
            sock.sendall(receive_exactly(sock, 20_000))
            sock.recv(1)

    def ask(raw: socket.socket) -> None:
        data = os.urandom(20_000)
        start.wait()
        with client.wrap_socket(raw, server_hostname=HOST) as sock:
            sock.sendall(data)
            require(receive_exactly(sock, len(data)) == data, "what came back")

    jobs = [pool.submit(serve, right) for _, right in pairs] + [pool.submit(ask, left) for left, _ in pairs]
    for job in jobs:
        job.result(PATIENCE)


@case("socket-select", drives=_SOCKETS)
def selecting_before_reading(kit: Kit) -> None:
    """A program that selects, and then reads n bytes, sees everything: a socket holds no data back unseen."""
    import select

    both = Blocking(kit)
    sizes = (1, 100, 16384, 50_000)
    both.server.sendall(b"".join(bytes([index]) * size for index, size in enumerate(sizes)))
    total, got = sum(sizes), 0
    while got < total:
        if not both.client.pending():
            readable, _, _ = select.select([both.client], [], [], PATIENCE)
            require(readable, f"select() says that nothing is there after {got} of {total} bytes")
        got += len(both.client.recv(16384))
