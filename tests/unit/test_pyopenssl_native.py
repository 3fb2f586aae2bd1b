"""The edge of pyOpenSSL: its buffers, its error queue, its sessions, and that nothing needs a file or the `ssl` module."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import unitls
from unitls import AlertDescription, PeerAlert, ProtocolViolation, RaggedEOF, VerifyFailure
from unitls.core._der import INTEGER, OCTET_STRING, SEQUENCE, encode
from unitls.testing._zoo_files import load_identities

pytest.importorskip("OpenSSL", reason="pyOpenSSL is not installed")
from unitls.backends.pyopenssl import BACKEND, _sessions, ciphers, errors, native, verify
from unitls.backends.pyopenssl._buffer import MemoryBuffer

IDS = load_identities()
TRUST = unitls.TrustStore.from_buffer(IDS.ca_pem)
HOST = "server.test"


def identity(issued: Any = IDS.server, **more: Any) -> unitls.Identity:
    chain = [unitls.Certificate.from_buffer(der) for der in issued.chain]
    return unitls.Identity(chain, unitls.PrivateKey.from_buffer(issued.key_pem), **more)


def wrapped(up: Any, down: Any) -> tuple[Any, Any]:
    """A client and a server over the buffers to the server and to the client."""
    client = BACKEND.client_context(unitls.TLSClientConfiguration(trust_store=TRUST))
    server = BACKEND.server_context(unitls.TLSServerConfiguration(identities=(identity(),)))
    return client.wrap_buffers(down, up, HOST), server.wrap_buffers(up, down)


@pytest.fixture(autouse=True)
def _nothing_in_the_queue() -> None:
    """OpenSSL's queue of errors belongs to the thread: what other tests have left there is not told of here."""
    native.ERR_clear_error()


def shake(client: Any, server: Any) -> None:
    for _ in range(10):
        if [end.handshake_step() for end in (client, server)] == [True, True]:
            return
    raise AssertionError("the handshake got stuck")


# ---------------------------------------------------------------------------------------------- without ssl and files


def test_it_works_without_the_ssl_module() -> None:
    """Neither pyOpenSSL nor cryptography imports it for what is needed here."""
    code = """
import sys
sys.modules["ssl"] = sys.modules["_ssl"] = None
import unitls
from unitls.testing._zoo_files import load_identities
ids = load_identities()
backend = unitls.get_backend("pyopenssl")
trust = unitls.TrustStore.from_buffer(ids.ca_pem)
chain = [unitls.Certificate.from_buffer(der) for der in ids.server.chain]
mine = unitls.Identity(chain, unitls.PrivateKey.from_buffer(ids.server.key_pem))
up, down = backend.memory_buffer(), backend.memory_buffer()
client = backend.client_context(unitls.TLSClientConfiguration(trust_store=trust)).wrap_buffers(down, up, "server.test")
server = backend.server_context(unitls.TLSServerConfiguration(identities=(mine,))).wrap_buffers(up, down)
while not all([end.handshake_step() for end in (client, server)]):
    pass
client.write(b"without ssl")
print(server.read(100).decode())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100)
    assert done.stdout == "without ssl\n", done.stderr


def test_no_key_touches_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is opened for writing, and no file is made, while an identity is loaded and used."""
    import tempfile

    def forbidden(*args: Any, **keywords: Any) -> None:
        raise AssertionError("a file is made")

    for module, name in ((os, "memfd_create"), (tempfile, "mkstemp"), (os, "open")):
        if hasattr(module, name):
            monkeypatch.setattr(module, name, forbidden)
    up, down = MemoryBuffer(), MemoryBuffer()
    client, server = wrapped(up, down)
    shake(client, server)


def test_an_unsuitable_build_says_what_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    class Poorer:
        def __getattr__(self, name: str) -> Any:
            if name == "SSL_get0_verified_chain":
                raise AttributeError(name)
            return getattr(real, name)

    real = native.lib
    monkeypatch.setattr(native, "lib", Poorer())
    with pytest.raises(ImportError, match="SSL_get0_verified_chain"):
        native._check()


def test_another_library_is_not_taken_for_openssl(monkeypatch: pytest.MonkeyPatch) -> None:
    class Other:
        def __getattr__(self, name: str) -> Any:
            if name == "OpenSSL_version":
                return lambda kind: native.ffi.new("char[]", b"LibreSSL 4.1.0")
            return getattr(real, name)

    real = native.lib
    monkeypatch.setattr(native, "lib", Other())
    with pytest.raises(ImportError, match="another library"):
        native._check()


# ---------------------------------------------------------------------------------------------- buffers


@pytest.mark.parametrize("attached", [False, True])
@given(steps=st.lists(st.one_of(st.binary(max_size=3000), st.integers(-1, 4000)), max_size=30))
def test_a_buffer_is_a_queue_of_bytes(attached: bool, steps: list[bytes | int]) -> None:
    buffer, model = MemoryBuffer(), b""
    for index, step in enumerate(steps):
        if attached and index == len(steps) // 2:
            ssl, reads, _, _ = native.new_connection(native.SSL.Context(native.SSL.TLS_CLIENT_METHOD), False)
            buffer.attach_reader(reads, ssl)
        if isinstance(step, bytes):
            assert buffer.write(step) == len(step)
            model += step
        else:
            size = len(model) if step < 0 else step
            assert buffer.read(step) == model[:size]
            model = model[size:]
        assert buffer.pending == len(model)
    buffer.write_eof()
    assert buffer.eof == (not model)
    with pytest.raises(unitls.ConfigurationError):
        buffer.write(b"x")


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_a_buffer_takes_every_kind_of_bytes(kind: Any) -> None:
    buffer = MemoryBuffer()
    client, _ = wrapped(MemoryBuffer(), buffer)
    assert client is not None
    assert buffer.write(kind(b"abc")) == 3
    assert buffer.read() == b"abc"
    assert "pending=0" in repr(buffer)


@pytest.mark.parametrize("late", [False, True])
def test_two_connections_share_two_buffers(late: bool) -> None:
    """What one writes is what the other reads, whichever is there first, and a program may look in between."""
    up, down = MemoryBuffer(), MemoryBuffer()
    client, server = wrapped(up, down)
    if late:
        client.handshake_step()
        hello = up.read()
        assert hello[:1] == b"\x16"
        up.write(hello)
    shake(client, server)
    data = bytes(range(256)) * 1000
    sent = 0
    got = b""
    while sent < len(data):
        sent += client.write(data[sent:])
        got += server.read()
    assert got == data
    client.shutdown()
    assert server.read() == b""


def test_a_buffer_outlives_its_connection() -> None:
    """The memory belongs to the connection, which lives as long as a buffer needs it."""
    up, down = MemoryBuffer(), MemoryBuffer()
    client, server = wrapped(up, down)
    shake(client, server)
    client.write(b"last words")
    del client, server
    assert up.read()[:1] == b"\x17"
    assert up.write(b"more") == 4
    assert up.read() == b"more"


# ---------------------------------------------------------------------------------------------- errors


def fill_the_queue() -> None:
    """Leave an error behind, as somebody else in this thread may."""
    context: Any = native.SSL.Context(native.SSL.TLS_CLIENT_METHOD)._context
    assert native.lib.SSL_CTX_set_cipher_list(context, b"nothing") != 1
    assert native.ERR_peek_error()


def test_foreign_errors_in_the_queue_do_not_matter() -> None:
    """OpenSSL's queue belongs to the thread, and SSL_get_error believes what is in it."""
    up, down = MemoryBuffer(), MemoryBuffer()
    client, server = wrapped(up, down)
    for _ in range(10):
        done = []
        for end in (client, server):
            fill_the_queue()
            done.append(end.handshake_step())
        if all(done):
            break
    fill_the_queue()
    client.write(b"hello")
    fill_the_queue()
    assert server.read(10) == b"hello"
    fill_the_queue()
    with pytest.raises(unitls.WantReadError):
        server.read(10)
    fill_the_queue()
    server.shutdown()
    fill_the_queue()
    assert client.read(10) == b""
    native.ERR_clear_error()


def made(reason: str, code: int = 0, *, is_tls: bool = True, **more: Any) -> native.Error:
    error = native.Error([("SSL routines", "", reason.lower().replace("_", " "))])
    error.reason, error.code, error.is_tls = reason, code, is_tls
    for name, value in more.items():
        setattr(error, name, value)
    return error


def test_an_alert_is_known_by_its_number() -> None:
    found = errors.translate(made("TLSV1_ALERT_UNKNOWN_CA", 1048))
    assert isinstance(found, PeerAlert)
    assert (found.alert, found.native_code) == (AlertDescription.UNKNOWN_CA, 1048)
    assert isinstance(errors.translate(made("TLSV1_ALERT_UNHEARD_OF", 1255)), ProtocolViolation)
    assert not isinstance(errors.translate(made("ANOTHER_REASON", 1048, is_tls=False)), PeerAlert)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (native.SSL.WantReadError(), unitls.WantReadError),
        (native.SSL.WantWriteError(), unitls.WantWriteError),
        (native.SSL.ZeroReturnError(), type(None)),
        (native.SSL.SysCallError(-1, "Unexpected EOF"), unitls.InternalTLSError),
        (made("UNEXPECTED_EOF_WHILE_READING", 294), RaggedEOF),
        (made("INTERNAL_ERROR"), unitls.ConnectionFault),
        (made("MALLOC_FAILURE"), unitls.InternalTLSError),
        (made("NO_SHARED_CIPHER", 193), ProtocolViolation),
        (made("PEER_DID_NOT_RETURN_A_CERTIFICATE", 199), unitls.CertificateVerificationError),
        (made("CERTIFICATE_VERIFY_FAILED", 134, verify_code=10), unitls.CertificateVerificationError),
        (native.callback_error(OSError("full")), unitls.ConnectionFault),
        (native.Error([]), ProtocolViolation),
    ],
)
def test_every_error_has_a_class_of_ours(error: Exception, kind: type[Any]) -> None:
    found = errors.translate(error)
    assert isinstance(found, kind)
    if found is not None:
        assert isinstance(found, errors.PyOpenSSLError)


def test_the_queue_becomes_one_error() -> None:
    fill_the_queue()
    error = native.queued_error()
    assert (error.reason, error.code, error.is_tls) == ("NO_CIPHER_MATCH", 185, True)
    assert error.args == ([("SSL routines", "", "no cipher match")],)
    assert not native.ERR_peek_error()
    assert native.queued_error().args == ([],)


def test_verification_codes_are_openssl_s_own() -> None:
    """The table has numbers; where the binding knows the names, they agree."""
    for name, failure in (
        ("CERT_HAS_EXPIRED", VerifyFailure.EXPIRED),
        ("CERT_NOT_YET_VALID", VerifyFailure.NOT_YET_VALID),
        ("DEPTH_ZERO_SELF_SIGNED_CERT", VerifyFailure.SELF_SIGNED),
        ("UNABLE_TO_GET_ISSUER_CERT_LOCALLY", VerifyFailure.UNKNOWN_ISSUER),
        ("CERT_REVOKED", VerifyFailure.REVOKED),
        ("INVALID_PURPOSE", VerifyFailure.BAD_PURPOSE),
        ("PERMITTED_VIOLATION", VerifyFailure.INVALID),
        ("PATH_LENGTH_EXCEEDED", VerifyFailure.INVALID),
        ("UNABLE_TO_GET_CRL", VerifyFailure.OTHER),
    ):
        assert verify.failure_of(getattr(native.lib, f"X509_V_ERR_{name}")) is failure, name
    assert verify.failure_of(12345) is VerifyFailure.OTHER


# ---------------------------------------------------------------------------------------------- suites, groups, sessions


def test_suites_and_groups_are_openssl_s() -> None:
    assert ciphers.available()[0x1301] == "TLS_AES_128_GCM_SHA256"
    assert ciphers.available()[0xC02B] == "ECDHE-ECDSA-AES128-GCM-SHA256"
    assert set(ciphers.default()) <= set(ciphers.available())
    assert ciphers.group_of("x25519") == 29
    assert ciphers.group_of("X25519") == 29
    assert ciphers.group_of(None) is None
    assert ciphers.group_of("nothing") is None
    assert ciphers.schemes()[0x0403] == "ecdsa_secp256r1_sha256"
    assert not native.ERR_peek_error()


def number(value: int) -> bytes:
    return encode(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def session(version: int, identifier: bytes, **further: int | bytes) -> bytes:
    tags = {"time": 0xA1, "timeout": 0xA2, "hint": 0xA9, "ticket": 0xAA}
    fields = [
        encode(tags[name], number(x) if isinstance(x, int) else encode(OCTET_STRING, x)) for name, x in further.items()
    ]
    fixed = (number(1), number(version), encode(OCTET_STRING, b"\x13\x01"), encode(OCTET_STRING, identifier))
    return encode(SEQUENCE, *fixed, encode(OCTET_STRING, bytes(48)), *fields)


def test_the_end_of_a_session_is_read_from_its_encoding() -> None:
    assert _sessions.expiry(session(0x0304, b"", time=1000, timeout=300, hint=200, ticket=b"t")) == 1200
    assert _sessions.expiry(session(0x0304, b"", time=1000, timeout=300, ticket=b"t")) == 1300
    assert _sessions.expiry(session(0x0304, b"i", time=1000, timeout=300)) is None, "no ticket has come yet"
    assert _sessions.expiry(session(0x0303, b"i", time=1000, timeout=300)) == 1300
    assert _sessions.expiry(session(0x0303, b"", time=1000, timeout=300)) is None
