"""GnuTLS's own programs, ``gnutls-serv`` and ``gnutls-cli``, as the peers of every backend."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from _ours import OurServer, Served, connected
from _peers import ClientOptions, PeerClient, PeerServer, RunningServer, Seen, ServerOptions, reserved_port
from _pki import NAMES, PKI, SERVER_NAME
from _programs import Program, need_program

import unitls
from unitls import ClientAuthentication, Feature, NextProtocol, PeerAlert, TLSVersion, VerifyFailure

_DOTTED = {TLSVersion.TLSv1_2: "1.2", TLSVersion.TLSv1_3: "1.3"}
_REFUSALS = (PeerAlert, unitls.RaggedEOF, ConnectionError)
"""What is met where the other end is a program that does not always send an alert."""


def _priority(version: TLSVersion) -> str:
    return f"NORMAL:-VERS-ALL:+VERS-TLS{_DOTTED[version]}"


class _RunningServ(RunningServer):
    def __init__(self, program: Program, port: int) -> None:
        self._program = program
        self.port = port

    def exchange(self, connection: unitls.TLSWrappedSocket) -> Seen:
        """It sends each line back as it was."""
        with connection.makefile("rwb") as stream:
            for number in range(20):
                line = f"{number} ".encode() * 300 + b"\n"
                stream.write(line)
                stream.flush()
                assert stream.readline() == line
        connection.close()
        return self.seen()

    def seen(self) -> Seen:
        version = self._program.wait_for("- Version: TLS").rpartition("TLS")[2]
        return Seen(version=version)


class GnuTLSServer(PeerServer):
    """``gnutls-serv``."""

    name = "gnutls-serv"
    refusals = _REFUSALS

    @contextlib.contextmanager
    def start(self, pki: PKI, options: ServerOptions, folder: Path) -> Iterator[RunningServer]:
        command = [need_program("stdbuf"), "-oL", need_program("gnutls-serv"), "--echo"]
        command += [f"--priority={_priority(options.version)}"]
        for name in filter(None, (options.identity, options.second)):
            command += [f"--x509certfile={pki.pem(name)}", f"--x509keyfile={pki.key(name)}"]
        if options.client_ca:
            command += [f"--x509cafile={pki.pem(options.client_ca)}", "--require-client-cert", "--verify-client-cert"]
        else:
            command += ["--disable-client-cert"]
        command += [f"--alpn={protocol}" for protocol in options.protocols]
        with reserved_port() as port, Program([*command, f"--port={port}"]) as program:
            assert "done" in program.wait_for("IPv4", "bind")
            yield _RunningServ(program, port)


class GnuTLSClient(PeerClient):
    """``gnutls-cli``."""

    name = "gnutls-cli"
    refusals = _REFUSALS

    def run(self, pki: PKI, options: ClientOptions, folder: Path) -> list[Seen]:
        command = [need_program("stdbuf"), "-oL", need_program("gnutls-cli"), f"--port={options.port}", "127.0.0.1"]
        command += [f"--priority={_priority(options.version)}", f"--x509cafile={pki.pem(options.ca)}"]
        command += [f"--sni-hostname={options.server_name}", f"--verify-hostname={options.server_name}"]
        command += [f"--alpn={protocol}" for protocol in options.protocols]
        if options.identity:
            command += [f"--x509certfile={pki.pem(options.identity)}", f"--x509keyfile={pki.key(options.identity)}"]
        if options.connections > 1:
            command += ["--resume", "--waitresumption"]
        with Program(command) as program:
            return _talk(program, options.connections)


def _talk(program: Program, connections: int) -> list[Seen]:
    """Type a line and read it again, on the last of the connections: the ones before it does itself, and says nothing."""
    line, results = "x" * 2000, []
    for number in range(connections):
        ready = program.find("Simple Client Mode" if number == connections - 1 else "Connecting again")
        if ready is None:
            program.finish()
            return [Seen(error="\n".join(program.lines) or "it ended without a word")] * connections
        if number < connections - 1:
            results.append(Seen(resumed=False))
    program.type(f"{line}\n")
    echoed = program.find(line) is not None
    status = program.finish()
    output = "\n".join(program.lines)
    error = None if echoed and status == 0 and "Peer has closed the GnuTLS connection" in output else output
    described = output.rpartition("- Description: (TLS")[2]
    protocol = output.rpartition("- Application protocol: ")[2].partition("\n")[0]
    resumed = "This is a resumed session" in output
    return [*results, Seen(error=error, version=described[:3], protocol=protocol or None, resumed=resumed)]


# ---------------------------------------------------------------------------------------------- our client


def _client(backend: unitls.Backend, pki: PKI, identity: str | None = None, **settings: object) -> unitls.ClientContext:
    identities = (pki.identity(identity),) if identity else ()
    given = {"trust_store": pki.trust(), "identities": identities, **settings}
    return backend.client_context(unitls.TLSClientConfiguration(**given))  # type: ignore[arg-type]


client_test = pytest.mark.needs(Feature.CLIENT, Feature.CUSTOM_TRUST_STORE)
server_test = pytest.mark.needs(Feature.SERVER)


@client_test
def test_serv_data_and_version(backend: unitls.Backend, version: TLSVersion, pki: PKI, tmp_path: Path) -> None:
    """A verified connection of the one version the server speaks; data goes both ways."""
    with (
        GnuTLSServer().start(pki, ServerOptions(version=version), tmp_path) as server,
        connected(_client(backend, pki), server.port, SERVER_NAME) as connection,
    ):
        assert connection.negotiated_tls_version is version
        assert connection.getpeercert() == pki.leaf("server")
        assert server.exchange(connection).version == _DOTTED[version]


@client_test
def test_serv_is_refused(backend: unitls.Backend, version: TLSVersion, pki: PKI, tmp_path: Path) -> None:
    """A server of an authority that we do not trust is refused, and one of another name."""
    wrong = (
        (_client(backend, pki, trust_store=pki.trust("stranger")), SERVER_NAME, VerifyFailure.UNKNOWN_ISSUER),
        (_client(backend, pki), "wrong.test", VerifyFailure.NAME_MISMATCH),
    )
    with GnuTLSServer().start(pki, ServerOptions(version=version), tmp_path) as server:
        for context, name, failure in wrong:
            with pytest.raises(unitls.CertificateVerificationError) as caught, connected(context, server.port, name):
                pytest.fail("the handshake succeeded")
            assert caught.value.failure is failure


@client_test
@pytest.mark.needs(Feature.CLIENT_CERTIFICATES)
def test_serv_client_certificate(backend: unitls.Backend, version: TLSVersion, pki: PKI, tmp_path: Path) -> None:
    """The server demands a certificate: it takes ours, and refuses none and a stranger's."""
    peer = GnuTLSServer()
    with peer.start(pki, ServerOptions(version=version, client_ca="ca"), tmp_path) as server:
        with connected(_client(backend, pki, "client"), server.port, SERVER_NAME) as connection:
            server.exchange(connection)
        for identity in (None, "stranger_client"):
            with (
                pytest.raises(peer.refusals),
                connected(_client(backend, pki, identity), server.port, SERVER_NAME) as connection,
            ):
                server.be_refused(connection)


@client_test
@pytest.mark.needs(Feature.ALPN)
def test_serv_alpn_and_server_name(backend: unitls.Backend, version: TLSVersion, pki: PKI, tmp_path: Path) -> None:
    """A protocol in common, and the certificate of the name that we ask for."""
    options = ServerOptions(version=version, second="second_server", protocols=("h2",))
    context = _client(backend, pki, inner_protocols=(NextProtocol.HTTP1, NextProtocol.H2))
    with GnuTLSServer().start(pki, options, tmp_path) as server:
        for identity, name in NAMES.items():
            with connected(context, server.port, name) as connection:
                assert connection.getpeercert() == pki.leaf(identity)
                assert connection.negotiated_protocol() is NextProtocol.H2
                server.exchange(connection)


@client_test
@pytest.mark.needs(Feature.SESSION_RESUMPTION, Feature.RESUMPTION_INFORMATION)
def test_serv_resumption(backend: unitls.Backend, version: TLSVersion, pki: PKI, tmp_path: Path) -> None:
    """The second connection resumes the session of the first."""
    context = _client(backend, pki, session_cache=unitls.SessionCache())
    with GnuTLSServer().start(pki, ServerOptions(version=version), tmp_path) as server:
        for resumed in (False, True):
            with connected(context, server.port, SERVER_NAME) as connection:
                assert connection.session_resumed is resumed
                server.exchange(connection)


# ---------------------------------------------------------------------------------------------- our server


def _server(backend: unitls.Backend, pki: PKI, *names: str, **settings: object) -> OurServer:
    identities = tuple(pki.identity(name) for name in names or ("server",))
    configuration = unitls.TLSServerConfiguration(identities=identities, **settings)  # type: ignore[arg-type]
    return OurServer(backend.server_context(configuration))


def _good(server: OurServer) -> Served:
    report = server.next_report()
    if report.error is not None:
        raise report.error
    return report


@server_test
def test_cli_data_and_version(backend: unitls.Backend, version: TLSVersion, pki: PKI, tmp_path: Path) -> None:
    """A verified connection of the one version the client speaks; data goes both ways, and the end is clean."""
    with _server(backend, pki) as server:
        seen = GnuTLSClient().run(pki, ClientOptions(version=version, port=server.port), tmp_path)[0]
        report = _good(server)
    assert seen.error is None
    assert seen.version == _DOTTED[version]
    assert (report.version, report.server_name) == (version, SERVER_NAME)


@server_test
@pytest.mark.parametrize("wrong", [{"ca": "stranger"}, {"server_name": "wrong.test"}], ids=["authority", "name"])
def test_cli_refuses_us(
    backend: unitls.Backend, version: TLSVersion, pki: PKI, tmp_path: Path, wrong: dict[str, str]
) -> None:
    """A client that does not trust our authority, or asks for another name, refuses us."""
    peer = GnuTLSClient()
    with _server(backend, pki) as server:
        options = ClientOptions(version=version, port=server.port, **wrong)  # type: ignore[arg-type]
        seen = peer.run(pki, options, tmp_path)[0]
        report = server.next_report()
    assert seen.error
    assert isinstance(report.error, peer.refusals)


@server_test
@pytest.mark.needs(Feature.CLIENT_CERTIFICATES, Feature.CUSTOM_TRUST_STORE)
def test_cli_client_certificate(backend: unitls.Backend, version: TLSVersion, pki: PKI, tmp_path: Path) -> None:
    """We demand a certificate: the client's is taken, none and a stranger's are refused."""
    settings = {"client_authentication": ClientAuthentication.REQUIRED, "trust_store": pki.trust()}
    with _server(backend, pki, **settings) as server:
        for identity in ("client", None, "stranger_client"):
            options = ClientOptions(version=version, port=server.port, identity=identity)
            seen = GnuTLSClient().run(pki, options, tmp_path)[0]
            report = server.next_report()
            if identity == "client":
                assert (seen.error, report.error) == (None, None)
                assert report.client_certificate == pki.leaf("client")
            else:
                assert seen.error
                assert isinstance(report.error, unitls.CertificateVerificationError)


@server_test
@pytest.mark.needs(Feature.ALPN)
def test_cli_alpn_and_server_name(backend: unitls.Backend, version: TLSVersion, pki: PKI, tmp_path: Path) -> None:
    """A protocol in common, and the certificate of the name that is asked for."""
    with _server(backend, pki, *NAMES, inner_protocols=(NextProtocol.H2,)) as server:
        for name in NAMES.values():
            options = ClientOptions(version=version, port=server.port, server_name=name, protocols=("http/1.1", "h2"))
            seen = GnuTLSClient().run(pki, options, tmp_path)[0]
            assert (seen.error, seen.protocol) == (None, "h2")
            assert _good(server).protocol is NextProtocol.H2


@server_test
@pytest.mark.needs(Feature.RESUMPTION_INFORMATION)
def test_cli_resumption(backend: unitls.Backend, version: TLSVersion, pki: PKI, tmp_path: Path) -> None:
    """The client's second connection resumes the session of its first."""
    with _server(backend, pki) as server:
        options = ClientOptions(version=version, port=server.port, connections=2)
        seen = GnuTLSClient().run(pki, options, tmp_path)
        reports = [server.next_report() for _ in range(2)]
    assert [item.error for item in seen] == [None, None]
    assert seen[-1].resumed
    assert sorted(bool(report.resumed) for report in reports) == [False, True]
