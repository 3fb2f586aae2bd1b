"""The compiled crate behind the rustls backend, and what the conformance kit does not reach."""

from __future__ import annotations

import ast
import contextlib
import gc
import inspect
import itertools
import pathlib
import random
import re
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from _rustls import BACKEND, HOST, IDS, TRUST, connected, contexts, native, raw_pair, shake, wrapped
from hypothesis import given
from hypothesis import strategies as st

import unitls
from unitls import Feature, TLSError, TLSVersion, VerifyFailure
from unitls.backends.rustls import verify
from unitls.testing._zoo_files import load_identities

CRATE = pathlib.Path(__file__).parents[2] / "rustls"
STRANGER = unitls.TrustStore.from_buffer(load_identities().client.chain[0])
"""Trusts something, but not the authority."""


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
    damaged = up.read()
    up.write(whole + damaged[:-1] + bytes([damaged[-1] ^ 1]))
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

    program = need_program("openssl")
    _, context = contexts()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(60)
        command = [program, "s_client", "-connect", f"127.0.0.1:{listener.getsockname()[1]}", version]
        command += ["-keymatexport", "EXPORTER-unitls", "-keymatexportlen", "40"]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as process:
            raw, _ = listener.accept()
            raw.settimeout(60)
            with context.wrap_socket(raw) as end:
                end.do_handshake()
                ours = end.export_keying_material(b"EXPORTER-unitls", 40, b"" if version == "-tls1_3" else None)
            output, _ = process.communicate("", timeout=60)
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


def signing_identity(sign: Callable[[int, bytes], bytes], issued: Any = IDS.server) -> unitls.Identity:
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    certificate = x509.load_der_x509_certificate(issued.chain[0])
    public = certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    chain = [unitls.Certificate.from_buffer(der) for der in issued.chain]
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
    with pytest.raises(unitls.PeerAlert) as told:
        client.handshake_step()
    assert told.value.alert is unitls.AlertDescription.INTERNAL_ERROR


def test_a_signer_that_touches_its_own_connection_does_not_hang() -> None:
    raw: list[Any] = []

    def sign(scheme: int, message: bytes) -> bytes:
        return raw[0].read(1)  # type: ignore[no-any-return]

    client, server, _, _ = raw_pair(contexts(server={"identities": (signing_identity(sign),)}))
    raw.append(server)
    with pytest.raises(native.WantRead):
        client.handshake()
    with pytest.raises(native.Error) as caught:
        server.handshake()
    assert "another call" in str(caught.value)


def test_a_read_before_the_handshake_does_not_go_on_with_it() -> None:
    """It holds the locks, and the signer would be called within them."""
    called: list[int] = []

    def sign(scheme: int, message: bytes) -> bytes:
        called.append(scheme)
        return b""

    client, server, up, _ = raw_pair(contexts(server={"identities": (signing_identity(sign),)}))
    with pytest.raises(native.WantRead):
        client.handshake()
    waiting = up.pending
    for read in (lambda: server.read(10), lambda: server.read_into(10, bytearray(10))):
        with pytest.raises(native.Error, match="handshake is not done"):
            read()
    assert (called, up.pending) == ([], waiting)


def test_a_key_that_is_empty_is_refused() -> None:
    def sign(scheme: int, message: bytes) -> bytes:
        raise AssertionError("nobody asks for a signature")

    with pytest.raises(native.Error):
        native.Identity.external([b"no certificate"], b"", [0x0403], sign)
    with pytest.raises(native.Error, match="no signature scheme"):
        native.Identity.external([IDS.server.chain[0]], b"x", [], sign)


def test_a_client_that_takes_no_signature_of_the_key_is_to_blame() -> None:
    """In TLS 1.2 the library has no word of its own for it, and sends no alert."""
    for version in (TLSVersion.TLSv1_2, TLSVersion.TLSv1_3):
        bounds = {"lower_bound": version, "upper_bound": version}
        client, server, _, _ = wrapped(contexts({**bounds, "signature_algorithms": (0x0503,)}, bounds))
        client.handshake_step()
        with pytest.raises(unitls.ProtocolViolation, match="no signature algorithm in common"):
            server.handshake_step()
        with pytest.raises(unitls.PeerAlert) as caught:
            client.handshake_step()
        assert caught.value.alert is unitls.AlertDescription.HANDSHAKE_FAILURE


def test_early_data_is_taken_before_the_handshake_only() -> None:
    made = contexts({"early_data": True, "session_cache": unitls.SessionCache()}, {"max_early_data": 1000})
    first, server, _, _ = raw_pair(made)
    for end in (first, server, first, server):
        with contextlib.suppress(native.WantRead):
            end.handshake()
    with pytest.raises(native.WantRead):
        first.read(1)
    assert first.write_early(b"too late") == 0
    client, *_ = raw_pair(made, first.take_session())
    assert client.write_early(b"in time") == 7
    with pytest.raises(native.WantRead):
        client.handshake()
    assert client.write_early(b"too late") == 0


class Program:
    """Has a context whose callbacks are its own methods: they lead in a circle."""

    def __init__(self) -> None:
        self.client, self.server = contexts(
            {"choose_certificate": self.choose},
            {
                "identities": (signing_identity(self.sign),),
                "client_authentication": unitls.ClientAuthentication.OPTIONAL,
                "trust_store": TRUST,
            },
        )
        self.ends = wrapped((self.client, self.server))

    def choose(self, authorities: tuple[bytes, ...]) -> unitls.Identity | None:
        return signing_identity(self.sign, IDS.client)

    def sign(self, scheme: int, message: bytes) -> bytes:
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        issued = IDS.client if b"client CertificateVerify" in message else IDS.server
        key: Any = serialization.load_pem_private_key(issued.key_pem, None)
        return bytes(key.sign(message, ec.ECDSA(hashes.SHA256())))


def test_callbacks_that_lead_in_a_circle_are_collected() -> None:
    program = Program()
    client, server, _, _ = program.ends
    shake(client, server)
    assert server.getpeercert() == IDS.client.chain[0]
    gone = weakref.ref(program)
    del program, client, server
    gc.collect()
    assert gone() is None


def test_the_garbage_collector_may_call_the_connection() -> None:
    """Making a list may start it, and a finalizer may call the same connection: no lock is held meanwhile."""
    client, _ = connected()
    raw, met = client._engine._raw, []

    class Finalized:
        def __init__(self) -> None:
            self.circle = self

        def __del__(self) -> None:
            met.append(raw.version())

    def work() -> None:
        kept = []  # lists that were freed would be used again, and the collector not be started
        for _ in range(200):
            gc.disable()
            for _ in range(3):
                Finalized()
            gc.enable()
            kept.append(raw.peer_chain())

    before = gc.get_threshold()
    thread = threading.Thread(target=work, daemon=True)
    gc.set_threshold(1)
    try:
        thread.start()
        thread.join(60)
    finally:
        gc.set_threshold(*before)
    assert not thread.is_alive()
    assert met


@pytest.mark.parametrize("version", [TLSVersion.TLSv1_2, TLSVersion.TLSv1_3])
def test_a_chooser_that_raises_is_the_cause_and_ends_the_handshake(version: TLSVersion) -> None:
    def choose(authorities: tuple[bytes, ...]) -> unitls.Identity | None:
        raise LookupError("no such identity")

    client, server, _, _ = wrapped(
        contexts(
            {"choose_certificate": choose, "lower_bound": version, "upper_bound": version},
            {"client_authentication": unitls.ClientAuthentication.OPTIONAL, "trust_store": TRUST},
        )
    )
    client.handshake_step()
    server.handshake_step()
    with pytest.raises(unitls.ConnectionFault, match="no such identity"):
        client.handshake_step()
    with pytest.raises(unitls.PeerAlert) as caught:
        server.handshake_step()  # it must not take the client for one that has no certificate
    assert caught.value.alert is unitls.AlertDescription.INTERNAL_ERROR


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


# ---------------------------------------------------------------------------------------------- many connections


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
    sizes = []
    for _ in range(6):
        for _ in range(200):
            step(made)
        gc.collect()
        sizes.append(resident())
    # What is lost with each connection is lost in every round; the process may grow for another reason in one of them.
    grown = [after - before for before, after in itertools.pairwise(sizes)]
    assert min(grown) < 200, grown  # KiB: a byte for each connection is a thousandth of that


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
        thread.join()
    assert not faults


TUG_OF_WAR = """
import contextlib, threading, time
from _rustls import contexts, native, raw_pair

client, server, up, down = raw_pair(contexts())
for end in (client, server, client, server):
    with contextlib.suppress(native.WantRead):
        end.handshake()
end_of_test = time.monotonic() + 0.4

def work(end, data):
    while time.monotonic() < end_of_test:
        end.write(data)
        with contextlib.suppress(native.WantRead):
            while end.read(100_000):
                pass

def look():
    while time.monotonic() < end_of_test:
        up.pending, down.pending

jobs = [(work, client, bytes(60_000)), (work, server, bytes(60_000)), (work, client, bytes(100)), (look,)]
threads = [threading.Thread(target=job[0], args=job[1:]) for job in jobs]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("done")
"""


def test_threads_on_one_connection_and_its_buffers_do_not_wait_for_each_other() -> None:
    """In a process of its own: where they do, one of them may hold the GIL."""
    command = [sys.executable, "-c", TUG_OF_WAR]
    ran = subprocess.run(command, cwd=pathlib.Path(__file__).parent, capture_output=True, text=True, timeout=100)
    assert (ran.stdout, ran.stderr) == ("done\n", "")


def test_what_is_not_claimed_has_a_reason() -> None:
    capabilities = BACKEND.capabilities
    for feature in Feature:
        assert capabilities.supports(feature) is (capabilities.reason(feature) == "")


# ---------------------------------------------------------------------------------------------- the source


def test_rustls_is_named_in_one_folder() -> None:
    outside = [path for path in (CRATE / "src").rglob("*.rs") if path.parent.name != "tls"]
    assert len(outside) > 5
    assert [path.name for path in outside if re.search(r"\brustls::", path.read_text(encoding="utf-8"))] == []


def test_only_one_file_is_unsafe() -> None:
    assert "#![deny(unsafe_code)]" in (CRATE / "src" / "lib.rs").read_text(encoding="utf-8")
    found = [
        path.name
        for path in (CRATE / "src").rglob("*.rs")
        if re.search(r"\bunsafe\b *[{ef]|allow\(unsafe", path.read_text(encoding="utf-8"))
    ]
    assert found == ["raw.rs"]


def declared() -> Iterator[tuple[str, Any, list[str]]]:
    """The functions and methods of the stubs: name, object of the module, parameters with a mark for each default."""
    tree = ast.parse((CRATE / "unitls_rustls.pyi").read_text(encoding="utf-8"))
    for node in tree.body:
        for item in node.body if isinstance(node, ast.ClassDef) else [node]:
            if isinstance(item, ast.FunctionDef):
                owner = getattr(native, node.name) if isinstance(node, ast.ClassDef) else native
                found = owner if item.name == "__init__" else getattr(owner, item.name)
                given = item.args
                plain = [argument.arg for argument in (*given.posonlyargs, *given.args) if argument.arg != "self"]
                marked = [name + "=" * (index >= len(plain) - len(given.defaults)) for index, name in enumerate(plain)]
                yield item.name, found, marked + [argument.arg for argument in given.kwonlyargs]


def test_the_stubs_are_those_of_the_module() -> None:
    names = set()
    for name, found, parameters in declared():
        names.add(name)
        if callable(found):
            real = [
                item.name + "=" * (item.default is not item.empty)
                for item in inspect.signature(found).parameters.values()
                if item.name != "self"
            ]
            assert real == parameters, name
    public = [native, native.MemoryBuffer, native.Identity, native.Session, native.Config, native.Connection]
    offered = {name for place in public for name in vars(place) if not name.startswith("_") and name != "unitls_rustls"}
    kinds = {"Error", "WantRead", "MemoryBuffer", "Identity", "Session", "Config", "Connection", "RUSTLS_VERSION"}
    assert offered | {"__init__"} == names | kinds
