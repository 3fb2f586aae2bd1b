"""Cases on wrapped sockets: the stream-socket API, and what the buffer cannot show."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ..api._errors import ConfigurationError, ConnectionFault, RaggedEOF, WantReadError, WantWriteError
from ..api._wrapped import TLSWrappedBuffer, TLSWrappedSocket
from ._case import UNBOUND, case
from ._ends import PATIENCE
from ._expect import equal, raises, require, same
from ._kit import HOST, Drive, Kit

_SOCKETS = (Drive.SOCKETS,)


@case("socket-blocking", "auto-handshake", drives=_SOCKETS)
def blocking_sockets(kit: Kit) -> None:
    """A client on a connected blocking socket is handshaken when it is wrapped; a server at its first use."""
    left, right = kit.sockets()
    server = kit.enter(kit.server().wrap_socket(right))
    require(isinstance(server, TLSWrappedSocket) and not isinstance(server, TLSWrappedBuffer), "a TLSWrappedSocket")
    pool = kit.enter(ThreadPoolExecutor(1))
    answer = pool.submit(lambda: server.sendall(server.recv(100).upper()))
    client = kit.enter(kit.client().wrap_socket(left, server_hostname=HOST))
    same(client.negotiated_tls_version, kit.version, "the version, as soon as it is wrapped")
    client.sendall(b"hello")
    equal(client.recv(100), b"HELLO", "what came back")
    answer.result(PATIENCE)


@case("auto-handshake-off", drives=_SOCKETS, versions=UNBOUND)
def handshake_by_hand(kit: Kit) -> None:
    """With auto_handshake off nothing but do_handshake runs it."""
    left, right = kit.sockets()
    server = kit.enter(kit.server().wrap_socket(right, auto_handshake=False))
    client = kit.enter(kit.client().wrap_socket(left, auto_handshake=False, server_hostname=HOST))
    right.settimeout(0)
    raises(BlockingIOError, lambda: right.recv(1), "what was sent by wrapping")
    right.settimeout(PATIENCE)
    for sock in (client, server):
        same(sock.negotiated_tls_version, None, "the version before do_handshake")
        calls: tuple[tuple[Callable[..., Any], Any], ...] = ((sock.recv, 1), (sock.send, b"x"), (sock.sendall, b"x"))
        for call, argument in calls:
            raises(ConfigurationError, lambda c=call, a=argument: c(a), "using it before do_handshake")
    pool = kit.enter(ThreadPoolExecutor(1))
    shaking = pool.submit(server.do_handshake)
    client.do_handshake()
    shaking.result(PATIENCE)
    client.sendall(b"x")
    equal(server.recv(1), b"x", "what arrived")


@case("socket-connect", "auto-handshake", drives=_SOCKETS, versions=UNBOUND)
def wrapped_before_connect(kit: Kit) -> None:
    """A client socket can be wrapped before it connects; then connect runs the handshake. connect_ex likewise."""
    listener = kit.enter(kit.server().wrap_socket(socket.create_server(("127.0.0.1", 0))))
    pool = kit.enter(ThreadPoolExecutor(1))

    def serve() -> None:
        listener.settimeout(PATIENCE)
        for _ in range(2):
            with listener.accept()[0] as accepted:
                accepted.settimeout(PATIENCE)
                accepted.sendall(accepted.recv(10))

    serving = pool.submit(serve)
    for method in ("connect", "connect_ex"):
        client = kit.enter(kit.client().wrap_socket(socket.socket(), server_hostname=HOST))
        client.settimeout(PATIENCE)
        raises(OSError, lambda c=client: c.recv(1), "reading before connect")
        require(not getattr(client, method)(listener.getsockname()), f"{method}")
        require(client.negotiated_tls_version is not None, f"{method} runs the handshake")
        client.sendall(b"ping")
        equal(client.recv(10), b"ping", "what came back")
    serving.result(PATIENCE)
    # Bound, and not listening: no other process is given this port meanwhile.
    holder = kit.enter(socket.socket())
    holder.bind(("127.0.0.1", 0))
    address = holder.getsockname()
    client = kit.enter(kit.client().wrap_socket(socket.socket(), server_hostname=HOST))
    equal(client.connect_ex(address), errno.ECONNREFUSED, "connect_ex where nobody listens")
    raises(ConfigurationError, lambda: listener.connect(address), "connect at a server")


@case("socket-accept", drives=_SOCKETS, versions=UNBOUND)
def listener_never_shakes_hands(kit: Kit) -> None:
    """A listener accepts at once, also a client that says nothing; others are served meanwhile."""
    listener = kit.enter(kit.server().wrap_socket(socket.create_server(("127.0.0.1", 0))))
    listener.settimeout(PATIENCE)
    silent = kit.enter(socket.create_connection(listener.getsockname(), PATIENCE))
    mute, address = listener.accept()
    kit.enter(mute)
    equal(address, silent.getsockname(), "the address of the client")
    require(isinstance(mute, TLSWrappedSocket), "accept gives a wrapped socket")
    raw = kit.enter(socket.create_connection(listener.getsockname(), PATIENCE))
    accepted = kit.enter(listener.accept()[0])
    pool = kit.enter(ThreadPoolExecutor(1))
    accepted.settimeout(PATIENCE)
    echoing = pool.submit(lambda: accepted.sendall(accepted.recv(10)))
    client = kit.enter(kit.client().wrap_socket(raw, server_hostname=HOST))
    client.sendall(b"ping")
    equal(client.recv(10), b"ping", "what came back")
    echoing.result(PATIENCE)


@case("socket-stream-only", drives=_SOCKETS, versions=UNBOUND)
def datagrams_and_other_things(kit: Kit) -> None:
    """Only stream sockets can be wrapped."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram:
        raises(
            ConfigurationError, lambda: kit.client().wrap_socket(datagram, server_hostname=HOST), "a datagram socket"
        )
        raises(ConfigurationError, lambda: kit.server().wrap_socket(datagram), "a datagram socket")
    for wrong in (None, 7, "socket", object()):
        raises(ConfigurationError, lambda w=wrong: kit.client().wrap_socket(w, server_hostname=HOST), f"{wrong!r}")
    left, _ = kit.sockets()
    empty = kit.server(identities=())
    raises(ConfigurationError, lambda: empty.wrap_socket(left), "a server without a certificate")


@case("socket-no-datagrams", "socket-no-dup", drives=_SOCKETS, versions=UNBOUND)
def methods_that_make_no_sense(kit: Kit) -> None:
    """Methods of datagrams and messages, flags, and dup raise, and harm nothing."""
    pair = kit.connected()
    sock: Any = pair.client.tls
    calls: tuple[Callable[[], Any], ...] = (
        lambda: sock.recvfrom(10),
        lambda: sock.recvfrom_into(bytearray(10)),
        lambda: sock.recvmsg(10),
        lambda: sock.recvmsg_into([bytearray(10)]),
        lambda: sock.sendmsg([b"x"]),
        lambda: sock.sendto(b"x", ("127.0.0.1", 9)),
        lambda: sock.dup(),
        lambda: sock.recv(10, socket.MSG_PEEK),
        lambda: sock.send(b"x", 1),
        lambda: sock.sendall(b"x", 1),
        lambda: sock.recv_into(bytearray(10), 0, 1),
    )
    for number, call in enumerate(calls):
        raises(ConfigurationError, call, f"call {number}")
    pair.echo()


@case("socket-methods", drives=_SOCKETS, versions=UNBOUND)
def methods_of_a_socket(kit: Kit) -> None:
    """The rest of the stream-socket API means what it means of a plain socket."""
    pair = kit.connected()
    client, server = pair.client.tls, pair.server.tls
    equal(client.getpeername(), server.getsockname(), "getpeername()")
    equal((client.family, client.type), (socket.AF_INET, socket.SOCK_STREAM), "family and type")
    require(isinstance(client.proto, int) and client.fileno() >= 0, "proto and fileno")
    equal((client.gettimeout(), client.timeout, client.getblocking()), (0.0, 0.0, False), "a non-blocking socket")
    client.settimeout(3)
    equal((client.gettimeout(), client.timeout, client.getblocking()), (3.0, 3.0, True), "a timed socket")
    client.setblocking(True)
    equal((client.gettimeout(), client.getblocking()), (None, True), "a blocking socket")
    client.setblocking(False)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    require(client.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE), "SO_KEEPALIVE, once it is set")
    require(isinstance(client.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 8), bytes), "an option as bytes")
    same(client.get_inheritable(), False, "get_inheritable()")
    client.set_inheritable(True)
    same(client.get_inheritable(), True, "get_inheritable(), once it is set")
    client.set_inheritable(False)
    pair.echo()


@case("socket-non-blocking", "want-signals", drives=_SOCKETS)
def non_blocking_sockets(kit: Kit) -> None:
    """A non-blocking socket raises the Want signals; a send that was begun is repeated with the same data."""
    pair = kit.pair()
    raises(WantReadError, pair.client.tls.do_handshake, "a handshake nobody answers")
    pair.handshake()
    raises(WantReadError, lambda: pair.client.tls.recv(10), "reading where nothing is")
    chunk = os.urandom(65536)
    sent = 0
    for _ in range(2000):
        try:
            sent += pair.client.tls.send(chunk)
        except WantWriteError:
            break
    else:
        require(False, "send() never raised WantWriteError although nobody reads")
    got = bytearray()

    def read() -> None:
        while len(got) < sent or len(got) % len(chunk):
            got.extend(pair.server.read())

    # The send that was begun is repeated; what it takes then counts once.
    outcomes = pair.drive({pair.client: lambda: pair.client.tls.send(chunk), pair.server: read})
    sent += outcomes[pair.client].result("send() once more")
    pair.drive({pair.server: read})[pair.server].result("reading")
    while len(got) < sent:
        got += pair.read(pair.server)
    require(bytes(got) == (chunk * (sent // len(chunk) + 1))[:sent], "what arrived is what was sent, once each")


@case("socket-close", "shutdown-sends", drives=_SOCKETS)
def closing(kit: Kit) -> None:
    """Closing sends close_notify; afterwards nothing works, and closing again does nothing."""
    pair = kit.connected()
    client = pair.client.tls
    client.close()
    client.close()
    equal(pair.read(pair.server, 10), b"", "reading after the peer has closed")
    for call in (lambda: client.recv(1), lambda: client.send(b"x"), lambda: client.getpeername()):
        raises(OSError, call, "using a closed socket")
    equal(client.fileno(), -1, "fileno() of a closed socket")


@case("socket-shutdown", "half-close", drives=_SOCKETS)
def shutting_down(kit: Kit) -> None:
    """shutdown(SHUT_WR) sends close_notify, then FIN; reading goes on."""
    pair = kit.connected()
    pair.client.tls.shutdown(socket.SHUT_WR)
    equal(pair.read(pair.server, 10), b"", "reading after SHUT_WR of the peer")
    pair.server.write(b"answer")
    equal(pair.read(pair.client, 10), b"answer", "reading after SHUT_WR of our own")
    raises(ConnectionFault, lambda: pair.client.tls.send(b"x"), "writing after SHUT_WR")
    pair.server.tls.shutdown(socket.SHUT_RDWR)
    equal(pair.read(pair.client, 10), b"", "reading after SHUT_RDWR of the peer")


@case("socket-detach", "eof-ragged", drives=_SOCKETS, versions=UNBOUND)
def detaching(kit: Kit) -> None:
    """The descriptor is given away, open and without close_notify."""
    pair = kit.connected()
    pair.echo()  # nothing is left unread, so that closing is no reset
    number = pair.client.tls.detach()
    raises(OSError, lambda: pair.client.tls.recv(1), "using a detached socket")
    with socket.socket(fileno=number):
        raises(WantReadError, lambda: pair.server.tls.recv(1), "reading: nothing was sent")
    raises(RaggedEOF, lambda: pair.read(pair.server, 1), "reading once it is closed")


@case("socket-garbage-survived", drives=_SOCKETS, versions=UNBOUND)
def listener_survives_bad_clients(kit: Kit) -> None:
    """A listener goes on after clients that say nonsense, cut, or leave: each is an OSError of its own connection."""
    listener = kit.enter(kit.server().wrap_socket(socket.create_server(("127.0.0.1", 0))))
    listener.settimeout(PATIENCE)
    for data in (b"", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", bytes(1000)):
        with socket.create_connection(listener.getsockname(), PATIENCE) as raw:
            raw.sendall(data)
            raw.shutdown(socket.SHUT_WR)
            with listener.accept()[0] as bad:
                bad.settimeout(PATIENCE)
                raises(OSError, lambda b=bad: b.recv(10), f"a client that says {data!r:.30}")
    raw = kit.enter(socket.create_connection(listener.getsockname(), PATIENCE))
    good = kit.enter(listener.accept()[0])
    good.settimeout(PATIENCE)
    pool = kit.enter(ThreadPoolExecutor(1))
    echoing = pool.submit(lambda: good.sendall(good.recv(10)))
    client = kit.enter(kit.client().wrap_socket(raw, server_hostname=HOST))
    client.sendall(b"ping")
    equal(client.recv(10), b"ping", "what a good client gets afterwards")
    echoing.result(PATIENCE)
