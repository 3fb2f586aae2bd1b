"""What is special to the SecureTransport backend: its frameworks, its numbers, its objects and its tables."""

from __future__ import annotations

import gc
import subprocess
import sys
import types
from typing import Any

import pytest
from _securetransport import ON_MACOS, build, import_over, load

import unitls
from unitls import AlertDescription, Feature, TLSVersion, VerifyFailure
from unitls.testing import Kit, Result, run
from unitls.testing._kit import Drive

_STAND_IN = pytest.mark.skipif(ON_MACOS, reason="about the stand-in for the system's frameworks")


def modules() -> dict[str, Any]:
    return load().modules


def kit(version: TLSVersion | None = None) -> Kit:
    return Kit(load().backend, load().backend, Drive.WHOLE, version)


# ---------------------------------------------------------------------------------------------- where it can be used

_IMPORT = """
import unitls
try:
    import unitls.backends.securetransport
except ImportError as error:
    print(error)
rows = {item.name: item for item in unitls.available_backends()}
print(rows["securetransport"].available, rows["securetransport"].reason)
try:
    unitls.get_backend("securetransport")
except unitls.ConfigurationError as error:
    print(error)
"""


@_STAND_IN
def test_elsewhere_the_import_says_what_is_needed() -> None:
    done = subprocess.run([sys.executable, "-c", _IMPORT], capture_output=True, text=True, timeout=100, check=True)
    lines = done.stdout.splitlines()
    assert lines[0] == "SecureTransport needs macOS"
    assert lines[1] == "False SecureTransport needs macOS: use another backend here"
    assert "SecureTransport needs macOS" in lines[2]


def test_a_system_that_is_too_old_is_refused() -> None:
    native = modules()["native"]
    with pytest.raises(ImportError, match=r"10\.14 on: this system has no SSL"):
        native.declare(types.SimpleNamespace(), types.SimpleNamespace())


class _Without:
    """A library that lacks some functions."""

    def __init__(self, library: Any, *names: str) -> None:
        self._library, self._names = library, names
        self._handle = library._handle

    def __getattr__(self, name: str) -> Any:
        if name in self._names:
            raise AttributeError(name)
        return getattr(self._library, name)


@_STAND_IN
def test_what_needs_a_function_that_is_missing_is_refused() -> None:
    library = build("-DLACKS_FUNCTIONS")
    backend = import_over(library, library)[""].BACKEND
    for feature in (Feature.SERVER, Feature.CLIENT_CERTIFICATES, Feature.CLIENT_CERTIFICATE_CHOICE, Feature.PEER_CHAIN):
        assert not backend.capabilities.supports(feature)
        assert backend.capabilities.reason(feature)
    with pytest.raises(unitls.UnsupportedFeature):
        backend.server_context()
    cases = ["handshake-completes", "zoo-expired", "zoo-missing-intermediate", "zoo-unknown-issuer"]
    report = run(backend, unitls.get_backend("openssl"), cases=cases)
    assert report.ok, report
    assert report.count(Result.PASSED) > len(cases)


# ---------------------------------------------------------------------------------------------- numbers


@pytest.mark.parametrize("size", [2, 4])
def test_the_width_of_a_suite_shows_by_what_is_written(size: int) -> None:
    values = (0xC02B, 0xC02F, 0x009C)
    written = b"".join(value.to_bytes(size, "little") for value in values)
    assert modules()["ciphers"].values_in(written.ljust(12, b"\xff"), 3) == (size, values)


@_STAND_IN
def test_suites_of_32_bits_as_on_intel() -> None:
    library = build("-DFAKE_SUITE=uint32_t")
    found = import_over(library, library)
    assert len(found["ciphers"].packed([0xC02B])) == 4
    backend, peer = found[""].BACKEND, unitls.get_backend("openssl")
    for report in (
        run(backend, peer, cases=["handshake-completes"]),
        run(peer, backend, cases=["handshake-completes"]),
    ):
        assert report.ok, report


def test_only_suites_that_authenticate_and_encrypt() -> None:
    from unitls import CipherSuite

    names = [CipherSuite(value).name for value in load().backend.capabilities.cipher_suites]
    assert "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256" in names
    assert not [
        name for name in names if any(word in name for word in ("NULL", "anon", "DHE_RSA_WITH_NULL", "PSK", "RC4"))
    ]
    assert not [name for name in names if name.startswith("TLS_DHE")]
    default = [suite.name for suite in load().backend.client_context().ciphers]
    assert default
    assert all("ECDHE" in name and ("GCM" in name or "CHACHA20" in name) for name in default)


@pytest.mark.parametrize("version", [TLSVersion.TLSv1, TLSVersion.TLSv1_1, TLSVersion.TLSv1_2])
def test_each_version(version: TLSVersion) -> None:
    at = kit(version)
    pair = at.connected()
    assert pair.client.tls.negotiated_tls_version is version
    pair.echo()


def test_tls_1_3_is_refused_with_the_reason() -> None:
    with pytest.raises(unitls.UnsupportedFeature, match=r"1\.3 came with Network\.framework"):
        load().backend.client_context(unitls.TLSClientConfiguration(lower_bound=TLSVersion.TLSv1_3))


def test_a_protocol_that_is_no_ascii_is_refused() -> None:
    with pytest.raises(unitls.UnsupportedFeature, match="ASCII"):
        load().backend.client_context(unitls.TLSClientConfiguration(inner_protocols=(b"\xff",)))


def test_a_key_log_that_the_environment_asks_for_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", "secrets.log")
    with pytest.raises(unitls.UnsupportedFeature, match="unset SSLKEYLOGFILE"):
        load().backend.client_context()


# ---------------------------------------------------------------------------------------------- objects


def _connect_and_fail() -> None:
    at = kit()
    at.connected().echo()
    stranger = unitls.TrustStore.from_buffer(at.identities.server.certificate_pem)
    errors = at.pair(at.client(trust_store=stranger), hostname="elsewhere.test").attempt()
    assert isinstance(errors[0], unitls.CertificateVerificationError)
    ended = at.pair()
    ended.cut(ended.client)
    at.close()


@_STAND_IN
def test_nothing_is_left_of_connections_and_contexts() -> None:
    live = load().library.fake_live_objects
    _connect_and_fail()
    gc.collect()
    before = live()
    for _ in range(20):
        _connect_and_fail()
    gc.collect()
    assert live() == before


def test_what_cannot_be_made_is_an_error() -> None:
    native, foundation = modules()["native"], modules()["unitls.platforms.macos._foundation"]
    with pytest.raises(native.Error, match="cannot be read"):
        foundation.certificate(b"nonsense")
    with pytest.raises(native.Error):
        foundation.string(b"\xff", native.ASCII)


# ---------------------------------------------------------------------------------------------- tables


@pytest.mark.parametrize(
    ("code", "text", "failure"),
    [
        (-67818, "", VerifyFailure.EXPIRED),
        (-67819, "", VerifyFailure.NOT_YET_VALID),
        (-67843, "", VerifyFailure.UNKNOWN_ISSUER),
        (-25318, "", VerifyFailure.UNKNOWN_ISSUER),
        (-67820, "", VerifyFailure.REVOKED),
        (-67609, "", VerifyFailure.BAD_PURPOSE),
        (-67602, "", VerifyFailure.NAME_MISMATCH),
        (-67901, "not standards compliant", VerifyFailure.OTHER),
        (-67688, "the key size is not permitted", VerifyFailure.WEAK),
        (-12345, "never heard of", VerifyFailure.INVALID),
    ],
)
def test_verdicts(code: int, text: str, failure: VerifyFailure) -> None:
    assert modules()["unitls.platforms.macos._verdict"].failure_of(code, text) is failure


def _translated(code: int, **attributes: Any) -> Any:
    error = modules()["native"].Error(code)
    for name, value in attributes.items():
        setattr(error, name, value)
    return modules()["errors"].translate(error)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (-9800, unitls.ProtocolViolation),
        (-9801, unitls.ProtocolViolation),
        (-9806, unitls.ConnectionFault),
        (-9807, unitls.CertificateVerificationError),
        (-9810, unitls.InternalTLSError),
        (-9812, unitls.CertificateVerificationError),
        (-9814, unitls.CertificateVerificationError),
        (-9816, unitls.ConnectionFault),
        (-9843, unitls.CertificateVerificationError),
        (-9845, unitls.ProtocolViolation),
        (-9846, unitls.ProtocolViolation),
        (-9847, unitls.ProtocolViolation),
        (-9848, unitls.InternalTLSError),
        (-9850, unitls.ProtocolViolation),
        (-50, unitls.InternalTLSError),
    ],
)
def test_every_status_is_one_of_our_errors(code: int, kind: type[unitls.TLSError]) -> None:
    error = _translated(code)
    assert isinstance(error, kind)
    assert isinstance(error, modules()["errors"].SecureTransportError)
    assert error.native_code == code
    assert error.native_text


def test_every_alert_of_the_peer_is_told() -> None:
    for code, number in modules()["errors"].ALERTS.items():
        error = _translated(code)
        assert isinstance(error, unitls.PeerAlert)
        assert error.alert is AlertDescription(number)
    seen = _translated(-9800, alert=120)
    assert isinstance(seen, unitls.PeerAlert)
    assert seen.alert is AlertDescription.NO_APPLICATION_PROTOCOL
    assert isinstance(_translated(-9800, alert=250), unitls.ProtocolViolation)


def test_the_ends() -> None:
    assert _translated(-9805) is None
    assert isinstance(_translated(-9806, ragged=True), unitls.RaggedEOF)
    want = modules()["errors"].translate(modules()["native"].WantRead())
    assert isinstance(want, unitls.WantReadError)


@pytest.mark.parametrize(
    ("record", "alert"),
    [
        (bytes((21, 3, 3, 0, 2, 2, 120)), 120),
        (bytes((21, 3, 1, 0, 2, 2, 40)), 40),
        (bytes((21, 3, 3, 0, 2, 1, 0)), None),
        (bytes((22, 3, 3, 0, 2, 2, 40)), None),
        (b"\x15\x03", None),
    ],
)
def test_an_alert_that_is_not_encrypted_is_read(record: bytes, alert: int | None) -> None:
    assert modules()["_shaking"].alert_in(record) == alert


def test_what_was_not_seen_is_said() -> None:
    assert any("Not yet seen on macOS" in note for note in load().backend.capabilities.notes)
    assert all(load().backend.capabilities.reason(item) for item in set(Feature) - load().backend.capabilities.features)
