from __future__ import annotations

from typing import Any

import pytest
from _link import IDS, TRUST, identity

import unitls
from unitls import CipherSuite, Feature, TLSVersion
from unitls.api._features import Capabilities
from unitls.core._settings import Settings, enabled_suites, resolve, version_range, wire_protocols

V12, V13 = TLSVersion.TLSv1_2, TLSVersion.TLSv1_3
AES128, AES256, CHACHA = 0x1301, 0x1302, 0x1303
ECDHE, DHE = 0xC02F, 0x009E
SUITES = (AES128, AES256, CHACHA, ECDHE, DHE)


def library(*lacks: Feature, versions: tuple[TLSVersion, ...] = (V12, V13)) -> Capabilities:
    return Capabilities(versions, frozenset(Feature) - set(lacks), dict.fromkeys(lacks, "it is old"), SUITES)


def client(**values: Any) -> Settings:
    return resolve(unitls.TLSClientConfiguration(trust_store=TRUST, **values), library(), server_side=False)


@pytest.mark.parametrize("later", [True, False])
def test_the_trust_of_a_server_that_asks_after_the_handshake(later: bool) -> None:
    store = unitls.TrustStore.union(TRUST, unitls.TrustStore.system())
    wanted = unitls.TLSServerConfiguration(trust_store=store, post_handshake_authentication=later)
    settings = resolve(wanted, library(), server_side=True)
    assert not settings.verify
    assert settings.platform is None
    assert (settings.system_trust, bool(settings.anchors)) == (later, later)


def test_what_is_listed_twice_counts_once_at_its_first_place() -> None:
    settings = client(ciphers=(ECDHE, AES128, ECDHE), groups=(24, 23, 24), signature_algorithms=(0x0403,) * 40)
    assert (settings.ciphers, settings.tls13_ciphers) == ((ECDHE,), (AES128,))
    assert settings.configuration.groups == (24, 23)
    assert settings.configuration.signature_algorithms == (0x0403,)


# ---------------------------------------------------------------------------------------------- versions


@pytest.mark.parametrize(
    ("lower", "upper", "expected"),
    [
        (V12, V13, (V12, V13)),
        (V12, TLSVersion.MAXIMUM_SUPPORTED, (V12, V13)),
        (TLSVersion.MINIMUM_SUPPORTED, TLSVersion.MAXIMUM_SUPPORTED, (V12, V13)),
        (TLSVersion.MAXIMUM_SUPPORTED, TLSVersion.MAXIMUM_SUPPORTED, (V13, V13)),
        (TLSVersion.MINIMUM_SUPPORTED, TLSVersion.MINIMUM_SUPPORTED, (V12, V12)),
        (V13, V13, (V13, V13)),
        (V12, V12, (V12, V12)),
    ],
)
def test_bounds_become_real_versions(lower: TLSVersion, upper: TLSVersion, expected: Any) -> None:
    configuration = unitls.TLSClientConfiguration(lower_bound=lower, upper_bound=upper)
    assert version_range(configuration, library()) == expected


def test_an_upper_bound_above_what_the_library_has_is_honoured() -> None:
    configuration = unitls.TLSClientConfiguration(upper_bound=V13)
    assert version_range(configuration, library(versions=(V12,))) == (V12, V12)


@pytest.mark.parametrize(
    "bounds", [(TLSVersion.TLSv1_1, V13), (TLSVersion.SSLv2, V13), (TLSVersion.SSLv3, TLSVersion.TLSv1)]
)
def test_a_version_the_library_cannot_offer_is_refused(bounds: tuple[TLSVersion, TLSVersion]) -> None:
    configuration = unitls.TLSClientConfiguration(lower_bound=bounds[0], upper_bound=bounds[1])
    with pytest.raises(unitls.UnsupportedFeature, match="it is old") as caught:
        version_range(configuration, library(Feature.VERSIONS))
    assert caught.value.feature is Feature.VERSIONS


def test_a_lower_bound_above_what_the_library_has_is_refused() -> None:
    configuration = unitls.TLSClientConfiguration(lower_bound=V13)
    with pytest.raises(unitls.UnsupportedFeature):
        version_range(configuration, library(versions=(V12,)))


@pytest.mark.parametrize(
    "bounds", [(V13, V12), (TLSVersion.MAXIMUM_SUPPORTED, V12), (V13, TLSVersion.MINIMUM_SUPPORTED)]
)
def test_bounds_that_cross_are_a_mistake(bounds: tuple[TLSVersion, TLSVersion]) -> None:
    configuration = unitls.TLSClientConfiguration(lower_bound=bounds[0], upper_bound=bounds[1])
    with pytest.raises(unitls.ConfigurationError, match="empty") as caught:
        version_range(configuration, library())
    assert not isinstance(caught.value, unitls.UnsupportedFeature)


# ---------------------------------------------------------------------------------------------- cipher suites


@pytest.mark.parametrize(
    ("chosen", "old", "new", "versions"),
    [
        (None, None, None, (V12, V13)),
        ((AES128, ECDHE), (ECDHE,), (AES128,), (V12, V13)),
        ((ECDHE, DHE), (ECDHE, DHE), (), (V12, V12)),
        ((AES128, AES256), (), (AES128, AES256), (V13, V13)),
        ((DHE, 0xFFFE, CHACHA), (DHE,), (CHACHA,), (V12, V13)),
        ((CipherSuite.TLS_AES_128_GCM_SHA256, 0x00FF, ECDHE), (ECDHE,), (AES128,), (V12, V13)),
    ],
)
def test_a_list_of_suites_bends_the_versions(chosen: Any, old: Any, new: Any, versions: Any) -> None:
    settings = client(ciphers=chosen)
    assert (settings.ciphers, settings.tls13_ciphers) == (old, new)
    assert (settings.lower, settings.upper) == versions


@pytest.mark.parametrize("chosen", [(0xFFFE,), (0x00FF,), (0x1399,)])
def test_nothing_left_of_the_list(chosen: tuple[int, ...]) -> None:
    with pytest.raises(unitls.ConfigurationError, match="none of the cipher suites"):
        client(ciphers=chosen)


@pytest.mark.parametrize(
    "values",
    [
        {"ciphers": (AES128,), "upper_bound": V12},
        {"ciphers": (ECDHE,), "lower_bound": V13},
    ],
)
def test_suites_that_fit_no_version(values: dict[str, Any]) -> None:
    with pytest.raises(unitls.ConfigurationError, match="versions"):
        client(**values)


def test_suites_of_tls13_do_not_matter_below_it() -> None:
    settings = client(ciphers=(AES128, ECDHE), upper_bound=V12)
    assert (settings.ciphers, settings.tls13_ciphers, settings.upper) == ((ECDHE,), (), V12)


def test_a_library_that_cannot_choose_takes_all_or_none() -> None:
    stiff = library(Feature.TLS13_CIPHER_SUITES)

    def choose(*suites: int) -> Settings:
        return resolve(unitls.TLSClientConfiguration(ciphers=suites), stiff, server_side=False)

    assert choose(AES128, AES256, CHACHA, ECDHE).tls13_ciphers == (AES128, AES256, CHACHA)
    assert choose(ECDHE).tls13_ciphers == ()
    with pytest.raises(unitls.UnsupportedFeature) as caught:
        choose(AES128, ECDHE)
    assert caught.value.feature is Feature.TLS13_CIPHER_SUITES


def test_which_suites_are_enabled() -> None:
    default = (CHACHA, AES128, DHE)
    for values, expected in (
        ({}, default),
        ({"upper_bound": V12}, (DHE,)),
        ({"lower_bound": V13}, (CHACHA, AES128)),
        ({"ciphers": (ECDHE, AES256)}, (AES256, ECDHE)),
        ({"ciphers": (ECDHE,)}, (ECDHE,)),
    ):
        assert enabled_suites(client(**values), library(), default) == expected


# ---------------------------------------------------------------------------------------------- the rest


def test_protocols_on_the_wire() -> None:
    configuration = unitls.TLSClientConfiguration(inner_protocols=[unitls.NextProtocol.H2, b"x"])
    assert wire_protocols(configuration) == (b"h2", b"x")
    assert resolve(configuration, library(), server_side=False).protocols == (b"h2", b"x")
    assert resolve(configuration, library(), server_side=False, offer_protocols=False).protocols == ()


def test_trust_of_a_client() -> None:
    settings = resolve(unitls.TLSClientConfiguration(), library(), server_side=False)
    assert (settings.system_trust, settings.anchors, settings.verify) == (True, (), True)
    settings = client()
    assert (settings.system_trust, settings.anchors) == (False, (IDS.authority.certificate_der,))
    settings = client(validate_certificates=False)
    assert (settings.system_trust, settings.anchors, settings.verify) == (False, (), False)


def test_trust_of_a_server_is_never_the_system_s_by_itself() -> None:
    asking = unitls.TLSServerConfiguration(client_authentication=unitls.ClientAuthentication.OPTIONAL)
    with pytest.raises(unitls.ConfigurationError, match="use_trust_store"):
        resolve(asking, library(), server_side=True)
    quiet = resolve(unitls.TLSServerConfiguration(identities=[identity()]), library(), server_side=True)
    assert (quiet.verify, quiet.client_authentication) == (False, unitls.ClientAuthentication.NONE)
    asking = unitls.TLSServerConfiguration(validate_certificates=True, trust_store=TRUST)
    settings = resolve(asking, library(), server_side=True, identity=identity())
    assert settings.client_authentication is unitls.ClientAuthentication.REQUIRED
    assert settings.identity is not None


def test_the_key_log_comes_from_the_configuration_or_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert client().key_log is None
    monkeypatch.setenv("SSLKEYLOGFILE", "/from/environment")
    assert client().key_log == "/from/environment"
    assert client(key_log="/given").key_log == "/given"
    assert client(key_log="").key_log is None


def test_a_key_log_that_the_environment_asks_for_is_not_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", "/from/environment")
    without = library(Feature.KEY_LOG)
    with pytest.raises(unitls.UnsupportedFeature, match="unset SSLKEYLOGFILE") as caught:
        resolve(unitls.TLSClientConfiguration(trust_store=TRUST), without, server_side=False)
    assert caught.value.feature is Feature.KEY_LOG
    settings = resolve(unitls.TLSClientConfiguration(trust_store=TRUST, key_log=""), without, server_side=False)
    assert settings.key_log is None


def test_two_settings_of_the_same_configuration_are_equal() -> None:
    assert client(ciphers=[AES128]) == client(ciphers=(AES128,))
    assert "anchors=" not in repr(client())


# ---------------------------------------------------------------------------------------------- configurations


def test_a_configuration_is_a_value() -> None:
    one = unitls.TLSClientConfiguration(inner_protocols=[b"x"], ciphers=[AES128], trust_store=TRUST)
    two = unitls.TLSClientConfiguration(inner_protocols=(b"x",), ciphers=(AES128,), trust_store=TRUST)
    assert one == two
    assert hash(one) == hash(two)
    with pytest.raises(AttributeError):
        one.ciphers = None  # type: ignore[misc]
    assert unitls.TLSClientConfiguration() != unitls.TLSServerConfiguration()


@pytest.mark.parametrize("mode", list(unitls.ClientAuthentication))
def test_validation_and_client_authentication_agree_on_a_server(mode: unitls.ClientAuthentication) -> None:
    configuration = unitls.TLSServerConfiguration(client_authentication=mode)
    assert configuration.validate_certificates is (mode is not unitls.ClientAuthentication.NONE)
    required = unitls.TLSServerConfiguration(validate_certificates=True)
    assert required.client_authentication is unitls.ClientAuthentication.REQUIRED


def test_the_defaults_are_safe() -> None:
    configuration = unitls.TLSClientConfiguration()
    assert configuration.validate_certificates is True
    assert configuration.lower_bound is V12
    assert configuration.early_data is False
    assert configuration.trust_store is None


@pytest.mark.parametrize("values", [{"upper_bound": V12}, {"ciphers": (ECDHE,)}])
def test_an_external_key_is_never_left_unused_in_silence(values: dict[str, Any]) -> None:
    with pytest.raises(unitls.ConfigurationError, match="external key needs TLS"):
        client(external_psk=unitls.ExternalPSK(b"name", b"key"), **values)
