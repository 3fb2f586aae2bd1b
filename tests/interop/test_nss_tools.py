"""The programs of NSS: our clients and ``selfserv``, our servers and ``tstclnt``.

They are in Debian's ``libnss3-tools``; other systems keep them in a folder of unsupported tools.
"""

from __future__ import annotations

import contextlib
import functools
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from _ours import OurServer, connected, echo, receive_exactly
from _peers import reserved_port
from _pki import PKI, SECOND_NAME
from _programs import DEADLINE, Program, clean_environment, find_program, need_program

import unitls
from unitls import ClientAuthentication, Feature, TLSVersion, VerifyFailure

_FOLDERS = ("/usr/lib/nss/unsupported-tools", "/usr/lib64/nss/unsupported-tools", "/usr/lib/x86_64-linux-gnu/nss")
_VERSIONS = {TLSVersion.TLSv1_2: "tls1.2:tls1.2", TLSVersion.TLSv1_3: "tls1.3:tls1.3"}
_HOST = "localhost"
Databases = Callable[[str], str]
_REQUEST = b"GET / HTTP/1.0\r\n\r\n"


def _tool(name: str) -> str:
    beside = (str(Path(folder) / name) for folder in _FOLDERS)
    return find_program(name) or next((path for path in beside if os.access(path, os.X_OK)), "") or need_program(name)


@pytest.fixture(scope="module")
def databases(pki: PKI, tmp_path_factory: pytest.TempPathFactory) -> Databases:
    """Databases of NSS by the identity that is in them, under its name and beside our authority.

    One would not do for all: to NSS certificates of the same subject, as ours are, have the same name.
    """

    @functools.cache
    def make(name: str) -> str:
        folder = tmp_path_factory.mktemp("nss")
        where = ["-d", f"sql:{folder}"]
        bundle = folder / "identity.p12"
        bundle.write_bytes(_pkcs12(pki, name))
        for command in (
            [need_program("certutil"), "-N", *where, "--empty-password"],
            [need_program("certutil"), "-A", "-n", "ca", "-t", "CT,C,", "-i", str(pki.pem("ca")), *where],
            [need_program("pk12util"), "-i", str(bundle), "-W", "p12", "-K", "", *where],
        ):
            subprocess.run(command, env=clean_environment(), check=True, capture_output=True, timeout=DEADLINE)
        return f"sql:{folder}"

    return make


def _pkcs12(pki: PKI, name: str) -> bytes:
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.serialization import pkcs12

    key = serialization.load_pem_private_key(pki.key(name).read_bytes(), None)
    leaf, *others = x509.load_pem_x509_certificates(pki.pem(name).read_bytes())
    encryption = serialization.BestAvailableEncryption(b"p12")
    return pkcs12.serialize_key_and_certificates(name.encode(), key, leaf, others, encryption)  # type: ignore[arg-type]


@contextlib.contextmanager
def _self_serv(databases: Databases, version: TLSVersion, name: str, *more: str) -> Iterator[int]:
    """``selfserv``; gives its port."""
    command = [_tool("selfserv"), "-d", databases(name), "-e", name, "-V", _VERSIONS[version], "-v", "-u", *more]
    with reserved_port() as port, Program([*command, "-p", str(port)]) as program:
        program.wait_for("About to call accept")
        yield port


def _client(backend: unitls.Backend, pki: PKI, identity: str | None = None, **more: object) -> unitls.ClientContext:
    identities = (pki.identity(identity),) if identity else ()
    given = {"trust_store": pki.trust(), "identities": identities, **more}
    return backend.client_context(unitls.TLSClientConfiguration(**given))  # type: ignore[arg-type]


def _fetched(connection: unitls.TLSWrappedSocket) -> bytes:
    connection.sendall(_REQUEST)
    return receive_exactly(connection, 1 << 20)


@pytest.mark.needs(Feature.CLIENT, Feature.CUSTOM_TRUST_STORE)
def test_our_client(backend: unitls.Backend, version: TLSVersion, pki: PKI, databases: Databases) -> None:
    """A page is fetched; a stranger's trust, another name and an intermediate that is sent are judged as they should be."""
    with _self_serv(databases, version, "server") as port:
        with connected(_client(backend, pki), port, _HOST) as connection:
            assert connection.negotiated_tls_version is version
            assert connection.getpeercert() == pki.leaf("server")
            assert _fetched(connection).startswith(b"HTTP/1.0 200 OK")
        wrong = (
            (_client(backend, pki, trust_store=pki.trust("stranger")), _HOST, VerifyFailure.UNKNOWN_ISSUER),
            (_client(backend, pki), "wrong.test", VerifyFailure.NAME_MISMATCH),
        )
        for context, name, failure in wrong:
            with pytest.raises(unitls.CertificateVerificationError) as caught, connected(context, port, name):
                pytest.fail("the handshake succeeded")
            assert caught.value.failure is failure
    with (
        _self_serv(databases, version, "second_server") as port,
        connected(_client(backend, pki), port, SECOND_NAME) as connection,
    ):
        assert _fetched(connection).startswith(b"HTTP/1.0 200 OK")


@pytest.mark.needs(Feature.CLIENT, Feature.CUSTOM_TRUST_STORE, Feature.CLIENT_CERTIFICATES)
def test_our_client_certificate(backend: unitls.Backend, version: TLSVersion, pki: PKI, databases: Databases) -> None:
    """The server demands a certificate: ours will do, a stranger's and none will not."""
    with _self_serv(databases, version, "server", "-r", "-r") as port:
        with connected(_client(backend, pki, "client"), port, _HOST) as connection:
            assert _fetched(connection).startswith(b"HTTP/1.0 200 OK")
        for identity in ("stranger_client", None):
            refused = (unitls.PeerAlert, unitls.RaggedEOF, ConnectionError)
            with (
                pytest.raises(refused),
                connected(_client(backend, pki, identity), port, _HOST) as connection,
            ):
                _fetched(connection)


@pytest.mark.needs(Feature.CLIENT, Feature.SESSION_RESUMPTION, Feature.RESUMPTION_INFORMATION)
def test_our_client_resumes(backend: unitls.Backend, version: TLSVersion, pki: PKI, databases: Databases) -> None:
    """The second connection resumes the session of the first."""
    context = _client(backend, pki, session_cache=unitls.SessionCache())
    with _self_serv(databases, version, "server") as port:
        for resumed in (False, True):
            with connected(context, port, _HOST) as connection:
                assert _fetched(connection).startswith(b"HTTP/1.0 200 OK")
                assert connection.session_resumed is resumed


# ---------------------------------------------------------------------------------------------- our servers


@pytest.fixture
def served(backend: unitls.Backend, pki: PKI) -> Iterator[OurServer]:
    """A server of ours that sends back one line, and closes: the client waits for that."""
    configuration = unitls.TLSServerConfiguration(identities=(pki.identity("server"),))
    with OurServer(backend.server_context(configuration), _answer) as server:
        yield server


def _answer(connection: unitls.TLSWrappedSocket) -> None:
    connection.sendall(connection.recv(65536))


def _tstclnt(database: str, version: TLSVersion, port: int, *more: str) -> subprocess.CompletedProcess[bytes]:
    """Send a line to our server and wait for the end."""
    command = [_tool("tstclnt"), "-h", _HOST, "-4", "-p", str(port), "-d", database, "-V", _VERSIONS[version], "-O"]
    with tempfile.TemporaryFile() as line:  # of a pipe it does not notice the end
        line.write(b"there and back\n")
        line.seek(0)
        return subprocess.run(
            [*command, "-w", "", *more],
            stdin=line,
            env=clean_environment(),
            capture_output=True,
            timeout=DEADLINE,
            check=False,
        )


@pytest.mark.needs(Feature.SERVER)
def test_our_server(version: TLSVersion, databases: Databases, served: OurServer) -> None:
    """A line goes there and back."""
    done = _tstclnt(databases("client"), version, served.port)
    report = served.next_report()
    assert (done.returncode, report.error) == (0, None), done.stderr
    assert b"there and back" in done.stdout
    assert (report.version, report.server_name) == (version, _HOST)


@pytest.mark.needs(Feature.SERVER)
def test_our_server_refused(version: TLSVersion, databases: Databases, served: OurServer, tmp_path: Path) -> None:
    """A client with a database in which our authority is not trusted refuses us, and says so."""
    empty = ["-d", f"sql:{tmp_path}"]
    subprocess.run([need_program("certutil"), "-N", *empty, "--empty-password"], check=True, timeout=DEADLINE)
    done = _tstclnt(f"sql:{tmp_path}", version, served.port)
    assert done.returncode != 0
    error = served.next_report().error
    assert isinstance(error, unitls.PeerAlert)
    assert error.alert is unitls.AlertDescription.UNKNOWN_CA


@pytest.mark.needs(Feature.SERVER, Feature.CLIENT_CERTIFICATES)
@pytest.mark.parametrize("name", ["client", "stranger_client", None])
def test_our_server_demands_a_certificate(
    backend: unitls.Backend, version: TLSVersion, pki: PKI, databases: Databases, name: str | None
) -> None:
    """We demand a certificate: the client's will do, a stranger's and none will not."""
    configuration = unitls.TLSServerConfiguration(
        identities=(pki.identity("server"),),
        trust_store=pki.trust(),
        client_authentication=ClientAuthentication.REQUIRED,
    )
    with OurServer(backend.server_context(configuration), echo) as server:
        # With -Q it ends once the handshake is done: in this role it never comes to sending what it is given.
        done = _tstclnt(databases(name or "client"), version, server.port, "-n", name or "none", "-Q")
        report = server.next_report()
    if name == "client":
        assert done.returncode == 0, done.stderr
        assert (report.version, report.client_certificate) == (version, pki.leaf("client"))
    else:
        assert isinstance(report.error, unitls.CertificateVerificationError)
