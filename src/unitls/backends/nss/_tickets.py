"""Which tickets a server of ours takes: those of its own context, and no others.

NSS has one set of ticket keys for the whole process, and one cache of sessions, so that it would resume at one context
what another has begun, with another trust store or none. A ticket of TLS 1.3 carries a mark of its context. Tickets and
session identifiers up to TLS 1.2 cannot, but they are seen on the wire, and what was sent is remembered. To a connection
that is offered a ticket which is not its context's, NSS is given a clock by which all tickets have expired; for one that
offers the identifier of another's session, the cache is closed.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections import OrderedDict
from typing import Final

from ...core._client_hello import RETRY

_MARK_SIZE: Final = 16
_REMEMBERED: Final = 4096
_HANDSHAKE: Final = 22
_SERVER_HELLO: Final = 2
_NEW_SESSION_TICKET: Final = 4
_SESSION: Final = 34
"""Where the session identifier begins in either Hello: behind the version and the random value."""
_SESSION_TICKET: Final = 35
_RANDOM: Final = slice(2, _SESSION)
_RECORD_HEADER: Final = 5
_MESSAGE_HEADER: Final = 4


class TicketBook:
    """The tickets of one context.

    Attributes:
        mark: what stands in each of its tickets of TLS 1.3.
    """

    __slots__ = ("_lock", "_seen", "mark")

    def __init__(self) -> None:
        self.mark: Final = os.urandom(_MARK_SIZE)
        self._seen: OrderedDict[bytes, None] = OrderedDict()
        self._lock = threading.Lock()

    def remember(self, ticket: bytes) -> None:
        """Note a ticket, or the identifier of a session, up to TLS 1.2; the oldest are forgotten."""
        with self._lock:
            self._seen[_digest(ticket)] = None
            if len(self._seen) > _REMEMBERED:
                self._seen.popitem(last=False)

    def knows(self, ticket: bytes) -> bool:
        """Whether it was sent by this context."""
        with self._lock:
            return _digest(ticket) in self._seen


def _digest(ticket: bytes) -> bytes:
    return hashlib.sha256(ticket).digest()[:_MARK_SIZE]


def sent_ticket(flight: bytes) -> bytes | None:
    """The NewSessionTicket among the records of a flight up to TLS 1.2 (RFC 5077 section 3.3), if there is one."""
    body = _first_message(flight, _NEW_SESSION_TICKET)
    return None if body is None else body[6 : 6 + int.from_bytes(body[4:6], "big")]


def begun_session(flight: bytes) -> bytes | None:
    """The session identifier in the ServerHello of a flight up to TLS 1.2 (RFC 5246 section 7.4.1.3)."""
    body = _first_message(flight, _SERVER_HELLO)
    return None if body is None else body[_SESSION + 1 : _SESSION + 1 + body[_SESSION]]


def asks_again(flight: bytes) -> bool:
    """Whether a flight of TLS 1.3 is a HelloRetryRequest."""
    body = _first_message(flight, _SERVER_HELLO)
    return body is not None and body[_RANDOM] == RETRY


def _first_message(flight: bytes, kind: int) -> bytes | None:
    """The body of a message that stands at the beginning of a record, where NSS puts those that are looked for."""
    position = 0
    while position + _RECORD_HEADER + _MESSAGE_HEADER <= len(flight):
        size = int.from_bytes(flight[position + 3 : position + _RECORD_HEADER], "big")
        body = flight[position + _RECORD_HEADER : position + _RECORD_HEADER + size]
        if flight[position] == _HANDSHAKE and body[0] == kind:
            return body[_MESSAGE_HEADER:]
        position += _RECORD_HEADER + size
    return None


def offered_sessions(hello: bytes) -> tuple[bytes, bytes]:
    """What a client would resume up to TLS 1.2: the identifier of a session, and a ticket. Either may be empty.

    Args:
        hello: the ClientHello without its header, which core has found to be well-formed; may be empty.
    """
    if not hello:
        return b"", b""
    position = _SESSION + 1 + hello[_SESSION]
    identifier = hello[_SESSION + 1 : position]
    position += 2 + int.from_bytes(hello[position : position + 2], "big")
    position += 1 + hello[position]
    position += 2
    while position + 4 <= len(hello):
        kind = int.from_bytes(hello[position : position + 2], "big")
        size = int.from_bytes(hello[position + 2 : position + 4], "big")
        position += 4
        if kind == _SESSION_TICKET:
            return identifier, hello[position : position + size]
        position += size
    return identifier, b""
