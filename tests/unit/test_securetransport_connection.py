"""The SecureTransport backend at work: keys of each kind, and the ends of a connection, which it has its own way with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from _certs import certificate
from _securetransport import load
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

import unitls
from unitls.testing import CertificateAuthority, Issued, Kit
from unitls.testing._kit import HOST, Drive


@pytest.fixture
def kit() -> Iterator[Kit]:
    made = Kit(load().backend, unitls.get_backend("openssl"), Drive.WHOLE, unitls.TLSVersion.TLSv1_2)
    yield made
    made.close()


@pytest.fixture
def server_kit() -> Iterator[Kit]:
    made = Kit(unitls.get_backend("openssl"), load().backend, Drive.WHOLE, unitls.TLSVersion.TLSv1_2)
    yield made
    made.close()


# ---------------------------------------------------------------------------------------------- keys

_AUTHORITY = CertificateAuthority.create("keys")


def _issued(key_type: Any) -> Issued:
    return _AUTHORITY.issue(dns_names=[HOST], key_type=key_type)


def _identity(issued: Issued, key: bytes, password: bytes | None = None) -> unitls.Identity:
    chain = [unitls.Certificate.from_buffer(der) for der in issued.chain]
    return unitls.Identity(chain, unitls.PrivateKey.from_buffer(key, password))


def _serve(kit: Kit, identity: unitls.Identity) -> None:
    trust = unitls.TrustStore.from_buffer(_AUTHORITY.certificate_der)
    pair = kit.connected(kit.client(trust_store=trust), kit.server(identities=(identity,)))
    pair.echo()


@pytest.mark.parametrize("key_type", ["P-256", "P-384", "RSA-2048"])
@pytest.mark.parametrize("written", ["PKCS8", "TraditionalOpenSSL", "encrypted"])
def test_keys_of_each_kind(server_kit: Kit, key_type: str, written: str) -> None:
    issued = _issued(key_type)
    key = serialization.load_pem_private_key(issued.key_pem, None)
    is_secret = written == "encrypted"
    form = serialization.PrivateFormat.PKCS8 if is_secret else getattr(serialization.PrivateFormat, written)
    how = serialization.BestAvailableEncryption(b"secret") if is_secret else serialization.NoEncryption()
    data = key.private_bytes(serialization.Encoding.PEM, form, how)
    _serve(server_kit, _identity(issued, data, b"secret" if is_secret else None))


def test_a_key_that_does_not_fit_is_refused() -> None:
    kinds = [_issued("P-256"), _issued("P-256"), _issued("P-384"), _issued("RSA-2048"), _issued("RSA-2048")]
    for one in kinds:
        for other in kinds:
            if one is not other:
                with pytest.raises(unitls.ConfigurationError, match="does not belong"):
                    load().backend.server_context(
                        unitls.TLSServerConfiguration(identities=(_identity(one, other.key_pem),))
                    )


def test_a_p521_key_fits() -> None:
    key = ec.generate_private_key(ec.SECP521R1())
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    leaf = unitls.Certificate.from_buffer(certificate(key=key))
    identity = unitls.Identity([leaf], unitls.PrivateKey.from_buffer(key.private_bytes(*form)))
    load().backend.server_context(unitls.TLSServerConfiguration(identities=(identity,)))
    other = unitls.Identity([unitls.Certificate.from_buffer(certificate())], identity.private_key)
    with pytest.raises(unitls.ConfigurationError, match="does not belong"):
        load().backend.server_context(unitls.TLSServerConfiguration(identities=(other,)))


def test_a_key_of_another_kind_is_refused() -> None:
    issued = _issued("Ed25519")
    with pytest.raises(unitls.ConfigurationError, match="takes RSA, P-256, P-384 and P-521"):
        load().backend.server_context(unitls.TLSServerConfiguration(identities=(_identity(issued, issued.key_pem),)))


def test_a_weak_key_is_refused() -> None:
    issued = _issued("RSA-1024")
    with pytest.raises(unitls.ConfigurationError, match="too weak"):
        load().backend.server_context(unitls.TLSServerConfiguration(identities=(_identity(issued, issued.key_pem),)))


# ---------------------------------------------------------------------------------------------- the ends


def _pass(sender: Any, receiver: Any, size: int = -1) -> bytes:
    """Carry ciphertext from one end to the other."""
    data: bytes = sender.outgoing.read(size)
    receiver.incoming.write(data)
    return data


def test_data_behind_our_close_notify_is_reported(kit: Kit) -> None:
    pair = kit.connected()
    pair.client.tls.shutdown()
    pair.server.tls.write(b"too late")
    _pass(pair.server, pair.client)
    with pytest.raises(unitls.ConnectionFault, match="behind its own close_notify"):
        pair.client.tls.read()
    with pytest.raises(unitls.ConnectionFault, match="behind its own close_notify"):
        pair.client.tls.read()


def test_what_came_before_our_close_notify_is_kept(kit: Kit) -> None:
    pair = kit.connected()
    pair.server.tls.write(b"in time, ")
    pair.server.tls.write(b"and this")
    _pass(pair.server, pair.client)
    pair.client.tls.shutdown()
    assert pair.client.tls.pending() == 17
    assert [pair.client.tls.read(3), pair.client.tls.read()] == [b"in ", b"time, and this"]
    with pytest.raises(unitls.WantReadError):
        pair.client.tls.read()
    _pass(pair.client, pair.server)
    assert pair.server.tls.read() == b""
    pair.server.tls.shutdown()
    _pass(pair.server, pair.client)
    assert pair.client.tls.read() == b""


@pytest.mark.parametrize("size", [1, 3, 5, 6, 20])
def test_a_record_that_was_begun_before_our_close_notify(kit: Kit, size: int) -> None:
    """The library has taken part of it: where it ends is known nevertheless."""
    pair = kit.connected()
    pair.server.tls.shutdown()
    _pass(pair.server, pair.client, size)
    pair.client.tls.shutdown()
    with pytest.raises(unitls.WantReadError):
        pair.client.tls.read()
    _pass(pair.server, pair.client)
    pair.client.incoming.write(b"plain")
    assert pair.client.tls.read() == b""
    assert pair.client.incoming.read() == b"plain"


@pytest.mark.parametrize("size", [1, 5, 6, 20])
def test_data_that_was_begun_before_our_close_notify(kit: Kit, size: int) -> None:
    pair = kit.connected()
    pair.server.tls.write(b"half of it")
    _pass(pair.server, pair.client, size)
    pair.client.tls.shutdown()
    _pass(pair.server, pair.client)
    with pytest.raises(unitls.ConnectionFault, match="behind its own close_notify"):
        pair.client.tls.read()


def test_a_cut_behind_our_close_notify_is_no_clean_end(kit: Kit) -> None:
    pair = kit.connected()
    pair.client.tls.shutdown()
    pair.client.incoming.write_eof()
    with pytest.raises(unitls.RaggedEOF):
        pair.client.tls.read()


def test_the_peers_close_notify_is_answered_once(kit: Kit) -> None:
    """The library answers it by itself when it is read."""
    pair = kit.connected()
    pair.server.tls.shutdown()
    _pass(pair.server, pair.client)
    assert pair.client.tls.read() == b""
    with pytest.raises(unitls.ConnectionFault):
        pair.client.tls.write(b"x")
    pair.client.tls.shutdown()
    sent = _pass(pair.client, pair.server)
    assert sent[0] == 21
    assert len(sent) == 5 + int.from_bytes(sent[3:5], "big")
    assert pair.server.tls.read() == b""


def test_a_refused_server_gets_an_alert_and_no_certificate_of_ours(kit: Kit) -> None:
    stranger = unitls.TrustStore.from_buffer(_AUTHORITY.certificate_der)
    client = kit.client(trust_store=stranger, identities=(kit.client_identity,))
    server = kit.server(
        trust_store=kit.trust, validate_certificates=True, client_authentication=unitls.ClientAuthentication.REQUIRED
    )
    pair = kit.pair(client, server)
    sent = b""
    error: Exception | None = None
    for _ in range(4):
        try:
            pair.client.tls.do_handshake()
        except unitls.WantReadError:
            pass
        except unitls.CertificateVerificationError as refused:
            error = refused
        sent = _pass(pair.client, pair.server)
        if error is not None:
            break
        with pytest.raises(unitls.WantReadError):
            pair.server.tls.do_handshake()
        _pass(pair.server, pair.client)
    assert isinstance(error, unitls.CertificateVerificationError)
    assert error.failure is unitls.VerifyFailure.UNKNOWN_ISSUER
    assert sent == bytes((21, 3, 3, 0, 2, 2, unitls.AlertDescription.UNKNOWN_CA))
    with pytest.raises(unitls.PeerAlert):
        pair.server.tls.do_handshake()


def test_many_records_are_read_at_once(kit: Kit) -> None:
    pair = kit.connected()
    data = bytes(range(256)) * 1024
    view = memoryview(data)
    while view:
        view = view[pair.server.tls.write(view) :]
    _pass(pair.server, pair.client)
    target = bytearray(len(data))
    assert pair.client.tls.read_into(target) == len(data)
    assert target == data


def test_a_server_that_the_library_does_not_stop_for_is_refused(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the library stops for the verdict, it gives none of its own: without the stop nobody would have verified."""
    monkeypatch.setattr(load().modules["_opening"], "_set_client", lambda *_: None)
    pair = kit.pair(kit.client(), kit.server())
    for end, other in ((pair.client, pair.server), (pair.server, pair.client)):
        with pytest.raises(unitls.WantReadError):
            end.tls.do_handshake()
        _pass(end, other)
    with pytest.raises(unitls.CertificateVerificationError):
        pair.client.tls.do_handshake()
    assert not _pass(pair.client, pair.server), "the client's last flight stays here"


def test_what_is_enabled_for_old_versions_is_listed(kit: Kit) -> None:
    version = unitls.TLSVersion.TLSv1
    old = kit.client(lower_bound=version, upper_bound=unitls.TLSVersion.TLSv1_2).ciphers
    assert {0xC009, 0xC013} <= set(old)
    assert not {0xC009, 0xC013} & set(kit.client().ciphers)
