"""``unitls serve``: files over HTTPS, and what must not stop it."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import signal
import socket
import subprocess
import sys
import threading
import types
from pathlib import Path

import pytest
from _cli_peers import TIMEOUT, program

import unitls
from unitls.cli import _file_server, _serve
from unitls.cli._authority import identity
from unitls.cli._command import CommandError
from unitls.cli._file_server import FileServer
from unitls.cli._output import OutputClosed
from unitls.testing._zoo_files import load_key_zoo


class Lines:
    """An output that remembers its lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._changed = threading.Condition()

    def line(self, *pieces) -> None:
        with self._changed:
            self.lines.append("".join(getattr(piece, "text", piece) for piece in pieces))
            self._changed.notify_all()

    def wait_for(self, text: str) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: any(text in line for line in self.lines), TIMEOUT), self.lines


@pytest.fixture
def site(tmp_path):
    (tmp_path / "hello.txt").write_text("hello\n")
    (tmp_path / "large.bin").write_bytes(bytes(300_000))
    return tmp_path


@pytest.fixture
def output():
    return Lines()


@pytest.fixture
def server(site, cast, output):
    context = unitls.get_backend().server_context(
        unitls.TLSServerConfiguration(identities=(identity(cast.server),), inner_protocols=(b"http/1.1",))
    )
    with FileServer(context, "127.0.0.1", 0, str(site), output) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join(TIMEOUT)


def connect(address, trust_pem, hostname="server.test"):
    context = unitls.get_backend().client_context(
        unitls.TLSClientConfiguration(
            trust_store=unitls.TrustStore.from_buffer(trust_pem), inner_protocols=(b"h2", b"http/1.1")
        )
    )
    raw = socket.create_connection(address, TIMEOUT)
    return context.wrap_socket(raw, server_hostname=hostname)


def get(address, trust_pem, path, hostname="server.test") -> bytes:
    with connect(address, trust_pem, hostname) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: server.test\r\nConnection: close\r\n\r\n".encode())
        received = bytearray()
        while chunk := client.recv(65536):
            received += chunk
        return bytes(received)


def test_files_are_served(server, cast, output):
    answer = get(server.server_address, cast.trust_pem, "/hello.txt")
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"\r\n\r\nhello\n")
    assert len(get(server.server_address, cast.trust_pem, "/large.bin")) > 300_000
    assert b"hello.txt" in get(server.server_address, cast.trust_pem, "/")
    output.wait_for("127.0.0.1 GET /hello.txt HTTP/1.1 200 TLSv1_3")


def test_one_line_for_each_request(server, cast, output):
    assert get(server.server_address, cast.trust_pem, "/missing").startswith(b"HTTP/1.1 404")
    get(server.server_address, cast.trust_pem, "/hello.txt")
    output.wait_for("GET /hello.txt")
    assert [line.split(" ")[-2] for line in output.lines] == ["404", "200"]


def test_a_connection_serves_several_requests(server, cast):
    with connect(server.server_address, cast.trust_pem) as client:
        assert client.negotiated_protocol() is unitls.NextProtocol.HTTP1
        for _ in range(3):
            client.sendall(b"GET /hello.txt HTTP/1.1\r\nHost: server.test\r\n\r\n")
            received = b""
            while not received.endswith(b"hello\n"):
                received += client.recv(65536)
            assert received.startswith(b"HTTP/1.1 200 OK\r\n")


def test_files_outside_are_not_served(server, cast, site):
    (site.parent / "secret.txt").write_text("secret")
    for path in ("/../secret.txt", "/%2e%2e/secret.txt", "//../secret.txt"):
        assert b" 404 " in get(server.server_address, cast.trust_pem, path).splitlines()[0]


@pytest.mark.parametrize(
    "sent", [b"GET / HTTP/1.1\r\n\r\n", b"", b"\x16\x03\x01\x00\x05\x01\x00", b"\x16\x03\x01\xff\xff" + bytes(65535)]
)
def test_a_failed_handshake_ends_its_own_connection_only(server, cast, output, sent):
    # The server may be gone before all of it was sent.
    with socket.create_connection(server.server_address, TIMEOUT) as client, contextlib.suppress(OSError):
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        while client.recv(4096):
            pass
    output.wait_for("handshake failed")
    assert get(server.server_address, cast.trust_pem, "/hello.txt").endswith(b"hello\n")


@pytest.mark.parametrize("path", ["/%00", "/%ed%a0%80", "/%ed%a0%80/", "/" + 300 * "x"])
def test_a_path_that_no_file_can_have(server, cast, capfd, path):
    assert b" 404 " in get(server.server_address, cast.trust_pem, path).splitlines()[0]
    assert capfd.readouterr().err == ""


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_a_named_pipe_is_no_file(server, cast, site):
    os.mkfifo(site / "pipe")
    assert b" 404 " in get(server.server_address, cast.trust_pem, "/pipe").splitlines()[0]


def test_without_descriptors_it_waits_for_some(server, monkeypatch):
    def refuse():
        raise OSError(errno.EMFILE, "Too many open files")

    pauses = []
    listener = server.socket
    monkeypatch.setattr(server, "socket", types.SimpleNamespace(accept=refuse))
    monkeypatch.setattr(_file_server, "time", types.SimpleNamespace(sleep=pauses.append))
    with pytest.raises(OSError, match="Too many"):
        server.get_request()
    assert pauses == [_file_server._PAUSE]
    monkeypatch.setattr(server, "socket", listener)


@pytest.mark.parametrize("fault", [OutputClosed(), OSError(errno.ENOSPC, "No space left on device")])
def test_files_are_served_though_nobody_reads_the_lines(server, cast, output, monkeypatch, capfd, fault):
    def closed(*pieces):
        raise fault

    monkeypatch.setattr(output, "line", closed)
    assert get(server.server_address, cast.trust_pem, "/hello.txt").endswith(b"hello\n")
    assert capfd.readouterr().err == ""


def test_a_client_that_stalls_holds_up_nobody(server, cast):
    with socket.create_connection(server.server_address, TIMEOUT):
        assert get(server.server_address, cast.trust_pem, "/hello.txt").endswith(b"hello\n")


def test_a_client_that_does_not_trust_it(server, output):
    with pytest.raises(unitls.CertificateVerificationError):
        connect(server.server_address, identities_of_another_authority())
    output.wait_for("unknown_ca")


def identities_of_another_authority() -> bytes:
    from unitls.testing._zoo_files import load_identities

    return load_identities().ca_pem


def test_a_connection_that_is_cut_is_one_line(server, cast, output):
    client = connect(server.server_address, cast.trust_pem)
    client.sendall(b"GET /hello.txt HT")
    # Only our direction is cut: to close with something unread would reset the connection, which is another error.
    with socket.socket(fileno=client.detach()) as transport:
        transport.shutdown(socket.SHUT_WR)
        output.wait_for("connection lost: the transport ended without close_notify")
    assert len(output.lines) == 1


class Program:
    """``unitls serve`` as a program."""

    def __init__(self, *argv: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "unitls", "serve", "--port", "0", *argv],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        self.announced: list[str] = []
        for line in self.process.stdout:
            self.announced.append(line.rstrip())
            if line.startswith("Ctrl-C"):
                break
        self.port = int(self.announced[0].rpartition(":")[2].rstrip("/")) if self.announced else 0

    def __enter__(self):
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate(timeout=TIMEOUT)

    def end(self, number: int) -> tuple[int, str]:
        self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=TIMEOUT)
        return self.process.returncode, errors


@pytest.mark.skipif(os.name != "posix", reason="sends POSIX signals")
@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_throw_away_certificate(site, number):
    pytest.importorskip("cryptography")
    with Program(str(site)) as serve:
        assert serve.announced[2].startswith("try:  curl --cacert ")
        ca = Path(serve.announced[2].split(" ")[4])
        assert get(("127.0.0.1", serve.port), ca.read_bytes(), "/hello.txt", "localhost").endswith(b"hello\n")
        assert get(("127.0.0.1", serve.port), ca.read_bytes(), "/hello.txt", "127.0.0.1").endswith(b"hello\n")
        ended, errors = serve.end(getattr(signal, number))
    assert (ended, errors.strip()) == (128 + getattr(signal, number), "")
    assert not ca.exists()


@pytest.mark.skipif(os.name != "posix", reason="sends POSIX signals")
@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("together", [False, True])
def test_a_certificate_of_one_s_own(site, cast, tmp_path_factory, together):
    folder = tmp_path_factory.mktemp("own")
    certificate, key = folder / "cert.pem", folder / "key.pem"
    certificate.write_bytes(cast.server.certificate_pem + (cast.server.key_pem if together else b""))
    key.write_bytes(cast.server.key_pem)
    arguments = ["--cert", str(certificate)] + ([] if together else ["--key", str(key)])
    with Program(str(site), *arguments) as serve:
        assert len(serve.announced) == 2
        assert get(("127.0.0.1", serve.port), cast.trust_pem, "/hello.txt").endswith(b"hello\n")
        assert serve.end(signal.SIGINT)[0] == 130


def test_an_encrypted_key_needs_a_terminal(tmp_path, cast):
    name, key = next((name, key) for name, (key, password) in load_key_zoo().items() if password and "ec" in name)
    (tmp_path / "key").write_bytes(key)
    (tmp_path / "cert.pem").write_bytes(cast.server.certificate_pem)
    ran = program("serve", "--cert", str(tmp_path / "cert.pem"), "--key", str(tmp_path / "key"), "--port", "0")
    assert (ran.status, ran.out) == (2, ""), name
    assert "no terminal to ask for its passphrase" in ran.err


class Keyboard(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


def no_answer(prompt):
    raise EOFError


def bytes_of_another_encoding(prompt):
    return b"s\xffcret".decode()


@pytest.mark.parametrize(
    ("terminal", "answer", "text"),
    [
        (None, no_answer, "no terminal to ask for its passphrase"),
        (Keyboard(), no_answer, "no passphrase was given"),
        (Keyboard(), bytes_of_another_encoding, "not text in the encoding of the terminal"),
        (Keyboard(), lambda prompt: "s\udcffcret", "not text in the encoding of the terminal"),
    ],
)
def test_a_passphrase_that_cannot_be_had(monkeypatch, terminal, answer, text):
    monkeypatch.setattr(sys, "stdin", terminal)
    monkeypatch.setattr(_serve.getpass, "getpass", answer)
    with pytest.raises(CommandError, match=text) as caught:
        _serve._ask_for_passphrase()
    assert caught.value.status == 2
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["/nowhere"], "/nowhere is not a directory"),
        (["--key", "key.pem"], "--key needs --cert"),
        (["--cert", "/nowhere/cert.pem"], "/nowhere/cert.pem cannot be read"),
        (["--backend", "nothing"], "there is no backend 'nothing'"),
        (["--bind", "192.0.2.1"], "cannot listen on 192.0.2.1 port 0"),
        (["--bind", "a..b"], "is not a host name"),
        (["--bind", "\u00fc..b"], "is no host name"),
        (["--bind", "\udcff"], "\\udcff is no host name"),
    ],
)
def test_wrong_arguments(run, arguments, text):
    before = signal.getsignal(signal.SIGTERM)
    ran = run("serve", "--port", "0", *arguments)
    assert (ran.status, ran.out) == (2, "")
    assert text in ran.err
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_port_that_is_taken(run):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ran = run("serve", "--port", str(listener.getsockname()[1]))
    assert (ran.status, ran.out) == (2, "")
    assert "Choose another --bind or --port." in ran.err


def test_a_key_that_does_not_fit(run, tmp_path, cast):
    (tmp_path / "cert.pem").write_bytes(cast.server.certificate_pem)
    (tmp_path / "key.pem").write_bytes(cast.client.key_pem)
    ran = run("serve", "--cert", str(tmp_path / "cert.pem"), "--key", str(tmp_path / "key.pem"), "--port", "0")
    assert (ran.status, ran.out) == (2, "")
    assert "key" in ran.err


def test_without_cryptography_it_says_what_to_install(run, monkeypatch):
    monkeypatch.setattr(_serve, "can_make_certificates", lambda: False)
    ran = run("serve", "--port", "0")
    assert (ran.status, ran.out) == (2, "")
    assert "pip install 'unitls[cli]'" in ran.err
