from __future__ import annotations

import gc
import threading
from typing import Any

import pytest

from unitls.api._errors import ConfigurationError
from unitls.core import _foreign
from unitls.core._foreign import ForeignBuffer, Transport, guarded, keeping, open_library, take_failure


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
    assert _foreign.incoming_buffers[number] is connection.incoming
    assert _foreign.outgoing_buffers[number] is connection.outgoing
    assert connection.owner is owner
    del owner
    gc.collect()
    assert connection.owner is None
    del connection
    gc.collect()
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


def test_an_exception_of_a_callback_is_kept() -> None:
    @guarded(-7)
    def body(connection: Transport, value: int) -> int:
        if value < 0:
            raise ValueError(value)
        return value

    connection = Transport(ForeignBuffer(), ForeignBuffer())
    assert body(connection.number, 3) == 3
    assert connection.take_failure() is None
    assert [body(connection.number, value) for value in (-1, -2, 4)] == [-7, -7, 4]
    assert str(connection.take_failure()) == "-1"
    assert connection.take_failure() is None
    gone = connection.number
    del connection
    gc.collect()
    assert body(gone, 3) == -7


class Trace:
    """Stands for the traceback of a callback that was called with `arguments`."""

    def __init__(self, **arguments: Any) -> None:
        self.f_locals = arguments
        self.tb_frame = self


keep = keeping(number=int, layer=lambda layer: int(layer[0]))


@pytest.mark.parametrize("by", ["number", "layer"])
def test_what_a_callback_raises_is_kept_where_it_belongs(by: str) -> None:
    connection, other = (Transport(ForeignBuffer(), ForeignBuffer()) for _ in range(2))
    trace = Trace(layer=[connection.number]) if by == "layer" else Trace(size=3, number=connection.number)
    first = ValueError("first")
    keep(None, first, trace)
    keep(None, ValueError("second"), trace)
    assert other.take_failure() is None
    assert connection.take_failure() is first
    assert connection.take_failure() is None


@pytest.mark.parametrize("trace", [None, Trace(size=3)])
def test_what_knows_no_connection_is_kept_for_the_thread(trace: Any) -> None:
    connection, error = Transport(ForeignBuffer(), ForeignBuffer()), ValueError()
    keep(None, error, trace)
    found: list[Exception | None] = []
    thread = threading.Thread(target=lambda: found.append(connection.take_failure()))
    thread.start()
    thread.join()
    assert found == [None]
    assert connection.take_failure() is error
    keep(None, error, trace)
    assert (take_failure(), take_failure()) == (error, None)


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_an_interruption_goes_on_to_whoever_asks(error: type[BaseException]) -> None:
    connection = Transport(ForeignBuffer(), ForeignBuffer())
    keep(None, error(), Trace(number=connection.number))
    with pytest.raises(error):
        connection.take_failure()
    keep(None, error(), None)
    with pytest.raises(error):
        take_failure()


def test_when_the_connection_is_gone_only_an_interruption_matters() -> None:
    gone = Trace(number=0)
    keep(None, ValueError(), gone)
    assert take_failure() is None
    keep(None, KeyboardInterrupt(), gone)
    with pytest.raises(KeyboardInterrupt):
        take_failure()
