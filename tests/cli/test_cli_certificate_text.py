"""What is said about a certificate, against what another parser says."""

from __future__ import annotations

import pytest

from unitls.cli._certificate_text import describe, distinguished_name
from unitls.core._der import DERError
from unitls.testing._zoo_files import load_identities, load_zoo

x509 = pytest.importorskip("cryptography.x509")


@pytest.mark.parametrize("case", load_zoo(), ids=lambda case: case.name)
def test_it_agrees_with_another_parser(case):
    for der in case.server_chain:
        mine, theirs = describe(der), x509.load_der_x509_certificate(der)
        assert mine.subject == theirs.subject.rfc4514_string()
        assert mine.issuer == theirs.issuer.rfc4514_string()
        assert mine.not_before == theirs.not_valid_before_utc
        assert mine.not_after == theirs.not_valid_after_utc


def test_names_of_each_kind():
    assert describe(load_identities().server.chain[0]).names == ("server.test", "localhost", "127.0.0.1", "::1")


def test_a_damaged_certificate():
    with pytest.raises(DERError):
        describe(load_identities().server.chain[0][:-1])


def name(*attributes: tuple[bytes, int, bytes]) -> bytes:
    def element(tag: int, content: bytes) -> bytes:
        return bytes((tag, len(content))) + content

    parts = (element(0x31, element(0x30, element(6, oid) + element(tag, value))) for oid, tag, value in attributes)
    return element(0x30, b"".join(parts))


CN = b"\x55\x04\x03"


@pytest.mark.parametrize(
    ("der", "text"),
    [
        (name(), ""),
        (name((CN, 0x0C, b"a")), "CN=a"),
        (name((b"\x55\x04\x06", 0x13, b"CH"), (CN, 0x0C, b"a")), "CN=a,C=CH"),
        (name((CN, 0x0C, "Zürich".encode())), "CN=Zürich"),
        (name((CN, 0x1E, "Zürich".encode("utf-16-be"))), "CN=Zürich"),
        (name((CN, 0x0C, b'a,b+c"d\\e<f>g;h')), 'CN=a\\,b\\+c\\"d\\\\e\\<f\\>g\\;h'),
        (name((CN, 0x0C, b"#a")), "CN=\\#a"),
        (name((CN, 0x0C, b"\xff")), "CN=#ff"),
        (name((CN, 0x02, b"\x01")), "CN=#01"),
        (name((b"\x55\x04\x7f", 0x0C, b"a")), "2.5.4.127=a"),
    ],
)
def test_distinguished_names(der, text):
    assert distinguished_name(der) == text
