"""Tickets of an NSS server: they are good at their own context only, though NSS has one set of keys for the process."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from _link import IDS, Link
from _nss import BACKEND, HOST, client, server, trust

import unitls
from unitls import ClientAuthentication, TLSVersion
from unitls.backends.nss._tickets import TicketBook, offered_sessions, sent_ticket
from unitls.core._client_hello import ClientHelloReader
from unitls.testing._kit import identity_of

VERSIONS = [TLSVersion.TLSv1_2, TLSVersion.TLSv1_3]
STORE = trust(IDS.authority)


def visit(link: Link) -> bool:
    """Run the handshake and an echo, end cleanly; whether the session was resumed."""
    link.handshake()
    link.client.write(b"ping")
    link.move()
    assert link.server.read() == b"ping"
    link.server.write(b"pong")
    link.move()
    assert link.client.read() == b"pong"
    link.client.shutdown()
    link.server.shutdown()
    link.move()
    assert link.client.read() == link.server.read() == b""
    assert link.client.session_resumed is link.server.session_resumed
    return bool(link.client.session_resumed)


def bounds(version: TLSVersion) -> dict[str, Any]:
    return {"lower_bound": version, "upper_bound": version}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("other", ["openssl", "nss"])
def test_another_context(version: TLSVersion, other: str) -> None:
    """A ticket of one context leads to a full handshake at another, and then to tickets of its own."""
    kind = unitls.get_backend(other)
    configuration = unitls.TLSClientConfiguration(
        trust_store=STORE, session_cache=unitls.SessionCache(), **bounds(version)
    )
    caller = kind.client_context(configuration)
    first, second = server(IDS.server, **bounds(version)), server(IDS.server, **bounds(version))
    assert not visit(Link(caller, first, host=HOST))
    assert visit(Link(caller, first, host=HOST))
    assert not visit(Link(caller, second, host=HOST))
    assert visit(Link(caller, second, host=HOST))


@pytest.mark.parametrize("version", VERSIONS)
def test_context_that_demands_certificates(version: TLSVersion) -> None:
    """A session without a certificate, or with one that another trust store vouches for, is no way around the demand."""
    cache = unitls.SessionCache()
    anonymous = client(STORE, session_cache=cache, **bounds(version))
    open_to_all = server(IDS.server, **bounds(version))
    demand = {"client_authentication": ClientAuthentication.REQUIRED, **bounds(version)}
    demanding = server(IDS.server, trust_store=STORE, **demand)
    visit(Link(anonymous, open_to_all, host=HOST))
    with pytest.raises(unitls.CertificateVerificationError):
        Link(anonymous, demanding, host=HOST).handshake()
    known = client(STORE, session_cache=cache, identities=(identity_of(IDS.client),), **bounds(version))
    visit(Link(known, demanding, host=HOST))
    strange = server(IDS.server, trust_store=trust(IDS.client.chain[0]), **demand)
    link = Link(known, strange, host=HOST)
    visit(link)  # trusted as itself
    stranger = server(IDS.server, trust_store=trust(unitls_stranger()), **demand)
    with pytest.raises(unitls.CertificateVerificationError):
        Link(known, stranger, host=HOST).handshake()


def unitls_stranger() -> bytes:
    return IDS.second_server.chain[1]


def test_resumed_client_certificate() -> None:
    """Where the context is the same, the session resumes, and the certificate is still known; NSS as a client has none."""
    context = server(IDS.server, trust_store=STORE, client_authentication=ClientAuthentication.REQUIRED)
    for name in ("openssl", "nss"):
        configuration = unitls.TLSClientConfiguration(
            trust_store=STORE, session_cache=unitls.SessionCache(), identities=(identity_of(IDS.client),)
        )
        known = unitls.get_backend(name).client_context(configuration)
        assert not visit(Link(known, context, host=HOST))
        link = Link(known, context, host=HOST)
        assert visit(link) is (name == "openssl")
        assert link.server.getpeercert() == IDS.client.chain[0]


@pytest.mark.parametrize("other", ["pyopenssl", "rustls", "gnutls"])
def test_ticket_behind_a_retry(other: str) -> None:
    """No ticket counts after a HelloRetryRequest: a second ClientHello may bring another context's, whose mark nobody reads."""
    if not any(item.name == other and item.available for item in unitls.available_backends()):
        pytest.skip(f"{other} is not there")
    configuration = unitls.TLSClientConfiguration(
        trust_store=STORE, session_cache=unitls.SessionCache(), groups=[24, 23], **bounds(TLSVersion.TLSv1_3)
    )
    caller = unitls.get_backend(other).client_context(configuration)
    for groups, resumes in (([24], True), ([23], False)):
        context = server(IDS.server, groups=groups)
        assert not visit(Link(caller, context, host=HOST))
        link = Link(caller, context, host=HOST)
        assert visit(link) is resumes
        assert link.server.group == groups[0]


def test_session_without_a_ticket() -> None:
    """A client that takes no tickets resumes by the identifier of its session, at the same context only."""
    ssl = pytest.importorskip("ssl")
    context = ssl.create_default_context(cadata=IDS.ca_pem.decode())
    context.maximum_version, context.options = ssl.TLSVersion.TLSv1_2, context.options | ssl.OP_NO_TICKET
    first, second = server(IDS.server), server(IDS.server)
    session = None
    for at, resumed in ((first, False), (first, True), (second, False), (second, True)):
        session, was_resumed = _bare_visit(context, at, session)
        assert was_resumed is resumed


def _bare_visit(context: Any, at: unitls.ServerContext, session: Any) -> tuple[Any, bool]:
    import ssl

    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    peer = context.wrap_bio(incoming, outgoing, server_hostname=HOST, session=session)
    to_server, from_server = BACKEND.memory_buffer(), BACKEND.memory_buffer()
    wrapped = at.wrap_buffers(to_server, from_server)
    for _ in range(4):
        with contextlib.suppress(ssl.SSLWantReadError):
            peer.do_handshake()
        to_server.write(outgoing.read())
        with contextlib.suppress(unitls.WantReadError):
            wrapped.do_handshake()
        incoming.write(from_server.read())
    assert wrapped.session_resumed is peer.session_reused
    return peer.session, bool(peer.session_reused)


def test_plain_ticket_is_found_on_both_ways() -> None:
    """The two readers of plaintext messages find the same ticket: as it is sent, and as it is offered."""
    caller = client(STORE, session_cache=unitls.SessionCache(), upper_bound=TLSVersion.TLSv1_2)
    context = server(IDS.server)
    link = Link(caller, context, host=HOST)
    sent = b""
    for _ in range(10):
        for end, move in ((link.client, link.to_server), (link.server, link.to_client)):
            with contextlib.suppress(unitls.WantReadError):
                end.do_handshake()
            flight = move()
            sent = sent or (sent_ticket(flight) or b"" if end is link.server else b"")
    assert len(sent) > 100
    link.client.shutdown()
    again = Link(caller, context, host=HOST)
    with pytest.raises(unitls.WantReadError):
        again.client.do_handshake()
    hello = ClientHelloReader().feed_message(again.client_out.read())
    assert hello is not None
    assert offered_sessions(hello)[-1] == sent


def test_book() -> None:
    """It remembers a bounded number of tickets, and shows none."""
    book = TicketBook()
    for number in range(5000):
        book.remember(b"%d" % number)
    assert book.knows(b"4999")
    assert not book.knows(b"0")
    assert len(book._seen) < 5000
    assert TicketBook().mark != book.mark


def test_number_of_tickets() -> None:
    """None at all, if none are wanted, in both versions."""
    for version in VERSIONS:
        cache = unitls.SessionCache()
        caller = client(STORE, session_cache=cache, **bounds(version))
        visit(Link(caller, server(IDS.server, ticket_count=0, **bounds(version)), host=HOST))
        assert len(cache) == 0
    assert BACKEND.capabilities.supports(unitls.Feature.TICKET_COUNT)


@pytest.mark.parametrize("other", ["openssl", "pyopenssl", "nss"])
def test_external_key_and_tickets(other: str) -> None:
    """A session that rests on an external key is not cached, whatever tickets the server sends."""
    kind = next((item.name for item in unitls.available_backends() if item.name == other and item.available), None)
    if kind is None or not unitls.get_backend(kind).capabilities.supports(unitls.Feature.EXTERNAL_PSK):
        pytest.skip(f"{other} has no external keys here")
    cache, key = unitls.SessionCache(), unitls.ExternalPSK(b"unit", bytes(range(32)))
    configuration = unitls.TLSServerConfiguration(identities=(identity_of(IDS.server),), external_psk=key)
    answerer = unitls.get_backend(kind).server_context(configuration)
    caller = client(STORE, session_cache=cache, external_psk=key)
    for _ in range(2):
        link = Link(caller, answerer, host=HOST).handshake()
        link.server.write(b"behind the tickets")
        link.move()
        assert link.client.read() == b"behind the tickets"
        assert link.client.getpeercert() is None
        assert not link.client.session_resumed
        link.client.shutdown()
    assert len(cache) == 0
