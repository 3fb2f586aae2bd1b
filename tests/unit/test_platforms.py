"""The verification of Windows and of macOS behind other backends, over a scripted library and a stand-in."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from _schannel import Windows, windows
from _securetransport import ON_MACOS, load

import unitls
from unitls import CertificateVerificationError, VerifyFailure
from unitls.core._pem import certificates_from
from unitls.core._platform import PlatformVerifier
from unitls.core._values import NeutralTrustStore
from unitls.platforms import windows as windows_package
from unitls.platforms.windows import WindowsVerifier
from unitls.testing import Issued
from unitls.testing._expectations import expected, load_expectations
from unitls.testing._kit import Drive, Kit, identity_of
from unitls.testing._permissive import PermissiveServer
from unitls.testing._zoo_files import load_identities, load_zoo

IDENTITIES = load_identities()
ROOT = IDENTITIES.authority.certificate_der
EXPECTATIONS = load_expectations()
ZOO = {case.name: case for case in load_zoo()}
BACKENDS = [item.name for item in unitls.available_backends() if item.available and item.source == "unitls"]


@pytest.fixture(params=BACKENDS)
def kit(request: pytest.FixtureRequest) -> Iterator[Kit]:
    made = Kit(unitls.get_backend(request.param), unitls.get_backend("openssl"), Drive.WHOLE, None)
    if made.client_backend.client_context.provider.verifies_by_platform:  # type: ignore[attr-defined]
        pytest.skip("its own verification is the platform's")
    yield made
    made.close()


def failure(
    kit: Kit,
    verifier: PlatformVerifier,
    anchors: Sequence[bytes] = (),
    server: Issued = IDENTITIES.server,
    **names: Any,
) -> VerifyFailure | None:
    """Why a client refuses a server; `None` if it does not."""
    store = NeutralTrustStore(tuple(anchors), is_system=True, platform=verifier)
    pair = kit.pair(kit.client(trust_store=store), kit.server(identities=(identity_of(server),)), **names)
    error, _ = pair.attempt()
    assert error is None or isinstance(error, CertificateVerificationError), error
    return None if error is None else error.failure


# ---------------------------------------------------------------------------------------------- Windows


@pytest.fixture
def machine() -> Iterator[Windows]:
    with windows() as made:
        yield made


def test_windows_is_asked(kit: Kit, machine: Windows) -> None:
    verifier = WindowsVerifier(machine.libraries)
    assert failure(kit, verifier) is None
    assert not machine.crypt32.engines  # it is Windows' own engine
    machine.crypt32.status, machine.crypt32.errors = 0x20, [0, 0x20]
    assert failure(kit, verifier) is VerifyFailure.UNKNOWN_ISSUER
    machine.crypt32.status, machine.crypt32.errors = 0x4000000, [0x4000000]
    assert failure(kit, verifier) is VerifyFailure.REVOKED
    machine.crypt32.status, machine.crypt32.errors, machine.crypt32.policy = 0, [], 0x800B0109
    assert failure(kit, verifier) is VerifyFailure.UNKNOWN_ISSUER
    machine.crypt32.policy = 0
    assert failure(kit, verifier, hostname="wrong.test") is VerifyFailure.NAME_MISMATCH
    machine.crypt32.refuses.add("CertGetCertificateChain")
    assert failure(kit, verifier) is VerifyFailure.INVALID


def test_given_anchors_have_an_engine_of_their_own_on_windows(kit: Kit, machine: Windows) -> None:
    verifier = WindowsVerifier(machine.libraries)
    assert failure(kit, verifier, [ROOT]) is None
    assert len(machine.crypt32.engines) == 1
    machine.crypt32.refuses.add("CertCreateCertificateChainEngine")
    with pytest.raises(unitls.ConfigurationError, match="does not take the trust store"):
        failure(kit, verifier, [ROOT])


@pytest.mark.skipif(sys.platform == "win32", reason="it is Windows")
def test_windows_library_is_on_windows_only() -> None:
    with pytest.raises(ImportError, match="not Windows"):
        windows_package.VERIFIER.prepare((), unitls.TLSClientConfiguration())


# ---------------------------------------------------------------------------------------------- macOS


@pytest.fixture
def macos(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> PlatformVerifier:
    bundle = tmp_path / "none.pem"
    bundle.touch()
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))  # what the stand-in takes for the roots of the system
    found: PlatformVerifier = load().modules["unitls.platforms.macos"].VERIFIER
    return found


def test_macos_is_asked(kit: Kit, macos: PlatformVerifier) -> None:
    assert failure(kit, macos, [ROOT]) is None
    assert failure(kit, macos, [ROOT], IDENTITIES.second_server, hostname="other.test") is None
    assert failure(kit, macos, [ROOT], hostname="wrong.test") is VerifyFailure.NAME_MISMATCH
    assert failure(kit, macos) is VerifyFailure.UNKNOWN_ISSUER


@pytest.mark.skipif(ON_MACOS, reason="macOS has further rules; the kit for SecureTransport knows them")
@pytest.mark.parametrize("name", [name for name, case in ZOO.items() if case.role == "server" and not case.crls_pem])
def test_macos_judges_the_zoo(kit: Kit, macos: PlatformVerifier, name: str) -> None:
    case = ZOO[name]
    known = expected(EXPECTATIONS, kit.client_backend.name, "openssl", f"zoo-{name.replace('_', '-')}", "")
    if known is not None:
        pytest.skip(known.reason)
    anchors = tuple(certificates_from(case.trust_pem))
    client = kit.client(trust_store=NeutralTrustStore(anchors, is_system=True, platform=macos))
    server = PermissiveServer(case.server_chain, case.key_pem, None)
    pair = kit.custom_pair(
        lambda *buffers: client.wrap_buffers(*buffers, server_hostname=case.server_hostname), server.wrap
    )
    error, _ = pair.attempt()
    if not case.failures:
        assert error is None
        pair.echo()
        return
    assert isinstance(error, CertificateVerificationError), error
    assert error.failure is not None
    assert error.failure.name in case.failures


@pytest.mark.skipif(ON_MACOS, reason="the system's own roots are what they are there")
def test_the_roots_of_macos_count(
    kit: Kit, macos: PlatformVerifier, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bundle = tmp_path / "roots.pem"
    bundle.write_bytes(IDENTITIES.ca_pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    assert failure(kit, macos) is None


def test_macos_cannot_read_everything(macos: PlatformVerifier) -> None:
    configuration = unitls.TLSClientConfiguration()
    with pytest.raises(unitls.ConfigurationError, match="cannot be read"):
        macos.prepare([b"0\0"], configuration)
    judge = macos.prepare([ROOT], configuration)
    fault, path = judge([b"0\0"], None)
    assert (fault and fault.failure, path) == (VerifyFailure.INVALID, ())


@pytest.mark.skipif(ON_MACOS, reason="it is macOS")
def test_the_frameworks_are_on_macos_only() -> None:
    from unitls.platforms.macos import VERIFIER

    with pytest.raises(ImportError, match="not macOS"):
        VERIFIER.prepare((), unitls.TLSClientConfiguration())
