"""Typed names of a peer: what a certificate is checked against (RFC 9525).

Each value is parsed and normalised once, when it is made; two that mean the same name are equal. A plain string never
travels further than the edge of the API, so nothing inside has to ask again what kind of name it holds.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from ._errors import ConfigurationError

if TYPE_CHECKING:
    import ipaddress

_LABEL: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_")


def _to_ascii(name: str) -> str:
    """The A-label form of a host name; ASCII names bypass IDNA (they may hold an underscore, or 'xn--' as it is)."""
    if not isinstance(name, str):
        raise ConfigurationError(f"a host name is a string, not {type(name).__name__}")
    if name.isascii():
        return name.lower()
    try:
        import idna
    except ImportError:
        raise ConfigurationError(
            f"the host name {name!r} is not ASCII; install the package 'idna' (pip install 'unitls[idna]'), "
            "or pass the name in its xn-- form"
        ) from None
    try:
        return idna.encode(name, uts46=True, std3_rules=True).decode("ascii")
    except idna.IDNAError as error:
        raise ConfigurationError(f"{name!r} is not a valid internationalised host name: {error}") from error


def _checked(name: str, original: str) -> str:
    labels = name.split(".")
    for label in labels:
        if not 1 <= len(label) <= 63:
            what = "an empty label" if not label else "a label of more than 63 characters"
            raise ConfigurationError(f"{original!r} is not a host name: it has {what} (RFC 1035 section 2.3.4)")
        if not _LABEL.issuperset(label):
            raise ConfigurationError(
                f"{original!r} is not a host name: only letters, digits, '-' and '_' may stand in it"
            )
    if len(name) > 253:
        raise ConfigurationError(f"{original!r} is not a host name: it is longer than 253 characters")
    if labels[-1].isdigit():
        raise ConfigurationError(f"{original!r} is neither a host name nor an IP address")
    return name


@dataclass(frozen=True, slots=True, init=False)
class DNSName:
    """A host name, matched against ``dNSName`` entries of the subject alternative names.

    Args:
        name: with or without one trailing dot, in any case, ASCII or Unicode (UTS 46, by the package ``idna``).

    Attributes:
        name: the lower-case A-label form, without a trailing dot.

    Raises:
        ConfigurationError: it is not a host name, or it is not ASCII and ``idna`` is not installed.
    """

    name: str

    def __init__(self, name: str) -> None:
        text = _to_ascii(name)
        object.__setattr__(self, "name", _checked(text.removesuffix("."), name))

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True, init=False)
class IPAddress:
    """An IP address, matched against ``iPAddress`` entries only; it is never sent as SNI (RFC 6066 section 3).

    Args:
        address: text in the usual notation, or a value of the module `ipaddress`.

    Attributes:
        packed: 4 or 16 bytes in network order.

    Raises:
        ConfigurationError: it is not an address, or it has a zone.
    """

    packed: bytes

    def __init__(self, address: str | ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
        import ipaddress

        if not isinstance(address, (str, ipaddress.IPv4Address, ipaddress.IPv6Address)):
            raise ConfigurationError(f"an IP address is given as text or from the module ipaddress, not {address!r}")
        try:
            value = ipaddress.ip_address(address)
        except ValueError as error:
            raise ConfigurationError(f"{address!r} is not an IP address") from error
        if getattr(value, "scope_id", None):
            raise ConfigurationError(f"{address!r} has a zone, which no certificate can hold; leave it out")
        object.__setattr__(self, "packed", value.packed)

    def __str__(self) -> str:
        import ipaddress

        return str(ipaddress.ip_address(self.packed))


def _with_lower_host(rest: str) -> str:
    """What stands behind the scheme of a URI, its host in lower case: neither user, query nor fragment (RFC 3986)."""
    if not rest.startswith("//"):
        return rest
    end = min((at for mark in "/?#" if (at := rest.find(mark, 2)) >= 0), default=len(rest))
    start = max(2, rest.rfind("@", 2, end) + 1)
    return rest[:start] + rest[start:end].lower() + rest[end:]


@dataclass(frozen=True, slots=True, init=False)
class URI:
    """A URI, matched as a whole against ``uniformResourceIdentifier`` entries (SPIFFE identities, for example).

    Args:
        uri: an absolute URI in ASCII. The scheme and the host are compared without case, the rest as it is (RFC 3986
            section 6.2.2.1).

    Raises:
        ConfigurationError: it is not an absolute URI, or not ASCII.
    """

    uri: str

    def __init__(self, uri: str) -> None:
        if not isinstance(uri, str):
            raise ConfigurationError(f"a URI is a string, not {type(uri).__name__}")
        scheme, colon, rest = uri.partition(":")
        if (
            not (colon and rest and scheme.isascii() and scheme[:1].isalpha())
            or not uri.isascii()
            or not uri.isprintable()
        ):
            raise ConfigurationError(f"{uri!r} is not an absolute URI in ASCII")
        object.__setattr__(self, "uri", f"{scheme.lower()}:{_with_lower_host(rest)}")

    def __str__(self) -> str:
        return self.uri


Subject: TypeAlias = DNSName | IPAddress | URI
"""One acceptable name of the peer."""


@functools.lru_cache(maxsize=256)
def parse_subject(text: str) -> DNSName | IPAddress:
    """Read what a user calls a host: an IP address if it is one (also in brackets), else a host name.

    Args:
        text: a host name or an IP address.

    Returns:
        The typed value.

    Raises:
        ConfigurationError: it is neither. A null byte, an empty label and a label over 63 characters are.
    """
    if not text:
        raise ConfigurationError("the host name is empty")
    import ipaddress

    bare = text[1:-1] if text[0] == "[" and text[-1] == "]" else text
    try:
        ipaddress.ip_address(bare)
    except ValueError:
        return DNSName(text)
    return IPAddress(bare)
