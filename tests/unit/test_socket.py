from __future__ import annotations

import contextlib
import copy
import errno
import io
import os
import pickle
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from _link import IDS, TIMEOUT, client_context, pump, quick_provider, secure_pair, server_context, socket_pair

import unitls
from unitls.testing import _fake_wire as wire
from unitls.testing._fake import FakeProvider, FakeViolation, Outcome, Script

BIG = bytes(range(256)) * 4096  # a mebibyte


@contextmanager
def background(*calls: Callable[[], Any]) -> Iterator[None]:
    """Run calls in threads; what one raises is raised here at the end."""
    errors: list[BaseException] = []

    def run(call: Callable[[], Any]) -> None:
        try:
            call()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(call,), daemon=True) for call in calls]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for thread in threads:
            thread.join(2 * TIMEOUT)
        assert not any(thread.is_alive() for thread in threads)
    if errors:
        raise errors[0]


def receive(end: Any, size: int) -> bytes:
    parts = []
    while size:
        part = end.recv(min(size, 65536))
        assert part, "the stream ended early"
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def fill(end: Any, data: bytes = bytes(16384)) -> int:
    """Send without blocking until the transport takes no more; how much was taken."""
    total = 0
    while True:
        try:
            total += end.send(data)
        except unitls.WantWriteError:
            return total


# ---------------------------------------------------------------------------------------------- data


@pytest.mark.parametrize("timeout", [None, TIMEOUT])
def test_data_both_ways(timeout: float | None) -> None:
    with secure_pair(timeout=timeout) as (client, server):
        client.sendall(b"ping")
        assert server.recv(100) == b"ping"
        assert server.send(b"pong") == 4
        assert client.recv(2) == b"po"
        assert client.pending() == 2
        assert client.recv(2) == b"ng"
        with background(lambda: client.sendall(BIG)):
            assert receive(server, len(BIG)) == BIG


def test_data_does_not_travel_in_the_clear() -> None:
    with socket_pair() as (left, right):
        left.setblocking(False)
        end = client_context().wrap_socket(left, False, "server.test")
        with pytest.raises(unitls.WantReadError):
            end.do_handshake()
        assert right.recv(5)[:2] == b"\x16\x03"
        end.close()


@pytest.mark.parametrize("make", [FakeProvider, quick_provider])
@pytest.mark.parametrize("script", [Script(short_write=1), Script(short_write=5000), Script(clean_end_is_empty=True)])
def test_data_with_an_odd_library(script: Script, make: Callable[..., FakeProvider]) -> None:
    with secure_pair(client_context(make(script)), server_context(make(script))) as (client, server):
        data = BIG[:4000]
        with background(lambda: client.sendall(data), lambda: server.sendall(data)):
            assert receive(server, len(data)) == data
            assert receive(client, len(data)) == data
        client.shutdown(socket.SHUT_WR)
        assert server.recv(1) == b""


def test_recv_into_and_its_sizes() -> None:
    with secure_pair() as (client, server):
        client.sendall(b"0123456789")
        buffer = bytearray(8)
        assert server.recv_into(buffer, 3) == 3
        assert buffer[:3] == b"012"
        assert server.recv_into(memoryview(buffer)[2:]) == 6
        assert bytes(buffer) == b"01345678"
        assert server.recv_into(buffer) == 1
        assert server.recv_into(bytearray()) == 0
        with pytest.raises(TypeError):
            server.recv_into(b"read-only")  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="negative"):
            server.recv_into(buffer, -1)


def test_sizes_and_flags_of_recv_and_send() -> None:
    with secure_pair() as (client, server):
        assert server.recv(0) == b""
        with pytest.raises(ValueError, match="negative"):
            server.recv(-1)
        assert client.send(b"") == 0
        client.sendall(b"")
        for call in (
            lambda: server.recv(1, socket.MSG_PEEK),
            lambda: server.recv_into(bytearray(1), 1, socket.MSG_PEEK),
            lambda: client.send(b"x", 1),
            lambda: client.sendall(b"x", 1),
        ):
            with pytest.raises(unitls.ConfigurationError, match="flags"):
                call()


def test_any_bytes_can_be_sent() -> None:
    from array import array

    with secure_pair() as (client, server):
        client.sendall(bytearray(b"ab"))
        client.sendall(memoryview(b"xcdx")[1:3])
        assert client.send(array("H", [0x6565])) == 2  # type: ignore[arg-type]
        with pytest.raises(TypeError):
            client.send("text")  # type: ignore[arg-type]
        assert receive(server, 6) == b"abcdee"


# ---------------------------------------------------------------------------------------------- ends


def test_a_clean_end_is_empty_and_stays_without_waiting() -> None:
    with secure_pair(timeout=TIMEOUT) as (client, server):
        raw = client._raw  # type: ignore[attr-defined]
        client.sendall(b"last")
        buffer = client._buffer  # type: ignore[attr-defined]
        buffer.shutdown()
        raw.sendall(buffer.take())  # close_notify, and the transport stays open
        assert receive(server, 4) == b"last"
        assert server.recv(10) == b""  # where it waited for more, it would end with TimeoutError
        assert server.recv(10) == b""
        assert server.recv_into(bytearray(3)) == 0
        server.sendall(b"still open")
        assert client.recv(100) == b"still open"


def test_an_end_without_close_notify_is_ragged() -> None:
    with secure_pair() as (client, server):
        client.sendall(b"last")
        client._raw.shutdown(socket.SHUT_WR)  # type: ignore[attr-defined]
        assert server.recv(100) == b"last"
        for _ in range(2):
            with pytest.raises(unitls.RaggedEOF):
                server.recv(100)
        with pytest.raises(unitls.ConnectionFault):
            server.sendall(b"x")


def test_close_says_goodbye_and_closes_the_transport() -> None:
    with secure_pair() as (client, server):
        client.close()
        assert client.fileno() == -1
        assert server.recv(1) == b""
        client.close()
        for call in (
            lambda: client.recv(1),
            lambda: client.send(b"x"),
            lambda: client.sendall(b"x"),
            client.do_handshake,
        ):
            with pytest.raises(OSError) as caught:  # noqa: PT011
                call()
            assert not isinstance(caught.value, TimeoutError)


def test_after_close_nothing_is_read_that_was_buffered() -> None:
    with secure_pair() as (client, server):
        client.sendall(b"buffered")
        assert server.recv(1) == b"b"
        assert server.pending()
        server.close()
        assert not server.pending()
        with pytest.raises(OSError, match=r".") as caught:
            server.recv(1)
        assert caught.value.errno == errno.EBADF


def test_shutdown_of_writing_sends_close_notify_then_fin() -> None:
    with secure_pair() as (client, server):
        client.shutdown(socket.SHUT_WR)
        assert server.recv(1) == b""
        assert server._raw.recv(1) == b""  # type: ignore[attr-defined]
        with pytest.raises(unitls.ConnectionFault, match="close_notify was sent"):
            client.send(b"late")
        server.sendall(b"answer")
        assert client.recv(100) == b"answer"
        server.shutdown(socket.SHUT_RDWR)
        assert client.recv(1) == b""


def test_an_unknown_way_to_shut_down_is_refused_and_sends_nothing() -> None:
    with secure_pair() as (client, server):
        with pytest.raises(OSError, match="Invalid argument"):
            client.shutdown(7)
        client.sendall(b"x")
        assert server.recv(1) == b"x"


def test_shutdown_of_reading_sends_nothing() -> None:
    with secure_pair() as (client, server):
        client.shutdown(socket.SHUT_RD)
        client.sendall(b"x")
        assert server.recv(1) == b"x"
        server.settimeout(0)
        with pytest.raises(unitls.WantReadError):
            server.recv(1)


def test_the_context_manager_closes() -> None:
    with secure_pair() as (client, server):
        with client:
            client.sendall(b"x")
        assert client.fileno() == -1
        assert server.recv(9) == b"x"
        assert server.recv(9) == b""


def test_detach_leaves_the_descriptor_alone() -> None:
    with secure_pair() as (client, server):
        number = client.detach()
        with socket.socket(fileno=number) as again:
            assert client.fileno() == -1
            client.close()
            again.sendall(b"\0" * 5)
        with pytest.raises(OSError, match=r"."):
            client.recv(1)
        with pytest.raises(unitls.ConnectionFault):
            server.recv(1)


def test_unwrap_gives_the_plain_socket_back() -> None:
    with secure_pair() as (client, server):
        raw = client._raw  # type: ignore[attr-defined]
        results: list[Any] = []
        with background(lambda: results.append(server.unwrap())):
            plain = client.unwrap()
        assert plain is raw
        plain.sendall(b"plain")
        assert results[0].recv(100) == b"plain"
        assert client.trailing_data == server.trailing_data == b""
        client.close()
        assert plain.fileno() >= 0
        plain.close()
        results[0].close()


def test_after_unwrap_the_plain_stream_is_not_touched() -> None:
    with secure_pair() as (client, server):
        plain: list[socket.socket] = []
        with background(lambda: plain.append(server.unwrap())):
            plain.append(client.unwrap())
        plain[0].sendall(b"not for TLS")
        plain[1].sendall(b"not for TLS")
        for end in (client, server):
            for call in (
                lambda end=end: end.recv(5),
                lambda end=end: end.recv_into(bytearray(5)),
                lambda end=end: end.shutdown(socket.SHUT_RDWR),
                end.unwrap,
            ):
                with pytest.raises(OSError, match=r"."):
                    call()
        for raw in plain:
            assert raw.recv(100) == b"not for TLS"
            raw.close()


def test_what_follows_close_notify_is_trailing_data() -> None:
    with secure_pair() as (client, server):
        buffer, raw = client._buffer, client._raw  # type: ignore[attr-defined]
        buffer.shutdown()
        raw.sendall(buffer.take() + b"QUIT\r\n" + bytes(100))
        plain = server.unwrap()
        rest = server.trailing_data + plain.recv(1000)
        while len(rest) < 106:
            rest += plain.recv(1000)
        assert rest == b"QUIT\r\n" + bytes(100)
        plain.close()


def test_unwrap_refuses_to_lose_data() -> None:
    with secure_pair() as (client, server):
        server.sendall(b"unread")
        with pytest.raises(unitls.ConnectionFault, match="read it before"):
            client.unwrap()


def test_unwrap_needs_a_handshake() -> None:
    with socket_pair() as (left, right):
        wrapped = client_context().wrap_socket(left, server_hostname="server.test", auto_handshake=False)
        with pytest.raises(unitls.ConfigurationError, match="handshake is not done"):
            wrapped.unwrap()
        wrapped.close()
        assert right.recv(100) == b"", "nothing was sent in the clear"


def test_unwrap_without_waiting() -> None:
    with secure_pair(timeout=0) as (client, server):
        with pytest.raises(unitls.WantReadError):
            client.unwrap()
        plain = server.unwrap()
        client.unwrap().close()
        plain.close()


def test_unwrap_of_a_ragged_end() -> None:
    with secure_pair() as (client, server):
        server._raw.close()  # type: ignore[attr-defined]
        with pytest.raises((unitls.RaggedEOF, ConnectionError)):
            client.unwrap()


# ---------------------------------------------------------------------------------------------- without blocking


def test_signals_without_blocking() -> None:
    with secure_pair(timeout=0) as (client, server):
        assert client.getblocking() is False
        with pytest.raises(unitls.WantReadError):
            server.recv(10)
        with pytest.raises(unitls.WantReadError):
            server.recv_into(bytearray(10))
        client.sendall(b"x")
        assert server.recv(10) == b"x"


def test_a_send_that_has_to_be_repeated_sends_its_data_once() -> None:
    with secure_pair(timeout=0) as (client, server):
        block = os.urandom(16384)
        expected = fill(client, block) + len(block)
        got = bytearray()
        repeated = False
        while len(got) < expected:
            if not repeated:
                try:
                    repeated = client.send(block) == len(block)
                except unitls.WantWriteError:
                    assert select.select([server], [], [], TIMEOUT)[0]
            try:
                got += server.recv(65536)
            except unitls.WantReadError:
                assert select.select([server], [client], [], TIMEOUT)[:2] != ([], [])
        client.sendall(b"end")
        server.settimeout(TIMEOUT)
        assert bytes(got) + receive(server, expected + 3 - len(got)) == block * (expected // len(block)) + b"end"


def test_a_repeated_send_with_less_data_is_refused() -> None:
    with secure_pair(timeout=0) as (client, server):
        fill(client)
        with pytest.raises(unitls.ConfigurationError, match="same data"):
            client.send(b"short")
        assert server.recv(10)


def test_a_send_that_times_out_and_is_repeated_sends_its_data_once() -> None:
    with secure_pair(timeout=0) as (client, server):
        block = os.urandom(16384)
        client.settimeout(0.05)
        sent = 0
        while True:
            try:
                sent += client.send(block)
            except TimeoutError:
                break
        got = bytearray()
        server.settimeout(TIMEOUT)
        client.settimeout(TIMEOUT)

        def repeat() -> None:
            left = block
            while left:
                left = left[client.send(left) :]
            client.shutdown(socket.SHUT_WR)

        with background(repeat):
            while part := server.recv(65536):
                got += part
        assert len(got) == sent + len(block)
        assert got == block * (len(got) // len(block))


def test_a_non_blocking_handshake() -> None:
    with socket_pair(0) as (left, right):
        client = client_context().wrap_socket(left, True, "server.test")
        server = server_context(Script(rounds=2)).wrap_socket(right)
        assert client.cipher() is None
        pump(client, server)
        assert client.cipher() is server.cipher()
        client.sendall(b"x")
        assert server.recv(1) == b"x"
        client.close()
        server.close()


def test_data_before_the_handshake_runs_it_without_blocking_too() -> None:
    with socket_pair(0) as (left, right):
        client = client_context().wrap_socket(left, True, "server.test")
        server = server_context().wrap_socket(right)
        data = b""
        for _ in range(20):
            for call in (lambda: client.send(b"early"), lambda: server.recv(100)):
                try:
                    result = call()
                except (unitls.WantReadError, unitls.WantWriteError):
                    continue
                data += result if isinstance(result, bytes) else b""
            if data:
                break
        assert data.startswith(b"early")
        client.close()
        server.close()


# ---------------------------------------------------------------------------------------------- timeouts


def test_a_timeout_is_the_built_in_one() -> None:
    with secure_pair(timeout=0.05) as (client, server):
        assert server.gettimeout() == server.timeout == 0.05
        for call in (lambda: server.recv(1), lambda: server.recv_into(bytearray(1)), server.unwrap):
            with pytest.raises(TimeoutError):
                call()
        client.settimeout(TIMEOUT)
        server.settimeout(TIMEOUT)
        client.sendall(b"later")
        assert server.recv(10) == b"later"


def trickle(raw: socket.socket, data: bytes, stop: threading.Event) -> None:
    """Send an octet from time to time: `data` is so long that this takes far longer than any test may."""
    assert len(data) * 0.02 > 2 * TIMEOUT
    for octet in data:
        if stop.wait(0.02):
            return
        raw.send(bytes((octet,)))


def test_a_timeout_is_a_deadline_for_the_whole_call() -> None:
    stop = threading.Event()
    with secure_pair(timeout=0.3) as (client, server):
        record = wire.record(wire.DATA, wire.seal(bytes(16384)))
        with background(lambda: trickle(client._raw, record, stop)):  # type: ignore[attr-defined]
            began = time.monotonic()
            with pytest.raises(TimeoutError):
                server.recv(10)
            took = time.monotonic() - began
            stop.set()
        assert 0.25 < took < TIMEOUT


def test_a_handshake_with_a_silent_or_trickling_peer_ends_at_its_deadline() -> None:
    hello = wire.client_hello(versions=(0x0304,), suites=range(0x2000, 0x3000))
    for slow in (False, True):
        for socket_timeout, limit in ((0.2, None), (None, 0.2), (TIMEOUT, 0.2)):
            stop = threading.Event()
            with socket_pair(socket_timeout) as (left, right):
                server = server_context(quick_provider() if slow else None, handshake_timeout=limit).wrap_socket(right)
                with background(*[lambda stop=stop, left=left: trickle(left, hello, stop)][: int(slow)]):
                    began = time.monotonic()
                    with pytest.raises(TimeoutError):
                        server.do_handshake()
                    took = time.monotonic() - began
                    stop.set()
                assert 0.15 < took < TIMEOUT
                server.close()


def test_a_peer_that_does_not_read_ends_sendall_at_its_deadline() -> None:
    with secure_pair(timeout=0.2) as (client, _):
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            client.sendall(bytes(50_000_000))
        assert 0.15 < time.monotonic() - began < TIMEOUT


def test_blocking_modes() -> None:
    with secure_pair() as (client, _):
        client.setblocking(False)
        assert (client.gettimeout(), client.getblocking()) == (0.0, False)
        client.setblocking(True)
        assert (client.gettimeout(), client.getblocking()) == (None, True)
        with pytest.raises(ValueError, match="out of range"):
            client.settimeout(-1)


# ---------------------------------------------------------------------------------------------- files


def test_makefile_reads_and_writes_plaintext() -> None:
    with secure_pair() as (client, server):
        with client.makefile("w", encoding="ascii", newline="\r\n") as out, server.makefile("rb") as source:
            out.write("GET /\nHost: x\n")
            out.flush()
            assert source.readline() == b"GET /\r\n"
            assert source.read1(100) == b"Host: x\r\n"
        with server.makefile("rwb", buffering=0) as raw, client.makefile(encoding="utf-8") as text:
            assert raw.write(b"one\ntwo\n") == 8
            assert text.readline() == "one\n"
            assert next(iter(text)) == "two\n"


def test_the_socket_closes_with_its_last_file() -> None:
    with secure_pair() as (client, server):
        source, other = server.makefile("rb"), server.makefile("rb")
        server.close()
        client.sendall(b"still read")
        assert source.read(10) == b"still read"
        source.close()
        assert server.fileno() >= 0
        other.close()
        assert server.fileno() == -1
        assert client.recv(1) == b""


def test_a_file_sees_the_clean_end_and_the_ragged_one() -> None:
    with secure_pair() as (client, server), server.makefile("rb") as source:
        client.sendall(b"all of it")
        client.shutdown(socket.SHUT_WR)
        assert source.read() == b"all of it"
    with secure_pair() as (client, server), server.makefile("rb") as source:
        client.sendall(b"cut")
        client._raw.shutdown(socket.SHUT_WR)  # type: ignore[attr-defined]
        with pytest.raises(unitls.RaggedEOF):
            source.read()


def test_sendfile(tmp_path: Any) -> None:
    path = tmp_path / "file"
    path.write_bytes(BIG[:200_000])
    with secure_pair() as (client, server), path.open("rb") as file:
        with background(lambda: client.sendfile(file, 100)):
            assert receive(server, 199_900) == BIG[100:200_000]
        assert file.tell() == 200_000
        assert client.sendfile(file, 10, 20) == 20
        assert file.tell() == 30
        assert receive(server, 20) == BIG[10:30]
        assert client.sendfile(io.BytesIO(b"memory"), 2) == 4
        assert receive(server, 4) == b"mory"
        assert client.sendfile(file, 200_000) == 0
        with pytest.raises(ValueError, match="positive"):
            client.sendfile(file, 0, 0)
        with pytest.raises(ValueError, match="negative"):
            client.sendfile(file, -1)
        with path.open(encoding="latin-1") as text, pytest.raises(ValueError, match="binary"):
            client.sendfile(text)  # type: ignore[arg-type]
        client.setblocking(False)
        with pytest.raises(ValueError, match="non-blocking"):
            client.sendfile(file)


# ---------------------------------------------------------------------------------------------- threads


def test_one_thread_reads_while_another_writes() -> None:
    """Each fake engine raises `AssertionError` if it is called during another call."""
    with secure_pair(timeout=None) as (client, server):
        got: dict[str, bytes] = {}
        with background(
            lambda: client.sendall(BIG),
            lambda: server.sendall(BIG[::-1]),
            lambda: got.update(client=receive(client, len(BIG))),
            lambda: got.update(server=receive(server, len(BIG))),
        ):
            pass
        assert got == {"client": BIG[::-1], "server": BIG}


def test_two_writers_do_not_mix_their_records() -> None:
    with secure_pair() as (client, server):
        lines = [b"%c" % (65 + number) * 999 + b"\n" for number in range(4)]
        with background(*[lambda line=line: [client.sendall(line) for _ in range(50)] for line in lines]):
            data = receive(server, 4 * 50 * 1000)
        assert sorted(data.splitlines(keepends=True)) == sorted(lines * 50)


def test_two_threads_at_the_first_use() -> None:
    with socket_pair() as (left, right):
        server = server_context().wrap_socket(right)
        got: list[bytes] = []
        with (
            background(lambda: server.sendall(b"from server"), lambda: got.append(server.recv(100))),
            closing(client_context().wrap_socket(left, True, "server.test")) as client,
        ):
            client.sendall(b"from client")
            assert client.recv(100) == b"from server"
        assert got == [b"from client"]
        server.close()


def test_answers_to_key_updates_go_out_while_nobody_writes() -> None:
    with secure_pair() as (client, server):
        client.update_keys()
        client.sendall(b"x")
        assert server.recv(1) == b"x"
        header = client._raw.recv(100, socket.MSG_PEEK)  # type: ignore[attr-defined]
        assert bytes((wire.KEY_UPDATE,)) in header


# ---------------------------------------------------------------------------------------------- select


@pytest.mark.parametrize("size", [1, 7, 100, 1000, 16384, 65536])
@pytest.mark.parametrize("record", [1, 100, 5000, 16384])
def test_programs_that_select_before_they_read(size: int, record: int) -> None:
    with secure_pair() as (client, server):
        data = BIG[: min(60_000, record * 40)]
        with background(lambda: [client.sendall(data[at : at + record]) for at in range(0, len(data), record)]):
            got = bytearray()
            while len(got) < len(data):
                readable = select.select([server], [], [], TIMEOUT)[0]
                assert readable, f"data is held back: {len(data) - len(got)} bytes are missing"
                got += server.recv(size)
                while server.pending():
                    got += server.recv(size)
            assert got == data


@pytest.mark.parametrize("size", [1, 50, 1000, 20_000])
@pytest.mark.parametrize("record", [1, 30, 700, 16384])
def test_a_read_holds_no_more_than_was_asked_for_or_the_record_begun(size: int, record: int) -> None:
    sealed = record + 5 + wire.TAG
    with secure_pair(timeout=0) as (client, server):
        raw = server._raw  # type: ignore[attr-defined]
        for _ in range(20):
            client.sendall(bytes(record))
            before = waiting(raw)
            if before > 100_000:
                break
        got = server.recv(size)
        assert 0 < len(got) <= size
        used = -(-len(got) // record) * sealed  # the records that the data came in
        assert before - waiting(raw) - used <= max(size, sealed) + 29


@pytest.mark.parametrize("size", [1000, 16384, 65536])
@pytest.mark.parametrize("record", [1000, 16384])
def test_a_bulk_read_is_made_of_few_reads_of_the_transport(size: int, record: int) -> None:
    reads = []

    class Counting(socket.socket):
        def recv(self, size: int, flags: int = 0, /) -> bytes:
            reads.append(size)
            return super().recv(size, flags)

    left, right = socket.socketpair()
    counting = Counting(fileno=right.detach())
    left.settimeout(TIMEOUT)
    counting.settimeout(TIMEOUT)
    data = BIG[:400_000]

    def serve() -> None:
        with server_context().wrap_socket(left) as server:
            for at in range(0, len(data), record):
                server.sendall(data[at : at + record])
            assert server.recv(1) == b"."

    with background(serve), client_context().wrap_socket(counting, True, "server.test") as client:
        reads.clear()
        got = bytearray()
        while len(got) < len(data):
            got += client.recv(size)
        client.sendall(b".")
    assert got == data
    # One for each call, as many again for what the kernel gives in pieces, and the rest of a record now and then.
    assert len(reads) <= 6 * max(1, len(data) // min(size, record))


def waiting(raw: socket.socket) -> int:
    """How much ciphertext is in the transport."""
    try:
        return len(raw.recv(1 << 20, socket.MSG_PEEK))
    except BlockingIOError:
        return 0


@pytest.mark.parametrize("make", [FakeProvider, quick_provider])
def test_the_handshake_leaves_application_data_in_the_transport(make: Callable[..., FakeProvider]) -> None:
    with socket_pair(0) as (left, right):
        client = client_context(make()).wrap_socket(left, False, "server.test")
        server = server_context(make(Script(rounds=1))).wrap_socket(right, False)
        while client.cipher() is None:
            for end in (client, server):
                if end.cipher() is None:
                    try:
                        end.do_handshake()
                    except unitls.WantReadError:
                        continue
        client.sendall(b"at once")
        server.do_handshake()
        assert select.select([server], [], [], TIMEOUT)[0]
        assert server.pending() == 0
        assert server.recv(100) == b"at once"
        client.close()
        server.close()


# ---------------------------------------------------------------------------------------------- faults


@pytest.mark.parametrize("make", [FakeProvider, quick_provider])
def test_garbage_is_answered_with_an_alert(make: Callable[..., FakeProvider]) -> None:
    with socket_pair() as (left, right):
        server = server_context(make()).wrap_socket(right)
        left.sendall(b"GET / HTTP/1.0\r\n\r\n")
        with pytest.raises(FakeViolation):
            server.do_handshake()
        assert left.recv(100)[:1] == b"\x15"
        with pytest.raises(FakeViolation):
            server.recv(1)
        server.close()


def test_a_damaged_record_is_answered_and_remembered() -> None:
    with secure_pair() as (client, server):
        client.sendall(b"good")
        client._raw.sendall(wire.record(wire.DATA, bytes(40)))  # type: ignore[attr-defined]
        assert receive(server, 4) == b"good"
        for _ in range(2):
            with pytest.raises(FakeViolation):  # where it waited for more, it would end with TimeoutError
                server.recv(10)
        with pytest.raises(FakeViolation):
            server.recv_into(bytearray(10))
        with pytest.raises(FakeViolation):
            server.send(b"x")
        with pytest.raises(unitls.PeerAlert) as caught:
            client.recv(1)
        assert caught.value.alert == unitls.AlertDescription.BAD_RECORD_MAC


def test_what_was_read_is_given_although_nothing_can_be_answered() -> None:
    with secure_pair() as (client, server):
        client.sendall(b"good")
        client._raw.sendall(wire.record(wire.DATA, bytes(40)))  # type: ignore[attr-defined]
        server.shutdown(socket.SHUT_WR)  # so the alert has no way out
        assert server.recv(100) == b"good"
        for _ in range(2):
            with pytest.raises(FakeViolation):
                server.recv(10)


def test_the_handshake_that_is_done_waits_for_no_reader() -> None:
    with secure_pair(timeout=0) as (client, server):
        fill(client)
        client.do_handshake()  # and sends nothing that is left over
        with client._recv_lock:  # type: ignore[attr-defined]
            waiting = threading.Thread(target=client.do_handshake, daemon=True)
            waiting.start()
            waiting.join(TIMEOUT)
            assert not waiting.is_alive()
        server._raw.close()  # type: ignore[attr-defined]


def test_a_refused_certificate_sends_the_library_s_alert() -> None:
    with socket_pair(0) as (left, right):
        store = unitls.TrustStore.from_buffer(IDS.client.certificate_pem)
        client = client_context(trust_store=store).wrap_socket(left, False, "server.test")
        server = server_context().wrap_socket(right, False)
        with pytest.raises(unitls.CertificateVerificationError):
            pump(client, server)
        with pytest.raises(unitls.PeerAlert) as caught:
            pump(server)
        assert caught.value.alert == unitls.AlertDescription.UNKNOWN_CA
        client.close()
        server.close()


@pytest.mark.parametrize("size", [0, 1, 5, 40, 100])
@pytest.mark.parametrize("make", [FakeProvider, quick_provider])
def test_a_transport_cut_in_the_handshake(size: int, make: Callable[..., FakeProvider]) -> None:
    with socket_pair() as (left, right):
        server = server_context(make()).wrap_socket(right)
        left.sendall(wire.client_hello(versions=(0x0304,), suites=(0x1301,))[:size])
        left.close()
        with pytest.raises((unitls.ConnectionFault, ConnectionError)):
            server.do_handshake()
        server.close()


def test_a_reset_transport_is_an_os_error() -> None:
    with listener() as (address, raw_listener):
        client = socket.create_connection(address, TIMEOUT)
        raw, _ = raw_listener.accept()
        raw.settimeout(TIMEOUT)
        server = server_context().wrap_socket(raw)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
        with pytest.raises(OSError, match=r"."):
            server.do_handshake()
        server.close()


def test_a_failed_wrap_closes_the_socket() -> None:
    with socket_pair() as (left, right):
        right.close()
        with pytest.raises(OSError, match=r"."):
            client_context().wrap_socket(left, True, "server.test")
        assert left.fileno() == -1


def test_injected_plaintext_is_refused() -> None:
    with socket_pair() as (left, right):
        right.sendall(b"250 injected")
        with pytest.raises(unitls.ProtocolViolation, match="injected"):
            client_context().wrap_socket(left, True, "server.test")


def test_a_bug_in_the_library_ends_the_connection() -> None:
    script = Script()
    with secure_pair(client_context(script)) as (client, server):
        script.turns["read"] = [Outcome.BUG]
        server.sendall(b"x")
        with pytest.raises(unitls.InternalTLSError):
            client.recv(1)
        with pytest.raises(unitls.ConnectionFault):
            client.send(b"x")


@pytest.mark.parametrize("timeout", [None, TIMEOUT])
def test_a_blocking_read_that_has_to_write_first_does_so(timeout: float | None) -> None:
    script = Script()
    with secure_pair(client_context(script), timeout=timeout) as (client, server):
        server.sendall(b"first")
        script.turns["read"] = [Outcome.WANT_WRITE]
        assert client.recv(100) == b"first"
        server.sendall(b"second")
        script.turns["read"] = [Outcome.WANT_WRITE]
        buffer = bytearray(100)
        assert buffer[: client.recv_into(buffer)] == b"second"


@pytest.mark.parametrize("timeout", [None, TIMEOUT])
def test_a_blocking_write_that_has_to_read_first_does_so(timeout: float | None) -> None:
    script = Script()
    with secure_pair(client_context(script), timeout=timeout) as (client, server):
        for send in (client.sendall, client.send):
            server.sendall(b"what the library waits for")
            script.turns["write"] = [Outcome.WANT_READ]
            send(b"data")
            assert server.recv(100) == b"data"
            assert client.recv(100) == b"what the library waits for"


def test_a_non_blocking_call_tells_which_signal_it_is() -> None:
    script = Script()
    with secure_pair(client_context(script), timeout=0) as (client, server):
        server.sendall(b"x")
        script.turns["read"] = [Outcome.WANT_WRITE] * 3
        data = b""
        while not data:  # what has to go out can go out at once, so this may need no signal at all
            with contextlib.suppress(unitls.WantWriteError):
                data = client.recv(1)
        assert data == b"x"
        script.turns["write"] = [Outcome.WANT_READ] * 50
        with pytest.raises(unitls.WantReadError):
            client.send(b"y")
        script.turns["write"].clear()
        assert client.send(b"y") == 1
        assert server.recv(9) == b"y"


@pytest.mark.parametrize("make", [FakeProvider, quick_provider])
def test_the_handshake_goes_on_after_any_signal(make: Callable[..., FakeProvider]) -> None:
    turns: dict[str, Any] = {"handshake": [Outcome.WANT_WRITE, Outcome.WANT_READ]}
    server_side = server_context(make(Script(rounds=1)))
    with secure_pair(client_context(make(Script(turns=turns))), server_side) as (client, server):
        client.sendall(b"x")
        assert server.recv(1) == b"x"


# ---------------------------------------------------------------------------------------------- what can be wrapped


def test_only_stream_sockets_can_be_wrapped() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as datagram:
        for wrap in (
            lambda: client_context().wrap_socket(datagram, True, "server.test"),
            lambda: server_context().wrap_socket(datagram),
        ):
            with pytest.raises(unitls.ConfigurationError, match="SOCK_STREAM"):
                wrap()
    with pytest.raises(unitls.ConfigurationError, match="wrap_buffers"):
        client_context().wrap_socket(io.BytesIO(), True, "server.test")  # type: ignore[arg-type]


def test_a_server_needs_a_certificate() -> None:
    with socket_pair() as (left, _), pytest.raises(unitls.ConfigurationError, match="certificate"):
        server_context(identities=()).wrap_socket(left)


def test_datagram_methods_and_dup_are_refused() -> None:
    with secure_pair() as (client, _):
        for call in (
            lambda: client.recvfrom(1),
            lambda: client.recvfrom_into(bytearray(1)),
            lambda: client.recvmsg(1),
            lambda: client.recvmsg_into([bytearray(1)]),
            lambda: client.sendmsg([b"x"]),
            lambda: client.sendto(b"x", ("127.0.0.1", 1)),
            client.dup,
        ):
            with pytest.raises(unitls.ConfigurationError):
                call()


@pytest.mark.parametrize("dump", [pickle.dumps, copy.copy])
def test_a_connection_is_not_pickled_or_copied(dump: Callable[[object], object]) -> None:
    with secure_pair() as (client, _):
        for connection in (client, client._buffer):
            with pytest.raises(TypeError, match="cannot pickle"):
                dump(connection)


def test_tls_in_tls() -> None:
    with secure_pair() as (outer_client, outer_server):
        inner_server = server_context().wrap_socket(outer_server)  # type: ignore[arg-type]
        with background(lambda: inner_server.sendall(receive(inner_server, 5)[::-1])):
            inner_client = client_context().wrap_socket(outer_client, True, "server.test")  # type: ignore[arg-type]
            inner_client.sendall(b"hello")
            assert inner_client.recv(100) == b"olleh"
        inner_client.close()
        assert inner_server.recv(1) == b""
        inner_server.close()


# ---------------------------------------------------------------------------------------------- connect and accept


@contextmanager
def listener() -> Iterator[tuple[Any, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as raw:
        raw.settimeout(TIMEOUT)
        yield raw.getsockname(), raw


def test_connect_and_accept() -> None:
    with listener() as (address, raw), server_context().wrap_socket(raw) as wrapped:
        assert wrapped.getsockname() == address
        accepted: list[Any] = []

        def serve() -> None:
            connection, peer = wrapped.accept()
            with connection:
                connection.settimeout(TIMEOUT)
                accepted.append((peer, connection.cipher()))
                connection.sendall(connection.recv(100).upper())

        with background(serve), socket.socket() as plain:
            plain.settimeout(TIMEOUT)
            with client_context().wrap_socket(plain, True, "server.test") as client:
                client.connect(address)
                assert client.cipher() is not None
                assert client.getpeername() == address
                client.sendall(b"hello")
                assert client.recv(100) == b"HELLO"
                assert client.recv(100) == b""
                assert accepted == [(client.getsockname(), None)]


def test_connect_ex_gives_a_number() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with client_context().wrap_socket(socket.socket(), True, "server.test") as client:
            client.settimeout(TIMEOUT)
            assert client.connect_ex(unused.getsockname()) == errno.ECONNREFUSED
        with (
            client_context().wrap_socket(socket.socket(), True, "server.test") as client,
            pytest.raises(OSError, match=r"."),
        ):
            client.connect(unused.getsockname())


def test_being_told_of_the_connection_twice_does_not_begin_anew() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as raw:
        raw.setblocking(False)
        client = client_context().wrap_socket(raw, server_hostname="server.test")
        client.connect_ex(listener.getsockname())
        accepted = listener.accept()[0]
        accepted.setblocking(False)
        with closing(server_context().wrap_socket(accepted)) as server, closing(client):
            pump(client, server)
            assert client.connect_ex(listener.getsockname()) in (0, errno.EISCONN)
            assert client.negotiated_tls_version is not None
            assert client.send(b"x") == 1
            assert server.recv(1) == b"x"


def test_without_auto_handshake_only_do_handshake_runs_it() -> None:
    with (
        listener() as (address, raw),
        server_context().wrap_socket(raw, False) as wrapped,
        client_context().wrap_socket(socket.socket(), False, "server.test") as client,
    ):
        client.settimeout(TIMEOUT)
        assert client.connect_ex(address) == 0
        connection, _ = wrapped.accept()
        connection.settimeout(TIMEOUT)
        assert client.cipher() is None
        for call in (lambda: client.recv(1), lambda: client.send(b"x"), lambda: connection.recv(1)):
            with pytest.raises(unitls.ConfigurationError, match="do_handshake"):
                call()
        with background(connection.do_handshake):
            client.do_handshake()
        assert client.cipher() is not None
        connection.close()


def test_before_it_is_connected() -> None:
    with client_context().wrap_socket(socket.socket(), True, "server.test") as client:
        for call in (lambda: client.recv(1), client.do_handshake, lambda: client.sendall(b"x")):
            with pytest.raises(OSError, match=r".") as caught:
                call()
            assert caught.value.errno in (errno.ENOTCONN, errno.EPIPE)
        assert client.cipher() is None
        assert client.getpeercert() is None
        assert client.pending() == 0
        assert client.server_side is False
        assert client.server_name == "server.test"
        with pytest.raises(unitls.ConfigurationError):
            client.context = client.context


def test_a_server_side_socket_does_not_connect() -> None:
    with server_context().wrap_socket(socket.socket()) as server:
        for connect in (server.connect, server.connect_ex):
            with pytest.raises(unitls.ConfigurationError, match="client context"):
                connect(("127.0.0.1", 1))


def test_a_client_side_socket_does_not_accept() -> None:
    client = client_context().wrap_socket(socket.socket(), server_hostname="server.test")
    with client, pytest.raises(unitls.ConfigurationError, match="server context"):
        client.accept()


def test_a_listener_uses_the_context_as_it_is_now() -> None:
    context = server_context()
    with listener() as (address, raw), context.wrap_socket(raw) as wrapped:
        context.set_version_range(upper_bound=unitls.TLSVersion.TLSv1_2)
        with client_context().wrap_socket(socket.socket(), False, "server.test") as client:
            client.settimeout(TIMEOUT)
            client.connect(address)
            connection, _ = wrapped.accept()
            with connection:
                connection.settimeout(TIMEOUT)
                with background(connection.do_handshake):
                    client.do_handshake()
                assert client.negotiated_tls_version is unitls.TLSVersion.TLSv1_2


def test_listening_through_the_wrapped_socket() -> None:
    with server_context().wrap_socket(socket.socket()) as wrapped:
        wrapped.settimeout(TIMEOUT)
        wrapped.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        assert wrapped.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR)
        wrapped.bind(("127.0.0.1", 0))
        wrapped.listen()
        wrapped.listen(5)
        with socket.create_connection(wrapped.getsockname(), TIMEOUT):
            connection, _ = wrapped.accept()
            connection.close()
        wrapped.set_inheritable(True)
        assert wrapped.get_inheritable() is True
        assert (wrapped.family, wrapped.type, wrapped.proto) == (socket.AF_INET, socket.SOCK_STREAM, 0)


def test_what_a_socket_tells_is_what_its_buffer_tells() -> None:
    client_side = client_context(inner_protocols=(b"h2",))
    with secure_pair(client_side, server_context(inner_protocols=(b"h2",))) as (client, server):
        for end in (client, server):
            assert end.negotiated_protocol() is unitls.NextProtocol.H2
            assert end.group is unitls.NamedGroup.X25519
            assert end.session_resumed is False
            assert end.get_channel_binding() == end.export_keying_material(b"EXPORTER-Channel-Binding", 32, b"")
            for call in (end.ocsp_response, end.request_client_certificate, lambda end=end: end.write_early_data(b"x")):
                with pytest.raises(unitls.UnsupportedFeature):
                    call()
        assert client.getpeercert() == IDS.server.chain[0]
        assert client.getpeerchain() == list(IDS.server.chain)
        assert client.getverifiedchain() == [IDS.server.chain[0], IDS.authority.certificate_der]
        assert (server.getpeercert(), server.getpeerchain(), server.getverifiedchain()) == (None, [], [])
    with client_context().wrap_socket(socket.socket(), True, "server.test") as fresh:
        assert fresh.negotiated_protocol() is None
        assert fresh.getpeerchain() == fresh.getverifiedchain() == []
        assert fresh.negotiated_tls_version is fresh.group is fresh.session_resumed is None
        for call in (fresh.get_channel_binding, fresh.update_keys):
            with pytest.raises(unitls.ConfigurationError):
                call()


def test_the_callback_gets_the_socket() -> None:
    seen: list[Any] = []
    context = server_context(sni_callback=lambda *arguments: seen.append(arguments))
    with secure_pair(server=context) as (client, server):
        assert seen == [(server, "server.test", context)]
        assert server.server_name == client.server_name == "server.test"
        assert client.context.configuration is client.configuration
        assert "CoreSocket" in repr(client)
