from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from _link import IDS, TRUST, client_context, identity, server_context

import unitls
from unitls import Feature
from unitls.api._features import Capabilities
from unitls.core._checks import check_supported, check_values
from unitls.testing._fake import FakeProvider

ALL = Capabilities((unitls.TLSVersion.TLSv1_2, unitls.TLSVersion.TLSv1_3), frozenset(Feature))
SYSTEM = unitls.TrustStore.system()


def client(**values: Any) -> unitls.TLSClientConfiguration:
    return unitls.TLSClientConfiguration(**values)


def server(**values: Any) -> unitls.TLSServerConfiguration:
    return unitls.TLSServerConfiguration(**values)


def token_identity() -> unitls.Identity:
    return unitls.Identity(
        [unitls.Certificate.from_buffer(IDS.server.chain[0])], unitls.PrivateKey.from_pkcs11("pkcs11:object=key")
    )


def token_certificate() -> unitls.Identity:
    return unitls.Identity(
        [unitls.Certificate.from_pkcs11("pkcs11:object=leaf")], unitls.PrivateKey.from_buffer(IDS.server.key_pem)
    )


def signer_identity() -> unitls.Identity:
    key = unitls.PrivateKey.from_signer(b"\x30\x00", lambda scheme, message: b"")
    return unitls.Identity([unitls.Certificate.from_buffer(IDS.server.chain[0])], key)


def stapling_identity() -> unitls.Identity:
    plain = identity()
    return unitls.Identity(plain.certificates, plain.private_key, b"\x30\x00")


# What each feature is needed for.
NEEDS: list[tuple[Feature, Callable[[], unitls.TLSConfiguration]]] = [
    (Feature.DISABLE_VALIDATION, lambda: client(validate_certificates=False)),
    (Feature.CUSTOM_TRUST_STORE, lambda: client(trust_store=TRUST)),
    (Feature.CUSTOM_TRUST_STORE, lambda: client(trust_store=unitls.TrustStore.union(SYSTEM, TRUST))),
    (Feature.SYSTEM_TRUST_STORE, lambda: client(trust_store=SYSTEM)),
    (Feature.SYSTEM_TRUST_STORE, lambda: client(trust_store=unitls.TrustStore.union(SYSTEM, TRUST))),
    (Feature.ALPN, lambda: client(inner_protocols=[b"h2"])),
    (Feature.CRLS, lambda: client(crls=[b"\x30\x00"])),
    (Feature.GROUPS, lambda: client(groups=[29])),
    (Feature.POST_QUANTUM_GROUPS, lambda: server(groups=[4588])),
    (Feature.SIGNATURE_ALGORITHMS, lambda: client(signature_algorithms=[0x0403])),
    (Feature.PINNING, lambda: client(pins=[bytes(32)])),
    (Feature.VERIFICATION_HOOK, lambda: client(verification_hook=lambda chain: None)),
    (Feature.VERIFICATION_TIME, lambda: client(verification_time=lambda: 0.0)),
    (Feature.VERIFICATION_DEPTH, lambda: client(verification_depth=0)),
    (Feature.EXTERNAL_PSK, lambda: client(external_psk=unitls.ExternalPSK(b"a", b"b"))),
    (Feature.KEY_LOG, lambda: server(key_log="/tmp/log")),
    (Feature.HANDSHAKE_TIMEOUT, lambda: server(handshake_timeout=5)),
    (Feature.HANDSHAKE_SIZE_LIMIT, lambda: server(max_handshake_size=2048)),
    (Feature.FIPS, lambda: client(fips=True)),
    (Feature.OCSP_STAPLING, lambda: server(identities=[stapling_identity()])),
    (Feature.OCSP_STAPLING, lambda: client(request_ocsp=True)),
    (Feature.PKCS11, lambda: server(identities=[token_identity()])),
    (Feature.PKCS11, lambda: server(identities=[token_certificate()])),
    (Feature.EXTERNAL_SIGNER, lambda: server(identities=[signer_identity()])),
    (Feature.POST_HANDSHAKE_AUTHENTICATION, lambda: client(post_handshake_authentication=True)),
    (Feature.POST_HANDSHAKE_AUTHENTICATION, lambda: server(post_handshake_authentication=True)),
    (Feature.CLIENT_CERTIFICATES, lambda: client(identities=[identity(IDS.client)])),
    (Feature.CLIENT_CERTIFICATES, lambda: server(validate_certificates=True, trust_store=TRUST)),
    (Feature.SESSION_RESUMPTION, lambda: client(session_cache=unitls.SessionCache())),
    (Feature.CLIENT_CERTIFICATE_CHOICE, lambda: client(choose_certificate=lambda names: None)),
    (Feature.EARLY_DATA, lambda: client(early_data=True)),
    (Feature.EARLY_DATA, lambda: server(max_early_data=1)),
    (Feature.ECH, lambda: client(ech_config_list=b"")),
    (Feature.SNI_CALLBACK, lambda: server(sni_callback=lambda *_: None)),
    (Feature.TICKET_COUNT, lambda: server(ticket_count=0)),
    (Feature.TICKET_KEYS, lambda: server(ticket_keys=[bytes(48)])),
]


@pytest.mark.parametrize(("feature", "make"), NEEDS, ids=[f"{item.name}-{at}" for at, (item, _) in enumerate(NEEDS)])
def test_what_a_library_lacks_is_refused_when_it_is_configured(feature: Feature, make: Callable[[], Any]) -> None:
    configuration = make()
    check_values(configuration)
    check_supported(configuration, ALL, "any")
    lacking = Capabilities(ALL.versions, ALL.features - {feature}, {feature: "that is how it is"})
    with pytest.raises(unitls.UnsupportedFeature, match="that is how it is") as caught:
        check_supported(configuration, lacking, "poor")
    assert caught.value.feature is feature
    assert "poor" in str(caught.value)


def test_the_defaults_need_nothing_special() -> None:
    for configuration, role in ((client(), Feature.CLIENT), (server(), Feature.SERVER)):
        check_values(configuration)
        check_supported(configuration, Capabilities(ALL.versions, frozenset({role})), "poor")


def test_a_refusal_leaves_the_context_as_it_was() -> None:
    context = client_context(FakeProvider(lacks=frozenset({Feature.ALPN})))
    before = context.configuration
    with pytest.raises(unitls.UnsupportedFeature):
        context.set_inner_protocols([unitls.NextProtocol.H2])
    assert context.configuration is before
    with pytest.raises(NotImplementedError):
        context.set_inner_protocols([unitls.NextProtocol.H2])


def test_roles_can_be_lacking() -> None:
    with pytest.raises(unitls.UnsupportedFeature) as caught:
        client_context(FakeProvider(lacks=frozenset({Feature.CLIENT})))
    assert caught.value.feature is Feature.CLIENT
    with pytest.raises(unitls.UnsupportedFeature) as caught:
        server_context(FakeProvider(lacks=frozenset({Feature.SERVER})))
    assert caught.value.feature is Feature.SERVER


def test_a_choice_of_suites_can_be_lacking() -> None:
    with pytest.raises(unitls.UnsupportedFeature) as caught:
        client_context(FakeProvider(lacks=frozenset({Feature.CIPHER_SUITES})), ciphers=(0xC02F,))
    assert caught.value.feature is Feature.CIPHER_SUITES


WRONG: list[tuple[Callable[..., Any], dict[str, Any], str]] = [
    (client, {"lower_bound": 0x0303}, "lower_bound"),
    (client, {"upper_bound": "TLSv1.3"}, "upper_bound"),
    (client, {"inner_protocols": ["h2"]}, "NextProtocol or byte string"),
    (client, {"inner_protocols": [b""]}, "1 to 255"),
    (client, {"inner_protocols": [b"x" * 256]}, "1 to 255"),
    (client, {"inner_protocols": [b"x" * 255] * 257}, "65,535"),
    (client, {"require_inner_protocol": True}, "require_inner_protocol"),
    (client, {"ciphers": []}, "ciphers is empty"),
    (client, {"ciphers": [0x10000]}, "cipher suite"),
    (client, {"ciphers": ["TLS_AES_128_GCM_SHA256"]}, "cipher suite"),
    (client, {"groups": []}, "groups is empty"),
    (client, {"groups": [-1]}, "group"),
    (client, {"signature_algorithms": [True]}, "signature algorithm"),
    (client, {"handshake_timeout": 0}, "handshake_timeout"),
    (client, {"handshake_timeout": -1.0}, "handshake_timeout"),
    (client, {"handshake_timeout": math.inf}, "handshake_timeout"),
    (client, {"handshake_timeout": math.nan}, "handshake_timeout"),
    (client, {"max_handshake_size": 1023}, "max_handshake_size"),
    (client, {"verification_depth": -1}, "verification_depth"),
    (client, {"verification_depth": 1 << 31}, "verification_depth"),
    (client, {"pins": [bytes(31)]}, "32 bytes"),
    (client, {"pins": ["x" * 32]}, "32 bytes"),
    (client, {"trust_store": b"ca.pem"}, "TrustStore"),
    (client, {"validate_certificates": False, "pins": [bytes(32)]}, "pins"),
    (client, {"validate_certificates": False, "verification_hook": print}, "verification_hook"),
    (client, {"identities": [identity(), identity()]}, "one identity"),
    (client, {"validate_certificates": None}, "validate_certificates must be True or False"),
    (server, {"validate_certificates": "no"}, "validate_certificates must be True or False"),
    (client, {"identities": ["leaf.pem"]}, "identities must hold Identity values"),
    (client, {"verification_hook": "hook"}, "callable"),
    (client, {"verification_time": 5.0}, "callable"),
    (client, {"choose_certificate": "first"}, "callable"),
    (client, {"session_cache": {}}, "SessionCache"),
    (client, {"external_psk": b"key"}, "ExternalPSK"),
    (client, {"external_psk": unitls.ExternalPSK(b"", b"key")}, "not empty"),
    (client, {"external_psk": unitls.ExternalPSK(b"name", b"")}, "not empty"),
    (client, {"external_psk": unitls.ExternalPSK(b"name", b"key", "md5")}, "hash"),
    (client, {"key_log": b"keys"}, "key_log"),
    (client, {"handshake_timeout": "5"}, "handshake_timeout"),
    (client, {"handshake_timeout": True}, "handshake_timeout"),
    (client, {"max_handshake_size": 1e6}, "max_handshake_size"),
    (client, {"verification_depth": "1"}, "verification_depth"),
    (client, {"crls": ["list"]}, "crls must hold"),
    (client, {"validate_certificates": False, "crls": [b"0"]}, "crls needs validate_certificates"),
    (client, {"validate_certificates": False, "verification_depth": 0}, "verification_depth needs"),
    (client, {"validate_certificates": False, "verification_time": float}, "verification_time needs"),
    (client, {"validate_certificates": False, "request_ocsp": True}, "request_ocsp needs"),
    (server, {"crls": [b"0"]}, "crls needs validate_certificates"),
    (server, {"client_authentication": True}, "ClientAuthentication"),
    (server, {"max_early_data": -1}, "max_early_data"),
    (server, {"max_early_data": 1 << 32}, "max_early_data"),
    (server, {"identities": (replace(identity(), ocsp_response=b""),)}, "OCSP response"),
    (server, {"identities": (replace(identity(), ocsp_response="text"),)}, "OCSP response"),
    (server, {"ticket_keys": [5]}, "ticket_keys must hold"),
    (server, {"ticket_keys": []}, "ticket_keys holds"),
    (server, {"ticket_keys": [bytes(16), b""]}, "ticket_keys holds"),
    (server, {"ticket_keys": [bytes(15)]}, "ticket_keys holds"),
    (server, {"sni_callback": "callback"}, "callable"),
    (server, {"ticket_count": -1}, "ticket_count"),
    (server, {"ticket_count": 256}, "ticket_count"),
]


@pytest.mark.parametrize(("make", "values", "text"), WRONG, ids=[str(at) for at in range(len(WRONG))])
def test_values_that_are_wrong_in_themselves(make: Callable[..., Any], values: dict[str, Any], text: str) -> None:
    with pytest.raises(unitls.ConfigurationError, match=text) as caught:
        check_values(make(**values))
    assert not isinstance(caught.value, unitls.UnsupportedFeature)


def test_certificates_that_come_later_are_verified_too() -> None:
    check_values(server(post_handshake_authentication=True, crls=[b"0"], pins=[bytes(32)], trust_store=TRUST))
    with pytest.raises(unitls.ConfigurationError, match="crls needs"):  # a client that is asked verifies nobody
        check_values(client(validate_certificates=False, post_handshake_authentication=True, crls=[b"0"]))


@pytest.mark.parametrize("name", ["identities", "ciphers", "inner_protocols", "crls", "pins"])
def test_a_single_value_is_no_list(name: str) -> None:
    for value in (b"one", "one", 5):
        with pytest.raises(unitls.ConfigurationError, match=f"{name} must be a list"):
            client(**{name: value})


def test_an_empty_trust_store_is_a_mistake() -> None:
    from unitls.core._values import NeutralTrustStore

    with pytest.raises(unitls.ConfigurationError, match="empty"):
        check_values(client(trust_store=NeutralTrustStore()))


def test_setters_check_their_types() -> None:
    context = client_context()
    for call in (
        lambda: context.use_trust_store("ca.pem"),  # type: ignore[arg-type]
        lambda: context.set_inner_protocols(b"h2"),  # type: ignore[arg-type]
        lambda: context.set_inner_protocols("h2"),  # type: ignore[arg-type]
        lambda: context.set_ciphers([]),
        lambda: setattr(context, "validate_certificates", None),
        lambda: setattr(context, "validate_certificates", 0),
        lambda: context.register_certificates([], unitls.PrivateKey.from_buffer(IDS.client.key_pem)),
        lambda: setattr(context, "configuration", server()),
        lambda: context.backend.client_context(server()),  # type: ignore[arg-type]
    ):
        with pytest.raises(unitls.ConfigurationError):
            call()


def test_setters_replace_the_configuration() -> None:
    context = client_context()
    first = context.configuration
    context.set_ciphers([unitls.CipherSuite.TLS_AES_128_GCM_SHA256, 0xC02F])
    context.set_inner_protocols([unitls.NextProtocol.H2, b"x"])
    context.set_version_range(upper_bound=unitls.TLSVersion.TLSv1_3)
    context.set_version_range()
    context.use_trust_store(SYSTEM)
    context.validate_certificates = False
    context.register_certificates(identity(IDS.client).certificates, identity(IDS.client).private_key)
    changed = context.configuration
    assert changed.ciphers == (0x1301, 0xC02F)
    assert context.ciphers == (0x1301, 0xC02F)
    assert isinstance(context.ciphers[0], unitls.CipherSuite)
    assert changed.inner_protocols == (unitls.NextProtocol.H2, b"x")
    assert (changed.lower_bound, changed.upper_bound) == (unitls.TLSVersion.TLSv1_2, unitls.TLSVersion.TLSv1_3)
    assert changed.trust_store == SYSTEM
    assert context.validate_certificates is False
    assert len(changed.identities) == 1
    assert first.ciphers is None
    context.configuration = first
    assert context.configuration is first


def test_setters_of_a_server() -> None:
    context = server_context()
    context.use_trust_store(TRUST)
    context.validate_certificates = True
    assert context.configuration.client_authentication is unitls.ClientAuthentication.REQUIRED
    context.validate_certificates = False
    assert context.configuration.client_authentication is unitls.ClientAuthentication.NONE
    other = identity(IDS.second_server)
    context.register_certificates(other.certificates, other.private_key)
    assert len(context.configuration.identities) == 2
    context.set_sni_callback(print)
    context.set_sni_callback(None)
    assert context.configuration.sni_callback is None


def test_client_certificates_without_a_trust_store_are_refused_before_a_byte() -> None:
    context = server_context(client_authentication=unitls.ClientAuthentication.OPTIONAL)
    with pytest.raises(unitls.ConfigurationError, match="trust store"):
        context.wrap_buffers(unitls.MemoryBuffer(), unitls.MemoryBuffer())


def test_insecure_switches_are_audited() -> None:
    import sys

    events: list[Any] = []
    collecting = True

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if collecting and event == "unitls.insecure":
            events.append(arguments)

    sys.addaudithook(hook)
    client_context(validate_certificates=False).wrap_buffers(unitls.MemoryBuffer(), unitls.MemoryBuffer())
    collecting = False
    assert events == [("validate_certificates",)]
