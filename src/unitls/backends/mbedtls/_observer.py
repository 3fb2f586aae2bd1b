"""What the library does not tell of a handshake, read from the bytes that pass by (RFC 5246 section 7.4, RFC 8446 section 4).

Everything that matters here travels in the clear: the hellos, and up to TLS 1.2 the rest until the ciphers change.
Nothing read here decides whether a peer is trusted.
"""

from __future__ import annotations

import struct
from typing import Final

from ...core._client_hello import RETRY

CLIENT, SERVER = 0, 1
"""The two directions, by who speaks."""
_CHANGE_CIPHER_SPEC: Final = 20
_HANDSHAKE: Final = 22
_RECORD_HEADER: Final = 5
_MESSAGE_HEADER: Final = 4
BEGINNING: Final = struct.Struct(">BxxHxBH")
"""The header of a record, and that of a message which begins with it; the length of the message is one of three bytes."""
_CLIENT_HELLO: Final = 1
_SERVER_HELLO: Final = 2
_NEW_SESSION_TICKET: Final = 4
_SERVER_KEY_EXCHANGE: Final = 12
_CERTIFICATE_VERIFY: Final = 15
_TELLING: Final = frozenset(
    {_CLIENT_HELLO, _SERVER_HELLO, _NEW_SESSION_TICKET, _SERVER_KEY_EXCHANGE, _CERTIFICATE_VERIFY}
)
_EXTENSION: Final = struct.Struct(">HH")
_NAMED_CURVE: Final = 3
_PRE_SHARED_KEY: Final = 41
_SUPPORTED_VERSIONS: Final = 43
_KEY_SHARE: Final = 51
_TLS_1_2: Final = 0x0303
TLS_1_3: Final = 0x0304


class Observer:
    """Follows a handshake.

    Attributes:
        client_random: 32 bytes, once the client has spoken.
        server_random: likewise the server.
        group: the IANA number of the key exchange group, if there is one.
        resumed: whether the server has agreed to resume.
        has_session_id: whether the server has given the session a name (up to TLS 1.2).
        ticket_lifetime: the lifetime in seconds of the ticket it has given (up to TLS 1.2); `None` if it has given none.
        version: the version that the server has chosen; 0 before.
        transcript: up to TLS 1.2 all messages in front of the first Finished.
        scheme: what the client has signed with (TLS 1.2); 0 if it has not.
    """

    __slots__ = (
        "_frozen", "_messages", "_plain", "_records", "client_random", "group", "has_session_id", "resumed",
        "scheme", "server_random", "ticket_lifetime", "transcript", "version",
    )  # fmt: skip

    def __init__(self) -> None:
        self._records = bytearray()
        self._messages = bytearray()
        self._plain = True
        self.version = self.scheme = 0
        self._frozen = False
        self.client_random = self.server_random = b""
        self.group: int | None = None
        self.resumed = False
        self.has_session_id = False
        self.ticket_lifetime: int | None = None
        self.transcript = bytearray()

    def feed(self, speaker: int, data: bytes) -> None:
        """Take in records that our side sends, in pieces of any size."""
        if not self._plain:
            return
        records = self._records
        if not records and not self._messages and len(data) >= _RECORD_HEADER + _MESSAGE_HEADER:
            kind, size, high, low = BEGINNING.unpack_from(data)
            if kind == _HANDSHAKE and not high and low + _MESSAGE_HEADER == size == len(data) - _RECORD_HEADER:
                self.message(data[_RECORD_HEADER:])  # nearly always: a record with one message
                return
        records += data
        while len(records) >= _RECORD_HEADER:
            end = _RECORD_HEADER + int.from_bytes(records[3:5], "big")
            if len(records) < end:
                return
            self._record(speaker, records[0], bytes(records[_RECORD_HEADER:end]))
            del records[:end]

    def _record(self, speaker: int, kind: int, content: bytes) -> None:
        if kind == _HANDSHAKE:
            messages = self._messages
            messages += content
            while len(messages) >= _MESSAGE_HEADER:
                end = _MESSAGE_HEADER + int.from_bytes(messages[1:4], "big")
                if len(messages) < end:
                    return
                self.message(bytes(messages[:end]))
                del messages[:end]
        elif kind == _CHANGE_CIPHER_SPEC:
            self.change(speaker, is_ours=True)

    def change(self, speaker: int, *, is_ours: bool) -> None:
        """Note that one side has changed ciphers: up to TLS 1.2 what follows from it is encrypted."""
        if self.version == TLS_1_3:
            return
        self._plain = self._plain and not is_ours
        if not self._frozen:
            # Who resumes changes ciphers before the client does (RFC 5246 figure 2).
            self._frozen, self.resumed = True, speaker == SERVER

    def message(self, message: bytes) -> None:
        """Take in a whole message of either side."""
        if not self._frozen:
            self.transcript += message
        kind = message[0]
        if kind not in _TELLING:
            return
        body = message[_MESSAGE_HEADER:]
        try:
            if kind == _CLIENT_HELLO:
                self.client_random = body[2:34]
            elif kind == _SERVER_HELLO:
                self._server_hello(body)
            elif kind == _SERVER_KEY_EXCHANGE and body[0] == _NAMED_CURVE:
                self.group = int.from_bytes(body[1:3], "big")
            elif kind == _CERTIFICATE_VERIFY and self.version == _TLS_1_2:
                self.scheme = int.from_bytes(body[:2], "big")
            elif kind == _NEW_SESSION_TICKET and len(body) > 6:
                self.ticket_lifetime = int.from_bytes(body[:4], "big")
        except (IndexError, struct.error):
            pass  # it is malformed: the library says so

    def _server_hello(self, body: bytes) -> None:
        self.server_random = body[2:34]
        at = 35 + body[34]
        self.has_session_id = body[34] > 0
        at += 5
        found = {}
        while at + 4 <= len(body):
            kind, size = _EXTENSION.unpack_from(body, at)
            at += 4 + size
            found[kind] = body[at - size : at]
        self.version = int.from_bytes(found.get(_SUPPORTED_VERSIONS, body[:2]), "big")
        if self.version == TLS_1_3 and self.server_random != RETRY:
            self.group = int.from_bytes(found[_KEY_SHARE][:2], "big") if _KEY_SHARE in found else None
            self.resumed = _PRE_SHARED_KEY in found
