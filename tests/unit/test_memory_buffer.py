from __future__ import annotations

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

import unitls
from unitls import ByteSink, ByteSource, MemoryBuffer


def test_it_is_both_halves_and_so_is_the_ssl_module_s() -> None:
    ssl = pytest.importorskip("ssl", reason="this Python has no ssl module")
    for buffer in (MemoryBuffer(), ssl.MemoryBIO()):
        assert isinstance(buffer, ByteSource)
        assert isinstance(buffer, ByteSink)


def test_what_goes_in_comes_out_in_order() -> None:
    buffer = MemoryBuffer()
    assert buffer.read() == b""
    assert buffer.write(b"abc") == 3
    assert buffer.write(bytearray(b"def")) == 3
    assert buffer.write(memoryview(b"xghix")[1:4]) == 3
    assert buffer.write(array("H", [0x6A6A])) == 2  # type: ignore[arg-type]
    assert buffer.write(b"") == 0
    assert buffer.pending == 11
    assert buffer.read(0) == b""
    assert buffer.read(4) == b"abcd"
    assert buffer.read(1) == b"e"
    assert buffer.read(100) == b"fghijj"
    assert buffer.pending == 0


def test_what_was_written_is_a_copy() -> None:
    buffer, data = MemoryBuffer(), bytearray(b"before")
    buffer.write(data)
    data[:] = b"after!"
    assert buffer.read() == b"before"


def test_the_end_comes_after_the_last_byte() -> None:
    buffer = MemoryBuffer()
    buffer.write(b"x")
    buffer.write_eof()
    buffer.write_eof()
    assert not buffer.eof
    with pytest.raises(unitls.ConfigurationError):
        buffer.write(b"y")
    assert buffer.read() == b"x"
    assert buffer.eof
    assert buffer.read() == b""


def test_a_bound_makes_writes_short() -> None:
    buffer = MemoryBuffer(5)
    assert buffer.write(b"abc") == 3
    assert buffer.write(b"defg") == 2
    assert buffer.write(b"h") == 0
    assert buffer.read(2) == b"ab"
    assert buffer.write(b"hij") == 2
    assert buffer.read() == b"cdehi"


@pytest.mark.parametrize("limit", [0, -1])
def test_a_bound_is_positive(limit: int) -> None:
    with pytest.raises(unitls.ConfigurationError):
        MemoryBuffer(limit)


def test_only_bytes_are_taken() -> None:
    with pytest.raises(TypeError):
        MemoryBuffer().write("text")  # type: ignore[arg-type]


def test_a_repr_shows_sizes_and_no_content() -> None:
    buffer = MemoryBuffer(9)
    buffer.write(b"secret")
    assert "6" in repr(buffer)
    assert "secret" not in repr(buffer)


@given(st.lists(st.one_of(st.binary(max_size=20), st.integers(-1, 30))), st.one_of(st.none(), st.integers(1, 40)))
def test_it_behaves_as_a_byte_string_does(steps: list[bytes | int], limit: int | None) -> None:
    buffer, model = MemoryBuffer(limit), b""
    for item in steps:
        if isinstance(item, bytes):
            room = len(item) if limit is None else min(len(item), limit - len(model))
            assert buffer.write(item) == room
            model += item[:room]
        else:
            size = len(model) if item < 0 else item
            assert buffer.read(item) == model[:size]
            model = model[size:]
        assert buffer.pending == len(model)
