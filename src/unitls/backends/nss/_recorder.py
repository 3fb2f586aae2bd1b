"""The last bytes that a server of TLS 1.3 has read in a handshake: NSS does not understand one of them.

A client that refuses our certificate may say so in plaintext, before it has any keys to encrypt an alert with (OpenSSL
does). NSS ends the connection with an error about the kind of record.
"""

from __future__ import annotations

from typing import Final

from . import native

_ALERT_RECORD: Final = b"\x15\x03"
_ALERT_LENGTH: Final = b"\0\x02"
_WHOLE: Final = 7


class Recorder:
    """Stands before a connection's incoming buffer and notes what is read from it.

    Args:
        incoming: the buffer.
    """

    __slots__ = ("_incoming", "_recent")

    def __init__(self, incoming: native.MemoryBuffer) -> None:
        self._incoming = incoming
        self._recent = b""

    def take(self, size: int) -> bytes | memoryview:
        data = self._incoming.take(size)
        self._recent = (self._recent + bytes(data[-_WHOLE:]))[-_WHOLE:]
        return data

    def plaintext_alert(self) -> int | None:
        """The alert that was read last, if it was one, and in plaintext."""
        record = self._recent
        if len(record) == _WHOLE and record[:2] == _ALERT_RECORD and record[3:5] == _ALERT_LENGTH:
            return record[6]
        return None
