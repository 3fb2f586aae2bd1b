"""From settings to a native configuration, and what rustls can do."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from types import MappingProxyType
from typing import Any, Final, TypeVar

from ...api._certificates import Identity
from ...api._configuration import CertificateChooser, TLSClientConfiguration
from ...api._errors import ConfigurationError, TLSError
from ...api._features import Capabilities, Feature
from ...api._protocols import ClientAuthentication
from ...api._versions import TLSVersion
from ...core._plain_key import plain_key, signature_schemes
from ...core._revocation_lists import newest_first
from ...core._settings import Settings
from ...core._system_trust import system_anchors
from ...core._values import NeutralCertificate, NeutralPrivateKey
from ...core._x509 import certificate_fields
from . import ciphers, native
from .errors import make

T = TypeVar("T")
_REASONS: Final = {
    Feature.VERSIONS: "rustls has TLS 1.2 and 1.3 only",
    Feature.TICKET_KEYS: "rustls makes the keys of its tickets itself",
    Feature.TLS_UNIQUE_BINDING: "rustls does not tell the Finished messages",
    Feature.POST_HANDSHAKE_AUTHENTICATION: "rustls does not have it",
    Feature.EXTERNAL_PSK: "rustls does not have it",
    Feature.PKCS11: "rustls has no interface to tokens; PrivateKey.from_signer() can sign with one",
    Feature.FIPS: "this build of aws-lc is not the validated one",
}
_NOTES: Final = (
    "Where core refuses a certificate that rustls has accepted (a name that does not match), the connection ends "
    "without an alert.",
    "A server that takes early data keeps its sessions in memory (256 of them) instead of in tickets, so that each is "
    "used once.",
    "An encrypted private key is decrypted, and a stapled OCSP response checked, by the package cryptography.",
)
_OTHER_KEY: Final = "rustls cannot use a key of this kind: it takes RSA, P-256, P-384, P-521 and Ed25519"
_NEEDS_CRYPTOGRAPHY: Final = "{} needs the package 'cryptography' with this backend: pip install cryptography"


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Native:
    """A native configuration, and what the engine needs besides.

    Attributes:
        config: the crate's own.
        clock: the time to verify at, if not now.
        authorities: the names of the anchors in DER.
        key_log: the path of the key log, if any.
        request_ocsp: whether the server has to staple a good OCSP response.
    """

    config: native.Config
    clock: Callable[[], float] | None = None
    authorities: frozenset[bytes] = field(default=frozenset(), repr=False)
    key_log: str | None = None
    request_ocsp: bool = False


@functools.cache
def capabilities() -> Capabilities:
    """What rustls can do."""
    return Capabilities(
        versions=(TLSVersion.TLSv1_2, TLSVersion.TLSv1_3),
        features=frozenset(set(Feature) - set(_REASONS)),
        reasons=MappingProxyType(_REASONS),
        cipher_suites=ciphers.available(),
        notes=_NOTES,
    )


def check(settings: Settings) -> None:
    """Refuse what rustls cannot be narrowed to.

    Raises:
        ConfigurationError: none of the groups or signature algorithms is one of its own, ECH is asked for without
            TLS 1.3, or an OCSP response is demanded and the package that checks it is missing.
    """
    configuration = settings.configuration
    for wanted, known, what in (
        (configuration.groups, native.GROUPS, "groups"),
        (configuration.signature_algorithms, native.SCHEMES, "signature algorithms"),
    ):
        if wanted is not None and not set(wanted) & set(known):
            raise make(ConfigurationError, f"rustls has none of the {what} that were asked for")
    if getattr(configuration, "request_ocsp", False) and find_spec("cryptography") is None:
        raise make(ConfigurationError, _NEEDS_CRYPTOGRAPHY.format("checking an OCSP response"))
    ech = getattr(configuration, "ech_config_list", None)
    if ech is not None and settings.lower < TLSVersion.TLSv1_3:
        raise make(ConfigurationError, "Encrypted ClientHello needs lower_bound=TLSVersion.TLSv1_3")
    if configuration.crls or ech is not None:
        _configured(lambda: native.check(list(configuration.crls), ech), "the configuration")


def build(settings: Settings) -> Native:
    """Make the native configuration."""
    identity = None if settings.identity is None else load_identity(settings.identity)
    anchors = _anchors(settings)
    return Native(
        _configured(lambda: _native_config(settings, identity, anchors), "the configuration"),
        settings.configuration.verification_time,
        frozenset(_subject(der) for der, _, _ in anchors or ()),
        settings.key_log,
        settings.verify and getattr(settings.configuration, "request_ocsp", False),
    )


def _subject(der: bytes) -> bytes:
    try:
        return certificate_fields(der).subject
    except ValueError:
        return b""


def _anchors(settings: Settings) -> list[native.DatedAnchor] | None:
    """What is trusted; `None` where nothing is verified."""
    if not settings.verify:
        return None
    ders = [*settings.anchors, *(system_anchors().anchors if settings.system_trust else ())]
    if not ders:
        raise make(ConfigurationError, "the system's trust store is empty or was not found")
    return [native.dated(der) for der in dict.fromkeys(ders)]


def _native_config(
    settings: Settings, identity: native.Identity | None, anchors: list[native.DatedAnchor] | None
) -> native.Config:
    configuration = settings.configuration
    suites = None if settings.ciphers is None else [*(settings.tls13_ciphers or ()), *settings.ciphers]
    common: dict[str, Any] = {
        "versions": [
            version.value for version in capabilities().versions if settings.lower <= version <= settings.upper
        ],
        "suites": suites,
        "groups": configuration.groups,
        "schemes": configuration.signature_algorithms,
        "protocols": list(settings.protocols),
        "anchors": anchors,
        "lists": newest_first(configuration.crls),
        "depth": configuration.verification_depth,
        "identity": identity,
        "key_log": bool(settings.key_log),
    }
    if isinstance(configuration, TLSClientConfiguration):
        chooser = configuration.choose_certificate
        return native.Config.client(
            **common,
            choose=None if chooser is None else _chooser(chooser),
            resumption=configuration.session_cache is not None,
            ech=configuration.ech_config_list,
            early_data=configuration.early_data,
        )
    mandatory = settings.client_authentication is ClientAuthentication.REQUIRED
    return native.Config.server(
        **common,
        mandatory=mandatory,
        tickets=getattr(configuration, "ticket_count", None),
        early_data=getattr(configuration, "max_early_data", 0),
    )


def _chooser(choose: CertificateChooser) -> Callable[[tuple[bytes, ...]], native.Identity | None]:
    def chosen(authorities: tuple[bytes, ...]) -> native.Identity | None:
        identity = choose(authorities)
        return None if identity is None else load_identity(identity)

    return chosen


# ---------------------------------------------------------------------------------------------- identities


def check_identity(identity: Identity) -> None:
    """Load `identity` and throw it away."""
    load_identity(identity)


def load_identity(identity: Identity) -> native.Identity:
    """Load a chain and its key.

    Raises:
        ConfigurationError: it is damaged, too weak, or the key does not fit, or its passphrase is wrong.
    """
    key = identity.private_key
    if not isinstance(key, NeutralPrivateKey) or (key.material is None and key.sign is None):
        raise make(ConfigurationError, "this private key belongs to another backend")
    chain = [item.der for item in identity.certificates if isinstance(item, NeutralCertificate) and item.der]
    if len(chain) != len(identity.certificates):
        raise make(ConfigurationError, "one of the certificates belongs to another backend")
    response = identity.ocsp_response
    sign, public_key = key.sign, key.public_key
    if sign is not None and public_key is not None:
        schemes = signature_schemes(public_key)
        if not schemes:
            raise make(ConfigurationError, _OTHER_KEY)
        return _configured(
            lambda: native.Identity.external(chain, public_key, schemes, sign, response), "the certificate or its key"
        )
    der = plain_key(key)
    return _configured(lambda: native.Identity(chain, der, response), "the certificate or its private key")


def _configured(load: Callable[[], T], what: str) -> T:
    """Run a call that makes something, and say in our words what is wrong with it."""
    try:
        return load()
    except native.Error as error:
        _kind, code, text = native.arguments(error)
        raise _refusal(code, text, what) from error


def _refusal(code: str, text: str, what: str) -> TLSError:
    if code == "KeyMismatch":
        said = "the private key does not belong to the leaf certificate (the first in the list)"
    elif code in ("NoneLeft", "NoAnchors", "InvalidCertRevocationList"):
        said = text
    else:
        said = f"{what} cannot be used: {text}"
    return make(ConfigurationError, said, native_text=f"{code}: {text}")
