"""What revocation lists say about themselves (RFC 5280 section 5.1); whether they name a certificate, the library says."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from ...api._errors import VerifyFailure as Failure
from ...core._der import GENERALIZED_TIME, INTEGER, SEQUENCE, UTC_TIME, DERError, DERReader, enter_whole
from ...core._leaf_check import Fault

_CENTURY_TURN: Final = b"50"


@dataclass(frozen=True, slots=True)
class RevocationList:
    """A revocation list.

    Attributes:
        issuer: the distinguished name in DER.
        this_update: seconds since the epoch.
        next_update: likewise; `None` if it does not say.
    """

    issuer: bytes
    this_update: float
    next_update: float | None


def revocation_list(der: bytes) -> RevocationList:
    """Read a list.

    Raises:
        DERError: it is none.
    """
    body = enter_whole(der, SEQUENCE).enter(SEQUENCE)
    body.skip_optional(INTEGER)
    body.skip(SEQUENCE)
    issuer = body.element(SEQUENCE)
    this_update = _time(body)
    next_update = _time(body) if body.peek() in (UTC_TIME, GENERALIZED_TIME) else None
    return RevocationList(issuer, this_update, next_update)


def _time(reader: DERReader) -> float:
    tag, content = reader.any_element()
    if tag == UTC_TIME:
        content = (b"19" if content >= _CENTURY_TURN else b"20") + content
    try:
        moment = datetime.datetime.strptime(content.decode("ascii"), "%Y%m%d%H%M%SZ")
    except ValueError as error:
        raise DERError("a revocation list has a malformed time") from error
    return moment.replace(tzinfo=datetime.UTC).timestamp()


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
