"""Cases on session resumption (RFC 8446 section 2.2, RFC 5077)."""

from __future__ import annotations

import hashlib
from typing import Any

from ..api._context import ClientContext, ServerContext
from ..api._errors import CertificateVerificationError, ConnectionFault
from ..api._features import Feature
from ..api._protocols import ClientAuthentication
from ..api._sessions import SessionCache
from ..api._subjects import DNSName
from ..api._trust import TrustStore
from ..api._versions import TLSVersion
from ..core._x509 import certificate_fields
from ._case import EVERY_DRIVE, ONCE, case
from ._expect import equal, instance, require, same
from ._kit import HOST, Kit
from ._pair import Pair

_NEEDS = [Feature.RESUMPTION_INFORMATION]
_CLIENT = [Feature.SESSION_RESUMPTION]


def visit(kit: Kit, client: ClientContext, server: ServerContext, **options: Any) -> bool:
    """Connect, exchange something, end cleanly; gives whether the session was resumed."""
    pair = kit.connected(client, server, **options)
    pair.echo()
    resumed = bool(pair.client.tls.session_resumed)
    same(bool(pair.server.tls.session_resumed), resumed, "session_resumed, seen from both ends")
    finish(pair)
    return resumed


def finish(pair: Pair) -> None:
    """End cleanly in both directions, so that tickets have arrived."""
    pair.close_write(pair.client)
    equal(pair.read(pair.server, 1), b"", "the clean end")
    pair.close_write(pair.server)
    equal(pair.read(pair.client, 1), b"", "the clean end")


@case("resumption", "info-resumed", drives=EVERY_DRIVE, needs=_NEEDS, client=_CLIENT)
def sessions_are_resumed(kit: Kit) -> None:
    """With a cache the second connection is resumed, and tells the same of the peer; without one it is not."""
    server = kit.server()
    client = kit.client(session_cache=SessionCache())
    same(visit(kit, client, server), False, "the first connection is resumed")
    pair = kit.connected(client, server)
    same(pair.client.tls.session_resumed, True, "the second connection is resumed")
    equal(pair.client.tls.getpeercert(), kit.identities.server.chain[0], "getpeercert() of a resumed connection")
    pair.echo()
    plain = kit.client()
    visit(kit, plain, server)
    same(visit(kit, plain, server), False, "a connection without a cache is resumed")


@case("resumption-single-use", drives=ONCE, versions=(TLSVersion.TLSv1_3,), needs=_NEEDS, client=_CLIENT)
def tickets_are_used_once(kit: Kit) -> None:
    """A TLS 1.3 ticket is offered once only."""
    cache = SessionCache()
    server, client = kit.server(), kit.client(session_cache=cache)
    visit(kit, client, server)
    held = len(cache)
    require(held, "the cache holds a session after a connection")
    for used in range(held):
        # None of these reads anything, so none brings a new ticket.
        pair = kit.connected(client, server)
        same(pair.client.tls.session_resumed, True, f"connection {used + 1} of {held} tickets is resumed")
    same(
        kit.connected(client, server).client.tls.session_resumed,
        False,
        "a connection behind the last ticket is resumed",
    )


@case("resumption-apart", drives=ONCE, needs=_NEEDS, client=_CLIENT)
def sessions_are_kept_apart(kit: Kit) -> None:
    """A session made for one name, trust, identity or set of subjects resumes with no other."""
    cache = SessionCache()
    server = kit.server()
    client = kit.client(session_cache=cache)
    require(not visit(kit, client, server) and visit(kit, client, server), "the session is there")
    localhost = {"hostname": "localhost"}
    same(visit(kit, client, server, **localhost), False, "under another name it is resumed")
    subjects = {"hostname": HOST, "valid_subjects": [DNSName("localhost")]}
    same(visit(kit, client, server, **subjects), False, "with other subjects it is resumed")
    wider = TrustStore.union(kit.trust, TrustStore.from_buffer(kit.identities.client.chain[0]))
    same(
        visit(kit, kit.client(session_cache=cache, trust_store=wider), server),
        False,
        "with another trust store it is resumed",
    )
    if kit.client_backend.capabilities.supports(Feature.DISABLE_VALIDATION):
        careless = kit.client(session_cache=cache, validate_certificates=False)
        same(visit(kit, careless, server), False, "without validation it is resumed")
        # And above all the other way round: what was not verified is not trusted later.
        at_client, _ = kit.pair(kit.client(session_cache=cache, trust_store=_stranger(kit)), server).attempt()
        instance(at_client, CertificateVerificationError, "a client that does not trust the server")


@case(
    "resumption-apart",
    drives=ONCE,
    needs=[*_NEEDS, Feature.CLIENT_CERTIFICATES],
    client=_CLIENT,
    server=[Feature.CUSTOM_TRUST_STORE],
)
def sessions_of_identities_are_kept_apart(kit: Kit) -> None:
    """A session made with a client certificate resumes with that certificate only."""
    cache = SessionCache()
    server = kit.server(client_authentication=ClientAuthentication.OPTIONAL, trust_store=kit.trust)
    known = kit.client(session_cache=cache, identities=(kit.client_identity,))
    visit(kit, known, server)
    pair = kit.connected(known, server)
    if pair.client.tls.session_resumed:
        equal(pair.server.tls.getpeercert(), kit.identities.client.chain[0], "the client's certificate, resumed")
    pair = kit.connected(kit.client(session_cache=cache), server)
    same(pair.client.tls.session_resumed, False, "without the certificate it is resumed")
    same(pair.server.tls.getpeercert(), None, "the client's certificate")


@case(
    "resumption",
    drives=ONCE,
    needs=[*_NEEDS, Feature.CLIENT_CERTIFICATES],
    client=_CLIENT,
    server=[Feature.CUSTOM_TRUST_STORE],
)
def sessions_with_a_client_certificate(kit: Kit) -> None:
    """A session that was made with a client certificate is resumed, and the server still knows whose it is."""
    server = kit.server(client_authentication=ClientAuthentication.REQUIRED, trust_store=kit.trust)
    client = kit.client(session_cache=SessionCache(), identities=(kit.client_identity,))
    visit(kit, client, server)
    pair = kit.connected(client, server)
    same(pair.client.tls.session_resumed, True, "the second connection is resumed")
    equal(pair.server.tls.getpeercert(), kit.identities.client.chain[0], "the client's certificate, resumed")
    pair.echo()


@case(
    "resumption",
    "pins",
    "verification-hook",
    drives=ONCE,
    needs=[*_NEEDS, Feature.CLIENT_CERTIFICATES],
    client=_CLIENT,
    server=[Feature.CUSTOM_TRUST_STORE, Feature.PINNING, Feature.VERIFICATION_HOOK],
)
def resumed_clients_keep_their_path(kit: Kit) -> None:
    """Pins and the verification hook of a server see of a client that resumes what they have seen of it before."""
    paths: list[tuple[bytes, ...]] = []
    pin = hashlib.sha256(certificate_fields(kit.identities.authority.certificate_der).spki).digest()
    server = kit.server(
        client_authentication=ClientAuthentication.REQUIRED,
        trust_store=kit.trust,
        pins=[pin],
        verification_hook=paths.append,
    )
    client = kit.client(session_cache=SessionCache(), identities=(kit.client_identity,))
    visit(kit, client, server)
    pair = kit.connected(client, server)
    pair.echo()
    equal(paths, paths[:1] * 2, "the paths")
    equal(paths[0][0], kit.identities.client.chain[0], "the begin of the path")
    if kit.server_backend.capabilities.supports(Feature.VERIFIED_CHAIN):
        equal(pair.server.tls.getverifiedchain(), list(paths[0]), "getverifiedchain()")


@case(
    "resumption-apart",
    "client-certificate-choice",
    drives=ONCE,
    needs=[*_NEEDS, Feature.CLIENT_CERTIFICATES],
    client=[*_CLIENT, Feature.CLIENT_CERTIFICATE_CHOICE],
    server=[Feature.CUSTOM_TRUST_STORE],
)
def sessions_do_not_choose(kit: Kit) -> None:
    """Where the identity is chosen for each connection, a session does not bring an earlier choice back."""
    answers = [kit.client_identity, None]
    server = kit.server(client_authentication=ClientAuthentication.OPTIONAL, trust_store=kit.trust)
    client = kit.client(session_cache=SessionCache(), choose_certificate=lambda authorities: answers.pop(0))
    visit(kit, client, server)
    pair = kit.connected(client, server)
    equal(answers, [], "the choices that were not asked for")
    same(pair.server.tls.getpeercert(), None, "the client's certificate, once it has chosen none")


@case("resumption-wrong-name", drives=ONCE, needs=_NEEDS, client=_CLIENT)
def resumption_is_no_way_around_the_name(kit: Kit) -> None:
    """A cache full of sessions does not make a wrong name right."""
    server, client = kit.server(), kit.client(session_cache=SessionCache())
    visit(kit, client, server)
    at_client, _ = kit.pair(client, server, hostname="wrong.test").attempt()
    instance(at_client, CertificateVerificationError, "the client's error")


@case("resumption-context", drives=ONCE, needs=_NEEDS, client=_CLIENT)
def sessions_go_with_their_context(kit: Kit) -> None:
    """A session is offered by the context it was made with; it goes when that goes."""
    cache = SessionCache()
    server = kit.server()
    client = kit.client(session_cache=cache)
    visit(kit, client, server)
    other = kit.client(session_cache=cache)
    same(visit(kit, other, server), False, "with another context of the same configuration it is resumed")
    cache.clear()
    equal(len(cache), 0, "the cache, once it is cleared")


@case("resumption-other-server", drives=ONCE, needs=_NEEDS, client=_CLIENT)
def a_server_that_knows_nothing(kit: Kit) -> None:
    """A session that the server does not know leads to a full handshake."""
    client = kit.client(session_cache=SessionCache())
    visit(kit, client, kit.server())
    same(visit(kit, client, kit.server()), False, "at another server it is resumed")


@case("resumption-other-server", drives=ONCE, versions=(TLSVersion.TLSv1_2,), needs=_NEEDS, client=_CLIENT)
def a_server_that_refuses_a_session(kit: Kit) -> None:
    """A session whose connection was lost is not offered again: the next connection makes a full handshake."""
    server, client = kit.server(), kit.client(session_cache=SessionCache())
    visit(kit, client, server)
    pair = kit.connected(client, server)
    same(pair.client.tls.session_resumed, True, "the second connection is resumed")
    pair.cut(pair.server)
    error = pair.drive({pair.client: lambda: pair.client.read(1)})[pair.client].error
    instance(error, ConnectionFault, "the client's error")
    same(visit(kit, client, server), False, "the third connection is resumed")


@case("resumption-alpn", drives=ONCE, needs=[*_NEEDS, Feature.ALPN], client=_CLIENT)
def resumption_negotiates_protocols(kit: Kit) -> None:
    """A resumed connection negotiates its protocol as any other."""
    server = kit.server(inner_protocols=[b"x-one"])
    client = kit.client(session_cache=SessionCache(), inner_protocols=[b"x-one"])
    visit(kit, client, server)
    pair = kit.connected(client, server)
    same(pair.client.tls.session_resumed, True, "the second connection is resumed")
    equal(pair.client.tls.negotiated_protocol(), b"x-one", "the protocol")
    client.set_inner_protocols([])
    same(visit(kit, client, server), False, "with other protocols it is resumed")


@case(
    "ticket-count",
    "resumption-single-use",
    drives=ONCE,
    versions=(TLSVersion.TLSv1_3,),
    needs=_NEEDS,
    client=_CLIENT,
    server=[Feature.TICKET_COUNT],
)
def number_of_tickets(kit: Kit) -> None:
    """A server sends as many tickets as it is told."""
    cache = SessionCache()
    visit(kit, kit.client(session_cache=cache), kit.server(ticket_count=0))
    equal(len(cache), 0, "the sessions of a server that sends no tickets")
    server, client = kit.server(ticket_count=1), kit.client(session_cache=cache)
    visit(kit, client, server)
    equal(len(cache), 1, "the sessions of a server that sends one ticket")
    # Neither reads anything, so neither brings a new ticket.
    same(kit.connected(client, server).client.tls.session_resumed, True, "the first connection is resumed")
    same(kit.connected(client, server).client.tls.session_resumed, False, "the second connection is resumed")
    kit.connected(client, kit.server(ticket_count=100)).echo()  # more than a record holds


@case("ticket-keys", drives=ONCE, needs=_NEEDS, client=_CLIENT, server=[Feature.TICKET_KEYS])
def shared_ticket_keys(kit: Kit) -> None:
    """Two servers with the same ticket keys resume each other's sessions."""
    secret = bytes(range(80))
    one, two = kit.server(ticket_keys=[secret]), kit.server(ticket_keys=[secret[::-1], secret])
    client = kit.client(session_cache=SessionCache())
    visit(kit, client, one)
    same(visit(kit, client, two), True, "at a server with the same keys it is resumed")


@case(
    "ticket-keys",
    "client-auth-verified",
    drives=ONCE,
    needs=[*_NEEDS, Feature.CLIENT_CERTIFICATES],
    client=_CLIENT,
    server=[Feature.TICKET_KEYS, Feature.CUSTOM_TRUST_STORE],
)
def ticket_keys_stand_for_no_trust(kit: Kit) -> None:
    """A server that trusts others takes no session of one with the same ticket keys: it asks for the certificate itself."""
    own = {"ticket_keys": [bytes(range(80))]}
    demand = {**own, "client_authentication": ClientAuthentication.REQUIRED}
    client = kit.client(session_cache=SessionCache(), identities=(kit.client_identity,))
    visit(kit, client, kit.server(**own))
    same(visit(kit, client, kit.server(**demand, trust_store=kit.trust)), False, "what was anonymous is resumed")
    stranger = TrustStore.from_buffer(kit.identities.second_server.chain[0])
    _, at_server = kit.pair(client, kit.server(**demand, trust_store=stranger)).attempt()
    instance(at_server, CertificateVerificationError, "the error of a server that does not trust the client")


def _stranger(kit: Kit) -> TrustStore:
    return TrustStore.from_buffer(kit.identities.client.chain[0])
