"""What the pyOpenSSL backend does that the conformance kit does not reach: late certificates, callbacks that fail, limits."""

from __future__ import annotations

import gc
import pathlib
import threading
import time
from typing import Any

import pytest

import unitls
from unitls import AlertDescription, ClientAuthentication, Feature, PeerAlert, TLSVersion, VerifyFailure
from unitls.testing._zoo_files import load_identities

pytest.importorskip("OpenSSL", reason="pyOpenSSL is not installed")
from unitls.backends.pyopenssl import BACKEND, native
from unitls.backends.pyopenssl.engine import PyOpenSSLEngine

IDS = load_identities()
TRUST = unitls.TrustStore.from_buffer(IDS.ca_pem)
STRANGER = unitls.TrustStore.from_buffer(IDS.second_server.chain[0])
"""Trusts something, but not the authority."""
HOST = "server.test"
TLS13 = TLSVersion.TLSv1_3


def needs(feature: Feature) -> pytest.MarkDecorator:
    """Leave a test out where this OpenSSL, or the binding to it, is too old."""
    capabilities = BACKEND.capabilities
    return pytest.mark.skipif(not capabilities.supports(feature), reason=capabilities.reason(feature))


RESUMES = needs(Feature.SESSION_RESUMPTION)
HAS_PSK = needs(Feature.EXTERNAL_PSK)


def identity(issued: Any = IDS.server, **more: Any) -> unitls.Identity:
    chain = [unitls.Certificate.from_buffer(der) for der in issued.chain]
    return unitls.Identity(chain, unitls.PrivateKey.from_buffer(issued.key_pem), **more)


def wrapped(client: dict[str, Any] | None = None, server: dict[str, Any] | None = None) -> tuple[Any, Any]:
    """A client and a server over the same two buffers."""
    ours = unitls.TLSClientConfiguration(**{"trust_store": TRUST, **(client or {})})
    theirs = unitls.TLSServerConfiguration(**{"identities": (identity(),), **(server or {})})
    return linked(BACKEND.client_context(ours), BACKEND.server_context(theirs))


def linked(client: unitls.ClientContext, server: unitls.ServerContext) -> tuple[Any, Any]:
    up, down = BACKEND.memory_buffer(), BACKEND.memory_buffer()
    return client.wrap_buffers(down, up, HOST), server.wrap_buffers(up, down)


def shake(client: Any, server: Any) -> None:
    for _ in range(10):
        if [end.handshake_step() for end in (client, server)] == [True, True]:
            return
    raise AssertionError("the handshake got stuck")


def connected(client: dict[str, Any] | None = None, server: dict[str, Any] | None = None) -> tuple[Any, Any]:
    ends = wrapped(client, server)
    shake(*ends)
    return ends


def answered(client: Any, server: Any) -> bytes:
    """Let the client answer what the server has asked, and send something behind it; gives what the server reads."""
    server.write(b"?")
    assert client.read(10) == b"?"
    client.write(b"data")
    found: bytes = server.read(10)
    return found


# ---------------------------------------------------------------------------------------------- late certificates

LATE_CLIENT = {"post_handshake_authentication": True, "identities": (identity(IDS.client),)}
LATE_SERVER = {"post_handshake_authentication": True, "trust_store": TRUST}


def test_a_late_certificate_is_there_with_the_data_behind_it() -> None:
    client, server = connected(LATE_CLIENT, LATE_SERVER)
    assert answered(client, server) == b"data"
    server.request_client_certificate()
    assert answered(client, server) == b"data"
    assert server.getpeercert() == IDS.client.chain[0]


@pytest.mark.parametrize("into", [False, True])
def test_a_late_certificate_that_is_not_trusted_ends_the_connection(into: bool) -> None:
    client, server = connected(LATE_CLIENT, {**LATE_SERVER, "trust_store": STRANGER})
    server.request_client_certificate()
    server.write(b"?")
    assert client.read(10) == b"?"
    client.write(b"data")
    with pytest.raises(unitls.CertificateVerificationError) as refused:
        server.read_into(bytearray(10)) if into else server.read(10)
    assert refused.value.failure is VerifyFailure.UNKNOWN_ISSUER
    with pytest.raises(PeerAlert) as heard:
        client.read(10)
    assert heard.value.alert is AlertDescription.UNKNOWN_CA


def test_a_late_certificate_is_judged_by_core_too() -> None:
    """The hook is asked, and nothing that came behind the certificate is given out."""

    def refuse(chain: tuple[bytes, ...]) -> None:
        assert chain[0] == IDS.client.chain[0]
        raise PermissionError("not this one")

    more = {"client_authentication": ClientAuthentication.OPTIONAL, "verification_hook": refuse}
    client, server = connected(
        {"post_handshake_authentication": True, "choose_certificate": chooser(None, identity(IDS.client))},
        {**LATE_SERVER, **more},
    )
    assert server.getpeercert() is None
    server.request_client_certificate()
    with pytest.raises(unitls.CertificateVerificationError, match="not this one"):
        answered(client, server)
    with pytest.raises(unitls.TLSError):
        server.read(10)


def chooser(*answers: unitls.Identity | None) -> Any:
    left = list(answers)
    return lambda authorities: left.pop(0)


def test_a_client_without_a_late_certificate_is_refused() -> None:
    client, server = connected({"post_handshake_authentication": True}, LATE_SERVER)
    server.request_client_certificate()
    with pytest.raises(unitls.CertificateVerificationError, match="sent no certificate"):
        answered(client, server)


def test_who_cannot_be_asked_later_is_not() -> None:
    old = {**LATE_CLIENT, "upper_bound": TLSVersion.TLSv1_2}
    for configuration, reason in (({}, "cannot be asked"), (old, "needs TLS 1.3")):
        client, server = connected(configuration, LATE_SERVER)
        with pytest.raises(unitls.ConfigurationError, match=reason):
            server.request_client_certificate()
        assert answered(client, server) == b"data"


def test_late_certificates_need_a_trust_store() -> None:
    with pytest.raises(unitls.ConfigurationError, match="trust store"):
        wrapped(server={"post_handshake_authentication": True})


# ---------------------------------------------------------------------------------------------- callbacks


def test_a_choice_of_certificate_that_fails_ends_the_handshake() -> None:
    def fail(authorities: tuple[bytes, ...]) -> unitls.Identity | None:
        raise KeyError("no card in the reader")

    required = {"client_authentication": ClientAuthentication.REQUIRED, "trust_store": TRUST}
    client, server = wrapped({"choose_certificate": fail}, required)
    with pytest.raises(unitls.ConnectionFault, match="no card in the reader") as raised:
        shake(client, server)
    native_error = raised.value.__cause__
    assert isinstance(native_error, native.Error)
    assert isinstance(native_error.__cause__, KeyError)


def test_a_chosen_certificate_comes_with_its_chain_and_the_rest_stays() -> None:
    """OpenSSL moves to another context for it: the key log, the protocols and the verdict on the server remain."""
    heard: list[tuple[bytes, ...]] = []

    def choose(authorities: tuple[bytes, ...]) -> unitls.Identity | None:
        heard.append(authorities)
        return identity(IDS.client)

    required = {"client_authentication": ClientAuthentication.REQUIRED, "trust_store": TRUST}
    protocols = {"inner_protocols": (unitls.NextProtocol.H2,)}
    client, server = connected({"choose_certificate": choose, **protocols}, {**required, **protocols})
    assert server.getpeercert() == IDS.client.chain[0]
    assert server.getpeerchain() == list(IDS.client.chain)
    assert client.negotiated_protocol() is unitls.NextProtocol.H2
    assert len(heard) == 1
    assert heard[0], "the server tells whose certificates it takes"


def test_a_key_log_that_cannot_be_written_ends_the_handshake(tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    client, server = wrapped({"key_log": str(folder / "keys")})
    (folder / "keys").unlink()
    folder.rmdir()
    with pytest.raises(unitls.ConnectionFault, match="callback") as raised:
        shake(client, server)
    assert isinstance(raised.value.__cause__.__cause__, OSError)  # type: ignore[union-attr]


def test_a_bad_stapled_response_is_answered_with_its_alert() -> None:
    client, server = wrapped({"request_ocsp": True}, {"identities": (identity(ocsp_response=b"0\x03\x0a\x01\x06"),)})
    with pytest.raises(unitls.CertificateVerificationError, match="OCSP"):
        shake(client, server)
    with pytest.raises(PeerAlert) as heard:
        server.do_handshake()
    assert heard.value.alert is AlertDescription.BAD_CERTIFICATE_STATUS_RESPONSE


@pytest.mark.parametrize("good", range(3))
def test_a_clock_that_fails_is_told_of(good: int) -> None:
    """The third time it is asked it is inside a callback of OpenSSL, where the stapled response is looked at."""
    times = [time.time()] * good
    stapled = {"identities": (identity(ocsp_response=b"0\x03\x0a\x01\x06"),)}
    client, server = wrapped({"request_ocsp": True, "verification_time": lambda: times.pop()}, stapled)
    with pytest.raises((IndexError, unitls.ConnectionFault)) as raised:
        shake(client, server)
    failure: BaseException | None = raised.value
    while failure is not None and not isinstance(failure, IndexError):
        failure = failure.__cause__
    assert failure is not None, "what the clock has raised is the cause"


# ---------------------------------------------------------------------------------------------- external keys


def external(key: bytes = b"k" * 32, hash_name: str = "sha256", name: bytes = b"name") -> dict[str, Any]:
    return {"external_psk": unitls.ExternalPSK(name, key, hash_name)}


@HAS_PSK
@pytest.mark.parametrize("hash_name", ["sha256", "sha384"])
def test_an_external_key_stands_for_certificates(hash_name: str) -> None:
    both = external(hash_name=hash_name)
    client, server = connected({**both, "trust_store": STRANGER}, both)
    assert answered(client, server) == b"data"
    assert client.getpeercert() is None
    assert (client.session_resumed, server.session_resumed) == (False, False)


@HAS_PSK
def test_a_wrong_external_key_ends_the_handshake() -> None:
    with pytest.raises(unitls.ConnectionFault, match="binder"):
        connected(external(b"x" * 32), external())


@HAS_PSK
@pytest.mark.parametrize("server", [{}, external(name=b"another")])
def test_without_an_external_key_in_common_certificates_decide(server: dict[str, Any]) -> None:
    client, _ = connected(external(), server)
    assert client.getpeercert() == IDS.server.chain[0]
    with pytest.raises(unitls.CertificateVerificationError):
        connected({**external(), "trust_store": STRANGER}, server)


@HAS_PSK
def test_a_session_of_an_external_key_resumes() -> None:
    ours = unitls.TLSClientConfiguration(trust_store=STRANGER, session_cache=unitls.SessionCache(), **external())
    client = BACKEND.client_context(ours)
    server = BACKEND.server_context(unitls.TLSServerConfiguration(identities=(identity(),), **external()))
    for expected in (False, True):
        ends = linked(client, server)
        shake(*ends)
        assert answered(*ends) == b"data"
        assert (ends[0].session_resumed, ends[1].session_resumed) == (expected, expected)


@HAS_PSK
def test_a_pin_is_not_met_by_an_external_key() -> None:
    with pytest.raises(unitls.CertificateVerificationError):
        connected({**external(), "pins": (bytes(32),)}, external())


@HAS_PSK
@pytest.mark.parametrize("bad", [{"key": b""}, {"key": bytes(5000)}, {"name": b""}, {"hash_name": "md5"}])
def test_an_external_key_that_tls_has_no_place_for_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(unitls.ConfigurationError):
        wrapped(external(**bad))


# ---------------------------------------------------------------------------------------------- limits, and many at once


@RESUMES
def test_early_data_is_bounded_by_what_openssl_takes() -> None:
    cache = unitls.SessionCache()
    server = BACKEND.server_context(unitls.TLSServerConfiguration(identities=(identity(),), max_early_data=100_000))
    client = BACKEND.client_context(
        unitls.TLSClientConfiguration(trust_store=TRUST, session_cache=cache, early_data=True)
    )
    ends = linked(client, server)
    shake(*ends)
    assert answered(*ends) == b"data"
    for end in ends:
        end.shutdown()
    ends = linked(client, server)
    assert ends[0].write_early_data(bytes(20_000)) == 16_384
    shake(*ends)
    assert (ends[0].early_data_accepted, len(ends[1].read_early_data())) == (True, 16_384)


@RESUMES
def test_a_session_outlives_a_connection_that_was_dropped() -> None:
    """OpenSSL itself says that a session cannot be resumed once its connection goes without close_notify."""
    cache = unitls.SessionCache()
    client = BACKEND.client_context(unitls.TLSClientConfiguration(trust_store=TRUST, session_cache=cache))
    server = BACKEND.server_context(unitls.TLSServerConfiguration(identities=(identity(),)))
    for expected in (False, True, True):
        ends = linked(client, server)
        shake(*ends)
        assert answered(*ends) == b"data"
        assert ends[0].session_resumed is expected
        del ends


def test_one_call_takes_many_records() -> None:
    client, server = connected()
    assert client.write(bytes(200_000)) == 200_000
    assert len(server.read()) == 200_000


def engines() -> int:
    return sum(isinstance(item, PyOpenSSLEngine) for item in gc.get_objects())


def test_a_connection_goes_with_its_last_user() -> None:
    gc.disable()
    try:
        before = engines()
        client, server = connected()
        assert answered(client, server) == b"data"
        client.shutdown()
        assert engines() == before + 2
        del client, server
        assert engines() == before
    finally:
        gc.enable()


def test_threads_share_a_context() -> None:
    ours = BACKEND.client_context(unitls.TLSClientConfiguration(trust_store=TRUST))
    stranger = BACKEND.client_context(unitls.TLSClientConfiguration(trust_store=STRANGER))
    theirs = BACKEND.server_context(
        unitls.TLSServerConfiguration(identities=(identity(),), inner_protocols=(unitls.NextProtocol.H2,))
    )
    faults: list[BaseException] = []

    def run() -> None:
        try:
            for _ in range(10):
                ends = linked(ours, theirs)
                shake(*ends)
                assert answered(*ends) == b"data"
                with pytest.raises(unitls.CertificateVerificationError):
                    shake(*linked(stranger, theirs))
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults


def test_post_quantum_key_exchange_is_the_default_where_openssl_has_it() -> None:
    client, _ = connected()
    if not BACKEND.capabilities.supports(Feature.POST_QUANTUM_GROUPS):
        pytest.skip("this OpenSSL is older than 3.5")
    assert client.group is unitls.NamedGroup.X25519MLKEM768
    assert client.negotiated_tls_version is TLS13
