"""The platform's own verification in the place of the library's, with every backend; the platform is a fake here."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import pytest

import unitls
from unitls import CertificateVerificationError, ClientAuthentication, Feature, TLSVersion, VerifyFailure
from unitls.core import _platform, _system_verdict
from unitls.core._leaf_check import Fault
from unitls.core._platform import PlatformJudge, PlatformVerifier, Verdict
from unitls.core._system_verdict import told_capabilities
from unitls.core._values import NeutralTrustStore
from unitls.testing._kit import HOST, Drive, Kit
from unitls.testing._zoo_files import load_identities

IDENTITIES = load_identities()
ROOT = IDENTITIES.authority.certificate_der
VERSIONS = (TLSVersion.TLSv1_2, TLSVersion.TLSv1_3)
BACKENDS = [item.name for item in unitls.available_backends() if item.available and item.source == "unitls"]


class Platform(PlatformVerifier):
    """Says what it is told to; remembers what it was asked.

    Args:
        answer: what it says of a chain.
    """

    name = "a platform of the tests"

    def __init__(self, answer: Callable[[Sequence[bytes]], Verdict]) -> None:
        self.answer = answer
        self.asked: list[tuple[list[bytes], Any]] = []
        self.prepared: list[tuple[bytes, ...]] = []

    def prepare(self, anchors: Sequence[bytes], configuration: unitls.TLSConfiguration) -> PlatformJudge:
        self.prepared.append(tuple(anchors))

        def judge(chain: Sequence[bytes], subjects: Any) -> Verdict:
            self.asked.append((list(chain), subjects))
            return self.answer(chain)

        return judge

    @property
    def store(self) -> unitls.TrustStore:
        return NeutralTrustStore(is_system=True, platform=self)


def yes(chain: Sequence[bytes]) -> Verdict:
    return Verdict(None, (*chain, ROOT))


def no(chain: Sequence[bytes]) -> Verdict:
    return Verdict(Fault(VerifyFailure.REVOKED, "the platform knows better"))


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> unitls.Backend:
    found = unitls.get_backend(request.param)
    if found.client_context.provider.verifies_by_platform:  # type: ignore[attr-defined]
        pytest.skip("its own verification is the platform's")
    return found


@pytest.fixture(params=VERSIONS, ids=lambda version: version.name)
def version(request: pytest.FixtureRequest) -> TLSVersion:
    chosen: TLSVersion = request.param
    return chosen


@pytest.fixture
def kit(backend: unitls.Backend, version: TLSVersion) -> Kit:
    """The conformance kit has the same with every way the bytes can travel."""
    if version not in backend.capabilities.versions:
        pytest.skip(f"has no {version.name}")
    return Kit(backend, unitls.get_backend("openssl"), Drive.WHOLE, version)


def asking_server(kit: Kit) -> unitls.ServerContext:
    """A server that wants a certificate of the client."""
    return kit.server(
        client_authentication=ClientAuthentication.REQUIRED, trust_store=kit.trust, validate_certificates=True
    )


def test_its_yes_is_what_counts(kit: Kit) -> None:
    platform = Platform(yes)
    client = kit.client(trust_store=platform.store, identities=(kit.client_identity,))
    pair = kit.connected(client, asking_server(kit))
    pair.echo()
    (chain, subjects), *more = platform.asked
    assert not more
    assert chain[0] == IDENTITIES.server.chain[0]
    assert [str(subject) for subject in subjects] == [HOST]
    assert pair.server.tls.getpeercert() == IDENTITIES.client.chain[0]
    assert client.verifier == f"{platform.name}, with the roots of the system"
    if kit.client_backend.capabilities.supports(Feature.VERIFIED_CHAIN):
        assert pair.client.tls.getverifiedchain() == [*chain, ROOT]


def refused(kit: Kit, platform: Platform) -> CertificateVerificationError:
    """The error of a client whose server the platform refuses; the server has neither its Finished nor its certificate."""
    client = kit.client(trust_store=platform.store, identities=(kit.client_identity,))
    pair = kit.pair(client, asking_server(kit))
    error, at_server = pair.attempt()
    assert isinstance(error, CertificateVerificationError), error
    assert platform.asked
    assert isinstance(at_server, unitls.ConnectionFault)
    assert not isinstance(at_server, unitls.PeerAlert)
    assert pair.server.tls.getpeercert() is None
    assert pair.server.tls.negotiated_tls_version is None
    with pytest.raises(unitls.ConnectionFault):
        pair.client.write(b"secret")
    return error


def test_its_no_is_final(kit: Kit) -> None:
    error = refused(kit, Platform(no))
    assert error.failure is VerifyFailure.REVOKED
    assert "knows better" in str(error)
    assert type(error) is not CertificateVerificationError  # it is the backend's own


@pytest.mark.parametrize("path", [(), (ROOT,)])
def test_a_yes_to_something_else_is_no_yes(backend: unitls.Backend, path: tuple[bytes, ...]) -> None:
    kit = Kit(backend, unitls.get_backend("openssl"), Drive.WHOLE, None)
    assert refused(kit, Platform(lambda chain: Verdict(None, path))).failure is VerifyFailure.OTHER


def broken(chain: Sequence[bytes]) -> Verdict:
    raise OSError("no such service")


def nothing(chain: Sequence[bytes]) -> Any:
    return None


@pytest.mark.parametrize("answer", [broken, nothing])
def test_without_an_answer_nobody_is_trusted(
    backend: unitls.Backend, version: TLSVersion, answer: Callable[[Sequence[bytes]], Any]
) -> None:
    if version not in backend.capabilities.versions:
        pytest.skip(f"has no {version.name}")
    error = refused(Kit(backend, unitls.get_backend("openssl"), Drive.WHOLE, version), Platform(answer))
    assert error.failure is VerifyFailure.OTHER
    assert error.__cause__ is not None


def test_core_checks_the_name_too(backend: unitls.Backend) -> None:
    kit = Kit(backend, unitls.get_backend("openssl"), Drive.WHOLE, None)
    error, _ = kit.pair(kit.client(trust_store=Platform(yes).store), hostname="wrong.test").attempt()
    assert isinstance(error, CertificateVerificationError)
    assert error.failure is VerifyFailure.NAME_MISMATCH


def test_pins_and_hooks_see_its_path(backend: unitls.Backend) -> None:
    kit = Kit(backend, unitls.get_backend("openssl"), Drive.WHOLE, None)
    seen: list[tuple[bytes, ...]] = []
    client = kit.client(trust_store=Platform(yes).store, verification_hook=seen.append)
    kit.connected(client).echo()
    assert [path[-1] for path in seen] == [ROOT]


def test_a_union_leaves_the_anchors_to_it(backend: unitls.Backend) -> None:
    kit = Kit(backend, unitls.get_backend("openssl"), Drive.WHOLE, None)
    platform = Platform(yes)
    client = kit.client(trust_store=unitls.TrustStore.union(kit.trust, platform.store))
    kit.connected(client).echo()
    assert platform.prepared == [(ROOT,)]
    assert client.verifier == f"{platform.name}, with the roots of the system and 1 given anchor"


def test_a_resumed_session_is_judged_again(backend: unitls.Backend) -> None:
    kit = Kit(backend, unitls.get_backend("openssl"), Drive.WHOLE, None)
    if not backend.capabilities.supports(Feature.SESSION_RESUMPTION):
        pytest.skip("keeps no sessions")
    platform = Platform(yes)
    client, server = kit.client(trust_store=platform.store, session_cache=unitls.SessionCache()), kit.server()
    for _ in range(2):
        pair = kit.connected(client, server)
        pair.echo()
    assert pair.client.tls.session_resumed
    assert [chain[0] for chain, _ in platform.asked] == [IDENTITIES.server.chain[0]] * 2
    platform.answer = no
    error, _ = kit.pair(client, server).attempt()
    assert isinstance(error, CertificateVerificationError)


def test_what_it_cannot_do_is_refused_when_it_is_configured(backend: unitls.Backend) -> None:
    kit = Kit(backend, unitls.get_backend("openssl"), Drive.WHOLE, None)
    store = Platform(yes).store
    with pytest.raises(unitls.UnsupportedFeature, match="servers only"):
        backend.server_context(
            kit.server_configuration(client_authentication=ClientAuthentication.REQUIRED, trust_store=store,
                                     validate_certificates=True)
        )  # fmt: skip
    for feature, changes in ((Feature.CRLS, {"crls": (b"0",)}), (Feature.OCSP_STAPLING, {"request_ocsp": True})):
        with pytest.raises(unitls.UnsupportedFeature) as caught:
            kit.client(trust_store=store, **changes)
        assert caught.value.feature is feature
    kit.client(trust_store=store, validate_certificates=False)


def test_the_capabilities_say_that_no_alert_is_sent(backend: unitls.Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    provider = backend.client_context.provider  # type: ignore[attr-defined]
    monkeypatch.setattr(_system_verdict, "platform_verifier", lambda: None)
    assert told_capabilities(provider) == provider.capabilities()
    monkeypatch.setattr(_system_verdict, "platform_verifier", lambda: Platform(yes))
    *others, last = told_capabilities(provider).notes
    assert tuple(others) == provider.capabilities().notes
    assert "without an alert" in last


def test_which_systems_have_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for system, name in (("win32", "Windows"), ("darwin", "macOS"), ("linux", None), ("freebsd14", None)):
        monkeypatch.setattr(sys, "platform", system)
        _platform.platform_verifier.cache_clear()
        found = _platform.platform_verifier()
        assert (found and found.name) == name
    monkeypatch.undo()
    _platform.platform_verifier.cache_clear()


def test_stores_of_different_platforms_differ() -> None:
    one, other = Platform(yes), Platform(yes)
    assert one.store == one.store
    assert hash(one.store) == hash(one.store)
    assert one.store != other.store
    assert one.store != unitls.TrustStore.system()
