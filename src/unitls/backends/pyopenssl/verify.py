"""OpenSSL's verification codes (X509_V_ERR_*, openssl/x509_vfy.h) as `VerifyFailure`, and which fault is reported."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from ...api._errors import VerifyFailure as Failure
from ...api._subjects import Subject
from ...core import _path_faults as path_faults
from ...core._der import DERError
from ...core._leaf_check import Fault
from ...core._x509 import certificate_fields
from .native import verify_text

_NO_PATH: Final = {
    2: Failure.UNKNOWN_ISSUER,  # UNABLE_TO_GET_ISSUER_CERT
    18: Failure.SELF_SIGNED,  # DEPTH_ZERO_SELF_SIGNED_CERT
    19: Failure.UNKNOWN_ISSUER,  # SELF_SIGNED_CERT_IN_CHAIN: the root is there, but nobody trusts it
    20: Failure.UNKNOWN_ISSUER,  # UNABLE_TO_GET_ISSUER_CERT_LOCALLY
    21: Failure.UNKNOWN_ISSUER,  # UNABLE_TO_VERIFY_LEAF_SIGNATURE
    27: Failure.UNKNOWN_ISSUER,  # CERT_UNTRUSTED
}
_WITH_PATH: Final = {
    4: Failure.INVALID,  # UNABLE_TO_DECRYPT_CERT_SIGNATURE
    6: Failure.INVALID,  # UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY
    7: Failure.INVALID,  # CERT_SIGNATURE_FAILURE
    9: Failure.NOT_YET_VALID,
    10: Failure.EXPIRED,
    13: Failure.INVALID,  # ERROR_IN_CERT_NOT_BEFORE_FIELD
    14: Failure.INVALID,  # ERROR_IN_CERT_NOT_AFTER_FIELD
    22: Failure.INVALID,  # CERT_CHAIN_TOO_LONG
    23: Failure.REVOKED,
    24: Failure.INVALID,  # NO_ISSUER_PUBLIC_KEY
    25: Failure.INVALID,  # PATH_LENGTH_EXCEEDED
    26: Failure.BAD_PURPOSE,
    28: Failure.BAD_PURPOSE,  # CERT_REJECTED
    32: Failure.INVALID,  # KEYUSAGE_NO_CERTSIGN
    34: Failure.INVALID,  # UNHANDLED_CRITICAL_EXTENSION
    37: Failure.INVALID,  # INVALID_NON_CA
    41: Failure.INVALID,  # INVALID_EXTENSION
    42: Failure.INVALID,  # INVALID_POLICY_EXTENSION
    47: Failure.INVALID,  # PERMITTED_VIOLATION
    48: Failure.INVALID,  # EXCLUDED_VIOLATION
    49: Failure.INVALID,  # SUBTREE_MINMAX
    51: Failure.INVALID,  # UNSUPPORTED_CONSTRAINT_TYPE
    52: Failure.INVALID,  # UNSUPPORTED_CONSTRAINT_SYNTAX
    53: Failure.INVALID,  # UNSUPPORTED_NAME_SYNTAX
    62: Failure.NAME_MISMATCH,  # HOSTNAME_MISMATCH
    63: Failure.NAME_MISMATCH,  # EMAIL_MISMATCH
    64: Failure.NAME_MISMATCH,  # IP_ADDRESS_MISMATCH
    66: Failure.WEAK,  # EE_KEY_TOO_SMALL
    67: Failure.WEAK,  # CA_KEY_TOO_SMALL
    68: Failure.WEAK,  # CA_MD_TOO_WEAK
    76: Failure.INVALID,  # UNSUPPORTED_SIGNATURE_ALGORITHM
    77: Failure.INVALID,  # SIGNATURE_ALGORITHM_MISMATCH
    79: Failure.INVALID,  # INVALID_CA
    80: Failure.INVALID,  # PATHLEN_INVALID_FOR_NON_CA
    81: Failure.INVALID,  # PATHLEN_WITHOUT_KU_KEY_CERT_SIGN
    94: Failure.INVALID,  # CA_CERT_MISSING_KEY_USAGE
}


def failure_of(code: int) -> Failure:
    """The failure for a verification code; `OTHER` for one that is not in the table (revocation lists, for example)."""
    return _NO_PATH.get(code) or _WITH_PATH.get(code, Failure.OTHER)


def first_fault(
    code: int,
    chain: Sequence[bytes],
    subjects: Sequence[Subject] | None,
    anchors: Collection[bytes],
    now: float,
) -> Fault:
    """The reason to report for a chain that OpenSSL has refused.

    OpenSSL looks for a path first. Whatever else it says, there was one, although the anchors of the system's store are
    not known here: then the chain's own names stand for them.

    Args:
        code: its verification code.
        chain: what the peer has sent.
        subjects: the acceptable names, if any are checked.
        anchors: the names of the anchors in DER, as far as they are known.
        now: seconds since the epoch.
    """
    own = Fault(failure_of(code), verify_text(code))
    known = set(anchors) if code in _NO_PATH else _names(chain)
    return path_faults.first_fault(own, chain, subjects, known, now) or own


def _names(chain: Sequence[bytes]) -> set[bytes]:
    names = set[bytes]()
    for der in chain:
        try:
            fields = certificate_fields(der)
        except DERError:
            continue
        names |= {fields.subject, fields.issuer}
    return names
