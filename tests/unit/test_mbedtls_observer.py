"""What is read of a handshake that passes by, and messages put together again for Mbed TLS."""

from __future__ import annotations

import pytest

from unitls.core._client_hello import RETRY
from unitls.core._foreign import ForeignBuffer

pytest.importorskip("unitls.backends.mbedtls.native", exc_type=ImportError)

from unitls.backends.mbedtls._observer import CLIENT, SERVER, Observer
from unitls.backends.mbedtls._reframing import Reframer

RANDOM = bytes(range(32))
CHANGE = b"\x14\x03\x03\x00\x01\x01"


def message(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + len(body).to_bytes(3, "big") + body


def record(content: bytes, kind: int = 22) -> bytes:
    return bytes([kind, 3, 3]) + len(content).to_bytes(2, "big") + content


def extension(kind: int, value: bytes) -> bytes:
    return kind.to_bytes(2, "big") + len(value).to_bytes(2, "big") + value


def server_hello(*extensions: bytes, session: bytes = b"", random: bytes = RANDOM, tail: bool = True) -> bytes:
    listed = b"".join(extensions)
    end = len(listed).to_bytes(2, "big") + listed if tail else b""
    return message(2, b"\x03\x03" + random + bytes([len(session)]) + session + b"\xc0\x2b\x00" + end)


def observed(*said: bytes) -> Observer:
    observer = Observer()
    for data in said:
        for octet in data:
            observer.feed(SERVER, bytes([octet]))
    return observer


def test_up_to_tls12_the_server_names_curve_session_and_ticket() -> None:
    exchange = message(12, b"\x03\x00\x17\x41" + bytes(65))
    ticket = message(4, (300).to_bytes(4, "big") + b"\0\x05abcde")
    observer = observed(record(server_hello(session=b"s" * 32)), record(exchange + ticket))
    assert (observer.group, observer.has_session_id, observer.ticket_lifetime) == (23, True, 300)
    assert (observer.server_random, observer.resumed, observer.version) == (RANDOM, False, 0x0303)


@pytest.mark.parametrize(("first", "resumed"), [(SERVER, True), (CLIENT, False)])
def test_up_to_tls12_who_changes_ciphers_first_tells_whether_it_is_resumed(first: int, resumed: bool) -> None:
    observer = observed(record(server_hello(tail=False)))
    observer.change(first, is_ours=first == SERVER)
    observer.change(1 - first, is_ours=first != SERVER)
    assert observer.resumed is resumed


def test_the_transcript_ends_where_the_ciphers_change() -> None:
    hello = server_hello()
    observer = observed(record(hello))
    observer.message(message(16, b"key exchange"))
    observer.change(CLIENT, is_ours=False)
    observer.message(message(4, bytes(20)))
    assert bytes(observer.transcript) == hello + message(16, b"key exchange")


def test_in_tls13_the_server_hello_tells_it_all() -> None:
    share = extension(51, b"\x00\x1d\x00\x20" + bytes(32))
    versions, psk = extension(43, b"\x03\x04"), extension(41, b"\0\0")
    assert (
        observed(record(server_hello(versions, share, psk))).resumed,
        observed(record(server_hello(versions))).resumed,
    ) == (
        True,
        False,
    )
    assert observed(record(server_hello(versions, share))).group == 29


def test_a_retry_is_not_the_server_hello() -> None:
    versions, wanted = extension(43, b"\x03\x04"), extension(51, b"\x00\x18")
    share = extension(51, b"\x00\x18\x00\x61" + bytes(97))
    observer = observed(record(server_hello(versions, wanted, random=RETRY)), CHANGE)
    assert observer.group is None
    observer.feed(SERVER, record(server_hello(versions, share)))
    assert observer.group == 24


def test_what_is_malformed_is_left_to_the_library() -> None:
    for body in (b"", b"\x03", b"\x03\x03" + RANDOM, b"\x03\x03" + RANDOM + b"\xff"):
        observed(record(message(2, body)), record(message(12, b"")), record(message(4, b"")))


# ------------------------------------------------------------------------------------------ putting together


def reframed(data: bytes, step: int = 1) -> bytes:
    incoming, got = ForeignBuffer(), bytearray()
    reframer = Reframer(incoming, Observer(), CLIENT)
    for start in range(0, len(data), step):
        incoming.write(data[start : start + step])
        while part := reframer.take(7):
            got += part
    return bytes(got)


@pytest.mark.parametrize("step", [1, 3, 10_000])
def test_a_message_in_many_records_becomes_one(step: int) -> None:
    whole = message(1, bytes(range(200)))
    pieces = b"".join(record(whole[start : start + 20]) for start in range(0, len(whole), 20))
    assert reframed(pieces, step) == record(whole)


def test_several_messages_in_a_record_get_one_each() -> None:
    one, two = message(11, b"one"), message(14, b"")
    assert reframed(record(one + two)) == record(one) + record(two)


def test_behind_the_change_of_ciphers_everything_stays_as_it_is() -> None:
    encrypted = record(b"\x00" * 40)
    assert reframed(CHANGE + encrypted + encrypted, 11) == CHANGE + encrypted + encrypted


def test_records_of_other_kinds_pass() -> None:
    data = record(b"\x01\x00", kind=21) + record(b"secret", kind=23)
    assert reframed(data) == data


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n", b"\x16\x03\x03\xff\xff" + bytes(50), b"\x16\x03\x03\0\0"])
def test_what_is_no_record_goes_to_the_library_at_once(data: bytes) -> None:
    assert reframed(data, len(data)) == data


def test_a_message_that_is_too_long_is_passed_on_in_pieces() -> None:
    header = b"\x01\xff\xff\xff"
    got = reframed(record(header + bytes(16380)), 16400)
    assert got == record(header + bytes(16380))


def test_what_is_held_back_is_passed_on_when_the_handshake_ends() -> None:
    incoming = ForeignBuffer()
    reframer = Reframer(incoming, Observer(), CLIENT)
    incoming.write(record(b"\x14\x00"))
    assert reframer.take(100) == b""
    reframer.close()
    assert reframer.take(100) == b"\x14\x00"
    assert reframer.is_done


def test_an_alert_in_the_clear_is_noted() -> None:
    incoming = ForeignBuffer()
    reframer = Reframer(incoming, Observer(), CLIENT)
    incoming.write(record(b"\x02\x30", kind=21))
    reframer.take(5)
    assert reframer.alert == 48
