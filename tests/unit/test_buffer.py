from __future__ import annotations

import contextlib
import dataclasses
from typing import Any

import pytest
from _link import IDS, TRUST, Link, client_context, identity, open_link, server_context, step
from hypothesis import given
from hypothesis import strategies as st

import unitls
from unitls import MemoryBuffer
from unitls.core import _reading
from unitls.core._reading import MAX_BARREN, RECORD
from unitls.core._writing import MAX_WRITE
from unitls.testing import _fake_wire as wire
from unitls.testing._fake import FakeProvider, FakeViolation, Outcome, Script

OVERHEAD = 5 + wire.TAG


def data_record(plaintext: bytes) -> bytes:
    return wire.record(wire.DATA, wire.seal(plaintext))


# ---------------------------------------------------------------------------------------------- reading


def test_read_gives_up_to_amt_and_keeps_the_rest() -> None:
    link = open_link()
    link.client.write(b"hello world")
    link.to_server()
    assert link.server.read(5) == b"hello"
    assert link.server.pending() == 6
    assert link.server.read(100) == b" world"
    assert link.server.pending() == 0


def test_read_without_amt_gives_all_that_is_there() -> None:
    link = open_link()
    for part in (b"one ", b"two ", b"three"):
        link.client.write(part)
    link.to_server()
    assert link.server.read(None) == b"one two three"
    with pytest.raises(unitls.WantReadError):
        link.server.read()


def test_read_with_amt_gives_one_record_at_most() -> None:
    link = open_link()
    for part in (b"abc", b"defg", b"hij"):
        link.client.write(part)
    link.to_server()
    assert link.server.read(2) == b"ab"
    assert link.server.read(1000) == b"c"
    assert link.server.read(1000) == b"defg"
    assert link.server.read() == b"hij"


def test_what_is_decrypted_already_counts_without_amt() -> None:
    link = open_link()
    link.client.write(b"x" * 100)
    link.to_server()
    assert link.server.read(1) == b"x"
    assert link.server.read() == b"x" * 99


def test_a_record_in_pieces_wants_more_and_then_comes_whole() -> None:
    link = open_link()
    link.client.write(b"pieces")
    wire_bytes = link.client_out.read()
    for octet in wire_bytes[:-1]:
        link.server_in.write(bytes((octet,)))
        with pytest.raises(unitls.WantReadError):
            link.server.read()
    link.server_in.write(wire_bytes[-1:])
    assert link.server.read() == b"pieces"


@pytest.mark.parametrize("amt", [0, None, 1])
def test_nothing_there(amt: int | None) -> None:
    link = open_link()
    if amt == 0:
        assert link.server.read(0) == b""
        assert link.server.read_into(bytearray(5), 0) == 0
    else:
        with pytest.raises(unitls.WantReadError):
            link.server.read(amt)


def test_a_negative_amount_is_a_value_error() -> None:
    link = open_link()
    with pytest.raises(ValueError, match="negative"):
        link.server.read(-1)
    with pytest.raises(ValueError, match="negative"):
        link.server.read_into(bytearray(5), -1)


def test_read_into_fills_over_records_and_says_how_much() -> None:
    link = open_link()
    for part in (b"abc", b"def", b"ghi"):
        link.client.write(part)
    link.to_server()
    buffer = bytearray(7)
    assert link.server.read_into(buffer) == 7
    assert buffer == b"abcdefg"
    assert link.server.read_into(buffer, 1) == 1
    assert buffer[:1] == b"h"
    assert link.server.read_into(memoryview(buffer)) == 1
    with pytest.raises(unitls.WantReadError):
        link.server.read_into(buffer)


def test_read_into_takes_any_writable_bytes() -> None:
    from array import array

    link = open_link()
    link.client.write(b"12345678")
    link.to_server()
    words = array("I", [0, 0])
    assert link.server.read_into(words) == 8
    assert words.tobytes() == b"12345678"
    link.client.write(b"x")
    link.to_server()
    with pytest.raises(TypeError):
        link.server.read_into(b"read-only")  # type: ignore[arg-type]
    assert link.server.read() == b"x"


def test_the_clean_end_is_empty_and_stays() -> None:
    for empty in (False, True):
        link = open_link(server=server_context(Script(clean_end_is_empty=empty)))
        link.client.write(b"last")
        link.client.shutdown()
        link.to_server()
        assert link.server.read() == b"last"
        assert link.server.read() == b""
        assert link.server.read(3) == b""
        assert link.server.read_into(bytearray(3)) == 0


@pytest.mark.parametrize("quiet", [False, True])
def test_an_end_without_close_notify_is_ragged(quiet: bool) -> None:
    link = open_link(server=server_context(Script(end_is_want_read=quiet)))
    link.client.write(b"last")
    link.to_server()
    link.server_in.write_eof()
    assert link.server.read() == b"last"
    for _ in range(2):
        with pytest.raises(unitls.RaggedEOF):
            link.server.read()


def test_a_truncated_record_is_ragged() -> None:
    link = open_link()
    link.client.write(b"cut short")
    link.server_in.write(link.client_out.read()[:-1])
    link.server_in.write_eof()
    with pytest.raises(unitls.RaggedEOF):
        link.server.read()


def test_data_in_front_of_a_fault_comes_first() -> None:
    link = open_link()
    link.client.write(b"good")
    link.server_in.write(link.client_out.read() + wire.record(wire.DATA, b"x" * 30))
    assert link.server.read() == b"good"
    for _ in range(2):
        with pytest.raises(FakeViolation, match="decrypted"):
            link.server.read()
    assert link.server_out.read() == wire.fatal(20)


def test_data_in_front_of_a_fault_comes_first_into_a_buffer() -> None:
    link = open_link()
    link.client.write(b"good")
    link.server_in.write(link.client_out.read() + wire.record(wire.DATA, b"x" * 30))
    buffer = bytearray(100)
    assert link.server.read_into(buffer) == 4
    with pytest.raises(FakeViolation):
        link.server.read_into(buffer)


def test_an_alert_of_the_peer() -> None:
    link = open_link()
    link.client_in.write(wire.fatal(80))
    with pytest.raises(unitls.PeerAlert) as caught:
        link.client.read()
    assert caught.value.alert == unitls.AlertDescription.INTERNAL_ERROR


def test_key_updates_without_data_are_bounded() -> None:
    link = open_link()
    update = wire.record(wire.KEY_UPDATE, b"\0")
    with pytest.raises(FakeViolation, match="flood"):  # noqa: PT012 - which of them is the last straw does not matter
        for _ in range(2 * MAX_BARREN // len(update)):
            link.server_in.write(update)
            with pytest.raises(unitls.WantReadError):
                link.server.read()
    with pytest.raises(FakeViolation):
        link.server.read()


def test_data_in_between_pays_for_key_updates() -> None:
    link = open_link()
    updates = wire.record(wire.KEY_UPDATE, b"\0") * 1000
    for turn in range(2 * MAX_BARREN // len(updates) + 2):
        link.server_in.write(updates)
        with pytest.raises(unitls.WantReadError):
            link.server.read()
        link.server_in.write(data_record(b"data"))
        into = bytearray(10)
        assert (link.server.read() if turn % 2 else into[: link.server.read_into(into)]) == b"data"


def test_a_read_may_have_to_write_first() -> None:
    script = Script()
    link = open_link(server=server_context(script))
    link.client.write(b"data")
    link.to_server()
    script.turns["read"] = [Outcome.WANT_WRITE]
    with pytest.raises(unitls.WantWriteError):
        link.server.read()
    assert link.server.read() == b"data"


# ---------------------------------------------------------------------------------------------- writing


def test_a_write_takes_at_most_its_bound() -> None:
    link = open_link()
    data = bytes(range(256)) * (2 * MAX_WRITE // 256)
    assert link.client.write(data) == MAX_WRITE
    link.to_server()
    assert link.server.read() == data[:MAX_WRITE]


@pytest.mark.parametrize("short", [1, 700, RECORD - 1])
def test_a_library_that_takes_little_is_asked_again(short: int) -> None:
    link = open_link(client=client_context(Script(short_write=short)))
    data = bytes(range(250)) * 14
    assert link.client.write(data) == len(data)
    link.to_server()
    assert link.server.read() == data


def test_a_write_takes_any_bytes() -> None:
    from array import array

    link = open_link()
    assert link.client.write(bytearray(b"ab")) == 2
    assert link.client.write(memoryview(b"xcdx")[1:3]) == 2
    assert link.client.write(array("H", [0x6565])) == 2  # type: ignore[arg-type]
    assert link.client.write(b"") == 0
    with pytest.raises(TypeError):
        link.client.write("text")  # type: ignore[arg-type]
    link.to_server()
    assert link.server.read() == b"abcdee"


def test_a_write_may_have_to_read_first() -> None:
    script = Script()
    link = open_link(client=client_context(script))
    script.turns["write"] = [Outcome.WANT_READ, Outcome.WANT_WRITE]
    with pytest.raises(unitls.WantReadError):
        link.client.write(b"data")
    with pytest.raises(unitls.WantWriteError):
        link.client.write(b"data")
    assert not link.client_out.pending
    assert link.client.write(b"data") == 4


@pytest.mark.parametrize("outcome", [Outcome.WANT_READ, Outcome.WANT_WRITE])
def test_a_signal_in_mid_write_makes_it_short(outcome: Outcome) -> None:
    script = Script(short_write=10)
    link = open_link(client=client_context(script))
    script.turns["write"] = [None, None, outcome]
    assert link.client.write(b"x" * 100) == 20
    assert link.client.write(b"x" * 80) == 80
    link.to_server()
    assert link.server.read() == b"x" * 100


def test_a_fault_in_mid_write_is_raised_by_the_next_call() -> None:
    script = Script(short_write=10)
    link = open_link(client=client_context(script))
    script.turns["write"] = [None, Outcome.BUG]
    assert link.client.write(b"x" * 100) == 10
    with pytest.raises(unitls.ConnectionFault, match="lost before") as caught:
        link.client.write(b"x")
    assert isinstance(caught.value.__cause__, unitls.InternalTLSError)


def test_after_shutdown_nothing_is_written_but_the_peer_is_read() -> None:
    link = open_link()
    link.client.shutdown()
    link.client.shutdown()
    with pytest.raises(unitls.ConnectionFault, match="close_notify was sent"):
        link.client.write(b"late")
    assert link.to_server() == wire.record(wire.ALERT, wire.CLOSE_NOTIFY)
    assert link.server.read() == b""
    assert link.server.write(b"still here") == 10
    link.server.shutdown()
    link.to_client()
    assert link.client.read() == b"still here"
    assert link.client.read() == b""


def test_a_shutdown_that_fails_says_so() -> None:
    script = Script()
    link = open_link(client=client_context(script))
    script.turns["shutdown"] = [Outcome.BUG]
    with pytest.raises(unitls.InternalTLSError):
        link.client.shutdown()


def test_a_shutdown_before_the_handshake_ends_the_connection() -> None:
    for begun in (False, True):
        link = Link()
        if begun:
            assert not step(link.client)
        for _ in range(2):
            link.client.shutdown()
            calls = (link.client.do_handshake, link.client.read, lambda end=link.client: end.write(b"x"))
            for call in calls:
                with pytest.raises(unitls.ConnectionFault, match="before its handshake was done"):
                    call()
        assert link.client.cipher() is None


def test_a_handshake_that_fails_has_negotiated_nothing() -> None:
    link = wrong_host_link(Script(chain_is_late=True))
    with pytest.raises(unitls.CertificateVerificationError):
        link.handshake()
    assert link.client.cipher() is None
    assert link.client.negotiated_tls_version is None
    assert link.client.getpeercert() is None
    with pytest.raises(unitls.ConfigurationError, match="not done"):
        link.client.export_keying_material(b"EXPORTER-test", 16)


# ---------------------------------------------------------------------------------------------- bounded buffers


def bounded(limit: int) -> Any:
    return lambda: MemoryBuffer(limit)


def test_a_full_outgoing_buffer_is_a_signal_and_nothing_is_lost() -> None:
    link = open_link(buffers=bounded(100_000))
    link.client_out.write(bytes(100_000 - 50))
    assert link.client.write(b"a" * 100) == 100  # taken; half of it waits for room
    with pytest.raises(unitls.WantWriteError):
        link.client.write(b"b")
    with pytest.raises(unitls.WantWriteError):
        link.client.shutdown()
    link.client_out.read(100_000 - 50)
    link.to_server()
    assert link.client.write(b"b") == 1
    link.client.shutdown()
    link.to_server()
    assert link.server.read() == b"a" * 100 + b"b"
    assert link.server.read() == b""


def test_a_write_is_short_when_the_outgoing_buffer_fills() -> None:
    link = open_link(buffers=bounded(40_000))
    taken = link.client.write(bytes(200_000))
    assert 40_000 - RECORD < taken <= 40_000 + RECORD
    assert link.client_out.pending == 40_000


def test_a_handshake_through_tiny_buffers() -> None:
    link = Link(buffers=bounded(50), server=server_context(Script(rounds=2)))
    for _ in range(400):
        done = [step(link.client)]
        link.move()
        done.append(step(link.server))
        link.move()
        if all(done) and not link.client_out.pending and not link.server_out.pending:
            break
    assert link.client.negotiated_tls_version is not None
    data, got = bytes(range(256)) * 20, b""
    sent = 0
    while len(got) < len(data):
        if sent < len(data):
            try:
                sent += link.client.write(data[sent:])
            except unitls.WantWriteError:
                assert link.client_out.pending
        else:
            with pytest.raises((unitls.WantReadError, unitls.WantWriteError)):
                link.client.read()
        link.to_server()
        try:
            got += link.server.read()
        except unitls.WantReadError:
            assert not link.server_in.pending
    assert got == data


def test_the_end_of_a_foreign_buffer_is_seen() -> None:
    link = open_link(buffers=MemoryBuffer)
    link.client.write(b"x")
    link.to_server()
    link.server_in.write_eof()
    assert link.server.read() == b"x"
    with pytest.raises(unitls.RaggedEOF):
        link.server.read()


def test_answers_of_a_read_go_out_through_a_foreign_buffer() -> None:
    for read in (lambda end: end.read(), lambda end: end.read_into(bytearray(9))):
        link = open_link(buffers=MemoryBuffer)
        link.client_in.write(wire.record(wire.KEY_UPDATE, b"\1") + data_record(b"x"))
        assert read(link.client) in (b"x", 1)
        assert link.client_out.read() == wire.record(wire.KEY_UPDATE, b"\0")


# ---------------------------------------------------------------------------------------------- any pieces


@given(
    st.lists(st.binary(min_size=1, max_size=300), max_size=6),
    st.lists(st.integers(1, 400), min_size=1, max_size=12),
    st.lists(st.one_of(st.none(), st.integers(1, 200)), min_size=1, max_size=8),
    st.sampled_from([None, 7, 1000]),
    st.sampled_from([None, 40, 100_000]),
    st.booleans(),
)
def test_what_is_written_is_read_in_whatever_pieces_it_travels(
    writes: list[bytes], cuts: list[int], amounts: list[int | None], short: int | None, limit: int | None, into: bool
) -> None:
    script = Script()
    server = server_context(FakeProvider(needs_client_hello=True))
    link = Link(client_context(script), server, buffers=None if limit is None else bounded(limit))
    while not (step(link.client) & step(link.server)):
        link.move()
    link.move()
    script.short_write = short
    expected, got, left = b"".join(writes), bytearray(), b"".join(writes)
    for turn in range(20_000):
        if left:
            with contextlib.suppress(unitls.WantWriteError):
                left = left[link.client.write(left[: cuts[turn % len(cuts)]]) :]
        else:
            with contextlib.suppress(unitls.WantWriteError):
                link.client.shutdown()
        link.server_in.write(link.client_out.read(min(cuts[turn % len(cuts)], limit or 400)))
        try:
            data = read_some(link.server, amounts[turn % len(amounts)], into)
        except unitls.WantReadError:
            continue
        got += data
        if not data:
            break
    assert bytes(got) == expected


def read_some(end: unitls.TLSWrappedBuffer, amount: int | None, into: bool) -> bytes:
    if not into:
        data = end.read(amount)
        assert amount is None or len(data) <= amount
        return data
    buffer = bytearray(64)
    return bytes(buffer[: end.read_into(buffer, amount)])


# ---------------------------------------------------------------------------------------------- the handshake


def test_before_the_handshake_there_is_no_data() -> None:
    link = Link()
    for call in (
        lambda: link.client.read(),
        lambda: link.client.write(b"x"),
        lambda: link.client.read_into(bytearray(1)),
    ):
        with pytest.raises(unitls.ConfigurationError, match="do_handshake"):
            call()
    assert link.client.cipher() is None
    assert link.client.negotiated_tls_version is None
    assert link.client.negotiated_protocol() is None
    assert link.client.getpeercert() is None
    assert link.client.getpeerchain() == []
    assert link.client.session_resumed is None
    assert link.client.pending() == 0
    link.handshake()
    link.client.do_handshake()
    assert link.client.write(b"x") == 1


def test_a_handshake_byte_by_byte() -> None:
    link = Link(server=server_context(Script(rounds=1)))
    for _ in range(10_000):
        if step(link.client) & step(link.server):
            break
        link.server_in.write(link.client_out.read(1))
        link.client_in.write(link.server_out.read(1))
    assert link.server.cipher() is not None
    assert link.client.cipher() is not None


@pytest.mark.parametrize("side", ["client", "server"])
def test_the_transport_ends_at_every_byte_of_the_handshake(side: str) -> None:
    total = 0
    while True:
        link = Link()
        sink = link.client_in if side == "client" else link.server_in
        end = link.client if side == "client" else link.server
        allowed = total
        try:
            for _ in range(6):
                step(link.client)
                data = link.client_out.read()
                if side == "server":
                    data, allowed = data[:allowed], max(0, allowed - len(data))
                link.server_in.write(data)
                if side == "client" or allowed:
                    step(link.server)
                data = link.server_out.read()
                if side == "client":
                    data, allowed = data[:allowed], max(0, allowed - len(data))
                link.client_in.write(data)
                if end.cipher() is not None:
                    return
                if not allowed:
                    break
            sink.write_eof()
            end.do_handshake()
            if total > 10:
                return
            pytest.fail("the handshake ended well without its bytes")
        except unitls.RaggedEOF:
            total += 1 if total < 20 else 37


def test_plaintext_in_front_of_a_client_handshake_is_refused() -> None:
    for make in (MemoryBuffer, client_context().backend.memory_buffer):
        incoming = make()
        incoming.write(b"250 injected\r\n")
        with pytest.raises(unitls.ProtocolViolation, match="injected"):
            client_context().wrap_buffers(incoming, make(), "server.test")


@pytest.mark.parametrize(
    "garbage", [b"GET / HTTP/1.1\r\n\r\n", b"\x00" * 50, b"\x16\x03\x01\xff\xff" + b"x" * 20, b"SSH-2.0-x\r\n"]
)
def test_garbage_instead_of_a_client_hello(garbage: bytes) -> None:
    link = Link()
    link.server_in.write(garbage)
    with pytest.raises(FakeViolation):
        link.server.do_handshake()
    alert = link.server_out.read()
    assert alert[:1] == b"\x15"
    assert len(alert) == 7
    with pytest.raises(FakeViolation):
        link.server.do_handshake()


def test_a_library_that_fails_in_the_handshake() -> None:
    link = Link(client_context(Script(turns={"handshake": [Outcome.BUG]})))
    with pytest.raises(unitls.InternalTLSError):
        link.client.do_handshake()
    with pytest.raises(unitls.ConnectionFault, match="lost before"):
        link.client.do_handshake()


def test_an_exception_that_is_not_the_library_s_ends_the_connection_too() -> None:
    link = Link(client_context(Script(turns={"handshake": [MemoryError("none left")]})))
    with pytest.raises(MemoryError):
        link.client.do_handshake()
    with pytest.raises(unitls.ConnectionFault) as caught:
        link.client.do_handshake()
    assert isinstance(caught.value.__cause__, MemoryError)


def test_a_clean_close_in_the_handshake_is_a_fault() -> None:
    link = Link()
    assert not step(link.client)
    link.client_in.write(wire.record(wire.ALERT, wire.CLOSE_NOTIFY))
    with pytest.raises(unitls.ConnectionFault):
        link.client.do_handshake()


def test_the_handshake_size_is_bounded() -> None:
    link = Link(client_context(max_handshake_size=1024), server_context(Script(rounds=100_000)))
    with pytest.raises(FakeViolation, match=r"1024 bytes"):  # noqa: PT012
        for _ in range(10_000):
            link.client.do_handshake() if step(link.server) else step_or_raise(link.client)
            link.move()


def step_or_raise(end: unitls.TLSWrappedBuffer) -> None:
    try:
        end.do_handshake()
    except unitls.WantReadError:
        return


# ---------------------------------------------------------------------------------------------- core's own checks


def wrong_host_link(script: Script | None = None, **configuration: Any) -> Link:
    return Link(client_context(script, **configuration), host="elsewhere.test")


@pytest.mark.parametrize("late", [False, True])
def test_a_wrong_name_is_refused_and_the_last_flight_withheld(late: bool) -> None:
    link = wrong_host_link(Script(chain_is_late=late), identities=(identity(IDS.client),))
    assert not step(link.client)
    link.to_server()
    assert not step(link.server)
    link.to_client()
    with pytest.raises(unitls.CertificateVerificationError) as caught:
        link.client.do_handshake()
    assert caught.value.failure is unitls.VerifyFailure.NAME_MISMATCH
    assert caught.value.subject == "elsewhere.test"
    assert not link.client_out.pending
    with pytest.raises(unitls.CertificateVerificationError):
        link.client.write(b"secret")


def test_what_was_written_before_the_verdict_stays() -> None:
    link = wrong_host_link()
    assert not step(link.client)
    hello = link.client_out.read()
    link.server_in.write(hello)
    assert not step(link.server)
    link.client_out.write(b"earlier")
    link.to_client()
    with pytest.raises(unitls.CertificateVerificationError):
        link.client.do_handshake()
    assert link.client_out.read() == b"earlier"


def test_a_library_that_negotiates_out_of_range_is_caught() -> None:
    for script, text in (
        (Script(version=0x0302), "version 0x0302"),
        (Script(version=0x0305), "version 0x0305"),
        (Script(cipher=0xC02F), "suite 0xc02f"),
    ):
        client = client_context(script, ciphers=(0x1301, 0x1302), upper_bound=unitls.TLSVersion.TLSv1_3)
        with pytest.raises(FakeViolation, match=text):
            Link(client).handshake()


def test_a_required_protocol() -> None:
    with pytest.raises(unitls.ProtocolViolation, match="no application protocol"):
        Link(client_context(inner_protocols=(b"a",), require_inner_protocol=True)).handshake()
    server = server_context(inner_protocols=(b"b",), require_inner_protocol=True)
    link = Link(client_context(inner_protocols=(b"a",)), server)
    step(link.client)
    link.to_server()
    with pytest.raises(FakeViolation, match="no application protocol"):
        link.server.do_handshake()
    assert link.server_out.read() == wire.fatal(120)


@pytest.mark.parametrize("is_fatal", [False, True])
def test_no_overlap_of_protocols_goes_on(is_fatal: bool) -> None:
    provider = FakeProvider(alpn_mismatch_is_fatal=is_fatal)
    link = open_link(
        client=client_context(inner_protocols=(b"a",)), server=server_context(provider, inner_protocols=(b"b",))
    )
    assert link.client.negotiated_protocol() is None
    assert link.server.negotiated_protocol() is None


def test_without_validation_anything_goes_and_is_told() -> None:
    link = open_link(client=client_context(validate_certificates=False), host=None)
    assert link.client.getpeercert() == IDS.server.chain[0]
    assert link.client.getverifiedchain() == []
    assert link.client.server_name is None


def test_a_hook_may_refuse() -> None:
    reason = LookupError("not on the list")

    def refuse(chain: tuple[bytes, ...]) -> None:
        raise reason

    with pytest.raises(unitls.CertificateVerificationError) as caught:
        Link(client_context(verification_hook=refuse)).handshake()
    assert caught.value.__cause__ is reason
    seen: list[tuple[bytes, ...]] = []
    open_link(client=client_context(verification_hook=seen.append))
    assert seen == [(IDS.server.chain[0], IDS.authority.certificate_der)]


# ---------------------------------------------------------------------------------------------- server names


def test_the_callback_sees_object_name_and_context() -> None:
    seen: list[Any] = []
    server = server_context(sni_callback=lambda *arguments: seen.append(arguments))
    link = open_link(server=server)
    assert seen == [(link.server, "server.test", server)]
    seen.clear()
    open_link(server=server, host=None, client=client_context(validate_certificates=False))
    assert [item[1] for item in seen] == [None]


def test_the_callback_replaces_everything() -> None:
    provider = FakeProvider()
    from unitls.testing._fake import fake_backend

    backend = fake_backend(provider)
    second = backend.server_context(
        unitls.TLSServerConfiguration(
            identities=(identity(IDS.second_server),), upper_bound=unitls.TLSVersion.TLSv1_2, inner_protocols=(b"x",)
        )
    )

    def switch(end: Any, name: str | None, context: Any) -> None:
        end.context = second

    first = backend.server_context(unitls.TLSServerConfiguration(identities=(identity(),), sni_callback=switch))
    link = Link(client_context(inner_protocols=(b"x",)), first, host="other.test")
    link.handshake()
    assert link.server.context is second
    assert link.server.configuration is second.configuration
    assert link.client.negotiated_tls_version is unitls.TLSVersion.TLSv1_2
    assert link.client.negotiated_protocol() == b"x"
    assert link.client.getpeercert() == IDS.second_server.chain[0]


def test_the_context_is_fixed_outside_the_callback() -> None:
    link = Link()
    for end in (link.client, link.server):
        with pytest.raises(unitls.ConfigurationError, match="callback"):
            end.context = end.context
    link.handshake()
    with pytest.raises(unitls.ConfigurationError, match="callback"):
        link.server.context = link.server.context


@pytest.mark.parametrize("wrong", ["client context", "another backend", None])
def test_only_a_fitting_context_may_be_set(wrong: str | None) -> None:
    other: Any = {"client context": client_context(), "another backend": server_context(), None: None}[wrong]

    def switch(end: Any, name: str | None, context: Any) -> None:
        end.context = other

    link = Link(server=server_context(sni_callback=switch))
    with pytest.raises(unitls.TLSError) as caught:
        link.handshake()
    assert isinstance(caught.value.__cause__, unitls.ConfigurationError)


@pytest.mark.parametrize("answer", [False, 0, "no", 112])
def test_any_other_answer_of_the_callback_ends_the_handshake(answer: object) -> None:
    link = Link(server=server_context(sni_callback=lambda *_: answer))
    step(link.client)
    link.to_server()
    with pytest.raises(FakeViolation, match="refused"):
        link.server.do_handshake()
    assert link.server_out.read() == wire.fatal(112)


def test_an_exception_of_the_callback_is_the_cause() -> None:
    reason = KeyError("table")

    def fail(*_: Any) -> None:
        raise reason

    link = Link(server=server_context(sni_callback=fail))
    step(link.client)
    link.to_server()
    with pytest.raises(unitls.TLSError) as caught:
        link.server.do_handshake()
    assert caught.value.__cause__ is reason
    assert link.server_out.read() == wire.fatal(80)


def test_a_callback_that_gives_no_certificate() -> None:
    link = Link(server=server_context(identities=(), sni_callback=lambda *_: None))
    step(link.client)
    link.to_server()
    with pytest.raises(unitls.ConfigurationError, match="no certificate"):
        link.server.do_handshake()
    assert link.server_out.read() == wire.fatal(40)


@pytest.mark.parametrize("callback", [None, lambda *_: None])
def test_a_hello_that_is_malformed_inside(callback: Any) -> None:
    """Whether core has to read it, or only the library."""
    hello = bytearray(wire.client_hello(versions=(0x0304,), suites=(0x1301,), server_name="server.test"))
    hello[5 + 4 + 2 + 32] = 200  # the length of the session identifier
    link = Link(server=server_context(sni_callback=callback))
    link.server_in.write(bytes(hello))
    with pytest.raises(unitls.ProtocolViolation):
        link.server.do_handshake()
    assert link.server_out.read() == wire.fatal(50)


def test_a_hello_with_the_end_of_the_transport_behind_it() -> None:
    link = Link()
    link.server_in.write(wire.client_hello(versions=(0x0304,), suites=(0x1301,)))
    link.server_in.write_eof()
    with pytest.raises(unitls.RaggedEOF):
        link.server.do_handshake()
    assert link.server_out.read()[:1] == b"\x16"


def test_a_certificate_is_chosen_by_name() -> None:
    server = server_context(identities=(identity(), identity(IDS.second_server)))
    for host, issued in (("other.test", IDS.second_server), ("server.test", IDS.server)):
        assert open_link(server=server, host=host).client.getpeercert() == issued.chain[0]


# ---------------------------------------------------------------------------------------------- contexts, sessions


def test_a_native_context_is_built_once() -> None:
    provider = FakeProvider()
    server = server_context(provider)
    built = provider.built
    for _ in range(3):
        open_link(server=server)
    assert provider.built == built + 1


def test_a_change_does_not_reach_connections_already_made() -> None:
    client = client_context()
    link = Link(client)
    before = link.client.configuration
    client.set_version_range(upper_bound=unitls.TLSVersion.TLSv1_2)
    assert link.client.configuration is before
    assert link.handshake().client.negotiated_tls_version is unitls.TLSVersion.TLSv1_3
    assert open_link(client=client).client.negotiated_tls_version is unitls.TLSVersion.TLSv1_2


def resumable(version: unitls.TLSVersion) -> unitls.ClientContext:
    return client_context(session_cache=unitls.SessionCache(), upper_bound=version)


@pytest.mark.parametrize("version", [unitls.TLSVersion.TLSv1_2, unitls.TLSVersion.TLSv1_3])
def test_a_session_is_kept_and_resumed(version: unitls.TLSVersion) -> None:
    client, server = resumable(version), server_context()
    for turn in range(3):
        link = open_link(client=client, server=server)
        assert link.client.session_resumed is (turn > 0)
        assert link.server.session_resumed is (turn > 0)
        link.server.write(b"x")
        link.to_client()
        assert link.client.read() == b"x"


def test_sessions_are_kept_apart() -> None:
    cache = unitls.SessionCache()
    client, server = client_context(session_cache=cache), server_context()

    def connect(client: unitls.ClientContext = client, **arguments: Any) -> bool | None:
        link = open_link(client=client, server=server, **arguments)
        link.server.write(b"x")
        link.to_client()
        assert link.client.read() == b"x"
        return link.client.session_resumed

    assert connect() is False
    assert connect(host="localhost") is False
    assert connect(valid_subjects=[unitls.DNSName("server.test")]) is True  # the same name, said in another way
    assert connect(valid_subjects=[unitls.DNSName("server.test"), unitls.DNSName("x.test")]) is False
    assert connect() is True
    other = client.backend.client_context(dataclasses.replace(client.configuration, inner_protocols=(b"h2",)))
    assert connect(other) is False
    same = client.backend.client_context(unitls.TLSClientConfiguration(trust_store=TRUST, session_cache=cache))
    assert connect(same) is False  # a session never leaves its native context


class BrokenCache(unitls.SessionCache):
    """Cannot keep anything."""

    def put(self, key: Any, session: unitls.Session) -> None:
        raise LookupError("no room")


def test_a_broken_cache_loses_the_connection_and_no_data_in_it() -> None:
    """What was read when the cache failed is gone, so nothing may follow it."""
    link = open_link(client=client_context(session_cache=BrokenCache()))
    for text in (b"first", b"second"):
        link.server.write(text)
    link.to_client()
    with pytest.raises(LookupError, match="no room"):
        link.client.read(5)
    with pytest.raises(unitls.ConnectionFault):
        link.client.read()


def test_sessions_go_with_their_context() -> None:
    cache = unitls.SessionCache()
    client = client_context(session_cache=cache)
    link = open_link(client=client)
    link.client_in.write(data_record(b"x"))
    link.move()
    link.client.read()
    assert len(cache) == 1
    del client, link
    import gc

    gc.collect()
    assert len(cache) == 0


# ---------------------------------------------------------------------------------------------- the rest


def test_information_needs_the_feature() -> None:
    lacks = frozenset(unitls.Feature) - {unitls.Feature.CLIENT, unitls.Feature.CUSTOM_TRUST_STORE}
    link = open_link(client=client_context(FakeProvider(lacks=lacks)))
    for call, feature in (
        (lambda: link.client.getpeerchain(), unitls.Feature.PEER_CHAIN),
        (lambda: link.client.getverifiedchain(), unitls.Feature.VERIFIED_CHAIN),
        (lambda: link.client.session_resumed, unitls.Feature.RESUMPTION_INFORMATION),
        (lambda: link.client.group, unitls.Feature.GROUP_INFORMATION),
        (lambda: link.client.get_channel_binding(), unitls.Feature.TLS_EXPORTER_BINDING),
        (lambda: link.client.get_channel_binding("tls-unique"), unitls.Feature.TLS_UNIQUE_BINDING),
        (lambda: link.client.export_keying_material(b"x", 1), unitls.Feature.EXPORTER),
        (lambda: link.client.ocsp_response(), unitls.Feature.OCSP_STAPLING),
        (lambda: link.client.request_client_certificate(), unitls.Feature.POST_HANDSHAKE_AUTHENTICATION),
        (lambda: link.client.update_keys(), unitls.Feature.KEY_UPDATE),
        (lambda: link.client.write_early_data(b"x"), unitls.Feature.EARLY_DATA),
    ):
        with pytest.raises(unitls.UnsupportedFeature) as caught:
            call()
        assert caught.value.feature is feature


def test_channel_bindings() -> None:
    import hashlib

    link = open_link()
    assert link.client.get_channel_binding() == link.server.get_channel_binding()
    assert len(link.client.get_channel_binding() or b"") == 32
    digest = hashlib.sha256(IDS.server.chain[0]).digest()
    for end in (link.client, link.server):
        assert end.get_channel_binding("tls-server-end-point") == digest
        with pytest.raises(unitls.ConfigurationError, match=r"TLS 1\.3"):
            end.get_channel_binding("tls-unique")
        with pytest.raises(unitls.ConfigurationError, match="no channel binding"):
            end.get_channel_binding("tls-none")
    old = open_link(client=client_context(upper_bound=unitls.TLSVersion.TLSv1_2))
    assert old.client.get_channel_binding("tls-unique") == b"unique-bytes"
    with pytest.raises(unitls.ConfigurationError, match="do_handshake"):
        Link().client.export_keying_material(b"x", 1)


def test_a_repr_says_role_and_state_and_no_more() -> None:
    link = Link()
    assert "client" in repr(link.client)
    assert "server" in repr(link.server)
    assert "not begun" in repr(link.client)
    assert "both directions" in repr(link.handshake().client)


def test_errors_after_a_failure_name_it_again() -> None:
    link = open_link()
    link.client_in.write(wire.fatal(40))
    with pytest.raises(unitls.PeerAlert):
        link.client.read()
    for call in (
        lambda: link.client.read(),
        lambda: link.client.read_into(bytearray(1)),
        lambda: link.client.write(b"x"),
        lambda: link.client.do_handshake(),
    ):
        with pytest.raises(unitls.PeerAlert):
            call()
    link.client.shutdown()
    assert not link.client_out.pending


def test_a_client_certificate_that_is_required_is_missed_whatever_the_library_does() -> None:
    """A library that only asks, where it was to demand: core does not let the client in."""
    optional = unitls.ClientAuthentication.OPTIONAL  # what the library makes of it
    link = Link(server=server_context(client_authentication=optional, trust_store=TRUST))
    link.server._natives.peer_may_be_anonymous = False  # what was asked for
    with pytest.raises(unitls.CertificateVerificationError, match="the client sent no certificate"):
        link.handshake()
    with pytest.raises(unitls.ConnectionFault):
        link.server.read(1)


def test_a_client_certificate_that_is_optional_may_be_missing() -> None:
    optional = unitls.ClientAuthentication.OPTIONAL
    link = open_link(server=server_context(client_authentication=optional, trust_store=TRUST))
    assert link.server.getpeercert() is None


def test_an_exception_that_cannot_be_made_again_is_told_all_the_same() -> None:
    class Odd(Exception):
        def __init__(self, *, reason: str) -> None:
            super().__init__(reason)

    link = Link(client_context(Script(turns={"handshake": [Odd(reason="odd")]})))
    with pytest.raises(Odd):
        link.client.do_handshake()
    with pytest.raises(unitls.ConnectionFault, match="odd"):
        link.client.do_handshake()


def test_a_library_is_given_no_more_at_a_time_than_an_int_can_say(monkeypatch: pytest.MonkeyPatch) -> None:
    link, sizes = open_link(), list[int]()
    engine = link.client._engine  # type: ignore[attr-defined]
    write, read_into = engine.write, engine.read_into
    engine.write = lambda data: sizes.append(len(data)) or write(data)  # type: ignore[func-returns-value]
    many = memoryview(bytes(3 * MAX_WRITE))
    assert link.client.write(many) == MAX_WRITE
    assert link.client.encrypt(many)[0] == MAX_WRITE  # type: ignore[attr-defined]
    assert max(sizes) == MAX_WRITE
    sizes.clear()
    link.server.write(b"abcdef")
    link.to_client()
    monkeypatch.setattr(_reading, "MAX_READ", 4)
    engine.read_into = lambda size, view: sizes.append(len(view)) or read_into(size, view)  # type: ignore[func-returns-value]
    target = bytearray(100)
    assert [link.client.read_into(target), link.client.read_into(target)] == [4, 2]
    assert max(sizes) == 4
