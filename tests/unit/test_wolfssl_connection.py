"""Connections of wolfSSL: what the conformance kit does not reach."""

from __future__ import annotations

import contextlib
import gc
import os
import threading
import weakref
from pathlib import Path
from typing import Any

import pytest
from _link import IDS, TRUST, Link, identity, step

import unitls
from unitls import Feature, TLSVersion, VerifyFailure
from unitls.core._pem import to_pem

pytest.importorskip("unitls.backends.wolfssl", reason="wolfSSL is not installed", exc_type=ImportError)
from unitls.backends.wolfssl import BACKEND
from unitls.backends.wolfssl._answer import AwaitedAnswer
from unitls.core._foreign import ForeignBuffer

BOTH = [TLSVersion.TLSv1_2, TLSVersion.TLSv1_3]
TLS12 = {"lower_bound": TLSVersion.TLSv1_2, "upper_bound": TLSVersion.TLSv1_2}


def client(**values: Any) -> unitls.ClientContext:
    return BACKEND.client_context(unitls.TLSClientConfiguration(**{"trust_store": TRUST, **values}))


def server(**values: Any) -> unitls.ServerContext:
    return BACKEND.server_context(unitls.TLSServerConfiguration(**{"identities": (identity(),), **values}))


def connected(**values: Any) -> Link:
    return Link(client(**values), server(), host="server.test").handshake()


def talk(link: Link) -> None:
    for writer, reader in ((link.client, link.server), (link.server, link.client)):
        writer.write(b"hello" * 100)
        link.move()
        assert reader.read() == b"hello" * 100


def visit(one: unitls.ClientContext, two: unitls.ServerContext) -> bool:
    link = Link(one, two, host="server.test").handshake()
    talk(link)
    link.client.shutdown()
    link.move()
    assert link.server.read() == b""
    link.server.shutdown()
    link.move()
    assert link.client.read() == b""
    return bool(link.client.session_resumed)


# ---------------------------------------------------------------------------------------------------- certificates


@pytest.mark.parametrize("version", BOTH)
def test_an_intermediate_that_was_seen_is_not_kept(version: TLSVersion) -> None:
    """The library keeps the authorities that peers send in the context that all connections share."""
    bounds = {"lower_bound": version, "upper_bound": version}
    full = identity(IDS.second_server)
    short = unitls.Identity(full.certificates[:1], full.private_key)
    one = client(**bounds)
    Link(one, server(identities=(full,)), host="other.test").handshake()
    link = Link(one, server(identities=(short,)), host="other.test")
    with pytest.raises(unitls.CertificateVerificationError) as caught:
        link.handshake()
    assert caught.value.failure is VerifyFailure.UNKNOWN_ISSUER


@pytest.mark.parametrize("version", BOTH)
def test_a_client_certificate_goes_to_nobody_who_is_not_verified(version: TLSVersion) -> None:
    bounds = {"lower_bound": version, "upper_bound": version}
    stranger = unitls.TrustStore.from_buffer(IDS.client.chain[0])
    one = client(trust_store=stranger, identities=(identity(IDS.client),), **bounds)
    two = server(client_authentication=unitls.ClientAuthentication.REQUIRED, trust_store=TRUST, **bounds)
    link = Link(one, two, host="server.test")
    assert not step(link.client)
    link.to_server()
    assert not step(link.server)
    link.to_client()
    with pytest.raises(unitls.CertificateVerificationError):
        link.client.do_handshake()
    assert len(link.to_server()) < 100, "nothing but an alert leaves"


def test_a_large_certificate_is_told_whole() -> None:
    """The chain that wolfSSL keeps with a session leaves out what has more than 2 KiB."""
    pytest.importorskip("cryptography")
    from unitls.testing._ca import CertificateAuthority

    authority = CertificateAuthority.create()
    host = "a-long-domain-name.example.test"
    issued = authority.issue(dns_names=[f"host{number}.{host}" for number in range(80)])
    assert len(issued.chain[0]) > 2048
    two = server(identities=(identity(issued),))
    trust = unitls.TrustStore.from_buffer(authority.certificate_der)
    for one in (client(trust_store=trust), client(validate_certificates=False)):
        link = Link(one, two, host=f"host7.{host}").handshake()
        assert link.client.getpeerchain() == list(issued.chain)


@pytest.mark.parametrize("version", BOTH)
def test_a_certificate_with_an_ed25519_key(version: TLSVersion) -> None:
    """For such a one wolfSSL does not hand over the chain as it does for others."""
    pytest.importorskip("cryptography")
    from unitls.testing._ca import CertificateAuthority

    bounds = {"lower_bound": version, "upper_bound": version}
    authority = CertificateAuthority.create()
    issued = authority.issue(dns_names=["server.test"], key_type="Ed25519")
    trust = unitls.TrustStore.from_buffer(authority.certificate_der)
    two = server(identities=(identity(issued),))
    link = Link(client(trust_store=trust, **bounds), two).handshake()
    assert link.client.getpeerchain() == list(issued.chain)
    with pytest.raises(unitls.CertificateVerificationError):
        Link(client(**bounds), two).handshake()


def test_a_chain_whose_first_certificate_cannot_be_told_is_refused() -> None:
    """Nothing but the certificate whose key the peer has may be judged in its place."""
    pytest.importorskip("cryptography")
    from unitls.testing._ca import CertificateAuthority

    large = CertificateAuthority.create().issue(
        dns_names=[f"host{number}.a-long-domain-name.example.test" for number in range(80)], key_type="Ed25519"
    )
    assert len(large.chain[0]) > 2048
    forged = unitls.Identity(
        [unitls.Certificate.from_buffer(der) for der in (large.chain[0], *IDS.server.chain)],
        unitls.PrivateKey.from_buffer(large.key_pem),
    )
    link = Link(client(), server(identities=(forged,)))
    with pytest.raises(unitls.CertificateVerificationError):
        link.handshake()


def test_a_key_of_the_same_kind_is_told_apart() -> None:
    chain = identity().certificates
    for other in (IDS.client, IDS.second_server):
        with pytest.raises(unitls.ConfigurationError, match="does not belong"):
            server(identities=(unitls.Identity(chain, unitls.PrivateKey.from_buffer(other.key_pem)),))


# ---------------------------------------------------------------------------------------------------- what is refused


def refused(feature: Feature, make: Any, **values: Any) -> None:
    with pytest.raises(unitls.UnsupportedFeature) as caught:
        make(**values)
    assert caught.value.feature is feature


def test_a_key_log_that_would_miss_something_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refused(Feature.KEY_LOG, client, key_log=str(tmp_path / "log"))
    refused(Feature.KEY_LOG, server, key_log=str(tmp_path / "log"))
    client(key_log=str(tmp_path / "log"), **TLS12)
    client(key_log=str(tmp_path / "log"), ciphers=[0xC02B])
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "log"))
    refused(Feature.KEY_LOG, client)
    client(key_log="")


def test_what_cannot_be_written_down_is_refused() -> None:
    from unitls.testing._features import _crls

    refused(Feature.ALPN, client, inner_protocols=[b"a,b"])
    crls = _crls(None)["crls"]  # type: ignore[arg-type]
    refused(Feature.VERIFICATION_TIME, client, crls=crls, verification_time=lambda: 1.9e9)
    with pytest.raises(unitls.ConfigurationError, match="groups"):
        client(groups=[0x0200])
    context, buffer = server(post_handshake_authentication=True), BACKEND.memory_buffer()
    with pytest.raises(unitls.ConfigurationError, match="trust store"):
        context.wrap_buffers(buffer, buffer)


def test_asking_later_needs_a_client_that_lets_itself_be_asked() -> None:
    for reads_first in (False, True):
        link = Link(client(), server(post_handshake_authentication=True, trust_store=TRUST)).handshake()
        if reads_first:  # wolfSSL remembers that it wants to read
            with pytest.raises(unitls.WantReadError):
                link.server.read()
        with pytest.raises(unitls.ConfigurationError):
            link.server.request_client_certificate()
        talk(link)


def test_a_stranger_who_is_asked_later_is_refused() -> None:
    stranger = unitls.TrustStore.from_buffer(IDS.server.chain[0])
    one = client(identities=(identity(IDS.client),), post_handshake_authentication=True)
    link = Link(one, server(post_handshake_authentication=True, trust_store=stranger)).handshake()
    link.server.request_client_certificate()
    link.move()
    with pytest.raises(unitls.WantReadError):
        link.client.read()
    link.client.write(b"secret")
    link.move()
    with pytest.raises(unitls.CertificateVerificationError) as caught:
        link.server.read()
    assert caught.value.failure is VerifyFailure.UNKNOWN_ISSUER


def test_a_client_is_asked_once() -> None:
    one = client(identities=(identity(IDS.client),), post_handshake_authentication=True)
    link = Link(one, server(post_handshake_authentication=True, trust_store=TRUST)).handshake()
    link.server.request_client_certificate()
    with pytest.raises(unitls.ConfigurationError, match="once"):
        link.server.request_client_certificate()


def test_pins_and_the_hook_count_for_who_is_asked_later() -> None:
    """Clients of wolfSSL cannot choose what they show, and so cannot show nothing first: this takes another one."""
    peer = next(
        (item.name for item in unitls.available_backends() if item.name in ("pyopenssl", "gnutls") and item.available),
        "",
    )
    if not peer:
        pytest.skip("there is no library whose clients choose their certificate")

    def refuse(path: tuple[bytes, ...]) -> None:
        raise PermissionError("not this one")

    asking: dict[str, Any] = {"client_authentication": unitls.ClientAuthentication.OPTIONAL, "trust_store": TRUST}
    for strict in ({"pins": [bytes(32)]}, {"verification_hook": refuse}, {}):
        answers = [None, identity(IDS.client)]
        configuration = unitls.TLSClientConfiguration(
            trust_store=TRUST,
            post_handshake_authentication=True,
            choose_certificate=lambda authorities, left=answers: left.pop(0),
        )
        caller = unitls.get_backend(peer).client_context(configuration)
        link = Link(caller, server(post_handshake_authentication=True, **asking, **strict)).handshake()
        link.server.request_client_certificate()
        link.move()
        with pytest.raises(unitls.WantReadError):
            link.client.read()
        link.client.write(b"secret")
        link.move()
        if not strict:
            assert link.server.read() == b"secret"
            continue
        with pytest.raises(unitls.CertificateVerificationError):
            link.server.read()
        assert link.server.getpeercert() is None


# ---------------------------------------------------------------------------------------------------- sessions


def test_a_server_that_asks_for_certificates_gives_no_tickets() -> None:
    one = client(session_cache=unitls.SessionCache(), identities=(identity(IDS.client),))
    two = server(client_authentication=unitls.ClientAuthentication.OPTIONAL, trust_store=TRUST)
    assert [visit(one, two) for _ in range(3)] == [False] * 3


def test_a_session_is_bytes_and_outlives_its_connection() -> None:
    cache = unitls.SessionCache()
    one, two = client(session_cache=cache, **TLS12), server()
    assert not visit(one, two)
    gc.collect()
    saved = next(iter(cache._entries.values()))[0].native
    assert isinstance(saved.content, bytes)
    assert saved.content.hex() not in repr(saved)
    assert visit(one, two)


def record(kind: int, content: bytes) -> bytes:
    return bytes((kind, 3, 3)) + len(content).to_bytes(2, "big") + content


def message(kind: int, size: int = 40) -> bytes:
    return bytes((kind,)) + size.to_bytes(3, "big") + bytes(size)


HELLO, CERTIFICATE, TICKET = message(2), message(11, 500), message(4)


@pytest.mark.parametrize(
    ("stream", "is_refused"),
    [
        (record(22, HELLO) + record(22, CERTIFICATE), True),
        (record(22, HELLO + CERTIFICATE), True),
        (record(22, HELLO[:9]) + record(22, HELLO[9:] + CERTIFICATE[:1]), True),
        (record(22, HELLO) + record(22, TICKET), False),
        (record(22, HELLO) + record(20, b"\1"), False),
        (record(22, HELLO) + record(23, bytes(60)), False),
        (record(21, b"\2\x28"), False),
        (record(22, b"") + record(22, HELLO) + record(20, b"\1"), False),
        (b"HTTP/1.1 400 Bad Request" + bytes(0x2F31), False),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_the_answer_to_a_ticket(stream: bytes, is_refused: bool, size: int) -> None:
    incoming, heard, taken = ForeignBuffer(), list[bytes](), bytearray()
    stream += b"what follows"
    answer = AwaitedAnswer(incoming, lambda: heard.append(bytes(taken)))
    for start in range(0, len(stream), size):
        incoming.write(stream[start : start + size])
        while answer.pending:
            taken += answer.take(50)
    assert bytes(taken) == stream
    assert heard == ([b""] if is_refused else []), "it is heard before the library sees a byte"


# ---------------------------------------------------------------------------------------------------- versions


@pytest.mark.skipif(TLSVersion.TLSv1_1 not in BACKEND.capabilities.versions, reason="this build has no TLS 1.1")
def test_tls_1_1_if_it_is_asked_for() -> None:
    bounds = {"lower_bound": TLSVersion.TLSv1_1, "upper_bound": TLSVersion.TLSv1_1}
    link = Link(client(**bounds), server(**bounds)).handshake()
    assert link.client.negotiated_tls_version is TLSVersion.TLSv1_1
    assert link.client.cipher() in link.client.context.ciphers, "what is enabled for it is listed"
    talk(link)
    with pytest.raises(unitls.ConnectionFault):
        Link(client(), server(**bounds)).handshake()


# ---------------------------------------------------------------------------------------------------- what stays behind


@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize("caches", [False, True])
def test_a_connection_goes_with_its_last_user(version: TLSVersion, caches: bool) -> None:
    bounds = {"lower_bound": version, "upper_bound": version}
    one = client(session_cache=unitls.SessionCache() if caches else None, **bounds)
    two = server(**bounds)
    gc.collect()
    gc.disable()
    try:
        for _ in range(2):
            link = Link(one, two).handshake()
            talk(link)
            alive = [weakref.ref(end._engine) for end in (link.client, link.server)]  # type: ignore[attr-defined]
            del link
            assert [ref() for ref in alive] == [None, None]
    finally:
        gc.enable()


def test_a_refused_connection_goes_too() -> None:
    stranger = client(trust_store=unitls.TrustStore.from_buffer(IDS.client.chain[0]))
    two = server()
    gc.collect()
    gc.disable()
    try:
        link = Link(stranger, two)
        engine = weakref.ref(link.client._engine)  # type: ignore[attr-defined]
        with pytest.raises(unitls.CertificateVerificationError):
            link.handshake()
        del link
        assert engine() is None
    finally:
        gc.enable()


def test_eight_threads_share_a_context() -> None:
    one, two = client(session_cache=unitls.SessionCache()), server()
    errors: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(10):
                visit(one, two)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors


def test_the_systems_anchors_are_read_once_each() -> None:
    context = BACKEND.client_context()
    link = Link(context, server(), host="server.test")
    with pytest.raises(unitls.CertificateVerificationError) as caught:
        link.handshake()
    assert caught.value.failure is VerifyFailure.UNKNOWN_ISSUER


def test_an_encrypted_key_needs_no_other_package(monkeypatch: pytest.MonkeyPatch) -> None:
    from unitls.backends.wolfssl import _identity
    from unitls.testing._zoo_files import load_key_zoo

    monkeypatch.setattr(_identity, "find_spec", lambda name: None)

    def forbidden(key: Any) -> bytes:
        raise AssertionError("decrypted elsewhere")

    monkeypatch.setattr(_identity, "plain_key", forbidden)
    for name, (content, password) in load_key_zoo().items():
        if password is None:
            continue
        chain = (IDS.rsa_server if name.startswith("rsa-") else IDS.server).chain
        given = [unitls.Certificate.from_buffer(to_pem(der, "CERTIFICATE")) for der in chain]
        server(identities=(unitls.Identity(given, unitls.PrivateKey.from_buffer(content, password)),))
        with pytest.raises(unitls.ConfigurationError):
            server(identities=(unitls.Identity(given, unitls.PrivateKey.from_buffer(content, b"wrong")),))


# ---------------------------------------------------------------------------------------------------- sessions by identifier


@pytest.fixture
def ticketless() -> Any:
    """A client of the `ssl` module that takes no tickets."""
    ssl = pytest.importorskip("ssl")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=IDS.ca_pem.decode())
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_TICKET
    return context


def shake(context: Any, two: unitls.ServerContext, session: Any) -> tuple[Any, bool]:
    """The client's session after a handshake, and whether the server says that it was resumed."""
    import ssl

    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    one = context.wrap_bio(to_client, to_server, server_hostname="server.test", session=session)
    incoming, outgoing = BACKEND.memory_buffer(), BACKEND.memory_buffer()
    wrapped = two.wrap_buffers(incoming, outgoing)
    for _ in range(6):
        for end in (one, wrapped):
            with contextlib.suppress(ssl.SSLWantReadError, unitls.WantReadError):
                end.do_handshake()
            incoming.write(to_server.read())
            to_client.write(outgoing.read())
    resumed = bool(wrapped.session_resumed)
    assert one.session_reused is resumed
    return one.session, resumed


def test_a_server_resumes_sessions_of_clients_without_tickets(ticketless: Any) -> None:
    two = server()
    session, resumed = shake(ticketless, two, None)
    assert not resumed
    assert session.id
    assert shake(ticketless, two, session)[1]
    assert not shake(ticketless, server(), session)[1], "each context has its own"


def test_a_server_that_asks_for_certificates_keeps_no_sessions(ticketless: Any) -> None:
    two = server(client_authentication=unitls.ClientAuthentication.OPTIONAL, trust_store=TRUST)
    session, _ = shake(ticketless, two, None)
    assert not shake(ticketless, two, session)[1]


def test_the_store_is_bounded_and_forgets(monkeypatch: pytest.MonkeyPatch) -> None:
    from unitls.backends.wolfssl import _store

    store = _store.SessionStore()
    for number in range(_store._ENTRIES + 5):
        store.put(number.to_bytes(4, "big"), b"session")
    assert store.get((4).to_bytes(4, "big")) is None
    assert store.get((5).to_bytes(4, "big")) == b"session"
    later = _store.time.time() + 7300
    monkeypatch.setattr(_store.time, "time", lambda: later)
    assert store.get((9).to_bytes(4, "big")) is None


def test_a_server_takes_the_highest_version_whatever_the_order() -> None:
    """A client that names TLS 1.2 first, as some do, is not told that it was downgraded."""
    link = Link(client(), server())
    assert not step(link.client)
    hello = link.client_out.read()
    assert b"\x00\x2b\x00\x05\x04\x03\x04\x03\x03" in hello
    link.server_in.write(
        hello.replace(b"\x00\x2b\x00\x05\x04\x03\x04\x03\x03", b"\x00\x2b\x00\x05\x04\x03\x03\x03\x04")
    )
    assert not step(link.server)
    assert b"\x00\x2b\x00\x02\x03\x04" in link.server_out.read()


def resident() -> int:
    """How many bytes of memory the process has for itself: the pages of files come and go by the system's will."""
    pages = [int(number) for number in Path("/proc/self/statm").read_text().split()]
    return (pages[1] - pages[2]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the memory of a process is read as on Linux")
def test_what_the_library_has_computed_in_a_thread_goes_with_it() -> None:
    """More than a megabyte of points of curves."""
    one, two = client(), server()

    def connect_in_threads(count: int) -> None:
        for _ in range(count):
            thread = threading.Thread(target=lambda: Link(one, two, host="server.test").handshake())
            thread.start()
            thread.join()

    connect_in_threads(5)
    before = resident()
    connect_in_threads(50)
    assert resident() - before < 10 * 2**20
