"""How a server is named on the command line."""

from __future__ import annotations

import argparse

import pytest

from unitls.cli._target import Target, parse_target


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("example.org", "example.org", None),
        ("Example.ORG:8443", "example.org", 8443),
        ("192.0.2.1:1", "192.0.2.1", 1),
        ("[::1]:443", "::1", 443),
        ("[::1]", "::1", None),
        ("::1", "::1", None),
        ("2001:db8::1:443", "2001:db8::1:443", None),
        ("xn--mnchen-3ya.example", "xn--mnchen-3ya.example", None),
    ],
)
def test_targets(text, host, port):
    assert parse_target(text) == Target(host, port)


def test_unicode_is_converted():
    pytest.importorskip("idna")
    assert parse_target("münchen.example:443") == Target("xn--mnchen-3ya.example", 443)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":443",
        "host:",
        "host:0",
        "host:65536",
        "host:" + "9" * 5000,
        "host:-1",
        "host:x",
        "https://host/",
        "host/path",
        "[::1",
        "[::1]443",
        "a" * 64,
        "a..b",
        "nul\0l",
        "fe80::1%eth0",
        "1.2.3.4.5",
        "host:४४३",
    ],
)
def test_what_is_none(text):
    with pytest.raises(argparse.ArgumentTypeError):
        parse_target(text)


def test_targets_are_shown_as_they_are_written():
    assert str(Target("::1", None).with_port(443)) == "[::1]:443"
    assert str(Target("example.org", 25).with_port(443)) == "example.org:25"
    assert str(Target("example.org", None)) == "example.org"
