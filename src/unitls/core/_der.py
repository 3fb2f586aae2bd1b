"""A strict reader of DER, and as much of a writer as wrapping a key takes (X.690).

Certificates and keys come from outside, so nothing is assumed: lengths are definite, minimal and within bounds, tags
have one byte (X.509 and the key formats use no others), and whoever is done with a structure calls `DERReader.finish`,
so that nothing can hide behind it. Whatever breaks a rule raises `DERError`, never another exception.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, TypeAlias

BOOLEAN: Final = 0x01
INTEGER: Final = 0x02
BIT_STRING: Final = 0x03
OCTET_STRING: Final = 0x04
NULL: Final = 0x05
OBJECT_IDENTIFIER: Final = 0x06
UTC_TIME: Final = 0x17
GENERALIZED_TIME: Final = 0x18
SEQUENCE: Final = 0x30
SET: Final = 0x31

Buffer: TypeAlias = bytes | bytearray | memoryview

_MULTI_BYTE_TAG: Final = 0x1F
_MAX_LENGTH_OCTETS: Final = 4
_MAX_ARC: Final = 1 << 128  # ITU-T X.667 has the largest in use: a UUID in one arc


class DERError(ValueError):
    """The bytes are not the DER structure they should be. The message names offsets and tags, never content."""


class DERReader:
    """Reads the elements of one structure in order.

    Args:
        data: the bytes; offsets in messages count from their start.
        start: where the structure's content begins.
        end: where it ends; None for the end of `data`.
    """

    __slots__ = ("_data", "_end", "_position")

    def __init__(self, data: Buffer, start: int = 0, end: int | None = None) -> None:
        self._data = bytes(data)  # no copy where it is bytes already
        self._position = start
        self._end = len(self._data) if end is None else end

    def peek(self) -> int:
        """The tag of the next element, or -1 at the end."""
        return self._data[self._position] if self._position < self._end else -1

    def enter(self, tag: int) -> DERReader:
        """A reader of the next element's content.

        Raises:
            DERError: the next element has another tag, or is malformed.
        """
        start = self._advance(tag)
        return DERReader(self._data, start, self._position)

    def content(self, tag: int) -> bytes:
        """The next element without tag and length.

        Raises:
            DERError: the next element has another tag, or is malformed.
        """
        start = self._advance(tag)
        return self._data[start : self._position]

    def element(self, tag: int) -> bytes:
        """The next element with tag and length.

        Raises:
            DERError: the next element has another tag, or is malformed.
        """
        start = self._position
        self._advance(tag)
        return self._data[start : self._position]

    def any_element(self) -> tuple[int, bytes]:
        """The tag and the content of the next element, whatever it is.

        Raises:
            DERError: there is none, or it is malformed.
        """
        tag = self.peek()
        return tag, self.content(tag)

    def skip(self, tag: int) -> None:
        """Pass over the next element.

        Raises:
            DERError: the next element has another tag, or is malformed.
        """
        self._advance(tag)

    def skip_optional(self, tag: int) -> None:
        """Pass over the next element if it has this tag."""
        if self.peek() == tag:
            self._advance(tag)

    def boolean(self) -> bool:
        """The next element, a BOOLEAN: exactly 00 or FF (X.690 section 11.1)."""
        content = self.content(BOOLEAN)
        if content not in (b"\x00", b"\xff"):
            raise DERError(f"a BOOLEAN before offset {self._position} is neither 00 nor FF")
        return content == b"\xff"

    def integer(self) -> int:
        """The next element, an INTEGER in its shortest form (X.690 section 8.3.2); it may be negative."""
        content = self.content(INTEGER)
        if not content:
            raise DERError(f"the INTEGER before offset {self._position} is empty")
        if len(content) > 1 and content[0] in (0x00, 0xFF) and (content[0] ^ content[1]) < 0x80:
            raise DERError(f"the INTEGER before offset {self._position} is not in its shortest form")
        return int.from_bytes(content, "big", signed=True)

    def object_identifier(self) -> str:
        """The next element, an OBJECT IDENTIFIER in dotted notation."""
        return dotted(self.content(OBJECT_IDENTIFIER))

    def bit_string(self) -> bytes:
        """The next element, a BIT STRING of whole octets, as keys and signatures are."""
        content = self.content(BIT_STRING)
        if content[:1] != b"\x00":
            raise DERError(f"the BIT STRING before offset {self._position} does not hold whole octets")
        return content[1:]

    def finish(self) -> None:
        """Make sure that nothing is left.

        Raises:
            DERError: something is.
        """
        if self._position != self._end:
            raise DERError(f"{self._end - self._position} unexpected bytes at offset {self._position}")

    def _advance(self, tag: int) -> int:
        # The one place where lengths are believed; a certificate takes some fifty turns through it.
        data, start, end = self._data, self._position, self._end
        if start + 2 > end:
            raise DERError(f"the data ends at offset {end}, where an element should follow or go on")
        if data[start] != tag or tag & _MULTI_BYTE_TAG == _MULTI_BYTE_TAG:
            raise DERError(f"unexpected tag {data[start]:#04x} at offset {start}")
        length = data[start + 1]
        content = start + 2
        if length >= 0x80:
            content += length - 0x80
            length = self._long_length(start + 2, content)
        if content + length > end:
            raise DERError(f"the element at offset {start} is longer than what holds it")
        self._position = content + length
        return content

    def _long_length(self, start: int, stop: int) -> int:
        if not start < stop <= min(self._end, start + _MAX_LENGTH_OCTETS):
            raise DERError(f"bad length at offset {start - 1}")
        length = int.from_bytes(self._data[start:stop], "big")
        if length < 0x80 or self._data[start] == 0:
            raise DERError(f"the length at offset {start - 1} is not in its shortest form")
        return length


def enter_whole(data: Buffer, tag: int) -> DERReader:
    """A reader of the one element that `data` consists of.

    Args:
        data: one element with nothing behind it.
        tag: the tag it has to have.

    Returns:
        A reader of its content.

    Raises:
        DERError: it is another element, malformed, or not alone.
    """
    outer = DERReader(data)
    inner = outer.enter(tag)
    outer.finish()
    return inner


@lru_cache(maxsize=256)
def dotted(content: bytes) -> str:
    """An OBJECT IDENTIFIER's content in dotted notation (X.690 section 8.19).

    Raises:
        DERError: it is empty, cut off, or has an arc that is not in its shortest form, or beyond 128 bits.
    """
    if not content or content[-1] >= 0x80:
        raise DERError("an OBJECT IDENTIFIER is empty or cut off")
    arcs: list[int] = []
    arc = 0
    for octet in content:
        if arc == 0 and octet == 0x80:
            raise DERError("an OBJECT IDENTIFIER has an arc that is not in its shortest form")
        arc = arc << 7 | octet & 0x7F
        if arc >= _MAX_ARC:
            raise DERError("an OBJECT IDENTIFIER has an arc of more than 128 bits")
        if octet < 0x80:
            arcs.append(arc)
            arc = 0
    root = min(arcs[0] // 40, 2)
    return ".".join(map(str, (root, arcs[0] - 40 * root, *arcs[1:])))


def encode(tag: int, *contents: bytes) -> bytes:
    """One element: the tag, the shortest length, and the contents one behind the other."""
    body = b"".join(contents)
    size = len(body)
    if size < 0x80:
        return bytes((tag, size)) + body
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + body
