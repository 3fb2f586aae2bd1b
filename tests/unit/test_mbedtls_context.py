"""What is special to contexts over Mbed TLS: old versions, what it does not negotiate, sessions by name, ticket keys."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

import pytest

import unitls
from unitls import Feature, SessionCache, TLSVersion
from unitls.testing._cases_resumption import visit
from unitls.testing._kit import Drive, Kit

native = pytest.importorskip("unitls.backends.mbedtls.native", exc_type=ImportError)

from unitls.backends.mbedtls import _callbacks, _tickets, ciphers  # noqa: E402 - only where the library is

BACKEND = unitls.get_backend("mbedtls")


@pytest.fixture
def kit() -> Any:
    made = Kit(BACKEND, BACKEND, Drive.WHOLE, None)
    yield made
    made.close()


@pytest.mark.parametrize("version", [TLSVersion.TLSv1, TLSVersion.TLSv1_1])
def test_old_versions_are_spoken_when_they_are_asked_for(kit: Kit, version: TLSVersion) -> None:
    if version not in BACKEND.capabilities.versions:
        with pytest.raises(unitls.UnsupportedFeature):
            kit.client(lower_bound=version)
        return
    bounds = {"lower_bound": version, "upper_bound": version}
    pair = kit.connected(kit.client(**bounds), kit.server(**bounds))
    assert pair.client.tls.negotiated_tls_version is version
    assert pair.client.tls.cipher() in ciphers.LEGACY
    assert pair.client.tls.cipher() in pair.client.tls.context.ciphers, "what is enabled for it is listed"
    assert pair.client.tls.get_channel_binding("tls-unique") == pair.server.tls.get_channel_binding("tls-unique")
    pair.echo()


def test_old_suites_are_not_offered_unless_an_old_version_is(kit: Kit) -> None:
    assert not set(ciphers.LEGACY) & set(kit.client().ciphers)
    assert not set(ciphers.LEGACY) & set(ciphers.default())


def test_a_protocol_with_a_null_byte_is_refused(kit: Kit) -> None:
    for make in (kit.client, kit.server):
        with pytest.raises(unitls.UnsupportedFeature) as caught:
            make(inner_protocols=[b"a\0b"])
        assert caught.value.feature is Feature.ALPN


def test_a_server_shows_no_certificate_that_is_not_a_servers(kit: Kit) -> None:
    with pytest.raises(unitls.ConfigurationError, match="not meant for servers"):
        kit.server(identities=(kit.client_identity,))
    kit.client(identities=(kit.server_identity,))


def test_groups_that_the_library_lacks_are_refused(kit: Kit) -> None:
    with pytest.raises(unitls.ConfigurationError, match="none of the groups"):
        kit.client(groups=[0x6A6A])


def test_sessions_are_not_resumed_where_clients_show_certificates(kit: Kit) -> None:
    server = kit.server(client_authentication=unitls.ClientAuthentication.REQUIRED, trust_store=kit.trust)
    client = kit.client(session_cache=SessionCache(), identities=(kit.client_identity,))
    assert [visit(kit, client, server) for _ in range(2)] == [False, False]


def test_more_ticket_keys_than_the_library_takes_are_refused(kit: Kit) -> None:
    if not BACKEND.capabilities.supports(Feature.TICKET_KEYS):
        pytest.skip("this library has no ticket keys")
    with pytest.raises(unitls.UnsupportedFeature):
        kit.server(ticket_keys=[os.urandom(32) for _ in range(3)])


class RotatingLibrary:
    """The library, with the function for ticket keys that not every version has."""

    def __init__(self) -> None:
        self.rotated: list[Any] = []
        self.attached: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(native.lib, name)

    def mbedtls_ssl_ticket_rotate(self, raw: Any, name: bytes, *_: Any) -> int:
        self.rotated.append((raw, name))
        return 0

    def mbedtls_ssl_conf_session_tickets_cb(self, config: Any, write: Any, parse: Any, raw: Any) -> None:
        self.attached.append((config, raw))


def test_given_ticket_keys_are_installed_again_before_they_are_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a structure of its own: the library takes no lock where it changes the keys of one that is in use."""
    moment, library = [1000.0], RotatingLibrary()
    monkeypatch.setattr(_tickets, "time", SimpleNamespace(monotonic=lambda: moment[0]))
    monkeypatch.setattr(_tickets, "lib", library)
    tickets = _tickets.Tickets((b"one", b"two"))
    first, config = tickets.raw, native.new("ssl_config")
    tickets.configure(config)
    tickets.refresh()
    assert tickets.raw is first
    moment[0] += _tickets.GIVEN_LIFETIME / 2
    tickets.refresh()
    second = tickets.raw
    assert second is not first
    assert library.attached == [(config, first), (config, second)]
    names = [name for _, name in library.rotated]
    assert [raw for raw, _ in library.rotated] == [first, first, second, second]
    assert names[:2] == names[2:]
    tickets.refresh()
    assert tickets.raw is second


def test_a_connection_is_gone_when_nobody_has_it(kit: Kit) -> None:
    import gc
    import weakref

    gc.disable()
    try:
        pair = kit.connected()
        engine = weakref.ref(pair.client.tls._engine)
        del pair
        assert engine() is None
    finally:
        gc.enable()


def test_a_key_that_may_not_sign_is_a_bad_purpose(kit: Kit) -> None:
    """The library looks at the key usage only once the certificate has been verified, and has another result for it."""
    if TLSVersion.TLSv1_3 not in BACKEND.capabilities.versions:
        pytest.skip("no server shows such a certificate up to TLS 1.2")
    import datetime

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
    from cryptography.x509.oid import NameOID

    from unitls.testing._permissive import PermissiveServer

    key: Any = load_pem_private_key(kit.identities.server.key_pem, None)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "server")])
    start = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
    usage = x509.KeyUsage(False, False, False, False, True, False, False, False, False)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, start, datetime.datetime(2090, 1, 1))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("server.test")]), critical=True)
    leaf = builder.add_extension(usage, critical=True).sign(key, hashes.SHA256()).public_bytes(Encoding.DER)
    client = kit.client(trust_store=unitls.TrustStore.from_buffer(leaf))
    shown = PermissiveServer((leaf,), kit.identities.server.key_pem, None)
    pair = kit.custom_pair(lambda *buffers: client.wrap_buffers(*buffers, server_hostname="server.test"), shown.wrap)
    at_client, _ = pair.attempt()
    assert isinstance(at_client, unitls.CertificateVerificationError)
    assert at_client.failure is unitls.VerifyFailure.BAD_PURPOSE


class Broken:
    """A source of random bytes in the midst of whose work something happens."""

    def __init__(self, error: type[BaseException]) -> None:
        self._error = error

    def urandom(self, size: int) -> bytes:
        raise self._error


INTERRUPTIONS = [(KeyboardInterrupt, KeyboardInterrupt), (MemoryError, unitls.ConnectionFault)]


@pytest.mark.parametrize(("error", "expected"), INTERRUPTIONS)
def test_what_happens_while_random_bytes_are_fetched_is_not_swallowed(
    kit: Kit,
    error: type[BaseException],
    expected: type[BaseException],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    client = kit.pair(kit.client(), kit.server()).client.tls
    monkeypatch.setattr(_callbacks, "os", Broken(error))
    with pytest.raises(expected):
        client.do_handshake()
    assert "callback" not in capfd.readouterr().err


def test_a_label_with_a_null_byte_exports_nothing(kit: Kit) -> None:
    """Up to TLS 1.2 the library reads a label up to there: two labels would give the same keying material."""
    bounds = {"upper_bound": TLSVersion.TLSv1_2}
    pair = kit.connected(kit.client(**bounds), kit.server(**bounds))
    with pytest.raises(unitls.ConfigurationError, match="null byte"):
        pair.client.tls.export_keying_material(b"label\0one", 16)
    assert len(pair.client.tls.export_keying_material(b"label", 16)) == 16
