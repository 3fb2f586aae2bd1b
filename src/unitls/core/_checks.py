"""Checks of a configuration when it is set: wrong in itself, or right but not with this backend."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

from ..api._certificates import Identity
from ..api._cipher_values import is_tls13_suite
from ..api._codepoints import checked_codepoint
from ..api._configuration import ExternalPSK, TLSClientConfiguration, TLSConfiguration, TLSServerConfiguration
from ..api._errors import ConfigurationError
from ..api._features import Capabilities, Feature
from ..api._protocols import ClientAuthentication, NextProtocol
from ..api._sessions import SessionCache
from ..api._trust import TrustStore
from ..api._versions import TLSVersion
from ._values import NeutralPrivateKey, NeutralTrustStore

_MISSING: Final = object()
_X25519MLKEM768: Final = 4588
_USUAL: Final = TLSClientConfiguration()
_SHORTEST_TICKET_KEY: Final = 16
_LONGEST_RESPONSE: Final = 0xFFFFFF
"""What an OCSPResponse holds (RFC 6066 section 8)."""
_GREATEST_DEPTH: Final = 0xFFFF
"""More than any path has, and within the numbers of every library."""
_MOST_EARLY_DATA: Final = 0xFFFFFFFF
"""What max_early_data_size holds (RFC 8446 section 4.2.10)."""

_NONE: Final = type(None)
_KINDS: Final[dict[str, tuple[tuple[Any, ...], str]]] = {
    "validate_certificates": ((bool,), "True or False"),  # None is false, and must not switch validation off
    "require_inner_protocol": ((bool,), "True or False"),
    "fips": ((bool,), "True or False"),
    "request_ocsp": ((bool,), "True or False"),
    "post_handshake_authentication": ((bool,), "True or False"),
    "early_data": ((bool,), "True or False"),
    "lower_bound": ((TLSVersion,), "a TLSVersion"),
    "upper_bound": ((TLSVersion,), "a TLSVersion"),
    "client_authentication": ((ClientAuthentication,), "a ClientAuthentication"),
    "trust_store": ((TrustStore, _NONE), "a TrustStore"),
    "session_cache": ((SessionCache, _NONE), "a SessionCache"),
    "external_psk": ((ExternalPSK, _NONE), "an ExternalPSK"),
    "key_log": ((str, _NONE), "the path of a file, as text"),
    "ech_config_list": ((bytes, _NONE), "bytes"),
    "handshake_timeout": ((int, float, _NONE), "a number of seconds"),
    "max_handshake_size": ((int,), "a number of bytes"),
    "verification_depth": ((int, _NONE), "a number of certificates"),
    "ticket_count": ((int, _NONE), "a number from 0 to 255"),
    "max_early_data": ((int,), "a number of bytes"),
    "verification_hook": ((Callable, _NONE), "callable"),
    "verification_time": ((Callable, _NONE), "callable"),
    "choose_certificate": ((Callable, _NONE), "callable"),
    "sni_callback": ((Callable, _NONE), "callable"),
}
"""What each field has to be, and how that is said."""
_ITEMS: Final[dict[str, tuple[tuple[Any, ...], str]]] = {
    "identities": ((Identity,), "Identity values"),
    "inner_protocols": ((NextProtocol, bytes), "NextProtocol or byte string values"),
    "crls": ((bytes,), "revocation lists in DER"),
    "pins": ((bytes,), "SHA-256 hashes of 32 bytes"),
    "ticket_keys": ((bytes,), "byte strings"),
}
"""Likewise of what stands in each sequence."""

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
    (Feature.HANDSHAKE_SIZE_LIMIT, lambda c: c.max_handshake_size != _USUAL.max_handshake_size),
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
    _check_kinds(configuration)
    _check_protocols(configuration)
    _check_codepoints(configuration)
    _check_limits(configuration)
    _check_trust(configuration)
    if configuration.external_psk is not None:
        _check_psk(configuration.external_psk)
    for identity in configuration.identities:
        _check_response(identity.ocsp_response)
    if isinstance(configuration, TLSClientConfiguration) and len(configuration.identities) > 1:
        raise ConfigurationError("a client shows one identity; use choose_certificate to pick among several")
    if isinstance(configuration, TLSServerConfiguration):
        _check_server(configuration)


def _check_kinds(configuration: TLSConfiguration) -> None:
    for name, (kinds, what) in _KINDS.items():
        value = getattr(configuration, name, _MISSING)  # a client lacks what servers have
        if value is not _MISSING and not _is_one_of(value, kinds):
            raise ConfigurationError(f"{name} must be {what}, not {type(value).__name__}")
    for name, (kinds, what) in _ITEMS.items():
        for item in getattr(configuration, name, None) or ():
            if not _is_one_of(item, kinds):
                raise ConfigurationError(f"{name} must hold {what}, not {type(item).__name__}")


def _is_one_of(value: object, kinds: tuple[Any, ...]) -> bool:
    """As `isinstance`, but True and False are no numbers."""
    return isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool))


def _check_protocols(configuration: TLSConfiguration) -> None:
    names = configuration.inner_protocols
    for item in names:
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
    if configuration.verification_depth is not None and not 0 <= configuration.verification_depth <= _GREATEST_DEPTH:
        raise ConfigurationError(f"verification_depth is a number from 0 to {_GREATEST_DEPTH:,}; use None for no bound")
    if any(len(pin) != 32 for pin in configuration.pins):
        raise ConfigurationError("a pin is the SHA-256 hash of a SubjectPublicKeyInfo: 32 bytes")


def _check_response(response: Any) -> None:
    if response is not None and not (isinstance(response, bytes) and 0 < len(response) <= _LONGEST_RESPONSE):
        raise ConfigurationError(
            f"the OCSP response of an identity is a byte string in DER of 1 to {_LONGEST_RESPONSE:,} bytes, or None"
        )


def _check_psk(psk: ExternalPSK) -> None:
    if not all(isinstance(value, bytes) and value for value in (psk.identity, psk.key)):
        raise ConfigurationError("the identity and the key of an external key are byte strings that are not empty")
    if psk.hash_name not in ("sha256", "sha384"):
        raise ConfigurationError("the hash of an external key is 'sha256' or 'sha384'")


def _check_trust(configuration: TLSConfiguration) -> None:
    store = configuration.trust_store
    if isinstance(store, NeutralTrustStore) and not store.is_system and not store.anchors:
        raise ConfigurationError("the trust store is empty: no certificate could ever be accepted")
    if configuration.validate_certificates:
        return
    if isinstance(configuration, TLSServerConfiguration) and configuration.post_handshake_authentication:
        return  # certificates that come later are verified
    if configuration.pins or configuration.verification_hook:
        raise ConfigurationError("pins and verification_hook need validate_certificates")
    for name in ("crls", "verification_depth", "verification_time", "request_ocsp"):
        usual = getattr(_USUAL, name)
        if getattr(configuration, name, usual) != usual:
            raise ConfigurationError(f"{name} needs validate_certificates: without it no certificate is verified")


def _check_server(configuration: TLSServerConfiguration) -> None:
    if configuration.ticket_count is not None and not 0 <= configuration.ticket_count <= 255:
        raise ConfigurationError("ticket_count is a number from 0 to 255")
    keys = configuration.ticket_keys
    if keys is not None and (not keys or any(len(key) < _SHORTEST_TICKET_KEY for key in keys)):
        # Whoever guesses one makes tickets for whom they like.
        raise ConfigurationError(
            f"ticket_keys holds secrets of at least {_SHORTEST_TICKET_KEY} random bytes; use None for the backend's own"
        )
    if not 0 <= configuration.max_early_data <= _MOST_EARLY_DATA:
        raise ConfigurationError(f"max_early_data is a number from 0 to {_MOST_EARLY_DATA:,}; 0 refuses early data")
