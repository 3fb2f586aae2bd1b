"""From settings to a model socket of NSS's, and what NSS can do."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from types import MappingProxyType
from typing import Any, Final

from ...api._configuration import CertificateChooser, TLSClientConfiguration, TLSServerConfiguration
from ...api._errors import ConfigurationError, UnsupportedFeature
from ...api._features import Capabilities, Feature
from ...api._protocols import ClientAuthentication
from ...api._versions import TLSVersion
from ...core._late_verdict import LateCheck
from ...core._settings import Settings, asks_later, enabled_suites
from ...core._system_trust import system_anchors
from . import _layer, ciphers, native
from ._crls import load_crls
from ._early import let_in
from ._identity import Identity, configure, load_identity
from ._parameters import groups, known_groups, known_schemes, schemes, versions
from ._pkix import Anchors
from ._psk import Key, check_psk, load_psk, preferred
from ._tickets import TicketBook
from .errors import make
from .native import checked, ffi, ssl

_REASONS: Final = {
    Feature.TICKET_KEYS: "NSS makes the keys of its tickets itself, one set for the whole process",
    Feature.TLS_UNIQUE_BINDING: "NSS does not tell the Finished messages",
    Feature.EXTERNAL_SIGNER: "NSS signs with keys in PKCS#11 tokens only; PrivateKey.from_pkcs11() names one",
    Feature.FIPS: "in FIPS mode NSS takes no private keys from memory",
}
_NO_OLD_VERSIONS: Final = "NSS has TLS 1.0 to 1.3; the policy of this system may forbid some"
_NO_POST_QUANTUM: Final = "it needs NSS 3.105 or newer"
_NOTES: Final = (
    "The key log has what NSS tells: the traffic secrets of TLS 1.3, and no EXPORTER_SECRET. A key_log is refused where "
    "TLS 1.2 is allowed; what SSLKEYLOGFILE asks for is written for connections of TLS 1.3 only.",
    "Up to TLS 1.2 NSS exports keying material with suites of SHA-256 only, and none for an empty context, as tls-exporter "
    "has it; such a call is refused.",
    "Where a pin or the verification hook refuses a certificate that NSS has accepted, the connection ends without an "
    "alert.",
    "An encrypted private key is decrypted, a stapled OCSP response and revocation lists are checked, by the package "
    "cryptography.",
    "A client that has shown a certificate cannot resume: NSS gives such sessions to nobody.",
    "A server that has sent a HelloRetryRequest resumes no session.",
    "A server that has asked for a certificate after the handshake updates its keys once the client has answered.",
    "A server's RSA certificate that has a key usage needs keyEncipherment in it, also where the handshake only signs.",
    "A client puts together the intermediates that it sends from those of its identity and others the process has met.",
)
_NEEDS_CRYPTOGRAPHY: Final = "{} needs the package 'cryptography' with this backend: pip install cryptography"
_REQUIRE_ALWAYS: Final = 1
_SESSIONS: Final = 1024
"""How many sessions up to TLS 1.2 NSS keeps for clients without tickets, for the whole process."""


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Native:
    """A model socket, and what the engine needs besides.

    Attributes:
        model: the socket whose settings each connection gets.
        upper: the highest version.
        verify: whether the peer is verified in the handshake.
        usage: for what: a server or a client.
        anchors: what is trusted.
        authorities: the anchors as a server names them to its clients.
        clock: the time to verify at, if not now.
        depth: how many intermediates there may be.
        crls: revocation lists.
        request_ocsp: whether the server has to staple a good OCSP response.
        late_check: core's verdict, for a certificate that comes after the handshake.
        psk: an external pre-shared key.
        identity: a client's own.
        choose: picks a client's by the server's list of authorities.
        resumption: whether a client collects tickets.
        early_data: whether a connection may begin with early data.
        ech: what a client encrypts its ClientHello for.
        protocols: a server's, by preference.
        tickets: which tickets a server takes.
        ticket_count: how many it gives.
        key_log: the path of the key log.
    """

    model: Any
    upper: TLSVersion
    verify: bool
    usage: int
    anchors: Anchors = field(repr=False)
    authorities: Any = None
    clock: Callable[[], float] | None = None
    depth: int | None = None
    crls: tuple[Any, ...] = field(default=(), repr=False)
    request_ocsp: bool = False
    late_check: LateCheck | None = None
    psk: Key | None = None
    identity: Identity | None = None
    choose: Callable[[tuple[bytes, ...]], Identity | None] | None = None
    resumption: bool = False
    early_data: bool = False
    ech: bytes | None = None
    protocols: tuple[bytes, ...] = ()
    tickets: TicketBook = field(default_factory=TicketBook, repr=False)
    ticket_count: int = 0
    key_log: str | None = None


@functools.cache
def capabilities() -> Capabilities:
    """What NSS can do here."""
    reasons = dict(_REASONS)
    if 4588 not in known_groups():
        reasons[Feature.POST_QUANTUM_GROUPS] = _NO_POST_QUANTUM
    if versions()[0] > TLSVersion.TLSv1:
        reasons[Feature.VERSIONS] = _NO_OLD_VERSIONS
    return Capabilities(
        versions=versions(),
        features=frozenset(set(Feature) - set(reasons)),
        reasons=MappingProxyType(reasons),
        cipher_suites=ciphers.available(),
        notes=_NOTES,
    )


# ---------------------------------------------------------------------------------------------- what is refused


def check(settings: Settings) -> None:
    """Refuse what NSS cannot be narrowed to.

    Raises:
        UnsupportedFeature: a key log is demanded of versions whose secrets NSS does not tell.
        ConfigurationError: none of the groups or signature algorithms is one of NSS's, a revocation list cannot be
            read, or the package that it takes is missing, or an ECHConfigList cannot be used.
    """
    configuration = settings.configuration
    for wanted, known, what in (
        (configuration.groups, known_groups(), "groups"),
        (configuration.signature_algorithms, known_schemes(), "signature algorithms"),
    ):
        if wanted is not None and not set(wanted) & set(known):
            raise make(ConfigurationError, f"NSS has none of the {what} that were asked for")
    if configuration.key_log and settings.lower < TLSVersion.TLSv1_3:
        raise UnsupportedFeature(
            "NSS tells the secrets of TLS 1.3 only: a key log needs lower_bound=TLSVersion.TLSv1_3",
            feature=Feature.KEY_LOG,
        )
    _check_revocation(settings)
    _check_ech(settings)
    if configuration.external_psk is not None:
        check_psk(configuration.external_psk)


def _check_ech(settings: Settings) -> None:
    configs = getattr(settings.configuration, "ech_config_list", None)
    if configs is None:
        return
    if settings.lower < TLSVersion.TLSv1_3:
        raise make(ConfigurationError, "Encrypted ClientHello needs lower_bound=TLSVersion.TLSv1_3")
    if native.set_ech_configs(_layer.new_model(), configs, len(configs)) != native.SUCCESS:
        error = native.last_error()
        text = "the ECHConfigList is damaged, or has nothing that NSS can use"
        raise make(ConfigurationError, text, native_code=error.code, native_text=str(error))


def _check_revocation(settings: Settings) -> None:
    configuration = settings.configuration
    for wanted, what in (
        (getattr(configuration, "request_ocsp", False), "checking an OCSP response"),
        (configuration.crls, "checking revocation lists"),
    ):
        if wanted and find_spec("cryptography") is None:
            raise make(ConfigurationError, _NEEDS_CRYPTOGRAPHY.format(what))
    _crls(settings)


def _crls(settings: Settings) -> tuple[Any, ...]:
    try:
        return load_crls(settings.configuration.crls) if settings.configuration.crls else ()
    except ValueError as error:
        raise make(ConfigurationError, f"a revocation list cannot be read: {error}") from error


# ---------------------------------------------------------------------------------------------- what is built


def build(settings: Settings, late_check: LateCheck) -> Native:
    """Make the native context.

    Args:
        settings: what is wanted.
        late_check: core's verdict on a certificate that comes after the handshake.
    """
    configuration = settings.configuration
    identity = None if settings.identity is None else load_identity(settings.identity)
    anchors = Anchors(_anchors(settings))
    verifies = settings.verify or asks_later(configuration)
    common: dict[str, Any] = {
        "model": _model(settings, identity),
        "upper": settings.upper,
        "verify": settings.verify,
        "anchors": anchors,
        "clock": configuration.verification_time,
        "depth": configuration.verification_depth,
        "crls": _crls(settings) if verifies else (),
        "late_check": late_check if verifies else None,
        "psk": None if configuration.external_psk is None else load_psk(configuration.external_psk),
        "identity": identity,
        "protocols": settings.protocols,
        "key_log": settings.key_log,
    }
    if isinstance(configuration, TLSServerConfiguration):
        return _server(settings, configuration, common)
    assert isinstance(configuration, TLSClientConfiguration)
    return Native(
        **common,
        usage=native.USAGE_SERVER,
        request_ocsp=settings.verify and configuration.request_ocsp,
        choose=None if configuration.choose_certificate is None else _chooser(configuration.choose_certificate),
        resumption=configuration.session_cache is not None,
        early_data=configuration.early_data,
        ech=configuration.ech_config_list,
    )


def _server(settings: Settings, configuration: TLSServerConfiguration, common: dict[str, Any]) -> Native:
    _set_up_tickets()
    count = configuration.ticket_count
    names_authorities = settings.verify or asks_later(configuration)
    return Native(
        **common,
        usage=native.USAGE_CLIENT,
        authorities=common["anchors"].everything() if names_authorities else None,
        ticket_count=1 if count is None else count,
        early_data=configuration.max_early_data > 0,
    )


@functools.cache
def _set_up_tickets() -> None:
    """Make NSS's key for wrapping what stands in tickets; without its cache of sessions it has none."""
    checked(ssl.SSL_ConfigServerSessionIDCache(_SESSIONS, 100, 86400, ffi.NULL))


def _anchors(settings: Settings) -> list[bytes]:
    """What is trusted."""
    if not (settings.verify or asks_later(settings.configuration)):
        return []
    anchors = list(settings.anchors)
    if settings.system_trust:
        anchors += system_anchors().anchors
    if not anchors:
        raise make(ConfigurationError, "the system's trust store is empty or was not found")
    return anchors


def _chooser(choose: CertificateChooser) -> Callable[[tuple[bytes, ...]], Identity | None]:
    def chosen(authorities: tuple[bytes, ...]) -> Identity | None:
        identity = choose(authorities)
        return None if identity is None else load_identity(identity)

    return chosen


def _model(settings: Settings, identity: Identity | None) -> Any:
    model = _layer.new_model()
    for option, value in _options(settings).items():
        checked(ssl.SSL_OptionSet(model, option, int(value)))
    checked(ssl.SSL_VersionRangeSet(model, ffi.new("SSLVersionRange *", (settings.lower, settings.upper))))
    checked(ssl.SSL_SetSockPeerID(model, b"unitls"))  # no session that another user of NSS has cached is ours
    _set_suites(model, settings)
    groups(model, settings.configuration.groups)
    schemes(model, settings.configuration.signature_algorithms)
    if settings.server_side:
        if identity is not None:
            configure(model, identity)
        if limit := getattr(settings.configuration, "max_early_data", 0):
            let_in(model, limit)
    elif settings.protocols:
        _offer_protocols(model, settings.protocols)
    return model


def _options(settings: Settings) -> dict[int, int]:
    configuration, is_server = settings.configuration, settings.server_side
    asks = settings.client_authentication
    resumption = not is_server and getattr(configuration, "session_cache", None) is not None
    return {
        native.HANDSHAKE_AS_SERVER: is_server,
        native.HANDSHAKE_AS_CLIENT: not is_server,
        # Without the cache a client does not say that it takes pre-shared keys; what it is given goes to us, or nowhere.
        native.NO_CACHE: not (resumption or (configuration.external_psk is not None and not is_server)),
        native.SESSION_TICKETS: resumption,
        native.RENEGOTIATION: 0,
        native.EXTENDED_MASTER_SECRET: 1,
        native.REUSE_SERVER_ECDHE_KEY: 0,
        native.SERVER_DHE: 1,
        native.V2_COMPATIBLE_HELLO: 0,
        native.TLS13_COMPATIBILITY: not is_server,
        native.OCSP_STAPLING: settings.verify and getattr(configuration, "request_ocsp", False),
        native.ALPN: 1,
        native.REQUEST_CERTIFICATE: asks is not ClientAuthentication.NONE,
        # This counts where one is asked for, be it after the handshake.
        native.REQUIRE_CERTIFICATE: 0 if asks is ClientAuthentication.OPTIONAL else _REQUIRE_ALWAYS,
        native.POST_HANDSHAKE_AUTHENTICATION: configuration.post_handshake_authentication,  # type: ignore[attr-defined]
    }


def default_suites(settings: Settings) -> tuple[int, ...]:
    """The suites enabled when none are chosen; TLS 1.0 and 1.1, where they are allowed, get some of their own."""
    return ciphers.default() + (ciphers.old_default() if settings.lower < TLSVersion.TLSv1_2 else ())


def _set_suites(model: Any, settings: Settings) -> None:
    """Enable exactly what is asked for, in that order."""
    chosen = enabled_suites(settings, capabilities(), default_suites(settings))
    if settings.configuration.external_psk is not None:
        chosen = preferred(chosen, settings.configuration.external_psk)
    for suite in ciphers.implemented():
        checked(ssl.SSL_CipherPrefSet(model, suite, suite in chosen))
    order = ffi.new("uint16_t[]", chosen)
    checked(native.cipher_suite_order_set(model, order, len(chosen)))


def _offer_protocols(model: Any, protocols: tuple[bytes, ...]) -> None:
    """Offer protocols, the last one first: NSS moves the first to the end, as the forerunner of ALPN wanted it."""
    rotated = (protocols[-1], *protocols[:-1])
    wire = b"".join(bytes((len(name),)) + name for name in rotated)
    checked(ssl.SSL_SetNextProtoNego(model, wire, len(wire)))
