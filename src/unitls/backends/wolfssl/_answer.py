"""What a TLS 1.2 server makes of an offered ticket, found out in front of wolfSSL.

wolfSSL takes the answer to a ticket for a resumption, and ends the connection when the server goes on with a full handshake.
So while an answer is due, the server's first flight passes through here: its ServerHello is held back until the beginning of
what follows tells which it is. If it is a certificate, the caller makes wolfSSL forget the ticket first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

_HEADER: Final = 5
_MESSAGE_HEADER: Final = 4
_HANDSHAKE: Final = 22
_SERVER_HELLO: Final = 2
_CERTIFICATE: Final = 11
_LONGEST: Final = 16384
"""A record in the clear holds no more."""


class AwaitedAnswer:
    """Stands in front of the incoming buffer until the server has answered.

    Args:
        incoming: the connection's buffer.
        refused: called if the server goes on with a full handshake, before the library sees a byte of its answer.
    """

    __slots__ = ("_begin", "_decided", "_held", "_incoming", "_messages", "_refused")

    def __init__(self, incoming: Any, refused: Callable[[], object]) -> None:
        self._incoming = incoming
        self._refused = refused
        self._held = bytearray()
        self._begin = 0  # where the record begins that is being taken in
        self._messages = b""
        self._decided = False

    @property
    def pending(self) -> int:
        """How many bytes the library may have."""
        if not self._decided:
            self._take_in()
        if not self._decided:
            return 0
        return len(self._held) or self._incoming.pending

    def take(self, size: int) -> bytes | memoryview:
        """Give the library what was held back, and then what comes.

        Args:
            size: how many bytes at most.
        """
        if not self.pending:
            return b""
        if not self._held:
            return self._incoming.take(size)  # type: ignore[no-any-return]
        data = bytes(self._held[:size])
        del self._held[:size]
        return data

    def _take_in(self) -> None:
        """Take in records, no more than are needed: what is behind them stays in the incoming buffer."""
        while not self._decided:
            end = self._begin + _HEADER
            if len(self._held) >= end:
                size = int.from_bytes(self._held[end - 2 : end], "big")
                if self._held[self._begin] != _HANDSHAKE or not 0 < size <= _LONGEST:
                    # The ChangeCipherSpec of a resumption, an alert, or what does not belong here.
                    self._decided = True
                    return
                end += size
                if len(self._held) == end:
                    self._look_at(bytes(self._held[self._begin + _HEADER :]))
                    self._begin = end
                    continue
            more = self._incoming.read(end - len(self._held))
            if not more:
                return
            self._held += more

    def _look_at(self, content: bytes) -> None:
        """Look at the messages so far, whether they are the ServerHello and the first byte of what follows."""
        self._messages += content
        end = _MESSAGE_HEADER + int.from_bytes(self._messages[1:_MESSAGE_HEADER], "big")
        is_hello = self._messages[0] == _SERVER_HELLO
        if not is_hello or len(self._messages) > end:
            self._decided = True
            if is_hello and self._messages[end] == _CERTIFICATE:
                self._refused()
