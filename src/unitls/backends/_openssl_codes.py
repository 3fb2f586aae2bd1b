"""What OpenSSL's codes mean, for the backends on it: verification codes and the reasons of its errors."""

from __future__ import annotations

from typing import Final

from ..api._errors import VerifyFailure as Failure

# X509_V_ERR_* (openssl/x509_vfy.h).
_TABLE: Final = {
    2: Failure.UNKNOWN_ISSUER,  # UNABLE_TO_GET_ISSUER_CERT
    4: Failure.INVALID,  # UNABLE_TO_DECRYPT_CERT_SIGNATURE
    6: Failure.INVALID,  # UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY
    7: Failure.INVALID,  # CERT_SIGNATURE_FAILURE
    9: Failure.NOT_YET_VALID,
    10: Failure.EXPIRED,
    13: Failure.INVALID,  # ERROR_IN_CERT_NOT_BEFORE_FIELD
    14: Failure.INVALID,  # ERROR_IN_CERT_NOT_AFTER_FIELD
    18: Failure.SELF_SIGNED,  # DEPTH_ZERO_SELF_SIGNED_CERT
    19: Failure.UNKNOWN_ISSUER,  # SELF_SIGNED_CERT_IN_CHAIN: the root is there, but nobody trusts it
    20: Failure.UNKNOWN_ISSUER,  # UNABLE_TO_GET_ISSUER_CERT_LOCALLY
    21: Failure.UNKNOWN_ISSUER,  # UNABLE_TO_VERIFY_LEAF_SIGNATURE
    22: Failure.INVALID,  # CERT_CHAIN_TOO_LONG
    23: Failure.REVOKED,
    24: Failure.INVALID,  # INVALID_CA (1.1.1), NO_ISSUER_PUBLIC_KEY (3.x)
    25: Failure.INVALID,  # PATH_LENGTH_EXCEEDED
    26: Failure.BAD_PURPOSE,
    27: Failure.UNKNOWN_ISSUER,  # CERT_UNTRUSTED
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
    79: Failure.INVALID,  # INVALID_CA (3.x)
    80: Failure.INVALID,  # PATHLEN_INVALID_FOR_NON_CA
    81: Failure.INVALID,  # PATHLEN_WITHOUT_KU_KEY_CERT_SIGN
    94: Failure.INVALID,  # CA_CERT_MISSING_KEY_USAGE
}
NO_PATH: Final = frozenset({2, 18, 19, 20, 21, 27})
"""Codes that say that no path leads to an anchor, which OpenSSL looks for first."""
NO_CERTIFICATE: Final = "PEER_DID_NOT_RETURN_A_CERTIFICATE"
"""The reason that means that the peer sent no certificate at all."""
INTERNAL: Final = frozenset({"MALLOC_FAILURE", "BAD_WRITE_RETRY", "UNINITIALIZED", "PASSED_NULL_PARAMETER"})
"""Reasons that no peer can cause."""
SENTENCES: Final = {
    "WRONG_VERSION_NUMBER": "the peer does not speak TLS here (or only a version nobody should)",
    "HTTP_REQUEST": "the peer sent plain HTTP",
    "UNSUPPORTED_PROTOCOL": "no version of TLS in common",
    "NO_PROTOCOLS_AVAILABLE": "no version of TLS in common",
    "NO_SHARED_CIPHER": "no cipher suite in common",
    "NO_SUITABLE_SIGNATURE_ALGORITHM": "no signature algorithm in common",
    "NO_SUITABLE_KEY_SHARE": "no key exchange group in common",
    "DECRYPTION_FAILED_OR_BAD_RECORD_MAC": "a record could not be decrypted: it was damaged or forged",
    "UNSAFE_LEGACY_RENEGOTIATION_DISABLED": "the peer lacks secure renegotiation (RFC 5746)",
}


def failure_of(code: int) -> Failure:
    """The failure for a verification code; `OTHER` for one that is not in the table (revocation lists, for example)."""
    return _TABLE.get(code, Failure.OTHER)
