from __future__ import annotations

import ssl

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unitls.core import _client_hello
from unitls.core._client_hello import (
    ClientHello,
    ClientHelloReader,
    HelloError,
    fallback_version,
    parse_client_hello,
    whole_hello,
)

deterministic = settings(derandomize=True, deadline=None, max_examples=150)

UNEXPECTED_MESSAGE, RECORD_OVERFLOW, ILLEGAL_PARAMETER, DECODE_ERROR, PROTOCOL_VERSION = 10, 22, 47, 50, 70


def captured(
    name: str | None = "www.example.org", alpn: tuple[str, ...] = (), highest: ssl.TLSVersion | None = None
) -> bytes:
    """The first flight of the `ssl` module's client."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if alpn:
        context.set_alpn_protocols(list(alpn))
    if highest is not None:
        context.maximum_version = highest
    outgoing = ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name).do_handshake()
    return outgoing.read()


def u16(*values: int) -> bytes:
    return b"".join(value.to_bytes(2, "big") for value in values)


def vector(size: int, *contents: bytes) -> bytes:
    body = b"".join(contents)
    return len(body).to_bytes(size, "big") + body


def extension(number: int, *contents: bytes) -> bytes:
    return u16(number) + vector(2, *contents)


def server_name(name: bytes, kind: int = 0) -> bytes:
    return bytes((kind,)) + vector(2, name)


def body(
    *extensions: bytes,
    version: int = 0x0303,
    suites: bytes = u16(0x1301, 0xC02F),
    session: bytes = b"",
    tail: bytes = b"",
) -> bytes:
    block = vector(2, *extensions) if extensions else b""
    return u16(version) + b"r" * 32 + vector(1, session) + vector(2, suites) + b"\x01\x00" + block + tail


def message(content: bytes) -> bytes:
    return b"\x01" + vector(3, content)


def records(handshake: bytes, size: int = 1 << 14) -> bytes:
    pieces = [handshake[at : at + size] for at in range(0, len(handshake), size)]
    return b"".join(b"\x16\x03\x01" + vector(2, piece) for piece in pieces)


def whole(data: bytes, limit: int = 1 << 16) -> ClientHello | None:
    message = whole_hello(data)
    if message is not None and len(message) <= limit:
        assert ClientHelloReader(limit).feed_message(data) == message
    return ClientHelloReader(limit).feed(data)


def bytewise(data: bytes, limit: int = 1 << 16) -> ClientHello | None:
    reader = ClientHelloReader(limit)
    hello = None
    for octet in data:
        hello = reader.feed(bytes((octet,)))
    assert reader.received == data
    return hello


def outcome(data: bytes, byte_by_byte: bool, limit: int = 1 << 16) -> ClientHello | tuple[int, str] | None:
    try:
        return bytewise(data, limit) if byte_by_byte else whole(data, limit)
    except HelloError as error:
        return error.alert, error.text


def fault(data: bytes, limit: int = 1 << 16) -> tuple[int, str]:
    """The alert and the text, which must not depend on how the bytes come."""
    result = outcome(data, byte_by_byte=False, limit=limit)
    assert isinstance(result, tuple)
    assert outcome(data, byte_by_byte=True, limit=limit) == result
    return result


def test_a_captured_hello() -> None:
    assert whole_hello(captured(alpn=("h2", "http/1.1"))) is not None
    hello = whole(captured(alpn=("h2", "http/1.1")))
    assert hello is not None
    assert hello.legacy_version == 0x0303
    assert hello.versions[0] == 0x0304
    assert hello.server_name == b"www.example.org"
    assert hello.alpn == (b"h2", b"http/1.1")
    assert {0x1301, 0xC02F} <= set(hello.cipher_suites)
    assert 23 in hello.groups
    assert 0x0804 in hello.signature_algorithms
    assert not hello.early_data
    assert not hello.pre_shared_key


def test_a_captured_hello_of_tls_1_2() -> None:
    hello = whole(captured(name=None, highest=ssl.TLSVersion.TLSv1_2))
    assert hello is not None
    assert hello.versions == (0x0303, 0x0302, 0x0301)
    assert hello.server_name is None
    assert hello.alpn == ()
    assert not any(suite >> 8 == 0x13 for suite in hello.cipher_suites)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 100, 1 << 14])
@pytest.mark.parametrize("highest", [None, ssl.TLSVersion.TLSv1_2])
def test_whole_and_byte_by_byte_over_any_records(size: int, highest: ssl.TLSVersion | None) -> None:
    flight = captured(alpn=("h2",), highest=highest)
    data = records(flight[5:], size)
    expected = whole(flight)
    assert expected is not None
    assert whole(data) == expected
    assert bytewise(data) == expected


def test_nothing_before_the_last_byte() -> None:
    flight = captured()
    reader = ClientHelloReader()
    assert reader.feed(flight[:-1]) is None
    assert reader.feed(memoryview(flight[-1:])) is not None


def test_what_comes_behind_the_hello_is_kept() -> None:
    flight = captured()
    reader = ClientHelloReader()
    hello = reader.feed(flight + b"\x17\x03\x03\x00\x01x")
    assert hello is not None
    assert reader.feed(b"more") is hello
    assert reader.received == flight + b"\x17\x03\x03\x00\x01xmore"


def test_more_messages_in_the_same_record_do_not_matter() -> None:
    assert whole(records(message(body()) + b"\x0b\x00\x00\x00")) == parse_client_hello(body())


def test_without_extensions() -> None:
    hello = parse_client_hello(body(version=0x0302, suites=u16(0x002F, 0x00FF)))
    assert hello == ClientHello(0x0302, b"r" * 32, (0x0302, 0x0301), (0x002F, 0x00FF))


@pytest.mark.parametrize(
    ("legacy", "versions"),
    [(0x0304, (0x0303, 0x0302, 0x0301)), (0x0301, (0x0301,)), (0x0300, (0x0300,)), (0x0002, (0x0002,))],
)
def test_versions_without_the_extension(legacy: int, versions: tuple[int, ...]) -> None:
    assert parse_client_hello(body(version=legacy)).versions == versions


def test_every_field() -> None:
    hello = parse_client_hello(
        body(
            extension(0x0A0A),
            extension(0, vector(2, server_name(b"x", kind=9), server_name(b"A.example"))),
            extension(10, vector(2, u16(0x1A1A, 29, 4588))),
            extension(13, vector(2, u16(0x0403, 0x0804))),
            extension(16, vector(2, vector(1, b"h2"), vector(1, b"\xff" * 255))),
            extension(43, vector(1, u16(0x2A2A, 0x0304))),
            extension(42),
            extension(41, b"anything"),
            session=b"s" * 32,
        )
    )
    assert hello == ClientHello(
        legacy_version=0x0303,
        random=b"r" * 32,
        versions=(0x2A2A, 0x0304),
        cipher_suites=(0x1301, 0xC02F),
        server_name=b"A.example",
        alpn=(b"h2", b"\xff" * 255),
        groups=(0x1A1A, 29, 4588),
        signature_algorithms=(0x0403, 0x0804),
        early_data=True,
        pre_shared_key=True,
    )


@pytest.mark.parametrize(
    "content",
    [
        b"",
        body(tail=b"x"),
        body(extension(1), tail=b"x"),
        body(session=b"s" * 33),
        body(suites=b""),
        body(suites=b"\x13"),
        u16(0x0303) + b"r" * 32 + vector(1) + vector(2, u16(0x1301)) + vector(1),
        body(extension(0)),
        body(extension(0, vector(2))),
        body(extension(0, vector(2, server_name(b"")))),
        body(extension(0, vector(2, server_name(b"a")), b"x")),
        body(extension(0, vector(2, b"\0\0\5a"))),
        body(extension(10, vector(2, b"\0"))),
        body(extension(13, vector(2))),
        body(extension(16, vector(2))),
        body(extension(16, vector(2, vector(1, b"h2"), vector(1)))),
        body(extension(16, vector(2, b"\x03h2"))),
        body(extension(42, b"\0")),
        body(extension(43)),
        body(extension(43, vector(1))),
        body(extension(43, vector(1, b"\3"))),
        body(u16(10)),
        body(u16(10, 4) + b"abc"),
    ],
)
def test_decode_errors(content: bytes) -> None:
    assert fault(records(message(content)))[0] == DECODE_ERROR


def test_every_truncation_is_a_decode_error() -> None:
    content = captured(alpn=("h2",))[9:]
    plain = 2 + 32 + 1 + content[34] + 2
    plain += int.from_bytes(content[plain - 2 : plain], "big")
    plain += 1 + content[plain]
    for length in range(len(content)):
        if length == plain:
            continue  # a hello without extensions is whole
        with pytest.raises(HelloError) as caught:
            parse_client_hello(content[:length])
        assert caught.value.alert == DECODE_ERROR


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (body(extension(10, vector(2, u16(29))), extension(10, vector(2, u16(29)))), "extension 10 stands there twice"),
        (body(extension(0xFDE8), extension(0xFDE8)), "extension 65000 stands there twice"),
        (body(extension(41, b"x"), extension(0x2B2B)), "not the last extension"),
        (body(extension(0, vector(2, server_name(b"a"), server_name(b"b")))), "two host names"),
        (body(extension(0, vector(2, server_name(b"a\0b")))), "visible ASCII"),
        (body(extension(0, vector(2, server_name(b"b\xfccher")))), "visible ASCII"),
        (body(extension(0, vector(2, server_name(b"a b")))), "visible ASCII"),
        (body(extension(0, vector(2, server_name(b"a" * 256)))), "longer than 255"),
    ],
)
def test_illegal_parameters(content: bytes, text: str) -> None:
    alert, found = fault(records(message(content)))
    assert alert == ILLEGAL_PARAMETER
    assert text in found


@pytest.mark.parametrize(
    ("data", "alert", "text"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", UNEXPECTED_MESSAGE, "plaintext HTTP"),
        (b"POST /x HTTP/1.1\r\n", UNEXPECTED_MESSAGE, "plaintext HTTP"),
        (b"HEAD / HTTP/1.0\r\n", UNEXPECTED_MESSAGE, "plaintext HTTP"),
        (b"CONNECT a:443 HTTP/1.1\r\n", UNEXPECTED_MESSAGE, "plaintext HTTP"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", UNEXPECTED_MESSAGE, "plaintext HTTP"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", UNEXPECTED_MESSAGE, "SSH"),
        (b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", UNEXPECTED_MESSAGE, "PROXY protocol"),
        (b"\r\n\r\n\0\r\nQUIT\n", UNEXPECTED_MESSAGE, "PROXY protocol"),
        (b"EHLO mail.example\r\n", UNEXPECTED_MESSAGE, "SMTP"),
        (b"a001 STARTTLS\r\n", UNEXPECTED_MESSAGE, "plain text"),
        (b"\x80\x2e\x01\x00\x02\x00\x15", PROTOCOL_VERSION, "SSL 2.0"),
        (b"\x80\x2e\x01\x03\x01\x00\x15", PROTOCOL_VERSION, "SSL 2.0"),
        (b"\x00\x01\x02\x03\x04", UNEXPECTED_MESSAGE, "this is not TLS"),
        (b"\x15\x03\x03\x00\x02\x02\x28", UNEXPECTED_MESSAGE, "record of type 21"),
        (b"\x17\x03\x03\x00\x02xx", UNEXPECTED_MESSAGE, "record of type 23"),
        (records(message(body()))[:20].replace(b"\x16\x03", b"\x16\x02"), PROTOCOL_VERSION, "no version of TLS"),
        (b"\x16\x03\x01\x00\x00", UNEXPECTED_MESSAGE, "empty"),
        (b"\x16\x03\x01" + u16((1 << 14) + 1), RECORD_OVERFLOW, "2^14"),
        (b"\x16\x03\x01\xff\xff", RECORD_OVERFLOW, "2^14"),
        (b"\x16\x03\x01\x00\x01\x02", UNEXPECTED_MESSAGE, "not a ClientHello"),
        (records(message(body()), 40)[:45] + b"GET / HTTP/1.1", UNEXPECTED_MESSAGE, "this is not TLS"),
        (records(message(body()), 40)[:45] + b"\x14\x03\x03\x00\x01\x01", UNEXPECTED_MESSAGE, "record of type 20"),
        (b"\x16\x03\x01\x00\x04\x01\x01\x00\x01", ILLEGAL_PARAMETER, "longer than 65536 bytes"),
        (b"\x16\x03\x01\x00\x04\x01\xff\xff\xff", ILLEGAL_PARAMETER, "longer than 65536 bytes"),
    ],
)
def test_what_is_no_hello(data: bytes, alert: int, text: str) -> None:
    found = fault(data)
    assert found[0] == alert
    assert text in found[1]


def test_the_largest_hello_and_one_byte_more() -> None:
    padding = (1 << 16) - len(body(extension(21)))
    assert whole(records(message(body(extension(21, bytes(padding)))))) is not None
    assert fault(records(message(body(extension(21, bytes(padding + 1))))))[0] == ILLEGAL_PARAMETER
    small = records(message(body()))
    size = len(body())
    assert whole(small, limit=size) is not None
    assert fault(small, limit=size - 1)[0] == ILLEGAL_PARAMETER


def test_an_error_stays_an_error() -> None:
    reader = ClientHelloReader()
    with pytest.raises(HelloError, match="plaintext HTTP"):
        reader.feed(b"GET / HTTP/1.1\r\n")
    with pytest.raises(HelloError, match="plaintext HTTP"):
        reader.feed(b"")
    with pytest.raises(HelloError, match="plaintext HTTP"):
        reader.feed(captured())
    assert reader.received.startswith(b"GET / HTTP/1.1\r\n\x16\x03")


def test_byte_by_byte_looks_at_each_record_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bytes] = []

    def counted(header: bytes, *, first: bool) -> int:
        seen.append(header)
        return record_length(header, first=first)

    record_length = _client_hello._record_length
    monkeypatch.setattr(_client_hello, "_record_length", counted)
    handshake = message(body(extension(21, bytes(20000))))
    assert bytewise(records(handshake, 8)) is not None
    assert len(seen) <= 2 * (len(handshake) // 8 + 1)  # once for its header, once when it is complete


@deterministic
@given(st.binary(max_size=60), st.sampled_from([b"", b"\x16\x03\x01", b"\x16\x03\x01\x00\x20\x01\x00\x00\x1c"]))
def test_random_bytes_give_no_other_exception(data: bytes, start: bytes) -> None:
    result = outcome(start + data, byte_by_byte=False)
    assert outcome(start + data, byte_by_byte=True) == result
    assert result is None or isinstance(result, (tuple, ClientHello))


FLIGHT = records(
    message(body(extension(0, vector(2, server_name(b"a.example"))), extension(13, vector(2, u16(0x0403)))))
)


@deterministic
@given(st.integers(0, len(FLIGHT) - 1), st.integers(1, 255))
def test_a_changed_byte_gives_the_same_whole_and_byte_by_byte(position: int, change: int) -> None:
    damaged = bytearray(FLIGHT)
    damaged[position] ^= change
    assert outcome(bytes(damaged), byte_by_byte=False) == outcome(bytes(damaged), byte_by_byte=True)


# ---------------------------------------------------------------------------------------------- fallback


def test_a_client_that_has_fallen_back_names_its_version() -> None:
    signal, versions = u16(0x5600, 0xC02F), extension(43, vector(1, u16(0xFAFA, 0x0303)))
    assert fallback_version(body(suites=signal)) == 0x0303
    assert fallback_version(body(suites=signal, version=0x0301)) == 0x0301
    assert fallback_version(body(versions, suites=signal)) == 0x0303
    assert fallback_version(body(extension(43, vector(1, u16(0xFAFA))), suites=signal)) == 0
    # The same octets elsewhere, or not as one suite, say nothing.
    assert fallback_version(body(session=u16(0x5600))) is None
    assert fallback_version(body(suites=u16(0x1356, 0x0013))) is None
    with pytest.raises(HelloError):
        fallback_version(body(suites=signal)[:40])
