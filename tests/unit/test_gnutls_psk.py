"""External pre-shared keys with GnuTLS: what stands for certificates, what does not, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from _link import IDS, TRUST, Link, identity

pytest.importorskip("unitls.backends.gnutls", reason="GnuTLS or cffi is not installed")

import unitls
from unitls import CipherSuite, ExternalPSK, Feature, SessionCache, TLSVersion
from unitls.backends.gnutls import native
from unitls.backends.gnutls._psk import first_external_name

CLIENT, SERVER = unitls.TLSClientConfiguration, unitls.TLSServerConfiguration
KEY = ExternalPSK(b"sensor \0 7", bytes(range(32)))
OTHER = ExternalPSK(b"sensor 8", bytes(32))
GNUTLS = "gnutls"


def _has_psk(name: str) -> bool:
    try:
        return unitls.get_backend(name).capabilities.supports(Feature.EXTERNAL_PSK)
    except unitls.BackendUnavailable:
        return False


BACKENDS = [name for name in (GNUTLS, "pyopenssl") if _has_psk(name)]


def client(backend: str = GNUTLS, **changes: Any) -> Any:
    return unitls.get_backend(backend).client_context(CLIENT(trust_store=TRUST, **{"external_psk": KEY, **changes}))


def server(backend: str = GNUTLS, **changes: Any) -> Any:
    configuration = SERVER(identities=(identity(),), **{"external_psk": KEY, **changes})
    return unitls.get_backend(backend).server_context(configuration)


@pytest.mark.parametrize("serving", BACKENDS)
@pytest.mark.parametrize("asking", BACKENDS)
def test_a_key_stands_for_certificates(asking: str, serving: str) -> None:
    ends = Link(client(asking), server(serving)).handshake()
    assert ends.client.getpeercert() is None
    assert ends.client.negotiated_tls_version is TLSVersion.TLSv1_3
    assert ends.client.session_resumed is ends.server.session_resumed is False


@pytest.mark.parametrize("serving", BACKENDS)
@pytest.mark.parametrize("asking", BACKENDS)
@pytest.mark.parametrize("known", [OTHER, None], ids=["another", "none"])
def test_a_key_that_is_not_known_leaves_the_certificates_to_decide(
    asking: str, serving: str, known: ExternalPSK | None
) -> None:
    ends = Link(client(asking), server(serving, external_psk=known)).handshake()
    assert ends.client.getpeercert() == IDS.server.chain[0]
    ends = Link(client(asking, external_psk=known), server(serving)).handshake()
    assert ends.client.getpeercert() == IDS.server.chain[0]


@pytest.mark.parametrize("serving", BACKENDS)
@pytest.mark.parametrize("asking", BACKENDS)
def test_another_secret_under_the_same_name_is_refused(asking: str, serving: str) -> None:
    wrong = ExternalPSK(KEY.identity, bytes(32))
    with pytest.raises(unitls.ConnectionFault):
        Link(client(asking, external_psk=wrong), server(serving)).handshake()


def test_it_is_no_way_around_the_trust_in_certificates() -> None:
    strange = unitls.get_backend(GNUTLS).client_context(CLIENT(trust_store=identity_trust(), external_psk=KEY))
    with pytest.raises(unitls.ConnectionFault):
        Link(strange, server(external_psk=None)).handshake()


def identity_trust() -> unitls.TrustStore:
    from unitls.testing._ca import CertificateAuthority

    return unitls.TrustStore.from_buffer(CertificateAuthority.create().certificate_pem)


def test_a_server_of_tls_1_2_uses_its_certificate() -> None:
    """The client has to offer a suite with a pre-shared key there; the server cannot make it use one."""
    ends = Link(client(), server(external_psk=None, upper_bound=TLSVersion.TLSv1_2)).handshake()
    assert ends.client.getpeercert() == IDS.server.chain[0]


@pytest.mark.parametrize("suites", [[0x1302], [0x1302, 0x1301], [0x1301, 0x1302]], ids=str)
def test_the_suite_goes_with_the_hash_of_the_key(suites: list[int]) -> None:
    ends = Link(client(), server(ciphers=suites)).handshake()
    if 0x1301 in suites:
        assert ends.client.cipher() == CipherSuite.TLS_AES_128_GCM_SHA256
        assert ends.client.getpeercert() is None
    else:
        assert ends.client.cipher() == CipherSuite.TLS_AES_256_GCM_SHA384
        assert ends.client.getpeercert() == IDS.server.chain[0]


def test_a_session_that_a_key_has_begun_is_resumed() -> None:
    asking, serving = client(session_cache=SessionCache()), server()
    for resumed in (False, True):
        ends = Link(asking, serving).handshake()
        assert ends.client.session_resumed is resumed
        assert ends.server.session_resumed is resumed
        ends.server.write(b"x")
        ends.to_client()
        assert ends.client.read(1) == b"x"
        assert ends.client.getpeercert() is None


def test_a_server_that_wants_a_certificate_does_not_take_a_key_for_it() -> None:
    wanting = server(client_authentication=unitls.ClientAuthentication.REQUIRED, trust_store=TRUST)
    with pytest.raises(unitls.CertificateVerificationError):
        Link(client(), wanting).handshake()


@pytest.mark.parametrize("make", [client, server])
def test_what_is_refused_when_it_is_configured(make: Any) -> None:
    for psk in (ExternalPSK(b"", b"key"), ExternalPSK(b"name", b""), ExternalPSK(b"name", b"key", "sha512")):
        with pytest.raises(unitls.ConfigurationError):
            make(external_psk=psk)
    with pytest.raises(unitls.ConfigurationError, match=r"TLS 1\.3"):
        make(upper_bound=TLSVersion.TLSv1_2)
    with pytest.raises(unitls.UnsupportedFeature, match="128 bytes"):
        make(external_psk=ExternalPSK(b"x" * 129, b"key"))


@pytest.mark.skipif(native.has("gnutls_psk_allocate_client_credentials2"), reason="this GnuTLS takes either hash")
@pytest.mark.parametrize("make", [client, server])
def test_a_hash_that_an_older_release_does_not_take(make: Any) -> None:
    with pytest.raises(unitls.UnsupportedFeature, match="sha256 only"):
        make(external_psk=ExternalPSK(b"name", b"key", "sha384"))


def _vector(size: int, content: bytes) -> bytes:
    return len(content).to_bytes(size, "big") + content


@pytest.mark.parametrize(
    ("offered", "due"),
    [
        ([(b"ticket", 5), (b"first", 0), (b"second", 0)], b"first"),
        ([(b"ticket", 5)], None),
        ([], None),
    ],
)
def test_the_first_name_without_an_age(offered: list[tuple[bytes, int]], due: bytes | None) -> None:
    names = b"".join(_vector(2, name) + age.to_bytes(4, "big") for name, age in offered)
    extensions = (
        b"\0\x2d" + _vector(2, b"\1\1") + (b"\0\x29" + _vector(2, _vector(2, names) + b"\0\0") if offered else b"")
    )
    hello = (
        b"\3\3" + bytes(32) + _vector(1, bytes(32)) + _vector(2, b"\x13\1") + _vector(1, b"\0") + _vector(2, extensions)
    )
    assert first_external_name(hello) == due
