"""Where records begin and end in a stream of ciphertext.

A socket must not keep a whole record to itself: a program that `select`s would wait for bytes that have already left the
kernel. So where a read has ended in mid-record, the next one takes in what that record still lacks, and no more.
"""

from __future__ import annotations

from typing import Final

HEADER: Final = 5
"""The header of a record: type, version, length (RFC 8446 section 5.1)."""
_MAX_RECORD: Final = (1 << 14) + 2048  # RFC 5246 section 6.2.3


class RecordBounds:
    """Follows the record headers in a stream that comes in pieces.

    Most sockets have one and never use it, so it begins with what its class holds.
    """

    _header: bytes = b""
    _left: int = 0

    @property
    def lacking(self) -> int:
        """How many bytes the record at hand still lacks; those of its header while that is not complete."""
        return self._left or max(1, HEADER - len(self._header))

    @property
    def at_boundary(self) -> bool:
        """Whether what was followed so far ends with a record."""
        return not self._left and not self._header

    def advance(self, data: bytes) -> bool:
        """Follow `data`.

        Returns:
            True if it ends with a record, or is no record at all: nothing is gained then by waiting for its rest.
        """
        at, end = 0, len(data)
        while at < end:
            if self._left:
                step = min(self._left, end - at)
                self._left -= step
                at += step
                continue
            step = HEADER - len(self._header)
            self._header += data[at : at + step]
            at += step
            if len(self._header) == HEADER:
                if not _is_header(self._header):
                    self._header = b""
                    return True
                self._left = int.from_bytes(self._header[3:5], "big")
                self._header = b""
        return self.at_boundary


def _is_header(header: bytes) -> bool:
    """Whether this can be the header of a record."""
    return 20 <= header[0] <= 24 and header[1] == 3 and int.from_bytes(header[3:5], "big") <= _MAX_RECORD
