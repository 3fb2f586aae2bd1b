from __future__ import annotations

import contextlib
import itertools
import warnings
from typing import Any

import pytest
from _link import Link, client_context, quick_provider, server_context
from hypothesis import given, settings
from hypothesis import strategies as st

import unitls
from unitls.core._state import BEFORE, ENDED, READABLE, TABLE, WRITABLE, Event, State, walk
from unitls.testing._fake import FakeProvider, Outcome, Script

S, E = State, Event

# One row for each state: what follows BEGIN, FINISH, SEND_CLOSE, RECEIVE_CLOSE and FAIL; None where it cannot happen.
EXPECTED = {
    S.START: (S.HANDSHAKE, None, S.FAILED, None, S.FAILED),
    S.HANDSHAKE: (S.HANDSHAKE, S.OPEN, S.FAILED, S.FAILED, S.FAILED),
    S.OPEN: (None, None, S.LOCAL_CLOSED, S.PEER_CLOSED, S.FAILED),
    S.LOCAL_CLOSED: (None, None, S.LOCAL_CLOSED, S.CLOSED, S.FAILED),
    S.PEER_CLOSED: (None, None, S.CLOSED, S.PEER_CLOSED, S.FAILED),
    S.CLOSED: (None, None, S.CLOSED, S.CLOSED, S.FAILED),
    S.FAILED: (None, None, S.FAILED, S.FAILED, S.FAILED),
}


@pytest.mark.parametrize(("state", "event"), list(itertools.product(State, Event)))
def test_every_event_in_every_state(state: State, event: Event) -> None:
    expected = EXPECTED[state][list(Event).index(event)]
    if expected is None:
        with pytest.raises(KeyError):
            walk(state, event)
    else:
        assert walk(state, event) is expected


def test_the_table_has_every_state() -> None:
    assert set(TABLE) == set(State)


def test_the_sets_fit_each_other() -> None:
    assert {S.OPEN} == READABLE & WRITABLE
    assert not BEFORE & (READABLE | WRITABLE | ENDED)
    assert not READABLE & ENDED
    assert S.FAILED not in READABLE | WRITABLE | ENDED | BEFORE


def test_a_lost_connection_stays_lost() -> None:
    assert set(TABLE[S.FAILED].values()) == {S.FAILED}


# ---------------------------------------------------------------------------------------------- any sequence of calls

CALLS: dict[str, Any] = {
    "do_handshake": lambda end: end.do_handshake(),
    "read": lambda end: end.read(),
    "read 1": lambda end: end.read(1),
    "read 0": lambda end: end.read(0),
    "read_into": lambda end: end.read_into(bytearray(10)),
    "read_into nothing": lambda end: end.read_into(bytearray()),
    "write": lambda end: end.write(b"some plaintext"),
    "write much": lambda end: end.write(bytes(100_000)),
    "write nothing": lambda end: end.write(b""),
    "shutdown": lambda end: end.shutdown(),
    "pending": lambda end: end.pending(),
    "information": lambda end: (end.cipher(), end.negotiated_protocol(), end.negotiated_tls_version, end.getpeercert()),
    "chains": lambda end: (end.getpeerchain(), end.getverifiedchain(), end.session_resumed, end.group, end.server_name),
    "binding": lambda end: end.get_channel_binding(),
    "end point": lambda end: end.get_channel_binding("tls-server-end-point"),
    "export": lambda end: end.export_keying_material(b"EXPORTER-test", 16),
    "update_keys": lambda end: end.update_keys(),
    "context": lambda end: setattr(end, "context", end.context),
    "repr": repr,
}
# What happens to the bytes in between.
CARRIAGE = ("move", "half", "damage", "drop", "end of client", "end of server")


def carry(link: Link, what: str) -> None:
    if what == "move":
        link.move()
    elif what == "half":
        link.server_in.write(link.client_out.read(link.client_out.pending // 2))
        link.client_in.write(link.server_out.read(link.server_out.pending // 2))
    elif what == "damage":
        for source, sink in ((link.client_out, link.server_in), (link.server_out, link.client_in)):
            data = bytearray(source.read())
            if data:
                data[len(data) // 2] ^= 0x10
            sink.write(bytes(data))
    elif what == "drop":
        link.client_out.read()
        link.server_out.read()
    else:
        (link.server_in if what == "end of client" else link.client_in).write_eof()


turns = st.lists(st.sampled_from([None, None, None, *Outcome]), max_size=6)
scripts = st.builds(
    Script,
    turns=st.fixed_dictionaries(dict.fromkeys(("handshake", "read", "write", "shutdown"), turns)),
    short_write=st.sampled_from([None, None, 1000]),
    rounds=st.integers(0, 2),
    end_is_want_read=st.booleans(),
    clean_end_is_empty=st.booleans(),
    chain_is_late=st.booleans(),
)
steps = st.lists(
    st.one_of(
        st.sampled_from(CARRIAGE[:2]), st.sampled_from(CARRIAGE), st.tuples(st.booleans(), st.sampled_from(list(CALLS)))
    ),
    max_size=30,
)


@settings(max_examples=300)
@given(scripts, scripts, steps, st.booleans(), st.sampled_from([None, 50, 100_000]), st.booleans())
def test_any_calls_lead_to_a_legal_state_or_an_error_of_ours(
    client_script: Script, server_script: Script, calls: list[Any], shaken: bool, limit: int | None, quick: bool
) -> None:
    if shaken:  # the script begins behind the handshake
        client_turns, server_turns = client_script.turns.copy(), server_script.turns.copy()
        client_script.turns.clear()
        server_script.turns.clear()
    buffers = None if limit is None else lambda: unitls.MemoryBuffer(limit)
    make = quick_provider if quick else FakeProvider
    link = Link(client_context(make(client_script)), server_context(make(server_script)), buffers=buffers)
    if shaken and limit is None:
        link.handshake()
        client_script.turns.update(client_turns)
        server_script.turns.update(server_turns)
    for item in calls:
        if isinstance(item, str):
            try_carrying(link, item)
            continue
        end = link.server if item[0] else link.client
        before = end._state  # type: ignore[attr-defined]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with contextlib.suppress(unitls.TLSError):
                CALLS[item[1]](end)
        assert end._state is before or reachable(before, end._state)  # type: ignore[attr-defined]


def try_carrying(link: Link, what: str) -> None:
    with contextlib.suppress(unitls.ConfigurationError):  # an end that was written before
        carry(link, what)


def reachable(before: State, after: State) -> bool:
    """Whether some events lead from one state to the other."""
    seen = {before}
    while True:
        more = {following for state in seen for following in TABLE[state].values()} - seen
        if not more:
            return after in seen
        seen |= more
