"""External pre-shared keys (RFC 8446 section 4.2.11)."""

from __future__ import annotations

from ..api._configuration import ExternalPSK
from ..api._features import Feature
from ._case import QUICK, TLS13, case
from ._expect import equal, require, same
from ._kit import Kit


@case("external-psk", needs=[Feature.EXTERNAL_PSK], versions=TLS13, drives=QUICK)
def external_keys(kit: Kit) -> None:
    """A pre-shared key stands for certificates; one that the server does not know leaves the certificates to decide."""
    for hash_name in ("sha256", "sha384"):
        key = ExternalPSK(b"kit", bytes(range(32)), hash_name)
        pair = kit.connected(kit.client(external_psk=key), kit.server(external_psk=key))
        same(pair.client.tls.getpeercert(), None, "the server's certificate")
        pair.echo()
    pair = kit.connected(kit.client(external_psk=key))
    equal(pair.client.tls.getpeercert(), kit.identities.server.chain[0], "the server's certificate")
    wrong = ExternalPSK(b"kit", bytes(32), "sha384")
    at_client, at_server = kit.pair(kit.client(external_psk=wrong), kit.server(external_psk=key)).attempt()
    require(at_client is not None and at_server is not None, "another key under the same name")
