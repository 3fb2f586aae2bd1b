"""The verdict on the peer's certificate: SecTrust's, and what it leaves to its callers."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from ...api._errors import VerifyFailure as Failure
from ...api._subjects import Subject
from ...core._der import DERError
from ...core._leaf_check import Fault, leaf_fault
from ...core._path_faults import first_fault
from ...core._x509 import certificate_fields
from . import native
from ._foundation import Owned, certificates, copied, date, elements, error_of

if TYPE_CHECKING:
    from .config import Native

# The codes of SecTrustEvaluateWithError (SecBase.h). It gives the first it has found.
_TABLE: Final = {
    -67818: Failure.EXPIRED,  # errSecCertificateExpired
    -67819: Failure.NOT_YET_VALID,  # errSecCertificateNotValidYet
    -67843: Failure.UNKNOWN_ISSUER,  # errSecNotTrusted
    -25318: Failure.UNKNOWN_ISSUER,  # errSecCreateChainFailed
    -67654: Failure.OTHER,  # errSecTrustSettingDeny
    -67602: Failure.NAME_MISMATCH,  # errSecHostNameMismatch
    -67820: Failure.REVOKED,  # errSecCertificateRevoked
    -67609: Failure.BAD_PURPOSE,  # errSecInvalidExtendedKeyUsage
    -67608: Failure.BAD_PURPOSE,  # errSecInvalidKeyUsageForPolicy
    -67610: Failure.INVALID,  # errSecInvalidIDLinkage
    -67611: Failure.INVALID,  # errSecPathLengthConstraintExceeded
    -67612: Failure.INVALID,  # errSecInvalidRoot
    -67688: Failure.INVALID,  # errSecInvalidSignature
    -67901: Failure.OTHER,  # errSecCertificateValidityPeriodTooLong
    -67902: Failure.INVALID,  # errSecCertificateIsCA
    -67903: Failure.INVALID,  # errSecCertificateDuplicateExtension
    -26275: Failure.INVALID,  # errSecDecode
}
_WEAK_WORDS: Final = ("weak", "key size", "signature algorithm", "hash algorithm")
"""The codes for these are shared with other faults; the sentence tells."""
_WEAK_SIGNATURES: Final = frozenset(
    {"1.2.840.113549.1.1.4", "1.2.840.113549.1.1.5", "1.2.840.10045.4.1"}  # MD5 and SHA-1 with RSA, SHA-1 with ECDSA
)
_LEAST_RSA_BITS: Final = 2048
_ALERTS: Final = {
    Failure.EXPIRED: 45,  # certificate_expired
    Failure.NOT_YET_VALID: 45,
    Failure.UNKNOWN_ISSUER: 48,  # unknown_ca
    Failure.SELF_SIGNED: 48,
    Failure.REVOKED: 44,  # certificate_revoked
    Failure.BAD_PURPOSE: 43,  # unsupported_certificate
    Failure.OTHER: 46,  # certificate_unknown
}
_BAD_CERTIFICATE: Final = 42
_DATES: Final = frozenset({Failure.EXPIRED, Failure.NOT_YET_VALID})


def failure_of(code: int, text: str) -> Failure:
    """The failure for a code of SecTrust and its sentence; an unknown one is about the certificate's form."""
    found = _TABLE.get(code, Failure.INVALID)
    if found is Failure.INVALID and any(word in text.lower() for word in _WEAK_WORDS):
        return Failure.WEAK
    return found


def alert_for(failure: Failure) -> int:
    """The alert that tells the peer of a failure (RFC 8446 section 6.2)."""
    return _ALERTS.get(failure, _BAD_CERTIFICATE)


def peer_trust(session: Owned) -> Owned | None:
    """The SecTrust of the peer's certificates; `None` if it has sent none."""
    security = native.frameworks().security
    try:
        return copied(lambda place: security.SSLCopyPeerTrust(session, place))
    except native.Error:
        return None  # errSecBadReq where there is no certificate


def sent_chain(session: Owned) -> list[bytes]:
    """What the peer has sent, leaf first; empty where the library does not tell."""
    if "SSLCopyPeerCertificates" in native.frameworks().lacking:
        return []
    security = native.frameworks().security
    try:
        sent = copied(lambda place: security.SSLCopyPeerCertificates(session, place))
    except native.Error:
        return []
    return [] if sent is None else certificates(elements(sent))


def judge(
    trust: Owned, context: Native, subjects: Sequence[Subject] | None, sent: list[bytes]
) -> tuple[Fault | None, list[bytes]]:
    """Verify the peer's certificates.

    Args:
        trust: what `peer_trust` gave.
        context: what to verify against.
        subjects: the acceptable names, if any are checked.
        sent: what the peer has sent, as far as it is known.

    Returns:
        Why they are not accepted, or `None`; and the path, leaf first, if they are.
    """
    clock = context.settings.configuration.verification_time
    now = (clock or time.time)()
    _prepare(trust, context, None if clock is None else now)
    place = ctypes.c_void_p()
    good = native.frameworks().security.SecTrustEvaluateWithError(trust, ctypes.byref(place))
    code, text = error_of(place)
    path = _path(trust)
    chain = sent or path
    if not good or not path:
        failure = failure_of(code, text)
        if failure in _DATES:
            failure = _date_failure(chain, now) or failure
        found = Fault(failure, text or f"SecTrust refuses it (status {code})")
        return first_fault(found, chain, subjects, context.authorities(), now) or found, []
    fault = _own_fault(path, context, subjects, now)
    return fault, [] if fault is not None else path


def _prepare(trust: Owned, context: Native, moment: float | None) -> None:
    """Say what to verify for, against and when; nothing is fetched from the network."""
    security = native.frameworks().security
    native.check(security.SecTrustSetPolicies(trust, context.policy))
    if context.anchors is not None:
        native.check(security.SecTrustSetAnchorCertificates(trust, context.anchors))
    only = not context.settings.system_trust
    native.check(security.SecTrustSetAnchorCertificatesOnly(trust, only))
    native.check(security.SecTrustSetNetworkFetchAllowed(trust, False))
    if moment is not None:
        native.check(security.SecTrustSetVerifyDate(trust, date(moment)))


def _path(trust: Owned) -> list[bytes]:
    security = native.frameworks().security
    count = security.SecTrustGetCertificateCount(trust)
    return certificates(security.SecTrustGetCertificateAtIndex(trust, index) for index in range(count))


def _own_fault(path: list[bytes], context: Native, subjects: Sequence[Subject] | None, now: float) -> Fault | None:
    """Core's check, so that the peer gets an alert; what is too weak whatever the system's policy; the length."""
    try:
        fields = [certificate_fields(der) for der in path]
    except DERError as error:
        return Fault(Failure.INVALID, f"a certificate is malformed: {error}")
    fault = leaf_fault(path[0], subjects, is_anchor=path[0] in context.settings.anchors, now=now)
    below_anchor = fields[:-1] or fields
    if fault is None and any((item.rsa_bits or _LEAST_RSA_BITS) < _LEAST_RSA_BITS for item in fields):
        return Fault(Failure.WEAK, "a key in the path is too weak")
    if fault is None and any(item.signature_algorithm in _WEAK_SIGNATURES for item in below_anchor):
        return Fault(Failure.WEAK, "a signature in the path is too weak")
    return fault or _depth_fault(path, context.settings.configuration.verification_depth)


def _date_failure(chain: list[bytes], now: float) -> Failure | None:
    """Which of the two it is: macOS has been seen to call a certificate expired that was not valid yet."""
    try:
        fields = [certificate_fields(der) for der in chain]
    except DERError:
        return None
    if any(now > item.not_after for item in fields):
        return Failure.EXPIRED
    return Failure.NOT_YET_VALID if any(now < item.not_before for item in fields) else None


def _depth_fault(path: list[bytes], depth: int | None) -> Fault | None:
    intermediates = max(0, len(path) - 2)
    if depth is None or intermediates <= depth:
        return None
    return Fault(Failure.INVALID, f"the path has {intermediates} intermediates, and {depth} are allowed")
