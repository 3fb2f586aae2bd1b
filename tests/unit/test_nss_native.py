"""The edge of NSS: layouts, names of errors, what goes on in callbacks, threads, and a fork."""

from __future__ import annotations

import sys
import threading
from typing import Any

import pytest
from _link import IDS, Link
from _nss import BACKEND, HOST, client, identity, server, trust

import unitls
from unitls import Feature, TLSVersion
from unitls.backends.nss import ciphers, errors, native, verify
from unitls.backends.nss._key_log import SecretLog
from unitls.backends.nss._objects import (
    KeyMismatch,
    certificate,
    certificate_der,
    certificate_list,
    check_pair,
    listed,
    private_key,
    with_public_point,
)
from unitls.backends.nss._recorder import Recorder
from unitls.core._foreign import incoming_buffers, outgoing_buffers
from unitls.core._plain_key import plain_pkcs8
from unitls.core._values import NeutralPrivateKey
from unitls.testing import CertificateAuthority

STORE = trust(IDS.authority)

# What sizeof and offsetof say in C, on a machine of 64 bits.
_SIZES = {
    "PRFileDesc": 48, "PRIOMethods": 288, "CERTValInParam": 40, "CERTRevocationFlags": 80, "SSLAlert": 2,
    "SSLExtraServerCertData": 48,
}  # fmt: skip
_OFFSETS = {
    ("PRIOMethods", "recv"): 136, ("PRIOMethods", "getsocketoption"): 224, ("PRSocketOptionFlag", "value"): 8,
    ("CERTCertificate", "derCert"): 120, ("CERTCertificate", "nickname"): 648, ("SSLChannelInfo", "keaGroup"): 88,
    ("SSLChannelInfo", "resumed"): 112, ("SSLChannelInfo", "echAccepted"): 124,
    ("SSLPreliminaryChannelInfo", "echAccepted"): 36, ("SECKEYPrivateKey", "pkcs11Slot"): 16,
    ("SECKEYPrivateKeyListNode", "key"): 16,
}  # fmt: skip


def pkcs8(pem: bytes) -> bytes:
    key = unitls.PrivateKey.from_buffer(pem)
    assert isinstance(key, NeutralPrivateKey)
    return plain_pkcs8(key)


@pytest.mark.skipif(sys.maxsize < 2**32, reason="the numbers are those of 64 bits")
def test_layouts() -> None:
    """The declarations have the sizes that the C headers give them."""
    assert {name: native.ffi.sizeof(name) for name in _SIZES} == _SIZES
    assert {place: native.ffi.offsetof(*place) for place in _OFFSETS} == _OFFSETS


def test_names_of_errors() -> None:
    """The tables name errors that NSS has, and the numbers mean what the comments say."""
    assert native.Error(native.WOULD_BLOCK).name == "PR_WOULD_BLOCK_ERROR"
    assert native.Error(native.UNKNOWN_ISSUER).name == "SEC_ERROR_UNKNOWN_ISSUER"
    assert native.Error(native.LIBRARY_FAILURE).name == "SEC_ERROR_LIBRARY_FAILURE"
    assert {native.Error(code).name for code in verify._ALERT_CODES.values()} == {
        "SEC_ERROR_EXPIRED_CERTIFICATE",
        "SEC_ERROR_UNKNOWN_ISSUER",
        "SEC_ERROR_REVOKED_CERTIFICATE",
        "SEC_ERROR_INADEQUATE_CERT_TYPE",
    }
    known = {native.Error(code).name for base in (-8192, -12288, -6000) for code in range(base, base + 400)}
    named = {*verify._TABLE, *errors._INTERNAL, *errors._UNREADABLE_CERTIFICATE, *errors._SENTENCES}
    assert named | {errors._NO_CERTIFICATE, errors._WEAK_KEY} <= known
    assert native.Error(-1).text


def test_certificates() -> None:
    """A certificate comes back as it went in, alone and in a list."""
    ders = [*IDS.second_server.chain, IDS.authority.certificate_der]
    made = [certificate(der) for der in ders]
    assert list(map(certificate_der, made)) == ders
    assert list(map(certificate_der, listed(certificate_list(made)))) == ders
    with pytest.raises(native.Error):
        certificate(b"\x30\x03\x02\x01\x01")


@pytest.mark.parametrize("issued", [IDS.server, IDS.rsa_server], ids=["EC", "RSA"])
def test_keys(issued: object) -> None:
    """A key signs what its certificate verifies, and nothing else does."""
    leaf = issued.chain[0]  # type: ignore[attr-defined]
    key = private_key(pkcs8(issued.key_pem), leaf)  # type: ignore[attr-defined]
    check_pair(key, leaf)
    with pytest.raises(native.Error):
        check_pair(key, IDS.client.chain[0])


def test_key_without_its_public_point() -> None:
    """NSS 3.87 wants the point of an EC key; the certificate has it. One that does not fit is found out."""
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key(IDS.server.key_pem, None)
    number = key.private_numbers().private_value.to_bytes(32, "big")  # type: ignore[union-attr]
    algorithm = bytes.fromhex("301306072a8648ce3d020106082a8648ce3d030107")
    inner = bytes.fromhex("30250201010420") + number
    bare = bytes.fromhex("3041020100") + algorithm + b"\x04\x27" + inner
    leaf = IDS.server.chain[0]
    assert len(with_public_point(bare, leaf)) > len(bare)
    check_pair(private_key(bare, leaf), leaf)
    with pytest.raises(KeyMismatch):
        private_key(bare, IDS.client.chain[0])
    whole = pkcs8(IDS.server.key_pem)
    assert with_public_point(whole, leaf) is whole
    assert with_public_point(b"garbage", leaf) == b"garbage"


def test_suites() -> None:
    """None without encryption, each once, and good ones by default."""
    available = ciphers.available()
    assert len(set(available)) == len(available) > 30
    assert set(ciphers.default()) <= set(available)
    assert {0x1301, 0xC02B, 0xCCA9} <= set(ciphers.default())
    old = client(STORE, lower_bound=BACKEND.capabilities.versions[0])
    assert old.ciphers == (*ciphers.default(), *ciphers.old_default()), "what is enabled for old versions is listed"
    assert client(STORE).ciphers == ciphers.default()
    assert 0x0000 not in available
    assert 0x003B not in available


def test_old_versions() -> None:
    """TLS 1.0 and 1.1 are negotiated where they are asked for, and only there."""
    old = [version for version in BACKEND.capabilities.versions if version < TLSVersion.TLSv1_2]
    for version in old:
        context = client(STORE, lower_bound=version, upper_bound=version)
        link = Link(context, server(IDS.server, lower_bound=version), host=HOST).handshake()
        assert link.client.negotiated_tls_version is version
        with pytest.raises((unitls.PeerAlert, unitls.ProtocolViolation)):
            Link(context, server(IDS.server), host=HOST).handshake()
    assert BACKEND.capabilities.versions[-2:] == (TLSVersion.TLSv1_2, TLSVersion.TLSv1_3)


def test_failing_callback() -> None:
    """What a callback of the user's raises ends the handshake, and is the cause."""
    mistake = RuntimeError("no choice today")

    def choose(authorities: tuple[bytes, ...]) -> None:
        raise mistake

    demanding = server(IDS.server, trust_store=STORE, client_authentication=unitls.ClientAuthentication.REQUIRED)
    link = Link(client(STORE, choose_certificate=choose), demanding, host=HOST)
    with pytest.raises(unitls.ConnectionFault) as caught:
        link.handshake()
    assert caught.value.__cause__ is not None
    assert mistake in (caught.value.__cause__, caught.value.__cause__.__cause__)


def test_a_chosen_certificate_goes_with_its_intermediate() -> None:
    """NSS puts the chain together after the choice; nobody else in the process holds these certificates."""
    authority = CertificateAuthority.create()
    issued = authority.intermediate("below it").issue(dns_names=["client.test"])
    demanding = unitls.get_backend("openssl").server_context(
        unitls.TLSServerConfiguration(
            identities=(identity(IDS.server),),
            trust_store=trust(authority),
            client_authentication=unitls.ClientAuthentication.REQUIRED,
        )
    )
    context = client(STORE, choose_certificate=lambda authorities: identity(issued))
    link = Link(context, demanding, host=HOST).handshake()
    assert link.server.getpeercert() == issued.chain[0]


def test_key_log_is_refused_where_it_would_be_empty() -> None:
    """Before the first connection, and only where TLS 1.2 is allowed."""
    with pytest.raises(unitls.UnsupportedFeature) as caught:
        client(STORE, key_log="/nonexistent/log")
    assert caught.value.feature is Feature.KEY_LOG
    client(STORE, key_log="/nonexistent/log", lower_bound=TLSVersion.TLSv1_3)


def test_secret_log(tmp_path: object) -> None:
    """Secrets wait for the random value of the ClientHello; a repr shows none of them."""
    path = tmp_path / "log"  # type: ignore[operator]
    log = SecretLog(str(path))
    log.add(False, 3, b"\x01" * 4)
    log.add(False, 4, b"\x02" * 4)  # behind a key update
    log.flush()
    assert not path.exists()
    log.read_random(bytes(20))
    assert log.random is None
    log.read_random(bytes(11) + b"\xaa" * 32)
    log.flush()
    log.flush()
    assert path.read_text() == f"CLIENT_TRAFFIC_SECRET_0 {'aa' * 32} 01010101\n"
    assert "01010101" not in repr(log)


def test_recorder() -> None:
    """Only a whole alert in plaintext is one, in whatever pieces it comes."""
    record = bytes.fromhex("15030300020230")
    for pieces in ((record,), (b"x" * 30 + record,), (record[:3], record[3:5], record[5:]), (record[:6],), (b"x" * 9,)):
        incoming = native.MemoryBuffer()
        recorder = Recorder(incoming)
        for piece in pieces:
            incoming.write(piece)
            recorder.take(64)
        whole = b"".join(pieces).endswith(record)
        assert recorder.plaintext_alert() == (0x30 if whole else None)


@pytest.mark.parametrize("call", ["read", "write"])
def test_what_a_buffer_raises_is_told(call: str) -> None:
    """The library calls back for ciphertext: an exception there ends the connection, and is the cause of its error."""

    class Broken:
        held = 1

        def take(self, size: int) -> bytes:
            raise OSError("broken")

        write = take

    link = Link(client(STORE), server(IDS.server), host=HOST).handshake()
    engine: Any = link.client._engine  # type: ignore[attr-defined]
    incoming_buffers[engine._number] = outgoing_buffers[engine._number] = Broken()
    with pytest.raises(unitls.ConnectionFault, match="callback") as caught:
        link.client.read(1) if call == "read" else link.client.write(b"x")
    failure = caught.value.__cause__
    assert failure is not None
    assert str(failure.__cause__) == "broken"


def test_threads_share_a_context() -> None:
    """Eight threads with one client and one server context between them."""
    one, other = client(STORE, session_cache=unitls.SessionCache()), server(IDS.server)
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for _ in range(12):
                link = Link(one, other, host=HOST).handshake()
                block = bytes([number]) * 40_000
                link.client.write(block)
                link.to_server()
                received = b""
                while len(received) < len(block):
                    received += link.server.read()
                assert received == block
                link.client.shutdown()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_many_handshakes_good_and_bad() -> None:
    """A thousand of each leave nothing behind that grows."""
    good, bad = client(STORE), client(trust(IDS.client.chain[0]))
    context = server(IDS.server)
    for _ in range(1000):
        Link(good, context, host=HOST).handshake()
        with pytest.raises(unitls.CertificateVerificationError):
            Link(bad, context, host=HOST).handshake()


def test_crls() -> None:
    """A list has to be the issuer's, signed by it, and current; the leaf has to be covered."""
    import datetime

    from unitls.core._pem import crls_from
    from unitls.testing import CertificateAuthority

    root, stranger = CertificateAuthority.create("root of the lists"), CertificateAuthority.create("root of the lists")
    kept, gone = root.issue(dns_names=[HOST]), root.issue(dns_names=[HOST])
    past = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=2)
    verdicts = {
        root.crl([gone]): (None, unitls.VerifyFailure.REVOKED),
        root.crl([gone], this_update=past, next_update=past + datetime.timedelta(hours=1)): (
            unitls.VerifyFailure.OTHER,
            unitls.VerifyFailure.REVOKED,
        ),
        stranger.crl([gone]): (unitls.VerifyFailure.OTHER, unitls.VerifyFailure.OTHER),
    }
    for pem, due in verdicts.items():
        context = client(trust(root), crls=crls_from(pem))
        assert tuple(_failure(context, issued) for issued in (kept, gone)) == due
    with pytest.raises(unitls.ConfigurationError, match="cannot be read"):
        client(trust(root), crls=[b"\x30\x00"])


def _failure(context: unitls.ClientContext, issued: object) -> unitls.VerifyFailure | None:
    try:
        Link(context, server(issued), host=HOST).handshake()
    except unitls.CertificateVerificationError as error:
        return error.failure
    return None


def test_late_certificate_of_a_stranger() -> None:
    """A certificate that comes after the handshake is verified like any other: a stranger's ends the connection."""
    for store, is_good in ((STORE, True), (trust(IDS.server.chain[0]), False)):
        shown = identity(IDS.client)
        known = client(STORE, identities=(shown,), post_handshake_authentication=True)
        asking = server(IDS.server, trust_store=store, post_handshake_authentication=True)
        link = Link(known, asking, host=HOST).handshake()
        link.server.request_client_certificate()
        link.to_client()
        with pytest.raises(unitls.WantReadError):
            link.client.read()
        link.client.write(b"late")
        link.to_server()
        if is_good:
            assert link.server.read() == b"late"
            assert link.server.getpeercert() == IDS.client.chain[0]
            continue
        with pytest.raises(unitls.CertificateVerificationError) as caught:
            link.server.read()
        assert caught.value.failure is unitls.VerifyFailure.UNKNOWN_ISSUER
        with pytest.raises(unitls.ConnectionFault):
            link.server.write(b"nothing goes on")
