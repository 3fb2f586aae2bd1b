"""How much to read from a transport so that no more than one record is begun.

During the handshake a socket must not take in application data: a program that `select`s afterwards would wait for bytes
that have already left the kernel. So it reads to the end of the record at hand, and the header of the next.
"""

from __future__ import annotations

from typing import Final

HEADER: Final = 5
"""The header of a record: type, version, length (RFC 8446 section 5.1)."""


_MAX_RECORD: Final = (1 << 14) + 2048  # RFC 5246 section 6.2.3


def _is_header(header: bytes) -> bool:
    """Whether this can be the header of a record. If not, nothing is gained by waiting for what it calls its rest."""
    return 20 <= header[0] <= 24 and header[1] == 3 and int.from_bytes(header[3:5], "big") <= _MAX_RECORD


class RecordBounds:
    """Follows the record headers in a stream that comes in pieces."""

    __slots__ = ("_header", "_left")

    def __init__(self) -> None:
        self._header = b""
        self._left = 0

    @property
    def wanted(self) -> int:
        """How many bytes to read next: the rest of this record and the next header."""
        return self._left + HEADER - len(self._header)

    @property
    def at_boundary(self) -> bool:
        """Whether what was followed so far ends with a record."""
        return not self._left and not self._header

    def advance(self, data: bytes) -> bool:
        """Follow `data`; True if it ends a record, or is no record at all."""
        ended = False
        while data:
            if self._left:
                step = min(self._left, len(data))
                self._left -= step
                ended = not self._left
            else:
                step = min(HEADER - len(self._header), len(data))
                self._header += data[:step]
                if len(self._header) == HEADER:
                    if not _is_header(self._header):
                        return True
                    self._left = int.from_bytes(self._header[3:5], "big")
                    self._header = b""
                    ended = not self._left
            data = data[step:]
        return ended
