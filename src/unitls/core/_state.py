"""The states of a connection, as a table, and the one function that walks it.

After the handshake the two directions end independently (RFC 8446 section 6.1): we may have sent close_notify and still
read, or have received one and still write. Everything that a state permits is a set below; no method asks any other way.
"""

from __future__ import annotations

import enum
from typing import Final


class State(enum.Enum):
    """Where a connection stands."""

    START = "the handshake has not begun"
    HANDSHAKE = "the handshake is under way"
    OPEN = "both directions are open"
    LOCAL_CLOSED = "we have sent close_notify"
    PEER_CLOSED = "the peer has sent close_notify"
    CLOSED = "both sides have sent close_notify"
    FAILED = "the connection is lost"

    __hash__ = object.__hash__  # members are unique; the hash by name is a frame of Python in every look-up


class Event(enum.Enum):
    """What moves it."""

    BEGIN = "the first step of the handshake"
    FINISH = "the handshake is done and the peer was accepted"
    SEND_CLOSE = "close_notify is in the outgoing buffer"
    RECEIVE_CLOSE = "the peer's close_notify was read"
    FAIL = "a fault"

    __hash__ = object.__hash__


_S, _E = State, Event
TABLE: Final[dict[State, dict[Event, State]]] = {
    # Without a handshake there is nobody to say goodbye to, and no end of the peer's that could be called clean.
    State.START: {_E.BEGIN: _S.HANDSHAKE, _E.SEND_CLOSE: _S.FAILED, _E.FAIL: _S.FAILED},
    State.HANDSHAKE: {
        _E.BEGIN: _S.HANDSHAKE, _E.FINISH: _S.OPEN, _E.SEND_CLOSE: _S.FAILED, _E.RECEIVE_CLOSE: _S.FAILED,
        _E.FAIL: _S.FAILED,
    },
    State.OPEN: {_E.SEND_CLOSE: _S.LOCAL_CLOSED, _E.RECEIVE_CLOSE: _S.PEER_CLOSED, _E.FAIL: _S.FAILED},
    State.LOCAL_CLOSED: {_E.SEND_CLOSE: _S.LOCAL_CLOSED, _E.RECEIVE_CLOSE: _S.CLOSED, _E.FAIL: _S.FAILED},
    State.PEER_CLOSED: {_E.SEND_CLOSE: _S.CLOSED, _E.RECEIVE_CLOSE: _S.PEER_CLOSED, _E.FAIL: _S.FAILED},
    State.CLOSED: {_E.SEND_CLOSE: _S.CLOSED, _E.RECEIVE_CLOSE: _S.CLOSED, _E.FAIL: _S.FAILED},
    State.FAILED: {_E.SEND_CLOSE: _S.FAILED, _E.RECEIVE_CLOSE: _S.FAILED, _E.FAIL: _S.FAILED},
}  # fmt: skip
"""What may happen in which state. A pair that is missing is a bug in the caller, not something a peer can cause."""

START: Final = State.START
"""Where every connection begins."""
OPEN: Final = State.OPEN
"""The state of nearly every call, asked for first."""
BEGUN: Final = TABLE[State.START][Event.BEGIN]
FINISHED: Final = TABLE[State.HANDSHAKE][Event.FINISH]
"""Two steps that every connection takes, looked up once."""
READABLE: Final = frozenset({State.OPEN, State.LOCAL_CLOSED})
"""Application data may still come in."""
WRITABLE: Final = frozenset({State.OPEN, State.PEER_CLOSED})
"""Application data may still go out."""
BEFORE: Final = frozenset({State.START, State.HANDSHAKE})
"""The handshake is not done."""
ENDED: Final = frozenset({State.PEER_CLOSED, State.CLOSED})
"""Reading gives the clean end."""


def walk(state: State, event: Event) -> State:
    """The state after `event`.

    Raises:
        KeyError: the table has no such transition.
    """
    return TABLE[state][event]
