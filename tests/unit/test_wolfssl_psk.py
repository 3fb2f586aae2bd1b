"""External pre-shared keys with wolfSSL: what stands for certificates, what does not, and what is refused."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from _link import IDS, TRUST, Link, identity

import unitls
from unitls import ExternalPSK, Feature, SessionCache, TLSVersion

pytest.importorskip("unitls.backends.wolfssl", reason="wolfSSL is not installed", exc_type=ImportError)
from unitls.backends.wolfssl import BACKEND, _psk, config
from unitls.backends.wolfssl.native import ffi, lib
from unitls.core._foreign import Transport
from unitls.core._memory_buffer import MemoryBuffer

TLS13 = {"lower_bound": TLSVersion.TLSv1_3}
FALLS_BACK = lib.wolfSSL_lib_version_hex() >= 0x05007002
KEY = ExternalPSK(b"sensor 7", bytes(range(32)))
OTHER = ExternalPSK(b"sensor 8", bytes(32))


def client(**changes: Any) -> unitls.ClientContext:
    return BACKEND.client_context(
        unitls.TLSClientConfiguration(**{"trust_store": TRUST, "external_psk": KEY, **TLS13, **changes})
    )


def server(**changes: Any) -> unitls.ServerContext:
    return BACKEND.server_context(
        unitls.TLSServerConfiguration(**{"identities": (identity(),), "external_psk": KEY, **changes})
    )


def used(link: Link) -> tuple[bool, bool]:
    return link.client._engine.used_external_psk(), link.server._engine.used_external_psk()  # type: ignore[attr-defined]


@pytest.mark.parametrize("hash_name", ["sha256", "sha384"])
@pytest.mark.parametrize("first", [0x1301, 0x1302, 0x1303])
def test_a_key_goes_with_every_suite_of_its_hash(hash_name: str, first: int) -> None:
    """The library ties a key to one suite; a suite with another hash must not be taken with it."""
    key = ExternalPSK(KEY.identity, KEY.key, hash_name)
    one, two = client(external_psk=key, ciphers=[first]), server(external_psk=key)
    link = Link(one, two).handshake()
    goes_with = (first == 0x1302) == (hash_name == "sha384")
    assert used(link) == (goes_with, goes_with)
    assert (link.client.getpeercert() is None) is goes_with
    assert link.client.cipher() == first


class Engine(SimpleNamespace):
    """Stands for the engine of a connection."""


@pytest.mark.parametrize(("most", "longest"), [(7, 64), (128, 31)])
def test_nothing_is_written_behind_the_room_that_a_build_has(most: int, longest: int) -> None:
    """A build may have been given shorter bounds than usual; it tells them to the callbacks."""
    engine = Engine(psk=_psk.Key(KEY, {0x1301: b"a suite"}), suite_for_psk=lambda: 0x1301)
    transport = Transport(MemoryBuffer(), MemoryBuffer(), engine)
    room, key, name = ffi.new("char[]", 256), ffi.new("unsigned char[]", 256), ffi.new("const char **")
    calls = [lambda: _psk._offered(transport.number, b"a suite", room, most, key, longest)]
    if longest < len(KEY.key):
        calls.append(lambda: _psk._accepted(transport.number, KEY.identity, key, longest, name))
    for call in calls:
        assert call() == 0
        assert isinstance(transport.take_failure(), ValueError)
    assert bytes(ffi.buffer(key)) == bytes(256)


@pytest.mark.parametrize("known", [OTHER, None], ids=["another", "none"])
def test_a_key_that_is_not_known_leaves_the_certificates_to_decide(known: ExternalPSK | None) -> None:
    for link in (Link(client(), server(external_psk=known)), Link(client(external_psk=known), server())):
        link.handshake()
        assert link.client.getpeercert() == IDS.server.chain[0]
        assert used(link) == (False, False)


def test_a_key_says_nothing_in_tls_1_2() -> None:
    either = {"lower_bound": TLSVersion.TLSv1_2, "upper_bound": TLSVersion.TLSv1_2, "external_psk": None}
    assert used(Link(client(**either), server()).handshake()) == (False, False)
    old = server(external_psk=None, upper_bound=TLSVersion.TLSv1_2)
    if not FALLS_BACK:
        with pytest.raises(unitls.UnsupportedFeature, match="lower_bound"):
            client(lower_bound=TLSVersion.TLSv1_2)
        return
    assert used(Link(client(lower_bound=TLSVersion.TLSv1_2), old).handshake()) == (False, False)
    stranger = unitls.TrustStore.from_buffer(IDS.client.chain[0])
    with pytest.raises(unitls.CertificateVerificationError):
        Link(client(lower_bound=TLSVersion.TLSv1_2, trust_store=stranger), old).handshake()


def test_a_key_is_no_certificate_of_a_client() -> None:
    required = unitls.ClientAuthentication.REQUIRED
    with pytest.raises(unitls.TLSError):
        Link(client(), server(client_authentication=required, trust_store=TRUST)).handshake()


def test_a_session_that_was_made_with_the_key_has_no_certificate_either() -> None:
    one, two = client(session_cache=SessionCache()), server()
    resumed = []
    for _ in range(2):
        link = Link(one, two).handshake()
        link.server.write(b"hello")
        link.move()
        assert link.client.read() == b"hello"
        assert link.client.getpeercert() is None
        resumed.append(link.client.session_resumed)
    assert resumed == [False, True]


def test_a_key_without_a_key_exchange_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """psk_ke (RFC 8446 section 4.2.9) has no forward secrecy; wolfSSL has no switch against it."""
    genuine = config._context

    def without(server_side: bool, **values: Any) -> Any:
        context = genuine(server_side, **values)
        assert server_side or lib.wolfSSL_CTX_no_dhe_psk(context) == 0
        return context

    monkeypatch.setattr(config, "_context", without)
    link = Link(client(), server())
    with pytest.raises(unitls.ProtocolViolation, match="without a key exchange"):
        link.handshake()


@pytest.mark.parametrize(
    ("identity_of_key", "secret"),
    [(b"with \0 null", bytes(32)), (b"n" * 1537, bytes(32)), (b"name", bytes(65))],
)
def test_what_the_library_has_no_place_for_is_refused(identity_of_key: bytes, secret: bytes) -> None:
    key = ExternalPSK(identity_of_key, secret)
    for make in (client, server):
        with pytest.raises(unitls.UnsupportedFeature) as caught:
            make(external_psk=key)
        assert caught.value.feature is Feature.EXTERNAL_PSK


def test_the_longest_key_and_identity() -> None:
    key = ExternalPSK(b"n" * 1536, bytes(range(64)))
    assert used(Link(client(external_psk=key), server(external_psk=key)).handshake()) == (True, True)


@pytest.mark.parametrize("key", [ExternalPSK(b"", bytes(32)), ExternalPSK(b"n", b""), ExternalPSK(b"n", b"k", "md5")])
def test_what_tls_has_no_place_for_is_refused(key: ExternalPSK) -> None:
    with pytest.raises(unitls.ConfigurationError):
        client(external_psk=key)


def test_the_key_appears_in_no_repr() -> None:
    context = client()
    Link(context, server()).handshake()
    assert KEY.key.hex() not in repr(context._natives.get())  # type: ignore[attr-defined]
    assert repr(KEY.key) not in repr(context._natives.get())  # type: ignore[attr-defined]
