"""The verdict on a peer's certificate: the library's flags, and what the library does not look at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from ...api._errors import VerifyFailure as Failure
from ...api._subjects import Subject
from ...core._clock import time_by
from ...core._der import DERError
from ...core._leaf_check import Fault, leaf_fault
from ...core._path_faults import first_fault
from ...core._path_rules import path_fault
from ...core._revocation_lists import RevocationList
from ...core._x509 import CertificateFields, certificate_fields
from ._revocation import coverage_fault

# MBEDTLS_X509_BADCERT_… and …_BADCRL_… (x509.h).
_EXPIRED, _REVOKED, _CN_MISMATCH, _NOT_TRUSTED = 0x1, 0x2, 0x4, 0x8
_LIST_EXPIRED, _FUTURE, _LIST_FUTURE = 0x20, 0x200, 0x400
_DATES: Final = _EXPIRED | _FUTURE | _LIST_EXPIRED | _LIST_FUTURE
_FLAGS: Final = (
    (_EXPIRED, Failure.EXPIRED, "a certificate of the chain has expired"),
    (_FUTURE, Failure.NOT_YET_VALID, "a certificate of the chain is not valid yet"),
    (_REVOKED, Failure.REVOKED, "a revocation list names a certificate of the chain"),
    (0x1000, Failure.BAD_PURPOSE, "the extended key usage does not allow it"),
    (0x2800, Failure.BAD_PURPOSE, "the key usage does not allow it"),
    (0x1C000, Failure.WEAK, "a key or a signature in the chain is too weak"),
    (_NOT_TRUSTED, Failure.INVALID, "no issuer's signature could be verified on the way to an anchor"),
    (0xE0430, Failure.OTHER, "a revocation list cannot be used"),
)
"""What each flag means. Whether an issuer is unknown, or the certificate its own, core says: see `first_fault`."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What a peer's certificate has to satisfy.

    Attributes:
        purpose: the extended key usage it has to allow, a dotted OID.
        anchors: what is trusted, in DER.
        anchor_names: their names, in DER.
        clock: the time to verify at; `None` for now.
        depth: how many intermediates a path may have, if that is bounded.
        lists: what the revocation lists say about themselves.
    """

    purpose: str
    anchors: frozenset[bytes] = field(repr=False)
    anchor_names: frozenset[bytes] = field(repr=False)
    clock: Callable[[], float] | None = None
    depth: int | None = None
    lists: tuple[RevocationList, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One certificate of the path that the library has found, and what it says of it."""

    der: bytes
    flags: int


def verdict(
    policy: Policy, steps: Sequence[Step], chain: Sequence[bytes], subjects: tuple[Subject, ...] | None
) -> Fault | None:
    """Judge a path.

    Args:
        policy: by what.
        steps: the path as the library has built it, the leaf first.
        chain: what the peer has sent.
        subjects: the acceptable names, if any are checked.

    Returns:
        Why the peer is refused, or `None`.
    """
    now = time_by(policy.clock)
    try:
        found = _flagged(policy, steps) or _fault(policy, [step.der for step in steps], subjects, now)
    except DERError as error:
        found = Fault(Failure.INVALID, f"a certificate is malformed: {error}")
    if found is None or steps[0].der in policy.anchors:
        return found  # for a leaf that is trusted by itself it does not matter who has issued it
    return first_fault(found, chain, subjects, policy.anchor_names, now) or found


def _flagged(policy: Policy, steps: Sequence[Step]) -> Fault | None:
    """What the library's flags come to. Names are core's business, and dates too where there is a clock."""
    flags = 0
    for step in steps:
        flags |= step.flags
    if steps[0].der in policy.anchors:
        flags = steps[0].flags & ~_NOT_TRUSTED  # any certificate can be an anchor, also a leaf that others have issued
    flags &= ~_CN_MISMATCH
    if policy.clock is not None:
        flags &= ~_DATES
    if not flags:
        return None
    for mask, failure, text in _FLAGS:
        if flags & mask:
            return Fault(failure, text)
    return Fault(Failure.OTHER, f"the library's verification has failed ({flags:#x})")


def _fault(policy: Policy, path: list[bytes], subjects: tuple[Subject, ...] | None, now: float) -> Fault | None:
    """What there is to find in a path that the library has accepted."""
    is_anchor = path[0] in policy.anchors
    if is_anchor:
        path = path[:1]
    certificates = [certificate_fields(der) for der in path]
    for fields in certificates:
        if now > fields.not_after:
            return Fault(Failure.EXPIRED, "a certificate of the chain has expired")
        if now < fields.not_before:
            return Fault(Failure.NOT_YET_VALID, "a certificate of the chain is not valid yet")
    return leaf_fault(path[0], subjects, is_anchor=is_anchor, now=now) or _path_fault(policy, path, certificates, now)


def _path_fault(policy: Policy, path: list[bytes], certificates: list[CertificateFields], now: float) -> Fault | None:
    broken = path_fault(tuple(path), policy.purpose, signs=False)  # the library has looked at the key usage of the leaf
    if broken is not None:
        return broken
    if policy.depth is not None and len(path) - 2 > policy.depth:
        return Fault(Failure.INVALID, f"the path has more than {policy.depth} intermediates")
    if policy.lists and len(path) == 1:
        return Fault(Failure.OTHER, "no revocation list covers a certificate that is trusted by itself")
    issuers = [fields.issuer for fields in certificates]
    return coverage_fault(policy.lists, issuers[0], issuers[:-1], now)
