"""Certificate revocation lists (RFC 5280 section 5): what they say about themselves, and what every backend refuses.

Libraries differ in what they take for a list that covers a certificate. Some take a delta list for a whole one, pass over
critical extensions, or believe a list that is signed with SHA-1 or begins in the future. The entries are the library's
business: they are not even read here, since there may be a hundred thousand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from ..api._errors import ConfigurationError, UnsupportedFeature
from ..api._errors import VerifyFailure as Failure
from ..api._features import Feature
from ._certificate_limits import CRL_SIGN, certificate_limits
from ._der import (
    BIT_STRING,
    BOOLEAN,
    GENERALIZED_TIME,
    INTEGER,
    OBJECT_IDENTIFIER,
    OCTET_STRING,
    SEQUENCE,
    UTC_TIME,
    DERError,
    DERReader,
    dotted,
    enter_whole,
)
from ._leaf_check import Fault
from ._x509 import WEAK_HASHES, certificate_fields, read_signature, read_time

_VERSION_2: Final = 1
_DELTA: Final = "2.5.29.27"
_SCOPE: Final = "2.5.29.28"
_TIMES: Final = (UTC_TIME, GENERALIZED_TIME)


@dataclass(frozen=True, slots=True)
class RevocationList:
    """A revocation list.

    Attributes:
        issuer: the distinguished name in DER.
        this_update: seconds since the epoch.
        next_update: likewise; `None` if it does not say.
        is_scoped: whether it speaks of some of its issuer's certificates only (issuingDistributionPoint).
    """

    issuer: bytes
    this_update: int
    next_update: int | None
    is_scoped: bool = False


@lru_cache(maxsize=64)
def revocation_list(der: bytes) -> RevocationList:
    """Read a list.

    Raises:
        DERError: it is none, or one that must not be relied on.
    """
    outer = enter_whole(der, SEQUENCE)
    body, algorithm = outer.enter(SEQUENCE), outer.element(SEQUENCE)
    outer.skip(BIT_STRING)
    outer.finish()
    if body.peek() == INTEGER and body.integer() != _VERSION_2:
        raise DERError("the version is none of v1, v2")
    if body.element(SEQUENCE) != algorithm:
        raise DERError("the two signature algorithms differ (RFC 5280 section 5.1.1.2)")
    if read_signature(algorithm)[1] in WEAK_HASHES:
        raise DERError("the signature is over a hash for which collisions are known")
    issuer = body.element(SEQUENCE)
    this_update = read_time(body)
    next_update = read_time(body) if body.peek() in _TIMES else None
    body.skip_optional(SEQUENCE)
    extensions = _extensions(body)
    body.finish()
    return RevocationList(issuer, this_update, next_update, _SCOPE in extensions)


def _extensions(body: DERReader) -> set[str]:
    found: set[str] = set()
    if body.peek() != 0xA0:
        return found
    listed = body.enter(0xA0).enter(SEQUENCE)
    while listed.peek() >= 0:
        extension = listed.enter(SEQUENCE)
        oid = dotted(extension.content(OBJECT_IDENTIFIER))
        critical = extension.boolean() if extension.peek() == BOOLEAN else False
        value = extension.content(OCTET_STRING)
        if oid == _DELTA:
            raise DERError("it is a delta list, which says what is new since another")
        if oid == _SCOPE:
            enter_whole(value, SEQUENCE)
        elif critical:
            raise DERError(f"it has a critical extension that is not understood ({oid})")
        found.add(oid)
    return found


def check_lists(lists: Sequence[bytes], *, take_scoped: bool) -> None:
    """Refuse lists that nobody, or not this backend, can rely on.

    Args:
        lists: in DER.
        take_scoped: whether the library knows what a list for some of the certificates covers.

    Raises:
        ConfigurationError: one is malformed, a delta list, weakly signed, or not understood.
        UnsupportedFeature: one is for some of the certificates only, and the library takes it for all.
    """
    for der in lists:
        try:
            found = revocation_list(der)
        except DERError as error:
            raise ConfigurationError(f"a revocation list cannot be read, or must not be relied on: {error}") from error
        if found.is_scoped and not take_scoped:
            raise UnsupportedFeature(
                "a revocation list is for some of its issuer's certificates only (issuingDistributionPoint), "
                "and this library takes it for all",
                feature=Feature.CRLS,
            )


def newest_first(lists: Sequence[bytes]) -> list[bytes]:
    """The lists in the order of their dates, for libraries that look into one of each issuer's only."""
    return sorted(lists, key=lambda der: revocation_list(der).this_update, reverse=True)


def list_fault(lists: Sequence[bytes], path: Sequence[bytes], now: float) -> Fault | None:
    """What libraries let pass: lists of the leaf's issuer that have not begun, or that it must not sign.

    Args:
        lists: in DER, perhaps none; whether one of them covers the leaf, the library has looked at.
        path: the trusted path, leaf first.
        now: seconds since the epoch.
    """
    if not lists or len(path) < 2:
        return None
    issuer = certificate_fields(path[0]).issuer
    begun = [item.this_update <= now for item in map(revocation_list, lists) if item.issuer == issuer]
    if begun and not any(begun):
        return Fault(Failure.OTHER, "the revocation list of the issuer is not of now")
    usage = certificate_limits(path[1]).key_usage
    if usage is not None and not usage & CRL_SIGN:
        return Fault(Failure.OTHER, "the issuer must not sign revocation lists (its key usage)")
    return None
