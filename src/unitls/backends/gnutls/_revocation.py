"""Revocation: lists that were given to us, and responses that the server has stapled.

The library reads and verifies them. Which of them has to be there, and whether it is of now, is decided here: a leaf
without a list from its issuer is refused, and a list or a response that has expired says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from ...api._errors import VerifyFailure as Failure
from ...core._der import DERError
from ...core._leaf_check import Fault
from ...core._ocsp import extension_fault, worst
from ...core._x509 import certificate_fields
from . import native
from .native import ffi, lib

_DISABLE_TIME_CHECKS: Final = 1 << 6
_GOOD: Final = 0
_REVOKED: Final = 1
_AS_FOR_CERTIFICATES: Final = 1
"""GNUTLS_SIGN_FLAG_SECURE_FOR_CERTS."""


def load_certificate(der: bytes) -> Any:
    """A gnutls_x509_crt_t."""
    certificate = native.owned("gnutls_x509_crt_t", lib.gnutls_x509_crt_init, lib.gnutls_x509_crt_deinit)
    native.check(lib.gnutls_x509_crt_import(certificate, native.datum(der), native.DER))
    return certificate


def load_crl(der: bytes) -> Any:
    """A gnutls_x509_crl_t."""
    crl = native.owned("gnutls_x509_crl_t", lib.gnutls_x509_crl_init, lib.gnutls_x509_crl_deinit)
    native.check(lib.gnutls_x509_crl_import(crl, native.datum(der), native.DER))
    return crl


# ---------------------------------------------------------------------------------------------- lists


def crl_fault(crls: Sequence[Any], path: Sequence[bytes], now: float, *, has_clock: bool) -> Fault | None:
    """Check a path against revocation lists.

    Args:
        crls: as of `load_crl`.
        path: leaf first; each certificate is followed by its issuer's.
        now: seconds since the epoch.
        has_clock: whether that is not the time of day.

    Returns:
        Why it is refused: a certificate is on a list, or there is no good list for the leaf.
    """
    certificates = [load_certificate(der) for der in path]
    issuers = certificates[1:] or certificates[:1]
    covered = False
    for position, (certificate, issuer) in enumerate(zip(certificates, issuers, strict=False)):
        lists = [crl for crl in _of(crls, issuer) if _is_good(crl, issuer, now, has_clock)]
        if any(
            lib.gnutls_x509_crt_check_revocation(certificate, ffi.new("gnutls_x509_crl_t *", crl), 1) for crl in lists
        ):
            return Fault(Failure.REVOKED, "a revocation list names a certificate of the path")
        covered = covered or (position == 0 and bool(lists))
    return None if covered else Fault(Failure.OTHER, "no revocation list of now covers the certificate")


def _of(crls: Iterable[Any], issuer: Any) -> list[Any]:
    name = _name(lib.gnutls_x509_crt_get_raw_dn, issuer)
    return [crl for crl in crls if _name(lib.gnutls_x509_crl_get_raw_issuer_dn, crl) == name]


def _name(get: Any, of: Any) -> bytes:
    place = ffi.new("gnutls_datum_t *")
    native.check(get(of, place))
    return native.taken(place)


def _is_good(crl: Any, issuer: Any, now: float, has_clock: bool) -> bool:
    """Whether the issuer has signed it, and it is of now."""
    status = ffi.new("unsigned int *")
    flags = _DISABLE_TIME_CHECKS if has_clock else 0
    code = lib.gnutls_x509_crl_verify(crl, ffi.new("gnutls_x509_crt_t *", issuer), 1, flags, status)
    if code < 0 or status[0]:
        return False
    until = lib.gnutls_x509_crl_get_next_update(crl)
    return lib.gnutls_x509_crl_get_this_update(crl) <= now and (until < 0 or now <= until)  # type: ignore[no-any-return]


# ---------------------------------------------------------------------------------------------- stapled responses


def ocsp_fault(response: bytes, path: Sequence[bytes], now: float, *, has_clock: bool) -> Fault | None:
    """Check a stapled OCSP response: only one that is current, signed by the right one, and says good will do.

    Args:
        response: what was stapled; empty if nothing was.
        path: as of `crl_fault`.
        now: seconds since the epoch.
        has_clock: whether that is not the time of day.
    """
    if not response:
        return Fault(Failure.OTHER, "the server has stapled no OCSP response")
    if len(path) < 2:
        return Fault(Failure.OTHER, "an OCSP response cannot be checked without the issuer's certificate")
    answer = native.owned("gnutls_ocsp_resp_t", lib.gnutls_ocsp_resp_init, lib.gnutls_ocsp_resp_deinit)
    if lib.gnutls_ocsp_resp_import(answer, native.datum(response)) < 0:
        return Fault(Failure.OTHER, "the OCSP response cannot be read")
    if lib.gnutls_ocsp_resp_get_status(answer) != _GOOD:
        return Fault(Failure.OTHER, "the OCSP responder has no answer")
    if not lib.gnutls_sign_is_secure2(lib.gnutls_ocsp_resp_get_signature_algorithm(answer), _AS_FOR_CERTIFICATES):
        return Fault(Failure.OTHER, "the OCSP response is signed by an algorithm that is too weak, or not known")
    verdict = ffi.new("unsigned int *")
    flags = _DISABLE_TIME_CHECKS if has_clock else 0
    code = lib.gnutls_ocsp_resp_verify_direct(answer, load_certificate(path[1]), verdict, flags)
    if code < 0 or verdict[0]:
        return Fault(Failure.OTHER, "the OCSP response is not signed by the issuer, or by whom it has appointed")
    if has_clock and not _is_of(now, answer):
        return Fault(Failure.OTHER, "the certificate of the OCSP responder is not valid now")
    return _status(answer, load_certificate(path[0]), now) or extension_fault(response)


def _is_of(now: float, answer: Any) -> bool:
    """Whether the certificates that the responder has sent along are valid then: with a clock the library does not look."""
    try:
        return all(
            fields.not_before <= now <= fields.not_after for fields in map(certificate_fields, _enclosed(answer))
        )
    except DERError:
        return False


def _enclosed(answer: Any) -> list[bytes]:
    first, count = ffi.new("gnutls_x509_crt_t **"), ffi.new("size_t *")
    if lib.gnutls_ocsp_resp_get_certs(answer, first, count) < 0:
        return []  # there are none: the issuer itself has signed
    try:
        return [native.exported(first[0][index]) for index in range(count[0])]
    finally:
        for index in range(count[0]):
            lib.gnutls_x509_crt_deinit(first[0][index])
        lib.gnutls_free(first[0])


def _status(answer: Any, leaf: Any, now: float) -> Fault | None:
    found: list[Fault | None] = []
    status, reason = ffi.new("unsigned int *"), ffi.new("unsigned int *")
    since, until, revoked = (ffi.new("intptr_t *") for _ in range(3))
    index = 0
    while True:
        code = lib.gnutls_ocsp_resp_get_single(
            answer, index, ffi.NULL, ffi.NULL, ffi.NULL, ffi.NULL, status, since, until, revoked, reason
        )
        if code < 0:
            return worst(found)
        if lib.gnutls_ocsp_resp_check_crt(answer, index, leaf) == 0:
            found.append(_single_fault(status[0], since[0], until[0], now))
        index += 1


def _single_fault(status: int, since: int, until: int, now: float) -> Fault | None:
    if status == _REVOKED:
        return Fault(Failure.REVOKED, "the OCSP response says that the certificate is revoked")
    if status != _GOOD:
        return Fault(Failure.OTHER, "the OCSP responder does not know the certificate")
    if until < 0 or not since <= now <= until:
        return Fault(Failure.OTHER, "the OCSP response is not of now")
    return None
