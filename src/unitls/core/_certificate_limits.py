"""The extensions that limit what a certificate is good for (RFC 5280 section 4.2).

They are for backends whose library does not enforce all of them, or not along the whole path.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from ._der import (
    BIT_STRING,
    BOOLEAN,
    INTEGER,
    OBJECT_IDENTIFIER,
    OCTET_STRING,
    SEQUENCE,
    DERError,
    DERReader,
    dotted,
    enter_whole,
)

Names = tuple[tuple[int, bytes], ...]
"""GeneralNames, each a context tag and its content."""

KEY_CERT_SIGN: Final = 0x04
"""In the first octet of a KeyUsage."""
CRL_SIGN: Final = 0x02
DIGITAL_SIGNATURE: Final = 0x80
_KEY_USAGE: Final = "2.5.29.15"
_ALTERNATIVE_NAMES: Final = "2.5.29.17"
_BASIC_CONSTRAINTS: Final = "2.5.29.19"
_NAME_CONSTRAINTS: Final = "2.5.29.30"
_UNDERSTOOD: Final = frozenset(
    {
        _KEY_USAGE,
        _ALTERNATIVE_NAMES,
        _BASIC_CONSTRAINTS,
        _NAME_CONSTRAINTS,
        "2.5.29.14",  # subjectKeyIdentifier
        "2.5.29.31",  # cRLDistributionPoints
        "2.5.29.32",  # certificatePolicies
        "2.5.29.33",  # policyMappings
        "2.5.29.35",  # authorityKeyIdentifier
        "2.5.29.36",  # policyConstraints
        "2.5.29.37",  # extKeyUsage
        "2.5.29.54",  # inhibitAnyPolicy
    }
)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a certificate says about its own use.

    Attributes:
        is_bare: there are no extensions at all, as in the old roots of version 1.
        unknown_critical: an extension that is critical and not understood, if there is one.
        path_length: how many authorities may follow below it; `None` for any number.
        key_usage: the first octet of the KeyUsage; `None` where the extension is missing.
        names: the alternative names of the subject.
        permitted: the subtrees that names below it have to be in, by their kind.
        excluded: those that they must not be in.
    """

    is_bare: bool
    unknown_critical: str | None
    path_length: int | None
    key_usage: int | None
    names: Names
    permitted: Names
    excluded: Names


@lru_cache(maxsize=256)
def certificate_limits(der: bytes) -> Limits:
    """Read the limits of a certificate.

    Raises:
        DERError: it is malformed.
    """
    found = _extensions(der)
    values = {oid: value for oid, (_, value) in found.items()}
    unknown = next((oid for oid, (critical, _) in found.items() if critical and oid not in _UNDERSTOOD), None)
    permitted, excluded = _name_constraints(values.get(_NAME_CONSTRAINTS))
    return Limits(
        not found,
        unknown,
        _path_length(values.get(_BASIC_CONSTRAINTS)),
        _key_usage(values.get(_KEY_USAGE)),
        _general_names(values.get(_ALTERNATIVE_NAMES)),
        permitted,
        excluded,
    )


def _extensions(der: bytes) -> Mapping[str, tuple[bool, bytes]]:
    """For each extension whether it is critical, and its value."""
    body = enter_whole(der, SEQUENCE).enter(SEQUENCE)
    body.skip_optional(0xA0)
    body.skip(INTEGER)  # the serial number
    for _ in ("algorithm", "issuer", "validity", "subject", "key"):
        body.skip(SEQUENCE)
    body.skip_optional(0x81)
    body.skip_optional(0x82)
    found: dict[str, tuple[bool, bytes]] = {}
    if body.peek() == 0xA3:
        listed = body.enter(0xA3).enter(SEQUENCE)
        while listed.peek() >= 0:
            extension = listed.enter(SEQUENCE)
            oid = dotted(extension.content(OBJECT_IDENTIFIER))
            critical = extension.boolean() if extension.peek() == BOOLEAN else False
            found[oid] = (critical, extension.content(OCTET_STRING))
    return found


def _path_length(value: bytes | None) -> int | None:
    if value is None:
        return None
    constraints = enter_whole(value, SEQUENCE)
    constraints.skip_optional(BOOLEAN)
    return constraints.integer() if constraints.peek() == INTEGER else None


def _key_usage(value: bytes | None) -> int | None:
    if value is None:
        return None
    content = DERReader(value).content(BIT_STRING)  # its own first octet counts the unused bits
    return content[1] if len(content) > 1 else 0


def _general_names(value: bytes | None) -> Names:
    if value is None:
        return ()
    reader, names = enter_whole(value, SEQUENCE), []
    while reader.peek() >= 0:
        names.append(reader.any_element())
    return tuple(names)


def _name_constraints(value: bytes | None) -> tuple[Names, Names]:
    if value is None:
        return (), ()
    reader = enter_whole(value, SEQUENCE)
    permitted, excluded = _subtrees(reader, 0xA0), _subtrees(reader, 0xA1)
    reader.finish()
    return permitted, excluded


def _subtrees(reader: DERReader, tag: int) -> Names:
    if reader.peek() != tag:
        return ()
    listed, bases = reader.enter(tag), []
    while listed.peek() >= 0:
        subtree = listed.enter(SEQUENCE)
        bases.append(subtree.any_element())
        if subtree.peek() >= 0:
            raise DERError("a name constraint has a minimum or a maximum (RFC 5280 section 4.2.1.10)")
    return tuple(bases)
