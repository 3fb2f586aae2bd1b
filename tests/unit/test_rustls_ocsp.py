"""Stapled OCSP responses with the rustls backend: more kinds of them than the conformance kit has."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from _rustls import HOST, connected, identity

import unitls
from unitls import VerifyFailure

OCSP_SIGNING = ("2.5.29.37", False, bytes.fromhex("300a06082b06010505070309"))
"""The extended key usage that appoints a responder (RFC 6960 section 4.2.2.2)."""


def loaded(issued: Any) -> tuple[Any, Any]:
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    certificate = x509.load_der_x509_certificate(issued.chain[0])
    return certificate, serialization.load_pem_private_key(issued.key_pem, None)


class Responder:
    """Makes OCSP responses about a leaf of its own authority."""

    def __init__(self) -> None:
        from cryptography import x509
        from cryptography.hazmat.primitives import serialization

        from unitls.testing._ca import CertificateAuthority

        self.authority = CertificateAuthority.create()
        self.issued = self.authority.issue(dns_names=[HOST])
        self.leaf = x509.load_der_x509_certificate(self.issued.chain[0])
        self.issuer = x509.load_der_x509_certificate(self.authority.certificate_der)
        self.key: Any = serialization.load_pem_private_key(self.authority.key_pem, None)

    def response(
        self, status: str = "GOOD", age: int = 1, life: int = 5, leaf: Any = None, signer: Any = None
    ) -> bytes:
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.x509 import ocsp

        now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
        revoked = status == "REVOKED"
        builder = ocsp.OCSPResponseBuilder().add_response(
            cert=leaf or self.leaf,
            issuer=self.issuer,
            algorithm=hashes.SHA256(),
            cert_status=ocsp.OCSPCertStatus[status],
            this_update=now - datetime.timedelta(days=age),
            next_update=now + datetime.timedelta(days=life),
            revocation_time=now if revoked else None,
            revocation_reason=None,
        )
        certificate, key = (self.issuer, self.key) if signer is None else loaded(signer)
        if signer is not None:
            builder = builder.certificates([certificate])
        signed = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, certificate).sign(key, hashes.SHA256())
        return signed.public_bytes(serialization.Encoding.DER)

    def shake(self, response: bytes | None) -> Any:
        trust = unitls.TrustStore.from_buffer(self.authority.certificate_der)
        ours = {"trust_store": trust, "request_ocsp": True}
        client, _ = connected(ours, {"identities": (identity(self.issued, ocsp_response=response),)})
        return client


@pytest.fixture(scope="module")
def responder() -> Responder:
    pytest.importorskip("cryptography")
    return Responder()


def test_a_good_ocsp_response_is_accepted_and_told(responder: Responder) -> None:
    response = responder.response()
    assert responder.shake(response).ocsp_response() == response


def test_an_appointed_responder_may_sign(responder: Responder) -> None:
    appointed = responder.authority.issue(common_name="responder", purposes=(), extensions=[OCSP_SIGNING])
    assert responder.shake(responder.response(signer=appointed)).ocsp_response()


def stranger(responder: Responder) -> Any:
    from unitls.testing._ca import CertificateAuthority

    return CertificateAuthority.create().issue(common_name="stranger", purposes=(), extensions=[OCSP_SIGNING])


@pytest.mark.parametrize(
    ("make", "failure"),
    [
        (lambda it: None, VerifyFailure.OTHER),
        (lambda it: b"garbage", VerifyFailure.OTHER),
        (lambda it: it.response("REVOKED"), VerifyFailure.REVOKED),
        (lambda it: it.response("UNKNOWN"), VerifyFailure.OTHER),
        (lambda it: it.response(age=9, life=-2), VerifyFailure.OTHER),
        (lambda it: it.response(age=-1), VerifyFailure.OTHER),
        (lambda it: it.response(leaf=it.issuer), VerifyFailure.OTHER),
        (lambda it: it.response(signer=stranger(it)), VerifyFailure.OTHER),
        (lambda it: it.response(signer=it.issued), VerifyFailure.OTHER),
    ],
    ids=[
        "none",
        "garbage",
        "revoked",
        "unknown",
        "old",
        "of-tomorrow",
        "of-another",
        "signed-by-a-stranger",
        "signed-by-itself",
    ],
)
def test_any_other_ocsp_response_is_refused(responder: Responder, make: Any, failure: VerifyFailure) -> None:
    with pytest.raises(unitls.CertificateVerificationError) as caught:
        responder.shake(make(responder))
    assert caught.value.failure is failure
