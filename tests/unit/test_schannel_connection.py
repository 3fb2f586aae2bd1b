"""SChannel's handshake and data over scripted libraries: every status, and every path that Wine cannot show."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from _schannel import (
    ANSWER_12,
    ANSWER_13,
    END_12,
    FLIGHT_12,
    FLIGHT_13,
    HEADER,
    HELLO,
    IDENTITIES,
    LEAF,
    Plain,
    Step,
    Windows,
    certificate,
    message,
    record,
    server_hello,
    windows,
)

import unitls
from unitls import AlertDescription as Alert
from unitls import ClientAuthentication, TrustStore, VerifyFailure
from unitls.backends import schannel
from unitls.backends.schannel import errors, native
from unitls.testing._kit import HOST, identity_of

OK, CONTINUE, INCOMPLETE = native.SEC_E_OK, native.SEC_I_CONTINUE_NEEDED, native.SEC_E_INCOMPLETE_MESSAGE
EXPIRED, RENEGOTIATE = native.SEC_I_CONTEXT_EXPIRED, native.SEC_I_RENEGOTIATE
TRUST = TrustStore.from_buffer(IDENTITIES.ca_pem)
DATA = record(23, bytes(30))
TICKET = record(23, b"ticket" * 10)
CLOSE = record(21, bytes(20))


@pytest.fixture
def machine() -> Iterator[Windows]:
    with windows() as made:
        yield made


class Client:
    """A client over two buffers, and the libraries that it works with."""

    def __init__(self, machine: Windows, **changes: Any) -> None:
        self.machine, self.secur32 = machine, machine.secur32
        configuration = unitls.TLSClientConfiguration(**{"trust_store": TRUST, **changes})
        self.context = schannel.backend().client_context(configuration)
        self.incoming, self.outgoing = schannel.RecordBuffer(), schannel.RecordBuffer()
        self.tls: Any = self.context.wrap_buffers(self.incoming, self.outgoing, server_hostname=HOST)

    def shake(self, *steps: Step, flight: bytes = b"") -> None:
        """Script `steps`, let `flight` come in, and go on with the handshake."""
        self.secur32.steps.extend(steps)
        self.incoming.write(flight)
        self.tls.do_handshake()

    def begin(self) -> None:
        """Send the ClientHello."""
        with pytest.raises(unitls.WantReadError):
            self.shake(Step(CONTINUE, HELLO))
        assert self.outgoing.read() == HELLO

    def connect_12(self) -> Client:
        """A handshake of TLS 1.2."""
        self.begin()
        with pytest.raises(unitls.WantReadError):
            self.shake(Step(CONTINUE, ANSWER_12), flight=FLIGHT_12)
        self.shake(Step(CONTINUE), Step(OK), flight=END_12)
        assert self.outgoing.read() == ANSWER_12
        return self

    def connect_13(self) -> Client:
        """A handshake of TLS 1.3."""
        self.begin()
        self.shake(Step(CONTINUE), Step(CONTINUE), Step(OK, ANSWER_13), flight=FLIGHT_13)
        assert self.outgoing.read() == ANSWER_13
        return self

    def receive(self, *plains: Plain, wire: bytes, amt: int = 65536) -> bytes:
        """Script `plains`, let `wire` come in, and read."""
        self.secur32.plains.extend(plains)
        self.incoming.write(wire)
        data: bytes = self.tls.read(amt)
        return data


# ---------------------------------------------------------------------------------------------- the handshake


def test_a_handshake_of_tls12(machine: Windows) -> None:
    client = Client(machine).connect_12()
    assert client.secur32.inputs == [b"", FLIGHT_12, END_12[:6], END_12[6:]]
    assert client.secur32.targets[0] == HOST
    assert client.tls.negotiated_tls_version is unitls.TLSVersion.TLSv1_2
    assert client.tls.cipher() == 0xC02B
    assert client.tls.group == 0x17
    assert client.tls.getpeercert() == LEAF
    assert client.tls.getverifiedchain() == [LEAF, IDENTITIES.authority.certificate_der]
    assert client.tls.session_resumed is False
    assert client.tls.get_channel_binding("tls-unique") == b"finished"


def test_a_handshake_of_tls13(machine: Windows) -> None:
    client = Client(machine).connect_13()
    assert client.tls.negotiated_tls_version is unitls.TLSVersion.TLSv1_3
    assert client.tls.group == 0x1D
    assert client.tls.getpeerchain() == [LEAF]


def test_a_flight_is_held_until_it_is_whole(machine: Windows) -> None:
    client = Client(machine)
    client.begin()
    body = FLIGHT_12[5:]
    pieces = [record(22, body[at : at + 100]) for at in range(0, len(body), 100)]
    for piece in pieces[:-1]:
        with pytest.raises(unitls.WantReadError):
            client.shake(flight=piece)
    assert len(client.secur32.inputs) == 1, "SChannel has seen nothing of it"
    with pytest.raises(unitls.WantReadError):
        client.shake(Step(CONTINUE, ANSWER_12), flight=pieces[-1])
    assert client.secur32.inputs[1] == b"".join(pieces)


def test_an_incomplete_message_is_kept(machine: Windows) -> None:
    client = Client(machine)
    client.begin()
    with pytest.raises(unitls.WantReadError):
        client.shake(Step(INCOMPLETE), Step(INCOMPLETE), flight=FLIGHT_13[:-100])
    assert FLIGHT_13.startswith(client.secur32.inputs[-1])
    client.shake(Step(OK, ANSWER_13), flight=FLIGHT_13[-100:])
    assert client.secur32.inputs[-1] == FLIGHT_13


def test_what_is_left_over_is_given_again_without_waiting(machine: Windows) -> None:
    client = Client(machine)
    client.begin()
    end = len(record(23, bytes(100)))
    client.shake(Step(CONTINUE), Step(CONTINUE), Step(CONTINUE, extra=40), Step(OK, ANSWER_13), flight=FLIGHT_13)
    assert client.secur32.inputs[-1] == FLIGHT_13[-end:][-40:]


def test_data_behind_the_last_flight_is_not_lost(machine: Windows) -> None:
    client = Client(machine)
    client.begin()
    last = record(23, bytes(20) + DATA)
    client.shake(Step(CONTINUE), Step(CONTINUE), Step(OK, ANSWER_13, extra=len(DATA)), flight=FLIGHT_13[:-105] + last)
    assert client.receive(Plain(OK, b"early"), wire=b"") == b"early"
    assert client.secur32.deciphered == [DATA]


def test_a_server_that_asks_for_a_certificate_gets_the_same_again(machine: Windows) -> None:
    client = Client(machine)
    client.begin()
    with pytest.raises(unitls.WantReadError):
        client.shake(Step(native.SEC_I_INCOMPLETE_CREDENTIALS), Step(CONTINUE, ANSWER_12), flight=FLIGHT_12)
    assert client.secur32.inputs[1:] == [FLIGHT_12, FLIGHT_12]


def test_the_alert_of_a_failed_handshake_goes_out(machine: Windows) -> None:
    client = Client(machine)
    client.begin()
    alert = record(21, b"\x02\x28")
    with pytest.raises(unitls.ProtocolViolation):
        client.shake(Step(0x80090326, alert), flight=FLIGHT_12)
    assert client.outgoing.read() == alert


PEER_CODES = sorted(errors._FROM_PEER)


@pytest.mark.parametrize("code", PEER_CODES, ids=hex)
def test_statuses_of_the_handshake(machine: Windows, code: int) -> None:
    client = Client(machine)
    client.begin()
    with pytest.raises(unitls.ProtocolViolation) as caught:
        client.shake(Step(code), flight=FLIGHT_12)
    assert caught.value.native_code == code
    assert f"0x{code:08X}" in (caught.value.native_text or "")
    assert str(caught.value) == errors._FROM_PEER[code]


@pytest.mark.parametrize(
    ("code", "failure"),
    [
        (0x80090322, VerifyFailure.NAME_MISMATCH),
        (0x80090325, VerifyFailure.UNKNOWN_ISSUER),
        (0x80090327, VerifyFailure.OTHER),
        (0x80090328, VerifyFailure.EXPIRED),
        (0x80090349, VerifyFailure.BAD_PURPOSE),
        (0x80092010, VerifyFailure.REVOKED),
        (0x800B0109, VerifyFailure.UNKNOWN_ISSUER),
    ],
)
def test_statuses_about_certificates(machine: Windows, code: int, failure: VerifyFailure) -> None:
    client = Client(machine)
    client.begin()
    with pytest.raises(unitls.CertificateVerificationError) as caught:
        client.shake(Step(code), flight=FLIGHT_12)
    assert caught.value.failure is failure


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (native.SEC_E_INVALID_HANDLE, unitls.InternalTLSError),
        (0x80090300, unitls.ProtocolViolation),
        (0x8009030D, unitls.ConfigurationError),
        (0x8009030E, unitls.ConfigurationError),
        (0x8009034D, unitls.ConfigurationError),
    ],
)
def test_further_statuses(machine: Windows, code: int, kind: type[Exception]) -> None:
    client = Client(machine)
    client.begin()
    with pytest.raises(kind, match=r".") as caught:
        client.shake(Step(code), flight=FLIGHT_12)
    assert isinstance(caught.value, errors.SChannelError)


def test_a_failure_before_the_peer_has_spoken_is_ours(machine: Windows) -> None:
    client = Client(machine)
    with pytest.raises(unitls.InternalTLSError):
        client.shake(Step(native.SEC_E_INTERNAL_ERROR))


@pytest.mark.parametrize("alert", [40, 47, 70, 80, 86, 112, 120])
def test_alerts_in_the_clear(machine: Windows, alert: int) -> None:
    client = Client(machine)
    client.begin()
    with pytest.raises(unitls.PeerAlert) as caught:
        client.shake(flight=bytes((21, 3, 3, 0, 2, 2, alert)))
    assert caught.value.alert == alert


def test_an_alert_that_nobody_knows(machine: Windows) -> None:
    client = Client(machine)
    client.begin()
    with pytest.raises(unitls.ProtocolViolation, match="255"):
        client.shake(flight=bytes((21, 3, 3, 0, 2, 2, 255)))


def test_a_warning_in_the_clear_is_no_end(machine: Windows) -> None:
    client = Client(machine)
    client.begin()
    with pytest.raises(unitls.WantReadError):
        client.shake(Step(CONTINUE), Step(CONTINUE, ANSWER_12), flight=bytes((21, 3, 3, 0, 2, 1, 112)) + FLIGHT_12)


def test_close_notify_in_the_handshake(machine: Windows) -> None:
    client = Client(machine)
    client.begin()
    with pytest.raises(unitls.RaggedEOF):
        client.shake(flight=bytes((21, 3, 3, 0, 2, 1, 0)))


@pytest.mark.parametrize(
    ("flight", "reply"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n", Alert.UNEXPECTED_MESSAGE),
        (b"\x16\x03\x03\xff\xff", Alert.RECORD_OVERFLOW),
        (record(23, bytes(20)), Alert.UNEXPECTED_MESSAGE),
        (record(20, b"\x01"), Alert.UNEXPECTED_MESSAGE),
        (record(22, b""), Alert.UNEXPECTED_MESSAGE),
        (record(22, message(20, bytes(12))), Alert.UNEXPECTED_MESSAGE),
        (record(22, message(2, bytes(10))), Alert.DECODE_ERROR),
        (record(22, server_hello(extensions=b"\x00\x01\x00")), Alert.DECODE_ERROR),
        (record(22, server_hello() + message(11, b"\0\0\x05abc")), Alert.DECODE_ERROR),
        (record(22, server_hello() + message(11, b"\0\0\x03\0\0\x09")), Alert.DECODE_ERROR),
        (record(22, server_hello() + certificate(LEAF) * 2), Alert.UNEXPECTED_MESSAGE),
        (record(22, server_hello() + message(12, b"")), Alert.DECODE_ERROR),
        (record(22, server_hello()) + record(23, bytes(20)), Alert.UNEXPECTED_MESSAGE),
    ],
)
def test_what_tls_forbids_is_refused_before_schannel_sees_it(machine: Windows, flight: bytes, reply: Alert) -> None:
    client = Client(machine)
    client.begin()
    with pytest.raises(unitls.ProtocolViolation):
        client.shake(flight=flight)
    assert len(client.secur32.inputs) == 1
    assert client.outgoing.read() == bytes((21, 3, 3, 0, 2, 2, reply))


def test_a_retry_and_a_second_hello(machine: Windows) -> None:
    retry = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
    client = Client(machine)
    client.begin()
    with pytest.raises(unitls.WantReadError):
        client.shake(Step(CONTINUE, HELLO), flight=record(22, server_hello(0x0304, random=retry)))
    assert client.outgoing.read() == HELLO
    client.shake(Step(CONTINUE), Step(CONTINUE), Step(OK, ANSWER_13), flight=FLIGHT_13)
    assert client.tls.group == 0x1D


def test_a_resumed_session_is_judged_again(machine: Windows) -> None:
    client = Client(machine)
    client.begin()
    client.shake(Step(CONTINUE), Step(OK, END_12), flight=record(22, server_hello()) + END_12)
    assert client.tls.session_resumed is True
    assert client.tls.getverifiedchain() == [LEAF, IDENTITIES.authority.certificate_der]
    with windows() as other:
        other.crypt32.status = 0x1
        again = Client(other)
        again.begin()
        with pytest.raises(unitls.CertificateVerificationError):
            again.shake(Step(CONTINUE), Step(OK, END_12), Step(OK), flight=record(22, server_hello()) + END_12)
        assert END_12 not in again.outgoing.read()


def test_a_version_out_of_the_range_is_refused_afterwards(machine: Windows) -> None:
    client = Client(machine, lower_bound=unitls.TLSVersion.TLSv1_3)
    client.begin()
    with pytest.raises(unitls.ProtocolViolation, match="out of the range"):
        client.shake(Step(CONTINUE, ANSWER_12), Step(CONTINUE), Step(OK), flight=FLIGHT_12 + END_12)


# ---------------------------------------------------------------------------------------------- the verdict


def test_a_refused_certificate_of_tls12_is_told_before_schannel_sees_it(machine: Windows) -> None:
    machine.crypt32.status, machine.crypt32.errors, machine.crypt32.path = 0x10000, [0], [LEAF]
    client = Client(machine)
    client.begin()
    with pytest.raises(unitls.CertificateVerificationError) as caught:
        client.shake(flight=FLIGHT_12)
    assert caught.value.failure is VerifyFailure.UNKNOWN_ISSUER
    assert client.outgoing.read() == bytes((21, 3, 3, 0, 2, 2, Alert.UNKNOWN_CA))
    assert len(client.secur32.inputs) == 1, "no last flight was made"


def test_a_refused_certificate_of_tls13_gets_no_last_flight(machine: Windows) -> None:
    machine.crypt32.status = 0x10
    alert = record(23, bytes(19))
    client = Client(machine)
    client.begin()
    with pytest.raises(unitls.CertificateVerificationError) as caught:
        client.shake(Step(CONTINUE), Step(CONTINUE), Step(OK, ANSWER_13), Step(OK, alert), flight=FLIGHT_13)
    assert caught.value.failure is VerifyFailure.BAD_PURPOSE
    assert client.outgoing.read() == alert
    assert client.secur32.controls == [(0, Alert.UNSUPPORTED_CERTIFICATE)]


def test_where_schannel_makes_no_alert_none_is_sent(machine: Windows) -> None:
    machine.crypt32.status, machine.secur32.control_code = 0x10, native.SEC_E_UNSUPPORTED_FUNCTION
    client = Client(machine)
    client.begin()
    with pytest.raises(unitls.CertificateVerificationError):
        client.shake(Step(CONTINUE), Step(CONTINUE), Step(OK, ANSWER_13), flight=FLIGHT_13)
    assert client.outgoing.read() == b""


def test_an_encrypted_flight_waits_for_the_verdict_also_where_more_has_to_come(machine: Windows) -> None:
    machine.secur32.remote = ()
    client = Client(machine)
    client.begin()
    with pytest.raises(unitls.CertificateVerificationError):
        client.shake(Step(CONTINUE), Step(CONTINUE), Step(CONTINUE, ANSWER_13), Step(OK), flight=FLIGHT_13)
    assert ANSWER_13 not in client.outgoing.read()


@pytest.mark.parametrize("remote", [(), IDENTITIES.rsa_server.chain], ids=["none", "another"])
def test_another_certificate_than_was_sent_is_refused(machine: Windows, remote: tuple[bytes, ...]) -> None:
    client = Client(machine)
    client.begin()
    machine.secur32.remote = remote
    with pytest.raises(unitls.InternalTLSError):
        client.shake(Step(CONTINUE, ANSWER_12), Step(CONTINUE), Step(OK), flight=FLIGHT_12 + END_12)


def test_without_validation_nothing_is_judged(machine: Windows) -> None:
    machine.crypt32.status = 0x10000
    client = Client(machine, validate_certificates=False, trust_store=None).connect_12()
    assert client.tls.getpeercert() == LEAF
    assert not machine.crypt32.moments


# ---------------------------------------------------------------------------------------------- data

CONNECT: list[Callable[[Client], Client]] = [Client.connect_12, Client.connect_13]


@pytest.mark.parametrize("connect", CONNECT)
def test_reading_and_writing(machine: Windows, connect: Callable[[Client], Client]) -> None:
    client = connect(Client(machine))
    assert client.receive(Plain(OK, b"hello world"), wire=DATA, amt=5) == b"hello"
    assert client.tls.pending() == 6
    assert client.tls.read() == b" world"
    assert client.tls.write(b"answer") == 6
    assert client.outgoing.read() == record(23, b"answer")[:HEADER] + b"answer" + b"T" * 8
    target = bytearray(4)
    client.secur32.plains.append(Plain(OK, b"into"))
    client.incoming.write(DATA)
    assert client.tls.read_into(target) == 4
    assert target == b"into"


def test_a_long_write_is_cut_into_records(machine: Windows) -> None:
    client = Client(machine).connect_12()
    assert client.tls.write(bytes(40000)) == 40000
    assert len(client.outgoing.read()) == 40000 + 3 * (HEADER + 8)


def test_a_record_without_data_is_passed_over(machine: Windows) -> None:
    client = Client(machine).connect_13()
    assert client.receive(Plain(OK), Plain(OK, b"then"), wire=DATA + DATA) == b"then"


def test_nothing_is_decrypted_before_a_record_is_whole(machine: Windows) -> None:
    client = Client(machine).connect_12()
    for at in range(len(DATA) - 1):
        with pytest.raises(unitls.WantReadError):
            client.receive(wire=DATA[at : at + 1])
    assert not client.secur32.deciphered
    assert client.receive(Plain(OK, b"whole"), wire=DATA[-1:]) == b"whole"


def test_what_decrypting_finds_incomplete_is_kept(machine: Windows) -> None:
    client = Client(machine).connect_13()
    with pytest.raises(unitls.WantReadError):
        client.receive(Plain(INCOMPLETE), wire=DATA)
    client.secur32.plains.append(Plain(INCOMPLETE))
    assert client.receive(Plain(OK, b"both"), wire=TICKET) == b"both"
    assert client.secur32.deciphered[-1] == DATA + TICKET


def test_what_decrypting_leaves_over_is_next(machine: Windows) -> None:
    client = Client(machine).connect_13()
    wire = record(23, bytes(9) + DATA)
    assert client.receive(Plain(OK, b"one ", extra=len(DATA)), Plain(OK, b"two"), wire=wire) == b"one "
    assert client.tls.read() == b"two"
    assert client.secur32.deciphered == [wire, DATA]


@pytest.mark.parametrize(("wine", "close"), [("", Plain(EXPIRED)), ("8.0", Plain(OK))], ids=["Windows", "Wine"])
def test_close_notify(wine: str, close: Plain) -> None:
    with windows(wine=wine) as machine:
        client = Client(machine).connect_12()
        assert client.receive(Plain(OK, b"last"), close, wire=DATA + CLOSE) == b"last"
        assert client.tls.read() == b""
        assert client.tls.write(b"still") == 5


def test_an_alert_that_ends_nothing_is_passed_over(machine: Windows) -> None:
    """Windows says which one is close_notify; a warning must not be taken for it."""
    client = Client(machine).connect_12()
    assert client.receive(Plain(OK), Plain(OK, b"then"), wire=CLOSE + DATA) == b"then"


def test_what_comes_behind_close_notify_stays(machine: Windows) -> None:
    client = Client(machine).connect_13()
    assert client.receive(Plain(EXPIRED, extra=7), wire=DATA) == b""
    assert client.incoming.read() == DATA[-7:]


def test_shutdown_sends_close_notify(machine: Windows) -> None:
    client = Client(machine).connect_12()
    client.secur32.steps.append(Step(OK, CLOSE))
    client.tls.shutdown()
    assert client.secur32.controls == [(1, -1)]
    assert client.outgoing.read() == CLOSE


@pytest.mark.parametrize("cut", [0, 3, 20])
def test_an_end_without_close_notify_is_ragged(machine: Windows, cut: int) -> None:
    client = Client(machine).connect_12()
    client.incoming.write(DATA[:cut])
    client.incoming.write_eof()
    with pytest.raises(unitls.RaggedEOF):
        client.tls.read()


@pytest.mark.parametrize("code", PEER_CODES, ids=hex)
def test_statuses_of_decrypting(machine: Windows, code: int) -> None:
    client = Client(machine).connect_12()
    with pytest.raises(unitls.ProtocolViolation) as caught:
        client.receive(Plain(code), wire=DATA)
    assert caught.value.native_code == code
    with pytest.raises(unitls.ConnectionFault):
        client.tls.read()


@pytest.mark.parametrize(("code", "alert"), sorted(errors._ALERTS.items()))
def test_alerts_that_were_encrypted(machine: Windows, code: int, alert: Alert) -> None:
    client = Client(machine).connect_12()
    with pytest.raises(unitls.PeerAlert) as caught:
        client.receive(Plain(code), wire=CLOSE)
    assert caught.value.alert is alert


def test_wine_says_the_same_of_all_alerts() -> None:
    with windows(wine="8.0") as machine:
        client = Client(machine).connect_12()
        with pytest.raises(unitls.ProtocolViolation):
            client.receive(Plain(native.SEC_E_INTERNAL_ERROR), wire=CLOSE)


def test_a_failure_to_encrypt_is_ours(machine: Windows) -> None:
    client = Client(machine).connect_12()
    machine.secur32.encrypt_code = native.SEC_E_INTERNAL_ERROR
    with pytest.raises(unitls.InternalTLSError):
        client.tls.write(b"data")


# ---------------------------------------------------------------------------------------------- behind the handshake


def test_a_ticket_goes_back_to_the_handshake(machine: Windows) -> None:
    client = Client(machine).connect_13()
    client.secur32.steps.append(Step(OK))
    data = client.receive(Plain(RENEGOTIATE, extra=len(TICKET)), Plain(OK, b"data"), wire=TICKET + DATA)
    assert data == b"data"
    assert client.secur32.inputs[-1] == TICKET


def test_several_tickets_in_a_row(machine: Windows) -> None:
    client = Client(machine).connect_13()
    both = record(23, b"first one" + TICKET)
    client.secur32.steps.extend([Step(OK, extra=len(TICKET)), Step(OK, b"update"), Step(OK)])
    plains = [Plain(RENEGOTIATE, extra=len(both) - 5), *[Plain(RENEGOTIATE, extra=12)] * 2, Plain(OK, b"data")]
    assert client.receive(*plains, wire=both + TICKET + DATA) == b"data"
    # What the handshake leaves over goes back to be decrypted, before anything that comes later.
    assert client.secur32.deciphered == [both, TICKET, TICKET, DATA]
    assert client.secur32.inputs[-3:] == [both[5:], TICKET[-12:], TICKET[-12:]]
    assert client.outgoing.read() == b"update"


def test_plaintext_with_a_ticket_is_not_lost(machine: Windows) -> None:
    client = Client(machine).connect_13()
    client.secur32.steps.append(Step(OK))
    assert client.receive(Plain(RENEGOTIATE, b"with it", extra=9), wire=TICKET) == b"with it"


@pytest.mark.parametrize("code", [INCOMPLETE, CONTINUE])
def test_a_late_message_in_several_records(machine: Windows, code: int) -> None:
    client = Client(machine).connect_13()
    client.secur32.steps.append(Step(code))
    with pytest.raises(unitls.WantReadError):
        client.receive(Plain(RENEGOTIATE, extra=9), wire=TICKET)
    client.secur32.steps.append(Step(OK))
    assert client.receive(Plain(OK, b"data"), wire=TICKET + DATA) == b"data"
    held = TICKET[-9:] if code == INCOMPLETE else b""
    assert client.secur32.inputs[-1] == held + TICKET
    assert client.secur32.deciphered == [TICKET, DATA]


def test_a_late_message_without_bytes_of_its_own(machine: Windows) -> None:
    client = Client(machine).connect_13()
    client.secur32.steps.append(Step(OK))
    assert client.receive(Plain(RENEGOTIATE), Plain(OK, b"data"), wire=TICKET + TICKET + DATA) == b"data"
    assert client.secur32.inputs[-1] == TICKET


def test_a_late_message_that_fails(machine: Windows) -> None:
    client = Client(machine).connect_13()
    client.secur32.steps.append(Step(0x80090326, b"alert"))
    with pytest.raises(unitls.ProtocolViolation):
        client.receive(Plain(RENEGOTIATE, extra=9), wire=TICKET)
    assert client.outgoing.read() == b"alert"


def test_a_flood_of_tickets_ends(machine: Windows) -> None:
    client = Client(machine).connect_13()
    big = record(23, bytes(16000))
    client.secur32.steps.extend([Step(OK)] * 20)
    with pytest.raises(unitls.ProtocolViolation, match="flood"):
        client.receive(*[Plain(RENEGOTIATE, extra=9)] * 20, wire=big * 20)


@pytest.mark.parametrize("wire", [record(22, bytes(20)), DATA], ids=["by its type", "by the status"])
def test_renegotiation_is_refused(machine: Windows, wire: bytes) -> None:
    client = Client(machine).connect_12()
    with pytest.raises(unitls.ProtocolViolation, match="renegotiation"):
        client.receive(Plain(RENEGOTIATE, extra=9), wire=wire)
    assert len(client.secur32.inputs) == 4, "nothing of it goes to the handshake"


# ---------------------------------------------------------------------------------------------- ALPN, memory


@pytest.mark.parametrize("protocol", [b"", b"h2"])
def test_protocols(machine: Windows, protocol: bytes) -> None:
    machine.secur32.protocol = protocol
    client = Client(machine, inner_protocols=(b"h2", b"http/1.1")).connect_12()
    assert client.tls.negotiated_protocol() == (unitls.NextProtocol.H2 if protocol else None)


def test_everything_is_freed(machine: Windows) -> None:
    for connect in CONNECT:
        client = connect(Client(machine))
        assert machine.secur32.contexts == 1
        del client
        gc.collect()
        assert machine.secur32.contexts == 0
    assert machine.secur32.freed == machine.secur32.acquired > 0
    assert machine.crypt32.open == 0
    assert not machine.secur32._kept


# ---------------------------------------------------------------------------------------------- the server's side


class Server:
    """A server over two buffers."""

    def __init__(self, machine: Windows, **changes: Any) -> None:
        self.secur32 = machine.secur32
        configuration = unitls.TLSServerConfiguration(
            **{"identities": (identity_of(IDENTITIES.rsa_server),), **changes}
        )
        self.context = schannel.backend().server_context(configuration)
        self.incoming, self.outgoing = schannel.RecordBuffer(), schannel.RecordBuffer()
        self.tls: Any = self.context.wrap_buffers(self.incoming, self.outgoing)

    def shake(self, *steps: Step, flight: bytes) -> None:
        """Script `steps`, let `flight` come in, and go on with the handshake."""
        self.secur32.steps.extend(steps)
        self.incoming.write(flight)
        self.tls.do_handshake()


REQUIRED = {"client_authentication": ClientAuthentication.REQUIRED, "trust_store": TRUST}
SERVER_FLIGHT = record(22, server_hello()) + record(22, message(12, b"\x03\x00\x18") + message(14, b""))
CLIENT_HELLO = record(22, message(1, b"\x03\x03" + bytes(32) + b"\0" + b"\x00\x02\xc0\x2b" + b"\x01\x00" + b"\x00\x00"))


def test_a_server(machine: Windows) -> None:
    server = Server(machine)
    machine.secur32.remote = ()
    with pytest.raises(unitls.WantReadError):
        server.shake(Step(CONTINUE, SERVER_FLIGHT), flight=CLIENT_HELLO)
    assert server.outgoing.read() == SERVER_FLIGHT
    assert machine.secur32.inputs == [CLIENT_HELLO]
    assert not machine.secur32.flags[0] & 0x2, "nobody is asked for a certificate"
    server.shake(Step(CONTINUE), Step(CONTINUE), Step(OK, END_12), flight=record(22, message(16, b"k")) + END_12)
    assert server.outgoing.read() == END_12
    assert server.tls.negotiated_tls_version is unitls.TLSVersion.TLSv1_2
    assert server.tls.cipher() == 0xC02B
    assert server.tls.group == 0x18
    assert server.tls.getpeercert() is None
    assert server.tls.session_resumed is False


def test_a_server_that_resumes(machine: Windows) -> None:
    server = Server(machine)
    machine.secur32.remote = ()
    with pytest.raises(unitls.WantReadError):
        server.shake(Step(CONTINUE, record(22, server_hello()) + END_12), flight=CLIENT_HELLO)
    server.shake(Step(CONTINUE), Step(OK), flight=END_12)
    assert server.tls.session_resumed is True


@pytest.mark.parametrize("compatible", [record(20, b"\x01"), b""])
def test_a_server_of_tls13_judges_its_client_late(machine: Windows, compatible: bytes) -> None:
    shown = IDENTITIES.client.chain
    for remote, status in ((shown, 0), (shown, 0x1), ((), 0)):
        server = Server(machine, **REQUIRED)
        machine.secur32.remote, machine.crypt32.status = remote, status
        with pytest.raises(unitls.WantReadError):
            server.shake(Step(CONTINUE, FLIGHT_13), flight=CLIENT_HELLO)
        steps = [Step(CONTINUE)] * bool(compatible) + [Step(OK, TICKET), Step(OK, CLOSE)]
        server.outgoing.read()
        if remote and not status:
            server.shake(*steps[:-1], flight=compatible + DATA)
            assert server.outgoing.read() == TICKET
            assert server.tls.getpeercert() == shown[0]
            continue
        with pytest.raises(unitls.CertificateVerificationError):
            server.shake(*steps, flight=compatible + DATA)
        assert server.outgoing.read() == CLOSE
        due = Alert.CERTIFICATE_EXPIRED if remote else Alert.CERTIFICATE_REQUIRED
        assert machine.secur32.controls[-1] == (0, due)


def test_a_server_that_refuses_a_client(machine: Windows) -> None:
    server = Server(machine, **REQUIRED)
    with pytest.raises(unitls.WantReadError):
        server.shake(Step(CONTINUE, SERVER_FLIGHT), flight=CLIENT_HELLO)
    assert machine.secur32.flags[0] & 0x2
    server.outgoing.read()
    machine.crypt32.status = 0x1
    with pytest.raises(unitls.CertificateVerificationError):
        server.shake(flight=record(22, certificate(IDENTITIES.client.chain[0])))
    assert server.outgoing.read() == bytes((21, 3, 3, 0, 2, 2, Alert.CERTIFICATE_EXPIRED))


def test_a_server_that_misses_a_client_s_certificate(machine: Windows) -> None:
    server = Server(machine, **REQUIRED)
    with pytest.raises(unitls.WantReadError):
        server.shake(Step(CONTINUE, SERVER_FLIGHT), flight=CLIENT_HELLO)
    server.outgoing.read()
    with pytest.raises(unitls.CertificateVerificationError):
        server.shake(flight=record(22, certificate()))
    assert server.outgoing.read() == bytes((21, 3, 3, 0, 2, 2, Alert.HANDSHAKE_FAILURE))


def test_wine_s_server_is_not_trusted_to_ask() -> None:
    with windows(wine="10.0") as machine, pytest.raises(unitls.UnsupportedFeature):
        Server(machine, **REQUIRED)
    with windows(wine="8.0") as machine, pytest.raises(unitls.UnsupportedFeature, match="Wine 10"):
        Server(machine)
