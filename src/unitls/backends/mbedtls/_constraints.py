"""Name constraints (RFC 5280 section 4.2.1.10), which Mbed TLS does not check.

Whatever cannot be judged here is refused: a constraint on a kind of name that is not known here, met by a certificate that
has a name of that kind.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from ...core._der import BOOLEAN, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, DERReader, enter_whole
from ...core._x509 import certificate_fields

_NAME_CONSTRAINTS: Final = b"\x55\x1d\x1e"
_SUBJECT_ALT_NAME: Final = b"\x55\x1d\x11"
_EMAIL_ADDRESS: Final = bytes.fromhex("06092a864886f70d010901")
_VERSION, _ISSUER_ID, _SUBJECT_ID, _EXTENSIONS = 0xA0, 0x81, 0x82, 0xA3
_PERMITTED, _EXCLUDED = 0xA0, 0xA1
_MAIL: Final = 0x81
_DNS: Final = 0x82
_DIRECTORY: Final = 0xA4
_IP: Final = 0x87
_EMPTY_NAME: Final = b"\x30\x00"

Name = tuple[int, bytes]
"""A GeneralName: its tag and its content."""


@dataclass(frozen=True, slots=True)
class Constraints:
    """What an authority may issue for.

    Attributes:
        permitted: of the kinds that stand here, only names below one of these.
        excluded: no name below one of these.
    """

    permitted: tuple[Name, ...]
    excluded: tuple[Name, ...]


def constraints_kept(path: Sequence[bytes]) -> bool:
    """Whether each certificate keeps to the constraints of all authorities above it.

    Args:
        path: certificates in DER, the leaf first.

    Raises:
        DERError: one of them is malformed.
    """
    for above in range(1, len(path)):
        found = name_constraints(path[above])
        if found is None:
            continue
        for index, der in enumerate(path[:above]):
            # A new certificate of the authority itself is not bound, but for a leaf (RFC 5280 section 6.1.3 (b)).
            if index and certificate_fields(der).is_self_issued:
                continue
            if not all(_is_allowed(name, found) for name in _names(der)):
                return False
    return True


@lru_cache(maxsize=256)
def name_constraints(der: bytes) -> Constraints | None:
    """The constraints of an authority, if it has any.

    Raises:
        DERError: the certificate is malformed.
    """
    value = dict(_extensions(der)).get(_NAME_CONSTRAINTS)
    if value is None:
        return None
    reader = enter_whole(value, SEQUENCE)
    permitted = _subtrees(reader.enter(_PERMITTED)) if reader.peek() == _PERMITTED else ()
    excluded = _subtrees(reader.enter(_EXCLUDED)) if reader.peek() == _EXCLUDED else ()
    reader.finish()
    return Constraints(permitted, excluded)


def _subtrees(reader: DERReader) -> tuple[Name, ...]:
    found = []
    while reader.peek() >= 0:
        subtree = reader.enter(SEQUENCE)
        found.append(subtree.any_element())
        subtree.finish()  # minimum and maximum must not be there (RFC 5280): what they would change is not known here
    return tuple(found)


def _extensions(der: bytes) -> Iterator[tuple[bytes, bytes]]:
    tbs = enter_whole(der, SEQUENCE).enter(SEQUENCE)
    tbs.skip_optional(_VERSION)
    for _ in range(6):  # serial number, algorithm, issuer, validity, subject, key
        tbs.any_element()
    tbs.skip_optional(_ISSUER_ID)
    tbs.skip_optional(_SUBJECT_ID)
    if tbs.peek() != _EXTENSIONS:
        return
    extensions = tbs.enter(_EXTENSIONS).enter(SEQUENCE)
    while extensions.peek() >= 0:
        extension = extensions.enter(SEQUENCE)
        oid = extension.content(OBJECT_IDENTIFIER)
        extension.skip_optional(BOOLEAN)
        yield oid, extension.content(OCTET_STRING)


def _names(der: bytes) -> Iterator[Name]:
    """Every name that a certificate claims: its subject, and its alternative names."""
    subject = certificate_fields(der).subject
    if subject != _EMPTY_NAME:
        yield _DIRECTORY, subject
    if _EMAIL_ADDRESS in subject:
        yield _MAIL, b""
    value = dict(_extensions(der)).get(_SUBJECT_ALT_NAME)
    if value is not None:
        names = enter_whole(value, SEQUENCE)
        while names.peek() >= 0:
            yield names.any_element()


def _is_allowed(name: Name, constraints: Constraints) -> bool:
    kind = name[0]
    permitted = [content for tag, content in constraints.permitted if tag == kind]
    excluded = [content for tag, content in constraints.excluded if tag == kind]
    if not permitted and not excluded:
        return True
    below = _BELOW.get(kind)
    if below is None:
        return False
    if any(below(name[1], tree) or (kind == _DNS and _stands_for(name[1], tree)) for tree in excluded):
        return False
    return not permitted or any(below(name[1], tree) for tree in permitted)


def _dns_below(name: bytes, tree: bytes) -> bool:
    """Whether a host name is the constraint, or a name with more labels to its left."""
    name, tree = name.lower().removeprefix(b"*."), tree.lower().removeprefix(b".")
    return not tree or name == tree or name.endswith(b"." + tree)


def _stands_for(name: bytes, tree: bytes) -> bool:
    """Whether a wildcard stands for a host that the constraint names: what is excluded must not come in that way."""
    label, _, parent = tree.lower().removeprefix(b".").partition(b".")
    return bool(label) and name.lower() == b"*." + parent


def _ip_below(name: bytes, tree: bytes) -> bool:
    if len(tree) != 2 * len(name):
        return False
    address, mask = tree[: len(name)], tree[len(name) :]
    return all(one & bits == two & bits for one, two, bits in zip(name, address, mask, strict=True))


def _directory_below(name: bytes, tree: bytes) -> bool:
    """Whether the relative names of the constraint are the first of a name. Both are compared as bytes."""
    parts, wanted = _relative_names(name), _relative_names(DERReader(tree).element(SEQUENCE))
    return parts[: len(wanted)] == wanted


def _relative_names(name: bytes) -> list[bytes]:
    reader, found = enter_whole(name, SEQUENCE), []
    while reader.peek() >= 0:
        found.append(reader.any_element()[1])
    return found


_BELOW: Final = {_DNS: _dns_below, _IP: _ip_below, _DIRECTORY: _directory_below}
