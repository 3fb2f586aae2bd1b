"""External pre-shared keys (RFC 8446 section 4.2.11)."""

from __future__ import annotations

from ..api._configuration import ExternalPSK
from ..api._errors import CertificateVerificationError, UnsupportedFeature
from ..api._features import Feature
from ..api._sessions import SessionCache
from ..api._trust import TrustStore
from ..api._versions import TLSVersion
from ._case import ONCE, QUICK, TLS13, UNBOUND, case
from ._cases_resumption import visit
from ._expect import equal, instance, require, same
from ._kit import Kit


def _takes(kit: Kit, key: ExternalPSK) -> bool:
    """Whether both ends take a key with this hash, which need not be the default one; if not, they say so at once."""
    try:
        kit.client(external_psk=key)
        kit.server(external_psk=key)
    except UnsupportedFeature as error:
        same(error.feature, Feature.EXTERNAL_PSK, "the feature of the error")
        return False
    return True


@case("external-psk", needs=[Feature.EXTERNAL_PSK], versions=TLS13, drives=QUICK)
def external_keys(kit: Kit) -> None:
    """A pre-shared key stands for certificates; one that the server does not know leaves the certificates to decide."""
    key = ExternalPSK(b"kit", bytes(range(32)))
    for hash_name in ("sha256", "sha384"):
        chosen = ExternalPSK(key.identity, key.key, hash_name)
        if hash_name != key.hash_name and not _takes(kit, chosen):
            continue
        key = chosen
        pair = kit.connected(kit.client(external_psk=key), kit.server(external_psk=key))
        same(pair.client.tls.getpeercert(), None, "the server's certificate")
        pair.echo()
    pair = kit.connected(kit.client(external_psk=key))
    equal(pair.client.tls.getpeercert(), kit.identities.server.chain[0], "the server's certificate")
    wrong = ExternalPSK(key.identity, bytes(32), key.hash_name)
    at_client, at_server = kit.pair(kit.client(external_psk=wrong), kit.server(external_psk=key)).attempt()
    require(at_client is not None and at_server is not None, "another key under the same name")


@case(
    "resumption",
    "resumption-apart",
    drives=ONCE,
    versions=UNBOUND,
    needs=[Feature.RESUMPTION_INFORMATION],
    client=[Feature.EXTERNAL_PSK],
)
def sessions_beside_an_external_key(kit: Kit) -> None:
    """A client with an external key and no cache keeps no session: nobody resumes what another has verified."""
    key = ExternalPSK(b"kit", bytes(range(32)))
    stranger = TrustStore.from_buffer(kit.identities.client.chain[0])
    for version in (TLSVersion.TLSv1_2, TLSVersion.TLSv1_3):
        own = {"external_psk": key, "lower_bound": version}
        try:
            client, other = kit.client(**own), kit.client(**own, trust_store=stranger)
        except UnsupportedFeature:
            continue
        if version not in kit.server_backend.capabilities.versions:
            continue
        server = kit.server(upper_bound=version)
        for _ in range(2):
            same(visit(kit, client, server), False, f"without a cache it is resumed with {version}")
        others = [other]
        if kit.client_backend.capabilities.supports(Feature.SESSION_RESUMPTION):
            others.append(kit.client(session_cache=SessionCache(), trust_store=stranger))
        for context in others:
            at_client, _ = kit.pair(context, server).attempt()
            instance(at_client, CertificateVerificationError, "a client that does not trust the server")
