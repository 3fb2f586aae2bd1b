"""Stapled OCSP responses, good and bad."""

from __future__ import annotations

import functools

from ..api._certificates import Identity
from ..api._errors import CertificateVerificationError, VerifyFailure
from ..api._features import Feature
from ._case import QUICK, Case, case, declare
from ._expect import equal, instance, require, same
from ._kit import Kit
from ._zoo import OCSPCase
from ._zoo_files import load_ocsp

_NEEDS = (Feature.OCSP_STAPLING,)


def _stapling(kit: Kit, response: bytes | None) -> Identity:
    return Identity(kit.server_identity.certificates, kit.server_identity.private_key, ocsp_response=response)


def _run(staple: OCSPCase, kit: Kit) -> None:
    server = kit.server(identities=(_stapling(kit, staple.response),))
    pair = kit.pair(kit.client(request_ocsp=True), server)
    at_client, _ = pair.attempt()
    if staple.failure is None:
        same(at_client, None, f"{staple.note}: the client's error")
        equal(pair.client.tls.ocsp_response(), staple.response, "ocsp_response()")
        pair.echo()
        return
    error = instance(at_client, CertificateVerificationError, f"{staple.note}: the client's error")
    same(error.failure, VerifyFailure[staple.failure], f"{staple.note}: the failure")


for _staple in load_ocsp():
    declare(
        Case(
            name=f"ocsp-{_staple.name.replace('_', '-')}",
            rules=("ocsp-good",) if _staple.failure is None else ("ocsp-bad",),
            run=functools.partial(_run, _staple),
            about=f"A stapled response: {_staple.note}.",
            drives=QUICK,
            client_needs=frozenset((*_NEEDS, Feature.CLIENT, Feature.CUSTOM_TRUST_STORE)),
            server_needs=frozenset((*_NEEDS, Feature.SERVER)),
        )
    )


@case("ocsp-missing", needs=_NEEDS, drives=QUICK)
def ocsp_response_missing(kit: Kit) -> None:
    """A client that asks for a response refuses a server without one; one that does not ask takes both."""
    at_client, _ = kit.pair(kit.client(request_ocsp=True)).attempt()
    error = instance(at_client, CertificateVerificationError, "the client's error")
    same(error.failure, VerifyFailure.OTHER, "the failure")
    revoked = next(staple for staple in load_ocsp() if staple.name == "revoked")
    for response in (None, revoked.response):
        pair = kit.connected(kit.client(), kit.server(identities=(_stapling(kit, response),)))
        require(pair.client.tls.getpeercert(), "a certificate")
