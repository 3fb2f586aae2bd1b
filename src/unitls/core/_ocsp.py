"""The check of a stapled OCSP response (RFC 6960), for libraries that hand it over as it came.

The package `cryptography` reads it; it is loaded when it is needed.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from ..api._errors import VerifyFailure as Failure
from ._certificate_limits import certificate_limits
from ._der import (
    BOOLEAN,
    GENERALIZED_TIME,
    OBJECT_IDENTIFIER,
    OCTET_STRING,
    SEQUENCE,
    DERError,
    DERReader,
    enter_whole,
)
from ._leaf_check import Fault

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.x509 import ocsp

_ENUMERATED: Final = 0x0A
_NONCE: Final = "1.3.6.1.5.5.7.48.1.2"
_CRITICAL: Final = Fault(Failure.OTHER, "the OCSP response has a critical extension that is not understood")


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
        return _fault(response, path, now) or extension_fault(response)
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
    return worst([_status(item, now) for item in answer.responses if _is_about(item, leaf, issuer)])


def worst(found: Sequence[Fault | None]) -> Fault | None:
    """What counts of all that a response says about one certificate: that it is revoked, wherever that stands.

    Args:
        found: for each single response about the certificate why it will not do, or `None`.
    """
    if not found:
        return Fault(Failure.OTHER, "the OCSP response is about another certificate")
    revoked = next((fault for fault in found if fault is not None and fault.failure is Failure.REVOKED), None)
    return revoked or (None if None in found else found[0])


def extension_fault(response: bytes) -> Fault | None:
    """Refuse a critical extension, of the response or of a single one in it: none but the nonce is understood.

    Args:
        response: a response whose answer was read before.

    Returns:
        Why it will not do, or `None`.
    """
    try:
        return _CRITICAL if _has_critical_anywhere(response) else None
    except DERError as error:
        return Fault(Failure.OTHER, f"the OCSP response cannot be read: {error}")


def _has_critical_anywhere(response: bytes) -> bool:
    envelope = enter_whole(response, SEQUENCE)
    envelope.skip(_ENUMERATED)
    answer = envelope.enter(0xA0).enter(SEQUENCE)
    answer.skip(OBJECT_IDENTIFIER)
    data = enter_whole(answer.content(OCTET_STRING), SEQUENCE).enter(SEQUENCE)
    data.skip_optional(0xA0)
    data.any_element()  # the responder's identifier
    data.skip(GENERALIZED_TIME)
    singles = data.enter(SEQUENCE)
    while singles.peek() >= 0:
        single = singles.enter(SEQUENCE)
        single.skip(SEQUENCE)
        single.any_element()  # the status
        single.skip(GENERALIZED_TIME)
        single.skip_optional(0xA0)
        if _has_critical(single):
            return True
    return _has_critical(data)


def _has_critical(reader: DERReader) -> bool:
    if reader.peek() != 0xA1:
        return False
    listed = reader.enter(0xA1).enter(SEQUENCE)
    while listed.peek() >= 0:
        extension = listed.enter(SEQUENCE)
        name = extension.object_identifier()
        if extension.peek() == BOOLEAN and extension.boolean() and name != _NONCE:
            return True
    return False


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
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509.oid import ExtendedKeyUsageOID

    try:
        responder.verify_directly_issued_by(issuer)
        if certificate_limits(responder.public_bytes(Encoding.DER)).unknown_critical:
            return False
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
