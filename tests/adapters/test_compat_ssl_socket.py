"""`SSLSocket` on every backend: a stream socket with the manners of theirs."""

from __future__ import annotations

import gc
import os
import select
import socket
import ssl
import tempfile
import threading
import weakref
from typing import Any

import pytest
from _compat import NAME, SECONDS, client_context, echo, files, pair, server_context, serving

import unitls
import unitls.compat.ssl as face
from unitls import AlertDescription, Feature
from unitls.testing import load_identities, load_zoo

SHOWN = [case for case in load_zoo() if case.role == "server" and not case.crls_pem]


def has(backend: unitls.Backend, feature: Feature) -> bool:
    return backend.capabilities.supports(feature)


def test_a_connection_from_beginning_to_end(backend: unitls.Backend) -> None:
    with serving(echo(server_context(backend))) as address:
        raw = socket.create_connection(address, SECONDS)
        connection = client_context(backend).wrap_socket(raw, server_hostname=NAME)
        assert raw.fileno() == -1, "taken over, as theirs is"
        assert isinstance(connection, ssl.SSLSocket)
        assert isinstance(connection, socket.socket)
        with connection:
            assert connection.gettimeout() == SECONDS == connection.timeout
            assert connection.getpeername() == address
            assert connection.server_hostname == NAME
            assert connection.server_side is False
            connection.sendall(b"some data")
            assert connection.recv(100) == b"SOME DATA"
            assert connection.write(b"more") == 4
            assert connection.read(2) == b"MO"
            assert connection.pending() == 2
            buffer = bytearray(10)
            assert connection.recv_into(buffer) == 2
            assert buffer[:2] == b"RE"
            connection.shutdown(socket.SHUT_WR)
            assert connection.recv(10) == b""
        assert connection.fileno() == -1
        with pytest.raises(OSError, match=r"closed|descriptor"):
            connection.recv(1)


def test_what_was_negotiated(backend: unitls.Backend) -> None:
    server, client = server_context(backend), client_context(backend)
    server.set_alpn_protocols(["h2", "http/1.1"])
    client.set_alpn_protocols(["spdy/1", "http/1.1"])
    with pair(server, client) as (near, far):
        near.sendall(b"x")
        far.recv(1)
        far.sendall(b"x")
        near.recv(1)
        for side in (near, far):
            assert side.selected_alpn_protocol() == "http/1.1"
            assert side.version() in ("TLSv1.2", "TLSv1.3")
            name, version, bits = side.cipher()
            assert bits in (128, 256)
            assert name in {item["name"] for item in (client if side is near else server).get_ciphers()}
            assert version in ("TLSv1.2", "TLSv1.3")
            assert side.compression() is None
        assert near.cipher() == far.cipher()
        assert near.shared_ciphers() is None
        assert near.cipher() in (far.shared_ciphers() or [])
        assert near.get_channel_binding("tls-exporter") if has(backend, Feature.TLS_EXPORTER_BINDING) else True
        with pytest.raises(ValueError, match="not implemented"):
            near.get_channel_binding("something")
        assert client.session_stats()["connect_good"] == server.session_stats()["accept_good"] == 1


def test_the_peer_s_certificate(backend: unitls.Backend) -> None:
    with pair(server_context(backend), client_context(backend)) as (near, far):
        shown: Any = near.getpeercert()
        assert ("DNS", NAME) in shown["subjectAltName"]
        assert near.getpeercert(True) == load_identities().server.chain[0]
        assert far.getpeercert() is None
        if has(backend, Feature.PEER_CHAIN):
            assert near.get_unverified_chain()[0] == near.getpeercert(True)
        if has(backend, Feature.VERIFIED_CHAIN):
            assert near.get_verified_chain()[-1] == load_identities().authority.certificate_der


def test_without_verification_the_certificate_is_not_shown(backend: unitls.Backend) -> None:
    client = face.SSLContext(face.PROTOCOL_TLS_CLIENT, backend=backend)
    client.check_hostname = False
    client.verify_mode = face.CERT_NONE
    with pair(server_context(backend), client, "anything.test") as (near, _):
        assert near.getpeercert() == {}
        assert near.getpeercert(True)


@pytest.mark.parametrize("case", SHOWN, ids=lambda case: case.name)
def test_the_zoo(backend: unitls.Backend, case: Any, tmp_path: Any) -> None:
    if backend.capabilities.supports(Feature.SERVER) and case.failures:
        expect_refusal(backend, case, tmp_path)
    else:
        expect_good(backend, case, tmp_path)


def zoo_contexts(backend: unitls.Backend, case: Any, folder: Any) -> tuple[Any, Any]:
    """A server that shows the certificate of the case, by Python's own module, and a client that trusts its authority."""
    chain = folder / "chain.pem"
    chain.write_bytes(b"".join(ssl.DER_cert_to_PEM_cert(der).encode() for der in case.server_chain) + case.key_pem)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.set_ciphers("ALL:@SECLEVEL=0")
    server.load_cert_chain(chain)
    client = face.SSLContext(face.PROTOCOL_TLS_CLIENT, backend=backend)
    client.verify_flags |= face.VERIFY_X509_PARTIAL_CHAIN
    client.load_verify_locations(cadata=case.trust_pem.decode())
    return server, client


def expect_refusal(backend: unitls.Backend, case: Any, folder: Any) -> None:
    try:
        server, client = zoo_contexts(backend, case, folder)
    except ssl.SSLError as error:
        pytest.skip(f"Python's own module cannot show it: {error}")
    with (
        pytest.raises(ssl.SSLCertVerificationError) as caught,
        pair(server, client, case.server_hostname),
    ):
        pass
    error: Any = caught.value
    assert isinstance(error, unitls.CertificateVerificationError)
    assert error.failure.name in case.failures
    assert (error.errno, error.reason, error.library) == (1, "CERTIFICATE_VERIFY_FAILED", "SSL")
    assert error.strerror == f"[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: {error.verify_message}"
    assert error.verify_code > 0
    if error.failure is unitls.VerifyFailure.EXPIRED:
        assert (error.verify_code, error.verify_message) == (10, "certificate has expired")
    if error.failure is unitls.VerifyFailure.NAME_MISMATCH:
        assert error.verify_code in (62, 64)


class Ours:
    """A context of unitls for `pair`."""

    def __init__(self, context: Any) -> None:
        self.context = context

    def wrap_socket(self, raw: socket.socket, server_hostname: str) -> Any:
        return self.context.wrap_socket(raw, server_hostname=server_hostname)


def expect_good(backend: unitls.Backend, case: Any, folder: Any) -> None:
    server, client = zoo_contexts(backend, case, folder)
    refusal: Any = None
    try:
        with pair(server, client, case.server_hostname) as (near, _):
            assert near.getpeercert()
    except face.SSLCertVerificationError as error:
        refusal = error
    if refusal is not None:  # a library that is stricter (expectations.toml) is so without the face
        trust = unitls.TrustStore.from_buffer(case.trust_pem)
        plain = Ours(backend.client_context(unitls.TLSClientConfiguration(trust_store=trust)))
        with pytest.raises(unitls.CertificateVerificationError) as caught, pair(server, plain, case.server_hostname):
            pass
        assert caught.value.failure is refusal.failure


def test_the_name_is_not_checked_where_that_was_asked_for(backend: unitls.Backend) -> None:
    client = client_context(backend)
    client.check_hostname = False
    with pair(server_context(backend), client, "another.test") as (near, _):
        assert near.getpeercert()
    with (
        pytest.raises(ssl.SSLCertVerificationError),
        pair(server_context(backend), client_context(backend, trusting=False)),
    ):
        pass


def test_a_context_that_trusts_nobody_accepts_nobody(backend: unitls.Backend) -> None:
    client = face.SSLContext(face.PROTOCOL_TLS_CLIENT, backend=backend)
    with pytest.raises(ssl.SSLCertVerificationError) as caught, pair(server_context(backend), client):
        pass
    assert caught.value.verify_code == 20


def test_names_are_needed_and_checked(backend: unitls.Backend) -> None:
    client = client_context(backend)
    for name, words in ((None, "requires server_hostname"), ("", "requires"), (".a.test", "leading dot")):
        near, far = socket.socketpair()
        with far, pytest.raises(ValueError, match=words):
            client.wrap_socket(near, server_hostname=name)
        near.close()
    near, far = socket.socketpair()
    with near, far, pytest.raises(ValueError, match="client mode"):
        server_context(backend).wrap_socket(near, server_side=True, server_hostname=NAME)


@pytest.mark.parametrize("mode", ["CERT_OPTIONAL", "CERT_REQUIRED"])
def test_a_client_shows_its_certificate(backend: unitls.Backend, mode: str) -> None:
    server, client = server_context(backend), client_context(backend)
    server.verify_mode = getattr(face, mode)
    server.load_verify_locations(files().ca)
    client.load_cert_chain(files().client_chain, files().client_key)
    with pair(server, client) as (near, far):
        shown: Any = far.getpeercert()
        assert ("DNS", "client.test") in shown["subjectAltName"]
        far.sendall(b"x")
        assert near.recv(1) == b"x"
    anonymous = client_context(backend)
    if mode == "CERT_OPTIONAL":
        with pair(server, anonymous) as (_, far):
            assert far.getpeercert() is None
    else:
        with pytest.raises((ssl.SSLError, OSError)), pair(server, anonymous) as (near, far):
            near.recv(1)


# ---------------------------------------------------------------------------------------------- SNI


def test_the_server_name_callback_gets_what_theirs_does(backend: unitls.Backend) -> None:
    server, seen = server_context(backend), []
    server.sni_callback = lambda *arguments: seen.append(arguments)
    with pair(server, client_context(backend)) as (_, far):
        (arguments,) = seen
        assert arguments == (far, NAME, server)
    quiet = client_context(backend)
    quiet.check_hostname = False
    with pair(server, quiet, None):  # type: ignore[arg-type]
        assert seen[1][1] is None
    server.set_servername_callback(lambda connection, name, context: seen.append(name))
    with pair(server, client_context(backend)):
        assert seen[2] == NAME
    server.sni_callback = None
    with pair(server, client_context(backend)):
        assert len(seen) == 3


def test_the_server_name_callback_can_change_the_context(backend: unitls.Backend) -> None:
    server, other = server_context(backend), server_context(backend, other=True)

    def choose(connection: Any, name: str | None, context: Any) -> None:
        if name == "other.test":
            connection.context = other

    server.sni_callback = choose
    with pair(server, client_context(backend), "other.test") as (near, far):
        assert far.context is other
        assert ("DNS", "other.test") in near.getpeercert()["subjectAltName"]
    with pair(server, client_context(backend)) as (near, far):
        assert far.context is server
        with pytest.raises(ssl.SSLError, match="callback only"):
            far.context = other


@pytest.mark.parametrize("answer", [face.ALERT_DESCRIPTION_HANDSHAKE_FAILURE, "nonsense", ZeroDivisionError])
def test_the_server_name_callback_can_end_the_handshake(backend: unitls.Backend, answer: Any) -> None:
    server = server_context(backend)

    def refuse(*_: Any) -> Any:
        if isinstance(answer, type):
            raise answer
        return answer

    server.sni_callback = refuse
    with pytest.raises(ssl.SSLError) as caught, pair(server, client_context(backend)):
        pass
    assert isinstance(caught.value, unitls.PeerAlert)
    assert caught.value.alert == (answer if isinstance(answer, int) else AlertDescription.INTERNAL_ERROR)
    assert caught.value.library == "SSL"
    assert "ALERT" in str(caught.value.reason) or "UNRECOGNIZED" in str(caught.value.reason)


# ---------------------------------------------------------------------------------------------- ends


class RawServer:
    """A server's connection, and the plain socket under it."""

    def __init__(self, backend: unitls.Backend, client: face.SSLContext, **options: Any) -> None:
        self.near, self.far = socket.socketpair()
        self.keep = self.far.dup()
        for item in (self.near, self.far, self.keep):
            item.settimeout(SECONDS)
        held: list[Any] = []
        server = server_context(backend)
        thread = threading.Thread(
            target=lambda: held.append(server.wrap_socket(self.far, server_side=True)), daemon=True
        )
        thread.start()
        self.client: Any = client.wrap_socket(self.near, server_hostname=NAME, **options)
        thread.join(SECONDS)
        self.server: Any = held[0]

    def cut(self) -> None:
        """End the transport without close_notify."""
        self.keep.shutdown(socket.SHUT_RDWR)
        os.close(self.server.detach())
        self.keep.close()


def test_an_end_without_close_notify_is_suppressed_by_default(backend: unitls.Backend) -> None:
    ends = RawServer(backend, client_context(backend))
    with ends.client:
        ends.server.sendall(b"data")
        assert ends.client.recv(10) == b"data"
        ends.cut()
        assert ends.client.recv(10) == b""
        assert ends.client.recv_into(bytearray(5)) == 0
        assert ends.client.suppress_ragged_eofs is True


def test_an_end_without_close_notify_can_be_seen(backend: unitls.Backend) -> None:
    ends = RawServer(backend, client_context(backend), suppress_ragged_eofs=False)
    with ends.client:
        ends.cut()
        with pytest.raises(ssl.SSLEOFError) as caught:
            ends.client.recv(10)
    error = caught.value
    assert isinstance(error, unitls.RaggedEOF)
    assert error.errno == ssl.SSL_ERROR_EOF
    assert (error.reason, error.library) == ("UNEXPECTED_EOF_WHILE_READING", "SSL")
    assert error.strerror.startswith("[SSL: UNEXPECTED_EOF_WHILE_READING] EOF occurred in violation of protocol")


def test_unwrap_gives_a_plain_socket(backend: unitls.Backend) -> None:
    with pair(server_context(backend), client_context(backend)) as (near, far):
        near.sendall(b"secret")
        assert far.recv(10) == b"secret"

        def unwrap() -> None:
            plain = far.unwrap()
            plain.sendall(b"in the clear")
            assert plain.recv(10) == b"answer"

        thread = threading.Thread(target=unwrap, daemon=True)
        thread.start()
        plain = near.unwrap()
        assert plain is near
        got = b""
        while len(got) < 12:
            got += plain.recv(5)
        assert got == b"in the clear"
        plain.sendall(b"answer")
        thread.join(SECONDS)
        assert near.version() is None
        assert near.cipher() is None
        for call in (near.unwrap, near.read, lambda: near.write(b"x")):
            with pytest.raises(ValueError, match=r"unwrapped|No SSL"):
                call()


def say_close_and(peer: Any, data: bytes) -> None:
    """Send close_notify and what follows it in the clear at once, so that both can be read at once."""
    buffer = peer._buffer()
    buffer.shutdown()
    peer._plain.sendall(buffer.take() + data)


def test_tls_may_begin_again_right_behind_its_end(backend: unitls.Backend) -> None:
    server, hello = server_context(backend), face.MemoryBIO()
    second = client_context(backend).wrap_bio(face.MemoryBIO(), hello, server_hostname=NAME)
    with pytest.raises(ssl.SSLWantReadError):
        second.do_handshake()
    with pair(server, client_context(backend)) as (near, far):
        say_close_and(near, hello.read())
        with server.wrap_socket(far.unwrap(), server_side=True, do_handshake_on_connect=False) as again:
            again.setblocking(False)
            with pytest.raises(ssl.SSLWantReadError):
                again.do_handshake()
            assert near.unwrap().recv(1) == b"\x16", "the hello was whole, and was answered"


def test_what_follows_the_end_of_tls_is_no_beginning_for_a_client(backend: unitls.Backend) -> None:
    with pair(server_context(backend), client_context(backend)) as (near, far):
        say_close_and(far, b"injected")
        with pytest.raises(ssl.SSLError, match="injected"):
            client_context(backend).wrap_socket(near.unwrap(), server_hostname=NAME)


@pytest.mark.parametrize("failing", [False, True])
def test_unwrap_needs_a_handshake(backend: unitls.Backend, failing: bool) -> None:
    """What a program sends behind it would go out in the clear, to a peer of which nothing is known."""
    near, far = socket.socketpair()
    with far:
        connection = client_context(backend).wrap_socket(near, server_hostname=NAME, do_handshake_on_connect=False)
        with connection:
            connection.settimeout(SECONDS)
            if failing:
                far.shutdown(socket.SHUT_WR)
                with pytest.raises(ssl.SSLError):
                    connection.do_handshake()
            with pytest.raises(ssl.SSLError, match="SHUTDOWN_WHILE_IN_INIT"):
                connection.unwrap()
            connection.setblocking(False)
            with pytest.raises(ssl.SSLError):
                connection.send(b"secret")
        received = b"".join(iter(lambda: far.recv(65536), b""))
        assert b"secret" not in received


def test_the_certificate_of_a_peer_that_has_gone(backend: unitls.Backend) -> None:
    server = server_context(backend)

    def reset(raw: socket.socket) -> None:
        connection = server.wrap_socket(raw, server_side=True)
        assert connection.recv(10) == b"done"
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        os.close(connection.detach())  # a reset: the socket of the other end is no longer connected

    with serving(reset) as address:
        raw = socket.create_connection(address, SECONDS)
        with client_context(backend).wrap_socket(raw, server_hostname=NAME) as connection:
            connection.sendall(b"done")
            with pytest.raises(ConnectionError):
                connection.recv(10)
            with pytest.raises(OSError, match="not connected"):
                connection.getpeername()
            assert connection.getpeercert()["subjectAltName"]


def test_a_server_has_no_name_to_check(backend: unitls.Backend) -> None:
    with pytest.warns(DeprecationWarning, match="PROTOCOL_TLS"):
        context = face.SSLContext(face.PROTOCOL_TLS, backend=backend)
    context.load_cert_chain(files().chain, files().key)
    context.check_hostname = True
    with socket.socket() as raw, pytest.raises(ValueError, match="requires server_hostname"):
        context.wrap_socket(raw, server_side=True)


@pytest.mark.parametrize(
    ("data", "reason"), [(b"GET / HTTP/1.1\r\n\r\n", "HTTP_REQUEST"), (b"220 hello\r\n", "WRONG_VERSION_NUMBER")]
)
def test_a_peer_without_tls_is_told_by_the_reason(backend: unitls.Backend, data: bytes, reason: str) -> None:
    """Servers answer in plain HTTP where they see it; some look for the name, others for the words."""
    near, far = socket.socketpair()
    with far:
        far.sendall(data)
        with pytest.raises(ssl.SSLError, match=reason) as caught:
            server_context(backend).wrap_socket(near, server_side=True)
        assert caught.value.reason == reason
        assert reason.lower().replace("_", " ") in caught.value.args[1]


def test_nothing_is_sent_or_read_in_the_clear_before_tls(backend: unitls.Backend) -> None:
    near = client_context(backend).wrap_socket(socket.socket(), server_hostname=NAME)
    with near:
        for call in (lambda: near.recv(1), lambda: near.send(b"x"), lambda: near.sendall(b"x"), near.do_handshake):
            with pytest.raises(OSError, match="not connected"):
                call()
        with pytest.raises(OSError, match="not connected"):
            near.getpeercert()


def test_stray_data_of_a_peer_that_has_gone_is_refused(backend: unitls.Backend) -> None:
    """CVE-2023-40217."""
    listener = socket.create_server(("127.0.0.1", 0))
    near = socket.create_connection(listener.getsockname(), SECONDS)
    far, _ = listener.accept()
    far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    far.sendall(b"plain text")
    select.select([near], [], [], SECONDS)
    far.close()  # with a reset: the socket is no longer connected
    listener.close()
    with pytest.raises((ssl.SSLError, OSError)):
        client_context(backend).wrap_socket(near, server_hostname=NAME).recv(10)
    near.close()


def test_data_before_the_handshake_is_refused(backend: unitls.Backend) -> None:
    near, far = socket.socketpair()
    with far:
        far.sendall(b"injected")
        with pytest.raises(ssl.SSLError, match="injected") as caught:
            client_context(backend).wrap_socket(near, server_hostname=NAME)
        assert caught.value.reason == "WRONG_VERSION_NUMBER", "what OpenSSL takes it for"


# ---------------------------------------------------------------------------------------------- modes


def send_until_full(connection: Any) -> None:
    while True:
        connection.send(bytes(65536))


def test_a_socket_that_does_not_block(backend: unitls.Backend) -> None:
    near, far = socket.socketpair()
    near.setblocking(False)
    far.setblocking(False)
    client = client_context(backend).wrap_socket(near, server_hostname=NAME, do_handshake_on_connect=False)
    server = server_context(backend).wrap_socket(far, server_side=True, do_handshake_on_connect=False)
    with client, server:
        waiting = [client, server]
        while waiting:
            side = waiting.pop(0)
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                waiting.append(side)
        with pytest.raises(ssl.SSLWantReadError) as read:
            server.recv(1)
        assert read.value.errno == ssl.SSL_ERROR_WANT_READ
        assert client.send(b"data") == 4
        select.select([server], [], [], SECONDS)
        assert server.recv(10) == b"data"
        with pytest.raises(ssl.SSLWantWriteError) as write:
            send_until_full(client)
        assert write.value.errno == ssl.SSL_ERROR_WANT_WRITE
    near, far = socket.socketpair()
    near.setblocking(False)
    with far, pytest.raises(ValueError, match="non-blocking"):
        client_context(backend).wrap_socket(near, server_hostname=NAME)


def test_the_handshake_may_wait_for_the_first_use(backend: unitls.Backend) -> None:
    near, far = socket.socketpair()
    near.settimeout(SECONDS)
    far.settimeout(SECONDS)
    client = client_context(backend).wrap_socket(near, server_hostname=NAME, do_handshake_on_connect=False)
    server = server_context(backend).wrap_socket(far, server_side=True, do_handshake_on_connect=False)
    with client, server:
        assert client.version() is None
        with pytest.raises(ValueError, match="handshake not done"):
            client.getpeercert()
        thread = threading.Thread(target=lambda: server.sendall(server.recv(10)), daemon=True)
        thread.start()
        client.sendall(b"data")
        assert client.recv(10) == b"data"
        thread.join(SECONDS)


def test_timeouts_are_timeouts(backend: unitls.Backend) -> None:
    with pair(server_context(backend), client_context(backend)) as (near, _):
        near.settimeout(0.05)
        with pytest.raises(TimeoutError, match="timed out"):
            near.recv(1)
        near.settimeout(SECONDS)
    near, far = socket.socketpair()
    near.settimeout(0.05)
    with far, pytest.raises(TimeoutError, match="timed out"):
        client_context(backend).wrap_socket(near, server_hostname=NAME)


def test_connect_and_accept_on_wrapped_sockets(backend: unitls.Backend) -> None:
    listener = server_context(backend).wrap_socket(socket.create_server(("127.0.0.1", 0)), server_side=True)
    with listener:
        got: list[Any] = []

        def accept() -> None:
            connection, address = listener.accept()
            with connection:
                got.append((connection.recv(10), address, connection.server_side))

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        client = client_context(backend).wrap_socket(socket.socket(), server_hostname=NAME)
        client.settimeout(SECONDS)
        with client:
            client.connect(listener.getsockname())
            with pytest.raises(ValueError, match="already-connected"):
                client.connect(listener.getsockname())
            client.sendall(b"hello")
            thread.join(SECONDS)
            assert got == [(b"hello", client.getsockname(), True)]
        with pytest.raises(ValueError, match="server-side"):
            listener.connect(("127.0.0.1", 1))


def test_connect_ex_gives_a_number(backend: unitls.Backend) -> None:
    with (
        socket.socket() as silent,  # it has the port, and does not listen
        client_context(backend).wrap_socket(socket.socket(), server_hostname=NAME) as client,
    ):
        silent.bind(("127.0.0.1", 0))
        assert client.connect_ex(silent.getsockname()) > 0
    with (
        serving(echo(server_context(backend))) as address,
        client_context(backend).wrap_socket(socket.socket(), server_hostname=NAME) as client,
    ):
        assert client.connect_ex(address) == 0
        assert client.version() is not None


# ---------------------------------------------------------------------------------------------- files and refusals


def test_files_read_and_write_plaintext(backend: unitls.Backend) -> None:
    with serving(echo(server_context(backend))) as address:
        raw = socket.create_connection(address, SECONDS)
        connection = client_context(backend).wrap_socket(raw, server_hostname=NAME)
        with connection.makefile("rwb") as file:
            file.write(b"one line\n")
            file.flush()
            connection.close()
            assert file.readline() == b"ONE LINE\n", "the file keeps the socket open"
        assert connection.fileno() == -1


def test_sendfile(backend: unitls.Backend) -> None:
    with serving(echo(server_context(backend))) as address, tempfile.TemporaryFile() as file:
        file.write(b"0123456789")
        raw = socket.create_connection(address, SECONDS)
        with client_context(backend).wrap_socket(raw, server_hostname=NAME) as connection:
            assert connection.sendfile(file, 2, 5) == 5
            assert connection.recv(10) == b"23456"
            with open(files().ca) as text, pytest.raises(ValueError, match="binary"):
                connection.sendfile(text)  # type: ignore[arg-type]


def test_what_makes_no_sense_over_tls_is_refused(backend: unitls.Backend) -> None:
    with pair(server_context(backend), client_context(backend)) as (near, _):
        for name, arguments in (("recvfrom", ()), ("recvfrom_into", (bytearray(1),)), ("sendto", (b"x", ("a", 1)))):
            with pytest.raises(ValueError, match="not allowed"):
                getattr(near, name)(*arguments)
        for name in ("recvmsg", "recvmsg_into", "sendmsg", "dup"):
            with pytest.raises(NotImplementedError):
                getattr(near, name)()
        for name, argument in (("recv", 1), ("recv_into", bytearray(1)), ("send", b"x"), ("sendall", b"x")):
            with pytest.raises(ValueError, match="flags"):
                getattr(near, name)(argument, flags=1)
        with pytest.raises(TypeError):
            near.__getstate__()
        with pytest.raises(OSError, match="descriptor"):
            socket.socket.recv(near, 1)  # what is inherited from C has no descriptor
    with pytest.raises(TypeError, match="public constructor"):
        face.SSLSocket()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams, pytest.raises(NotImplementedError):
        client_context(backend).wrap_socket(datagrams, server_hostname=NAME)


def test_tls_in_tls(backend: unitls.Backend) -> None:
    """What theirs cannot do: a socket of the face is wrapped once more, and both layers are there."""
    inner = server_context(backend, other=True)

    def tunnel(raw: socket.socket) -> None:
        with server_context(backend).wrap_socket(raw, server_side=True) as outer:
            echo(inner)(outer)

    with serving(tunnel) as address:
        raw = socket.create_connection(address, SECONDS)
        outer = client_context(backend).wrap_socket(raw, server_hostname=NAME)
        with client_context(backend).wrap_socket(outer, server_hostname="other.test") as connection:
            connection.sendall(b"twice wrapped")
            assert connection.recv(100) == b"TWICE WRAPPED"
            assert ("DNS", "other.test") in connection.getpeercert()["subjectAltName"]
            assert outer.fileno() == -1


# ---------------------------------------------------------------------------------------------- sessions


def test_a_session_is_resumed_where_it_is_given(backend: unitls.Backend) -> None:
    if not (has(backend, Feature.SESSION_RESUMPTION) and has(backend, Feature.RESUMPTION_INFORMATION)):
        pytest.skip(backend.capabilities.reason(Feature.SESSION_RESUMPTION) or "it does not tell")
    client = client_context(backend)
    with serving(echo(server_context(backend))) as address:

        def connect(context: face.SSLContext = client, **options: Any) -> Any:
            raw = socket.create_connection(address, SECONDS)
            connection = context.wrap_socket(raw, server_hostname=NAME, **options)
            connection.sendall(b"x")
            connection.recv(1)
            return connection

        with connect() as first:
            session = first.session
            assert first.session_reused is False
            assert isinstance(session, face.SSLSession)
            assert session.timeout > 0
            assert session.has_ticket in (True, False)
            assert session.time > 0
            assert isinstance(session.id, bytes)
        with connect() as plain:
            assert plain.session_reused is False, "none is offered unless it is asked for"
        with connect(session=session) as again:
            assert again.session_reused is True
            assert client.session_stats()["hits"] == 1
        stranger = client_context(backend)
        near, far = socket.socketpair()
        with near, far:
            with pytest.raises(ValueError, match="different SSLContext"):
                stranger.wrap_socket(near, server_hostname=NAME, session=session)
            with pytest.raises(TypeError):
                client.wrap_socket(near, server_hostname=NAME, session=5)


def test_the_session_of_a_handshake_is_there_at_once(backend: unitls.Backend) -> None:
    if not has(backend, Feature.SESSION_RESUMPTION):
        pytest.skip(backend.capabilities.reason(Feature.SESSION_RESUMPTION) or "")
    client = client_context(backend)
    client.maximum_version = face.TLSVersion.TLSv1_2
    with pair(server_context(backend), client) as (near, _far):
        assert isinstance(near.session, face.SSLSession)


@pytest.mark.parametrize("version", [face.TLSVersion.TLSv1_2, face.TLSVersion.TLSv1_3])
def test_no_ticket_is_given_where_that_was_asked_for(backend: unitls.Backend, version: face.TLSVersion) -> None:
    """Whoever has the key of the tickets can read what was sent, also later: OP_NO_TICKET is not to be passed over."""
    server, client = server_context(backend), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.load_verify_locations(files().ca)
    if unitls.TLSVersion(int(version)) not in backend.capabilities.versions:
        pytest.skip(f"no {version.name}")
    server.options |= face.OP_NO_TICKET
    server.minimum_version = client.minimum_version = client.maximum_version = version
    refusal: unitls.UnsupportedFeature | None = None
    try:
        server.wrap_bio(face.MemoryBIO(), face.MemoryBIO(), server_side=True)
    except unitls.UnsupportedFeature as error:
        refusal = error
    if refusal is not None:
        assert refusal.feature is Feature.TICKET_COUNT, "where the library cannot be told, the option is refused"
        return
    with pair(server, client) as (near, far):
        far.sendall(b"x")
        assert near.recv(1) == b"x"
        assert near.session is None or not near.session.has_ticket


def test_a_session_is_offered_under_its_own_name_only(backend: unitls.Backend) -> None:
    if not (has(backend, Feature.SESSION_RESUMPTION) and has(backend, Feature.RESUMPTION_INFORMATION)):
        pytest.skip(backend.capabilities.reason(Feature.SESSION_RESUMPTION) or "it does not tell")
    client = client_context(backend)
    with serving(echo(server_context(backend))) as address:
        session = None
        for name in (NAME, "localhost"):
            raw = socket.create_connection(address, SECONDS)
            with client.wrap_socket(raw, server_hostname=name, session=session) as connection:
                connection.sendall(b"x")
                connection.recv(1)
                assert connection.session_reused is False
                session = connection.session
        assert session is not None


# ---------------------------------------------------------------------------------------------- memory


def test_nothing_is_left_behind(backend: unitls.Backend) -> None:
    client, server = client_context(backend), server_context(backend)
    server.sni_callback = lambda *_: None
    gone = []
    for _ in range(2):
        with pair(server, client) as (near, far):
            gone += [weakref.ref(near), weakref.ref(far), weakref.ref(near._tls), weakref.ref(far._tls)]
        del near, far
    gc.collect()
    assert [item for item in gone if item() is not None] == []
