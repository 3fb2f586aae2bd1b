"""Cases on application data: reading, writing, and the ways in which it ends."""

from __future__ import annotations

import array
import os
from typing import Any

from ..api._errors import (
    ConfigurationError,
    ConnectionFault,
    PeerAlert,
    ProtocolViolation,
    RaggedEOF,
    WantReadError,
    WantWriteError,
)
from ..core._memory_buffer import MemoryBuffer
from ._case import BUFFERS, ONCE, QUICK, UNBOUND, case
from ._ends import BufferEnd
from ._expect import NotApplicable, equal, instance, raises, require
from ._kit import HOST, Kit
from ._pair import Pair


@case("data-before-handshake", "auto-handshake-off", drives=BUFFERS, versions=UNBOUND)
def data_before_the_handshake(kit: Kit) -> None:
    """Reading and writing before the handshake is a ConfigurationError, and does no harm."""
    pair = kit.pair()
    for end in (pair.client, pair.server):
        raises(ConfigurationError, lambda e=end: e.read(1), "reading before the handshake")
        raises(ConfigurationError, lambda e=end: e.write(b"early"), "writing before the handshake")
        raises(ConfigurationError, lambda e=end: e.read_into(bytearray(5)), "reading before the handshake")
    pair.handshake().echo()


@case("read-want", "want-signals")
def nothing_to_read(kit: Kit) -> None:
    """Reading where nothing is raises WantReadError, again and again, and harms nothing."""
    pair = kit.connected()
    pair.echo()
    for end in (pair.client, pair.server):
        for _ in range(3):
            raises(WantReadError, lambda e=end: e.read(10), "reading where nothing is")
            raises(WantReadError, lambda e=end: e.read_into(bytearray(10)), "reading where nothing is")
    pair.echo()


@case("read-amount", "read-pending")
def reading_in_parts(kit: Kit) -> None:
    """A read gives no more than was asked for; what is left stays, and pending() counts it."""
    pair = kit.connected()
    pair.client.write(b"0123456789")
    equal(pair.read(pair.server, 3), b"012", "read(3)")
    require(1 <= pair.server.tls.pending() <= 7, f"pending() after 3 of 10 bytes: {pair.server.tls.pending()}")
    equal(pair.server.read(100), b"3456789", "read(100)")
    equal(pair.server.tls.pending(), 0, "pending() when all is read")


@case("read-none", drives=BUFFERS)
def reading_all_there_is(kit: Kit) -> None:
    """read() without an amount gives everything that is there, over several records."""
    pair = kit.connected()
    if not isinstance(pair.server, BufferEnd) or not isinstance(pair.client, BufferEnd):
        raise NotApplicable("for buffers")
    for part in (b"one", b"two", b"three"):
        pair.client.write(part)
    pair.server.incoming.write(pair.client.outgoing.read())
    equal(pair.server.read(None), b"onetwothree", "read()")
    pair.close_write(pair.client)
    equal(pair.server.read(), b"", "read() at the end")


@case("read-zero")
def reading_nothing(kit: Kit) -> None:
    """An amount of 0 gives nothing at once; a negative one is a ValueError."""
    pair = kit.connected()
    for end in (pair.client, pair.server):
        equal(end.read(0), b"", "read(0)")
        raises(ValueError, lambda e=end: e.read(-1), "read(-1)")
        equal(end.read_into(bytearray()), 0, "read_into an empty buffer")
    pair.echo()


@case("read-into")
def reading_into_a_buffer(kit: Kit) -> None:
    """read_into fills the buffer from its start, no further than was asked or than it is long."""
    pair = kit.connected()
    pair.client.write(b"0123456789")
    target = bytearray(b"........")
    outcome = pair.drive({pair.server: lambda: pair.server.read_into(target, 4)})[pair.server]
    equal((outcome.result("read_into"), bytes(target)), (4, b"0123...."), "read_into(buffer, 4)")
    equal((pair.server.read_into(target), bytes(target)), (6, b"456789.."), "read_into(buffer)")
    pair.client.write(b"0123456789")
    view = memoryview(array.array("H", [0] * 3))
    outcome = pair.drive(
        {pair.server: lambda: pair.server.tls.read_into(view) if kit.is_buffers else pair.server.tls.recv_into(view)}
    )[pair.server]
    equal((outcome.result("read_into"), view.tobytes()), (6, b"012345"), "read_into a view of 16-bit items")
    equal(pair.server.read(10), b"6789", "what did not fit")


@case("read-into-eof", "read-eof")
def reading_into_a_buffer_at_the_end(kit: Kit) -> None:
    """read_into gives 0 at the clean end."""
    pair = kit.connected()
    pair.transfer(pair.client, b"last")
    pair.close_write(pair.client)
    outcome = pair.drive({pair.server: lambda: pair.server.read_into(bytearray(4))})[pair.server]
    equal(outcome.result("read_into"), 0, "read_into at the end")


@case("write-result", "write-empty", "write-types")
def writing(kit: Kit) -> None:
    """Small writes are taken whole, whatever the type; nothing is written of nothing."""
    pair = kit.connected()
    items: list[Any] = [b"bytes", bytearray(b"bytearray"), memoryview(b"view"), memoryview(array.array("I", [1, 2]))]
    for item in items:
        equal(pair.client.write(item), memoryview(item).nbytes, f"write of a {type(item).__name__}")
    whole = b"".join(bytes(memoryview(item).cast("B")) for item in items)
    got = bytearray()
    while len(got) < len(whole):
        got += pair.read(pair.server, len(whole) - len(got))
    equal(bytes(got), whole, "what arrived")
    equal(pair.client.write(b""), 0, "write of nothing")
    raises(TypeError, lambda: pair.client.write("text"), "write of text")
    pair.echo()


@case("data-bulk")
def many_bytes_both_ways(kit: Kit) -> None:
    """Many bytes arrive as they were sent, both ways."""
    pair = kit.connected()
    data = os.urandom(kit.bulk)
    pair.echo(data)


@case("write-short", drives=ONCE)
def writing_much_at_once(kit: Kit) -> None:
    """A single large write takes some of it, says how much, and that much arrives."""
    pair = kit.connected()
    data = os.urandom(5_000_000)
    taken = pair.client.write(data)
    require(0 < taken <= len(data), f"write() of {len(data)} bytes gave {taken}")
    got = bytearray()
    while len(got) < taken:
        got += pair.read(pair.server)
    equal(bytes(got), data[:taken], "what arrived")
    raises(WantReadError, lambda: pair.server.read(1), "reading more than was taken")


@case("write-want", "buffer-bounded", "want-signals", drives=ONCE)
def writing_into_a_full_buffer(kit: Kit) -> None:
    """A full outgoing buffer gives WantWriteError; nothing is lost, and writing goes on once there is room."""
    pair = _bounded_pair(kit, 100).handshake()
    data = os.urandom(100_000)
    got = pair.transfer(pair.client, data)
    equal(got, data, "what arrived through a buffer of 100 bytes")
    for _ in range(10):
        try:
            pair.client.write(b"x" * 1000)
        except WantWriteError:
            break
    else:
        require(False, "write() never raised WantWriteError although the outgoing buffer is full")


def _bounded_pair(kit: Kit, limit: int) -> Pair:
    """A pair whose outgoing buffers hold `limit` bytes."""
    client, server = kit.client(), kit.server()

    def small() -> MemoryBuffer:
        return MemoryBuffer(limit)

    return Pair(
        _MixedEnd(MemoryBuffer, small, lambda source, sink: client.wrap_buffers(source, sink, HOST)),
        _MixedEnd(MemoryBuffer, small, server.wrap_buffers),
    )


@case("buffer-bounded", drives=ONCE)
def handshake_through_small_buffers(kit: Kit) -> None:
    """Buffers of a few bytes suffice, however slowly it goes."""
    for limit in (1, 7, 1000):
        pair = _bounded_pair(kit, limit).handshake()
        pair.echo()
        pair.close_write(pair.client)


@case("buffer-kinds", drives=ONCE, versions=UNBOUND)
def buffers_of_every_kind(kit: Kit) -> None:
    """Any source and sink will do: the backend's own, `unitls.MemoryBuffer`, `ssl.MemoryBIO`, also mixed."""
    kinds: list[Any] = [kit.client_backend.memory_buffer, kit.server_backend.memory_buffer, MemoryBuffer]
    try:
        import ssl
    except ImportError:
        pass
    else:
        kinds.append(ssl.MemoryBIO)
    client, server = kit.client(), kit.server()
    for one in kinds:
        for two in kinds:
            pair = Pair(
                _MixedEnd(one, two, lambda source, sink: client.wrap_buffers(source, sink, HOST)),
                _MixedEnd(two, one, server.wrap_buffers),
            )
            pair.handshake().echo(b"x" * 40_000)
            pair.cut(pair.client)
            raises(RaggedEOF, lambda p=pair: p.read(p.server, 1), "the end of the transport")


class _MixedEnd(BufferEnd):
    """An end whose two buffers are of different kinds."""

    def __init__(self, incoming: Any, outgoing: Any, wrap: Any) -> None:
        made = iter((incoming(), outgoing()))
        super().__init__(lambda: next(made), wrap)


# ---------------------------------------------------------------------------------------------- how it ends


@case("read-eof", "shutdown-sends")
def clean_end(kit: Kit) -> None:
    """After close_notify the peer reads what was sent, and then the empty byte string, for good."""
    for sender in ("client", "server"):
        pair = kit.connected()
        end = getattr(pair, sender)
        end.write(b"last words")
        pair.close_write(end)
        other = pair.other(end)
        equal(pair.read(other, 100), b"last words", "what was sent before the end")
        for _ in range(3):
            equal(pair.read(other, 100), b"", "reading at the clean end")


@case("half-close")
def one_direction_ends(kit: Kit) -> None:
    """Who has sent close_notify can still read; who has received one can still write."""
    for sender in ("client", "server"):
        pair = kit.connected()
        end = getattr(pair, sender)
        other = pair.other(end)
        pair.close_write(end)
        equal(pair.read(other, 1), b"", "reading at the clean end")
        data = os.urandom(kit.bulk // 10)
        equal(pair.transfer(other, data), data, "what was sent after the other direction had ended")
        raises(ConnectionFault, lambda e=end: e.write(b"x"), "writing after close_notify")
        pair.close_write(other)
        equal(pair.read(end, 1), b"", "reading at the clean end")


@case("shutdown-keeps-data")
def data_that_crosses_the_end(kit: Kit) -> None:
    """What the peer has sent before it hears of our close_notify can still be read."""
    pair = kit.connected()
    pair.server.write(b"under way")
    pair.drive({pair.client: pair.client.close_write})
    equal(pair.read(pair.client, 100), b"under way", "what was under way")
    equal(pair.read(pair.server, 1), b"", "reading at the clean end")


@case("alert-heard", "eof-ragged", drives=ONCE)
def alert_that_crosses_the_end(kit: Kit) -> None:
    """A fatal alert that was there before shutdown() is no clean end: the next read tells it."""
    pair = kit.connected()
    pair.echo()
    pair.server.inject(b"\x17\x03\x03\x00\x20" + bytes(32))
    raises(ProtocolViolation, lambda: pair.read(pair.server, 100), "a forged record")
    pair.client.close_write()
    instance(pair.drive({pair.client: lambda: pair.client.read(1)})[pair.client].error, PeerAlert, "what is read then")


@case("shutdown-again", drives=BUFFERS)
def ending_twice(kit: Kit) -> None:
    """A second shutdown does nothing."""
    pair = kit.connected()
    for _ in range(3):
        pair.close_write(pair.client)
    equal(pair.read(pair.server, 1), b"", "reading at the clean end")
    pair.close_write(pair.server)
    pair.close_write(pair.server)
    equal(pair.read(pair.client, 1), b"", "reading at the clean end")


@case("shutdown-before-handshake", drives=BUFFERS, versions=UNBOUND)
def ending_before_the_handshake(kit: Kit) -> None:
    """shutdown() before the handshake ends the connection without an exception; nothing can be written then."""
    pair = kit.pair()
    pair.client.close_write()
    raises((ConnectionFault), lambda: pair.client.write(b"x"), "writing after the end")


@case("eof-ragged")
def ragged_end(kit: Kit) -> None:
    """A transport that ends without close_notify gives the data, and then RaggedEOF, for good."""
    for sender in ("client", "server"):
        pair = kit.connected()
        end = getattr(pair, sender)
        other = pair.other(end)
        equal(pair.transfer(end, b"data"), b"data", "what was sent")
        version = other.tls.negotiated_tls_version
        end.write(b"more")
        pair.cut(end)
        equal(pair.read(other, 100), b"more", "what was sent before the cut")
        for _ in range(3):
            raises(RaggedEOF, lambda p=pair, o=other: p.read(o, 100), "reading behind the cut")
            raises(RaggedEOF, lambda o=other: o.read_into(bytearray(4)), "reading behind the cut")
        equal(other.tls.negotiated_tls_version, version, "the version of a connection that is lost")


@case("eof-ragged", "eof-mid-record", drives=ONCE)
def cut_in_a_record(kit: Kit) -> None:
    """A record that is cut at any byte gives RaggedEOF and none of its data."""
    for keep in range(1, 40, 3):
        pair = kit.connected()
        pair.echo()
        record = _sealed(pair, b"0123456789")
        pair.server.inject(record[: min(keep, len(record) - 1)])
        pair.server.end_incoming()
        raises(RaggedEOF, lambda p=pair: p.read(p.server, 100), f"a record cut after {keep} bytes")


@case("record-tampered", "alert-sent", drives=ONCE)
def forged_record(kit: Kit) -> None:
    """A record with one bit changed is a ProtocolViolation; the peer hears bad_record_mac."""
    pair = kit.connected()
    pair.echo()
    record = bytearray(_sealed(pair, b"0123456789"))
    record[-1] ^= 1
    pair.server.inject(bytes(record))
    raises(ProtocolViolation, lambda: pair.read(pair.server, 100), "a forged record")
    raises(ConnectionFault, lambda: pair.server.write(b"x"), "writing after a fault")
    raises(ConnectionFault, lambda: pair.server.read(1), "reading after a fault")


@case("record-order", drives=ONCE)
def records_replayed_and_dropped(kit: Kit) -> None:
    """A record that comes twice, or one that is left out, is a ProtocolViolation."""
    for change in ("twice", "left out"):
        pair = kit.connected()
        pair.echo()
        first, second = _sealed(pair, b"first"), _sealed(pair, b"second")
        pair.server.inject(first + first if change == "twice" else second)
        if change == "twice":
            equal(pair.read(pair.server, 5), b"first", "the first time")
        raises(ProtocolViolation, lambda p=pair: p.read(p.server, 100), f"a record {change}")


@case("record-limit")
def record_over_the_limit(kit: Kit) -> None:
    """A record longer than TLS allows is a ProtocolViolation, and is not waited for."""
    pair = kit.connected()
    pair.echo()
    pair.server.inject(b"\x17\x03\x03\xff\xff" + bytes(20_000))
    outcome = pair.drive({pair.server: lambda: pair.server.read(100)})[pair.server]
    instance(outcome.error, ProtocolViolation, "a record of 65,535 bytes")


@case("record-foreign", drives=QUICK)
def plaintext_between_records(kit: Kit) -> None:
    """Plaintext in the middle of a connection is a ProtocolViolation."""
    pair = kit.connected()
    pair.echo()
    pair.client.inject(b"HTTP/1.1 200 OK\r\n\r\n")
    raises(ProtocolViolation, lambda: pair.read(pair.client, 100), "plaintext between records")


def _sealed(pair: Pair, data: bytes) -> bytes:
    """The ciphertext of `data` from the client, held back."""
    client = pair.client
    assert isinstance(client, BufferEnd)
    pair.move({})
    client.write(data)
    record: bytes = client.outgoing.read()
    return record
