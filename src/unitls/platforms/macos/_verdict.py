"""The verdict on a peer's certificate: SecTrust's, and what it leaves to its callers."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Sequence
from typing import Final

from ...api._configuration import TLSConfiguration
from ...api._errors import VerifyFailure as Failure
from ...api._subjects import Subject
from ...core._clock import time_by
from ...core._der import DERError
from ...core._leaf_check import Fault, leaf_fault
from ...core._path_faults import first_fault
from ...core._platform import Verdict
from ...core._x509 import certificate_fields
from ._foundation import Owned, array, certificate, certificates, copied, date, elements, error_of
from ._frameworks import check, frameworks

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
_LEAST_RSA_BITS: Final = 2048
_DATES: Final = frozenset({Failure.EXPIRED, Failure.NOT_YET_VALID})


class Rules:
    """What the certificates of the peers of one configuration have to satisfy.

    Args:
        anchors: what is trusted, in DER.
        configuration: what else there is to satisfy.
        is_server: whether the peers are servers.
        with_system: whether what macOS trusts is trusted too.

    Raises:
        Error: an anchor cannot be read.

    Attributes:
        anchors: the array of the given anchors; `None` if there are none.
    """

    def __init__(
        self,
        anchors: Sequence[bytes],
        configuration: TLSConfiguration,
        *,
        is_server: bool = True,
        with_system: bool = True,
    ) -> None:
        self.anchors = array([certificate(der) for der in anchors]) if anchors else None
        self._given = frozenset(anchors)
        self._policy = Owned(frameworks().security.SecPolicyCreateSSL(is_server, None))
        self._with_system = with_system
        self._clock = configuration.verification_time
        self._depth = configuration.verification_depth
        self._names: frozenset[bytes] | None = None
        self._lock = threading.Lock()

    def judge(self, trust: Owned, subjects: Sequence[Subject] | None, sent: Sequence[bytes]) -> Verdict:
        """Verify a peer's certificates.

        Args:
            trust: a SecTrust of them.
            subjects: the acceptable names, if any are checked.
            sent: what the peer has sent, as far as it is known.
        """
        now = time_by(self._clock)
        self._prepare(trust, None if self._clock is None else now)
        place = ctypes.c_void_p()
        good = frameworks().security.SecTrustEvaluateWithError(trust, ctypes.byref(place))
        code, text = error_of(place)
        path = _path(trust)
        chain = sent or path
        if not good or not path:
            failure = failure_of(code, text)
            if failure in _DATES:
                failure = _date_failure(chain, now) or failure
            found = Fault(failure, text or f"SecTrust refuses it (status {code})")
            if chain and chain[0] in self._given:
                return Verdict(found)  # for a leaf that is trusted by itself it does not matter who has issued it
            return Verdict(first_fault(found, chain, subjects, self._authorities(), now) or found)
        fault = self._own_fault(path, subjects, now)
        return Verdict(fault) if fault is not None else Verdict(None, tuple(path))

    def _prepare(self, trust: Owned, moment: float | None) -> None:
        """Say what to verify for, against and when; nothing is fetched from the network."""
        security = frameworks().security
        check(security.SecTrustSetPolicies(trust, self._policy))
        if self.anchors is not None:
            check(security.SecTrustSetAnchorCertificates(trust, self.anchors))
        check(security.SecTrustSetAnchorCertificatesOnly(trust, not self._with_system))
        check(security.SecTrustSetNetworkFetchAllowed(trust, False))
        if moment is not None:
            check(security.SecTrustSetVerifyDate(trust, date(moment)))

    def _authorities(self) -> frozenset[bytes]:
        """The names of the anchors in DER; read once, when a certificate was refused."""
        with self._lock:
            if self._names is None:
                ders = [*self._given, *(_system_anchors() if self._with_system else ())]
                self._names = frozenset(_subject(der) for der in ders) - {b""}
            return self._names

    def _own_fault(self, path: list[bytes], subjects: Sequence[Subject] | None, now: float) -> Fault | None:
        """Core's check, so that the peer gets an alert; what is too weak whatever the system's policy; the length."""
        try:
            fields = [certificate_fields(der) for der in path]
        except DERError as error:
            return Fault(Failure.INVALID, f"a certificate is malformed: {error}")
        fault = leaf_fault(path[0], subjects, is_anchor=path[0] in self._given, now=now)
        below_anchor = fields[:-1] or fields
        if fault is None and any((item.rsa_bits or _LEAST_RSA_BITS) < _LEAST_RSA_BITS for item in fields):
            return Fault(Failure.WEAK, "a key in the path is too weak")
        if fault is None and any(item.is_weakly_signed for item in below_anchor):
            return Fault(Failure.WEAK, "a signature in the path is too weak")
        return fault or _depth_fault(path, self._depth)


def failure_of(code: int, text: str) -> Failure:
    """The failure for a code of SecTrust and its sentence; an unknown one is about the certificate's form."""
    found = _TABLE.get(code, Failure.INVALID)
    if found is Failure.INVALID and any(word in text.lower() for word in _WEAK_WORDS):
        return Failure.WEAK
    return found


def _path(trust: Owned) -> list[bytes]:
    security = frameworks().security
    count = security.SecTrustGetCertificateCount(trust)
    return certificates(security.SecTrustGetCertificateAtIndex(trust, index) for index in range(count))


def _date_failure(chain: Sequence[bytes], now: float) -> Failure | None:
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


def _system_anchors() -> list[bytes]:
    found = copied(frameworks().security.SecTrustCopyAnchorCertificates)
    return [] if found is None else certificates(elements(found))


def _subject(der: bytes) -> bytes:
    try:
        return certificate_fields(der).subject
    except DERError:
        return b""
