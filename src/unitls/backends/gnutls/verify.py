"""The verdict on the peer's certificate: the library's, and what it leaves to its callers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from ...api._errors import VerifyFailure as Failure
from ...api._subjects import Subject
from ...core._clock import time_by
from ...core._der import DERError
from ...core._foreign import take_failure
from ...core._leaf_check import Fault, leaf_fault
from ...core._path_faults import first_fault
from ...core._path_rules import CLIENT_AUTH, SERVER_AUTH, path_fault
from ...core._x509 import CertificateFields, certificate_fields
from . import _callbacks, native
from ._revocation import crl_fault, ocsp_fault
from .native import ffi, lib

if TYPE_CHECKING:
    from .config import Native

_KEY_PURPOSE_OID: Final = 2
# GNUTLS_CERT_*, in the order in which faults are reported.
_BITS: Final = (
    (1 << 10, Failure.EXPIRED),
    (1 << 9, Failure.NOT_YET_VALID),
    (1 << 6, Failure.UNKNOWN_ISSUER),
    (1 << 14, Failure.NAME_MISMATCH),
    (1 << 5, Failure.REVOKED),
    (1 << 18, Failure.BAD_PURPOSE),
    (1 << 8, Failure.WEAK),
    (1 << 7, Failure.INVALID),
    (1 << 11, Failure.INVALID),
    (1 << 16, Failure.INVALID),
    (1 << 21, Failure.INVALID),
    (1 << 12, Failure.OTHER),
    (1 << 15, Failure.OTHER),
    (1 << 17, Failure.OTHER),
    (1 << 19, Failure.OTHER),
    (1 << 20, Failure.OTHER),
)
# GNUTLS_E_*: more certificates than the library takes, or one that it cannot read, which it may find out this late.
_UNREADABLE: Final = frozenset({-34, -43, *range(-77, -66), -101, -416, -418, -430})


def failure_of(status: int) -> Failure:
    """The failure that comes first among the bits of a verification status."""
    return next((failure for bit, failure in _BITS if status & bit), Failure.INVALID)


def purpose_of_peer(server_side: bool) -> Any:
    """What the peer's certificate has to be meant for, as the library takes it."""
    text = _purpose(server_side).encode("ascii")
    memory = ffi.new("char[]", text)
    data = ffi.new("gnutls_typed_vdata_st *", (_KEY_PURPOSE_OID, ffi.cast("unsigned char *", memory), 0))
    native.keep(data, memory)
    return data


def _purpose(server_side: bool) -> str:
    return CLIENT_AUTH if server_side else SERVER_AUTH


def peer_chain(session: Any) -> list[bytes]:
    """What the peer has sent, leaf first."""
    count = ffi.new("unsigned int *")
    listed = lib.gnutls_certificate_get_peers(session, count)
    return [] if listed == ffi.NULL else [native.content(listed[index]) for index in range(count[0])]


def judge(
    session: Any, context: Native, subjects: Sequence[Subject] | None, chain: list[bytes]
) -> tuple[Fault | None, list[bytes]]:
    """Verify the chain that the peer has sent in this handshake.

    Args:
        session: the connection.
        context: what to verify against.
        subjects: the acceptable names, if any are checked.
        chain: what the peer has sent; not empty.

    Returns:
        Why it is not accepted, or `None`; and the path, leaf first, if it is.
    """
    try:
        return _judged(session, context, subjects, chain)
    except DERError as error:
        return Fault(Failure.INVALID, f"a certificate is malformed: {error}"), []
    except native.Error as error:
        if error.code not in _UNREADABLE:
            raise
        return Fault(Failure.INVALID, f"the chain cannot be read: {error.text}"), []


def _judged(
    session: Any, context: Native, subjects: Sequence[Subject] | None, chain: list[bytes]
) -> tuple[Fault | None, list[bytes]]:
    now = time_by(context.settings.configuration.verification_time)
    if chain[0] in context.settings.anchors:  # the library looks for anchors among issuers only
        status, edges = 0, {chain[0]: chain[0]}
    else:
        status, edges = _library_verdict(session, context.purpose)
    if status:
        found = Fault(failure_of(status), _sentence(status))
        return first_fault(found, chain, subjects, context.authorities(), now) or found, []
    path = _path(chain[0], edges)
    fault = _leaf_fault(path, edges, subjects, context, now) or _further_fault(session, context, path, now)
    return fault, [] if fault is not None else path


def _library_verdict(session: Any, purpose: Any) -> tuple[int, dict[bytes, bytes]]:
    status = ffi.new("unsigned int *")
    edges: dict[bytes, bytes] = {}
    _callbacks.thread.edges = edges
    try:
        native.check(lib.gnutls_certificate_verify_peers(session, purpose, 1, status))
    finally:
        _callbacks.thread.edges = None
    failure = take_failure()
    if failure is not None:
        raise failure  # a step of the path is missing
    return status[0], edges


def _path(leaf: bytes, edges: dict[bytes, bytes]) -> list[bytes]:
    path = [leaf]
    while (issuer := edges.get(path[-1])) is not None and issuer not in path:
        path.append(issuer)
    return path


def _sentence(status: int) -> str:
    place = ffi.new("gnutls_datum_t *")
    if lib.gnutls_certificate_verification_status_print(status, 1, place, 0) < 0:
        return f"status {status:#x}"
    return native.taken(place).rstrip(b"\0").decode("utf-8", "replace").strip()


def _leaf_fault(
    path: list[bytes], edges: dict[bytes, bytes], subjects: Sequence[Subject] | None, context: Native, now: float
) -> Fault | None:
    """Core's checks, so that the peer gets an alert."""
    is_anchor = edges.get(path[0]) == path[0]
    dates = _date_fault([certificate_fields(der) for der in path], now)
    fault = dates or leaf_fault(path[0], subjects, is_anchor=is_anchor, now=now)
    # The library itself looks at the key usage of the leaf.
    return fault or path_fault(tuple(path), _purpose(context.server_side), signs=False)


def _further_fault(session: Any, context: Native, path: list[bytes], now: float) -> Fault | None:
    """Revocation as we were asked for it, and the length of the path."""
    configuration, fault = context.settings.configuration, None
    has_clock = configuration.verification_time is not None
    if context.crls:
        fault = crl_fault(context.crls, path, now, has_clock=has_clock)
    if fault is None and getattr(configuration, "request_ocsp", False):
        fault = ocsp_fault(stapled(session), path, now, has_clock=has_clock)
    return fault or _depth_fault(path, configuration.verification_depth)


def _date_fault(fields: list[CertificateFields], now: float) -> Fault | None:
    """A certificate in the path that is not valid now; the library has not looked where we have a clock of our own."""
    if any(now > item.not_after for item in fields):
        return Fault(Failure.EXPIRED, "a certificate in the path has expired")
    if any(now < item.not_before for item in fields):
        return Fault(Failure.NOT_YET_VALID, "a certificate in the path is not yet valid")
    return None


def _depth_fault(path: list[bytes], depth: int | None) -> Fault | None:
    intermediates = max(0, len(path) - 2)
    if depth is None or intermediates <= depth:
        return None
    return Fault(Failure.INVALID, f"the path has {intermediates} intermediates, and {depth} are allowed")


def stapled(session: Any) -> bytes:
    """The OCSP response for the leaf, as it came; empty if none did."""
    response = ffi.new("gnutls_datum_t *")
    if lib.gnutls_ocsp_status_request_get2(session, 0, response) < 0:
        return b""
    return native.content(response)
