"""Our server and other people's clients."""

from __future__ import annotations

from pathlib import Path

import pytest
from _http import echo_http
from _ours import OurServer, Served, Talk, echo
from _peers import ClientOptions, CurlClient, GoClient, NodeClient, OpenSSLClient, PeerClient
from _pki import PKI, SECOND_NAME, SERVER_NAME

import unitls
from unitls import ClientAuthentication, Feature, NextProtocol, TLSVersion

pytestmark = pytest.mark.needs(Feature.SERVER)
_DOTTED = {TLSVersion.TLSv1_2: "1.2", TLSVersion.TLSv1_3: "1.3"}


@pytest.fixture(params=["openssl", "go", "node", "curl"])
def peer(request: pytest.FixtureRequest) -> PeerClient:
    """Each client."""
    if request.param == "go":
        return GoClient(request.getfixturevalue("go_peer"))
    kinds: dict[str, type[PeerClient]] = {"openssl": OpenSSLClient, "node": NodeClient, "curl": CurlClient}
    return kinds[request.param]()


def _server(backend: unitls.Backend, pki: PKI, peer: PeerClient, *names: str, **settings: object) -> OurServer:
    identities = tuple(pki.identity(name) for name in names or ("server",))
    configuration = unitls.TLSServerConfiguration(identities=identities, **settings)  # type: ignore[arg-type]
    talk: Talk = echo_http if peer.name == "curl" else echo
    return OurServer(backend.server_context(configuration), talk)


def _good(server: OurServer) -> Served:
    report = server.next_report()
    if report.error is not None:
        raise report.error
    return report


def test_data_and_version(
    backend: unitls.Backend, version: TLSVersion, peer: PeerClient, pki: PKI, tmp_path: Path
) -> None:
    """A verified connection of the one version the client speaks; data goes both ways, and the end is clean."""
    with _server(backend, pki, peer) as server:
        seen = peer.run(pki, ClientOptions(version=version, port=server.port), tmp_path)[0]
        report = _good(server)
    assert seen.error is None
    assert seen.version in (None, _DOTTED[version])
    assert (report.version, report.server_name) == (version, SERVER_NAME)
    assert report.client_certificate is None


def test_wrong_authority(
    backend: unitls.Backend, version: TLSVersion, peer: PeerClient, pki: PKI, tmp_path: Path
) -> None:
    """A client that does not trust our authority refuses us, and tells us so if it tells anybody."""
    with _server(backend, pki, peer) as server:
        seen = peer.run(pki, ClientOptions(version=version, port=server.port, ca="stranger"), tmp_path)[0]
        report = server.next_report()
    assert seen.error
    assert isinstance(report.error, peer.refusals)


def test_wrong_name(backend: unitls.Backend, version: TLSVersion, peer: PeerClient, pki: PKI, tmp_path: Path) -> None:
    """A client that asks for another name is shown our certificate all the same, and refuses it."""
    with _server(backend, pki, peer) as server:
        options = ClientOptions(version=version, port=server.port, server_name="wrong.test")
        seen = peer.run(pki, options, tmp_path)[0]
        report = server.next_report()
    assert seen.error
    assert report.server_name == "wrong.test"


@pytest.mark.needs(Feature.CLIENT_CERTIFICATES)
def test_client_certificate(
    backend: unitls.Backend, version: TLSVersion, peer: PeerClient, pki: PKI, tmp_path: Path
) -> None:
    """We demand a certificate, and get the client's."""
    demand = {"trust_store": pki.trust(), "client_authentication": ClientAuthentication.REQUIRED}
    with _server(backend, pki, peer, **demand) as server:
        seen = peer.run(pki, ClientOptions(version=version, port=server.port, identity="client"), tmp_path)[0]
        report = _good(server)
    assert seen.error is None
    assert report.client_certificate == pki.leaf("client")


@pytest.mark.needs(Feature.CLIENT_CERTIFICATES)
@pytest.mark.parametrize("identity", [None, "stranger_client"], ids=["none", "stranger"])
def test_refused_client_certificate(
    backend: unitls.Backend, version: TLSVersion, peer: PeerClient, pki: PKI, tmp_path: Path, identity: str | None
) -> None:
    """We demand a certificate, and get none, or one of a stranger: both ends know that nothing came of it."""
    demand = {"trust_store": pki.trust(), "client_authentication": ClientAuthentication.REQUIRED}
    with _server(backend, pki, peer, **demand) as server:
        seen = peer.run(pki, ClientOptions(version=version, port=server.port, identity=identity), tmp_path)[0]
        report = server.next_report()
    assert seen.error
    if identity is None:
        assert isinstance(report.error, unitls.ConnectionFault)
    else:
        assert isinstance(report.error, unitls.CertificateVerificationError)
        # A client that was told whom we trust may rather send no certificate than one that is no use (RFC 8446 4.2.4).
        assert report.error.failure in (unitls.VerifyFailure.UNKNOWN_ISSUER, unitls.VerifyFailure.OTHER)


@pytest.mark.needs(Feature.CLIENT_CERTIFICATES)
def test_optional_client_certificate(
    backend: unitls.Backend, version: TLSVersion, peer: PeerClient, pki: PKI, tmp_path: Path
) -> None:
    """We ask for a certificate, and take a client without one."""
    ask = {"trust_store": pki.trust(), "client_authentication": ClientAuthentication.OPTIONAL}
    with _server(backend, pki, peer, **ask) as server:
        seen = peer.run(pki, ClientOptions(version=version, port=server.port), tmp_path)[0]
        report = _good(server)
    assert seen.error is None
    assert report.client_certificate is None


@pytest.mark.needs(Feature.ALPN)
def test_alpn(backend: unitls.Backend, version: TLSVersion, peer: PeerClient, pki: PKI, tmp_path: Path) -> None:
    """We and the client prefer h2."""
    with _server(backend, pki, peer, inner_protocols=(NextProtocol.H2, NextProtocol.HTTP1)) as server:
        options = ClientOptions(version=version, port=server.port, protocols=("h2", "http/1.1"))
        seen = peer.run(pki, options, tmp_path)[0]
        report = _good(server)
    assert seen.error is None
    assert (seen.protocol, report.protocol) == ("h2", NextProtocol.H2)


def test_server_name(backend: unitls.Backend, version: TLSVersion, peer: PeerClient, pki: PKI, tmp_path: Path) -> None:
    """Of two certificates each client gets the one it asks for, wildcards included, and verifies it."""
    with _server(backend, pki, peer, "server", "second_server") as server:
        for name in (SERVER_NAME, SECOND_NAME, f"www.{SECOND_NAME}"):
            seen = peer.run(pki, ClientOptions(version=version, port=server.port, server_name=name), tmp_path)[0]
            assert seen.error is None
            assert _good(server).server_name == name


def test_resumption(backend: unitls.Backend, version: TLSVersion, peer: PeerClient, pki: PKI, tmp_path: Path) -> None:
    """The client's second connection resumes the session of its first."""
    with _server(backend, pki, peer) as server:
        seen = peer.run(pki, ClientOptions(version=version, port=server.port, connections=2), tmp_path)
        reports = [_good(server), _good(server)]
    assert [item.error for item in seen] == [None, None]
    assert [item.resumed for item in seen] in ([False, True], [None, None])
    assert [item.resumed for item in reports] in ([False, True], [None, None])
