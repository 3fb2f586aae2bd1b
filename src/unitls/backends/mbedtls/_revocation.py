"""Whether revocation lists cover a path; whether they name a certificate, the library says."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from ...api._errors import VerifyFailure as Failure
from ...core._leaf_check import Fault
from ...core._revocation_lists import RevocationList


def coverage_fault(
    lists: Collection[RevocationList], leaf_issuer: bytes, issuers: Iterable[bytes], now: float
) -> Fault | None:
    """Whether the lists say anything about a path, now.

    Args:
        lists: all there are; if there are none, none are needed.
        leaf_issuer: who has issued the leaf: there has to be a list of theirs.
        issuers: the issuers of the other certificates of the path: their lists, if there are any, have to be current.
        now: seconds since the epoch.
    """
    if not lists:
        return None
    if not any(item.issuer == leaf_issuer for item in lists):
        return Fault(Failure.OTHER, "no revocation list covers the certificate")
    concerned = {leaf_issuer, *issuers}
    for item in lists:
        if item.issuer in concerned and not item.this_update <= now <= (item.next_update or now):
            return Fault(Failure.OTHER, "a revocation list is not of now")
    return None
