"""The verdict on the peer's certificate: which of its faults is told, and by which alert."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from ...api._errors import VerifyFailure as Failure
from ...core import _path_faults as path_faults
from ...core._der import DERError
from ...core._leaf_check import Fault, leaf_fault
from ...core._path_rules import CLIENT_AUTH, SERVER_AUTH, path_fault
from ...core._x509 import CertificateFields, certificate_fields
from . import native
from ._pkix import Anchors, Outcome, Question, date_fault, find_path

_PURPOSES: Final = {native.USAGE_SERVER: SERVER_AUTH, native.USAGE_CLIENT: CLIENT_AUTH}

# What CERT_PKIXVerifyCert says (names of secerr.h); what is not here is about the form of the certificates.
_TABLE: Final = {
    "SEC_ERROR_EXPIRED_CERTIFICATE": Failure.EXPIRED,  # also said of one that is not valid yet
    "SEC_ERROR_EXPIRED_ISSUER_CERTIFICATE": Failure.EXPIRED,
    "SEC_ERROR_UNKNOWN_ISSUER": Failure.UNKNOWN_ISSUER,
    "SEC_ERROR_UNTRUSTED_ISSUER": Failure.UNKNOWN_ISSUER,
    "SEC_ERROR_UNTRUSTED_CERT": Failure.UNKNOWN_ISSUER,
    "SEC_ERROR_REVOKED_CERTIFICATE": Failure.REVOKED,
    "SEC_ERROR_INADEQUATE_KEY_USAGE": Failure.BAD_PURPOSE,
    "SEC_ERROR_INADEQUATE_CERT_TYPE": Failure.BAD_PURPOSE,
    "SEC_ERROR_CERT_SIGNATURE_ALGORITHM_DISABLED": Failure.WEAK,
    "SEC_ERROR_EXTENSION_NOT_FOUND": Failure.UNKNOWN_ISSUER,  # of an issuer with the right name and the wrong key
    "SEC_ERROR_APPLICATION_CALLBACK_ERROR": Failure.UNKNOWN_ISSUER,  # `_accepts` wants another path, and there is none
    "SEC_ERROR_LIBRARY_FAILURE": Failure.OTHER,
    "SEC_ERROR_NO_MEMORY": Failure.OTHER,
}
# The error that says why, and makes NSS send the alert that says most (ssl3_SendAlertForCertError). No such error makes it
# send unsupported_certificate, as `Fault.alert` is for a purpose.
_ALERT_CODES: Final = {
    Failure.EXPIRED: -8181,  # certificate_expired
    Failure.NOT_YET_VALID: -8181,
    Failure.UNKNOWN_ISSUER: -8179,  # unknown_ca
    Failure.SELF_SIGNED: -8179,
    Failure.REVOKED: -8180,  # certificate_revoked
    Failure.BAD_PURPOSE: -8101,  # certificate_unknown
}
_BAD_CERTIFICATE: Final = -8182  # SEC_ERROR_BAD_SIGNATURE


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a verification.

    Attributes:
        path: from the leaf to the anchor, in DER; empty if there is none.
        fault: why the certificate is refused, if it is.
    """

    path: tuple[bytes, ...] = ()
    fault: Fault | None = None


def verify(anchors: Anchors, leaf: Any, question: Question) -> Verdict:
    """Verify a chain.

    Args:
        anchors: what is trusted.
        leaf: the peer's certificate, an object of NSS.
        question: the rest.
    """
    try:
        fields = [certificate_fields(der) for der in question.chain]
    except DERError as error:
        return Verdict(fault=Fault(Failure.INVALID, f"a certificate is malformed: {error}"))
    if question.chain[0] in anchors.ders:
        fault = _trusted_leaf_fault(question)
        return Verdict(question.chain[:1] if fault is None else (), fault)
    outcome = find_path(anchors, leaf, question, fields)
    if outcome.path:
        own = leaf_fault(question.chain[0], question.subjects, is_anchor=False, now=question.now)
        # The library itself looks at the key usage of the leaf.
        return Verdict(outcome.path, own or path_fault(outcome.path, _PURPOSES[question.usage], signs=False))
    found = _fault(outcome, fields, question.now)
    first = path_faults.first_fault(found, question.chain, question.subjects, anchors.subjects, question.now)
    return Verdict((), first or found)


def alert_code(fault: Fault) -> int:
    """The error of NSS's to end a handshake with."""
    return _ALERT_CODES.get(fault.failure, _BAD_CERTIFICATE)


def failure_of(name: str) -> Failure:
    """The failure for an error of NSS's verification, by its name."""
    return _TABLE.get(name, Failure.INVALID)


def _trusted_leaf_fault(question: Question) -> Fault | None:
    """What is wrong with a leaf that is trusted as itself: NSS knows no such thing, so it is not asked."""
    own = leaf_fault(question.chain[0], question.subjects, is_anchor=True, now=question.now)
    return own or path_fault(question.chain[:1], _PURPOSES[question.usage])


def _fault(outcome: Outcome, fields: Sequence[CertificateFields], now: float) -> Fault:
    if outcome.objection is not None:
        return outcome.objection
    error = native.Error(outcome.code)
    failure = failure_of(error.name)
    is_over = failure is Failure.EXPIRED or (
        failure is Failure.UNKNOWN_ISSUER and not all(item.not_before <= now <= item.not_after for item in fields)
    )
    return date_fault(fields, now) if is_over else Fault(failure, error.text)
