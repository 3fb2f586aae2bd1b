from __future__ import annotations

import sys

import pytest
from _certs import certificate, dns, ec_key, rsa_key
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from hypothesis import example, given, settings
from hypothesis import strategies as st

from unitls.core._client_hello import ClientHello
from unitls.core._sni_choice import choose_identity, decoded_name

deterministic = settings(derandomize=True, deadline=None, max_examples=150)

TLS13 = (0x0304, 0x0303)
TLS12 = (0x0303,)
BOTH_SCHEMES = (0x0403, 0x0804, 0x0401)


def hello(
    name: bytes | None = None,
    *,
    versions: tuple[int, ...] = TLS13,
    suites: tuple[int, ...] = (0x1301, 0xC02B, 0xC02F),
    groups: tuple[int, ...] = (29, 23),
    schemes: tuple[int, ...] = BOTH_SCHEMES,
) -> ClientHello:
    return ClientHello(
        0x0303, b"r" * 32, versions, suites, server_name=name, groups=groups, signature_algorithms=schemes
    )


FIRST = certificate([dns("first.example")])
EXACT = certificate([dns("www.example.org")])
EXACT_2 = certificate([dns("www.example.org")], serial=78)
WILD = certificate([dns("*.example.org")])
MIXED = certificate([dns("*.example.org"), dns("www.example.org")])
LEAVES = [FIRST, WILD, EXACT, EXACT_2]


@pytest.mark.parametrize(
    ("name", "index"),
    [
        (b"www.example.org", 2),
        (b"WWW.Example.ORG", 2),
        (b"www.example.org.", 2),
        (b"mail.example.org", 1),
        (b"a.mail.example.org", 0),
        (b"first.example", 0),
        (b"unknown.example", 0),
        (b"*.example.org", 0),
        (b".", 0),
        (b"192.0.2.1", 0),
        (None, 0),
    ],
)
def test_names(name: bytes | None, index: int) -> None:
    assert choose_identity(LEAVES, hello(name)) == index


def test_a_certificate_with_both_kinds_of_name_is_exact() -> None:
    assert choose_identity([WILD, MIXED], hello(b"www.example.org")) == 1
    assert choose_identity([WILD, MIXED], hello(b"mail.example.org")) == 0


EC = certificate([dns("a.example")])
RSA = certificate([dns("a.example")], key=rsa_key())
ED25519 = certificate([dns("a.example")], key=ed25519.Ed25519PrivateKey.from_private_bytes(b"k" * 32))
P384 = certificate([dns("a.example")], key=ec.derive_private_key(99, ec.SECP384R1()))


@pytest.mark.parametrize("name", [b"a.example", None, b"other.example"])
@pytest.mark.parametrize(
    ("leaves", "offer", "index"),
    [
        ([EC, RSA], hello(), 0),
        ([RSA, EC], hello(), 0),
        ([EC, RSA], hello(schemes=(0x0804,)), 1),
        ([RSA, EC], hello(schemes=(0x0403,)), 1),
        ([RSA, EC], hello(versions=(0x0304,), schemes=(0x0401, 0x0403)), 1),
        ([P384, EC], hello(versions=(0x0304,), schemes=(0x0403, 0x0804)), 1),
        ([P384, EC], hello(versions=(0x0304,), schemes=(0x0503, 0x0403)), 0),
        ([ED25519, RSA], hello(), 1),
        ([ED25519, RSA], hello(schemes=(0x0807, 0x0804)), 0),
        ([EC, RSA], hello(versions=TLS12, suites=(0xC02F,)), 1),
        ([RSA, EC], hello(versions=TLS12, suites=(0xC02B,)), 1),
        ([RSA, EC], hello(versions=TLS12, suites=(0x0A0A, 0x1301, 0x00FF, 0x5600, 0xC02B)), 1),
        ([EC, RSA], hello(versions=TLS12, suites=(0xC02B, 0xC02F), schemes=(0x0401,)), 1),
        ([P384, EC], hello(versions=TLS12, groups=(23,)), 1),
        ([P384, EC], hello(versions=TLS12, groups=(23, 24)), 0),
        ([P384, EC], hello(versions=TLS12, groups=()), 0),
        ([EC, RSA], hello(versions=TLS12, suites=(0xC02F,), schemes=()), 1),
        ([RSA, EC], hello(versions=TLS12, suites=(0xC02B,), schemes=()), 1),
        ([ED25519, RSA], hello(versions=TLS12, schemes=()), 1),
        ([RSA, EC], hello(versions=(0x0304,), schemes=(0x0807,)), 0),
        ([RSA, EC], hello(suites=(0x1301,), schemes=(0x0401, 0x0403)), 1),
    ],
)
def test_keys_the_client_can_use(leaves: list[bytes], offer: ClientHello, index: int, name: bytes | None) -> None:
    named = ClientHello(
        offer.legacy_version,
        offer.random,
        offer.versions,
        offer.cipher_suites,
        server_name=name,
        groups=offer.groups,
        signature_algorithms=offer.signature_algorithms,
    )
    assert choose_identity(leaves, named) == index


def test_the_name_counts_more_than_the_key() -> None:
    other = certificate([dns("b.example")], key=rsa_key())
    assert choose_identity([other, EC], hello(b"a.example", schemes=(0x0804,))) == 1


def test_one_identity_serves_everybody() -> None:
    assert choose_identity([certificate(key=ec_key())], hello(b"x.example", schemes=())) == 0


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (b"www.example.org", "www.example.org"),
        (b"WWW.Example.org", "WWW.Example.org"),
        (b"xn--bcher-kva.example", "b\u00fccher.example"),
        (b"a_b.XN--BCHER-KVA.example", "a_b.b\u00fccher.example"),
        (b"xn--.example", "xn--.example"),
        (b"xn--a-\x01.example", "xn--a-\x01.example"),
        (b"xn--999999999999999999999b", "xn--999999999999999999999b"),
        (b"b\xfccher.example", "b\\xfccher.example"),
        (b"", ""),
    ],
)
def test_decoded_names(raw: bytes, name: str) -> None:
    assert decoded_name(raw) == name


def test_names_stay_as_received_without_idna(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "idna", None)
    assert decoded_name(b"xn--bcher-kva.example") == "xn--bcher-kva.example"


@deterministic
@given(st.binary(max_size=80), st.booleans())
@example(b"x" * 300, True)
@example(b"9" * 300, True)
def test_decoding_never_raises(raw: bytes, is_alabel: bool) -> None:
    assert isinstance(decoded_name(b"xn--" + raw if is_alabel else raw), str)


@deterministic
@given(st.text("abcxyz0189-", max_size=63))
def test_decoding_never_raises_on_punycode(label: str) -> None:
    assert decoded_name(f"xn--{label}.example".encode()).endswith(".example")


def test_a_certificate_that_is_not_known_comes_behind_one_with_the_name() -> None:
    assert choose_identity([b"", EC], hello(b"a.example")) == 1
    assert choose_identity([EC, b""], hello(b"a.example")) == 0
    assert choose_identity([b"", EC], hello(b"b.example")) == 0
