"""Handshake messages put together again, one to a record: Mbed TLS does not take one that is spread over several.

The handshake is hashed by messages, not by records (RFC 8446 section 4.4.1), so this changes nothing that is authenticated.
"""

from __future__ import annotations

from typing import Any, Final

from ._observer import TLS_1_3, Observer

_CHANGE_CIPHER_SPEC: Final = 20
_ALERT: Final = 21
_HANDSHAKE: Final = 22
_HEADER: Final = 5
_MESSAGE_HEADER: Final = 4
_RECORD: Final = 16384
"""The most that a record holds; the library takes no longer message anyway."""


class Reframer:
    """Stands between the incoming buffer and the library until the peer's records are encrypted.

    Args:
        observer: who is told of each message.
        speaker: which of the observer's directions the peer's is.

    Attributes:
        alert: the last alert that came in the clear.
    """

    __slots__ = ("_is_open", "_messages", "_observer", "_ready", "_record", "_speaker", "alert")

    def __init__(self, observer: Observer, speaker: int) -> None:
        self._observer, self._speaker = observer, speaker
        self._ready = bytearray()
        self._record = bytearray()
        self._messages = bytearray()
        self._is_open = True
        self.alert: int | None = None

    @property
    def is_done(self) -> bool:
        """Whether nothing is held here any more, and nothing will be."""
        return not (self._is_open or self._ready or self._record)

    def close(self) -> None:
        """Pass on what comes from now on as it is."""
        self._is_open = False
        self._ready += self._messages + self._record
        del self._messages[:], self._record[:]

    def take(self, incoming: Any, size: int) -> bytes:
        """Give the next bytes; ``b""`` if more has to come in first.

        Args:
            incoming: where they come from: no more than one record is taken at a time.
            size: how many at most.
        """
        while not self._ready and self._is_open:
            if not self._next_record(incoming):
                return b""
        if not self._ready:
            return incoming.read(size)  # type: ignore[no-any-return]
        data = bytes(self._ready[:size])
        del self._ready[:size]
        return data

    def _next_record(self, incoming: Any) -> bool:
        record = self._record
        for _ in range(2):  # the header, and what it announces
            due = _HEADER if len(record) < _HEADER else _HEADER + int.from_bytes(record[3:5], "big")
            record += incoming.read(due - len(record))
            if len(record) < due and not self._is_hopeless(record):
                return False
        if self._is_hopeless(record):
            self.close()
        elif record[0] == _HANDSHAKE:
            self._add(bytes(record[:3]), bytes(record[_HEADER:]))
        else:
            if record[0] == _ALERT and len(record) == _HEADER + 2:
                self.alert = record[-1]
            self._ready += record
            if record[0] == _CHANGE_CIPHER_SPEC:
                self._observer.change(self._speaker, is_ours=False)
                self._is_open = self._observer.version == TLS_1_3  # there it means nothing
        del record[:]
        return True

    @staticmethod
    def _is_hopeless(record: bytearray) -> bool:
        """Whether this is no record, or one that is not waited for: the library says what is wrong with it."""
        if not record:
            return False
        return not 20 <= record[0] <= 24 or (
            len(record) >= _HEADER and int.from_bytes(record[3:5], "big") > _RECORD + 2048
        )

    def _add(self, kind: bytes, content: bytes) -> None:
        messages = self._messages
        if not content:
            self._ready += kind + b"\0\0"  # an empty record is an error, and the library's to find
        messages += content
        while len(messages) >= _MESSAGE_HEADER:
            end = _MESSAGE_HEADER + int.from_bytes(messages[1:4], "big")
            if len(messages) < end <= _RECORD:
                return
            message = messages[: min(end, _RECORD)]
            if len(message) == end:
                self._observer.message(bytes(message))
            self._ready += kind + len(message).to_bytes(2, "big") + message
            del messages[: len(message)]
