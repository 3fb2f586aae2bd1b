"""Cases on peers that misbehave, and on the errors themselves."""

from __future__ import annotations

import socket
from typing import Final

from ..api._alerts import AlertDescription
from ..api._errors import (
    CertificateVerificationError,
    ConfigurationError,
    ConnectionFault,
    InternalTLSError,
    PeerAlert,
    ProtocolViolation,
    RaggedEOF,
    TLSError,
    UnsupportedFeature,
    WantReadError,
    WantWriteError,
)
from ..api._features import Feature
from ..api._trust import TrustStore
from ..api._versions import TLSVersion
from ._case import BUFFERS, ONCE, QUICK, UNBOUND, case
from ._ends import PATIENCE, BufferEnd, End
from ._expect import equal, instance, raises, require, same
from ._kit import HOST, Kit
from ._pair import Pair

_GARBAGE: Final = {
    "an HTTP request": b"GET / HTTP/1.1\r\nHost: server.test\r\n\r\n",
    "an HTTP reply": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "an SMTP greeting": b"220 mail.test ESMTP\r\n",
    "an SSH greeting": b"SSH-2.0-test\r\n",
    "zeros": bytes(64),
    "ones": b"\xff" * 64,
    "an SSL 2.0 ClientHello": b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10" + bytes(40),
    "application data": b"\x17\x03\x03\x00\x10" + bytes(16),
    "an empty handshake record": b"\x16\x03\x01\x00\x00" * 40,
    "a record over the limit": b"\x16\x03\x03\xff\xff" + bytes(300),
    "a handshake message of 16 MiB": b"\x16\x03\x03\x40\x00\x01\xff\xff\xff" + bytes(16380),
    "a Finished first": b"\x16\x03\x03\x00\x10\x14\x00\x00\x0c" + bytes(12),
    "a change of ciphers first": b"\x14\x03\x03\x00\x01\x01" * 40,
}


def _error_of(pair: Pair, end: End) -> Exception | None:
    return pair.drive({end: end.tls.do_handshake})[end].error


@case("garbage", "garbage-http", versions=UNBOUND)
def garbage_at_the_server(kit: Kit) -> None:
    """Something else than a ClientHello is a ProtocolViolation."""
    server = kit.server()
    for what, data in _GARBAGE.items():
        pair = kit.pair(server=server)
        pair.server.inject(data)
        pair.server.end_incoming()
        instance(_error_of(pair, pair.server), ConnectionFault, f"{what}: the server's error")
        if what not in ("a handshake message of 16 MiB", "an empty handshake record", "a change of ciphers first"):
            instance(_error_of(pair, pair.server), ProtocolViolation, f"{what}: the server's error")
        raises(ConnectionFault, lambda p=pair: p.server.read(1), f"{what}: reading afterwards")


@case("garbage", versions=UNBOUND)
def garbage_at_the_client(kit: Kit) -> None:
    """Something else than a ServerHello is a ProtocolViolation."""
    client = kit.client()
    for what, data in _GARBAGE.items():
        pair = kit.pair(client)
        raises(WantReadError, pair.client.tls.do_handshake, "the ClientHello")
        pair.client.inject(data)
        pair.client.end_incoming()
        error = instance(_error_of(pair, pair.client), ConnectionFault, f"{what}: the client's error")
        if what not in ("an empty handshake record", "a change of ciphers first", "zeros"):
            require(isinstance(error, (ProtocolViolation, RaggedEOF)), f"{what}: the client's error {error!r}")


@case("garbage", drives=QUICK, versions=UNBOUND)
def a_greeting_of_another_protocol(kit: Kit) -> None:
    """A server that greets in plain text, and then waits, is refused at once: it would be waited for for ever."""
    client = kit.client()
    for greeting in (
        b"220 mail.example ESMTP\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"+OK\r\n",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
    ):
        pair = kit.pair(client)
        raises(WantReadError, pair.client.tls.do_handshake, "the ClientHello")
        pair.client.inject(greeting)
        instance(_error_of(pair, pair.client), ProtocolViolation, f"the error for the greeting {greeting!r}")


@case("client-hello-pieces", drives=BUFFERS, versions=UNBOUND)
def client_hello_in_many_records(kit: Kit) -> None:
    """A ClientHello spread over many records is put together again."""
    pair = kit.pair()
    assert isinstance(pair.client, BufferEnd)
    raises(WantReadError, pair.client.tls.do_handshake, "the ClientHello")
    hello = pair.client.outgoing.read()
    body = hello[5:]
    size = 50
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    pair.server.inject(b"".join(b"\x16\x03\x01" + len(piece).to_bytes(2, "big") + piece for piece in pieces))
    pair.handshake().echo()


@case("eof-handshake", "eof-ragged")
def nothing_but_an_end(kit: Kit) -> None:
    """A peer that ends the transport without a word is a RaggedEOF."""
    for role in ("client", "server"):
        pair = kit.pair()
        end = getattr(pair, role)
        end.end_incoming()
        instance(_error_of(pair, end), RaggedEOF, f"the {role}'s error")
        raises(ConnectionFault, end.tls.do_handshake, "the handshake once more")


@case("eof-handshake", drives=ONCE)
def handshake_cut_at_every_byte(kit: Kit) -> None:
    """A transport cut at any byte of the handshake is a RaggedEOF at the end that still waits, and never accepted."""
    client, server = kit.client(), kit.server()
    for role in ("client", "server"):
        keep, total = 0, 1
        while keep < total:
            total = _cut(kit.pair(client, server), role, keep)
            keep += 1
        require(total > 100, f"the handshake sends {total} bytes to the {role}")


def _cut(pair: Pair, role: str, keep: int) -> int:
    """Let `keep` bytes arrive at `role`, then the end; gives how many bytes the whole handshake would have sent."""
    victim, other = getattr(pair, role), pair.other(getattr(pair, role))
    assert isinstance(victim, BufferEnd)
    assert isinstance(other, BufferEnd)
    arrived = total = 0
    for _ in range(4):
        for end in (other, victim):
            _shake(end)
        total += len(flight := other.outgoing.read())
        arrived += victim.incoming.write(flight[: keep - arrived])
        other.incoming.write(victim.outgoing.read())
    # The last of a TLS 1.3 handshake that goes to a client are tickets: it is done before them.
    if not _shake(victim):
        victim.incoming.write_eof()
        raises(RaggedEOF, victim.tls.do_handshake, f"the {role}, cut off after {keep} bytes")
        return total
    return min(total, keep)


def _shake(end: BufferEnd) -> bool:
    try:
        end.tls.do_handshake()
    except WantReadError:
        return False
    return True


@case("alert-heard", drives=QUICK, versions=UNBOUND)
def alerts_of_the_peer(kit: Kit) -> None:
    """A fatal alert is a PeerAlert that says which, also one that the registry does not know."""
    for code in (40, 47, 70, 80, 86, 112, 120):
        pair = kit.pair()
        raises(WantReadError, pair.client.tls.do_handshake, "the ClientHello")
        pair.client.inject(b"\x15\x03\x03\x00\x02\x02" + bytes([code]))
        error = instance(_error_of(pair, pair.client), PeerAlert, f"the client's error for the alert {code}")
        same(error.alert, AlertDescription(code), "the alert")


@case("alert-sent")
def alert_for_a_refused_certificate(kit: Kit) -> None:
    """A server whose issuer is unknown hears unknown_ca (RFC 8446 section 6.2)."""
    _, at_server = kit.pair(kit.client(trust_store=_stranger(kit))).attempt()
    equal(instance(at_server, PeerAlert, "the server's error").alert, AlertDescription.UNKNOWN_CA, "the alert")


@case("starttls-injection", versions=UNBOUND)
def plaintext_behind_starttls(kit: Kit) -> None:
    """Plaintext that is there before a client's handshake begins is a ProtocolViolation."""
    injected = b"220 injected\r\n"
    if kit.is_buffers:
        buffers = kit.client_backend.memory_buffer(), kit.client_backend.memory_buffer()
        buffers[0].write(injected)
        client = kit.client()
        raises(
            ProtocolViolation, lambda: client.wrap_buffers(*buffers, server_hostname=HOST), "plaintext in the buffer"
        )
        equal(buffers[1].pending, 0, "what was sent")
        return
    left, right = kit.sockets(blocking=False)
    right.sendall(injected)
    left.settimeout(PATIENCE)
    require(left.recv(1, socket.MSG_PEEK), "the plaintext is there")
    raises(ProtocolViolation, lambda: kit.client().wrap_socket(left, server_hostname=HOST), "plaintext on the socket")


@case("handshake-size", drives=BUFFERS, needs=[Feature.HANDSHAKE_SIZE_LIMIT])
def handshake_over_the_limit(kit: Kit) -> None:
    """A handshake longer than max_handshake_size is a ProtocolViolation."""
    pair = kit.pair(kit.client(max_handshake_size=1024), kit.server(identities=(kit.rsa_identity,)))
    raises(WantReadError, pair.client.tls.do_handshake, "the ClientHello")
    pair.client.inject((b"\x16\x03\x03\x10\x00\x02\x00\xff\xff" + bytes(4092)) * 3)
    instance(_error_of(pair, pair.client), ProtocolViolation, "the client's error")
    pair = kit.pair(server=kit.server(max_handshake_size=1024))
    pair.server.inject(b"\x16\x03\x01\x40\x00\x01\x00\x3f\xfc" + bytes(16380))
    instance(_error_of(pair, pair.server), ProtocolViolation, "the server's error")
    raises(ConfigurationError, lambda: kit.client(max_handshake_size=10), "a limit of 10 bytes")


@case("renegotiation", "flood", drives=ONCE, versions=(TLSVersion.TLSv1_2,))
def empty_records_without_end(kit: Kit) -> None:
    """Records without application data do not go on for ever (here: warning alerts and empty records)."""
    pair = kit.connected()
    pair.echo()
    pair.server.inject(b"\x16\x03\x03\x00\x00" * 40_000)
    outcome = pair.drive({pair.server: lambda: pair.server.read(1)})[pair.server]
    instance(outcome.error, ConnectionFault, "a flood of empty records")


@case("garbage", "flood", drives=ONCE)
def damage_is_the_peers_fault(kit: Kit) -> None:
    """Warnings without end, or a record of another version, are a ConnectionFault or nothing, never an InternalTLSError."""
    client, server = kit.client(), kit.server()
    for damaged in (None, *range(8)):
        pair = kit.pair(client, server)
        assert isinstance(pair.client, BufferEnd)
        assert isinstance(pair.server, BufferEnd)
        _shake(pair.client)
        pair.server.incoming.write(pair.client.outgoing.read())
        _shake(pair.server)
        flight = bytearray(pair.server.outgoing.read())
        if damaged is None:
            flight[:0] = b"\x15\x03\x03\x00\x02\x01\x5a" * 500
        else:
            _change_version(flight, damaged)
        pair.client.incoming.write(bytes(flight))
        try:
            _shake(pair.client)
        except Exception as error:
            instance(error, ConnectionFault, f"the client's error ({damaged})")


@case("garbage", drives=ONCE, versions=(TLSVersion.TLSv1_3,))
def key_share_that_is_none(kit: Kit) -> None:
    """A ClientHello with key shares of zeros is a ProtocolViolation: it has nothing to do with a certificate."""
    pair = kit.pair()
    assert isinstance(pair.client, BufferEnd)
    _shake(pair.client)
    hello = bytearray(pair.client.outgoing.read())
    at = _key_shares(hello)
    end = at + 2 + int.from_bytes(hello[at : at + 2], "big")
    at += 2
    while at < end:
        size = int.from_bytes(hello[at + 2 : at + 4], "big")
        hello[at + 4 : at + 4 + size] = bytes(size)
        at += 4 + size
    pair.server.inject(bytes(hello))
    instance(_error_of(pair, pair.server), ProtocolViolation, "the server's error")


def _key_shares(hello: bytearray) -> int:
    """Where the list of key shares begins, in a ClientHello that is alone in its record (RFC 8446 section 4.2.8)."""
    at = 44 + hello[43]
    at += 2 + int.from_bytes(hello[at : at + 2], "big")
    at += 1 + hello[at] + 2
    while hello[at : at + 2] != b"\x00\x33":
        at += 4 + int.from_bytes(hello[at + 2 : at + 4], "big")
    return at + 4


def _change_version(flight: bytearray, number: int) -> None:
    """Let the record with this number, if there is one, be of a version that does not exist."""
    start = 0
    for _ in range(number):
        start += 5 + int.from_bytes(flight[start + 3 : start + 5], "big")
    if start < len(flight):
        flight[start + 1] = 2


# ---------------------------------------------------------------------------------------------- the errors themselves

_TREE: Final = {
    WantReadError: (TLSError,),
    WantWriteError: (TLSError,),
    ConfigurationError: (TLSError, ValueError),
    UnsupportedFeature: (ConfigurationError, NotImplementedError),
    ConnectionFault: (TLSError, OSError),
    RaggedEOF: (ConnectionFault,),
    CertificateVerificationError: (ConnectionFault,),
    PeerAlert: (ConnectionFault,),
    ProtocolViolation: (ConnectionFault,),
    InternalTLSError: (TLSError,),
}


@case("error-tree", drives=ONCE, versions=UNBOUND)
def tree_of_errors(kit: Kit) -> None:
    """Errors say who is to blame: their classes form the tree of the documentation."""
    for error, bases in _TREE.items():
        for base in bases:
            require(issubclass(error, base), f"{error.__name__} is a {base.__name__}")
    for signal in (WantReadError, WantWriteError, ConfigurationError, InternalTLSError):
        require(not issubclass(signal, OSError), f"{signal.__name__} is no OSError")


@case("error-native", "error-subclass", drives=QUICK)
def errors_of_the_backend(kit: Kit) -> None:
    """Faults are subclasses of the backend's own, have a text, and keep the library's words where it said something."""
    at_client, at_server = kit.pair(kit.client(trust_store=_stranger(kit))).attempt()
    for error, backend in ((at_client, kit.client_backend), (at_server, kit.server_backend)):
        fault = instance(error, ConnectionFault, "the error")
        require(str(fault).strip(), "the error has a text")
        require(
            type(fault).__module__ != "unitls.api._errors", f"{type(fault).__name__} is {backend.name}'s own subclass"
        )
        require(
            fault.native_code is not None or fault.native_text or fault.__cause__ is None,
            "the library's words are kept",
        )


def _stranger(kit: Kit) -> TrustStore:
    return TrustStore.from_buffer(kit.identities.client.chain[0])
