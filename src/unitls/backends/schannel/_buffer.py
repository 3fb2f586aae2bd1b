"""The buffer of this backend: one that shows the header of the record at its front."""

from __future__ import annotations

from typing import Final

from ...core._foreign import ForeignBuffer

HEADER: Final = 5


class RecordBuffer(ForeignBuffer):
    """A memory buffer without a bound that can be looked into."""

    __slots__ = ()

    def header(self) -> bytes:
        """The first five bytes, which stay where they are; nothing while there are fewer."""
        if self._size < HEADER:
            return b""
        begin = self._begin
        found = self._chunks[0][begin : begin + HEADER]
        if len(found) == HEADER:
            return found
        parts = [found]
        for chunk in list(self._chunks)[1 : HEADER + 1]:
            parts.append(chunk[:HEADER])
        return b"".join(parts)[:HEADER]

    def drop_if_ended(self) -> None:
        """Forget what is left if nothing will follow: it is a record that was cut off, and can be of no use."""
        if self._ended:
            self.read()
