"""Our client and other people's servers."""

from __future__ import annotations

from pathlib import Path

import pytest
from _nginx import NginxServer
from _ours import TIMEOUT, connected
from _peers import GoServer, NodeServer, OpenSSLServer, PeerServer, ServerOptions
from _pki import PKI, SECOND_NAME, SERVER_NAME

import unitls
from unitls import Feature, NextProtocol, TLSVersion, VerifyFailure
from unitls.testing import load_expectations
from unitls.testing._expectations import expected

pytestmark = pytest.mark.needs(Feature.CLIENT, Feature.CUSTOM_TRUST_STORE)
_DOTTED = {TLSVersion.TLSv1_2: "1.2", TLSVersion.TLSv1_3: "1.3"}


@pytest.fixture(params=["openssl", "go", "node", "nginx"])
def peer(request: pytest.FixtureRequest) -> PeerServer:
    """Each server."""
    if request.param == "go":
        return GoServer(request.getfixturevalue("go_peer"))
    kinds: dict[str, type[PeerServer]] = {"openssl": OpenSSLServer, "node": NodeServer, "nginx": NginxServer}
    return kinds[request.param]()


def _context(
    backend: unitls.Backend, pki: PKI, identity: str | None = None, **settings: object
) -> unitls.ClientContext:
    identities = (pki.identity(identity),) if identity else ()
    given = {"trust_store": pki.trust(), "identities": identities, **settings}
    return backend.client_context(unitls.TLSClientConfiguration(**given))  # type: ignore[arg-type]


def test_data_and_version(
    backend: unitls.Backend, version: TLSVersion, peer: PeerServer, pki: PKI, tmp_path: Path
) -> None:
    """A verified connection of the one version the server speaks; data goes both ways, and the end is clean."""
    with (
        peer.start(pki, ServerOptions(version=version), tmp_path) as server,
        connected(_context(backend, pki), server.port, SERVER_NAME) as connection,
    ):
        assert connection.negotiated_tls_version is version
        assert connection.getpeercert() == pki.leaf("server")
        assert connection.negotiated_protocol() is None
        seen = server.exchange(connection)
    assert seen.version == _DOTTED[version]
    assert seen.server_name in (None, SERVER_NAME)


def test_wrong_authority(
    backend: unitls.Backend, version: TLSVersion, peer: PeerServer, pki: PKI, tmp_path: Path
) -> None:
    """A server of an authority that we do not trust is refused, and one of another name."""
    wrong = (
        (_context(backend, pki, trust_store=pki.trust("stranger")), SERVER_NAME, VerifyFailure.UNKNOWN_ISSUER),
        (_context(backend, pki), "wrong.test", VerifyFailure.NAME_MISMATCH),
    )
    with peer.start(pki, ServerOptions(version=version), tmp_path) as server:
        for context, name, failure in wrong:
            with pytest.raises(unitls.CertificateVerificationError) as caught, connected(context, server.port, name):
                pytest.fail("the handshake succeeded")
            assert caught.value.failure is failure


@pytest.mark.needs(Feature.CLIENT_CERTIFICATES)
def test_client_certificate(
    backend: unitls.Backend, version: TLSVersion, peer: PeerServer, pki: PKI, tmp_path: Path
) -> None:
    """The server demands a certificate, and gets ours."""
    with (
        peer.start(pki, ServerOptions(version=version, client_ca="ca"), tmp_path) as server,
        connected(_context(backend, pki, "client"), server.port, SERVER_NAME) as connection,
    ):
        seen = server.exchange(connection)
    assert seen.peer in (None, "client")


@pytest.mark.needs(Feature.CLIENT_CERTIFICATES)
@pytest.mark.parametrize("identity", [None, "stranger_client"], ids=["none", "stranger"])
def test_refused_client_certificate(
    backend: unitls.Backend, version: TLSVersion, peer: PeerServer, pki: PKI, tmp_path: Path, identity: str | None
) -> None:
    """The server demands a certificate, and gets none, or one of a stranger: we learn that it ended the connection."""
    with peer.start(pki, ServerOptions(version=version, client_ca="ca"), tmp_path) as server:
        context = _context(backend, pki, identity)
        with pytest.raises(peer.refusals), connected(context, server.port, SERVER_NAME) as connection:
            server.be_refused(connection)


@pytest.mark.needs(Feature.ALPN)
def test_alpn(backend: unitls.Backend, version: TLSVersion, peer: PeerServer, pki: PKI, tmp_path: Path) -> None:
    """We and the server prefer h2."""
    with peer.start(pki, ServerOptions(version=version, protocols=("h2", "http/1.1")), tmp_path) as server:
        context = _context(backend, pki, inner_protocols=(NextProtocol.H2, NextProtocol.HTTP1))
        with connected(context, server.port, SERVER_NAME) as connection:
            assert connection.negotiated_protocol() is NextProtocol.H2
            assert server.exchange(connection).protocol in (None, "h2")


def test_server_name(backend: unitls.Backend, version: TLSVersion, peer: PeerServer, pki: PKI, tmp_path: Path) -> None:
    """A server with two certificates shows the one we ask for."""
    # OpenSSL's program sends intermediates with its first certificate only: that is the one which needs them.
    first, second = ("second_server", "server") if peer.name == "openssl" else ("server", "second_server")
    options = ServerOptions(version=version, identity=first, second=second)
    with peer.start(pki, options, tmp_path) as server:
        for name, identity in ((SERVER_NAME, "server"), (SECOND_NAME, "second_server")):
            with connected(_context(backend, pki), server.port, name) as connection:
                assert connection.getpeercert() == pki.leaf(identity)
                assert server.exchange(connection).server_name in (None, name)


@pytest.mark.needs(Feature.SESSION_RESUMPTION, Feature.RESUMPTION_INFORMATION)
def test_resumption(backend: unitls.Backend, version: TLSVersion, peer: PeerServer, pki: PKI, tmp_path: Path) -> None:
    """The second connection resumes the session of the first; one with another trust store does not."""
    cache = unitls.SessionCache()
    context = _context(backend, pki, session_cache=cache)
    with peer.start(pki, ServerOptions(version=version), tmp_path) as server:
        for resumed in (False, True):
            with connected(context, server.port, SERVER_NAME) as connection:
                seen = server.exchange(connection)
                assert (connection.session_resumed, seen.resumed) in ((resumed, resumed), (resumed, None))
        other = _context(
            backend, pki, session_cache=cache, trust_store=unitls.TrustStore.union(pki.trust(), pki.trust("stranger"))
        )
        with connected(other, server.port, SERVER_NAME) as connection:
            assert not connection.session_resumed
            server.exchange(connection)


@pytest.mark.needs(Feature.CLIENT_CERTIFICATES, Feature.SESSION_RESUMPTION, Feature.RESUMPTION_INFORMATION)
def test_resumption_with_client_certificate(
    backend: unitls.Backend, version: TLSVersion, peer: PeerServer, pki: PKI, tmp_path: Path
) -> None:
    """A session that was made with a client certificate resumes, unless the kit expects that it does not.

    Either way the server still knows who we are.
    """
    case, variant = "sessions-with-a-client-certificate", f"{version.name}-sockets"
    never = expected(load_expectations(), backend.name, peer.name, case, variant) is not None
    context = _context(backend, pki, "client", session_cache=unitls.SessionCache())
    with peer.start(pki, ServerOptions(version=version, client_ca="ca"), tmp_path) as server:
        for resumed in (False, True):
            with connected(context, server.port, SERVER_NAME, TIMEOUT) as connection:
                seen = server.exchange(connection)
                assert connection.session_resumed is (resumed and not never)
                assert seen.peer in (None, "client")
