from __future__ import annotations

import gc
from typing import Any

import pytest

from unitls.api._errors import ConfigurationError
from unitls.core import _foreign
from unitls.core._foreign import ForeignBuffer, Transport, guarded, open_library, transport


class Libraries:
    """Stands for cffi's object: knows one library."""

    def dlopen(self, name: str) -> str:
        if name != "libthere.so.2":
            raise OSError(name)
        return f"opened {name}"


def test_the_first_library_that_is_there_is_opened() -> None:
    assert open_library(Libraries(), ("libthere.so.1", "libthere.so.2"), "it") == "opened libthere.so.2"


def test_a_missing_library_says_what_to_install() -> None:
    with pytest.raises(ImportError, match=r"none of liba.so.1, libb.so.2 was found; install something \(Debian: x\)"):
        open_library(Libraries(), ("liba.so.1", "libb.so.2"), "something (Debian: x)")


# ---------------------------------------------------------------------------------------------- the buffer


def test_a_buffer_gives_what_lies_together() -> None:
    buffer = ForeignBuffer()
    assert buffer.take(5) == b""
    for part in (b"abcdef", b"", b"gh"):
        assert buffer.write(part) == len(part)
    taken = [bytes(buffer.take(size)) for size in (2, 3, 3, 9, 1)]
    assert taken == [b"ab", b"cde", b"f", b"gh", b""]
    assert buffer.pending == 0


def test_a_buffer_gives_large_pieces_without_copying() -> None:
    buffer, data = ForeignBuffer(), bytes(range(256)) * 8
    buffer.write(data)
    first, rest = buffer.take(1024), buffer.take(4096)
    assert isinstance(first, memoryview)
    assert first.obj is data
    assert bytes(first) + bytes(rest) == data
    assert buffer.write(data) == len(data)
    assert buffer.take(len(data)) is data


def test_a_buffer_is_read_as_any_other() -> None:
    buffer = ForeignBuffer()
    buffer.write(b"abc")
    buffer.write(bytearray(b"def"))
    buffer.write(memoryview(b"ghi"))
    assert bytes(buffer.take(1)) == b"a"
    assert (buffer.read(1), buffer.pending) == (b"b", 7)
    assert buffer.read() == b"cdefghi"
    buffer.write(b"12")
    buffer.write(b"34")
    assert (buffer.read(4), buffer.pending, buffer.read()) == (b"1234", 0, b"")
    buffer.write_eof()
    assert buffer.eof
    with pytest.raises(ConfigurationError):
        buffer.write(b"x")


def test_the_tail_stays() -> None:
    buffer = ForeignBuffer()
    assert buffer.tail(3) == b""
    buffer.write(b"abc")
    buffer.write(b"defg")
    assert (buffer.tail(3), buffer.tail(9), buffer.pending) == (b"efg", b"defg", 7)


# ---------------------------------------------------------------------------------------------- connections


class Owner:
    pass


def test_a_connection_is_found_by_its_number_as_long_as_it_lives() -> None:
    owner: Any = Owner()
    connection = Transport(ForeignBuffer(), ForeignBuffer(), owner)
    number = connection.number
    assert transport(number) is connection
    assert _foreign.incoming_buffers[number] is connection.incoming
    assert _foreign.outgoing_buffers[number] is connection.outgoing
    assert connection.owner is owner
    del owner
    gc.collect()
    assert connection.owner is None
    del connection
    gc.collect()
    with pytest.raises(KeyError):
        transport(number)
    assert number not in _foreign.incoming_buffers
    assert number not in _foreign.outgoing_buffers


def test_bytes_go_through_a_connection() -> None:
    connection = Transport(ForeignBuffer(), ForeignBuffer())
    target = bytearray(4)
    assert connection.pull(target) == -1
    connection.incoming.write(b"abcde")
    assert (connection.pull(target), bytes(target)) == (4, b"abcd")
    connection.incoming.write_eof()
    assert (connection.pull(target), connection.pull(target)) == (1, 0)
    assert connection.push(b"xyz") == 3
    assert connection.outgoing.read() == b"xyz"


def test_an_exception_of_a_callback_is_kept_and_raised_later() -> None:
    @guarded(-7)
    def body(connection: Transport, value: int) -> int:
        if value < 0:
            raise ValueError(value)
        return value

    connection = Transport(ForeignBuffer(), ForeignBuffer())
    assert body(connection.number, 3) == 3
    connection.raise_failure()
    assert [body(connection.number, value) for value in (-1, -2, 4)] == [-7, -7, 4]
    with pytest.raises(ValueError, match="-1"):
        connection.raise_failure()
    connection.raise_failure()
    gone = connection.number
    del connection
    gc.collect()
    assert body(gone, 3) == -7
