"""Object identifiers with their names, as far as the face needs them: what a context is for."""

from __future__ import annotations

import enum
from collections import namedtuple
from typing import TYPE_CHECKING, Any, Final

from ._platform import real

_KNOWN: Final = (
    (129, "serverAuth", "TLS Web Server Authentication", "1.3.6.1.5.5.7.3.1"),
    (130, "clientAuth", "TLS Web Client Authentication", "1.3.6.1.5.5.7.3.2"),
)


def _find(column: int, value: Any) -> tuple[Any, ...]:
    for row in _KNOWN:
        if row[column] == value:
            return row
    raise ValueError(f"unknown object {value!r}")


if TYPE_CHECKING or real is None:

    class _ASN1Object(namedtuple("_ASN1Object", "nid shortname longname oid")):
        """An object identifier with OpenSSL's number and names for it."""

        __slots__ = ()

        def __new__(cls, oid: str) -> Any:
            return super().__new__(cls, *_find(3, oid))

        @classmethod
        def fromnid(cls, nid: int) -> Any:
            """The object with OpenSSL's number `nid`."""
            return super().__new__(cls, *_find(0, nid))

        @classmethod
        def fromname(cls, name: str) -> Any:
            """The object with that name, short or long, or that dotted identifier."""
            column = next((at for at in (1, 2, 3) if any(row[at] == name for row in _KNOWN)), 3)
            return super().__new__(cls, *_find(column, name))

    class Purpose(_ASN1Object, enum.Enum):
        """What the peer's certificate has to be good for."""

        SERVER_AUTH = "1.3.6.1.5.5.7.3.1"
        CLIENT_AUTH = "1.3.6.1.5.5.7.3.2"

else:
    _ASN1Object = real._ASN1Object
    Purpose = real.Purpose
