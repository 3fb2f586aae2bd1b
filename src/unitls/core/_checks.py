"""Checks of a configuration when it is set: wrong in itself, or right but not with this backend."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

from ..api._cipher_values import is_tls13_suite
from ..api._codepoints import checked_codepoint
from ..api._configuration import TLSClientConfiguration, TLSConfiguration, TLSServerConfiguration
from ..api._errors import ConfigurationError
from ..api._features import Capabilities, Feature
from ..api._protocols import NextProtocol
from ..api._trust import TrustStore
from ..api._versions import TLSVersion
from ._values import NeutralPrivateKey, NeutralTrustStore

_X25519MLKEM768: Final = 4588
_USUAL_HANDSHAKE_SIZE: Final = TLSConfiguration().max_handshake_size

_NEEDS: Final[tuple[tuple[Feature, Callable[[Any], Any]], ...]] = (
    (Feature.DISABLE_VALIDATION, lambda c: isinstance(c, TLSClientConfiguration) and not c.validate_certificates),
    (Feature.CUSTOM_TRUST_STORE, lambda c: c.trust_store is not None and not _only_system(c.trust_store)),
    (Feature.SYSTEM_TRUST_STORE, lambda c: c.trust_store is not None and _is_system(c.trust_store)),
    (Feature.ALPN, lambda c: c.inner_protocols),
    (Feature.CRLS, lambda c: c.crls),
    (Feature.GROUPS, lambda c: c.groups is not None),
    (Feature.POST_QUANTUM_GROUPS, lambda c: c.groups is not None and _X25519MLKEM768 in c.groups),
    (Feature.SIGNATURE_ALGORITHMS, lambda c: c.signature_algorithms is not None),
    (Feature.PINNING, lambda c: c.pins),
    (Feature.VERIFICATION_HOOK, lambda c: c.verification_hook is not None),
    (Feature.VERIFICATION_TIME, lambda c: c.verification_time is not None),
    (Feature.VERIFICATION_DEPTH, lambda c: c.verification_depth is not None),
    (Feature.EXTERNAL_PSK, lambda c: c.external_psk is not None),
    (Feature.KEY_LOG, lambda c: c.key_log),
    (Feature.HANDSHAKE_TIMEOUT, lambda c: c.handshake_timeout is not None),
    (Feature.HANDSHAKE_SIZE_LIMIT, lambda c: c.max_handshake_size != _USUAL_HANDSHAKE_SIZE),
    (Feature.CIPHER_SUITES, lambda c: c.ciphers is not None and not all(map(is_tls13_suite, c.ciphers))),
    (Feature.FIPS, lambda c: c.fips),
    (Feature.OCSP_STAPLING, lambda c: any(item.ocsp_response is not None for item in c.identities)),
    (Feature.PKCS11, lambda c: any(_uses_token(item) for item in c.identities)),
    (Feature.EXTERNAL_SIGNER, lambda c: any(getattr(item.private_key, "sign", None) for item in c.identities)),
    (Feature.POST_HANDSHAKE_AUTHENTICATION, lambda c: c.post_handshake_authentication),
)
_CLIENT_NEEDS: Final[tuple[tuple[Feature, Callable[[Any], Any]], ...]] = (
    (Feature.CLIENT, lambda c: True),
    (Feature.CLIENT_CERTIFICATES, lambda c: c.identities),
    (Feature.SESSION_RESUMPTION, lambda c: c.session_cache is not None),
    (Feature.CLIENT_CERTIFICATE_CHOICE, lambda c: c.choose_certificate is not None),
    (Feature.OCSP_STAPLING, lambda c: c.request_ocsp),
    (Feature.EARLY_DATA, lambda c: c.early_data),
    (Feature.ECH, lambda c: c.ech_config_list is not None),
)
_SERVER_NEEDS: Final[tuple[tuple[Feature, Callable[[Any], Any]], ...]] = (
    (Feature.SERVER, lambda c: True),
    (Feature.CLIENT_CERTIFICATES, lambda c: c.validate_certificates),
    (Feature.SNI_CALLBACK, lambda c: c.sni_callback is not None),
    (Feature.TICKET_COUNT, lambda c: c.ticket_count is not None),
    (Feature.TICKET_KEYS, lambda c: c.ticket_keys is not None),
    (Feature.EARLY_DATA, lambda c: c.max_early_data),
)


def _is_system(store: TrustStore) -> bool:
    return isinstance(store, NeutralTrustStore) and store.is_system


def _only_system(store: TrustStore) -> bool:
    return isinstance(store, NeutralTrustStore) and store.is_system and not store.anchors


def _uses_token(identity: Any) -> bool:
    key = identity.private_key
    in_token = isinstance(key, NeutralPrivateKey) and key.uri is not None
    return in_token or any(getattr(item, "uri", None) for item in identity.certificates)


def check_supported(configuration: TLSConfiguration, capabilities: Capabilities, backend: str) -> None:
    """Refuse what the backend cannot honour.

    Raises:
        UnsupportedFeature: it names the first `Feature` that is missing.
    """
    role = _CLIENT_NEEDS if isinstance(configuration, TLSClientConfiguration) else _SERVER_NEEDS
    for feature, needed in _NEEDS + role:
        if needed(configuration):
            capabilities.require(feature, backend)


def check_values(configuration: TLSConfiguration) -> None:
    """Refuse what is wrong in itself, whichever the backend.

    Raises:
        ConfigurationError: the message says which value, and what it has to be.
    """
    _check_versions(configuration)
    _check_protocols(configuration)
    _check_codepoints(configuration)
    _check_limits(configuration)
    _check_trust(configuration)
    if configuration.external_psk is not None and configuration.upper_bound < TLSVersion.TLSv1_3:
        raise ConfigurationError("an external key needs TLS 1.3, and upper_bound is below that")
    if isinstance(configuration, TLSClientConfiguration) and len(configuration.identities) > 1:
        raise ConfigurationError("a client shows one identity; use choose_certificate to pick among several")
    if isinstance(configuration, TLSServerConfiguration):
        _check_server(configuration)


def _check_versions(configuration: TLSConfiguration) -> None:
    for name in ("lower_bound", "upper_bound"):
        if not isinstance(getattr(configuration, name), TLSVersion):
            raise ConfigurationError(f"{name} must be a TLSVersion")


def _check_protocols(configuration: TLSConfiguration) -> None:
    names = configuration.inner_protocols
    for item in names:
        if not isinstance(item, (NextProtocol, bytes)):
            raise ConfigurationError(f"a protocol is a NextProtocol or a byte string, not {type(item).__name__}")
        if isinstance(item, bytes) and not 1 <= len(item) <= 255:
            raise ConfigurationError("the name of a protocol has 1 to 255 bytes (RFC 7301 section 3.1)")
    if sum(1 + len(item.value if isinstance(item, NextProtocol) else item) for item in names) > 65535:
        raise ConfigurationError("the list of protocols is longer than 65,535 bytes")
    if configuration.require_inner_protocol and not names:
        raise ConfigurationError("require_inner_protocol is set, but there are no inner_protocols")


def _check_codepoints(configuration: TLSConfiguration) -> None:
    kinds = {"ciphers": "a cipher suite", "groups": "a group", "signature_algorithms": "a signature algorithm"}
    for name, what in kinds.items():
        values = getattr(configuration, name)
        if values is None:
            continue
        if not values:
            raise ConfigurationError(f"{name} is empty; use None for the backend's own choice")
        for value in values:
            checked_codepoint(value, bits=16, what=what)


def _check_limits(configuration: TLSConfiguration) -> None:
    timeout = configuration.handshake_timeout
    if timeout is not None and not (timeout > 0 and math.isfinite(timeout)):
        raise ConfigurationError("handshake_timeout is a positive number of seconds, or None")
    if configuration.max_handshake_size < 1024:
        raise ConfigurationError("max_handshake_size is too small for any handshake: 1,024 bytes at least")
    if configuration.verification_depth is not None and configuration.verification_depth < 0:
        raise ConfigurationError("verification_depth is not negative")
    if any(not isinstance(pin, bytes) or len(pin) != 32 for pin in configuration.pins):
        raise ConfigurationError("a pin is the SHA-256 hash of a SubjectPublicKeyInfo: 32 bytes")


def _check_trust(configuration: TLSConfiguration) -> None:
    store = configuration.trust_store
    if store is not None and not isinstance(store, TrustStore):
        raise ConfigurationError(f"the trust store must be a TrustStore, not {type(store).__name__}")
    if isinstance(store, NeutralTrustStore) and not store.is_system and not store.anchors:
        raise ConfigurationError("the trust store is empty: no certificate could ever be accepted")
    if (configuration.pins or configuration.verification_hook) and not configuration.validate_certificates:
        raise ConfigurationError("pins and verification_hook need validate_certificates")


def _check_server(configuration: TLSServerConfiguration) -> None:
    callback = configuration.sni_callback
    if callback is not None and not callable(callback):
        raise ConfigurationError("the server name callback must be callable")
    if configuration.ticket_count is not None and not 0 <= configuration.ticket_count <= 255:
        raise ConfigurationError("ticket_count is a number from 0 to 255")
