"""From settings to the native objects that connections share, and what SecureTransport can do."""

from __future__ import annotations

import functools
from types import MappingProxyType
from typing import Final

from ...api._certificates import Identity
from ...api._errors import ConfigurationError, UnsupportedFeature
from ...api._features import Capabilities, Feature
from ...api._protocols import ClientAuthentication
from ...api._versions import TLSVersion
from ...core._settings import Settings, enabled_suites
from ...platforms.macos._verdict import Rules
from . import ciphers, native
from ._identity import load_identity
from .errors import make

_NO_TLS13: Final = (
    "SecureTransport has TLS 1.0 to 1.2; TLS 1.3 came with Network.framework, which is no library for buffers"
)
_NO_CALL: Final = "SecureTransport has no public function for it"
_NEEDS_TLS13: Final = "SecureTransport has no TLS 1.3"
_NO_SESSIONS: Final = "SecureTransport keeps sessions in a store of its own, out of which none can be taken or dropped"
_NO_IDENTITY: Final = "this macOS has no function that joins a certificate and a key in memory"
_REASONS: Final = {
    Feature.VERSIONS: _NO_TLS13,
    Feature.TLS13_CIPHER_SUITES: _NEEDS_TLS13,
    Feature.GROUPS: _NO_CALL,
    Feature.POST_QUANTUM_GROUPS: _NEEDS_TLS13,
    Feature.SIGNATURE_ALGORITHMS: _NO_CALL,
    Feature.SESSION_RESUMPTION: _NO_SESSIONS,
    Feature.TICKET_COUNT: _NEEDS_TLS13,
    Feature.TICKET_KEYS: _NO_CALL,
    Feature.KEY_LOG: _NO_CALL,
    Feature.EXPORTER: _NO_CALL,
    Feature.TLS_EXPORTER_BINDING: _NO_CALL,
    Feature.TLS_UNIQUE_BINDING: _NO_CALL,
    Feature.OCSP_STAPLING: "SecureTransport does not show whether a response came, so none can be demanded",
    Feature.CRLS: "SecTrust takes no revocation lists",
    Feature.POST_HANDSHAKE_AUTHENTICATION: _NEEDS_TLS13,
    Feature.EARLY_DATA: _NEEDS_TLS13,
    Feature.ECH: _NEEDS_TLS13,
    Feature.EXTERNAL_PSK: _NO_CALL,
    Feature.PKCS11: "SecureTransport has no interface to PKCS#11",
    Feature.EXTERNAL_SIGNER: "SecureTransport signs with keys of Security.framework only",
    Feature.FIPS: "there is no switch: what is validated is corecrypto, which is used in any case",
    Feature.KEY_UPDATE: _NEEDS_TLS13,
    Feature.GROUP_INFORMATION: _NO_CALL,
    Feature.RESUMPTION_INFORMATION: "sessions are never resumed, and SecureTransport does not say so",
}
NOTES: Final = (
    "Not yet seen on macOS: everything was tested against a stand-in for Security.framework, over another TLS library.",
    "TLS 1.2 at most. Apple has declared SecureTransport deprecated (macOS 10.15), and keeps it.",
    "Once close_notify was sent or received, SecureTransport neither reads nor writes: the two directions end together. "
    "What has come in before our own close_notify stays readable; data behind it is reported as a fault, and the peer's "
    "answering alert is taken for its close_notify unread.",
    "SecTrust adds the rules of macOS for servers' certificates: among others, they are valid for 825 days at most.",
    "Nothing is fetched from the network while a certificate is verified: neither intermediates nor revocation.",
    "Where core refuses a certificate that SecTrust has accepted (a pin, a hook), the connection ends without an alert.",
    "A process that has forked and not called exec must not use it: that is a rule of Apple's for its frameworks.",
    "Keys are RSA, P-256, P-384 or P-521, kept in memory by SecIdentityCreate, which is no public function.",
)
_ASCII_ONLY: Final = "SecureTransport takes names of protocols that are printable ASCII"


class Native:
    """What all connections of one configuration share.

    Attributes:
        settings: what it was made from.
        suites: what may be negotiated, as SSLSetEnabledCiphers takes it.
        count: how many suites these are.
        rules: what the peer's certificate has to satisfy.
        identity: the array for SSLSetCertificate; `None` if there is none.
    """

    def __init__(self, settings: Settings) -> None:
        """Make it.

        Raises:
            ConfigurationError: the library does not take the settings.
        """
        suites = suites_of(settings)
        self.settings = settings
        self.suites, self.count = ciphers.packed(suites), len(suites)
        self.rules = _rules(settings)
        self.identity = None if settings.identity is None else load_identity(settings.identity)


def _rules(settings: Settings) -> Rules:
    try:
        return Rules(
            settings.anchors,
            settings.configuration,
            is_server=not settings.server_side,
            with_system=settings.system_trust,
        )
    except native.Error as error:
        raise make(ConfigurationError, "a trusted certificate cannot be read", native_code=error.code) from error


def default_suites(settings: Settings) -> tuple[int, ...]:
    """The suites enabled when none are chosen; TLS 1.0 and 1.1, where they are allowed, get some of their own."""
    return ciphers.default() + (ciphers.old_default() if settings.lower < TLSVersion.TLSv1_2 else ())


def suites_of(settings: Settings) -> tuple[int, ...]:
    """The suites that may be negotiated."""
    return enabled_suites(settings, capabilities(), default_suites(settings))


@functools.cache
def capabilities() -> Capabilities:
    """What SecureTransport can do here."""
    reasons = dict(_REASONS)
    lacking = native.frameworks().lacking
    if "SecIdentityCreate" in lacking:
        reasons[Feature.SERVER] = reasons[Feature.CLIENT_CERTIFICATES] = _NO_IDENTITY
        reasons[Feature.CLIENT_CERTIFICATE_CHOICE] = _NO_IDENTITY
    if "SSLCopyPeerCertificates" in lacking:
        reasons[Feature.PEER_CHAIN] = "this macOS tells the path that was trusted, not what the peer has sent"
    return Capabilities(
        versions=tuple(TLSVersion(value) for value in native.VERSIONS),
        features=frozenset(set(Feature) - set(reasons)),
        reasons=MappingProxyType(reasons),
        cipher_suites=ciphers.available(),
        notes=NOTES,
    )


def check(settings: Settings) -> None:
    """Refuse what SecureTransport cannot express.

    Raises:
        UnsupportedFeature: a protocol that is no printable ASCII.
    """
    for name in settings.protocols:
        if not (name.isascii() and name.decode("ascii").isprintable()):
            raise UnsupportedFeature(_ASCII_ONLY, feature=Feature.ALPN)


def check_identity(identity: Identity) -> None:
    """Load `identity` and throw it away."""
    load_identity(identity)


def build(settings: Settings) -> Native:
    """Make what all connections share."""
    return Native(settings)


def asks_clients(settings: Settings) -> int | None:
    """How a server asks for a client certificate (SSLAuthenticate); `None` if it does not."""
    if settings.client_authentication is ClientAuthentication.NONE:
        return None
    is_required = settings.client_authentication is ClientAuthentication.REQUIRED
    return native.ALWAYS_AUTHENTICATE if is_required else native.TRY_AUTHENTICATE
