"""Cases on the platform's own verification in the place of the library's, as on Windows and macOS; here it is made up."""

from __future__ import annotations

from collections.abc import Sequence

from ..api._configuration import TLSConfiguration
from ..api._context import ClientContext
from ..api._errors import CertificateVerificationError, ConnectionFault, VerifyFailure
from ..api._features import Feature
from ..api._protocols import ClientAuthentication
from ..api._subjects import Subject
from ..core._leaf_check import Fault
from ..core._platform import PlatformJudge, PlatformVerifier, Verdict
from ..core._values import NeutralTrustStore
from ._case import ONCE, UNBOUND, case
from ._expect import NotApplicable, equal, instance, raises, require, same
from ._kit import OTHER_HOST, Kit

_CLIENT = [Feature.SYSTEM_TRUST_STORE, Feature.CLIENT_CERTIFICATES]
_SERVER = [Feature.CLIENT_CERTIFICATES, Feature.CUSTOM_TRUST_STORE]


class _MadeUp(PlatformVerifier):
    """Says always the same.

    Args:
        fault: why it refuses; `None` to accept.
        root: what it says the path ends at.
    """

    name = "a platform of the kit"

    def __init__(self, fault: Fault | None, root: bytes) -> None:
        self._fault, self._root = fault, root
        self.chains: list[list[bytes]] = []

    def prepare(self, anchors: Sequence[bytes], configuration: TLSConfiguration) -> PlatformJudge:
        def judge(chain: Sequence[bytes], subjects: tuple[Subject, ...] | None) -> Verdict:
            self.chains.append(list(chain))
            return Verdict(self._fault, () if self._fault is not None else (*chain, self._root))

        return judge


def _judged(kit: Kit, platform: PlatformVerifier) -> ClientContext:
    """A client with a certificate of its own, whose servers `platform` judges."""
    client = kit.client(
        trust_store=NeutralTrustStore(is_system=True, platform=platform), identities=(kit.client_identity,)
    )
    if platform.name not in (client.verifier or ""):
        raise NotApplicable("the library's own verification is the platform's")
    return client


@case("trust-platform", "context-verifier", client=_CLIENT, server=_SERVER)
def platform_accepts(kit: Kit) -> None:
    """The platform's yes is what counts; it gets all that the server has sent, and the path is its."""
    platform, shown = _MadeUp(None, kit.identities.authority.certificate_der), kit.identities.second_server.chain
    server = kit.server(
        identities=(kit.other_identity,), client_authentication=ClientAuthentication.REQUIRED, trust_store=kit.trust
    )
    pair = kit.connected(_judged(kit, platform), server, hostname=OTHER_HOST)
    equal(len(platform.chains), 1, "how often the platform was asked")
    chain = platform.chains[0]
    equal(chain[: len(shown)], list(shown), "what the platform was asked about")  # some servers send the root too
    equal(pair.server.tls.getpeercert(), kit.identities.client.chain[0], "the client's certificate")
    pair.echo()
    if kit.client_backend.capabilities.supports(Feature.VERIFIED_CHAIN):
        path = [*chain, kit.identities.authority.certificate_der]
        equal(pair.client.tls.getverifiedchain(), path, "the path that is trusted")


@case("trust-platform", "client-auth-private", client=_CLIENT, server=_SERVER)
def platform_refuses(kit: Kit) -> None:
    """On the platform's no the server gets neither the client's certificate nor its Finished."""
    platform = _MadeUp(Fault(VerifyFailure.REVOKED, "refused"), kit.identities.authority.certificate_der)
    server = kit.server(client_authentication=ClientAuthentication.REQUIRED, trust_store=kit.trust)
    pair = kit.pair(_judged(kit, platform), server)
    at_client, at_server = pair.attempt()
    error = instance(at_client, CertificateVerificationError, "the client's error")
    same(error.failure, VerifyFailure.REVOKED, "the failure")
    require(isinstance(at_server, ConnectionFault), "the server has to learn that the client has gone")
    # The Finished comes behind the certificate, which the server demands.
    same(pair.server.tls.getpeercert(), None, "the client's certificate, at the server")
    raises(ConnectionFault, lambda: pair.client.write(b"secret"), "writing to it")


@case("context-verifier", drives=ONCE, versions=UNBOUND, client=[Feature.CUSTOM_TRUST_STORE])
def who_verifies(kit: Kit) -> None:
    """It names the library and counts the anchors that were given; without verification it is nobody."""
    text = kit.client().verifier or ""
    require(kit.client_backend.library_version in text, f"{text!r} does not name the library")
    require("1 given anchor" in text, f"{text!r} does not speak of the anchor")
    same(kit.server().verifier, None, "verifier of a server that does not ask for certificates")
    if kit.client_backend.capabilities.supports(Feature.DISABLE_VALIDATION):
        same(kit.client(validate_certificates=False).verifier, None, "verifier of a client that does not verify")
