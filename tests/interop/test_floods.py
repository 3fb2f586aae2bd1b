"""Floods of KeyUpdates (TLS 1.3) and of requests to renegotiate (TLS 1.2) end with an error, soon, in both roles."""

from __future__ import annotations

import contextlib
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from _forger import APPLICATION_DATA, HELLO_REQUEST, Forger, key_update
from _ours import TIMEOUT, OurServer, connected, exchange
from _pki import PKI, SERVER_NAME

import unitls
from unitls import Feature, TLSVersion
from unitls.testing import load_expectations
from unitls.testing._expectations import expected

LIMIT = 256 * 1024
"""More than any backend may take in without a byte of application data."""


@dataclass(frozen=True, slots=True)
class Attack:
    """One of our buffers, and the forger that it has shaken hands with."""

    ours: unitls.TLSWrappedBuffer
    incoming: Any
    outgoing: Any
    forger: Forger


@pytest.fixture(params=["our_server", "our_client"])
def attack(
    request: pytest.FixtureRequest, backend: unitls.Backend, version: TLSVersion, pki: PKI, tmp_path: Path
) -> Attack:
    """A connection of the given version, in each role that the backend has."""
    is_server = request.param == "our_server"
    needed = (Feature.SERVER,) if is_server else (Feature.CLIENT, Feature.CUSTOM_TRUST_STORE)
    if not all(backend.capabilities.supports(feature) for feature in needed):
        pytest.skip(f"{backend.name} lacks the role")
    incoming, outgoing = backend.memory_buffer(), backend.memory_buffer()
    if is_server:
        ours = _server_context(backend, pki).wrap_buffers(incoming, outgoing)
    else:
        client = backend.client_context(unitls.TLSClientConfiguration(trust_store=pki.trust()))
        ours = client.wrap_buffers(incoming, outgoing, SERVER_NAME)
    forger = Forger(pki, version, tmp_path, is_server=not is_server)
    forger.shake_hands(ours, incoming, outgoing)
    return Attack(ours, incoming, outgoing, forger)


_TLS12 = pytest.mark.parametrize("version", [TLSVersion.TLSv1_2], ids=["TLSv1_2"], indirect=True)
_TLS13 = pytest.mark.parametrize("version", [TLSVersion.TLSv1_3], ids=["TLSv1_3"], indirect=True)
_REQUESTED = pytest.mark.parametrize("requested", [False, True], ids=["one_way", "both_ways"])


def _server_context(backend: unitls.Backend, pki: PKI) -> unitls.ServerContext:
    return backend.server_context(unitls.TLSServerConfiguration(identities=(pki.identity("server"),)))


def _send_until_refused(attack: Attack, message: bytes) -> tuple[int, int]:
    """Send `message` again and again, each time in a record of its own; how much went in and came out until the error."""
    fed = answered = 0
    while fed < LIMIT:
        record = attack.forger.seal(message)
        fed += len(record)
        attack.incoming.write(record)
        try:
            attack.ours.read()
        except unitls.WantReadError:
            answered += len(attack.outgoing.read())
        except unitls.ProtocolViolation:
            return fed, answered + attack.outgoing.pending
    pytest.fail(f"{fed} bytes of messages were taken in without an error")


@_TLS13
@_REQUESTED
def test_key_updates_between_data(attack: Attack, requested: bool) -> None:
    """As many KeyUpdates as one likes are followed while data comes between them, unless that is known to fail."""
    bounded = _is_known_to_fail(attack)
    for number in range(2000):
        text = b"%d" % number
        attack.incoming.write(attack.forger.seal(key_update(requested)))
        attack.incoming.write(attack.forger.seal(text, APPLICATION_DATA))
        try:
            assert attack.ours.read() == text
        except unitls.ProtocolViolation:
            assert bounded
            return
    assert not bounded, "the expectation about KeyUpdates is no longer true"


def _is_known_to_fail(attack: Attack) -> bool:
    """Whether the kit expects that our end, in its role, does not follow many KeyUpdates."""
    ours, lines = attack.ours.context.backend.name, load_expectations()
    if attack.ours.server_side:
        line = expected(lines, "forger", ours, "many-key-updates-of-the-client", "TLSv1_3-whole")
    else:
        line = expected(lines, ours, "forger", "many-key-updates-of-the-server", "TLSv1_3-whole")
    return line is not None


@_TLS13
@_REQUESTED
def test_flood_of_key_updates(attack: Attack, requested: bool) -> None:
    """One after the other: refused, and no more was sent than came in."""
    fed, answered = _send_until_refused(attack, key_update(requested))
    assert answered <= fed + 1000
    with pytest.raises(unitls.ConnectionFault):
        attack.ours.read()


@_TLS13
@_REQUESTED
def test_flood_of_key_updates_at_once(attack: Attack, requested: bool) -> None:
    """All in one piece: refused as well."""
    records = [attack.forger.seal(key_update(requested)) for _ in range(LIMIT // 27)]
    attack.incoming.write(b"".join(records))
    with pytest.raises(unitls.ProtocolViolation):
        attack.ours.read()
    assert attack.outgoing.pending <= LIMIT + 1000


@_TLS12
def test_flood_of_renegotiation(attack: Attack) -> None:
    """The peer asks for a new handshake again and again."""
    message = attack.forger.client_hello if attack.ours.server_side else HELLO_REQUEST
    fed, answered = _send_until_refused(attack, message)
    assert answered <= fed + 1000


@_TLS13
@pytest.mark.needs(Feature.SERVER, Feature.CLIENT, Feature.CUSTOM_TRUST_STORE)
def test_server_survives_the_flood(backend: unitls.Backend, version: TLSVersion, pki: PKI, tmp_path: Path) -> None:
    """A server on sockets ends the connection with an error, and serves the next client."""
    client = backend.client_context(unitls.TLSClientConfiguration(trust_store=pki.trust()))
    with OurServer(_server_context(backend, pki)) as server:
        with socket.create_connection(server.address, TIMEOUT) as raw:
            forger = Forger(pki, version, tmp_path, is_server=False)
            forger.shake_hands_over(raw)
            flood = b"".join(forger.seal(key_update(False)) for _ in range(LIMIT // 27))
            with contextlib.suppress(ConnectionError):  # it may be ended before all of it was sent
                raw.sendall(flood)
            assert isinstance(server.next_report().error, unitls.ProtocolViolation)
        with connected(client, server.port, SERVER_NAME) as connection:
            exchange(connection, rounds=1)
        assert server.next_report().error is None
