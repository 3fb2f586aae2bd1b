"""Why a certificate was refused: the verifier's words as `VerifyFailure`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from ...api._errors import VerifyFailure as Failure
from ...api._subjects import Subject
from ...core import _path_faults as path_faults
from ...core._leaf_check import Fault

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
    """The reason to report for a chain that rustls has refused.

    Args:
        code: the verifier's word.
        text: its sentence.
        chain: what the peer has sent.
        subjects: the acceptable names, if any are checked.
        anchors: the names of the anchors in DER; empty where rustls does not verify, but cannot use a certificate.
        now: seconds since the epoch.
    """
    own = Fault(failure_of(code), text)
    if code == "NoCertificatesPresented":
        return own
    return path_faults.first_fault(own, chain, subjects, anchors or None, now) or own
