"""Where a TLS connection on an event loop stands, as a table.

What each *direction* of the connection permits is the business of core's own table; this one is about the transport
underneath, and about who is told what.
"""

from __future__ import annotations

import enum
from typing import Final


class Stage(enum.Enum):
    """Where a connection stands."""

    START = "there is no transport yet"
    HANDSHAKE = "the handshake is under way"
    OPEN = "application data flows"
    FLUSHING = "it is being closed; what was written has to go out first"
    SHUTDOWN = "our close_notify is out; the peer's is awaited"
    CLOSING = "the transport is being closed"
    LOST = "the transport is gone"

    __hash__ = object.__hash__  # members are unique; the hash by name is a frame of Python in every look-up


class Event(enum.Enum):
    """What moves it."""

    CONNECT = "the transport is there"
    FINISH = "the handshake is done and the peer was accepted"
    CLOSE = "the program closes, or the peer has and the program agrees"
    FLUSH = "everything is out, and close_notify behind it"
    END = "there is nothing to wait for any more"
    FAIL = "a fault, or the program aborts"
    LOSE = "the transport says that it is gone"

    __hash__ = object.__hash__


_S, _E = Stage, Event
TABLE: Final[dict[Stage, dict[Event, Stage]]] = {
    Stage.START: {_E.CONNECT: _S.HANDSHAKE, _E.FAIL: _S.CLOSING, _E.LOSE: _S.LOST},
    Stage.HANDSHAKE: {_E.FINISH: _S.OPEN, _E.FAIL: _S.CLOSING, _E.LOSE: _S.LOST},
    Stage.OPEN: {_E.CLOSE: _S.FLUSHING, _E.FAIL: _S.CLOSING, _E.LOSE: _S.LOST},
    Stage.FLUSHING: {_E.FLUSH: _S.SHUTDOWN, _E.FAIL: _S.CLOSING, _E.LOSE: _S.LOST},
    Stage.SHUTDOWN: {_E.END: _S.CLOSING, _E.FAIL: _S.CLOSING, _E.LOSE: _S.LOST},
    Stage.CLOSING: {_E.CONNECT: _S.CLOSING, _E.END: _S.CLOSING, _E.FAIL: _S.CLOSING, _E.LOSE: _S.LOST},
    Stage.LOST: {_E.FAIL: _S.LOST, _E.LOSE: _S.LOST},
}
"""What may happen in which stage. A pair that is missing is a bug in the caller, not something a peer can cause."""

OPEN: Final = Stage.OPEN
"""The stage of nearly every call, asked for first."""
BEFORE: Final = frozenset({Stage.START, Stage.HANDSHAKE})
"""The handshake is not done: closing now is aborting, and there is no orderly end to wait for."""
OVER: Final = frozenset({Stage.FLUSHING, Stage.SHUTDOWN, Stage.CLOSING, Stage.LOST})
"""The program has closed the transport, or lost it: nothing more is delivered to it, nor taken from it."""
GONE: Final = frozenset({Stage.CLOSING, Stage.LOST})
"""It is decided how it ends."""


def walk(stage: Stage, event: Event) -> Stage:
    """The stage after `event`.

    Raises:
        KeyError: the table has no such transition.
    """
    return TABLE[stage][event]
