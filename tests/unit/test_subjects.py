from __future__ import annotations

import ipaddress
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import unitls
from unitls import URI, DNSName, IPAddress
from unitls.api._subjects import parse_subject


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("example.org", "example.org"),
        ("EXAMPLE.org.", "example.org"),
        ("localhost", "localhost"),
        ("_srv.example.org", "_srv.example.org"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("bücher.example.", "xn--bcher-kva.example"),
        ("faß.de", "xn--fa-hia.de"),
        ("例え。テスト", "xn--r8jz45g.xn--zckzah"),
        ("a" * 63 + ".test", "a" * 63 + ".test"),
        ("1a.test", "1a.test"),
    ],
)
def test_host_names(text: str, name: str) -> None:
    assert DNSName(text).name == str(DNSName(text)) == name
    assert DNSName(text) == DNSName(name)
    assert hash(DNSName(text)) == hash(DNSName(name))


@pytest.mark.parametrize(
    "text",
    [
        "", ".", "..", "a..b", ".a", "a.test..", "a" * 64, "a" * 64 + ".test", "a\0b.test", "a b", "a/b", "*.test", "a:1",
        "é" * 64, "\u2488com", "xn--\u00fc", "1.2.3.4", "1.2.3", "999", ("a" * 60 + ".") * 5, "a\n", "-ü",
    ],
)  # fmt: skip
def test_what_is_no_host_name(text: str) -> None:
    with pytest.raises(unitls.ConfigurationError):
        DNSName(text)


@pytest.mark.parametrize(
    ("text", "what"), [("a\0b.test", "only letters"), ("a" * 64, "63"), ("a..b", "empty label"), ("0x7f.1.", "neither")]
)
def test_the_message_says_what_is_wrong(text: str, what: str) -> None:
    with pytest.raises(unitls.ConfigurationError, match=what):
        DNSName(text)


def test_without_idna_the_message_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "idna", None)
    with pytest.raises(unitls.ConfigurationError, match=r"unitls\[idna\]"):
        DNSName("bücher.example")
    assert DNSName("ascii.example").name == "ascii.example"


@pytest.mark.parametrize(
    ("value", "packed", "text"),
    [
        ("127.0.0.1", b"\x7f\0\0\1", "127.0.0.1"),
        ("::1", bytes(15) + b"\1", "::1"),
        ("2001:DB8::0:1", bytes.fromhex("20010db8000000000000000000000001"), "2001:db8::1"),
        (ipaddress.ip_address("10.0.0.1"), b"\n\0\0\1", "10.0.0.1"),
        (ipaddress.ip_address("::2"), bytes(15) + b"\2", "::2"),
    ],
)
def test_addresses(value: Any, packed: bytes, text: str) -> None:
    assert IPAddress(value).packed == packed
    assert str(IPAddress(value)) == text
    assert IPAddress(value) == IPAddress(text)


@pytest.mark.parametrize("value", ["", "server.test", "1.2.3", "01.2.3.4", "fe80::1%eth0", "[::1]", "127.1"])
def test_what_is_no_address(value: str) -> None:
    with pytest.raises(unitls.ConfigurationError):
        IPAddress(value)


@pytest.mark.parametrize(
    ("text", "uri"),
    [
        ("spiffe://Domain.Test/Path", "spiffe://domain.test/Path"),
        ("HTTPS://A.test", "https://a.test"),
        ("urn:Example:X", "urn:Example:X"),
        ("https://User:Pass@A.test:1/X", "https://User:Pass@a.test:1/X"),
        ("https://A.test?Query/X", "https://a.test?Query/X"),
        ("https://A.test#Part", "https://a.test#Part"),
        ("https://A.test/x@Y", "https://a.test/x@Y"),
    ],
)
def test_uris(text: str, uri: str) -> None:
    assert URI(text).uri == str(URI(text)) == uri


@pytest.mark.parametrize("text", ["", "x", ":x", "x:", "//a/b", "1a://b", "a://ü", "ä://b", "a://b\n", "a://b\0"])
def test_what_is_no_uri(text: str) -> None:
    with pytest.raises(unitls.ConfigurationError):
        URI(text)


@pytest.mark.parametrize("value", [None, 7, 2130706433, b"a.test", b"\x7f\0\0\1", ["a.test"]])
def test_a_name_is_text(value: Any) -> None:
    for make in (DNSName, IPAddress, URI):
        with pytest.raises(unitls.ConfigurationError):
            make(value)


@pytest.mark.parametrize("text", ["127.0.0.1", "::1", "[::1]", "[127.0.0.1]"])
def test_what_looks_like_an_address_is_one(text: str) -> None:
    assert isinstance(parse_subject(text), IPAddress)


def test_kinds_are_never_equal() -> None:
    assert len({DNSName("a.test"), URI("dns:a.test"), IPAddress("127.0.0.1")}) == 3
    with pytest.raises(AttributeError):
        DNSName("a.test").name = "b.test"  # type: ignore[misc]


@given(st.text(max_size=80))
def test_any_text_is_a_subject_or_our_error(text: str) -> None:
    for make in (parse_subject, DNSName, IPAddress, URI):
        try:
            value = make(text)  # type: ignore[operator]
        except unitls.ConfigurationError:
            continue
        assert str(value).isascii()
        assert make(str(value)) == value  # type: ignore[operator]
