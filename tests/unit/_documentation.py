"""A small world on the loopback interface for the programs of the documentation: files, names, and servers."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

import unitls
from unitls.testing import CertificateAuthority, load_identities

DEADLINE: Final = 30
"""Seconds for what has to happen: a busy machine stands still for some of them."""
_BLOCK: Final = re.compile(
    r"<!-- test: (?P<hidden>.*?) -->"
    r"|<!-- not run: (?P<reason>.*?) -->"
    r"|^```(?P<language>\w+)\n(?P<code>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of code in a page.

    Attributes:
        language: as the fence says; ``"python"`` for hidden code too.
        code: the code.
        line: where it begins.
        reason: why it is not run; empty if it is.
    """

    language: str
    code: str
    line: int
    reason: str = ""


def blocks(page: Path) -> list[Block]:
    """Every block of code in a page, in order. A comment with a reason speaks of the block behind it."""
    text = page.read_text(encoding="utf-8")
    found, reason = [], ""
    for match in _BLOCK.finditer(text):
        line = text.count("\n", 0, match.start())
        if match["reason"]:
            reason = match["reason"]
        elif match["hidden"]:
            found.append(Block("python", match["hidden"], line + 1))
        else:
            found.append(Block(match["language"], match["code"], line + 2, reason))
            reason = ""
    return found


def run_page(page: Path, namespace: dict[str, Any]) -> None:
    """Run the Python of a page, all in one namespace, as a reader would type it in."""
    for block in blocks(page):
        if block.language == "python" and not block.reason:
            # The lines are those of the page, so that a traceback leads there.
            code = compile("\n" * (block.line - 1) + block.code, str(page), "exec", dont_inherit=True)
            exec(code, namespace)


class Server:
    """Serves each connection in a thread of its own, on a port of the loopback interface.

    Args:
        serve: is given each connection, in the clear, and need not close it.
    """

    def __init__(self, serve: Callable[[socket.socket], None]) -> None:
        self._serve = serve
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._accept)]
        self._stopping = False
        self.address: tuple[str, int] = self._listener.getsockname()
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            if self._stopping:
                connection.close()
                return
            thread = threading.Thread(target=self._run, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _run(self, connection: socket.socket) -> None:
        connection.settimeout(DEADLINE)
        with connection, contextlib.suppress(OSError):  # the client is the one that is looked at
            self._serve(connection)

    def stop(self) -> None:
        """Stop accepting, and wait for everybody."""
        self._stopping = True
        socket.create_connection(self.address, timeout=DEADLINE).close()  # wakes the one who accepts
        for thread in self._threads:
            thread.join(DEADLINE)
        self._listener.close()
        assert not any(thread.is_alive() for thread in self._threads)


class Files:
    """The certificates and keys that the documentation names, in a directory.

    Args:
        directory: where to write them.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        authority = CertificateAuthority.create()
        server = authority.issue(dns_names=["example.org", "localhost"], ip_addresses=["127.0.0.1"])
        other = authority.issue(dns_names=["other.example.org", "modern.example.org"])
        client = authority.issue(dns_names=["client.example"], purposes=["client"])
        self._write("ca.pem", authority.certificate_pem)
        for name, issued in (("server", server), ("other", other), ("client", client)):
            self._write(f"{name}.pem", issued.certificate_pem)
            self._write(f"{name}.key", issued.key_pem if issued is not client else _encrypted(issued.key_pem))

    def _write(self, name: str, content: bytes) -> None:
        (self.directory / name).write_bytes(content)

    def path(self, name: str) -> str:
        """The path of one of the files."""
        return str(self.directory / name)

    def trust(self) -> unitls.TrustStore:
        """A store that trusts the authority of these files."""
        return unitls.TrustStore.from_file(self.path("ca.pem"))

    def server_context(self) -> unitls.ServerContext:
        """A server that takes clients with and without a certificate."""
        return unitls.get_backend().server_context(
            unitls.TLSServerConfiguration(
                identities=(
                    unitls.Identity(
                        unitls.load_chain(self.path("server.pem")), unitls.PrivateKey.from_file(self.path("server.key"))
                    ),
                ),
                inner_protocols=(unitls.NextProtocol.HTTP1,),
                trust_store=self.trust(),
                client_authentication=unitls.ClientAuthentication.OPTIONAL,
            )
        )


def _encrypted(key_pem: bytes) -> bytes:
    serialization = pytest.importorskip("cryptography.hazmat.primitives.serialization")
    key = serialization.load_pem_private_key(key_pem, None)
    pem: bytes = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"correct horse"),
    )
    return pem


def web_server(files: Files) -> Server:
    """A server that answers every request with a line."""
    context = files.server_context()

    def serve(raw: socket.socket) -> None:
        with context.wrap_socket(raw) as connection, connection.makefile("rwb") as stream:
            while (line := stream.readline()).strip():
                pass  # the request, up to the empty line behind its headers
            if line:
                stream.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 6\r\n\r\nhello\n")

    return Server(serve)


def mail_server(files: Files, behind_starttls: bytes = b"") -> Server:
    """An SMTP server that offers STARTTLS.

    Args:
        files: its certificate.
        behind_starttls: what it sends in the clear behind its reply to STARTTLS, as an attacker could.
    """
    context = files.server_context()

    def serve(raw: socket.socket) -> None:
        with raw.makefile("rwb", buffering=0) as stream:
            stream.write(b"220-mail.example.org\r\n220 ready\r\n")
            _expect(stream, b"EHLO", b"250-mail.example.org\r\n250 STARTTLS\r\n")
            _expect(stream, b"STARTTLS", b"220 go on\r\n" + behind_starttls)
        with context.wrap_socket(raw) as connection, connection.makefile("rwb", buffering=0) as stream:
            _expect(stream, b"EHLO", b"250-mail.example.org\r\n250 AUTH PLAIN\r\n")
            _expect(stream, b"QUIT", b"221 bye\r\n")

    return Server(serve)


def _expect(stream: Any, command: bytes, reply: bytes) -> None:
    line = stream.readline()
    assert line.upper().startswith(command), line
    stream.write(reply)


class World:
    """What a page sees: a directory with files, ``example.org``, and visitors for its servers.

    Args:
        files: the files of the working directory.
        monkeypatch: to put names and ports in the place of real ones.
    """

    def __init__(self, files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
        self._files = files
        self._web = web_server(files)
        self._visitors: dict[int, Callable[[Any], None]] = {}
        self._threads: list[threading.Thread] = []
        self._answers: list[tuple[bytes, bytes]] = []
        self._connect, self._listen = socket.create_connection, socket.create_server
        monkeypatch.chdir(files.directory)
        monkeypatch.setenv("SSL_CERT_FILE", files.path("ca.pem"))
        monkeypatch.setattr(socket, "create_connection", self._create_connection)
        monkeypatch.setattr(socket, "create_server", self._create_server)

    def names(self) -> dict[str, Any]:
        """What hidden code can use besides what the page itself has imported."""
        return {"__name__": "page", "visitor": self._expect_visitor, "identities_ca": lambda: load_identities().ca_pem}

    def _create_connection(self, address: tuple[str, int], *arguments: Any, **options: Any) -> socket.socket:
        host, port = address
        if host == "127.0.0.1":
            return self._connect(address, *arguments, **options)
        assert port == 443, f"the documentation has no server at {address}"
        assert host in ("example.org", "wrong.example.org"), f"the documentation has no server at {address}"
        return self._connect(self._web.address, *arguments, **options)

    def _create_server(self, address: tuple[str, int], **options: Any) -> socket.socket:
        host, port = address
        if not port:
            return self._listen(address, **options)
        visitor = self._visitors.pop(port)
        listener = self._listen((host, 0), **options)
        listener.settimeout(DEADLINE)
        self._threads.append(threading.Thread(target=visitor, args=(listener.getsockname(),)))
        self._threads[-1].start()
        return listener

    def _expect_visitor(self, port: int, data: bytes, name: str = "localhost", ca: bytes | None = None) -> None:
        """Have somebody connect to the server that the page will open at `port`, send `data`, and read the answer."""
        context = unitls.get_backend().client_context()
        context.use_trust_store(self._files.trust() if ca is None else unitls.TrustStore.from_buffer(ca))

        def visit(address: Any) -> None:
            with (
                self._connect(address, timeout=DEADLINE) as raw,
                context.wrap_socket(raw, server_hostname=name) as connection,
                connection.makefile("rb") as answer,
            ):
                connection.sendall(data)
                self._answers.append((data, answer.read()))

        self._visitors[port] = visit

    def close(self) -> None:
        """Stop everything; every visitor must have come and been answered in upper case."""
        for thread in self._threads:
            thread.join(DEADLINE)
        self._web.stop()
        assert not self._visitors
        assert len(self._answers) == len(self._threads)
        assert all(answer == data.upper() for data, answer in self._answers)


@contextlib.contextmanager
def world(files: Files, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A `World`, closed at the end of the block."""
    made = World(files, monkeypatch)
    try:
        yield made
    finally:
        monkeypatch.undo()
        made.close()
