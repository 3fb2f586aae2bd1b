"""Name constraints (RFC 5280 section 4.2.1.10): whether the names of a certificate are within what its issuers allow."""

from __future__ import annotations

import urllib.parse
from collections.abc import Callable
from typing import Final

from ...core._der import SEQUENCE, DERReader
from ...core._x509 import certificate_fields
from ._extensions import DIRECTORY_NAME, Names, limits

_EMAIL: Final = 0x81
_DNS: Final = 0x82
_URI: Final = 0x86
_ADDRESS: Final = 0x87


def names_of(der: bytes) -> Names:
    """Every name that constraints speak of: the subject, and its alternative names.

    Raises:
        DERError: the certificate is malformed.
    """
    subject = certificate_fields(der).subject
    own: Names = ((DIRECTORY_NAME, subject),) if subject != b"\x30\x00" else ()
    return own + limits(der).names


def breaks(names: Names, permitted: Names, excluded: Names) -> bool:
    """Whether one of the names is outside of what is permitted for its kind, or within what is excluded.

    A name of a kind that cannot be compared breaks every constraint on that kind.
    """
    for kind, name in names:
        inside = [base for tag, base in permitted if tag == kind]
        if inside and not any(_within(kind, name, base, unknown=False) for base in inside):
            return True
        outside = [base for tag, base in excluded if tag == kind]
        if any(_within(kind, name, base, unknown=True) for base in outside):
            return True
        if kind == _DNS and any(_stands_for(name.lower(), base.lower()) for base in outside):
            return True
    return False


def _within(kind: int, name: bytes, base: bytes, *, unknown: bool) -> bool:
    compare = _COMPARISONS.get(kind)
    return unknown if compare is None else compare(name.lower() if kind in _LETTERS else name, _folded(kind, base))


def _folded(kind: int, base: bytes) -> bytes:
    return base.lower() if kind in _LETTERS else base


def _dns_within(name: bytes, base: bytes) -> bool:
    # A leading dot is not in the standard for these, but in use: it stands for names below only, which is narrower.
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


def _email_within(name: bytes, base: bytes) -> bool:
    return name == base if b"@" in base else _host_within(name.rpartition(b"@")[2], base)


def _uri_within(name: bytes, base: bytes) -> bool:
    try:
        host = urllib.parse.urlsplit(name.decode("ascii")).hostname
    except ValueError:
        return False
    return host is not None and _host_within(host.encode("ascii"), base)


def _address_within(name: bytes, base: bytes) -> bool:
    if len(base) != 2 * len(name):
        return False
    network, mask = base[: len(name)], base[len(name) :]
    return all(octet & bits == net & bits for octet, net, bits in zip(name, network, mask, strict=True))


def _directory_within(name: bytes, base: bytes) -> bool:
    """Whether the base's relative names begin the name; compared as bytes, which only ever refuses more."""
    return _contents(name).startswith(_contents(base))


def _contents(name: bytes) -> bytes:
    """A Name without its outer tag and length."""
    return DERReader(name).content(SEQUENCE)


_COMPARISONS: Final[dict[int, Callable[[bytes, bytes], bool]]] = {
    _EMAIL: _email_within,
    _DNS: _dns_within,
    _URI: _uri_within,
    _ADDRESS: _address_within,
    DIRECTORY_NAME: _directory_within,
}
_LETTERS: Final = frozenset({_EMAIL, _DNS, _URI})
