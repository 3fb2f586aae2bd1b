from __future__ import annotations

from unitls import MemoryBuffer
from unitls.core._relay import Relay


class Sink:
    """Takes no more than it is told."""

    def __init__(self) -> None:
        self.room = 0
        self.got = b""

    def write(self, data: bytes, /) -> int:
        taken = min(self.room, len(data))
        self.got += bytes(data[:taken])
        self.room -= taken
        return taken


def test_what_is_there_is_brought_in_and_its_end_once() -> None:
    source, inner = MemoryBuffer(), MemoryBuffer()
    relay = Relay(source, None, inner, MemoryBuffer())
    relay.fill()
    assert inner.pending == 0
    source.write(b"abc")
    relay.fill()
    relay.fill()
    assert inner.read() == b"abc"
    source.write(b"d")
    source.write_eof()
    relay.fill()
    relay.fill()
    assert inner.read() == b"d"
    assert inner.eof


def test_what_the_sink_does_not_take_goes_first_next_time() -> None:
    sink, outgoing = Sink(), MemoryBuffer()
    relay = Relay(None, sink, MemoryBuffer(), outgoing)
    assert relay.drain()
    outgoing.write(b"abcdef")
    assert not relay.drain()
    sink.room = 2
    assert not relay.drain()
    outgoing.write(b"ghi")
    sink.room = 100
    assert relay.drain()
    assert sink.got == b"abcdefghi"
    assert outgoing.pending == 0
    assert relay.drain()


def test_a_sink_that_takes_a_byte_at_a_time_is_asked_again() -> None:
    class Slow(Sink):
        def write(self, data: bytes, /) -> int:
            self.got += bytes(data[:1])
            return 1

    sink, outgoing = Slow(), MemoryBuffer()
    outgoing.write(b"slowly")
    assert Relay(None, sink, MemoryBuffer(), outgoing).drain()
    assert sink.got == b"slowly"


def test_a_direct_side_is_left_alone() -> None:
    incoming, outgoing = MemoryBuffer(), MemoryBuffer()
    outgoing.write(b"x")
    relay = Relay(None, None, incoming, outgoing)
    relay.fill()
    assert relay.drain()
    assert outgoing.read() == b"x"
