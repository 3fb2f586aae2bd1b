"""Client authentication after the handshake (RFC 8446 section 4.6.2): it is as strict as in the handshake."""

from __future__ import annotations

from typing import Any, Final

from ..api._certificates import Certificate, Identity, PrivateKey
from ..api._context import ClientContext, ServerContext
from ..api._errors import CertificateVerificationError, ConfigurationError, VerifyFailure, WantReadError
from ..api._features import Feature
from ..api._protocols import ClientAuthentication
from ..api._trust import TrustStore
from ..core._pem import crls_from
from ._case import ONCE, TLS13, case
from ._ends import BufferEnd
from ._expect import NotApplicable, equal, instance, raises, same
from ._kit import Kit
from ._pair import Pair
from ._zoo_files import load_zoo

_NEEDS = [Feature.CLIENT_CERTIFICATES, Feature.POST_HANDSHAKE_AUTHENTICATION]
_RECORD_HEADER: Final = 5
_LATE = {"post_handshake_authentication": True}
_OPTIONAL = {**_LATE, "client_authentication": ClientAuthentication.OPTIONAL}


def _asked(kit: Kit, client: ClientContext, server: ServerContext) -> tuple[Pair, Exception | None]:
    """Ask for a certificate after the handshake; gives what the server raises when the answer has come."""
    pair = kit.connected(client, server)
    pair.echo()  # takes in what the handshake has left over
    pair.drive({pair.server: pair.server.tls.request_client_certificate})[pair.server].result("the request")
    equal(pair.transfer(pair.server, b"ping"), b"ping", "the data behind the request")
    pair.drive({pair.client: lambda: pair.client.write(b"pong")})[pair.client].result("writing")
    return pair, pair.drive({pair.server: lambda: pair.server.read(4)})[pair.server].error


def _check_refused(pair: Pair, error: Exception | None, what: str) -> CertificateVerificationError:
    refused = instance(error, CertificateVerificationError, f"{what}: the server's error")
    same(pair.server.tls.getpeercert(), None, f"{what}: getpeercert() of a connection that was lost")
    return refused


@case("post-handshake", "client-auth-optional", drives=ONCE, versions=TLS13, needs=_NEEDS)
def nothing_to_show_later(kit: Kit) -> None:
    """A client without a certificate is refused when it is asked later, unless the server says that it is optional."""
    client = kit.client(**_LATE)
    pair, error = _asked(kit, client, kit.server(**_LATE, trust_store=kit.trust))
    _check_refused(pair, error, "no certificate")
    pair, error = _asked(kit, client, kit.server(**_OPTIONAL, trust_store=kit.trust))
    same(error, None, "the server's error, where it is optional")
    same(pair.server.tls.getpeercert(), None, "the client's certificate")


@case("post-handshake", "client-auth-verified", drives=ONCE, versions=TLS13, needs=_NEEDS, server=[Feature.CRLS])
def revoked_when_asked_later(kit: Kit) -> None:
    """Revocation lists count for a certificate that comes after the handshake."""
    ids, own = kit.identities, kit.client(**_LATE, identities=(kit.client_identity,))
    try:
        lists = {serials: crls_from(ids.authority.crl(serials)) for serials in ((), (ids.client.serial,))}
    except (ConfigurationError, ImportError):
        raise NotApplicable("the package cryptography is needed to make a revocation list") from None
    for serials, crls in lists.items():
        pair, error = _asked(kit, own, kit.server(**_LATE, trust_store=kit.trust, crls=crls))
        if serials:
            same(_check_refused(pair, error, "revoked").failure, VerifyFailure.REVOKED, "why")
            continue
        same(error, None, "the server's error for a certificate that is not revoked")
        equal(pair.server.tls.getpeercert(), ids.client.chain[0], "the client's certificate")
        if kit.server_backend.capabilities.supports(Feature.VERIFIED_CHAIN):
            equal(pair.server.tls.getverifiedchain()[0], ids.client.chain[0], "the path that was trusted")


@case("post-handshake", "client-auth-verified", drives=ONCE, versions=TLS13, needs=_NEEDS)
def trust_for_who_is_asked_later(kit: Kit) -> None:
    """Who is asked later is trusted by the server's store, whatever is in it; a server without one does not begin."""
    own = kit.client(**_LATE, identities=(kit.client_identity,))
    raises(ConfigurationError, lambda: kit.pair(own, kit.server(**_LATE)), "a server without a trust store")
    leaf = kit.identities.client.chain[0]
    for store in (kit.trust, TrustStore.from_buffer(leaf)):
        pair, error = _asked(kit, own, kit.server(**_LATE, trust_store=store))
        same(error, None, "the server's error")
        equal(pair.server.tls.getpeercert(), leaf, "the client's certificate")


@case("post-handshake", "client-auth-verified", drives=ONCE, versions=TLS13, needs=_NEEDS)
def certificate_without_its_key_later(kit: Kit) -> None:
    """A certificate is public: until the client has shown that it has the key to it, the server tells of none."""
    own = kit.client(**_LATE, identities=(kit.client_identity,))
    pair = kit.connected(own, kit.server(**_LATE, trust_store=kit.trust))
    pair.echo()
    client, server = pair.client, pair.server
    assert isinstance(client, BufferEnd)
    assert isinstance(server, BufferEnd)
    server.tls.request_client_certificate()
    client.incoming.write(server.outgoing.read())
    raises(WantReadError, lambda: client.read(1), "the client, which has nothing to read")
    records = _records(client.outgoing.read())
    for number, record in enumerate(records, 1):
        server.incoming.write(record)
        raises(WantReadError, lambda: server.read(1), "the server, which has nothing to read")
        due = kit.identities.client.chain[0] if number == len(records) else None
        equal(server.tls.getpeercert(), due, f"the certificate after {number} of {len(records)} records")
        if kit.server_backend.capabilities.supports(Feature.PEER_CHAIN):
            equal(server.tls.getpeerchain()[:1], [due] if due else [], "the chain")
    client.incoming.write(server.outgoing.read())
    pair.echo()


def _records(flight: bytes) -> list[bytes]:
    records = []
    while flight:
        end = _RECORD_HEADER + int.from_bytes(flight[3:_RECORD_HEADER], "big")
        records.append(flight[:end])
        flight = flight[end:]
    return records


@case(
    "post-handshake",
    "client-certificate-choice",
    drives=ONCE,
    versions=TLS13,
    needs=_NEEDS,
    client=[Feature.CLIENT_CERTIFICATE_CHOICE],
)
def another_certificate_later(kit: Kit) -> None:
    """A client chooses again when it is asked again; who has shown a certificate cannot become somebody else."""
    zoo = next(item for item in load_zoo() if item.name == "client_good")
    chain = [Certificate.from_buffer(der) for der in zoo.server_chain]
    other = Identity(chain, PrivateKey.from_buffer(zoo.key_pem))
    trust = TrustStore.union(kit.trust, TrustStore.from_buffer(zoo.trust_pem))
    for answers in ([kit.client_identity, kit.client_identity], [None, other], [kit.client_identity, other]):
        client = kit.client(**_LATE, choose_certificate=lambda authorities, left=list(answers): left.pop(0))
        pair, error = _asked(kit, client, kit.server(**_OPTIONAL, trust_store=trust))
        if None not in answers and other in answers:
            _check_refused(pair, error, "another certificate")
            continue
        same(error, None, "the server's error")
        due = zoo.server_chain[0] if other in answers else kit.identities.client.chain[0]
        equal(pair.server.tls.getpeercert(), due, "the client's certificate")


@case(
    "post-handshake",
    "pins",
    "verification-hook",
    drives=ONCE,
    versions=TLS13,
    needs=_NEEDS,
    client=[Feature.CLIENT_CERTIFICATE_CHOICE],
    server=[Feature.PINNING, Feature.VERIFICATION_HOOK],
)
def pins_and_the_hook_count_later(kit: Kit) -> None:
    """Pins and the verification hook count for a certificate that comes after the handshake."""

    def refuse(path: tuple[bytes, ...]) -> None:
        raise PermissionError("not this one")

    changes: tuple[dict[str, Any], ...] = ({"pins": [bytes(32)]}, {"verification_hook": refuse})
    for change in changes:
        answers = [None, kit.client_identity]
        client = kit.client(**_LATE, choose_certificate=lambda authorities, left=answers: left.pop(0))
        pair, error = _asked(kit, client, kit.server(**_OPTIONAL, trust_store=kit.trust, **change))
        _check_refused(pair, error, f"with {next(iter(change))}")
