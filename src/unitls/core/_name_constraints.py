"""Name constraints (RFC 5280 section 4.2.1.10): whether the names of a path are within what its authorities allow.

They are for backends whose library does not check them, or not along the whole path.
"""

from __future__ import annotations

import urllib.parse
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from ._certificate_limits import Names, certificate_limits
from ._der import OBJECT_IDENTIFIER, SEQUENCE, SET, enter_whole
from ._x509 import certificate_fields

_EMAIL: Final = 0x81
_DNS: Final = 0x82
_DIRECTORY: Final = 0xA4
_URI: Final = 0x86
_ADDRESS: Final = 0x87
_LETTERS: Final = frozenset({_EMAIL, _DNS, _URI})
"""Kinds of names whose letters are compared without case."""
_EMPTY_NAME: Final = b"\x30\x00"
_EMAIL_ADDRESS: Final = bytes.fromhex("2a864886f70d010901")
"""The attribute emailAddress (1.2.840.113549.1.9.1), in which old certificates have their address."""
_ADDRESS_SIZES: Final = (4, 16)
_ENCODINGS: Final = {
    0x0C: "utf-8",  # UTF8String
    0x13: "ascii",  # PrintableString
    0x14: "latin-1",  # TeletexString, as it is used
    0x16: "ascii",  # IA5String
    0x1C: "utf-32-be",  # UniversalString
    0x1E: "utf-16-be",  # BMPString
}
_LIKE_ASCII: Final = frozenset({0x0C, 0x13, 0x16})
"""UTF8String, PrintableString, IA5String: an address has the same bytes in each."""


def constraints_kept(path: Sequence[bytes]) -> bool:
    """Whether each certificate keeps to the constraints of all authorities above it.

    Args:
        path: certificates in DER, the leaf first.

    Raises:
        DERError: one of them is malformed.
    """
    for above in range(1, len(path)):
        limits = certificate_limits(path[above])
        if not (limits.permitted or limits.excluded):
            continue
        for position, der in enumerate(path[:above]):
            # A new certificate of the authority itself is not bound, but for a leaf (RFC 5280 section 6.1.3 (b)).
            if position and certificate_fields(der).is_self_issued:
                continue
            if breaks(_names_of(der), limits.permitted, limits.excluded):
                return False
    return True


def _names_of(der: bytes) -> Names:
    """Every name that constraints speak of: the subject, the mail addresses in it, and its alternative names."""
    subject = certificate_fields(der).subject
    own: Names = ((_DIRECTORY, subject),) if subject != _EMPTY_NAME else ()
    addresses = tuple((_EMAIL, address) for address in _addresses(subject))
    return own + addresses + certificate_limits(der).names


def _addresses(subject: bytes) -> Iterator[bytes]:
    names = enter_whole(subject, SEQUENCE)
    while names.peek() >= 0:
        attributes = names.enter(SET)
        while attributes.peek() >= 0:
            attribute = attributes.enter(SEQUENCE)
            if attribute.content(OBJECT_IDENTIFIER) == _EMAIL_ADDRESS:
                tag, address = attribute.any_element()
                yield address if tag in _LIKE_ASCII else b""  # which cannot be compared


def breaks(names: Names, permitted: Names, excluded: Names) -> bool:
    """Whether one of the names is outside of what is permitted for its kind, or within what is excluded.

    A name that cannot be compared breaks every constraint on its kind.

    Args:
        names: of a certificate.
        permitted: as in the limits of an authority.
        excluded: likewise.
    """
    for kind, name in names:
        inside = [base for tag, base in permitted if tag == kind]
        if inside and not any(_within(kind, name, base) for base in inside):
            return True
        outside = [base for tag, base in excluded if tag == kind]
        if any(_within(kind, name, base) is not False for base in outside):
            return True
        if kind == _DNS and any(_stands_for(name.lower(), base.lower()) for base in outside):
            return True
    return False


def _within(kind: int, name: bytes, base: bytes) -> bool | None:
    """Whether a name is in the subtree of `base`; `None` if they cannot be compared."""
    compare = _COMPARISONS.get(kind)
    if compare is None:
        return None
    return compare(name.lower(), base.lower()) if kind in _LETTERS else compare(name, base)


def _dns_within(name: bytes, base: bytes) -> bool | None:
    # A leading dot is not in the standard for these, but in use: it stands for names below only, which is narrower.
    if base.endswith(b".") or b"*" in base:
        return None
    if not base:
        return True
    if base.startswith(b"."):
        return name.endswith(base)
    return name == base or name.endswith(b"." + base)


def _stands_for(name: bytes, base: bytes) -> bool:
    """Whether a wildcard stands for a host that is excluded: it must not come in that way."""
    label, _, parent = base.removeprefix(b".").partition(b".")
    return bool(label) and name == b"*." + parent


def _host_within(host: bytes, base: bytes) -> bool:
    """As URIs and mail addresses are compared: a leading dot stands for names below, none for exactly that host."""
    return host.endswith(base) if base.startswith(b".") else host == base


def _email_within(name: bytes, base: bytes) -> bool | None:
    if b"@" not in name:
        return None
    return name == base if b"@" in base else _host_within(name.rpartition(b"@")[2], base)


def _uri_within(name: bytes, base: bytes) -> bool | None:
    try:
        host = urllib.parse.urlsplit(name.decode("ascii")).hostname
    except ValueError:
        return None
    return _host_within(host.encode("ascii"), base) if host else None


def _address_within(name: bytes, base: bytes) -> bool | None:
    if len(name) not in _ADDRESS_SIZES or len(base) // 2 not in _ADDRESS_SIZES or len(base) % 2:
        return None
    if len(base) != 2 * len(name):
        return False
    network, mask = base[: len(name)], base[len(name) :]
    return all(octet & bits == net & bits for octet, net, bits in zip(name, network, mask, strict=True))


def _directory_within(name: bytes, base: bytes) -> bool | None:
    """Whether the base's relative names begin the name (RFC 5280 section 7.1); `None` if a text of theirs cannot be read."""
    try:
        above = list(_relative_names(base))
        return list(_relative_names(name))[: len(above)] == above
    except UnicodeDecodeError:
        return None


def _relative_names(name: bytes) -> Iterator[Counter[tuple[bytes, object]]]:
    """The relative names, each the attributes in it with what is compared of their values: the order does not matter."""
    names = enter_whole(name, SEQUENCE)
    while names.peek() >= 0:
        attributes, found = names.enter(SET), Counter[tuple[bytes, object]]()
        while attributes.peek() >= 0:
            attribute = attributes.enter(SEQUENCE)
            kind, (tag, value) = attribute.content(OBJECT_IDENTIFIER), attribute.any_element()
            encoding = _ENCODINGS.get(tag)
            # Neither case nor the amount of space makes a difference, nor which type of string it is.
            found[kind, (tag, value) if encoding is None else " ".join(value.decode(encoding).casefold().split())] += 1
        yield found


_COMPARISONS: Final[dict[int, Callable[[bytes, bytes], bool | None]]] = {
    _EMAIL: _email_within,
    _DNS: _dns_within,
    _URI: _uri_within,
    _ADDRESS: _address_within,
    _DIRECTORY: _directory_within,
}
