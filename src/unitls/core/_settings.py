"""Settings: a configuration resolved against what the library can do, ready for a backend to apply.

The rules on versions and cipher suites stand here once, so that the same configuration means the same with every
library: what cannot be narrowed is refused, what the library lacks is left out, nothing is widened.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field, replace
from typing import Any

from ..api._certificates import Identity
from ..api._cipher_values import is_signalling, is_tls13_suite
from ..api._configuration import TLSConfiguration, TLSServerConfiguration
from ..api._errors import ConfigurationError, UnsupportedFeature
from ..api._features import Capabilities, Feature
from ..api._protocols import ClientAuthentication, NextProtocol
from ..api._versions import TLSVersion
from ._platform import PlatformVerifier, platform_verifier
from ._values import NeutralTrustStore


@dataclass(frozen=True, slots=True)
class Settings:
    """What a backend builds its native context from.

    Attributes:
        configuration: everything, for the fields that are not resolved here.
        server_side: which role.
        identity: the one to show, if any.
        lower: the lowest version, a real one.
        upper: the highest version, a real one that the library has.
        ciphers: the suites up to TLS 1.2 to enable; `None` for the backend's choice.
        tls13_ciphers: the TLS 1.3 suites to enable; `None` for the backend's choice.
        protocols: for ALPN, as on the wire.
        verify: whether the peer's certificate is verified in the handshake.
        client_authentication: on a server, how clients are asked.
        system_trust: whether the system's anchors are trusted: in the handshake, or by a server that asks later.
        platform: the platform's own verification, where the system's trust means that.
        anchors: further anchors in DER, likewise.
        key_log: the path of the key log, if any.
    """

    configuration: TLSConfiguration
    server_side: bool
    identity: Identity | None = None
    lower: TLSVersion = TLSVersion.TLSv1_2
    upper: TLSVersion = TLSVersion.TLSv1_3
    ciphers: tuple[int, ...] | None = None
    tls13_ciphers: tuple[int, ...] | None = None
    protocols: tuple[bytes, ...] = ()
    verify: bool = True
    client_authentication: ClientAuthentication = ClientAuthentication.NONE
    system_trust: bool = False
    platform: PlatformVerifier | None = None
    anchors: tuple[bytes, ...] = field(default=(), repr=False)
    key_log: str | None = None


def resolve(
    configuration: TLSConfiguration,
    capabilities: Capabilities,
    *,
    server_side: bool,
    identity: Identity | None = None,
    offer_protocols: bool = True,
) -> Settings:
    """Resolve `configuration` for a library.

    Args:
        configuration: what is wanted.
        capabilities: what the library can do.
        server_side: the role.
        identity: which of the identities to show.
        offer_protocols: whether to negotiate an application protocol at all.

    Raises:
        UnsupportedFeature: the library cannot be narrowed to it.
        ConfigurationError: nothing is left, or the values contradict each other.
    """
    lower, upper = version_range(configuration, capabilities)
    old, new, lower, upper = _suites(configuration, capabilities, lower, upper)
    if configuration.external_psk is not None and upper < TLSVersion.TLSv1_3:
        raise ConfigurationError("an external key needs TLS 1.3: allow that version, and one of its cipher suites")
    store = _trust(configuration, server_side)
    verify = configuration.validate_certificates
    return Settings(
        configuration=_without_repeats(configuration),
        server_side=server_side,
        identity=identity,
        lower=lower,
        upper=upper,
        ciphers=old,
        tls13_ciphers=new,
        protocols=wire_protocols(configuration) if offer_protocols else (),
        verify=verify,
        client_authentication=_client_authentication(configuration),
        system_trust=store.is_system,
        platform=(store.platform or platform_verifier()) if store.is_system and verify else None,
        anchors=store.anchors,
        key_log=_key_log(configuration, capabilities),
    )


def _without_repeats(configuration: TLSConfiguration) -> TLSConfiguration:
    """Groups and signature algorithms once each: some libraries take no more than there are, and count what is repeated."""
    changes: dict[str, Any] = {}
    for name in ("groups", "signature_algorithms"):
        values = getattr(configuration, name) or ()
        if len(set(values)) < len(values):
            changes[name] = tuple(dict.fromkeys(values))
    return replace(configuration, **changes) if changes else configuration


def version_range(configuration: TLSConfiguration, capabilities: Capabilities) -> tuple[TLSVersion, TLSVersion]:
    """The bounds as real versions of this library.

    Raises:
        UnsupportedFeature: the lower bound is below what the library offers, or no version is left.
        ConfigurationError: the bounds cross.
    """
    known = capabilities.versions
    lower, upper = configuration.lower_bound, configuration.upper_bound
    if lower is TLSVersion.MINIMUM_SUPPORTED:
        lower = known[0]
    if upper is TLSVersion.MINIMUM_SUPPORTED:
        upper = known[0]
    if lower is TLSVersion.MAXIMUM_SUPPORTED:
        lower = known[-1]
    if lower > upper:
        raise ConfigurationError(f"the version range is empty: {lower} is above {upper}")
    if lower < known[0] or lower > known[-1] or upper < known[0]:
        reason = capabilities.reason(Feature.VERSIONS)
        raise UnsupportedFeature(
            f"versions from {lower} to {upper} were asked for, but this library offers {known[0]} to {known[-1]} only"
            + (f": {reason}" if reason else ""),
            feature=Feature.VERSIONS,
        )
    return lower, min(upper, known[-1])


def _suites(
    configuration: TLSConfiguration, capabilities: Capabilities, lower: TLSVersion, upper: TLSVersion
) -> tuple[tuple[int, ...] | None, tuple[int, ...] | None, TLSVersion, TLSVersion]:
    """Split the list of suites in those of TLS 1.3 and older ones, and bend the versions to fit."""
    if configuration.ciphers is None:
        return None, None, lower, upper
    available = [suite for suite in dict.fromkeys(configuration.ciphers) if suite in capabilities.cipher_suites]
    new = tuple(suite for suite in available if is_tls13_suite(suite))
    old = tuple(suite for suite in available if not is_tls13_suite(suite) and not is_signalling(suite))
    if not (old or new):
        raise ConfigurationError("none of the cipher suites is available with this library")
    if not new or upper < TLSVersion.TLSv1_3:
        new, upper = (), min(upper, TLSVersion.TLSv1_2)
    elif not old:
        lower = TLSVersion.TLSv1_3
    if lower > upper or (upper <= TLSVersion.TLSv1_2 and not old):
        raise ConfigurationError(f"none of the cipher suites can be used with versions from {lower} to {upper}")
    _check_tls13_choice(capabilities, new)
    return old, new, lower, upper


def _check_tls13_choice(capabilities: Capabilities, chosen: tuple[int, ...]) -> None:
    left_out = {suite for suite in capabilities.cipher_suites if is_tls13_suite(suite)}.difference(chosen)
    if chosen and left_out and not capabilities.supports(Feature.TLS13_CIPHER_SUITES):
        raise UnsupportedFeature(
            "this library cannot choose among the TLS 1.3 cipher suites, so suites that are not listed would stay "
            "enabled: list all of them, or none",
            feature=Feature.TLS13_CIPHER_SUITES,
        )


def enabled_suites(settings: Settings, capabilities: Capabilities, default: tuple[int, ...]) -> tuple[int, ...]:
    """Which suites may be negotiated with `settings`, where `default` is the backend's own choice."""
    chosen = default if settings.ciphers is None else (settings.tls13_ciphers or ()) + settings.ciphers
    has_new, has_old = settings.upper >= TLSVersion.TLSv1_3, settings.lower <= TLSVersion.TLSv1_2
    return tuple(suite for suite in chosen if (has_new if is_tls13_suite(suite) else has_old))


def wire_protocols(configuration: TLSConfiguration) -> tuple[bytes, ...]:
    """The protocols for ALPN as byte strings."""
    return tuple(item.value if isinstance(item, NextProtocol) else item for item in configuration.inner_protocols)


def _client_authentication(configuration: TLSConfiguration) -> ClientAuthentication:
    if isinstance(configuration, TLSServerConfiguration):
        return configuration.client_authentication
    return ClientAuthentication.NONE


def asks_later(configuration: TLSConfiguration) -> bool:
    """Whether this is a server that may ask for a certificate after the handshake, and then verifies it."""
    return isinstance(configuration, TLSServerConfiguration) and configuration.post_handshake_authentication


def _trust(configuration: TLSConfiguration, server_side: bool) -> NeutralTrustStore:
    if not (configuration.validate_certificates or asks_later(configuration)):
        return NeutralTrustStore()
    store = configuration.trust_store
    if store is None and server_side:
        raise ConfigurationError(
            "client certificates are asked for, but there is no trust store: call use_trust_store() with the authority "
            "of your clients (the public roots must not authenticate clients)"
        )
    if store is None:
        return NeutralTrustStore.system()
    if not isinstance(store, NeutralTrustStore):
        raise ConfigurationError(f"a {type(store).__name__} belongs to another backend")
    return store


def _key_log(configuration: TLSConfiguration, capabilities: Capabilities) -> str | None:
    path = configuration.key_log
    if path is None and not sys.flags.ignore_environment:
        path = os.environ.get("SSLKEYLOGFILE")
    if path and not capabilities.supports(Feature.KEY_LOG):
        reason = capabilities.reason(Feature.KEY_LOG)
        raise UnsupportedFeature(
            f"a key log was asked for, and this library has none ({reason}): unset SSLKEYLOGFILE, or pass key_log=''",
            feature=Feature.KEY_LOG,
        )
    return path or None
