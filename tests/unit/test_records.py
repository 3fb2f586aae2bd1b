"""Where records begin and end in a stream that comes in pieces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unitls.core._records import HEADER, RecordBounds


def record(size: int) -> bytes:
    return b"\x16\x03\x03" + size.to_bytes(2, "big") + bytes(size)


def test_first_a_header_then_the_record() -> None:
    bounds = RecordBounds()
    assert bounds.at_boundary
    assert bounds.lacking == HEADER
    assert not bounds.advance(record(100)[:5])
    assert bounds.lacking == 100
    assert not bounds.advance(bytes(60))
    assert bounds.lacking == 40
    assert bounds.advance(bytes(40))
    assert bounds.at_boundary


def test_a_header_in_pieces() -> None:
    bounds = RecordBounds()
    assert not bounds.advance(record(7)[:2])
    assert not bounds.at_boundary
    assert bounds.lacking == 3
    assert not bounds.advance(record(7)[2:5])
    assert bounds.lacking == 7


def test_the_beginning_of_the_next_record_is_no_boundary() -> None:
    bounds = RecordBounds()
    assert not bounds.advance(record(4) + record(9)[:3])
    assert bounds.lacking == 2


def test_an_empty_record_ends_with_its_header() -> None:
    bounds = RecordBounds()
    assert bounds.advance(record(0))
    assert bounds.lacking == HEADER


@pytest.mark.parametrize(
    "garbage", [b"GET / HTTP/1.1", b"\x16\x02\x00\x00\x05", b"\x17\x03\x03\xff\xff", b"\x13\x03\x03\0\1"]
)
def test_what_is_no_record_is_not_waited_for(garbage: bytes) -> None:
    bounds = RecordBounds()
    assert bounds.advance(garbage)
    assert bounds.lacking > 0


@given(st.lists(st.integers(0, 400), min_size=1, max_size=8), st.lists(st.integers(1, 500), min_size=1, max_size=30))
def test_what_is_lacking_ends_where_the_record_does(sizes: list[int], cuts: list[int]) -> None:
    stream, ends = b"", []
    for size in sizes:
        stream += record(size)
        ends.append(len(stream))
    bounds, at = RecordBounds(), 0
    for cut in cuts:
        ended = bounds.advance(stream[at : at + cut])
        at = min(at + cut, len(stream))
        assert ended == bounds.at_boundary == (at in [0, *ends])
        if not ended:
            end = next(end for end in ends if end > at)
            assert at + bounds.lacking <= end
