"""What a backend can do, as data: ask before you configure, instead of catching the refusal."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from ._errors import UnsupportedFeature
from ._versions import TLSVersion


class Feature(enum.Enum):
    """Something a backend has or refuses. The value says in a few words what it is."""

    CLIENT = "the client role"
    SERVER = "the server role"
    VERSIONS = "every version of TLS in the range that was asked for"
    CUSTOM_TRUST_STORE = "trusting exactly the anchors that are given"
    SYSTEM_TRUST_STORE = "the system's trust store"
    DISABLE_VALIDATION = "validation switched off"
    CLIENT_CERTIFICATES = "client certificates, in both roles"
    CLIENT_CERTIFICATE_CHOICE = "a callback that picks the client certificate from the server's list of authorities"
    SNI_CALLBACK = "a callback by server name that can replace the context"
    ALPN = "application-layer protocol negotiation"
    CIPHER_SUITES = "a choice of TLS 1.2 cipher suites"
    TLS13_CIPHER_SUITES = "a choice among the TLS 1.3 cipher suites"
    GROUPS = "a choice of key exchange groups"
    POST_QUANTUM_GROUPS = "hybrid post-quantum key exchange (X25519MLKEM768)"
    SIGNATURE_ALGORITHMS = "a choice of signature algorithms"
    PEER_CHAIN = "the certificates the peer sent"
    VERIFIED_CHAIN = "the path that was trusted"
    SESSION_RESUMPTION = "resumption through a session cache"
    TICKET_COUNT = "the number of tickets a server sends"
    TICKET_KEYS = "ticket keys set from outside"
    KEY_LOG = "the key log (SSLKEYLOGFILE)"
    EXPORTER = "keying material exporters (RFC 8446 section 7.5)"
    TLS_EXPORTER_BINDING = "the channel binding tls-exporter (RFC 9266)"
    TLS_UNIQUE_BINDING = "the channel binding tls-unique (RFC 5929)"
    TLS_SERVER_END_POINT_BINDING = "the channel binding tls-server-end-point (RFC 5929)"
    OCSP_STAPLING = "OCSP stapling (RFC 6066 section 8)"
    CRLS = "certificate revocation lists"
    PINNING = "certificate pins"
    VERIFICATION_HOOK = "a hook that may refuse a verified chain"
    VERIFICATION_TIME = "verification as of another time"
    VERIFICATION_DEPTH = "a bound on the length of the path"
    POST_HANDSHAKE_AUTHENTICATION = "client authentication after the handshake (RFC 8446 section 4.6.2)"
    EARLY_DATA = "early data (0-RTT)"
    ECH = "Encrypted ClientHello"
    EXTERNAL_PSK = "external pre-shared keys"
    PKCS11 = "keys and certificates in a PKCS#11 token"
    EXTERNAL_SIGNER = "a private key that lives elsewhere and signs on demand"
    PKCS12 = "PKCS#12 files"
    FIPS = "a switch that demands FIPS mode"
    KEY_UPDATE = "a key update on demand"
    HANDSHAKE_TIMEOUT = "a time limit of its own for the handshake"
    HANDSHAKE_SIZE_LIMIT = "a size limit for the handshake"
    GROUP_INFORMATION = "which group was negotiated"
    RESUMPTION_INFORMATION = "whether the session was resumed"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What one backend can do on this machine.

    Attributes:
        versions: the versions of TLS it can negotiate, lowest first.
        features: what it has.
        reasons: for each feature it does not have, why not.
        cipher_suites: the IANA values it implements.
        notes: deviations that are no feature (for example: no alert is sent when core says no), each one sentence.
    """

    versions: tuple[TLSVersion, ...]
    features: frozenset[Feature]
    reasons: Mapping[Feature, str] = field(default_factory=lambda: MappingProxyType({}))
    cipher_suites: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()

    def supports(self, feature: Feature) -> bool:
        """Tell whether the backend has `feature`."""
        return feature in self.features

    def reason(self, feature: Feature) -> str:
        """Say why the backend does not have `feature`; an empty string if it has it."""
        if feature in self.features:
            return ""
        return self.reasons.get(feature, "this backend does not offer it")

    def require(self, feature: Feature, backend: str) -> None:
        """Raise `UnsupportedFeature` unless the backend, called `backend`, has `feature`."""
        if feature not in self.features:
            raise UnsupportedFeature(
                f"the backend {backend!r} does not have {feature.value}: {self.reason(feature)}", feature=feature
            )
