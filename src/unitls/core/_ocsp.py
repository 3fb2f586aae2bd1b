"""The check of a stapled OCSP response (RFC 6960), for libraries that hand it over as it came.

The package `cryptography` reads it; it is loaded when it is needed.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..api._errors import VerifyFailure as Failure
from ._leaf_check import Fault

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.x509 import ocsp


def ocsp_fault(response: bytes, path: Sequence[bytes], now: float) -> Fault | None:
    """Check a stapled OCSP response: only one that is current, signed by the right one, and says good will do.

    Args:
        response: what was stapled; empty if nothing was.
        path: the verified path, leaf first.
        now: seconds since the epoch.

    Returns:
        Why it will not do, or `None`.
    """
    from cryptography.exceptions import UnsupportedAlgorithm

    if not response:
        return Fault(Failure.OTHER, "the server has stapled no OCSP response")
    if len(path) < 2:
        return Fault(Failure.OTHER, "an OCSP response cannot be checked without the issuer's certificate")
    try:
        return _fault(response, path, now)
    except (ValueError, TypeError, OverflowError, UnsupportedAlgorithm) as error:
        return Fault(Failure.OTHER, f"the OCSP response cannot be read: {error}")


def _fault(response: bytes, path: Sequence[bytes], now: float) -> Fault | None:
    from cryptography import x509
    from cryptography.x509 import ocsp

    leaf, issuer = (x509.load_der_x509_certificate(der) for der in path[:2])
    answer = ocsp.load_der_ocsp_response(response)
    if answer.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
        return Fault(Failure.OTHER, f"the OCSP responder has no answer: {answer.response_status.name.lower()}")
    if not _is_signed(answer, issuer, now):
        return Fault(Failure.OTHER, "the OCSP response is not signed by the issuer, or by whom it has appointed")
    single = next((item for item in answer.responses if _is_about(item, leaf, issuer)), None)
    if single is None:
        return Fault(Failure.OTHER, "the OCSP response is about another certificate")
    return _status(single, now)


def _status(single: Any, now: float) -> Fault | None:
    from cryptography.x509 import ocsp

    if single.certificate_status is ocsp.OCSPCertStatus.REVOKED:
        return Fault(Failure.REVOKED, "the OCSP response says that the certificate is revoked")
    if single.certificate_status is not ocsp.OCSPCertStatus.GOOD:
        return Fault(Failure.OTHER, "the OCSP responder does not know the certificate")
    moment = _moment(now)
    if single.next_update_utc is None or not single.this_update_utc <= moment <= single.next_update_utc:
        return Fault(Failure.OTHER, "the OCSP response is not of now")
    return None


def _moment(now: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(now, datetime.UTC)


def _is_about(single: Any, leaf: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether a single response names the leaf: by its serial number, and its issuer's name and key."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.x509 import ocsp

    algorithm: hashes.HashAlgorithm = single.hash_algorithm
    request = ocsp.OCSPRequestBuilder().add_certificate(leaf, issuer, algorithm).build()
    wanted = (request.serial_number, request.issuer_name_hash, request.issuer_key_hash)
    return (single.serial_number, single.issuer_name_hash, single.issuer_key_hash) == wanted


def _is_signed(answer: ocsp.OCSPResponse, issuer: x509.Certificate, now: float) -> bool:
    """Whether the issuer has signed, or somebody with a certificate from it for this very purpose."""
    signers = [issuer, *(item for item in answer.certificates if _is_appointed(item, issuer, now))]
    return any(_verifies(answer, signer) for signer in signers)


def _is_appointed(responder: x509.Certificate, issuer: x509.Certificate, now: float) -> bool:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature
    from cryptography.x509.oid import ExtendedKeyUsageOID

    try:
        responder.verify_directly_issued_by(issuer)
        usages = responder.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (InvalidSignature, ValueError, TypeError, x509.ExtensionNotFound):
        return False
    is_current = responder.not_valid_before_utc <= _moment(now) <= responder.not_valid_after_utc
    return is_current and ExtendedKeyUsageOID.OCSP_SIGNING in usages


def _verifies(answer: ocsp.OCSPResponse, signer: x509.Certificate) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

    key, algorithm = signer.public_key(), answer.signature_hash_algorithm
    if isinstance(algorithm, (hashes.MD5, hashes.SHA1)):  # as weak as in a certificate
        return False
    try:
        if isinstance(key, rsa.RSAPublicKey) and algorithm is not None:
            key.verify(answer.signature, answer.tbs_response_bytes, padding.PKCS1v15(), algorithm)
        elif isinstance(key, ec.EllipticCurvePublicKey) and algorithm is not None:
            key.verify(answer.signature, answer.tbs_response_bytes, ec.ECDSA(algorithm))
        elif isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(answer.signature, answer.tbs_response_bytes)
        else:
            return False
    except InvalidSignature:
        return False
    return True
