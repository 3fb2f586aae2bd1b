from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unitls.core._der import (
    BOOLEAN,
    INTEGER,
    OBJECT_IDENTIFIER,
    OCTET_STRING,
    SEQUENCE,
    DERError,
    DERReader,
    dotted,
    encode,
    enter_whole,
)

deterministic = settings(derandomize=True, deadline=None, max_examples=200)


@deterministic
@given(st.binary(max_size=70000) | st.sampled_from([b"x" * n for n in (0x7F, 0x80, 0xFF, 0x100, 0xFFFF, 0x10000)]))
def test_what_is_encoded_is_read_back(content: bytes) -> None:
    reader = DERReader(encode(OCTET_STRING, content) + encode(BOOLEAN, b"\xff"))
    assert reader.content(OCTET_STRING) == content
    assert reader.boolean() is True
    reader.finish()
    assert reader.peek() == -1


@deterministic
@given(st.integers(-(1 << 200), 1 << 200))
def test_integers(value: int) -> None:
    size = (value + (value < 0)).bit_length() // 8 + 1
    shortest = value.to_bytes(size, "big", signed=True)
    assert DERReader(encode(INTEGER, shortest)).integer() == value
    padded = (b"\xff" if value < 0 else b"\0") + shortest
    with pytest.raises(DERError, match="shortest form"):
        DERReader(encode(INTEGER, padded)).integer()


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_buffer_is_read(kind: type) -> None:
    reader = enter_whole(kind(bytes.fromhex("3003020105")), SEQUENCE)
    assert reader.integer() == 5


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("", "ends at offset 0"),
        ("30", "ends at offset 1"),
        ("3080020105 0000", "bad length"),
        ("308103020105", "shortest form"),
        ("30820003020105", "shortest form"),
        ("3085000000000302", "bad length"),
        ("3084ffffffff", "longer than"),
        ("308200", "bad length"),
        ("3003020106ff", "unexpected bytes at offset 5"),
        ("30040201", "longer than"),
        ("3103020105", "unexpected tag 0x31"),
        ("1f0100", "unexpected tag 0x1f"),
    ],
)
def test_bad_frames(data: str, reason: str) -> None:
    with pytest.raises(DERError, match=reason):
        enter_whole(bytes.fromhex(data), SEQUENCE)


def test_an_element_may_not_reach_out_of_what_holds_it() -> None:
    inner = enter_whole(bytes.fromhex("3003 0202 01".replace(" ", "")), SEQUENCE)
    with pytest.raises(DERError, match="longer than what holds it"):
        inner.integer()
    outer = DERReader(bytes.fromhex("30030202010203"))
    with pytest.raises(DERError, match="longer than what holds it"):
        outer.enter(SEQUENCE).integer()


def test_tags_of_several_bytes_are_refused() -> None:
    with pytest.raises(DERError, match="unexpected tag 0x1f"):
        DERReader(b"\x1f\x81\x00\x01\x00").any_element()


@pytest.mark.parametrize("content", ["01", "fe", "", "ffff"])
def test_booleans_are_00_or_ff(content: str) -> None:
    with pytest.raises(DERError, match="BOOLEAN"):
        DERReader(encode(BOOLEAN, bytes.fromhex(content))).boolean()


def test_an_empty_integer() -> None:
    with pytest.raises(DERError, match="empty"):
        DERReader(encode(INTEGER)).integer()


@pytest.mark.parametrize("content", [b"", b"\x01\xff"])
def test_a_bit_string_of_broken_octets(content: bytes) -> None:
    with pytest.raises(DERError, match="whole octets"):
        DERReader(encode(0x03, content)).bit_string()


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("2a864886f70d010101", "1.2.840.113549.1.1.1"),
        ("2b6570", "1.3.101.112"),
        ("550403", "2.5.4.3"),
        ("883703", "2.999.3"),
        ("00", "0.0"),
        ("4f", "1.39"),
        ("7f", "2.47"),
    ],
)
def test_object_identifiers(content: str, text: str) -> None:
    assert dotted(bytes.fromhex(content)) == text
    assert DERReader(encode(OBJECT_IDENTIFIER, bytes.fromhex(content))).object_identifier() == text


def test_an_arc_as_large_as_a_uuid() -> None:
    assert dotted(bytes.fromhex("6983" + "ff" * 17 + "7f")) == f"2.25.{(1 << 128) - 1}"


@pytest.mark.parametrize("content", ["", "2a86", "2a8001", "80", "6984" + "80" * 17 + "00", "2b" + "ff" * 3000 + "01"])
def test_bad_object_identifiers(content: str) -> None:
    with pytest.raises(DERError, match="OBJECT IDENTIFIER"):
        dotted(bytes.fromhex(content))


@deterministic
@given(st.binary(max_size=40))
def test_random_bytes_give_an_element_or_a_der_error(data: bytes) -> None:
    reader = DERReader(data)
    with contextlib.suppress(DERError):
        while reader.peek() >= 0:
            tag, content = reader.any_element()
            assert encode(tag, content) in data
