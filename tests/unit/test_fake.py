from __future__ import annotations

import pytest
from _link import IDS, Link, client_context, identity, open_link, server_context

import unitls
from unitls.core._client_hello import ClientHelloReader
from unitls.core._provider import ConnectionPlan
from unitls.core._settings import Settings
from unitls.testing import _fake_wire as wire
from unitls.testing._fake import (
    FakeBuffer,
    FakeEngine,
    FakeFault,
    FakeProvider,
    FakeViolation,
    Outcome,
    Script,
    fake_backend,
)


def bare_engine(script: Script | None = None) -> tuple[FakeEngine, FakeBuffer, FakeBuffer]:
    """An engine that takes data without a handshake."""
    incoming, outgoing = FakeBuffer(), FakeBuffer()
    settings = Settings(unitls.TLSClientConfiguration(), server_side=False)
    engine = FakeProvider(script).engine(settings, ConnectionPlan(False), incoming, outgoing)
    return engine, incoming, outgoing


def test_data_is_sealed_and_a_changed_byte_is_found() -> None:
    sealed = wire.seal(b"attack at dawn")
    assert b"attack" not in sealed
    assert wire.unseal(sealed) == b"attack at dawn"
    for index in range(len(sealed)):
        damaged = bytearray(sealed)
        damaged[index] ^= 1
        assert wire.unseal(bytes(damaged)) is None


def test_core_reads_the_hello_that_the_fake_sends() -> None:
    raw = wire.client_hello(
        versions=(0x0304, 0x0303), suites=(0x1301,), server_name="a.test", alpn=(b"h2",), ticket=b"t" * 16
    )
    hello = ClientHelloReader().feed(raw)
    assert hello is not None
    assert (hello.versions, hello.cipher_suites) == ((0x0304, 0x0303), (0x1301,))
    assert (hello.server_name, hello.alpn) == (b"a.test", (b"h2",))
    assert wire.ticket_of(raw[5:]) == b"t" * 16


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"chain": 1}', b'{"chain": ["!"]}', b"\xff"])
def test_a_damaged_message_is_none(body: bytes) -> None:
    assert wire.load(body) is None


def test_the_handshake_agrees_on_everything() -> None:
    link = open_link(
        client=client_context(inner_protocols=(b"spdy", b"h2")), server=server_context(inner_protocols=(b"h2",))
    )
    for end in (link.client, link.server):
        assert end.negotiated_tls_version is unitls.TLSVersion.TLSv1_3
        assert end.cipher() is unitls.CipherSuite.TLS_AES_128_GCM_SHA256
        assert end.negotiated_protocol() is unitls.NextProtocol.H2
        assert end.group is unitls.NamedGroup.X25519
    assert link.client.getpeercert() == IDS.server.chain[0]
    assert link.server.server_name == "server.test"


def test_each_operation_follows_its_turns() -> None:
    called: list[str] = []
    script = Script(turns={"write": [Outcome.WANT_READ, None, lambda: called.append("write"), ValueError("x")]})
    engine, _, outgoing = bare_engine(script)
    with pytest.raises(FakeFault) as caught:
        engine.write(b"a")
    assert caught.value.outcome is Outcome.WANT_READ
    assert not outgoing.pending
    assert engine.write(b"a") == 1
    assert engine.write(b"b") == 1
    assert called == ["write"]
    with pytest.raises(ValueError, match="x"):
        engine.write(b"c")
    assert engine.write(b"c") == 1


def test_a_fault_stays_and_a_signal_does_not() -> None:
    engine, incoming, _ = bare_engine(Script(turns={"read": [Outcome.WANT_WRITE, Outcome.VIOLATION]}))
    incoming.write(wire.record(wire.DATA, wire.seal(b"x")))
    for outcome in (Outcome.WANT_WRITE, Outcome.VIOLATION, Outcome.VIOLATION):
        with pytest.raises(FakeFault) as caught:
            engine.read(1)
        assert caught.value.outcome is outcome


def test_close_notify_is_met_at_every_read() -> None:
    for empty in (False, True):
        engine, incoming, _ = bare_engine(Script(clean_end_is_empty=empty))
        incoming.write(wire.record(wire.ALERT, wire.CLOSE_NOTIFY))
        for _ in range(2):
            if empty:
                assert engine.read(9) == b""
            else:
                with pytest.raises(FakeFault) as caught:
                    engine.read(9)
                assert caught.value.outcome is Outcome.CLOSED
        assert engine.write(b"still open") == 10


def test_records_may_come_byte_by_byte() -> None:
    engine, incoming, _ = bare_engine()
    for octet in wire.record(wire.DATA, wire.seal(b"hello")):
        with pytest.raises(FakeFault) as caught:
            engine.read(9)
        assert caught.value.outcome is Outcome.WANT_READ
        incoming.write(bytes((octet,)))
    assert engine.read(2) == b"he"
    assert engine.pending() == 3
    buffer = bytearray(8)
    assert engine.read_into(8, buffer) == 3
    assert buffer == b"llo" + bytes(5)


@pytest.mark.parametrize(
    ("record", "alert"),
    [
        (wire.record(wire.DATA, b"x" * 40), 20),
        (wire.record(99, b""), 10),
        (bytes((wire.DATA, 3, 3, 0xFF, 0xFF)), 22),
    ],
)
def test_bad_records_are_answered_with_an_alert(record: bytes, alert: int) -> None:
    engine, incoming, outgoing = bare_engine()
    incoming.write(record)
    with pytest.raises(FakeFault) as caught:
        engine.read(9)
    assert caught.value.outcome is Outcome.VIOLATION
    assert outgoing.read() == wire.fatal(alert)


def test_the_end_of_the_transport_is_one_of_two_outcomes() -> None:
    for quiet, outcome in ((False, Outcome.RAGGED), (True, Outcome.WANT_READ)):
        engine, incoming, _ = bare_engine(Script(end_is_want_read=quiet))
        incoming.write_eof()
        with pytest.raises(FakeFault) as caught:
            engine.read(1)
        assert caught.value.outcome is outcome


def test_a_key_update_is_answered_once() -> None:
    link = open_link()
    link.client.update_keys()
    link.client.write(b"x")
    link.to_server()
    assert link.server.read() == b"x"
    assert link.to_client()[:1] == bytes((wire.KEY_UPDATE,))
    with pytest.raises(unitls.WantReadError):
        link.client.read()
    assert not link.client_out.pending


def test_calls_at_the_same_time_are_an_error() -> None:
    script = Script()
    engine, _, _ = bare_engine(script)
    script.turns["write"] = [lambda: engine.write(b"inner")]
    with pytest.raises(AssertionError, match="under way"):
        engine.write(b"outer")


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        (Outcome.WANT_READ, unitls.WantReadError),
        (Outcome.WANT_WRITE, unitls.WantWriteError),
        (Outcome.RAGGED, unitls.RaggedEOF),
        (Outcome.ALERT, unitls.PeerAlert),
        (Outcome.UNVERIFIED, unitls.CertificateVerificationError),
        (Outcome.VIOLATION, FakeViolation),
        (Outcome.BUG, unitls.InternalTLSError),
        (Outcome.CLOSED, None),
    ],
)
def test_every_outcome_is_translated(outcome: Outcome, kind: type[unitls.TLSError] | None) -> None:
    error = FakeProvider().translate(FakeFault(outcome))
    assert (None if error is None else type(error)) is kind


def test_rounds_late_chains_and_scripted_answers() -> None:
    script = Script(rounds=3)
    link = open_link(client=client_context(Script(chain_is_late=True, version=0x0303)), server=server_context(script))
    assert link.client.negotiated_tls_version is unitls.TLSVersion.TLSv1_2
    assert link.server.negotiated_tls_version is unitls.TLSVersion.TLSv1_3


def test_the_library_verdict_comes_from_the_anchors() -> None:
    other = unitls.TrustStore.from_buffer(IDS.client.certificate_pem)
    link = Link(client_context(trust_store=other))
    with pytest.raises(unitls.CertificateVerificationError) as caught:
        link.handshake()
    assert caught.value.failure is unitls.VerifyFailure.UNKNOWN_ISSUER
    open_link(client=client_context(Script(trusts_all=True), trust_store=other))


def test_a_server_can_ask_for_a_certificate() -> None:
    server = server_context(trust_store=unitls.TrustStore.from_buffer(IDS.ca_pem), validate_certificates=True)
    link = open_link(client=client_context(identities=(identity(IDS.client),)), server=server)
    assert link.server.getpeercert() == IDS.client.chain[0]
    with pytest.raises(unitls.CertificateVerificationError, match="no certificate"):
        Link(server=server).handshake()


def test_nothing_in_common_ends_the_handshake() -> None:
    server = server_context(upper_bound=unitls.TLSVersion.TLSv1_2)
    with pytest.raises(FakeViolation, match="nothing in common"):
        Link(client_context(lower_bound=unitls.TLSVersion.TLSv1_3), server).handshake()
    with pytest.raises(FakeViolation, match="nothing in common"):
        Link(client_context(ciphers=(0x1301,)), server_context(ciphers=(0x1302,))).handshake()


def test_a_backend_of_its_own_each_time() -> None:
    first, second = fake_backend(), fake_backend(Script(short_write=1))
    assert first is not second
    assert first.client_context().backend is first
    assert second.server_context().backend is second
    assert not first.capabilities.supports(unitls.Feature.ECH)
    lacking = fake_backend(FakeProvider(lacks=frozenset({unitls.Feature.ALPN})))
    assert not lacking.capabilities.supports(unitls.Feature.ALPN)
