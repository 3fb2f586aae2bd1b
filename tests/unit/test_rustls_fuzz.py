"""Whatever a peer sends to the rustls backend ends in our errors or in success, never in a panic or another exception."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import random
import struct
from collections.abc import Iterator
from typing import Any

import pytest
from _rustls import BACKEND, HOST, IDS, TRUST, contexts, identity, native, raw_pair, wrapped

import unitls
from unitls import TLSError, TLSVersion

HANDSHAKE, APPLICATION_DATA = 22, 23
SUITE = 0x1301
"""TLS_AES_128_GCM_SHA256: its keys are what `Keys` derives."""
BOTH_SIGN = (
    {"identities": (identity(IDS.client),)},
    {"client_authentication": unitls.ClientAuthentication.OPTIONAL, "trust_store": TRUST},
)
"""Configurations with which the client shows a certificate, too: each end then parses every message."""


def of_version(version: TLSVersion) -> tuple[unitls.ClientContext, unitls.ServerContext]:
    client, server = ({**one, "lower_bound": version, "upper_bound": version} for one in BOTH_SIGN)
    return contexts(client, server)


# ---------------------------------------------------------------------------------------------- damage


def warped(data: bytes, chance: random.Random) -> bytes:
    """`data` with one to three things wrong."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 3)):
        if not changed:
            break
        position, kind = chance.randrange(len(changed)), chance.randrange(5)
        if kind == 0:
            changed[position] ^= 1 << chance.randrange(8)
        elif kind == 1:
            del changed[position:]
        elif kind == 2:
            changed[position:position] = chance.randbytes(chance.randint(1, 40))
        elif kind == 3:
            del changed[position : position + chance.randint(1, 40)]
        else:
            changed[position] = chance.choice((0, 1, 0x14, 0x15, 0x16, 0x17, 0x7F, 0xFF))
    return bytes(changed)


def message(kind: int, body: bytes) -> bytes:
    return struct.pack(">BBH", kind, len(body) >> 16, len(body) & 0xFFFF) + body


def warped_message(whole: bytes, chance: random.Random) -> bytes:
    """A handshake message with something wrong: most often behind its header, which then is right."""
    if chance.random() < 0.2:
        return warped(whole, chance)
    kind = chance.randrange(256) if chance.random() < 0.1 else whole[0]
    return message(kind, warped(whole[4:], chance))


def record(kind: int, payload: bytes) -> bytes:
    return struct.pack(">BHH", kind, 0x0303, len(payload)) + payload


def records(wire: bytes) -> Iterator[tuple[int, bytes]]:
    while wire:
        end = 5 + int.from_bytes(wire[3:5], "big")
        yield wire[0], wire[5:end]
        wire = wire[end:]


def messages(stream: bytes) -> Iterator[bytes]:
    while stream:
        end = 4 + int.from_bytes(stream[1:4], "big")
        yield stream[:end]
        stream = stream[end:]


def damaged(wire: bytes, chance: random.Random) -> bytes:
    """A flight with something wrong: anywhere, or within one record whose header then is right."""
    parts = list(records(wire))
    if not parts or chance.random() < 0.4:
        return warped(wire, chance)
    chosen = chance.randrange(len(parts))
    kind, payload = parts[chosen]
    plain = kind == HANDSHAKE and len(payload) >= 4 and int.from_bytes(payload[1:4], "big") == len(payload) - 4
    parts[chosen] = kind, warped_message(payload, chance) if plain else warped(payload, chance)
    return b"".join(record(*part) for part in parts)


# ---------------------------------------------------------------------------------------------- whole connections


def talk(client: Any, server: Any, up: Any, down: Any, broken: int, chance: random.Random) -> None:
    """Take a connection from its start to its end, with one of its five flights damaged."""
    flights = ((client, up), (server, down), (client, up), (server, down))
    for index, (end, buffer) in enumerate(flights):
        end.handshake_step()
        if index == broken:
            buffer.write(damaged(buffer.read(), chance))
    client.write(b"x" * 500)
    if broken == len(flights):
        up.write(damaged(up.read(), chance))
    server.read()
    server.write(b"y" * 500)
    client.read()
    client.shutdown()
    assert server.read() == b""


@pytest.mark.parametrize("version", [TLSVersion.TLSv1_2, TLSVersion.TLSv1_3])
@pytest.mark.parametrize("broken", range(5))
def test_damaged_flights_end_in_our_errors(broken: int, version: TLSVersion) -> None:
    chance, made, faults = random.Random(broken), of_version(version), []
    for _ in range(60):
        try:
            talk(*wrapped(made), broken, chance)
        except TLSError as error:
            faults.append(error)
    assert len(faults) > 30
    assert not [error for error in faults if isinstance(error, unitls.InternalTLSError)]  # what a panic would be


def test_random_bytes_end_in_our_errors() -> None:
    chance, (client, server), faults = random.Random(0), contexts(), []
    for _ in range(200):
        for is_client in (True, False):
            incoming, outgoing = BACKEND.memory_buffer(), BACKEND.memory_buffer()
            wrap: Any = client.wrap_buffers if is_client else server.wrap_buffers
            victim = wrap(incoming, outgoing, *([HOST] if is_client else []))
            victim.feed(bytes((22, 3, 3)) + chance.randbytes(chance.randint(0, 300)))
            try:
                victim.handshake_step()
            except TLSError as error:
                faults.append(error)
    assert len(faults) > 200
    assert not [error for error in faults if isinstance(error, unitls.InternalTLSError)]


def split(wire: bytes, chance: random.Random) -> bytes:
    """The same messages in records of other sizes, as far as they are in the clear."""
    cut = b""
    for kind, payload in records(wire):
        if kind == HANDSHAKE and payload[0] < 25 and int.from_bytes(payload[1:4], "big") == len(payload) - 4:
            while payload:
                size = chance.randint(1, 200)
                cut += record(kind, payload[:size])
                payload = payload[size:]
        else:
            cut += record(kind, payload)
    return cut


@pytest.mark.parametrize("version", [TLSVersion.TLSv1_2, TLSVersion.TLSv1_3])
def test_messages_may_come_in_any_pieces(version: TLSVersion) -> None:
    chance, made = random.Random(1), of_version(version)
    for _ in range(10):
        client, server, up, down = wrapped(made)
        done = {client: False, server: False}
        while not all(done.values()):
            for end, target in ((client, down), (server, up)):
                wire = split(target.read(), chance)
                while wire and not done[end]:
                    size = chance.choice((1, 3, 50, 1000))
                    target.write(wire[:size])
                    wire = wire[size:]
                    done[end] = end.handshake_step()
                target.write(wire)
                done[end] = done[end] or end.handshake_step()
        server.write(b"whole")
        assert client.read() == b"whole"


# ---------------------------------------------------------------------------------------------- behind the encryption


class Keys:
    """What protects the records that one end sends (RFC 8446 section 5.2), from its secret in the key log."""

    def __init__(self, secret: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._aead = AESGCM(self._expand(secret, b"key", 16))
        self._iv = int.from_bytes(self._expand(secret, b"iv", 12), "big")
        self._number = 0

    @staticmethod
    def _expand(secret: bytes, label: bytes, size: int) -> bytes:
        info = struct.pack(">HB", size, 6 + len(label)) + b"tls13 " + label + b"\0\1"
        return hmac.digest(secret, info, hashlib.sha256)[:size]

    def _nonce(self) -> bytes:
        self._number += 1
        return (self._iv ^ (self._number - 1)).to_bytes(12, "big")

    def seal(self, kind: int, content: bytes) -> bytes:
        head = struct.pack(">BHH", APPLICATION_DATA, 0x0303, len(content) + 17)
        return head + self._aead.encrypt(self._nonce(), content + bytes((kind,)), head)

    def messages(self, wire: bytes) -> list[bytes]:
        """The handshake messages in what was sent."""
        stream = b""
        for kind, payload in records(wire):
            if kind == APPLICATION_DATA:
                head = struct.pack(">BHH", kind, 0x0303, len(payload))
                stream += self._aead.decrypt(self._nonce(), payload, head)[:-1]
        return list(messages(stream))


def secrets(end: Any) -> dict[str, bytes]:
    lines = (line.split() for line in end.take_log().splitlines())
    return {label: bytes.fromhex(secret) for label, _, secret in lines}


def step(end: Any) -> None:
    with contextlib.suppress(native.WantRead):
        end.handshake()


class Phase:
    """A connection of native objects, stopped where one end waits for messages that are encrypted.

    Attributes:
        victim: the end that waits.
        incoming: its buffer.
        is_done: whether its handshake is over.
        expected: what the other end would send to it.
        secret: what protects that.
    """

    def __init__(self, made: tuple[unitls.ClientContext, unitls.ServerContext], name: str) -> None:
        self.is_done = name.startswith("after")
        client, server, up, down = raw_pair(made)
        step(client)
        step(server)
        log, flight = secrets(server), down.read()
        hello_end = 5 + int.from_bytes(flight[3:5], "big")
        if name == "server's flight":
            down.write(flight[:hello_end])
            step(client)
            self._stop(client, down, flight[hello_end:], log["SERVER_HANDSHAKE_TRAFFIC_SECRET"])
            return
        down.write(flight)
        step(client)
        log |= secrets(server)
        answer = up.read()
        if name == "client's flight":
            self._stop(server, up, answer, log["CLIENT_HANDSHAKE_TRAFFIC_SECRET"])
            return
        up.write(answer)
        step(server)
        log |= secrets(server) | secrets(client)
        if name == "after the handshake, to the client":
            self._stop(client, down, down.read(), log["SERVER_TRAFFIC_SECRET_0"])
        else:
            self._stop(server, up, b"", log["CLIENT_TRAFFIC_SECRET_0"])

    def _stop(self, victim: Any, incoming: Any, wire: bytes, secret: bytes) -> None:
        self.victim, self.incoming, self.secret = victim, incoming, secret
        self.expected = Keys(secret).messages(wire)


PHASES = (
    "server's flight",
    "client's flight",
    "after the handshake, to the client",
    "after the handshake, to the server",
)
KEY_UPDATES = [message(24, b"\0"), message(24, b"\1")]


def hostile(expected: list[bytes], chance: random.Random) -> list[tuple[int, bytes]]:
    """Types and contents of records: what is expected, with something wrong."""
    sent = [*expected, *KEY_UPDATES] if not expected or chance.random() < 0.2 else list(expected)
    index = chance.randrange(len(sent))
    sent[index] = warped_message(sent[index], chance)
    if chance.random() < 0.1:
        chance.shuffle(sent)
    stream, kind = b"".join(sent), HANDSHAKE
    if chance.random() < 0.1:
        kind, stream = chance.choice((0, 20, 21, 23, 24, 255)), chance.randbytes(chance.choice((0, 1, 2, 50)))
    size = chance.choice((1 + len(stream), 1 + len(stream) // 2, 100))
    return [(kind, stream[start : start + size]) for start in range(0, max(1, len(stream)), size)]


def received(phase: Phase, sent: list[tuple[int, bytes]]) -> Any:
    """What the victim makes of records; `None` if it takes them."""
    keys = Keys(phase.secret)
    for kind, content in sent:
        phase.incoming.write(keys.seal(kind, content))
    try:
        phase.victim.read(1000) if phase.is_done else phase.victim.handshake()
    except native.WantRead:
        return None
    except native.Error as error:
        return error
    return None


@pytest.mark.parametrize("name", PHASES)
def test_forged_messages_end_in_our_errors(name: str, tmp_path: Any) -> None:
    pytest.importorskip("cryptography")
    more = {"ciphers": (SUITE,), "lower_bound": TLSVersion.TLSv1_3, "key_log": str(tmp_path / "keys")}
    chance, faults = random.Random(name), []
    made = contexts({**BOTH_SIGN[0], **more, "session_cache": unitls.SessionCache()}, {**BOTH_SIGN[1], **more})
    phase = Phase(made, name)
    assert received(phase, [(HANDSHAKE, b"".join(phase.expected or KEY_UPDATES[:1]))]) is None
    for _ in range(200):
        phase = Phase(made, name)
        faults.append(received(phase, hostile(phase.expected, chance)))
    assert {error.args[0] for error in faults if error} <= {"alert", "certificate", "library"}
    words = {error.args[1] for error in faults if error}
    assert not words & {"Panic", "General"}
    assert len(words) > 8, words  # the messages have come to where they are parsed
