"""Handshake messages put together again, one to a record: Mbed TLS does not take one that is spread over several.

The handshake is hashed by messages, not by records (RFC 8446 section 4.4.1), so this changes nothing that is authenticated.
"""

from __future__ import annotations

import struct
from typing import Final

from ...core._foreign import ForeignBuffer
from ._observer import BEGINNING, TLS_1_3, Observer

_CHANGE_CIPHER_SPEC: Final = 20
_ALERT: Final = 21
_HANDSHAKE: Final = 22
_HEADER: Final = 5
_MESSAGE_HEADER: Final = 4
_RECORD: Final = 16384
"""The most that a record holds; the library takes no longer message anyway."""
_RECORD_HEADER: Final = struct.Struct(">BxxH")


class Reframer:
    """Stands between the incoming buffer and the library until the peer's records are encrypted.

    What is in the buffer is held here meanwhile; what was not looked at when the records are encrypted goes back to it.

    Args:
        incoming: the ciphertext from the peer.
        observer: who is told of each message.
        speaker: which of the observer's directions the peer's is.

    Attributes:
        alert: the last alert that came in the clear.
        is_open: whether there is still something to do.
    """

    __slots__ = (
        "_at",
        "_given",
        "_held",
        "_incoming",
        "_messages",
        "_observer",
        "_ready",
        "_speaker",
        "alert",
        "is_open",
    )

    def __init__(self, incoming: ForeignBuffer, observer: Observer, speaker: int) -> None:
        self._incoming, self._observer, self._speaker = incoming, observer, speaker
        self._held, self._at = b"", 0  # what came in, and how much of it was looked at
        self._ready, self._given = b"", 0  # a record for the library, and how much of it was given
        self._messages = b""
        self.is_open = True
        self.alert: int | None = None

    @property
    def is_done(self) -> bool:
        """Whether nothing is held here any more, and nothing will be."""
        return not self.is_open and self._given == len(self._ready)

    def close(self) -> None:
        """Pass on what comes from now on as it is."""
        if self.is_open:
            self.is_open = False
            self._incoming.put_back(self._held[self._at :])
            self._incoming.put_back(self._messages)
            self._held = self._messages = b""

    def take(self, size: int) -> bytes | memoryview:
        """Give the next bytes, at most `size`; ``b""`` if more has to come in first."""
        given = self._given
        if given == len(self._ready):
            if not (self.is_open and self._next()):
                return b"" if self.is_open else self._incoming.take(size)
            given = 0
        data = self._ready[given : given + size]
        self._given = given + len(data)
        return data

    def _next(self) -> bool:
        """Have something ready for the library; False if more has to come in first, or the rest passes as it is."""
        if self._incoming.held:
            self._held, self._at = self._held[self._at :] + self._incoming.read(), 0
        held, end = self._held, len(self._held)
        while self._at < end:
            at = self._at
            if end - at < _HEADER:
                if not 20 <= held[at] <= 24:
                    self.close()
                return False
            kind, size = _RECORD_HEADER.unpack_from(held, at)
            if (
                not 20 <= kind <= 24 or size > _RECORD + 2048
            ):  # this is no record: the library says what is wrong with it
                self.close()
                return False
            if end - at < _HEADER + size:
                return False
            self._at = at + _HEADER + size
            self._ready, self._given = self._looked_at(kind, held[at : self._at]), 0
            if self._ready:
                return True
        return False

    def _looked_at(self, kind: int, record: bytes) -> bytes:
        """A record as the library takes it: nothing, if the rest of a message has to come in first."""
        if kind == _HANDSHAKE:
            if len(record) >= _HEADER + _MESSAGE_HEADER and not self._messages:
                _, size, high, low = BEGINNING.unpack_from(record)
                if not high and low == size - _MESSAGE_HEADER:  # nearly always: one message
                    self._observer.message(record[_HEADER:])
                    return record
            return self._put_together(record)
        if kind == _ALERT and len(record) == _HEADER + 2:
            self.alert = record[-1]
        elif kind == _CHANGE_CIPHER_SPEC:
            self._observer.change(self._speaker, is_ours=False)
            if self._observer.version != TLS_1_3:  # there it means nothing
                self.close()
        return record

    def _put_together(self, record: bytes) -> bytes:
        kind, messages = record[:3], self._messages + record[_HEADER:]
        ready = b"" if len(record) > _HEADER else record  # an empty record is an error, and the library's to find
        while len(messages) >= _MESSAGE_HEADER:
            end = _MESSAGE_HEADER + int.from_bytes(messages[1:4], "big")
            if len(messages) < end <= _RECORD:
                break
            message, messages = messages[: min(end, _RECORD)], messages[min(end, _RECORD) :]
            if len(message) == end:
                self._observer.message(message)
            ready += kind + len(message).to_bytes(2, "big") + message
        self._messages = messages
        return ready
