"""What a peer chooses, looked at in front of wolfSSL; what a whole connection makes of it is among the tests of bad servers."""

from __future__ import annotations

import dataclasses
import struct

import pytest
from _link import IDS, identity

pytest.importorskip("unitls.backends.wolfssl", reason="wolfSSL or cffi is not installed")

import unitls
from unitls.backends.wolfssl._offered import Offer, Watch
from unitls.core._foreign import ForeignBuffer

OFFER = Offer(frozenset({0x0403}), frozenset({29}), hears=False)
DHE, ECDHE = 0x009E, 0xC02B
ALERT, CHANGE = b"\x15\3\3\0\2\1\x70", b"\x14\3\3\0\1\1"
FINITE_FIELD = (b"\0\2pp\0\1g\0\2yy", DHE)
CURVE = (b"\3\0\x1d\x02yy", ECDHE)


def message(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + len(body).to_bytes(3, "big") + body


def record(content: bytes, kind: int = 22) -> bytes:
    return struct.pack(">BHH", kind, 0x0303, len(content)) + content


def hello(suite: int, version: bytes = b"\3\3") -> bytes:
    return message(2, version + bytes(32) + b"\0" + suite.to_bytes(2, "big") + b"\0")


def taken(octets: bytes, step: int, *, server_side: bool = False) -> tuple[bytes, bool]:
    """What gets through when it comes in pieces, and whether the peer is refused."""
    buffer, got = ForeignBuffer(), b""
    watch = Watch(buffer, OFFER, server_side)
    for at in range(0, len(octets), step):
        buffer.write(octets[at : at + step])
        while data := watch.take(4):
            got += data
    return got, watch.is_broken


@pytest.mark.parametrize("step", [1, 7, 1000])
@pytest.mark.parametrize(("share", "suite"), [FINITE_FIELD, CURVE])
def test_what_was_offered_passes(share: bytes, suite: int, step: int) -> None:
    octets = CHANGE + record(hello(suite)) + ALERT + record(message(12, share + b"\4\3\0\1s")) + record(b"rest")
    assert taken(octets, step) == (octets, False)


@pytest.mark.parametrize("step", [1, 7, 1000])
@pytest.mark.parametrize(
    ("share", "suite"),
    [
        (FINITE_FIELD[0] + b"\2\3", DHE),
        (CURVE[0] + b"\2\3", ECDHE),
        (CURVE[0], ECDHE),
        (b"\3\0\x15\x02yy\4\3", ECDHE),
        (b"\1\0\x1d\x02yy\4\3", ECDHE),
        (b"", ECDHE),
    ],
    ids=["scheme", "scheme on a curve", "cut", "curve", "explicit curve", "nothing"],
)
def test_what_was_not_offered_does_not_pass(share: bytes, suite: int, step: int) -> None:
    exchange = message(12, share)
    before = CHANGE + ALERT + record(hello(suite)[:9]) + record(hello(suite)[9:])
    got, is_broken = taken(before + record(exchange[:5]) + record(exchange[5:] or b"\0") + record(b"rest"), step)
    assert is_broken
    assert got in (before, before + record(exchange[:5]))


@pytest.mark.parametrize(
    "octets",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        record(b"encrypted", 23) + record(b"\x0f\0\0\2\2\3"),
        record(hello(ECDHE, b"\3\2")) + record(message(12, b"\3\0\x15\0")),
        record(hello(ECDHE)) + CHANGE + record(b"\x0c\0\0\1x"),
        record(hello(ECDHE)) + record(message(14, b"")) + record(b"\x0c\0\0\1x"),
    ],
    ids=["no TLS", "encrypted", "TLS 1.1", "resumed", "no exchange"],
)
def test_what_says_nothing_passes(octets: bytes) -> None:
    assert taken(octets, 3) == (octets, False)


@pytest.mark.parametrize("scheme", [0x0403, 0x0203])
def test_what_a_client_signs_with(scheme: int) -> None:
    verify = record(message(15, scheme.to_bytes(2, "big") + b"\0\1s"))
    got, is_broken = taken(record(message(11, b"\0\0\0")) + verify, 5, server_side=True)
    assert is_broken is (scheme == 0x0203)
    assert got.endswith(verify) is not is_broken


def test_a_later_signature_cannot_be_limited() -> None:
    wolfssl, trust = unitls.get_backend("wolfssl"), unitls.TrustStore.from_buffer(IDS.ca_pem)
    basic = unitls.TLSServerConfiguration(
        identities=(identity(),), trust_store=trust, post_handshake_authentication=True, signature_algorithms=(0x0403,)
    )
    with pytest.raises(unitls.UnsupportedFeature) as caught:
        wolfssl.server_context(basic)
    assert caught.value.feature is unitls.Feature.SIGNATURE_ALGORITHMS
    wolfssl.server_context(dataclasses.replace(basic, upper_bound=unitls.TLSVersion.TLSv1_2))
