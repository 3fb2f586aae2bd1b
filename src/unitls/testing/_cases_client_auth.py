"""Cases on client certificates."""

from __future__ import annotations

from ..api._alerts import AlertDescription
from ..api._errors import CertificateVerificationError, ConfigurationError, ConnectionFault, PeerAlert
from ..api._features import Feature
from ..api._protocols import ClientAuthentication
from ..api._trust import TrustStore
from ..api._versions import TLSVersion
from ._case import ONCE, QUICK, UNBOUND, case
from ._ends import BufferEnd
from ._expect import equal, instance, raises, require, same
from ._kit import Kit

_NEEDS = [Feature.CLIENT_CERTIFICATES]
_OPTIONAL, _REQUIRED, _NONE = ClientAuthentication.OPTIONAL, ClientAuthentication.REQUIRED, ClientAuthentication.NONE


@case("client-auth-required", "peer-certificate", needs=_NEEDS, server=[Feature.CUSTOM_TRUST_STORE])
def required_and_given(kit: Kit) -> None:
    """With REQUIRED and with OPTIONAL a good client certificate is accepted and told."""
    client = kit.client()
    client.register_certificates(kit.client_identity.certificates, kit.client_identity.private_key)
    for mode in (_REQUIRED, _OPTIONAL):
        pair = kit.connected(client, kit.server(client_authentication=mode, trust_store=kit.trust))
        equal(pair.server.tls.getpeercert(), kit.identities.client.chain[0], f"the client's certificate with {mode}")
        pair.echo()


@case("client-auth-required", "verify-no-certificate", needs=_NEEDS, server=[Feature.CUSTOM_TRUST_STORE])
def required_and_missing(kit: Kit) -> None:
    """With REQUIRED a client without a certificate is refused, and hears why."""
    server = kit.server(client_authentication=_REQUIRED, trust_store=kit.trust)
    at_client, at_server = kit.pair(server=server).attempt()
    instance(at_server, CertificateVerificationError, "the server's error")
    alert = instance(at_client, PeerAlert, "the client's error").alert
    due = AlertDescription.CERTIFICATE_REQUIRED
    if kit.version is TLSVersion.TLSv1_2:
        due = AlertDescription.HANDSHAKE_FAILURE  # RFC 5246 section 7.4.6
    equal(alert, due, "the alert")


@case("client-auth-optional", needs=_NEEDS, server=[Feature.CUSTOM_TRUST_STORE])
def optional_and_missing(kit: Kit) -> None:
    """With OPTIONAL a client without a certificate is accepted."""
    pair = kit.connected(server=kit.server(client_authentication=_OPTIONAL, trust_store=kit.trust))
    same(pair.server.tls.getpeercert(), None, "the client's certificate")
    equal(pair.server.tls.getpeerchain(), [], "the client's chain")
    pair.echo()


@case("client-auth-none", needs=_NEEDS)
def not_asked_for(kit: Kit) -> None:
    """With NONE a client's certificate is neither asked for nor sent."""
    pair = kit.connected(kit.client(identities=(kit.client_identity,)))
    same(pair.server.tls.getpeercert(), None, "the client's certificate")


@case(
    "client-auth-same", drives=ONCE, versions=UNBOUND, server=[Feature.CLIENT_CERTIFICATES, Feature.CUSTOM_TRUST_STORE]
)
def two_names_of_one_switch(kit: Kit) -> None:
    """On a server validate_certificates = True sets REQUIRED, False sets NONE, and the modes set it."""
    server = kit.server(trust_store=kit.trust)
    same(server.configuration.client_authentication, _NONE, "client_authentication by default")
    same(server.validate_certificates, False, "validate_certificates by default")
    server.validate_certificates = True
    same(server.configuration.client_authentication, _REQUIRED, "client_authentication of True")
    server.validate_certificates = False
    same(server.configuration.client_authentication, _NONE, "client_authentication of False")
    same(
        kit.server(trust_store=kit.trust, client_authentication=_OPTIONAL).validate_certificates, True, "with OPTIONAL"
    )


@case("client-auth-trust", drives=QUICK, versions=UNBOUND, server=[Feature.CLIENT_CERTIFICATES])
def without_a_trust_store(kit: Kit) -> None:
    """Asking for client certificates without a trust store is a ConfigurationError: public roots do not count."""
    for mode in (_OPTIONAL, _REQUIRED):
        raises(ConfigurationError, lambda m=mode: kit.pair(server=kit.server(client_authentication=m)), f"{mode}")
    server = kit.server()

    def validating() -> None:
        server.validate_certificates = True
        kit.pair(server=server)

    raises(ConfigurationError, validating, "validate_certificates = True")


@case(
    "client-certificate-choice",
    drives=ONCE,
    needs=_NEEDS,
    client=[Feature.CLIENT_CERTIFICATE_CHOICE],
    server=[Feature.CUSTOM_TRUST_STORE],
)
def choosing_none_of_ones_own(kit: Kit) -> None:
    """A client that has an identity, and chooses to show none, shows none."""
    server = kit.server(client_authentication=_OPTIONAL, trust_store=kit.trust)
    client = kit.client(identities=(kit.client_identity,), choose_certificate=lambda authorities: None)
    same(kit.connected(client, server).server.tls.getpeercert(), None, "the client's certificate")


@case("client-auth-private", drives=ONCE, needs=_NEEDS, server=[Feature.CUSTOM_TRUST_STORE])
def not_sent_to_a_stranger(kit: Kit) -> None:
    """A client certificate is never sent to a server that has not been verified."""
    server = kit.server(client_authentication=_REQUIRED, trust_store=kit.trust)
    own = {"identities": (kit.client_identity,)}
    nobody = TrustStore.from_buffer(kit.identities.client.chain[0])
    for what, pair in (
        ("another name", kit.pair(kit.client(**own), server, hostname="wrong.test")),
        ("an unknown issuer", kit.pair(kit.client(**own, trust_store=nobody), server)),
    ):
        at_client, _ = pair.attempt()
        instance(at_client, CertificateVerificationError, f"{what}: the client's error")
        same(pair.server.tls.getpeercert(), None, f"{what}: the client's certificate at the server")
        assert isinstance(pair.client, BufferEnd)
        raises(ConnectionFault, lambda p=pair: p.client.write(b"secret"), f"{what}: writing to it")
        left = pair.client.outgoing.pending
        require(left < len(kit.identities.client.chain[0]), f"{what}: {left} bytes are left to send")


@case("client-auth-none", drives=ONCE, versions=UNBOUND, client=_NEEDS)
def one_identity_of_a_client(kit: Kit) -> None:
    """A client has one identity: a further register_certificates replaces the former, two at once are refused."""
    client = kit.client()
    client.register_certificates(kit.server_identity.certificates, kit.server_identity.private_key)
    client.register_certificates(kit.client_identity.certificates, kit.client_identity.private_key)
    equal(len(client.configuration.identities), 1, "how many identities")
    two = (kit.client_identity, kit.server_identity)
    raises(ConfigurationError, lambda: kit.client(identities=two), "two identities at once")
