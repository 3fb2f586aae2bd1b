"""The peers behind two faces: a server that our client talks to, and a client that talks to our server."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from _ours import exchange
from _pki import NAMES, PKI, SERVER_NAME
from _programs import DEADLINE, Program, clean_environment, need_program

from unitls import PeerAlert, RaggedEOF, TLSVersion, TLSWrappedSocket

Command = list[str | Path]
PEERS = Path(__file__).parent / "peers"
_DOTTED = {TLSVersion.TLSv1_2: "1.2", TLSVersion.TLSv1_3: "1.3"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """What a peer's server is to do.

    Attributes:
        version: the only version it speaks.
        identity: whose certificate it shows.
        second: whose it shows to clients that ask for the name of that identity.
        client_ca: demand client certificates of this root.
        protocols: for ALPN.
    """

    version: TLSVersion
    identity: str = "server"
    second: str | None = None
    client_ca: str | None = None
    protocols: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientOptions:
    """What a peer's client is to do.

    Attributes:
        version: the only version it speaks.
        port: where our server is.
        ca: the root it trusts.
        server_name: whom it asks for.
        identity: whose certificate it shows, if any.
        protocols: for ALPN.
        connections: how many it makes, each with the session of the one before.
    """

    version: TLSVersion
    port: int
    ca: str = "ca"
    server_name: str = SERVER_NAME
    identity: str | None = None
    protocols: tuple[str, ...] = ()
    connections: int = 1


@dataclass(frozen=True, slots=True)
class Seen:
    """What a peer says about a connection; `None` where it does not tell."""

    error: str | None = None
    version: str | None = None
    protocol: str | None = None
    server_name: str | None = None
    peer: str | None = None
    resumed: bool | None = None
    ech: bool | None = None

    @classmethod
    def from_json(cls, report: dict[str, Any]) -> Seen:
        """The report of the Go and the Node program."""
        return cls(**{**report, "error": report["error"] or None})


class RunningServer(ABC):
    """A peer's server.

    Attributes:
        port: where it listens, on 127.0.0.1.
    """

    port: int

    def exchange(self, connection: TLSWrappedSocket) -> Seen:
        """Send data, check what comes back, close cleanly; gives what the server says about the connection."""
        exchange(connection)
        connection.unwrap().close()
        return self.seen()

    def be_refused(self, connection: TLSWrappedSocket) -> None:
        """Read from a server that did not like our certificate; raises what comes of it."""
        connection.recv(1)

    @abstractmethod
    def seen(self) -> Seen:
        """What the server says about the connection."""


class PeerServer(ABC):
    """How to start a peer's server.

    Attributes:
        name: of the program.
        refusals: what a client meets whose certificate is refused: an alert, as TLS has it, or something else.
    """

    name: str
    refusals: tuple[type[Exception], ...] = (PeerAlert,)

    @abstractmethod
    def start(self, pki: PKI, options: ServerOptions, folder: Path) -> contextlib.AbstractContextManager[RunningServer]:
        """Start it; `folder` is for its files."""


class PeerClient(ABC):
    """How to run a peer's client.

    Attributes:
        name: of the program.
        refusals: what our server meets whose authority the client does not trust.
    """

    name: str
    refusals: tuple[type[Exception], ...] = (PeerAlert,)

    @abstractmethod
    def run(self, pki: PKI, options: ClientOptions, folder: Path) -> list[Seen]:
        """Make the connections, exchange data over each, and say what was seen of each."""


# ---------------------------------------------------------------------------------------------- openssl


class _RunningOpenSSL(RunningServer):
    def __init__(self, program: Program) -> None:
        self._program = program
        self.port = int(program.wait_for("ACCEPT").rsplit(":", 1)[1])

    def exchange(self, connection: TLSWrappedSocket) -> Seen:
        """It sends each line back with its characters in reverse."""
        with connection.makefile("rwb") as stream:
            for number in range(20):
                text = f"{number} ".encode() * 1000
                stream.write(text + b"\n")
                stream.flush()
                assert stream.readline() == text[::-1] + b"\n"
        connection.unwrap().close()
        return self.seen()

    def seen(self) -> Seen:
        version = self._program.wait_for("Protocol version").rsplit("v", 1)[1]
        return Seen(version=version)


class OpenSSLServer(PeerServer):
    """``openssl s_server``."""

    name = "openssl"

    @contextlib.contextmanager
    def start(self, pki: PKI, options: ServerOptions, folder: Path) -> Iterator[RunningServer]:
        with Program(openssl_server_command(pki, options, "-rev")) as program:
            yield _RunningOpenSSL(program)


def openssl_server_command(pki: PKI, options: ServerOptions, *more: str) -> Command:
    """The command for a server at a port of its own choice."""
    chain, key = pki.pem(options.identity), pki.key(options.identity)
    command: Command = [
        need_program("openssl"),
        "s_server",
        "-accept",
        "127.0.0.1:0",
        f"-tls{_version_option(options.version)}",
    ]
    command += ["-cert", chain, "-key", key, "-cert_chain", chain, *more]
    if options.second:
        command += [
            "-servername",
            NAMES[options.second],
            "-cert2",
            pki.pem(options.second),
            "-key2",
            pki.key(options.second),
        ]
    if options.client_ca:
        command += ["-Verify", "3", "-verify_return_error", "-CAfile", pki.pem(options.client_ca)]
    if options.protocols:
        command += ["-alpn", ",".join(options.protocols)]
    return command


class OpenSSLClient(PeerClient):
    """``openssl s_client``."""

    name = "openssl"

    def run(self, pki: PKI, options: ClientOptions, folder: Path) -> list[Seen]:
        session = folder / "session.pem"
        results = []
        for number in range(options.connections):
            more: Command = ["-sess_in", session] if number else []
            command = openssl_client_command(pki, options, "-sess_out", session, *more)
            with Program(command) as program:
                results.append(_talk_openssl(program))
        return results


def openssl_client_command(pki: PKI, options: ClientOptions, *more: str | Path) -> Command:
    """The command for a client that verifies its server."""
    command: Command = [need_program("openssl"), "s_client", "-connect", f"127.0.0.1:{options.port}"]
    command += [f"-tls{_version_option(options.version)}", "-CAfile", pki.pem(options.ca), "-verify_return_error"]
    command += ["-servername", options.server_name, "-verify_hostname", options.server_name, *more]
    if options.identity:
        chain = pki.pem(options.identity)
        command += ["-cert", chain, "-key", pki.key(options.identity), "-cert_chain", chain]
    if options.protocols:
        command += ["-alpn", ",".join(options.protocols)]
    return command


def _talk_openssl(program: Program) -> Seen:
    # It takes lines that begin with certain capital letters for commands. Ours begin with none.
    line = "x" * 2000
    program.type(f"{line}\n")
    echoed = program.find(line) is not None
    status = program.finish()
    output = "\n".join(program.lines)
    verified = "Verify return code: 0 (ok)" in output
    error = None if echoed and verified and status == 0 else output or "it ended without a word"
    return Seen(
        error=error,
        version=_between(output, "Protocol  : TLSv", "\n") or _between(output, ", TLSv", ","),
        protocol=_between(output, "ALPN protocol: ", "\n"),
        resumed="\nReused, TLSv" in output,
    )


def _version_option(version: TLSVersion) -> str:
    return _DOTTED[version].replace(".", "_")


def _between(text: str, start: str, end: str) -> str | None:
    found = text.partition(start)[2]
    return found.partition(end)[0] or None


# ---------------------------------------------------------------------------------------------- Go and Node


class _RunningReporter(RunningServer):
    """A server that prints its port, and JSON for each connection."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self.port = program.next_json()["port"]

    def seen(self) -> Seen:
        return Seen.from_json(self._program.next_json())


class GoServer(PeerServer):
    """Go's crypto/tls."""

    name = "go"

    def __init__(self, binary: Path) -> None:
        self._binary = binary

    @contextlib.contextmanager
    def start(self, pki: PKI, options: ServerOptions, folder: Path) -> Iterator[RunningServer]:
        names = [name for name in (options.identity, options.second) if name]
        command: Command = [self._binary, "-version", _DOTTED[options.version]]
        command += ["-identities", ",".join(f"{pki.pem(name)}:{pki.key(name)}" for name in names)]
        command += ["-protocols", ",".join(options.protocols)]
        if options.client_ca:
            command += ["-client-ca", pki.pem(options.client_ca)]
        with Program(command) as program:
            yield _RunningReporter(program)


class GoClient(PeerClient):
    """Go's crypto/tls."""

    name = "go"

    def __init__(self, binary: Path) -> None:
        self._binary = binary

    def run(self, pki: PKI, options: ClientOptions, folder: Path) -> list[Seen]:
        command: Command = [self._binary, "-version", _DOTTED[options.version], "-address", f"127.0.0.1:{options.port}"]
        command += ["-ca", pki.pem(options.ca), "-server-name", options.server_name]
        command += ["-protocols", ",".join(options.protocols), "-connections", str(options.connections)]
        if options.identity:
            command += ["-identities", f"{pki.pem(options.identity)}:{pki.key(options.identity)}"]
        with Program(command) as program:
            return [Seen.from_json(program.next_json()) for _ in range(options.connections)]


class NodeServer(PeerServer):
    """Node's tls. It refuses a bad client certificate by closing the connection, after a handshake that succeeded."""

    name = "node"
    refusals = (PeerAlert, RaggedEOF, ConnectionError)

    @contextlib.contextmanager
    def start(self, pki: PKI, options: ServerOptions, folder: Path) -> Iterator[RunningServer]:
        given = {
            "version": f"TLSv{_DOTTED[options.version]}",
            "protocols": options.protocols,
            "identity": _files(pki, options.identity),
            "second": {"name": NAMES[options.second], **_files(pki, options.second)} if options.second else None,
            "client_ca": str(pki.pem(options.client_ca)) if options.client_ca else None,
        }
        with Program(_node("server.mjs", given)) as program:
            yield _RunningReporter(program)


class NodeClient(PeerClient):
    """Node's tls. It refuses a server by closing the connection, after a handshake that succeeded."""

    name = "node"
    refusals = (RaggedEOF, ConnectionError)

    def run(self, pki: PKI, options: ClientOptions, folder: Path) -> list[Seen]:
        given = {
            "version": f"TLSv{_DOTTED[options.version]}",
            "protocols": options.protocols,
            "identity": _files(pki, options.identity) if options.identity else None,
            "port": options.port,
            "ca": str(pki.pem(options.ca)),
            "server_name": options.server_name,
            "connections": options.connections,
        }
        with Program(_node("client.mjs", given)) as program:
            return [Seen.from_json(program.next_json()) for _ in range(options.connections)]


def _node(script: str, given: dict[str, Any]) -> Command:
    return [need_program("node"), PEERS / "node" / script, json.dumps(given)]


def _files(pki: PKI, name: str) -> dict[str, str]:
    return {"chain": str(pki.pem(name)), "key": str(pki.key(name))}


# ---------------------------------------------------------------------------------------------- curl

_FORMAT = "\\n%{http_version}|%{ssl_verify_result}\\n"


class CurlClient(PeerClient):
    """curl, which sends a request and wants its body back: our server has to speak HTTP."""

    name = "curl"

    def run(self, pki: PKI, options: ClientOptions, folder: Path) -> list[Seen]:
        body = "a body " * 2000
        url = f"https://{options.server_name}:{options.port}/"
        dotted = _DOTTED[options.version]
        command: Command = [need_program("curl"), "-sS", "--max-time", str(int(DEADLINE)), "--data", body]
        command += ["--resolve", f"{options.server_name}:{options.port}:127.0.0.1", "--cacert", pki.pem(options.ca)]
        command += [f"--tlsv{dotted}", "--tls-max", dotted, "--write-out", _FORMAT]
        command += ["--http2" if "h2" in options.protocols else "--http1.1"]
        if options.identity:
            command += ["--cert", pki.pem(options.identity), "--key", pki.key(options.identity)]
        done = subprocess.run(
            [str(part) for part in [*command, *[url] * options.connections]],
            env=clean_environment(), capture_output=True, text=True, timeout=2 * DEADLINE, check=False,
        )  # fmt: skip
        answers = done.stdout.split("\n")[: 2 * options.connections]
        if done.returncode or answers[::2] != [body] * options.connections:
            return [Seen(error=done.stderr or f"another body came back: {done.stdout[:200]}")] * options.connections
        return [Seen(protocol="h2" if line.startswith("2") else "http/1.1") for line in answers[1::2]]


def free_port_socket() -> socket.socket:
    """A listening socket on loopback, for a server that inherits it."""
    return socket.create_server(("127.0.0.1", 0))


@contextlib.contextmanager
def reserved_port() -> Iterator[int]:
    """A port on loopback for a server that can neither choose one nor inherit it.

    A socket that is bound and does not listen keeps it: no other process is given that port, and a server that asks for
    it by its number, with SO_REUSEADDR as servers do, gets it nevertheless.
    """
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]
