"""Which of a refused chain's faults is reported: the library's own word, or one that comes before it.

Libraries stop at the first fault they meet, each in an order of its own. What they have not come to is looked at here,
so that the same chain is refused for the same reason everywhere.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from ..api._errors import VerifyFailure as Failure
from ..api._subjects import Subject
from ._der import DERError
from ._leaf_check import Fault, leaf_fault
from ._x509 import CertificateFields, certificate_fields

_LEAST_RSA_BITS: Final = 2048
_ORDER: Final = tuple(Failure)


def first_fault(
    found: Fault | None,
    chain: Sequence[bytes],
    subjects: Sequence[Subject] | None,
    anchors: Collection[bytes] | None,
    now: float,
) -> Fault | None:
    """The reason to report for a chain: the library's own, or one that comes before it.

    Args:
        found: what the library says; `None` if it has accepted the chain.
        chain: what the peer has sent.
        subjects: the acceptable names, if any are checked.
        anchors: the names of the anchors in DER; `None` where they are not known: nothing is said of the issuer then.
        now: seconds since the epoch.

    Returns:
        The fault that comes first in the order of `VerifyFailure`; `None` if there is none.
    """
    faults = [] if found is None else [found]
    try:
        certificates = [certificate_fields(der) for der in chain]
    except DERError:
        certificates = []  # the library's own word has to do
    if certificates:
        faults += _further_faults(None if found is None else found.failure, certificates, anchors)
        own = leaf_fault(chain[0], subjects, is_anchor=False, now=now)
        faults += [own] if own is not None else []
    if any(fault.failure is Failure.SELF_SIGNED for fault in faults):
        faults = [fault for fault in faults if fault.failure is not Failure.UNKNOWN_ISSUER]
    return min(faults, key=lambda fault: _ORDER.index(fault.failure), default=None)


def _further_faults(
    reported: Failure | None, certificates: Sequence[CertificateFields], anchors: Collection[bytes] | None
) -> list[Fault]:
    leaf, found = certificates[0], []
    if anchors is None:
        pass
    elif leaf.is_self_issued and leaf.subject not in anchors:
        found.append(Fault(Failure.SELF_SIGNED, "the certificate is its own issuer, and is not trusted"))
    elif not _reaches(certificates, anchors):
        found.append(Fault(Failure.UNKNOWN_ISSUER, "no path leads to a trusted anchor"))
    if any(_is_weak(item) for item in certificates) and reported is not Failure.UNKNOWN_ISSUER:
        found.append(Fault(Failure.WEAK, "a key or a signature in the chain is too weak"))
    return found


def _reaches(certificates: Sequence[CertificateFields], anchors: Collection[bytes]) -> bool:
    """Whether the names of the issuers lead to an anchor."""
    by_subject = {item.subject: item for item in certificates[1:]}
    name, seen = certificates[0].issuer, set[bytes]()
    while name not in anchors:
        issuer = by_subject.get(name)
        if issuer is None or name in seen:
            return False
        seen.add(name)
        name = issuer.issuer
    return True


def _is_weak(fields: CertificateFields) -> bool:
    small = fields.rsa_bits is not None and fields.rsa_bits < _LEAST_RSA_BITS
    return small or fields.is_weakly_signed
