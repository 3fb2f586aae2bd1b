"""Why a certificate was refused: the verifier's words as `VerifyFailure`, and the first of several reasons.

Also the check of a stapled OCSP response (RFC 6960), which rustls hands over as it came.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, Final

from ...api._errors import VerifyFailure as Failure
from ...api._subjects import Subject
from ...core._der import DERError
from ...core._leaf_check import Fault, leaf_fault
from ...core._x509 import CertificateFields, certificate_fields

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.x509 import ocsp

# The errors of webpki (webpki::Error), and the few of rustls itself (rustls::CertificateError, rustls::Error).
_TABLE: Final = {
    "CertExpired": Failure.EXPIRED,
    "CertNotValidYet": Failure.NOT_YET_VALID,
    "UnknownIssuer": Failure.UNKNOWN_ISSUER,
    "CertRevoked": Failure.REVOKED,
    "RequiredEkuNotFound": Failure.BAD_PURPOSE,
    "RequiredEkuNotFoundContext": Failure.BAD_PURPOSE,
    "EmptyEkuExtension": Failure.BAD_PURPOSE,
    "CaUsedAsEndEntity": Failure.BAD_PURPOSE,
    "UnsupportedSignatureAlgorithm": Failure.WEAK,
    "UnsupportedSignatureAlgorithmContext": Failure.WEAK,
    "UnsupportedSignatureAlgorithmForPublicKey": Failure.WEAK,
    "UnsupportedSignatureAlgorithmForPublicKeyContext": Failure.WEAK,
    "CertDistrusted": Failure.OTHER,
    "UnknownRevocationStatus": Failure.OTHER,
    "CrlExpired": Failure.OTHER,
    "InvalidCrlNumber": Failure.OTHER,
    "InvalidCrlSignatureForPublicKey": Failure.OTHER,
    "IssuerNotCrlSigner": Failure.OTHER,
    "NoCertificatesPresented": Failure.OTHER,
}
_WEAK_SIGNATURES: Final = frozenset(
    {
        "1.2.840.113549.1.1.4",  # md5WithRSAEncryption
        "1.2.840.113549.1.1.5",  # sha1WithRSAEncryption
        "1.2.840.10045.4.1",  # ecdsa-with-SHA1
    }
)
_LEAST_RSA_BITS: Final = 2048
_ORDER: Final = tuple(Failure)


def failure_of(code: str) -> Failure:
    """The failure for one of the verifier's words; what is not in the table is about the certificate's form."""
    return _TABLE.get(code, Failure.OTHER if "Crl" in code or "Revocation" in code else Failure.INVALID)


def first_fault(
    code: str,
    text: str,
    chain: Sequence[bytes],
    subjects: Sequence[Subject] | None,
    anchors: Collection[bytes],
    now: float,
) -> Fault:
    """The reason to report for a refused chain: the verifier's own, or one that comes before it.

    rustls stops at the first fault it meets, in an order of its own. What it has not come to is looked at here.

    Args:
        code: the verifier's word.
        text: its sentence.
        chain: what the peer has sent.
        subjects: the acceptable names, if any are checked.
        anchors: the names of the anchors in DER.
        now: seconds since the epoch.
    """
    found = [Fault(failure_of(code), text)]
    try:
        certificates = [certificate_fields(der) for der in chain]
    except DERError:
        certificates = []  # the verifier's own word has to do
    if certificates and code != "NoCertificatesPresented":
        found += _further_faults(found[0].failure, certificates, anchors)
        own = leaf_fault(chain[0], subjects, is_anchor=False, now=now)
        found += [own] if own is not None else []
    if any(fault.failure is Failure.SELF_SIGNED for fault in found):
        found = [fault for fault in found if fault.failure is not Failure.UNKNOWN_ISSUER]
    return min(found, key=lambda fault: _ORDER.index(fault.failure))


def _further_faults(
    reported: Failure, certificates: Sequence[CertificateFields], anchors: Collection[bytes]
) -> list[Fault]:
    leaf, found = certificates[0], []
    if leaf.is_self_issued and leaf.subject not in anchors:
        found.append(Fault(Failure.SELF_SIGNED, "the certificate is its own issuer, and is not trusted"))
    elif not _reaches(certificates, anchors):
        found.append(Fault(Failure.UNKNOWN_ISSUER, "no path leads to a trusted anchor"))
    if any(_is_weak(item) for item in certificates) and reported is not Failure.UNKNOWN_ISSUER:
        found.append(Fault(Failure.WEAK, "a key or a signature in the chain is too weak"))
    return found


def _reaches(certificates: Sequence[CertificateFields], anchors: Collection[bytes]) -> bool:
    """Whether the names of the issuers lead to an anchor."""
    by_subject = {item.subject: item for item in certificates[1:]}
    name, seen = certificates[0].issuer, set[bytes]()
    while name not in anchors:
        issuer = by_subject.get(name)
        if issuer is None or name in seen:
            return False
        seen.add(name)
        name = issuer.issuer
    return True


def _is_weak(fields: CertificateFields) -> bool:
    small = fields.rsa_bits is not None and fields.rsa_bits < _LEAST_RSA_BITS
    return small or fields.signature_algorithm in _WEAK_SIGNATURES


# ---------------------------------------------------------------------------------------------- OCSP


def ocsp_fault(response: bytes, path: Sequence[bytes], now: float) -> Fault | None:
    """Check a stapled OCSP response: only one that is current, signed by the right one, and says good will do.

    Args:
        response: what was stapled; empty if nothing was.
        path: the verified path, leaf first.
        now: seconds since the epoch.

    Returns:
        Why it will not do, or `None`.
    """
    from cryptography import x509
    from cryptography.x509 import ocsp

    if not response:
        return Fault(Failure.OTHER, "the server has stapled no OCSP response")
    if len(path) < 2:
        return Fault(Failure.OTHER, "an OCSP response cannot be checked without the issuer's certificate")
    try:
        leaf, issuer = (x509.load_der_x509_certificate(der) for der in path[:2])
        answer = ocsp.load_der_ocsp_response(response)
        if answer.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
            return Fault(Failure.OTHER, f"the OCSP responder has no answer: {answer.response_status.name.lower()}")
        if not _is_signed(answer, issuer, now):
            return Fault(Failure.OTHER, "the OCSP response is not signed by the issuer, or by whom it has appointed")
        single = next((item for item in answer.responses if _is_about(item, leaf, issuer)), None)
    except (ValueError, TypeError) as error:
        return Fault(Failure.OTHER, f"the OCSP response cannot be read: {error}")
    return (
        Fault(Failure.OTHER, "the OCSP response is about another certificate")
        if single is None
        else _status(single, now)
    )


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
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

    key, algorithm = signer.public_key(), answer.signature_hash_algorithm
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
