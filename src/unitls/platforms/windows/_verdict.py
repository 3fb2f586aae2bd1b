"""The verdict on a peer's certificate: what Windows thinks of the chain, and what it does not look at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from ...api._configuration import TLSConfiguration
from ...api._errors import VerifyFailure as Failure
from ...api._subjects import Subject
from ...core._clock import time_by
from ...core._der import DERError
from ...core._leaf_check import Fault, leaf_fault
from ...core._path_faults import first_fault
from ...core._platform import Verdict
from ...core._x509 import CertificateFields, certificate_fields
from . import _structures as cs
from ._chains import ChainEngine, Found, cut_at_anchor
from ._library import CallFailed, Library

SERVER_AUTH: Final = "1.3.6.1.5.5.7.3.1"
CLIENT_AUTH: Final = "1.3.6.1.5.5.7.3.2"
_ANY_PURPOSE: Final = "2.5.29.37.0"
_LEAST_RSA_BITS: Final = 2048

# CERT_TRUST_… (wincrypt.h), in the order in which they are reported.
_BITS: Final = (
    (0x1, Failure.EXPIRED, "a certificate of the chain has expired or is not valid yet"),
    (0x10000, Failure.UNKNOWN_ISSUER, "no path leads to a trusted anchor"),
    (0x20, Failure.UNKNOWN_ISSUER, "the path ends at a root that is not trusted"),
    (0x4, Failure.REVOKED, "a certificate of the chain is revoked"),
    (0x04000000, Failure.REVOKED, "a certificate of the chain is explicitly distrusted"),
    (0x10, Failure.BAD_PURPOSE, "a certificate of the chain is not meant for this use"),
    (0x100000, Failure.WEAK, "a signature in the chain is too weak"),
    (0x8, Failure.INVALID, "a signature in the chain is wrong"),
    (0x400, Failure.INVALID, "the basic constraints of a certificate are broken"),
    (0xF800, Failure.INVALID, "a name constraint is broken, or of a kind that is not supported"),
    (0x100 | 0x200 | 0x08000000, Failure.INVALID, "an extension or a policy of a certificate is not acceptable"),
    (0x80, Failure.INVALID, "the path goes in a circle"),
    (0x40 | 0x01000000, Failure.OTHER, "it is not known whether a certificate is revoked"),
)
# What the policy for TLS says (winerror.h); what is not here is OTHER.
_POLICY: Final = {
    0x800B0101: Failure.EXPIRED,
    0x800B0102: Failure.INVALID,
    0x800B0109: Failure.UNKNOWN_ISSUER,
    0x800B010A: Failure.UNKNOWN_ISSUER,
    0x800B0112: Failure.UNKNOWN_ISSUER,
    0x800B010C: Failure.REVOKED,
    0x80092010: Failure.REVOKED,
    0x800B0110: Failure.BAD_PURPOSE,
    0x800B0106: Failure.BAD_PURPOSE,
    0x800B0103: Failure.BAD_PURPOSE,
    0x80096004: Failure.INVALID,
    0x80096019: Failure.INVALID,
    0x800B0105: Failure.INVALID,
    0x800B0114: Failure.INVALID,
    0x800B010F: Failure.NAME_MISMATCH,
}


@dataclass(frozen=True, slots=True)
class Policy:
    """What a peer's certificate has to satisfy.

    Attributes:
        engines: what builds chains; a chain that one of them accepts is accepted.
        is_server: whether the peer is a server.
        anchors: what is trusted besides what the system trusts, in DER.
        clock: the time to verify at; `None` for now.
        depth: how many intermediates a path may have, if that is bounded.
    """

    engines: tuple[ChainEngine, ...]
    is_server: bool
    anchors: frozenset[bytes] = field(default=frozenset(), repr=False)
    clock: Callable[[], float] | None = None
    depth: int | None = None


def policy_for(
    library: Library,
    anchors: Sequence[bytes],
    configuration: TLSConfiguration,
    *,
    is_server: bool = True,
    with_system: bool = True,
) -> Policy:
    """Make the policy for the peers of one configuration.

    Args:
        library: crypt32.
        anchors: what is trusted besides what the system trusts, in DER.
        configuration: what else there is to satisfy.
        is_server: whether the peers are servers.
        with_system: whether what the system trusts is trusted.

    Raises:
        CallFailed: Windows does not take the anchors.
    """
    engines = [ChainEngine(library, anchors)] if anchors else []
    if with_system:
        engines.append(ChainEngine(library, None))
    return Policy(
        engines=tuple(engines),
        is_server=is_server,
        anchors=frozenset(anchors),
        clock=configuration.verification_time,
        depth=configuration.verification_depth,
    )


def judge(policy: Policy, chain: Sequence[bytes], subjects: tuple[Subject, ...] | None) -> Verdict:
    """Judge a peer.

    Args:
        policy: by what.
        chain: what the peer has sent, the leaf first.
        subjects: the acceptable names, if any are checked.
    """
    now = time_by(policy.clock)
    verdict = Verdict(Fault(Failure.OTHER, "nobody is trusted"))
    for engine in policy.engines:
        verdict = _judged_by(engine, policy, chain, subjects, now)
        if verdict.fault is None:
            return verdict
    return verdict


def _judged_by(
    engine: ChainEngine, policy: Policy, chain: Sequence[bytes], subjects: tuple[Subject, ...] | None, now: float
) -> Verdict:
    purpose, role = (SERVER_AUTH, cs.AUTH_SERVER) if policy.is_server else (CLIENT_AUTH, cs.AUTH_CLIENT)
    try:
        for der in chain:
            certificate_fields(der)
        found = cut_at_anchor(engine.find(chain, purpose, role, now), policy.anchors)
        fault = _fault(policy, found, purpose, subjects, now)
    except DERError as error:
        return Verdict(Fault(Failure.INVALID, f"a certificate is malformed: {error}"))
    except CallFailed as error:
        return Verdict(Fault(Failure.INVALID, f"{error.text} failed with 0x{error.code:08X}"))
    if fault is None:
        return Verdict(None, found.path)
    if found.path and found.path[0] in policy.anchors:
        return Verdict(fault)  # for a leaf that is trusted by itself it does not matter who has issued it
    return Verdict(first_fault(fault, chain, subjects, _trusted_names(policy, found), now) or fault)


def _trusted_names(policy: Policy, found: Found) -> frozenset[bytes]:
    """The names of the anchors, in DER: those that are given, and the system's own that was found."""
    trusted = set(policy.anchors)
    if found.path and not found.status & 0x10020:
        trusted.add(found.path[-1])
    return frozenset(certificate_fields(der).subject for der in trusted)


def _fault(
    policy: Policy, found: Found, purpose: str, subjects: tuple[Subject, ...] | None, now: float
) -> Fault | None:
    """What there is to find in a chain: what Windows says, and then what it leaves to others."""
    certificates = [certificate_fields(der) for der in found.path]
    if found.status & 0x1:
        return _date_fault(certificates, now) or Fault(Failure.EXPIRED, _BITS[0][2])
    for mask, failure, text in _BITS:
        if found.status & mask:
            return Fault(failure, f"{text} (trust status {found.status:#x})")
    if found.status or not certificates:
        return Fault(Failure.OTHER, f"the chain is not acceptable (trust status {found.status:#x})")
    if found.policy:
        failure = _POLICY.get(found.policy, Failure.OTHER)
        return Fault(failure, f"the system's policy for TLS refuses the chain (0x{found.policy:08X})")
    is_anchor = found.path[0] in policy.anchors
    return (
        _date_fault(certificates, now)
        or leaf_fault(found.path[0], subjects, is_anchor=is_anchor, now=now)
        or _path_fault(policy, certificates, purpose)
    )


def _date_fault(certificates: Sequence[CertificateFields], now: float) -> Fault | None:
    for fields in certificates:
        if now > fields.not_after:
            return Fault(Failure.EXPIRED, "a certificate of the chain has expired")
    for fields in certificates:
        if now < fields.not_before:
            return Fault(Failure.NOT_YET_VALID, "a certificate of the chain is not valid yet")
    return None


def _path_fault(policy: Policy, certificates: Sequence[CertificateFields], purpose: str) -> Fault | None:
    bearers = certificates[:-1] or certificates  # an anchor's own usage counts only where it is the leaf too
    if not all(_serves(fields, purpose) for fields in bearers):
        return Fault(Failure.BAD_PURPOSE, "the extended key usage of a certificate does not allow it")
    if any(_has_small_key(fields) for fields in certificates) or any(
        fields.is_weakly_signed for fields in certificates[:-1]
    ):
        return Fault(Failure.WEAK, "a key or a signature in the chain is too weak")
    if policy.depth is not None and len(certificates) - 2 > policy.depth:
        return Fault(Failure.INVALID, f"the path has more than {policy.depth} intermediates")
    return None


def _serves(fields: CertificateFields, purpose: str) -> bool:
    usages = fields.extended_key_usage
    return usages is None or purpose in usages or _ANY_PURPOSE in usages


def _has_small_key(fields: CertificateFields) -> bool:
    return fields.rsa_bits is not None and fields.rsa_bits < _LEAST_RSA_BITS
