"""The face of PEP 543: each name of the text, and handshakes, names, certificates, errors and ends on every backend."""

from __future__ import annotations

import gc
import inspect
import socket
import weakref
from typing import Any

import pytest
from _compat import BLOCKER, run_python
from _pep_faces import SECONDS, carry, check_faces, check_shape, first_read, in_thread, shake, socket_pair, stranger_pem
from _pep_names import PEP543, PEP543_ERRORS, PEP543_OTHERS, PEP543_SUITES, PEP543_VERSIONS, suites

import unitls
import unitls.compat.pep543 as face
from unitls.compat._wire import INCOMING_LIMIT
from unitls.testing import Issued, load_identities

NAME = "server.test"


@pytest.fixture
def tls(backend: unitls.Backend) -> face.Backend:
    """The text's backend object, of each backend that can be used here."""
    return face.get_backend(backend)


def chain(tls: face.Backend, issued: Issued | None = None) -> Any:
    issued = issued or load_identities().server
    certificates = [tls.certificate.from_buffer(der) for der in issued.chain]
    return certificates, tls.private_key.from_buffer(issued.key_pem)


def trust(pem: bytes | None = None) -> face.TrustStore:
    return face.TrustStore.from_buffer(load_identities().ca_pem if pem is None else pem)


def client(tls: face.Backend, **settings: Any) -> face.ClientContext:
    assert tls.client_context is not None
    return tls.client_context(face.TLSConfiguration(**({"trust_store": trust()} | settings)))


def server(tls: face.Backend, **settings: Any) -> face.ServerContext:
    assert tls.server_context is not None
    return tls.server_context(face.TLSConfiguration(**({"certificate_chain": chain(tls)} | settings)))


def buffers(tls: face.Backend, *, host: str | None = NAME, **settings: Any) -> tuple[Any, Any]:
    return client(tls, **settings).wrap_buffers(host), server(tls).wrap_buffers()


# ---------------------------------------------------------------------------------------------- the names


@pytest.mark.parametrize("name", PEP543)
def test_a_class_has_the_shape_of_the_text(name: str) -> None:
    check_shape(face, name, PEP543[name])


def test_the_other_names_of_the_text_are_there() -> None:
    check_faces(face, PEP543_ERRORS, suites(PEP543_SUITES))
    assert all(hasattr(face, name) for name in PEP543_OTHERS)
    assert tuple(item.name for item in face.TLSVersion) == PEP543_VERSIONS


def test_what_the_text_calls_abstract_is() -> None:
    for kind in (face.TLSWrappedBuffer, face.ClientContext, face.ServerContext):
        with pytest.raises(TypeError):
            kind()  # type: ignore[abstract, call-arg]
    assert face.TLSWrappedBuffer.__abstractmethods__ == frozenset(PEP543["TLSWrappedBuffer"])


def test_every_method_of_a_socket_is_there(tls: face.Backend) -> None:
    near, far = socket_pair()
    with far, client(tls).wrap_socket(near, NAME) as wrapped:
        names = {name for name, _ in inspect.getmembers(socket.socket) if not name.startswith("_")}
        names -= {"sendmsg_afalg", "ioctl", "share"}  # of one system each, and not of every stream socket
        assert names <= set(dir(wrapped))
        assert all(hasattr(wrapped, name) for name in names)
        assert not hasattr(wrapped, "no_such_thing")
        assert not hasattr(wrapped, "_private")


def test_a_backend_is_one_object_with_the_five_types(backend: unitls.Backend) -> None:
    tls = face.get_backend(backend)
    assert face.get_backend(backend.name) is tls
    assert issubclass(tls.client_context or object, face.ClientContext)
    assert issubclass(tls.server_context or object, face.ServerContext)
    assert (tls.certificate, tls.private_key, tls.trust_store) == (
        backend.certificate, backend.private_key, backend.trust_store,
    )  # fmt: skip
    with pytest.raises(unitls.ConfigurationError, match="there is no backend"):
        face.get_backend("no such backend")


# ---------------------------------------------------------------------------------------------- configurations


def test_a_configuration_is_immutable_comparable_and_can_be_updated() -> None:
    plain, callback = face.TLSConfiguration(), lambda wrapped, name, configuration: configuration
    assert (plain.validate_certificates, plain.certificate_chain, plain.trust_store) == (True, None, None)
    assert (plain.ciphers, plain.inner_protocols) == (face.DEFAULT_CIPHER_LIST, ())
    assert plain.lowest_supported_version is face.TLSVersion.TLSv1_2
    assert plain.highest_supported_version is face.TLSVersion.MAXIMUM_SUPPORTED
    with pytest.raises(AttributeError):
        plain.ciphers = ()  # type: ignore[misc]
    changed = plain.update(inner_protocols=[face.NextProtocol.H2], sni_callback=callback, trust_store=trust())
    assert (changed.inner_protocols, changed.sni_callback) == ((face.NextProtocol.H2,), callback)
    assert changed != plain
    assert changed.update(inner_protocols=(), sni_callback=None, trust_store=None) == plain
    assert {plain: 1, face.TLSConfiguration(): 2} == {plain: 2}
    assert plain != "a configuration"
    assert "inner_protocols=(<NextProtocol.H2" in repr(changed)


def test_a_callback_needs_no_hash() -> None:
    class Unhashable:
        __hash__ = None  # type: ignore[assignment]

        def hear(self, wrapped: Any, name: str | None, configuration: face.TLSConfiguration) -> face.TLSConfiguration:
            return configuration

    configuration = face.TLSConfiguration(sni_callback=Unhashable().hear)
    assert {configuration: 1}[configuration] == 1


def test_a_configuration_shows_no_key(tls: face.Backend) -> None:
    issued = load_identities().server
    configuration = face.TLSConfiguration(certificate_chain=chain(tls))
    assert issued.key_pem.decode().splitlines()[1] not in repr(configuration)
    assert configuration != face.TLSConfiguration(certificate_chain=chain(tls))  # a key is equal to itself alone


def test_a_context_refuses_what_it_cannot_honour(tls: face.Backend) -> None:
    with pytest.raises(face.TLSError, match="must be a TrustStore"):
        client(tls, trust_store="ca.pem")
    with pytest.raises(face.TLSError):
        client(tls, ciphers=[0xFFF0])
    assert tls.client_context is not None
    with pytest.raises(face.TLSError, match="TLSConfiguration"):
        tls.client_context(unitls.TLSClientConfiguration())  # type: ignore[arg-type]
    with pytest.raises(face.TLSError, match="server needs a certificate"):
        server(tls, certificate_chain=None).wrap_buffers()


# ---------------------------------------------------------------------------------------------- buffers


def test_buffers_talk(tls: face.Backend) -> None:
    near, far = buffers(tls, inner_protocols=[face.NextProtocol.H2])
    assert (near.cipher(), near.negotiated_protocol(), near.negotiated_tls_version) == (None, None, None)
    shake(near, far)
    assert near.cipher() == far.cipher()
    assert near.cipher() in face.DEFAULT_CIPHER_LIST
    assert near.negotiated_tls_version is far.negotiated_tls_version
    assert near.negotiated_tls_version in (face.TLSVersion.TLSv1_2, face.TLSVersion.TLSv1_3)
    assert (near.negotiated_protocol(), type(near.context).__name__) == (None, "ClientContext")
    assert near.write(b"a question") == 10
    carry(near, far)
    assert far.read(2) == b"a "
    into = bytearray(20)
    assert (far.readinto(into, 4), far.readinto(into, 20), into[:4]) == (4, 4, b"tion")
    with pytest.raises(face.WantReadError):
        far.read(1)
    far.shutdown()
    carry(far, near)
    assert (near.read(1), near.read(1), near.readinto(into, 1)) == (b"", b"", 0)


def test_protocols_are_agreed_on(tls: face.Backend) -> None:
    near = client(tls, inner_protocols=[b"own", face.NextProtocol.HTTP1]).wrap_buffers(NAME)
    far = server(tls, inner_protocols=[face.NextProtocol.HTTP1]).wrap_buffers()
    shake(near, far)
    assert near.negotiated_protocol() is far.negotiated_protocol() is face.NextProtocol.HTTP1


def test_versions_and_suites_are_those_asked_for(tls: face.Backend) -> None:
    suite = face.CipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
    near, far = buffers(tls, highest_supported_version=face.TLSVersion.TLSv1_2, ciphers=[suite])
    shake(near, far)
    assert (near.negotiated_tls_version, near.cipher(), far.cipher()) == (face.TLSVersion.TLSv1_2, suite, suite)


def test_what_is_outgoing_stays_until_it_is_consumed(tls: face.Backend) -> None:
    near, _ = buffers(tls)
    with pytest.raises(face.WantReadError):
        near.do_handshake()
    size = near.bytes_buffered()
    whole = near.peek_outgoing(size)
    assert len(whole) == size > 100
    assert near.peek_outgoing(10) == whole[:10]
    assert near.peek_outgoing(10 * size) == whole
    near.consume_outgoing(10)
    assert near.peek_outgoing(size) == whole[10:]
    for amount in (size - 9, -1):
        with pytest.raises(unitls.ConfigurationError):
            near.consume_outgoing(amount)
    with pytest.raises(unitls.ConfigurationError):
        near.peek_outgoing(-1)
    near.consume_outgoing(size - 10)
    assert (near.bytes_buffered(), near.peek_outgoing(1)) == (0, b"")


def test_too_much_is_not_stored(tls: face.Backend) -> None:
    near, far = buffers(tls)
    shake(near, far)
    written = sent = received = 0
    while sent < INCOMING_LIMIT:
        written += near.write(bytes(10000))
        if sent + near.bytes_buffered() > INCOMING_LIMIT:
            break
        sent += carry(near, far)
    with pytest.raises(face.WantReadError):
        far.receive_from_network(near.peek_outgoing(near.bytes_buffered()))
    while received < written:
        try:
            received += len(far.read(1 << 20))
        except face.WantReadError:
            carry(near, far)  # what was refused is still where it was
    assert received == written


def test_there_is_always_room_for_the_end(tls: face.Backend) -> None:
    near, far = buffers(tls)
    shake(near, far)
    written = 0
    while near.bytes_buffered() <= INCOMING_LIMIT:
        written += near.write(bytes(10000))
    carry(near, far)
    far.receive_from_network(b"")
    while written:
        written -= len(far.read(1 << 20))
    with pytest.raises(face.RaggedEOF):
        far.read(1)


@pytest.mark.parametrize("end", ["in the handshake", "later"])
def test_an_end_without_close_notify_is_ragged(tls: face.Backend, end: str) -> None:
    near, far = buffers(tls)
    if end == "later":
        shake(near, far)
        far.write(b"cut")
        carry(far, near)
        near.receive_from_network(b"")
        assert near.read(10) == b"cut"
        with pytest.raises(face.RaggedEOF):
            near.read(10)
    else:
        with pytest.raises(face.WantReadError):
            near.do_handshake()
        near.receive_from_network(b"")
        with pytest.raises(face.RaggedEOF):
            near.do_handshake()


def test_garbage_is_an_error_of_the_connection(tls: face.Backend) -> None:
    _, far = buffers(tls)
    far.receive_from_network(b"GET / HTTP/1.1\r\n\r\n")
    with pytest.raises(unitls.ProtocolViolation):
        far.do_handshake()
    assert far.bytes_buffered() > 0  # the alert


# ---------------------------------------------------------------------------------------------- certificates


@pytest.mark.parametrize(
    ("case", "failure"),
    [("stranger", unitls.VerifyFailure.UNKNOWN_ISSUER), ("other name", unitls.VerifyFailure.NAME_MISMATCH)],
)
def test_a_bad_certificate_is_refused(tls: face.Backend, case: str, failure: unitls.VerifyFailure) -> None:
    host, store = (NAME, trust(stranger_pem())) if case == "stranger" else ("other.test", trust())
    near, far = buffers(tls, host=host, trust_store=store)
    with pytest.raises(unitls.CertificateVerificationError) as caught:
        shake(near, far)
    assert caught.value.failure is failure
    carry(near, far)
    far.receive_from_network(b"")
    with pytest.raises(unitls.ConnectionFault):
        far.do_handshake()


def test_a_client_needs_a_name(tls: face.Backend) -> None:
    with pytest.raises(unitls.ConfigurationError, match="server_hostname"):
        client(tls).wrap_buffers(None)
    near, far = socket_pair()
    with near, far, pytest.raises(unitls.ConfigurationError, match="server_hostname"):
        client(tls).wrap_socket(near, None)


def test_validation_can_be_off(tls: face.Backend) -> None:
    near, far = buffers(tls, host=None, validate_certificates=False, trust_store=None)
    shake(near, far)
    assert near.cipher() is not None


@pytest.mark.parametrize("shown", [True, False])
def test_a_server_with_a_trust_store_wants_certificates(tls: face.Backend, shown: bool) -> None:
    identity = chain(tls, load_identities().client) if shown else None
    near = client(tls, certificate_chain=identity).wrap_buffers(NAME)
    far = server(tls, trust_store=trust()).wrap_buffers()
    if shown:
        shake(near, far)
        assert far.cipher() is not None
        return
    with pytest.raises(unitls.ConnectionFault):
        first_read(near, far)


def test_a_server_that_validates_nothing_asks_for_none(tls: face.Backend) -> None:
    far = server(tls, trust_store=trust(), validate_certificates=False).wrap_buffers()
    shake(client(tls).wrap_buffers(NAME), far)
    assert far.cipher() is not None


# ---------------------------------------------------------------------------------------------- server names


def test_a_callback_sees_the_connection_and_keeps_the_configuration(tls: face.Backend) -> None:
    seen: list[Any] = []

    def hear(wrapped: Any, name: str | None, configuration: face.TLSConfiguration) -> face.TLSConfiguration:
        seen.append((wrapped, name, configuration))
        return configuration

    context = server(tls, sni_callback=hear)
    far = context.wrap_buffers()
    shake(client(tls).wrap_buffers(NAME), far)
    assert seen == [(far, NAME, context.configuration)]
    assert far.context is context


def test_a_callback_replaces_the_configuration(tls: face.Backend) -> None:
    other = chain(tls, load_identities().second_server)

    def hear(wrapped: Any, name: str | None, configuration: face.TLSConfiguration) -> face.TLSConfiguration:
        return configuration.update(certificate_chain=other, inner_protocols=[b"chosen"], sni_callback=None)

    context = server(tls, sni_callback=hear)
    contexts = []
    for _ in range(2):
        near = client(tls, inner_protocols=[b"chosen"]).wrap_buffers("www.other.test")
        far = context.wrap_buffers()
        shake(near, far)
        assert near.negotiated_protocol() == b"chosen"
        assert far.context.configuration.certificate_chain[0] == tuple(other[0])
        contexts.append(far.context)
    assert contexts[0] is contexts[1] is not context  # a configuration that comes again finds its context


@pytest.mark.parametrize("answer", [None, "no", unitls.TLSServerConfiguration()])
def test_a_callback_that_gives_no_configuration_ends_the_handshake(tls: face.Backend, answer: object) -> None:
    near, far = client(tls).wrap_buffers(NAME), server(tls, sni_callback=lambda *_: answer).wrap_buffers()
    with pytest.raises(unitls.ProtocolViolation, match="instead of a TLSConfiguration"):
        shake(near, far)
    with pytest.raises(unitls.PeerAlert):
        near.do_handshake()


def test_the_error_of_a_callback_is_the_cause(tls: face.Backend) -> None:
    def hear(*_: object) -> object:
        raise LookupError("no such host")

    with pytest.raises(unitls.ProtocolViolation) as caught:
        shake(client(tls).wrap_buffers(NAME), server(tls, sni_callback=hear).wrap_buffers())
    assert isinstance(caught.value.__cause__, LookupError)


# ---------------------------------------------------------------------------------------------- sockets


def test_sockets_talk(tls: face.Backend) -> None:
    names: list[Any] = []

    def hear(wrapped: Any, name: str | None, configuration: face.TLSConfiguration) -> face.TLSConfiguration:
        names.append((type(wrapped), name))
        return configuration

    context = server(tls, sni_callback=hear)
    with context.wrap_socket(socket.create_server(("127.0.0.1", 0))) as listener:

        def serve() -> bytes:
            accepted, address = listener.accept()
            assert isinstance(accepted, face.TLSWrappedSocket)
            assert address[0] == "127.0.0.1"
            accepted.settimeout(SECONDS)
            with accepted:
                accepted.do_handshake()
                data: bytes = accepted.recv(100)
                accepted.sendall(data.upper())
                plain = accepted.unwrap()
                plain.sendall(b"in the clear")
                plain.close()
                return data

        raw = socket.create_connection(listener.getsockname(), SECONDS)
        with in_thread(serve) as outcome, client(tls).wrap_socket(raw, NAME) as wrapped:
            with pytest.raises(unitls.ConfigurationError, match="do_handshake"):
                wrapped.send(b"too early")
            wrapped.do_handshake()
            assert wrapped.cipher() in face.DEFAULT_CIPHER_LIST
            assert (wrapped.negotiated_protocol(), wrapped.context.configuration.validate_certificates) == (None, True)
            assert wrapped.negotiated_tls_version in (face.TLSVersion.TLSv1_2, face.TLSVersion.TLSv1_3)
            wrapped.sendall(b"hello")
            assert wrapped.recv(100) == b"HELLO"
            plain = wrapped.unwrap()
            rest = wrapped.trailing_data
            assert plain is raw
            while chunk := plain.recv(100):
                rest += chunk
            assert rest == b"in the clear"
            plain.close()
    assert outcome == [b"hello"]
    assert names == [(face.TLSWrappedSocket, NAME)]


def test_a_socket_refuses_a_bad_certificate(tls: face.Backend) -> None:
    near, far = socket_pair()

    def serve() -> None:
        with server(tls).wrap_socket(far) as wrapped:
            wrapped.do_handshake()

    with (
        in_thread(serve) as outcome,
        client(tls).wrap_socket(near, "other.test") as wrapped,
        pytest.raises(unitls.CertificateVerificationError),
    ):
        wrapped.do_handshake()
    assert isinstance(outcome[0], unitls.ConnectionFault)


def test_a_socket_is_made_of_a_socket_and_a_buffer(tls: face.Backend) -> None:
    near, far = socket_pair()
    with (
        in_thread(lambda: _echo(face.TLSWrappedSocket(far, server(tls).wrap_buffers()))) as outcome,
        face.TLSWrappedSocket(near, buffer := client(tls).wrap_buffers(NAME)) as wrapped,
    ):
        wrapped.do_handshake()
        wrapped.sendall(b"x")
        assert wrapped.recv(1) == b"X"
        for use in (buffer.do_handshake, buffer.cipher, buffer.bytes_buffered):
            with pytest.raises(unitls.ConfigurationError, match="belongs to a wrapped socket"):
                use()
        assert "a wrapped socket" in repr(buffer)
    assert outcome == [None]


def _echo(wrapped: Any) -> None:
    with wrapped:
        wrapped.do_handshake()
        wrapped.sendall(wrapped.recv(1).upper())
        assert wrapped.recv(1) == b""


def test_a_used_or_foreign_buffer_makes_no_socket(tls: face.Backend) -> None:
    near, far = socket_pair()
    used = client(tls).wrap_buffers(NAME)
    with pytest.raises(face.WantReadError):
        used.do_handshake()
    with near, far:
        for buffer in (used, unitls.MemoryBuffer()):
            with pytest.raises(unitls.ConfigurationError):
                face.TLSWrappedSocket(near, buffer)  # type: ignore[arg-type]


def test_the_abstract_contexts_wrap_sockets_as_the_text_has_it(tls: face.Backend) -> None:
    near, far = socket_pair()
    one = face.ClientContext.wrap_socket(client(tls), near, NAME)
    other = face.ServerContext.wrap_socket(server(tls), far)
    with in_thread(lambda: _echo(other)) as outcome, one:
        one.do_handshake()
        one.sendall(b"x")
        assert one.recv(1) == b"X"
    assert outcome == [None]


def test_a_connection_goes_with_its_last_user(tls: face.Backend) -> None:
    near, far = buffers(tls)
    shake(near, far)
    gone = [weakref.ref(near), weakref.ref(far)]
    del near, far
    gc.collect()
    assert [item() for item in gone] == [None, None]


# ---------------------------------------------------------------------------------------------- without ssl

_ALONE = """
import sys
from _pep_faces import shake
import unitls.compat.pep543 as face
import unitls.compat.pep748 as later
from unitls.testing import load_identities

ca, server, name = load_identities().ca_pem, load_identities().server, sys.argv[1]
tls = face.get_backend(name)
chain = [face.Certificate.from_buffer(der) for der in server.chain], face.PrivateKey.from_buffer(server.key_pem)
near = tls.client_context(face.TLSConfiguration(trust_store=face.TrustStore.from_buffer(ca))).wrap_buffers("server.test")
shake(near, tls.server_context(face.TLSConfiguration(certificate_chain=chain)).wrap_buffers())
tls = later.get_implementation(name)
leaf, key = later.Certificate.from_buffer(server.chain[0]), later.PrivateKey.from_buffer(server.key_pem)
settings = later.TLSClientConfiguration(trust_store=later.TrustStore.from_buffer(ca))
near = tls.client_context(settings).create_buffer("server.test")
shake(near, tls.server_context(later.TLSServerConfiguration([later.SigningChain((leaf, key))])).create_buffer())
assert "ssl" not in sys.modules
print("done", near.negotiated_tls_version.value)
"""


def test_both_faces_work_where_there_is_no_ssl(backend: unitls.Backend) -> None:
    outcome = run_python("-c", BLOCKER + _ALONE, backend.name)
    if f"the backend {backend.name!r} cannot be used here" in outcome.stderr:
        pytest.skip("this backend is the ssl module")
    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert outcome.stdout.startswith("done TLSv1.")
