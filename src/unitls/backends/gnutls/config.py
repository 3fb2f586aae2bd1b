"""From settings to native credentials and priorities, and what GnuTLS can do."""

from __future__ import annotations

import functools
import threading
from types import MappingProxyType
from typing import Any, Final

from ...api._certificates import Identity
from ...api._configuration import TLSClientConfiguration, TLSConfiguration, TLSServerConfiguration
from ...api._errors import ConfigurationError, UnsupportedFeature
from ...api._features import Capabilities, Feature
from ...api._protocols import ClientAuthentication
from ...api._versions import TLSVersion
from ...core._client_hello import ClientHello
from ...core._late_verdict import LateCheck
from ...core._settings import Settings, asks_later, enabled_suites
from ...core._system_trust import system_anchors
from ...core._ticket_keys import ticket_secrets
from . import _callbacks, ciphers, native
from ._early import AntiReplay
from ._identities import LoadedIdentity, certificate_der, check_signer, configured, needs_message
from ._psk import Keys, check_psk
from ._revocation import load_crl
from ._server_sessions import ServerSessions
from ._tickets import TicketKeys
from .errors import make
from .native import ffi, lib
from .verify import purpose_of_peer

_REASONS: Final = {
    Feature.ECH: "GnuTLS does not have it",
}
_NO_POST_QUANTUM: Final = "this build of GnuTLS has none: it came with 3.8.8, where a library for it is installed"
_NO_TOKENS: Final = "this build of GnuTLS has no p11-kit"
_NO_FIPS: Final = "this GnuTLS does not run in FIPS mode: it is not built for it, or the system is not set up so"
_NO_OLD_VERSIONS: Final = "GnuTLS has TLS 1.0 to 1.3; the policy of this system may forbid some"
_NOTES: Final = (
    "GnuTLS takes key exchanges, ciphers and MACs of TLS 1.2 apart, so a client may offer suites that combine those of "
    "the listed ones; the connection ends with an alert if the server picks one of them.",
    "GnuTLS ends a connection whose peer sends more than eight KeyUpdates within a second, data between them or not.",
    "A server of GnuTLS refuses a server name with an underscore, and ends a connection whose client renegotiates.",
    "A signer of RSA or ECDSA needs sign_digest on a server of TLS 1.2, where GnuTLS tells no more than the hash.",
)
_DISABLE_TIME_CHECKS: Final = 1 << 6 | 1 << 7  # GNUTLS_VERIFY_DISABLE_TIME_CHECKS, ..._TRUSTED_TIME_CHECKS
_DISABLE_REVOCATION_CHECKS: Final = 1 << 9
"""GNUTLS_VERIFY_DISABLE_CRL_CHECKS: lists and stapled responses are checked by us where they were asked for."""
_REQUESTS: Final = (ClientAuthentication.NONE, ClientAuthentication.OPTIONAL, ClientAuthentication.REQUIRED)
"""In the order of gnutls_certificate_request_t."""
_SKIP_KEY_CERT_MATCH: Final = 1  # it is checked when the identity is loaded
_COMMON_OPTIONS: Final = ":%PROFILE_MEDIUM"


class Native:
    """What all connections of one configuration share.

    Attributes:
        settings: what it was made from.
        server_side: the role.
        credentials: a gnutls_certificate_credentials_t.
        priority: a gnutls_priority_t.
        suites: what may be negotiated, by preference.
        surplus: what `priority` enables besides.
        purpose: what the peer's certificate has to be meant for.
        crls: revocation lists.
        keys: the external pre-shared key, if there is one.
        tickets: a server's ticket keys.
        gives_tickets: whether a server seals sessions into tickets at all.
        sessions: a server's sessions of clients that take no tickets.
        anti_replay: the memory of a server that takes early data.
        staple: the OCSP response of a server.
        verifies: whether peers are verified that send a certificate.
        late_check: core's verdict on a certificate that comes after the handshake.
        may_need_transcript: whether a signer may be asked to sign that takes messages only.
        flags: what a session is made with.
        asks: how a server asks for a client certificate (gnutls_certificate_request_t).
        asks_later: likewise after the handshake.
        watched: the kind of handshake messages that are looked at, if any.
    """

    def __init__(self, settings: Settings, late_check: LateCheck) -> None:
        """Make it.

        Raises:
            ConfigurationError: the library does not take the settings.
        """
        configuration = settings.configuration
        self.settings = settings
        self.server_side = settings.server_side
        self.verifies = settings.verify or asks_later(configuration)
        self.late_check = late_check
        chooses = getattr(configuration, "choose_certificate", None) is not None
        self.may_need_transcript = chooses or any(needs_message(item) for item in configuration.identities)
        self.flags = _init_flags(configuration)
        self.asks = _REQUESTS.index(settings.client_authentication)
        self.asks_later = self.asks or _REQUESTS.index(ClientAuthentication.REQUIRED)
        self.purpose = purpose_of_peer(settings.server_side)
        self.suites = suites_of(settings)
        self.priority = new_priority(settings, self.suites)
        self.surplus = ciphers.surplus(self.suites, self.priority)
        self.credentials = native.owned(
            "gnutls_certificate_credentials_t",
            lib.gnutls_certificate_allocate_credentials,
            lib.gnutls_certificate_free_credentials,
        )
        self.crls = [configured(lambda der=der: load_crl(der), "a revocation list") for der in configuration.crls]  # type: ignore[misc]
        self.staple = None if settings.identity is None else settings.identity.ocsp_response
        self.keys = None if configuration.external_psk is None else Keys(configuration.external_psk, self.server_side)
        self.tickets = TicketKeys(ticket_secrets(settings)) if settings.server_side else None
        self.gives_tickets = getattr(configuration, "ticket_count", None) != 0
        self.anti_replay = AntiReplay() if getattr(configuration, "max_early_data", 0) else None
        self.sessions = ServerSessions() if settings.server_side else None
        self.watched = self._watched()
        self._exchanges: tuple[str, ...] = ()
        self._names: frozenset[bytes] | None = None
        self._single: dict[int, Any] = {}
        self._lock = threading.Lock()
        self._fill(settings)

    def _watched(self) -> int | None:
        if self.may_need_transcript or (self.surplus and not self.server_side):
            return native.HANDSHAKE_ANY
        if self.server_side:
            return native.HANDSHAKE_CLIENT_HELLO
        has_cache = getattr(self.settings.configuration, "session_cache", None) is not None
        return native.HANDSHAKE_NEW_SESSION_TICKET if has_cache else None

    def _fill(self, settings: Settings) -> None:
        credentials, configuration = self.credentials, settings.configuration
        lib.gnutls_certificate_set_flags(credentials, _SKIP_KEY_CERT_MATCH)
        if settings.identity is not None:
            identity = LoadedIdentity(settings.identity)
            self._exchanges = ciphers.exchanges_for(identity.leaf)
            identity.hand_over(credentials)
            if self.staple is not None:
                lib.gnutls_certificate_set_ocsp_status_request_function2(credentials, 0, _callbacks.staple, 0)
        if settings.server_side:
            native.check(lib.gnutls_certificate_set_known_dh_params(credentials, native.SEC_PARAM_MEDIUM))
        if self.verifies:
            _trust(credentials, settings)
            flags = _DISABLE_TIME_CHECKS if configuration.verification_time is not None else 0
            lib.gnutls_certificate_set_verify_flags(credentials, flags | _DISABLE_REVOCATION_CHECKS)
        if getattr(configuration, "choose_certificate", None) is not None:
            lib.gnutls_certificate_set_retrieve_function2(credentials, _callbacks.choose)

    def authorities(self) -> frozenset[bytes]:
        """The names of the anchors in DER."""
        if self._names is None:
            self._names = frozenset(_anchor_names(self.credentials))
        return self._names

    def shared_versions(self, hello: ClientHello) -> list[int]:
        """The versions that a client offers and that are allowed here."""
        lower, upper = self.settings.lower, self.settings.upper
        return [value for value in ciphers.versions() if lower <= value <= upper and value in hello.versions]

    def pick(self, hello: ClientHello, keys: Keys | None = None) -> int | None:
        """The suite for a client, which should go with the key that it offers; `None` if there is none in common."""
        suites = self.suites if keys is None else keys.preferred(self.suites)
        return ciphers.pick(suites, hello.cipher_suites, self.shared_versions(hello), self._exchanges)

    def single(self, suite: int) -> Any:
        """A priority that enables this suite only, for a server that has chosen it."""
        with self._lock:
            if suite not in self._single:
                self._single[suite] = new_priority(self.settings, (suite,))
            return self._single[suite]


def default_suites(settings: Settings) -> tuple[int, ...]:
    """The suites enabled when none are chosen; TLS 1.0 and 1.1, where they are allowed, get some of their own."""
    return ciphers.default() + (ciphers.old_default() if settings.lower < TLSVersion.TLSv1_2 else ())


def suites_of(settings: Settings) -> tuple[int, ...]:
    """The suites that may be negotiated."""
    return enabled_suites(settings, capabilities(), default_suites(settings))


def new_priority(settings: Settings, suites: tuple[int, ...]) -> Any:
    """A gnutls_priority_t for some of the suites of `settings`.

    Raises:
        ConfigurationError: the library takes none of the groups or signature algorithms.
    """
    configuration = settings.configuration
    has_new = any(ciphers.suite(value).exchange == "" for value in suites)
    has_old = any(ciphers.suite(value).exchange for value in suites)
    versions = [
        value
        for value in reversed(ciphers.versions())  # a client names them in this order
        if settings.lower <= value <= settings.upper and (has_new if value == TLSVersion.TLSv1_3 else has_old)
    ]
    groups = _known(configuration.groups, ciphers.groups())
    signatures = _known(configuration.signature_algorithms, ciphers.signatures())
    # A server's order counts, as with OpenSSL; a client does not talk to a server that could be made to renegotiate.
    options = _COMMON_OPTIONS + (":%SERVER_PRECEDENCE" if settings.server_side else ":%SAFE_RENEGOTIATION")
    # A server takes a key without that.
    exchanges = ("ECDHE-PSK",) if configuration.external_psk is not None and not settings.server_side else ()
    string = ciphers.priority_string(versions, suites, groups, signatures, options, exchanges)
    return configured(lambda: ciphers.new_priority(string), "the choice of algorithms")


def _known(wanted: tuple[int, ...] | None, known: tuple[int, ...]) -> tuple[int, ...]:
    return known if wanted is None else tuple(value for value in wanted if value in known)


# ---------------------------------------------------------------------------------------------- trust


def _trust(credentials: Any, settings: Settings) -> None:
    count = 0
    for der in settings.anchors:
        count += configured(
            lambda der=der: native.check(  # type: ignore[misc]
                lib.gnutls_certificate_set_x509_trust_mem(credentials, native.datum(der), native.DER)
            ),
            "a trusted certificate",
        )
    if settings.system_trust:
        count += _system_trust(credentials)
    if not count:
        raise make(ConfigurationError, "the system's trust store is empty or was not found")


def _system_trust(credentials: Any) -> int:
    """Add the system's anchors; one that the library cannot read is not trusted."""
    count = 0
    for der in system_anchors().anchors:
        count += max(0, lib.gnutls_certificate_set_x509_trust_mem(credentials, native.datum(der), native.DER))
    return count


def _anchor_names(credentials: Any) -> list[bytes]:
    trust = ffi.new("gnutls_x509_trust_list_t *")
    lib.gnutls_certificate_get_trust_list(credentials, trust)
    iterator, certificate = ffi.new("gnutls_x509_trust_list_iter_t *"), ffi.new("gnutls_x509_crt_t *")
    names = []
    while lib.gnutls_x509_trust_list_iter_get_ca(trust[0], iterator, certificate) == 0:
        name = ffi.new("gnutls_datum_t *")
        if lib.gnutls_x509_crt_get_raw_dn(certificate[0], name) == 0:
            names.append(native.taken(name))
        lib.gnutls_x509_crt_deinit(certificate[0])
    if iterator[0] != ffi.NULL:
        lib.gnutls_x509_trust_list_iter_deinit(iterator[0])
    return names


# ---------------------------------------------------------------------------------------------- what there is


@functools.cache
def capabilities() -> Capabilities:
    """What this GnuTLS can do."""
    reasons = dict(_REASONS)
    if not set(ciphers.groups()) & {4587, 4588, 4589}:
        reasons[Feature.POST_QUANTUM_GROUPS] = _NO_POST_QUANTUM
    if not native.has("gnutls_pkcs11_init"):
        reasons[Feature.PKCS11] = _NO_TOKENS
    if not lib.gnutls_fips140_mode_enabled():
        reasons[Feature.FIPS] = _NO_FIPS
    versions = tuple(TLSVersion(value) for value in ciphers.versions())
    if versions[0] > TLSVersion.TLSv1:
        reasons[Feature.VERSIONS] = _NO_OLD_VERSIONS
    return Capabilities(
        versions=versions,
        features=frozenset(set(Feature) - set(reasons)),
        reasons=MappingProxyType(reasons),
        cipher_suites=ciphers.available(),
        notes=_NOTES,
    )


def check(settings: Settings) -> None:
    """Refuse what GnuTLS cannot be narrowed to.

    Raises:
        ConfigurationError: none of the groups or signature algorithms is one of its own.
        UnsupportedFeature: more or longer protocols than it takes, or a signer with versions that it cannot sign for.
    """
    configuration = settings.configuration
    for wanted, known, what in (
        (configuration.groups, ciphers.groups(), "groups"),
        (configuration.signature_algorithms, ciphers.signatures(), "signature algorithms"),
    ):
        if wanted is not None and not set(wanted) & set(known):
            raise make(ConfigurationError, f"GnuTLS has none of the {what} that were asked for")
    if settings.protocols:
        _check_protocols(settings)
    for identity in configuration.identities:
        check_signer(identity, settings.lower, server_side=settings.server_side)
    if configuration.external_psk is not None:
        check_psk(configuration.external_psk)
    new_priority(settings, suites_of(settings))


def _check_protocols(settings: Settings) -> None:
    """A client offers all of them; a server, which has read the ClientHello, gives the library only the one it picks."""
    session = native.owned("gnutls_session_t", lambda place: lib.gnutls_init(place, native.CLIENT), lib.gnutls_deinit)
    names = [settings.protocols] if not settings.server_side else [(name,) for name in settings.protocols]
    for group in names:
        array, _kept = protocol_array(group)
        code = lib.gnutls_alpn_set_protocols(session, array, len(group), 0)
        if code < 0:
            raise UnsupportedFeature(
                "GnuTLS takes no more than 8 protocols of up to 31 bytes each", feature=Feature.ALPN, native_code=code
            )


def protocol_array(names: tuple[bytes, ...]) -> tuple[Any, list[Any]]:
    """An array of gnutls_datum_t, and what has to be kept with it."""
    kept = [ffi.from_buffer("unsigned char[]", name) for name in names]
    return ffi.new("gnutls_datum_t[]", [(memory, len(memory)) for memory in kept]), kept


def check_identity(identity: Identity) -> None:
    """Load `identity` and throw it away."""
    LoadedIdentity(identity)


def leaf(identity: Identity) -> bytes:
    """The leaf certificate in DER, also of one in a token."""
    return certificate_der(identity.certificates[0])


def build(settings: Settings, late_check: LateCheck) -> Native:
    """Make what all connections share.

    Args:
        settings: what is wanted.
        late_check: core's verdict on a certificate that comes after the handshake.
    """
    return Native(settings, late_check)


def _init_flags(configuration: TLSConfiguration) -> int:
    """The flags of gnutls_init."""
    flags = native.NONBLOCK | native.NO_SIGNAL
    if isinstance(configuration, TLSClientConfiguration):
        flags |= native.CLIENT | native.FORCE_CLIENT_CERT | native.KEY_SHARE_TOP
        if configuration.session_cache is None:
            flags |= native.NO_TICKETS
        if configuration.post_handshake_authentication:
            flags |= native.POST_HANDSHAKE_AUTH | native.AUTO_REAUTH
        return flags
    assert isinstance(configuration, TLSServerConfiguration)
    flags |= native.SERVER
    if configuration.max_early_data:
        flags |= native.ENABLE_EARLY_DATA
    if configuration.post_handshake_authentication:
        flags |= native.POST_HANDSHAKE_AUTH
    if configuration.ticket_count is not None or len(configuration.ticket_keys or ()) > 1:
        flags |= native.NO_AUTO_SEND_TICKET
    return flags
