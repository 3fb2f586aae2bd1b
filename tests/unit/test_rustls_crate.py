"""The compiled crate behind the rustls backend, and what the conformance kit does not reach."""

from __future__ import annotations

import contextlib
import datetime
import gc
import pathlib
import random
import re
import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import unitls
from unitls import Feature, TLSError, TLSVersion, VerifyFailure
from unitls.testing._zoo_files import load_identities

native = pytest.importorskip(
    "unitls_rustls", reason="the crate is not built: pip install ./rustls", exc_type=ImportError
)
from unitls.backends.rustls import BACKEND, verify  # noqa: E402

IDS = load_identities()
TRUST = unitls.TrustStore.from_buffer(IDS.ca_pem)
STRANGER = unitls.TrustStore.from_buffer(load_identities().client.chain[0])
"""Trusts something, but not the authority."""
HOST = "server.test"


def identity(issued: Any = IDS.server, **more: Any) -> unitls.Identity:
    chain = [unitls.Certificate.from_buffer(der) for der in issued.chain]
    return unitls.Identity(chain, unitls.PrivateKey.from_buffer(issued.key_pem), **more)


def contexts(
    client: dict[str, Any] | None = None, server: dict[str, Any] | None = None
) -> tuple[unitls.ClientContext, unitls.ServerContext]:
    ours = unitls.TLSClientConfiguration(**{"trust_store": TRUST, **(client or {})})
    theirs = unitls.TLSServerConfiguration(**{"identities": (identity(),), **(server or {})})
    return BACKEND.client_context(ours), BACKEND.server_context(theirs)


def wrapped(made: tuple[unitls.ClientContext, unitls.ServerContext]) -> tuple[Any, Any, Any, Any]:
    """A client and a server, and the buffers to the server and to the client."""
    up, down = BACKEND.memory_buffer(), BACKEND.memory_buffer()
    return made[0].wrap_buffers(down, up, HOST), made[1].wrap_buffers(up, down), up, down


def shake(client: Any, server: Any) -> None:
    for _ in range(10):
        if [end.handshake_step() for end in (client, server)] == [True, True]:
            return
    raise AssertionError("the handshake got stuck")


def connected(client: dict[str, Any] | None = None, server: dict[str, Any] | None = None) -> tuple[Any, Any]:
    one, other, _, _ = wrapped(contexts(client, server))
    shake(one, other)
    return one, other


# ---------------------------------------------------------------------------------------------- buffers


@given(st.lists(st.one_of(st.binary(max_size=3000), st.integers(-1, 4000)), max_size=30))
def test_a_buffer_is_a_queue_of_bytes(steps: list[bytes | int]) -> None:
    buffer, model = native.MemoryBuffer(), b""
    for step in steps:
        if isinstance(step, bytes):
            assert buffer.write(step) == len(step)
            model += step
        else:
            size = len(model) if step < 0 else step
            assert buffer.read(step) == model[:size]
            model = model[size:]
        assert buffer.pending == len(model)
        assert not buffer.eof
    buffer.write_eof()
    assert buffer.eof is (not model)
    with pytest.raises(ValueError, match="write_eof"):
        buffer.write(b"x")
    assert buffer.read() == model
    assert buffer.eof


def test_a_buffer_takes_every_contiguous_object() -> None:
    buffer = native.MemoryBuffer()
    words = memoryview(bytes(8)).cast("I")
    assert buffer.write(words) == 8
    assert buffer.write(bytearray(b"abc")) == 3
    assert buffer.write(memoryview(b"")) == 0
    with pytest.raises(BufferError):
        buffer.write(memoryview(b"abcdef")[::2])
    with pytest.raises(TypeError):
        buffer.write("text")
    assert buffer.read() == bytes(8) + b"abc"


def test_one_buffer_cannot_be_both() -> None:
    buffer = native.MemoryBuffer()
    client, _ = contexts()
    with pytest.raises(unitls.ConfigurationError, match="same buffer"):
        client.wrap_buffers(buffer, buffer, HOST)


# ---------------------------------------------------------------------------------------------- data


@pytest.mark.parametrize("version", [TLSVersion.TLSv1_2, TLSVersion.TLSv1_3])
def test_reads_of_every_size(version: TLSVersion) -> None:
    bounds = {"lower_bound": version, "upper_bound": version}
    client, server = connected(bounds, bounds)
    content = random.Random(1).randbytes(100_000)
    client.write(content)
    received, sizes = bytearray(), random.Random(2)
    while len(received) < len(content):
        size = sizes.choice((1, 7, 1000, 16383, 16384, 16385, 50_000))
        if sizes.random() < 0.5:
            received += server.read(size)
        else:
            target = bytearray(size)
            received += target[: server.read_into(target)]
    assert received == content
    with pytest.raises(unitls.WantReadError):
        server.read(1)


def test_what_is_left_of_a_record_stays_readable_while_writing() -> None:
    client, server = connected()
    client.write(b"a" * 20_000)
    assert server.read(10) == b"a" * 10
    server.write(b"answer")  # must not meet the records that wait
    assert client.read() == b"answer"
    assert server.read() == b"a" * 19_990


def test_a_record_in_pieces_does_not_disturb_writing() -> None:
    client, server, up, _ = wrapped(contexts())
    shake(client, server)
    client.write(b"question")
    wire = up.read()
    for octet in wire:
        up.write(bytes((octet,)))
        try:
            assert server.read() == b"question"
        except unitls.WantReadError:
            server.write(b"x")
    assert client.read() == b"x" * (len(wire) - 1)


def test_data_behind_the_handshake_is_left() -> None:
    client, server, up, _ = wrapped(contexts())
    client.handshake_step()
    server.handshake_step()
    assert client.handshake_step()
    client.write(b"early bird")
    waiting = up.pending
    assert server.handshake_step()
    assert 0 < up.pending < waiting
    assert server.read() == b"early bird"


def test_the_end_behind_data_is_asked_for() -> None:
    """A close_notify that came with data is met by the same read: what is pending says that there is more to ask for."""
    client, server, up, _ = wrapped(contexts())
    shake(client, server)
    client.write(b"last words")
    client.shutdown()
    raw = server._engine
    assert raw.read(1000) == b"last words"
    assert up.pending > 0
    assert raw.read(1000) == b""
    assert up.pending == 0


def test_a_fault_behind_data_is_given_by_the_next_read() -> None:
    client, server, up, _ = wrapped(contexts())
    shake(client, server)
    client.write(b"whole")
    whole = up.read()
    client.write(b"damaged")
    up.write(whole + up.read()[:-1] + b"?")
    raw = server._engine
    assert raw.read(1000) == b"whole"
    assert up.pending > 0
    with pytest.raises(native.Error, match="DecryptError"):
        raw.read(1000)


# ---------------------------------------------------------------------------------------------- exporters


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_exported_material_is_what_openssl_exports(
    version: str, need_program: Callable[..., str], tmp_path: pathlib.Path
) -> None:
    import socket
    import subprocess

    program = need_program("openssl")
    _, context = contexts()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)
        command = [program, "s_client", "-connect", f"127.0.0.1:{listener.getsockname()[1]}", version]
        command += ["-keymatexport", "EXPORTER-unitls", "-keymatexportlen", "40"]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as process:
            raw, _ = listener.accept()
            raw.settimeout(10)
            with context.wrap_socket(raw) as end:
                end.do_handshake()
                ours = end.export_keying_material(b"EXPORTER-unitls", 40, b"" if version == "-tls1_3" else None)
            output, _ = process.communicate("", timeout=10)
    theirs = re.search(r"Keying material: ([0-9A-F]+)", output)
    assert theirs is not None
    assert ours.hex().upper() == theirs[1]


def test_an_exporter_refuses_what_it_cannot_do() -> None:
    client, _ = connected()
    with pytest.raises(unitls.ConfigurationError):
        client.export_keying_material(b"EXPORTER-x", 255 * 48 + 1)
    with pytest.raises(unitls.ConfigurationError):
        client.export_keying_material(b"x" * 250, 32)


# ---------------------------------------------------------------------------------------------- callbacks


def signing_identity(sign: Callable[[int, bytes], bytes]) -> unitls.Identity:
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    certificate = x509.load_der_x509_certificate(IDS.server.chain[0])
    public = certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    chain = [unitls.Certificate.from_buffer(der) for der in IDS.server.chain]
    return unitls.Identity(chain, unitls.PrivateKey.from_signer(public, sign))


def test_what_a_signer_raises_is_the_cause() -> None:
    def sign(scheme: int, message: bytes) -> bytes:
        raise LookupError("the token was pulled out")

    client, server, _, _ = wrapped(contexts(server={"identities": (signing_identity(sign),)}))
    client.handshake_step()
    with pytest.raises(unitls.ConnectionFault, match="pulled out") as caught:
        server.handshake_step()
    assert isinstance(caught.value.__cause__, native.Error)
    assert isinstance(caught.value.__cause__.__cause__, LookupError)


def test_a_signer_that_touches_its_own_connection_does_not_hang() -> None:
    raw: list[Any] = []

    def sign(scheme: int, message: bytes) -> bytes:
        return raw[0].read(1)  # type: ignore[no-any-return]

    made = contexts(server={"identities": (signing_identity(sign),)})
    up, down = BACKEND.memory_buffer(), BACKEND.memory_buffer()
    client = made[0].wrap_buffers(down, up, HOST)
    client.handshake_step()
    # The native object, without core's lock around it.
    raw.append(native.Connection(made[1]._natives.get(0, True).config, up, down))  # type: ignore[attr-defined]
    with pytest.raises(native.Error) as caught:
        raw[0].handshake()
    assert "another call" in str(caught.value)


def test_a_chooser_that_raises_is_the_cause() -> None:
    def choose(authorities: tuple[bytes, ...]) -> unitls.Identity | None:
        raise LookupError("no such identity")

    client, server, _, _ = wrapped(
        contexts(
            {"choose_certificate": choose},
            {"client_authentication": unitls.ClientAuthentication.REQUIRED, "trust_store": TRUST},
        )
    )
    client.handshake_step()
    server.handshake_step()
    with pytest.raises(unitls.ConnectionFault, match="no such identity"):
        client.handshake_step()


# ---------------------------------------------------------------------------------------------- refused certificates


@pytest.mark.parametrize(
    ("code", "failure"),
    [
        ("CertExpired", VerifyFailure.EXPIRED),
        ("UnknownIssuer", VerifyFailure.UNKNOWN_ISSUER),
        ("CertRevoked", VerifyFailure.REVOKED),
        ("CaUsedAsEndEntity", VerifyFailure.BAD_PURPOSE),
        ("NameConstraintViolation", VerifyFailure.INVALID),
        ("CrlExpired", VerifyFailure.OTHER),
        ("UnsupportedCrlVersion", VerifyFailure.OTHER),
        ("SomethingNew", VerifyFailure.INVALID),
    ],
)
def test_the_verifiers_words(code: str, failure: VerifyFailure) -> None:
    assert verify.failure_of(code) is failure


# ---------------------------------------------------------------------------------------------- OCSP


OCSP_SIGNING = ("2.5.29.37", False, bytes.fromhex("300a06082b06010505070309"))
"""The extended key usage that appoints a responder (RFC 6960 section 4.2.2.2)."""


def loaded(issued: Any) -> tuple[Any, Any]:
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    certificate = x509.load_der_x509_certificate(issued.chain[0])
    return certificate, serialization.load_pem_private_key(issued.key_pem, None)


class Responder:
    """Makes OCSP responses about a leaf of its own authority."""

    def __init__(self) -> None:
        from cryptography import x509
        from cryptography.hazmat.primitives import serialization

        from unitls.testing._ca import CertificateAuthority

        self.authority = CertificateAuthority.create()
        self.issued = self.authority.issue(dns_names=[HOST])
        self.leaf = x509.load_der_x509_certificate(self.issued.chain[0])
        self.issuer = x509.load_der_x509_certificate(self.authority.certificate_der)
        self.key: Any = serialization.load_pem_private_key(self.authority.key_pem, None)

    def response(
        self, status: str = "GOOD", age: int = 1, life: int = 5, leaf: Any = None, signer: Any = None
    ) -> bytes:
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.x509 import ocsp

        now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
        revoked = status == "REVOKED"
        builder = ocsp.OCSPResponseBuilder().add_response(
            cert=leaf or self.leaf,
            issuer=self.issuer,
            algorithm=hashes.SHA256(),
            cert_status=ocsp.OCSPCertStatus[status],
            this_update=now - datetime.timedelta(days=age),
            next_update=now + datetime.timedelta(days=life),
            revocation_time=now if revoked else None,
            revocation_reason=None,
        )
        certificate, key = (self.issuer, self.key) if signer is None else loaded(signer)
        if signer is not None:
            builder = builder.certificates([certificate])
        signed = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, certificate).sign(key, hashes.SHA256())
        return signed.public_bytes(serialization.Encoding.DER)

    def shake(self, response: bytes | None) -> Any:
        trust = unitls.TrustStore.from_buffer(self.authority.certificate_der)
        ours = {"trust_store": trust, "request_ocsp": True}
        client, _ = connected(ours, {"identities": (identity(self.issued, ocsp_response=response),)})
        return client


@pytest.fixture(scope="module")
def responder() -> Responder:
    pytest.importorskip("cryptography")
    return Responder()


def test_a_good_ocsp_response_is_accepted_and_told(responder: Responder) -> None:
    response = responder.response()
    assert responder.shake(response).ocsp_response() == response


def test_an_appointed_responder_may_sign(responder: Responder) -> None:
    appointed = responder.authority.issue(common_name="responder", purposes=(), extensions=[OCSP_SIGNING])
    assert responder.shake(responder.response(signer=appointed)).ocsp_response()


def stranger(responder: Responder) -> Any:
    from unitls.testing._ca import CertificateAuthority

    return CertificateAuthority.create().issue(common_name="stranger", purposes=(), extensions=[OCSP_SIGNING])


@pytest.mark.parametrize(
    ("make", "failure"),
    [
        (lambda it: None, VerifyFailure.OTHER),
        (lambda it: b"garbage", VerifyFailure.OTHER),
        (lambda it: it.response("REVOKED"), VerifyFailure.REVOKED),
        (lambda it: it.response("UNKNOWN"), VerifyFailure.OTHER),
        (lambda it: it.response(age=9, life=-2), VerifyFailure.OTHER),
        (lambda it: it.response(age=-1), VerifyFailure.OTHER),
        (lambda it: it.response(leaf=it.issuer), VerifyFailure.OTHER),
        (lambda it: it.response(signer=stranger(it)), VerifyFailure.OTHER),
        (lambda it: it.response(signer=it.issued), VerifyFailure.OTHER),
    ],
    ids=[
        "none",
        "garbage",
        "revoked",
        "unknown",
        "old",
        "of-tomorrow",
        "of-another",
        "signed-by-a-stranger",
        "signed-by-itself",
    ],
)
def test_any_other_ocsp_response_is_refused(responder: Responder, make: Any, failure: VerifyFailure) -> None:
    with pytest.raises(unitls.CertificateVerificationError) as caught:
        responder.shake(make(responder))
    assert caught.value.failure is failure


# ---------------------------------------------------------------------------------------------- robustness


def flights() -> list[tuple[bool, bytes]]:
    """What each end sends in a handshake and a little data: (is from the client, bytes)."""
    client, server, up, down = wrapped(contexts())
    sent = []
    for end, buffer, peer in ((client, up, up), (server, down, down), (client, up, up), (server, down, down)):
        end.handshake_step()
        wire = buffer.read()
        sent.append((end is client, wire))
        peer.write(wire)
    return sent


def damaged(wire: bytes, chance: random.Random) -> bytes:
    data = bytearray(wire)
    for _ in range(chance.randint(1, 3)):
        position, kind = chance.randrange(len(data) or 1), chance.randrange(5)
        if not data:
            break
        if kind == 0:
            data[position] ^= 1 << chance.randrange(8)
        elif kind == 1:
            del data[position:]
        elif kind == 2:
            data[position:position] = chance.randbytes(chance.randint(1, 40))
        elif kind == 3:
            del data[position : position + chance.randint(1, 40)]
        else:
            data[position] = chance.choice((0, 1, 0x14, 0x15, 0x16, 0x17, 0x7F, 0xFF))
    return bytes(data)


@pytest.mark.parametrize("seed", range(8))
def test_damaged_flights_end_in_our_errors(seed: int) -> None:
    chance = random.Random(seed)
    made = contexts()
    for round_ in range(40):
        client, server, up, down = wrapped(made)
        broken = round_ % 4
        try:
            for index, (end, buffer) in enumerate(((client, up), (server, down), (client, up), (server, down))):
                end.handshake_step()
                if index == broken:
                    buffer.write(damaged(buffer.read(), chance))
            client.write(b"x" * 500)
            wire = up.read()
            up.write(damaged(wire, chance) if broken == 3 else wire)
            server.read()
            client.read()
        except (TLSError, OSError):
            pass  # ours, or success: never a panic, nor an exception of the crate


def test_random_bytes_end_in_our_errors() -> None:
    chance, (client, server) = random.Random(0), contexts()
    for _ in range(200):
        incoming = BACKEND.memory_buffer()
        for victim in (
            client.wrap_buffers(incoming, BACKEND.memory_buffer(), HOST),
            server.wrap_buffers(BACKEND.memory_buffer(), BACKEND.memory_buffer()),
        ):
            victim.feed(bytes((22, 3, 3)) + chance.randbytes(chance.randint(0, 300)))  # type: ignore[attr-defined]
            with contextlib.suppress(TLSError):
                victim.handshake_step()  # type: ignore[attr-defined]


def resident() -> int:
    try:
        status = pathlib.Path("/proc/self/status").read_text()
    except OSError:
        pytest.skip("this system does not tell how much memory a process has")
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1])  # type: ignore[index]


def _handshake(made: Any) -> None:
    client, server, _, _ = wrapped(made)
    shake(client, server)
    client.write(b"x" * 20_000)
    server.read()


def _failure(made: Any) -> None:
    client, server, _, _ = wrapped(made)
    with pytest.raises(TLSError):
        shake(client, server)


@pytest.mark.parametrize("fails", [False, True], ids=["handshakes", "failures"])
def test_memory_does_not_grow(fails: bool) -> None:
    made = contexts({"trust_store": STRANGER} if fails else None)
    step = _failure if fails else _handshake
    for _ in range(200):
        step(made)
    gc.collect()
    before = resident()
    for _ in range(1000):
        step(made)
    gc.collect()
    assert resident() - before < 1024  # KiB: a byte for each connection is a thousandth of that


def test_threads_on_one_context() -> None:
    made, faults = contexts(), []

    def work() -> None:
        try:
            for _ in range(20):
                _handshake(made)
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not faults
    assert not any(thread.is_alive() for thread in threads)


def test_what_is_not_claimed_has_a_reason() -> None:
    capabilities = BACKEND.capabilities
    for feature in Feature:
        assert capabilities.supports(feature) is (capabilities.reason(feature) == "")
