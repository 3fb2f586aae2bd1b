"""The face of PEP 748: each name of the text, and handshakes, names, certificates, errors and ends on every backend."""

from __future__ import annotations

import functools
import pickle
import select
import socket
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from _pep_faces import SECONDS, carry, check_faces, check_shape, first_read, in_thread, shake, stranger_pem
from _pep_names import PEP748, PEP748_ERRORS, PEP748_INSECURE, PEP748_SUITES, PEP748_VERSIONS, suites

import unitls
import unitls.compat.pep748 as face
from unitls.compat.pep748 import insecure
from unitls.testing import Issued, load_identities

NAME = "server.test"
Implementation = face.TLSImplementation[Any, Any]


@pytest.fixture
def tls(backend: unitls.Backend) -> Implementation:
    """The text's implementation object, of each backend that can be used here."""
    return face.get_implementation(backend)


def chain(issued: Issued | None = None) -> face.SigningChain:
    issued = issued or load_identities().server
    leaf, *rest = (face.Certificate.from_buffer(der) for der in issued.chain)
    return face.SigningChain((leaf, face.PrivateKey.from_buffer(issued.key_pem)), rest)


def trust(pem: bytes | None = None) -> face.TrustStore:
    return face.TrustStore.from_buffer(load_identities().ca_pem if pem is None else pem)


def client(tls: Implementation, **settings: Any) -> face.ClientContext:
    context: face.ClientContext = tls.client_context(
        face.TLSClientConfiguration(**({"trust_store": trust()} | settings))
    )
    return context


def server(tls: Implementation, **settings: Any) -> face.ServerContext:
    settings = {"certificate_chain": [chain()]} | settings
    context: face.ServerContext = tls.server_context(face.TLSServerConfiguration(**settings))
    return context


# ---------------------------------------------------------------------------------------------- the names


@pytest.mark.parametrize("name", PEP748)
def test_a_class_has_the_shape_of_the_text(name: str) -> None:
    check_shape(face, name, PEP748[name])


@pytest.mark.parametrize("name", PEP748_INSECURE)
def test_a_class_of_insecure_has_its_shape(name: str) -> None:
    check_shape(insecure, name, PEP748_INSECURE[name])


def test_the_other_names_of_the_text_are_there() -> None:
    check_faces(face, PEP748_ERRORS, suites(PEP748_SUITES))
    assert {item.name: item.value for item in face.TLSVersion} == PEP748_VERSIONS
    assert set(suites(PEP748_SUITES)) >= {face.CipherSuite(suite).name for suite in face.DEFAULT_CIPHER_LIST}
    assert list(insecure.__all__) == sorted(insecure.__all__)
    assert issubclass(insecure.SecurityWarning, Warning)


def test_an_implementation_is_one_object(backend: unitls.Backend) -> None:
    tls = face.get_implementation(backend)
    assert face.get_implementation(backend.name) is tls
    assert face.ClientContext in tls.client_context.__mro__
    assert face.ServerContext in tls.server_context.__mro__
    with pytest.raises(unitls.ConfigurationError, match="there is no backend"):
        face.get_implementation("no such backend")


# ---------------------------------------------------------------------------------------------- values


@pytest.mark.parametrize("kind", [face.Certificate, face.PrivateKey])
def test_a_source_is_exactly_one(kind: Any) -> None:
    with pytest.raises(ValueError, match="cannot be empty"):
        kind()
    with pytest.raises(ValueError, match="one of"):
        kind(buffer=b"x", id=b"y")


def test_values_compare_by_what_they_refer_to(tmp_path: Path) -> None:
    assert face.TrustStore.system() == face.TrustStore() != face.TrustStore.from_id(b"x")
    assert face.Certificate.from_file(tmp_path) == face.Certificate.from_file(tmp_path)
    assert face.Certificate.from_buffer(b"x") != face.TrustStore.from_buffer(b"x")
    assert len({face.Certificate(id=b"x"), face.Certificate(id=b"x")}) == 1
    assert face.PrivateKey.from_buffer(b"secret") != face.PrivateKey.from_buffer(b"secret")
    assert "secret" not in repr(face.PrivateKey.from_buffer(b"secret"))
    with pytest.raises(TypeError):
        pickle.dumps(face.PrivateKey.from_buffer(b"secret"))
    for with_secret in (
        face.Certificate(buffer=load_identities().server.key_pem),
        face.Certificate(id=b"pkcs11:a=b?pin-value=1"),
    ):
        with pytest.raises(TypeError):
            pickle.dumps(with_secret)
    certificate = face.Certificate.from_buffer(load_identities().server.chain[0])
    assert pickle.loads(pickle.dumps(certificate)) == certificate
    assert chain().chain == []


def test_a_configuration_is_immutable_and_comparable() -> None:
    ours = chain()
    plain = face.TLSClientConfiguration()
    assert (plain.ciphers, plain.inner_protocols, plain.certificate_chain) == (None, (), None)
    assert (plain.lowest_supported_version, plain.highest_supported_version, plain.trust_store) == (None, None, None)
    with pytest.raises(AttributeError):
        plain.ciphers = ()  # type: ignore[misc]
    assert {plain: 1, face.TLSClientConfiguration(): 2} == {plain: 2}
    assert plain != face.TLSServerConfiguration()
    assert face.TLSServerConfiguration([ours]) == face.TLSServerConfiguration((ours,))
    assert face.TLSClientConfiguration(ciphers=[0x1301]) != plain != "a configuration"
    assert "ciphers=None" in repr(plain)


# ---------------------------------------------------------------------------------------------- validate_config


def test_what_can_be_honoured_is_valid(tls: Implementation) -> None:
    tls.validate_config(face.TLSClientConfiguration(trust_store=trust(), certificate_chain=chain()))
    tls.validate_config(face.TLSServerConfiguration(certificate_chain=[chain()], trust_store=trust()))


def _unusable(tmp_path: Path) -> Iterator[tuple[Any, type[Exception]]]:
    no, gone = unitls.ConfigurationError, face.Certificate.from_file(tmp_path / "missing.pem")
    key = face.PrivateKey.from_buffer(load_identities().server.key_pem)
    other = face.PrivateKey.from_buffer(load_identities().client.key_pem)
    leaf = face.Certificate.from_buffer(load_identities().server.chain[0])
    yield face.TLSClientConfiguration(trust_store=face.TrustStore.from_id(b"mine")), no
    yield face.TLSClientConfiguration(trust_store=trust(b"rubbish")), no
    yield face.TLSClientConfiguration(trust_store=face.TrustStore.from_file(tmp_path / "missing.pem")), OSError
    yield face.TLSClientConfiguration(certificate_chain=face.SigningChain((gone, key))), OSError
    yield face.TLSClientConfiguration(certificate_chain=face.SigningChain((leaf, other))), no
    yield face.TLSClientConfiguration(certificate_chain=face.SigningChain((leaf, face.PrivateKey.from_id(b"7")))), no
    yield face.TLSClientConfiguration(certificate_chain=face.SigningChain((leaf, None))), no
    yield face.TLSClientConfiguration(certificate_chain=face.SigningChain((key, key))), no  # type: ignore[arg-type]
    yield face.TLSClientConfiguration(certificate_chain="chain.pem"), no  # type: ignore[arg-type]
    yield face.TLSClientConfiguration(lowest_supported_version=unitls.TLSVersion.TLSv1_2), no  # type: ignore[arg-type]
    yield face.TLSServerConfiguration(ciphers=[0xFFF0]), no
    yield "a configuration", no


def test_what_cannot_be_honoured_is_not(tls: Implementation, tmp_path: Path) -> None:
    for configuration, kind in _unusable(tmp_path):
        with pytest.raises(kind):
            tls.validate_config(configuration)


def test_a_token_is_used_or_refused(backend: unitls.Backend, tls: Implementation) -> None:
    if backend.capabilities.supports(unitls.Feature.PKCS11):
        pytest.skip("this library has tokens: they are tested with a real one elsewhere")
    leaf = face.Certificate.from_buffer(load_identities().server.chain[0])
    key = face.PrivateKey.from_id(b"pkcs11:object=server")
    with pytest.raises(unitls.UnsupportedFeature):
        tls.validate_config(face.TLSClientConfiguration(certificate_chain=face.SigningChain((leaf, key))))


# ---------------------------------------------------------------------------------------------- buffers


def test_buffers_talk(tls: Implementation) -> None:
    context = client(tls, inner_protocols=[face.NextProtocol.H2, b"own"])
    near, far = context.create_buffer(NAME), server(tls, inner_protocols=[b"own"]).create_buffer()
    assert (near.cipher(), near.negotiated_tls_version, near.getpeercert()) == (None, None, None)
    shake(near, far)
    assert (near.context, near.cipher(), near.negotiated_protocol()) == (context, far.cipher(), b"own")
    assert near.negotiated_tls_version in (face.TLSVersion.TLSv1_2, face.TLSVersion.TLSv1_3)
    assert (near.getpeercert(), far.getpeercert()) == (load_identities().server.chain[0], None)
    assert near.write(b"a question") == 10
    size = near.outgoing_bytes_buffered()
    first = near.process_outgoing(10)
    assert (len(first), near.outgoing_bytes_buffered()) == (10, size - 10)
    far.process_incoming(first)
    carry(near, far)
    assert far.incoming_bytes_buffered() == size
    into = bytearray(20)
    assert (far.read(2), far.read(20, into), into[:8]) == (b"a ", 8, b"question")
    assert far.incoming_bytes_buffered() == near.outgoing_bytes_buffered() == 0
    with pytest.raises(face.WantReadError):
        far.read(1)
    far.shutdown()
    carry(far, near)
    assert (near.read(1), near.read(1), near.read(1, into)) == (b"", b"", 0)


def test_an_end_without_close_notify_is_ragged(tls: Implementation) -> None:
    near, far = client(tls).create_buffer(NAME), server(tls).create_buffer()
    shake(near, far)
    near.process_incoming(b"")
    with pytest.raises(face.RaggedEOF):
        near.read(10)


def test_versions_and_suites_are_those_asked_for(tls: Implementation) -> None:
    suite = face.CipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
    highest = face.TLSVersion.TLSv1_2
    near = client(tls, highest_supported_version=highest, ciphers=[suite]).create_buffer(NAME)
    far = server(tls, lowest_supported_version=face.TLSVersion.MINIMUM_SUPPORTED).create_buffer()
    shake(near, far)
    assert (near.negotiated_tls_version, near.cipher()) == (highest, suite)


def test_the_lowest_version_is_1_2_at_least(tls: Implementation) -> None:
    context: Any = client(tls, lowest_supported_version=face.TLSVersion.MINIMUM_SUPPORTED)
    assert context._core.configuration.lower_bound is unitls.TLSVersion.TLSv1_2


def test_the_chain_is_the_one_for_the_name(tls: Implementation) -> None:
    context = server(tls, certificate_chain=[chain(), chain(load_identities().second_server)])
    for name, issued in ((NAME, load_identities().server), ("www.other.test", load_identities().second_server)):
        near = client(tls).create_buffer(name)
        shake(near, context.create_buffer())
        assert near.getpeercert() == issued.chain[0]


def test_a_key_may_stand_beside_its_certificate(tls: Implementation, tmp_path: Path) -> None:
    issued = load_identities().server
    both = issued.key_pem + issued.certificate_pem
    path = tmp_path / "both.pem"
    path.write_bytes(both)
    for leaf in (face.Certificate.from_file(path), face.Certificate.from_buffer(both)):
        near = client(tls).create_buffer(NAME)
        shake(near, server(tls, certificate_chain=[face.SigningChain((leaf, None))]).create_buffer())
        assert near.getpeercert() == issued.chain[0]


@pytest.mark.parametrize("case", ["stranger", "other name"])
def test_a_bad_certificate_is_refused(tls: Implementation, case: str) -> None:
    store = trust(stranger_pem()) if case == "stranger" else trust()
    near = client(tls, trust_store=store).create_buffer(NAME if case == "stranger" else "other.test")
    far = server(tls).create_buffer()
    with pytest.raises(unitls.CertificateVerificationError):
        shake(near, far)
    far.process_incoming(b"")
    with pytest.raises(unitls.ConnectionFault):
        far.do_handshake()


@pytest.mark.parametrize("shown", [True, False])
def test_a_server_with_a_trust_store_wants_certificates(tls: Implementation, shown: bool) -> None:
    near = client(tls, certificate_chain=chain(load_identities().client) if shown else None).create_buffer(NAME)
    far = server(tls, trust_store=trust()).create_buffer()
    if shown:
        shake(near, far)
        assert far.getpeercert() == load_identities().client.chain[0]
        return
    with pytest.raises(unitls.ConnectionFault):
        first_read(near, far)


# ---------------------------------------------------------------------------------------------- sockets


def patiently(tls_socket: Any, call: Callable[[], Any]) -> Any:
    """Repeat a call until it does not want anything, as programs of the text do."""
    while True:
        try:
            return call()
        except face.WantReadError:
            ready = select.select([tls_socket], [], [], SECONDS)
        except face.WantWriteError:
            ready = select.select([], [tls_socket], [], SECONDS)
        assert any(ready), "nothing comes"


def echo(listener: Any) -> bytes:
    """Accept one connection, and answer in capitals until it ends."""
    accepted, _ = patiently(listener, listener.accept)
    heard = b""
    try:
        while data := patiently(accepted, lambda: accepted.recv(100)):
            heard += data
            patiently(accepted, functools.partial(accepted.send, data.upper()))
        patiently(accepted, accepted.close)
    finally:
        accepted.close(force=True)
    return heard


def test_sockets_talk(tls: Implementation) -> None:
    listener = server(tls).connect(("127.0.0.1", 0))
    listener.listen(3)
    address = ("localhost", listener.getsockname()[1])
    with pytest.raises(face.WantReadError):
        listener.accept()
    with in_thread(lambda: echo(listener)) as outcome:
        context = client(tls)
        near: Any = context.connect(address)
        assert near.cipher() is not None  # the handshake is done
        assert (near.context, near.getpeername()[1]) == (context, address[1])
        assert near.getpeercert() == load_identities().server.chain[0]
        with pytest.raises(face.WantReadError):
            near.recv(10)
        assert near.send(b"hello") == 5
        assert patiently(near, lambda: near.recv(100)) == b"HELLO"
        patiently(near, near.close)
        assert near.fileno() == -1
        near.close()
    listener.close()
    assert (outcome, listener.fileno()) == ([b"hello"], -1)


def test_a_socket_closes_without_waiting(tls: Implementation) -> None:
    listener = server(tls).connect((None, 0))
    with in_thread(lambda: echo(listener)) as outcome:
        near: Any = client(tls).connect(("127.0.0.1", listener.getsockname()[1]))
        near.send(b"x")
        assert patiently(near, lambda: near.recv(1)) == b"X"
        near.close(force=True)
        assert near.fileno() == -1
    listener.close()
    assert outcome == [b"x"]  # our close_notify was sent: for the other end it is a clean end


def test_a_socket_that_is_cut_tells(tls: Implementation) -> None:
    listener = server(tls).connect(("127.0.0.1", 0))

    def serve() -> Any:
        accepted, _ = patiently(listener, listener.accept)
        assert patiently(accepted, lambda: accepted.recv(1)) == b"x"
        descriptor = accepted._tls.detach()
        socket.close(descriptor)

    with in_thread(serve) as outcome:
        near: Any = client(tls).connect(("127.0.0.1", listener.getsockname()[1]))
        near.send(b"x")
        with pytest.raises(face.RaggedEOF):
            patiently(near, lambda: near.recv(1))
        with pytest.raises(face.RaggedEOF):
            near.close()
        assert near.fileno() == -1
    listener.close()
    assert outcome == [None]


@pytest.mark.parametrize("host", ["127.0.0.2", "127.0.0.1"])
def test_a_socket_refuses_a_bad_certificate(tls: Implementation, host: str) -> None:
    listener = server(tls).connect(("0.0.0.0", 0))
    with in_thread(lambda: echo(listener)) as outcome:
        store = trust() if host == "127.0.0.2" else trust(stranger_pem())
        with pytest.raises(unitls.CertificateVerificationError):
            client(tls, trust_store=store).connect((host, listener.getsockname()[1]))
    listener.close()
    assert isinstance(outcome[0], OSError)


def test_a_client_needs_a_host_and_sockets_are_made_by_contexts(tls: Implementation) -> None:
    context: Any = client(tls)
    with pytest.raises(face.ConfigurationError, match="needs a host"):
        context.connect((None, 1))
    with pytest.raises(face.ConfigurationError):
        context.create_buffer(None)
    listener = server(tls).connect(("127.0.0.1", 0))
    with pytest.raises(TypeError, match="made by"):
        type(listener)()
    listener.close()


# ---------------------------------------------------------------------------------------------- insecure


def loosely(**checks: bool) -> insecure.InsecureConfiguration:
    with pytest.warns(insecure.SecurityWarning, match="InsecureConfiguration"):
        return insecure.InsecureConfiguration(**checks)


def test_what_is_left_out_has_to_make_sense() -> None:
    with pytest.warns(insecure.SecurityWarning), pytest.raises(ValueError, match="without disabling"):
        insecure.InsecureConfiguration(disable_verification=True)
    checks = loosely(disable_hostname_check=True)
    assert (checks.disable_hostname_check, checks.disable_verification) == (True, False)


@pytest.mark.filterwarnings("ignore::unitls.insecure.InsecureWarning")  # core warns too
@pytest.mark.parametrize("everything", [True, False])
@pytest.mark.parametrize("trusting", [True, False])
def test_checks_are_left_out_as_far_as_asked(backend: unitls.Backend, everything: bool, trusting: bool) -> None:
    with pytest.warns(insecure.SecurityWarning, match="Implementation"):
        tls = insecure.get_implementation(backend)
    assert tls.insecure_configuration is insecure.InsecureConfiguration
    checks = loosely(disable_hostname_check=True, disable_verification=everything)
    store = trust(None if trusting else stranger_pem())
    with pytest.warns(insecure.SecurityWarning, match="client context"):
        context: Any = tls.insecure_client_context(face.TLSClientConfiguration(trust_store=store), checks)
    assert context.insecure_configuration is checks
    with pytest.warns(insecure.SecurityWarning, match="a buffer"):
        near = context.create_buffer("whoever.test")
    far = server(tls).create_buffer()
    if everything or trusting:
        shake(near, far)
        assert near.cipher() is not None
    else:
        with pytest.raises(unitls.CertificateVerificationError):
            shake(near, far)


def test_a_server_may_leave_client_certificates_out(backend: unitls.Backend) -> None:
    with pytest.warns(insecure.SecurityWarning):
        tls = insecure.get_implementation(backend)
    checks = loosely(disable_hostname_check=True, disable_verification=True)
    settings = face.TLSServerConfiguration(certificate_chain=[chain()], trust_store=trust())
    with pytest.warns(insecure.SecurityWarning):
        context: Any = tls.insecure_server_context(settings, checks)
    with pytest.warns(insecure.SecurityWarning):
        far = context.create_buffer()
    shake(client(tls).create_buffer(NAME), far)
    assert (far.getpeercert(), context.insecure_configuration) == (None, checks)


def test_insecure_sockets_talk(backend: unitls.Backend) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", insecure.SecurityWarning)
        tls = insecure.get_implementation(backend)
        checks = insecure.InsecureConfiguration(disable_hostname_check=True, disable_verification=True)
        listener: Any = tls.insecure_server_context(face.TLSServerConfiguration([chain()]), checks).connect(
            ("127.0.0.1", 0)
        )
        with in_thread(lambda: echo(listener)) as outcome:
            near: Any = tls.insecure_client_context(face.TLSClientConfiguration(), checks).connect(
                ("127.0.0.1", listener.getsockname()[1])
            )
            near.send(b"x")
            assert patiently(near, lambda: near.recv(1)) == b"X"
            near.close(force=True)
        listener.close()
    assert outcome == [b"x"]
