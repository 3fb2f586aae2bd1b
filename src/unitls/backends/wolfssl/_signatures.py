"""Whether the signatures of a path are right, and whether one of its certificates was revoked: wolfSSL's answers.

Each path gets a certificate manager of its own, which holds nothing but the authorities of this path.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from ...api._errors import VerifyFailure as Failure
from ...core._leaf_check import Fault
from ...core._path_rules import Path
from .native import DATES_UNCHECKED, DER, SUCCESS, ffi, lib, reason

_BEFORE_DATE: Final = -150
_AFTER_DATE: Final = -151
_NAME_CONSTRAINT: Final = -198
_NO_SIGNER: Final = frozenset({-188, -275})
_CRL_REVOKED: Final = -361
_CRL_MISSING: Final = -362


def signature_fault(path: Path, crls: Sequence[bytes]) -> Fault | None:
    """Check the signatures of a path from its anchor down, and then its revocation.

    Dates do not count here: `_path.faults` looks at them, as of the time that is asked for.

    Args:
        path: leaf first, anchor last.
        crls: revocation lists in DER; if there are any, one has to cover the leaf.
    """
    context = ffi.gc(lib.wolfSSL_CTX_new(lib.wolfSSLv23_client_method()), lib.wolfSSL_CTX_free)
    manager = lib.wolfSSL_CTX_GetCertManager(context)
    fault = None if len(path) == 1 else _added(context, path[-1])
    for der in reversed(path[:-1]):
        if fault is None:
            fault = _fault_of(lib.wolfSSL_CertManagerVerifyBuffer(manager, der, len(der), DER))
        if fault is None and der is not path[0]:
            fault = _added(context, der)
    if fault is None and crls:
        fault = _revocation(manager, path, crls)
    ffi.release(context)
    return fault


def _added(context: Any, der: bytes) -> Fault | None:
    """Make a certificate an authority for what is below it."""
    result = lib.wolfSSL_CTX_load_verify_buffer_ex(context, der, len(der), DER, 0, DATES_UNCHECKED)
    return None if result == SUCCESS else Fault(Failure.INVALID, f"an authority cannot be used: {reason(result)}")


def _fault_of(result: int) -> Fault | None:
    # Dates and names are reported only once the signature was found right. Those are judged by `_path`: wolfSSL takes its
    # own clock, and refuses an intermediate for having no name of a kind that its issuer constrains.
    if result in (SUCCESS, _BEFORE_DATE, _AFTER_DATE, _NAME_CONSTRAINT):
        return None
    if result in _NO_SIGNER:
        return Fault(Failure.UNKNOWN_ISSUER, "the issuer has another key than the one that has signed")
    return Fault(Failure.INVALID, reason(result))


def _revocation(manager: Any, path: Path, crls: Sequence[bytes]) -> Fault | None:
    if len(path) == 1:
        return Fault(Failure.OTHER, "no revocation list covers a certificate that is trusted as itself")
    lib.wolfSSL_CertManagerEnableCRL(manager, 0)
    for crl in crls:
        # One of another issuer cannot be loaded, and is none of this path's; one that is out of date or forged covers
        # nothing, so that what it should cover is missing below.
        lib.wolfSSL_CertManagerLoadCRLBuffer(manager, crl, len(crl), DER)
    for der in path[:-1]:
        result = lib.wolfSSL_CertManagerCheckCRL(manager, der, len(der))
        if result == _CRL_REVOKED:
            return Fault(Failure.REVOKED, "a revocation list names a certificate of the path")
        if result != SUCCESS and (der is path[0] or result != _CRL_MISSING):
            return Fault(Failure.OTHER, f"no current revocation list covers the certificate ({reason(result)})")
    return None
