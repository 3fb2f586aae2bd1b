"""What the peer sends in the clear, read before SChannel sees any of it (RFC 5246 section 7.4, RFC 8446 section 4).

SChannel tells the peer's certificate only when its own last flight is written. Up to TLS 1.2 the certificate travels in
the clear: so each flight is held here until it is whole, and the peer is judged before SChannel goes on. Alerts are read
here too, since SChannel does not tell which one it was. Where something is encrypted, this steps aside.
"""

from __future__ import annotations

import struct
from typing import Final

from ...api._alerts import AlertDescription as Alert
from ...core._client_hello import RETRY
from .native import Closed, Error

CHANGE_CIPHER_SPEC: Final = 20
ALERT: Final = 21
HANDSHAKE: Final = 22
APPLICATION_DATA: Final = 23
TLS_1_3: Final = 0x0304
_HEADER: Final = 5
_MESSAGE_HEADER: Final = 4
MAX_RECORD: Final = (1 << 14) + 2048
"""The most a record holds (RFC 5246 section 6.2.3)."""

_CLIENT_HELLO, _SERVER_HELLO, _CERTIFICATE, _SERVER_KEY_EXCHANGE, _SERVER_HELLO_DONE = 1, 2, 11, 12, 14
_NAMED_CURVE: Final = 3
_PRE_SHARED_KEY, _SUPPORTED_VERSIONS, _KEY_SHARE = 41, 43, 51
_WARNING: Final = 1


class Violation(Error):
    """The peer has sent what TLS forbids; `reply` is the alert that says so."""

    def __init__(self, text: str, reply: Alert = Alert.UNEXPECTED_MESSAGE) -> None:
        super().__init__(0, text)
        self.reply = reply
        self.from_peer = True


def record_size(header: bytes) -> int:
    """How long a record is with its header.

    Raises:
        Violation: this is no header of a record.
    """
    size = header[3] << 8 | header[4]
    if not CHANGE_CIPHER_SPEC <= header[0] <= APPLICATION_DATA or header[1] != 3:
        raise Violation("the peer does not speak TLS here")
    if size > MAX_RECORD:
        raise Violation("the peer has sent a record that is longer than TLS allows", Alert.RECORD_OVERFLOW)
    return _HEADER + size


class Flight:
    """Follows the peer's side of a handshake.

    Args:
        server_side: whether we are the server.

    Attributes:
        chain: the certificates that the peer has sent in the clear; `None` before it has sent any.
        version: the version that was chosen; 0 before.
        suite: the cipher suite; `None` before.
        group: the group of the key exchange, if there is one.
        resumed: whether a session is resumed.
        is_open: whether what comes is still in the clear.
    """

    __slots__ = ("_messages", "_seen", "_server_side", "chain", "group", "is_open", "resumed", "suite", "version")

    def __init__(self, *, server_side: bool) -> None:
        self._server_side = server_side
        self._messages = bytearray()
        self._seen: set[int] = set()
        self.chain: list[bytes] | None = None
        self.version = 0
        self.suite: int | None = None
        self.group: int | None = None
        self.resumed = False
        self.is_open = True

    def feed(self, record: bytes) -> bool:
        """Take in a whole record.

        Returns:
            Whether what was held so far is to be handed on; False while more of the flight has to come.

        Raises:
            Closed: it is close_notify.
            Error: it is a fatal alert.
            Violation: it has no place here.
        """
        if not self.is_open:
            return True
        kind, content = record[0], record[_HEADER:]
        if kind == ALERT and len(content) == 2:
            self._heard(content)
        elif kind == HANDSHAKE:
            return self._handshake(content)
        elif not self._seen:
            raise Violation("the peer's first message is none of a handshake")
        elif kind == CHANGE_CIPHER_SPEC:
            self._change()
        elif self.version != TLS_1_3:
            raise Violation("the peer has sent application data before the handshake was done")
        return True

    def note_own(self, flight: bytes) -> None:
        """On a server: learn from our own flight in the clear what was chosen."""
        messages, at = b"", 0
        while flight[at : at + 1] == bytes((HANDSHAKE,)):
            end = at + _HEADER + int.from_bytes(flight[at + 3 : at + 5], "big")
            messages += flight[at + _HEADER : end]
            at = end
        if messages[:1] != bytes((_SERVER_HELLO,)):
            return
        while messages:
            end = _MESSAGE_HEADER + int.from_bytes(messages[1:_MESSAGE_HEADER], "big")
            if messages[0] in (_SERVER_HELLO, _SERVER_KEY_EXCHANGE):
                self._learn(messages[0], messages[_MESSAGE_HEADER:end])
            messages = messages[end:]
        # Who resumes changes ciphers before the client does (RFC 5246 figure 2).
        if self.version != TLS_1_3 and flight[at : at + 1] == bytes((CHANGE_CIPHER_SPEC,)):
            self.resumed = True

    def _heard(self, content: bytes) -> None:
        level, description = content
        if description == Alert.CLOSE_NOTIFY:
            raise Closed
        if level != _WARNING:
            error = Error(0, "the peer has sent an alert in the clear")
            error.alert, error.from_peer = description, True
            raise error

    def _change(self) -> None:
        """The peer changes ciphers. In TLS 1.3 this is without meaning; up to 1.2 nothing in the clear follows."""
        if self.version == TLS_1_3:
            return
        self.is_open = False
        if not self._server_side:
            self.resumed = self.chain is None

    def _handshake(self, content: bytes) -> bool:
        if not content:
            raise Violation("the peer has sent an empty record of the handshake")
        messages = self._messages
        messages += content
        while len(messages) >= _MESSAGE_HEADER:
            end = _MESSAGE_HEADER + int.from_bytes(messages[1:4], "big")
            if len(messages) < end:
                break
            self._message(messages[0], bytes(messages[_MESSAGE_HEADER:end]))
            del messages[:end]
        if messages:
            return False
        return self._server_side or self.version == TLS_1_3 or _SERVER_HELLO_DONE in self._seen

    def _message(self, kind: int, body: bytes) -> None:
        if not self._seen and kind != (_CLIENT_HELLO if self._server_side else _SERVER_HELLO):
            raise Violation("the peer's first message is not its hello")
        self._seen.add(kind)
        try:
            if kind == _CERTIFICATE and self.version != TLS_1_3:
                self._certificate(body)
            else:
                self._learn(kind, body)
        except (IndexError, struct.error):
            raise Violation("the peer has sent a message that cannot be parsed", Alert.DECODE_ERROR) from None

    def _learn(self, kind: int, body: bytes) -> None:
        if kind == _SERVER_HELLO:
            self._server_hello(body)
        elif kind == _SERVER_KEY_EXCHANGE and body[0] == _NAMED_CURVE:
            self.group = int.from_bytes(body[1:3], "big")

    def _server_hello(self, body: bytes) -> None:
        at = 35 + body[34]
        self.suite = int.from_bytes(body[at : at + 2], "big")
        extensions, found = body[at + 5 :], dict[int, bytes]()
        while extensions:
            kind, size = struct.unpack_from(">HH", extensions)
            found[kind], extensions = extensions[4 : 4 + size], extensions[4 + size :]
        self.version = int.from_bytes(found.get(_SUPPORTED_VERSIONS, body[:2]), "big")
        if self.version == TLS_1_3 and body[2:34] != RETRY:
            self.group = int.from_bytes(found[_KEY_SHARE][:2], "big") if _KEY_SHARE in found else None
            self.resumed = _PRE_SHARED_KEY in found

    def _certificate(self, body: bytes) -> None:
        if self.chain is not None:
            raise Violation("the peer has sent its certificate twice")
        listed = body[3 : 3 + int.from_bytes(body[:3], "big")]
        if len(listed) + 3 != len(body):
            raise IndexError
        chain = []
        while listed:
            size = int.from_bytes(listed[:3], "big")
            if not size or len(listed) < 3 + size:
                raise IndexError
            chain.append(listed[3 : 3 + size])
            listed = listed[3 + size :]
        self.chain = chain
