"""From settings to a native context, and what wolfSSL can do."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from ...api._certificates import Identity
from ...api._errors import ConfigurationError, UnsupportedFeature
from ...api._features import Capabilities, Feature
from ...api._protocols import ClientAuthentication
from ...api._versions import TLSVersion
from ...core._late_verdict import LateCheck
from ...core._path_rules import CLIENT_AUTH, SERVER_AUTH
from ...core._revocation_lists import newest_first
from ...core._settings import Settings, asks_later, enabled_suites
from ...core._system_trust import system_anchors
from ...core._ticket_keys import ticket_secrets
from . import _identity, _psk, ciphers, native
from ._names import CURVES, DEFAULT_GROUPS, GROUPS, SCHEMES, signature_list
from ._offered import Offer, offer_of
from ._path import Anchors
from ._signer import External
from ._store import SessionStore
from ._store import install as install_store
from ._tickets import TicketKeys, ticket
from ._transcript import attach as listen
from ._verdict import judged
from .errors import configuration as configuration_error
from .errors import make
from .native import SUCCESS, ffi, lib
from .verify import Verifier

_REASONS: Final = {
    Feature.CLIENT_CERTIFICATE_CHOICE: "wolfSSL does not read the server's list of authorities in TLS 1.3, and asks for "
    "the certificate where it can no longer send none",
    Feature.EARLY_DATA: "common builds of wolfSSL do not have it",
    Feature.ECH: "wolfSSL has a draft of it only, where it was built with it",
    Feature.FIPS: "the validated module is sold apart",
    Feature.OCSP_STAPLING: "wolfSSL does not hand over the response that a server has stapled",
    Feature.POST_QUANTUM_GROUPS: "common builds of wolfSSL do not have them",
}
_NOTES: Final = (
    "wolfSSL is under the GPL: a program that is distributed with it has to be, too, unless a licence was bought.",
    "Common builds of wolfSSL do AES without the help of the processor, many times slower than with it; so ChaCha20 "
    "is preferred.",
    "The key log is refused unless upper_bound is TLS 1.2: wolfSSL does not tell the secrets of TLS 1.3.",
    "A server that asks for client certificates resumes no sessions: wolfSSL does not keep the certificate with them.",
    "A protocol for ALPN with a comma or a null byte in its name is refused: wolfSSL separates them by commas, and reads up "
    "to a null.",
    "An external key has at most 64 bytes, and its identity 1,536 and no null byte. Before wolfSSL 5.7.2 a client with one "
    "is refused unless lower_bound is TLS 1.3: it would not fall back to TLS 1.2.",
    "verification_time cannot be used together with crls: wolfSSL looks at the dates of a list as of now only.",
    "A server asks the client of a connection once for a certificate after the handshake.",
    "In TLS 1.3 a peer whose certificate is refused hears unknown_ca, whatever the reason.",
    "A TLS 1.3 ticket with a nonce of more than 8 bytes, as servers of rustls send it, ends the connection of a client that "
    "has a session cache or an external key, in builds without WOLFSSL_TICKET_NONCE_MALLOC (Debian's are); others ask for "
    "no ticket.",
    "Paths are found, and held against the rules of RFC 5280, by unitls; wolfSSL checks signatures and revocation lists.",
)
_TLS11: Final = 0x0302
_TICKET_LIFETIME: Final = 7200
_SESSION_TIMEOUT: Final = 7 * 24 * 3600
_MODES: Final = {
    ClientAuthentication.NONE: native.VERIFY_NONE,
    ClientAuthentication.OPTIONAL: native.VERIFY_PEER,
    ClientAuthentication.REQUIRED: native.VERIFY_REQUIRED,
}


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Native:
    """A native context, and what the engine needs besides.

    Attributes:
        context: wolfSSL's own.
        bounds: the lowest and the highest version, as on the wire.
        verifier: what peers are verified with; `None` if they are not.
        protocols: for ALPN, as on the wire.
        key_log: the path of the key log, if any.
        key: the key that signs elsewhere, if it does.
        psk: the external key, if any.
        tickets: how many tickets a TLS 1.3 handshake sends.
        store: the sessions that a server keeps itself.
        asks_later: how a server asks for a client certificate after the handshake.
        late_check: core's verdict on that certificate.
        offer: what a peer may choose from.
        asks: whether the peer may show a certificate: each server does, and a client that is asked for one.
        answers_later: whether a client shows its certificate after the handshake.
        kept: what has to live as long as the context.
    """

    context: Any = field(repr=False)
    bounds: tuple[int, int]
    asks_later: int
    late_check: LateCheck
    offer: Offer
    asks: bool
    answers_later: bool
    verifier: Verifier | None = None
    protocols: tuple[bytes, ...] = ()
    key_log: str | None = None
    key: External | None = None
    psk: _psk.Key | None = None
    tickets: int = 1
    store: SessionStore = field(default_factory=SessionStore, repr=False)
    kept: tuple[Any, ...] = field(default=(), repr=False)


@functools.cache
def capabilities() -> Capabilities:
    """What this build of wolfSSL can do."""
    return Capabilities(
        versions=_versions(),
        features=frozenset(set(Feature) - set(_REASONS)),
        reasons=MappingProxyType(_REASONS),
        cipher_suites=ciphers.available(),
        notes=_NOTES,
    )


def _versions() -> tuple[TLSVersion, ...]:
    usual = (TLSVersion.TLSv1_2, TLSVersion.TLSv1_3)
    has_old = lib.wolfSSL_CTX_set_min_proto_version(_context(server_side=False), _TLS11) == SUCCESS
    return (TLSVersion.TLSv1_1, *usual) if has_old else usual


def check(settings: Settings) -> None:
    """Refuse what wolfSSL cannot be narrowed to.

    Raises:
        ConfigurationError: none of the groups or signature algorithms is one of its own.
        UnsupportedFeature: the key log would miss TLS 1.3, a list of protocols, a clock or an external key cannot be
            expressed.
    """
    configuration = settings.configuration
    for wanted, known, what in (
        (configuration.groups, GROUPS, "groups"),
        (configuration.signature_algorithms, SCHEMES, "signature algorithms"),
    ):
        if wanted is not None and not set(wanted) & set(known):
            raise make(ConfigurationError, f"wolfSSL has none of the {what} that were asked for")
    if settings.key_log and settings.upper >= TLSVersion.TLSv1_3:
        raise _unsupported(
            Feature.KEY_LOG, "wolfSSL does not tell the secrets of TLS 1.3: set upper_bound=TLSVersion.TLSv1_2"
        )
    if getattr(configuration, "post_handshake_authentication", False) and any(
        getattr(item.private_key, "sign", None) for item in configuration.identities
    ):
        raise _unsupported(
            Feature.POST_HANDSHAKE_AUTHENTICATION, "a key that signs elsewhere cannot be asked for later"
        )
    if asks_later(configuration) and offer_of(settings).hears:
        text = "wolfSSL takes any signature of a client that is asked for a certificate after the handshake"
        raise _unsupported(Feature.SIGNATURE_ALGORITHMS, text)
    if configuration.external_psk is not None:
        _psk.check_psk(configuration.external_psk, settings)
    if any(b"," in name or b"\0" in name for name in settings.protocols):
        text = "wolfSSL separates protocols by commas and reads up to a null byte: a name can hold neither"
        raise _unsupported(Feature.ALPN, text)
    if configuration.crls and configuration.verification_time is not None:
        raise _unsupported(Feature.VERIFICATION_TIME, "wolfSSL looks at revocation lists as of now only")


def _unsupported(feature: Feature, text: str) -> UnsupportedFeature:
    return UnsupportedFeature(text, feature=feature)


def check_identity(identity: Identity) -> None:
    """Load `identity` and throw it away."""
    context = _context(server_side=True)
    _identity.load(context, identity)


def leaf(identity: Identity) -> bytes:
    """The leaf certificate in DER, also of one in a token."""
    return _identity.certificate_der(identity.certificates[0])


def build(settings: Settings, late_check: LateCheck) -> Native:
    """Make the native context.

    Args:
        settings: what is wanted.
        late_check: core's verdict on a certificate that comes after the handshake.
    """
    native.free_with_thread()
    configuration = settings.configuration
    asks = settings.client_authentication is not ClientAuthentication.NONE or asks_later(configuration)
    count = getattr(configuration, "ticket_count", None)
    keeps_sessions = settings.server_side and not asks and count != 0
    context = _context(settings.server_side, keeps_sessions=keeps_sessions)
    psk = _limit(context, settings)
    kept = [] if settings.identity is None else [_identity.load(context, settings.identity)]
    verifier = _verifier(settings)
    _verify(context, settings)
    tickets = 0 if asks or not settings.server_side else 1 if count is None else count
    if settings.server_side:
        kept.append(_tickets(context, ticket_secrets(settings), tickets))
        install_store(context)
    else:
        _resume(context, settings)
        if getattr(configuration, "post_handshake_authentication", False):
            lib.wolfSSL_CTX_allow_post_handshake_auth(context)
    offer = offer_of(settings)
    if offer.hears:
        listen(context)
    return Native(
        context=context,
        bounds=(settings.lower.value, settings.upper.value),
        asks_later=_MODES[settings.client_authentication] or native.VERIFY_REQUIRED,
        late_check=late_check,
        offer=offer,
        asks=asks or not settings.server_side,
        answers_later=getattr(configuration, "post_handshake_authentication", False),
        verifier=verifier,
        protocols=settings.protocols,
        key_log=settings.key_log,
        key=next((item for item in kept if isinstance(item, External)), None),
        psk=psk,
        tickets=tickets,
        store=SessionStore(),
        kept=tuple(kept),
    )


def _resume(context: Any, settings: Settings) -> None:
    """Ask for tickets, or ask servers not to send them: some wolfSSLs do not survive what they cannot use.

    A nonce of more than 8 bytes, as rustls sends it with a TLS 1.3 ticket, ends the connection with a fatal alert in builds
    without WOLFSSL_TICKET_NONCE_MALLOC. Servers give none to a client that does not resume with a key exchange; an external
    key, though, goes with one.
    """
    if getattr(settings.configuration, "session_cache", None) is not None:
        lib.wolfSSL_CTX_UseSessionTicket(context)
    elif settings.configuration.external_psk is None:
        lib.wolfSSL_CTX_no_dhe_psk(context)


def _context(server_side: bool, *, keeps_sessions: bool = False) -> Any:
    method = lib.wolfSSLv23_server_method() if server_side else lib.wolfSSLv23_client_method()
    context = lib.wolfSSL_CTX_new(method)
    if not context:
        raise make(ConfigurationError, "wolfSSL has no memory left for a context")
    context = ffi.gc(context, lib.wolfSSL_CTX_free)
    lib.wolfSSL_CTX_SetIORecv(context, native.receive)
    lib.wolfSSL_CTX_SetIOSend(context, native.send)
    # The cache of sessions is one for the whole process, whoever trusts whom: it stays empty.
    lib.wolfSSL_CTX_set_session_cache_mode(context, native.CACHE_OURS if keeps_sessions else native.CACHE_OFF)
    lib.wolfSSL_CTX_set_timeout(context, _SESSION_TIMEOUT)
    lib.wolfSSL_CTX_SetMinRsaKey_Sz(context, 2048)
    return context


def default_suites(settings: Settings) -> tuple[int, ...]:
    """The suites enabled when none are chosen; TLS 1.1, where it is allowed, gets some of its own."""
    return ciphers.default(old_versions=settings.lower < TLSVersion.TLSv1_2)


def _limit(context: Any, settings: Settings) -> _psk.Key | None:
    """Set versions, suites, groups and signature algorithms, and the external key that goes with some of the suites."""
    configuration, psk = settings.configuration, settings.configuration.external_psk
    _set(lib.wolfSSL_CTX_set_min_proto_version(context, settings.lower.value), "the lowest version")
    _set(lib.wolfSSL_CTX_set_max_proto_version(context, settings.upper.value), "the highest version")
    suites = enabled_suites(settings, capabilities(), default_suites(settings))
    if psk is not None:
        suites = _psk.preferred(suites, psk)
    octets = b"".join(suite.to_bytes(2, "big") for suite in suites)
    _set(lib.wolfSSL_CTX_set_cipher_list_bytes(context, octets, len(octets)), "the cipher suites")
    groups = [group for group in configuration.groups or DEFAULT_GROUPS if group in GROUPS]
    for group in groups:
        _set(lib.wolfSSL_CTX_UseSupportedCurve(context, group), "a group")
    curves = [CURVES[group] for group in groups if group in CURVES]
    if settings.server_side and configuration.groups and curves:  # else one up to TLS 1.2 takes the client's first
        _set(lib.wolfSSL_CTX_set1_curves_list(context, ":".join(curves).encode("ascii")), "the curves")
    if settings.upper >= TLSVersion.TLSv1_3:
        _set(lib.wolfSSL_CTX_set_groups(context, ffi.new("int[]", groups), len(groups)), "the groups")
    old = settings.lower < TLSVersion.TLSv1_2
    listed = signature_list(configuration.signature_algorithms, old_versions=old)
    _set(lib.wolfSSL_CTX_set1_sigalgs_list(context, listed), "the signature algorithms")
    return None if psk is None else _psk.install(context, psk, suites, server_side=settings.server_side)


def _set(result: int, what: str) -> None:
    if result != SUCCESS:
        raise configuration_error(f"{what} cannot be set", result)


def _verifier(settings: Settings) -> Verifier | None:
    configuration, anchors = settings.configuration, list(settings.anchors)
    if not (settings.verify or asks_later(configuration)):
        return None
    if settings.system_trust:
        anchors += system_anchors().anchors
    return Verifier(
        Anchors(anchors),
        CLIENT_AUTH if settings.server_side else SERVER_AUTH,
        tuple(reversed(newest_first(configuration.crls))),  # of several of an issuer the last one counts
        configuration.verification_depth,
        configuration.verification_time,
    )


def _verify(context: Any, settings: Settings) -> None:
    """Let wolfSSL ask us. Its own store stays empty: what it thinks of a chain by itself never counts."""
    if settings.server_side:
        mode = _MODES[settings.client_authentication]
    else:
        mode = native.VERIFY_PEER if settings.verify else native.VERIFY_NONE
    lib.wolfSSL_CTX_set_verify(context, mode, judged)
    if mode == native.VERIFY_REQUIRED:
        lib.wolfSSL_CTX_mutual_auth(context, 1)  # without it TLS 1.2 sends no alert where the certificate is missing
    for der in settings.anchors if settings.server_side else ():
        named = lib.wolfSSL_d2i_X509(ffi.NULL, ffi.new("const unsigned char **", ffi.from_buffer(der)), len(der))
        result = lib.wolfSSL_CTX_add_client_CA(context, named) if named else SUCCESS
        lib.wolfSSL_X509_free(named)
        if result != SUCCESS:
            raise make(ConfigurationError, "an authority of the clients cannot be named to them")


def _tickets(context: Any, secrets: tuple[bytes, ...] | None, count: int) -> TicketKeys:
    keys = TicketKeys(secrets)
    lib.wolfSSL_CTX_set_TicketEncCb(context, ticket)
    lib.wolfSSL_CTX_set_TicketEncCtx(context, keys.number)
    lib.wolfSSL_CTX_set_TicketHint(context, _TICKET_LIFETIME)
    if not count:
        lib.wolfSSL_CTX_no_ticket_TLSv13(context)
        lib.wolfSSL_CTX_NoTicketTLSv12(context)
    return keys
