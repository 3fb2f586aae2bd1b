"""Configuration: one immutable value that says what is wanted of a connection.

A context holds one; its setters replace it by a changed copy, and connections keep the one they were made with. The
fields beyond the specification are each a `Feature`: a backend that lacks it refuses the configuration when it is set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, SupportsIndex, TypeAlias

from ._certificates import Identity
from ._errors import ConfigurationError
from ._protocols import ClientAuthentication, NextProtocol
from ._trust import TrustStore
from ._versions import TLSVersion

if TYPE_CHECKING:
    from ._context import ServerNameCallback
    from ._sessions import SessionCache

VerificationHook: TypeAlias = Callable[[tuple[bytes, ...]], None]
"""Called with the chain in DER, leaf first, once the library has accepted it. Raising refuses the peer, as does False."""

CertificateChooser: TypeAlias = Callable[[tuple[bytes, ...]], Identity | None]
"""Called with the server's list of authorities (DER names, may be empty); gives the identity to show, or none."""


@dataclass(frozen=True, slots=True)
class ExternalPSK:
    """A pre-shared key agreed on elsewhere (RFC 8446 section 4.2.11, RFC 9258). It is not pickled or copied.

    Attributes:
        identity: how the key is called on the wire.
        key: the secret; it appears in no ``repr``.
        hash_name: the hash it is used with, ``"sha256"`` or ``"sha384"``.
    """

    identity: bytes
    key: bytes = field(repr=False)
    hash_name: str = "sha256"

    def __reduce__(self) -> str:
        raise TypeError("a pre-shared key cannot be pickled")


@dataclass(frozen=True, slots=True, kw_only=True)
class TLSConfiguration:
    """What client and server have in common.

    Values are immutable, comparable and hashable: trust compares by content, callbacks and private keys by identity.
    Sequences given as lists are kept as tuples. What else is wrong with a value is said by the context that gets it.

    Raises:
        ConfigurationError: a single value stands where a list is needed.

    Attributes:
        validate_certificates: whether the peer's certificate is verified, completely, or not at all.
        identities: who we are: the certificate chains and keys offered to the peer. A client has at most one; a server
            with several chooses by server name.
        ciphers: the acceptable cipher suites as IANA values, or `None` for the backend's own good choice. Suites that
            the library lacks are left out. A list without a TLS 1.3 suite caps the version at TLS 1.2, one of only
            TLS 1.3 suites raises it to TLS 1.3.
        inner_protocols: protocols for ALPN, by preference.
        require_inner_protocol: end the handshake when no protocol is agreed on, with the alert
            no_application_protocol.
        lower_bound: the lowest acceptable version.
        upper_bound: the highest acceptable version.
        trust_store: the anchors; `None` is the system's for a client, and an error for a server that asks for client
            certificates.
        crls: revocation lists in DER. If there are any, the leaf must be covered by one. Needs `Feature.CRLS`.
        groups: key exchange groups as IANA values, by preference. Needs `Feature.GROUPS`.
        signature_algorithms: IANA SignatureSchemes, by preference. Needs `Feature.SIGNATURE_ALGORITHMS`.
        pins: SHA-256 hashes (32 bytes each) of SubjectPublicKeyInfos; one of the certificates in the verified chain
            must match one of them (as in RFC 7469 section 2.6). Needs `Feature.PINNING`.
        verification_hook: may refuse a chain the library has accepted. Needs `Feature.VERIFICATION_HOOK`.
        verification_time: gives the time to verify at, in seconds since the epoch. Needs `Feature.VERIFICATION_TIME`.
        verification_depth: how many intermediates a path may have. Needs `Feature.VERIFICATION_DEPTH`.
        external_psk: a pre-shared key. Needs `Feature.EXTERNAL_PSK`.
        key_log: a file that secrets are appended to, for a protocol analyser: whoever reads it reads the traffic. Needs
            `Feature.KEY_LOG`, which is refused without it also where `None` stands for what the environment variable
            ``SSLKEYLOGFILE`` says (nothing under ``python -E`` and ``-I``). An empty string means none.
        handshake_timeout: seconds a handshake on a blocking or timed socket may take, on top of the socket's own
            timeout. `None` is no further limit.
        max_handshake_size: how many bytes the peer may send before the handshake is done.
        fips: demand that the library runs in FIPS mode. Needs `Feature.FIPS`.
    """

    validate_certificates: bool = True
    identities: tuple[Identity, ...] = ()
    ciphers: tuple[int, ...] | None = None
    inner_protocols: tuple[NextProtocol | bytes, ...] = ()
    require_inner_protocol: bool = False
    lower_bound: TLSVersion = TLSVersion.TLSv1_2
    upper_bound: TLSVersion = TLSVersion.MAXIMUM_SUPPORTED
    trust_store: TrustStore | None = None
    crls: tuple[bytes, ...] = ()
    groups: tuple[int, ...] | None = None
    signature_algorithms: tuple[int, ...] | None = None
    pins: tuple[bytes, ...] = ()
    verification_hook: VerificationHook | None = None
    verification_time: Callable[[], float] | None = None
    verification_depth: int | None = None
    external_psk: ExternalPSK | None = None
    key_log: str | None = None
    handshake_timeout: float | None = None
    max_handshake_size: int = 256 * 1024
    fips: bool = False

    def __post_init__(self) -> None:
        for name in _SEQUENCES:
            value: Any = getattr(self, name, None)
            if value is not None and not isinstance(value, tuple):
                if isinstance(value, (str, bytes, bytearray)) or not isinstance(value, Iterable):
                    raise ConfigurationError(f"{name} must be a list, not {type(value).__name__}")
                object.__setattr__(self, name, tuple(value))


_SEQUENCES = (
    "identities", "ciphers", "inner_protocols", "crls", "groups", "signature_algorithms", "pins", "ticket_keys"
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class TLSClientConfiguration(TLSConfiguration):
    """What a client wants; see `TLSConfiguration` for the rest.

    Attributes:
        session_cache: where sessions are kept for resumption; `None` for no resumption. Needs
            `Feature.SESSION_RESUMPTION`.
        choose_certificate: picks the identity by the server's list of authorities. It is asked for each connection anew,
            so no session is resumed. Needs `Feature.CLIENT_CERTIFICATE_CHOICE`.
        request_ocsp: ask for a stapled OCSP response, and refuse the server without a good one. Needs
            `Feature.OCSP_STAPLING`.
        post_handshake_authentication: let the server ask for a certificate later. Needs
            `Feature.POST_HANDSHAKE_AUTHENTICATION`.
        early_data: allow application data before the handshake is done. It can be replayed: only for requests that may
            be repeated. Needs `Feature.EARLY_DATA`.
        ech_config_list: an ECHConfigList for Encrypted ClientHello. Needs `Feature.ECH`.
    """

    session_cache: SessionCache | None = None
    choose_certificate: CertificateChooser | None = None
    request_ocsp: bool = False
    post_handshake_authentication: bool = False
    early_data: bool = False
    ech_config_list: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TLSServerConfiguration(TLSConfiguration):
    """What a server wants; see `TLSConfiguration` for the rest.

    ``validate_certificates`` speaks of client certificates here; it is `False` by default, and says the same as
    ``client_authentication`` not being `ClientAuthentication.NONE`. Where the two contradict each other, certificates are
    asked for: to switch that off in a copy (`dataclasses.replace`), change both.

    Attributes:
        client_authentication: whether clients are asked for a certificate. Anything but `NONE` needs ``trust_store``.
        sni_callback: called for each connection once the ClientHello has arrived.
        ticket_count: how many tickets a TLS 1.3 handshake sends; with 0 there are none in TLS 1.2 either. Needs
            `Feature.TICKET_COUNT`.
        ticket_keys: secrets that protect tickets, the first for new ones, each of at least 16 random bytes. Servers with
            the same secrets resume each other's sessions, if they have the same versions and cipher suites, and verify
            client certificates by the same rules. A configuration that has them is not pickled or copied. Needs
            `Feature.TICKET_KEYS`.
        max_early_data: how many bytes of early data are accepted; 0 refuses it. A server takes that of each connection
            once; those that share ``ticket_keys`` once each. Needs `Feature.EARLY_DATA`.
        post_handshake_authentication: ask clients for a certificate after the handshake, on demand. Needs
            `Feature.POST_HANDSHAKE_AUTHENTICATION`.
    """

    validate_certificates: bool = False
    client_authentication: ClientAuthentication = ClientAuthentication.NONE
    sni_callback: ServerNameCallback | None = None
    ticket_count: int | None = None
    ticket_keys: tuple[bytes, ...] | None = field(default=None, repr=False)
    max_early_data: int = 0
    post_handshake_authentication: bool = False

    def __post_init__(self) -> None:
        TLSConfiguration.__post_init__(self)
        if self.client_authentication is not ClientAuthentication.NONE:
            object.__setattr__(self, "validate_certificates", True)
        elif self.validate_certificates:
            object.__setattr__(self, "client_authentication", ClientAuthentication.REQUIRED)

    def __reduce_ex__(self, protocol: SupportsIndex) -> str | tuple[Any, ...]:
        if self.ticket_keys is not None:
            raise TypeError("a configuration with ticket keys cannot be pickled")
        return object.__reduce_ex__(self, protocol)
