"""From settings to a native configuration."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass, field
from typing import Any, Final

from ...api._certificates import Identity
from ...api._configuration import TLSServerConfiguration
from ...api._errors import ConfigurationError, UnsupportedFeature
from ...api._features import Feature
from ...api._protocols import ClientAuthentication
from ...api._versions import TLSVersion
from ...core._settings import Settings
from ...core._ticket_keys import ticket_secrets
from . import _callbacks, _groups, ciphers, native
from ._capabilities import capabilities as capabilities
from ._identity import LoadedIdentity, check_usage, load_identity, load_lists
from ._tickets import MOST_KEYS, Tickets
from ._trust import Trusted, load_trust
from .errors import make
from .native import CLIENT, IS_3, NULL, SERVER, VERIFY_NONE, VERIFY_OPTIONAL, VERIFY_REQUIRED, ffi, lib
from .verify import Policy

_MODES: Final = {
    ClientAuthentication.NONE: VERIFY_NONE,
    ClientAuthentication.OPTIONAL: VERIFY_OPTIONAL,
    ClientAuthentication.REQUIRED: VERIFY_REQUIRED,
}
_LEGACY_BOUND: Final = TLSVersion.TLSv1_2


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Native:
    """A native configuration, and what the engine needs besides.

    Attributes:
        raw: an ``mbedtls_ssl_config``.
        raw_tls13: what a server uses instead where TLS 1.3 will be spoken and clients have to show a certificate: it asks,
            and leaves the refusal to the engine, which can say it so that the client can read it. `None` for `raw`.
        bounds: the lowest and the highest version.
        demands: whether clients have to show a certificate.
        kept: the memory it refers to.
        identity: the chain and the key it shows.
        policy: what the peer's certificate has to satisfy; `None` where nothing is verified here.
        is_judged_elsewhere: whether the platform verifies the peer's certificate, and so has to know it early.
        tickets: a server's, if it issues any.
        key_log: the path of the key log, if any.
        remembers: whether a client keeps sessions.
        guard: held around each step of a handshake, where the library does not protect itself what connections share.
    """

    raw: Any
    raw_tls13: Any
    bounds: tuple[int, int]
    demands: bool
    kept: tuple[Any, ...] = field(repr=False)
    identity: LoadedIdentity | None = field(repr=False)
    policy: Policy | None = None
    is_judged_elsewhere: bool = False
    tickets: Tickets | None = None
    key_log: str | None = None
    remembers: bool = False
    guard: Any = field(default_factory=contextlib.nullcontext if native.HAS_THREADING else threading.RLock)


def check(settings: Settings) -> None:
    """Refuse what the library cannot be narrowed to.

    Raises:
        UnsupportedFeature: a protocol's name has a null byte in it, there are too many ticket keys, or a key that lives
            elsewhere is to sign as TLS 1.3 (or a version before 1.2) wants it and cannot.
        ConfigurationError: none of the groups or signature algorithms is one of the library's, or a server is to show a
            certificate that is not a server's.
    """
    configuration = settings.configuration
    if any(b"\0" in name for name in settings.protocols):
        text = "Mbed TLS cannot negotiate a protocol whose name holds a null byte"
        raise _unsupported(text, Feature.ALPN)
    for wanted, known, what in (
        (configuration.groups, _groups.known_groups(), "groups"),
        (configuration.signature_algorithms, _groups.SCHEMES, "signature algorithms"),
    ):
        if wanted is not None and not set(wanted) & set(known):
            raise make(ConfigurationError, f"Mbed TLS has none of the {what} that were asked for")
    load_lists(configuration.crls)
    if isinstance(configuration, TLSServerConfiguration) and len(configuration.ticket_keys or ()) > MOST_KEYS:
        raise _unsupported(f"Mbed TLS takes {MOST_KEYS} ticket keys at most", Feature.TICKET_KEYS)
    for identity in configuration.identities:
        _check_for_role(settings, load_identity(identity))


def _check_for_role(settings: Settings, loaded: LoadedIdentity) -> None:
    if settings.server_side:
        check_usage(loaded.chain)
    if loaded.external is None:
        return
    if settings.upper < TLSVersion.TLSv1_2 or settings.lower < TLSVersion.TLSv1_2:
        raise _unsupported("a key from elsewhere signs for TLS 1.2 and newer only", Feature.EXTERNAL_SIGNER)
    if loaded.external.is_rsa and settings.lower > TLSVersion.TLSv1_2:
        text = "Mbed TLS makes the RSA signatures of TLS 1.3 itself, without a key from elsewhere"
        raise _unsupported(text, Feature.EXTERNAL_SIGNER)


def _unsupported(text: str, feature: Feature) -> UnsupportedFeature:
    return UnsupportedFeature(text, feature=feature)


def check_identity(identity: Identity) -> None:
    """Load `identity` and throw it away."""
    load_identity(identity)


def build(settings: Settings) -> Native:
    """Make the native configuration."""
    identity = None if settings.identity is None else load_identity(settings.identity)
    if identity is not None:
        _check_for_role(settings, identity)
    trusted = load_trust(settings) if settings.verify else None
    tickets = _tickets(settings)
    demands = settings.server_side and settings.client_authentication is ClientAuthentication.REQUIRED
    mode = _MODES[settings.client_authentication] if settings.server_side else VERIFY_REQUIRED
    made = [_config(settings, identity, trusted, tickets, mode)]
    if demands and settings.upper > TLSVersion.TLSv1_2:
        made.append(_config(settings, identity, trusted, tickets, VERIFY_OPTIONAL))
    return Native(
        raw=made[0][0],
        raw_tls13=made[-1][0],
        bounds=(settings.lower, settings.upper),
        demands=demands,
        kept=(made, trusted),
        identity=identity,
        policy=None if trusted is None else trusted.policy,
        is_judged_elsewhere=settings.platform is not None and trusted is None,
        tickets=tickets,
        key_log=settings.key_log,
        remembers=_remembers(settings),
    )


def _config(
    settings: Settings, identity: LoadedIdentity | None, trusted: Trusted | None, tickets: Tickets | None, mode: int
) -> tuple[Any, ...]:
    """One configuration of the library's, with the memory that it refers to."""
    configuration, raw = settings.configuration, native.new("ssl_config")
    native.check(lib.mbedtls_ssl_config_defaults(raw, SERVER if settings.server_side else CLIENT, 0, 0))
    lib.mbedtls_ssl_conf_rng(raw, _callbacks.random_bytes, 0)
    lib.mbedtls_ssl_conf_dbg(raw, _callbacks.note_alert, 0)
    if identity is not None:
        native.check(lib.mbedtls_ssl_conf_own_cert(raw, identity.chain, identity.key))
    _set_versions(raw, settings, identity)
    if trusted is None:  # where nothing is verified, the library does not tell a certificate before the end
        mode = VERIFY_NONE if settings.platform is None else VERIFY_OPTIONAL
    lib.mbedtls_ssl_conf_authmode(raw, mode)
    if trusted is not None:
        lib.mbedtls_ssl_conf_ca_chain(raw, trusted.anchors, trusted.lists)
    if not IS_3:
        lib.mbedtls_ssl_conf_export_keys_ext_cb(raw, _callbacks.export_2, 0)
    _set_tickets(raw, settings, tickets)
    return (
        raw,
        _set_suites(raw, settings),
        _set_protocols(raw, settings.protocols),
        _groups.set_groups(raw, configuration.groups),
        _groups.set_signatures(raw, configuration.signature_algorithms, _own_schemes(settings, identity)),
        _groups.set_profile(raw),
    )


def _own_schemes(settings: Settings, identity: LoadedIdentity | None) -> tuple[int, ...]:
    """What a server's key signs with, where it lives elsewhere."""
    if not settings.server_side or identity is None or identity.external is None:
        return ()
    return identity.external.schemes


def _set_versions(raw: Any, settings: Settings, identity: LoadedIdentity | None) -> None:
    lower, upper = settings.lower, settings.upper
    if identity is not None and identity.external is not None and identity.external.is_rsa:
        upper = min(upper, TLSVersion.TLSv1_2)
    lib.mbedtls_ssl_conf_min_version(raw, lower >> 8, lower & 255)
    lib.mbedtls_ssl_conf_max_version(raw, upper >> 8, upper & 255)
    if native.HAS_TLS13:
        lib.mbedtls_ssl_conf_tls13_key_exchange_modes(raw, native.WITH_EPHEMERAL_KEYS)  # resumed sessions too


def default_suites(settings: Settings) -> tuple[int, ...]:
    """The suites enabled when none are chosen; TLS 1.0 and 1.1, where they are allowed, get some of their own."""
    return ciphers.default() + (ciphers.LEGACY if settings.lower < _LEGACY_BOUND else ())


def _set_suites(raw: Any, settings: Settings) -> Any:
    chosen = (
        *(settings.tls13_ciphers or ()),
        *(default_suites(settings) if settings.ciphers is None else settings.ciphers),
    )
    suites = ffi.new("int[]", [*chosen, 0])
    lib.mbedtls_ssl_conf_ciphersuites(raw, suites)
    return suites


def _set_protocols(raw: Any, protocols: tuple[bytes, ...]) -> Any:
    if not protocols:
        return None
    names = [ffi.new("char[]", name) for name in protocols]
    listed = ffi.new("char *[]", [*names, NULL])
    code = lib.mbedtls_ssl_conf_alpn_protocols(raw, ffi.cast("const char **", listed))
    if code:
        raise make(ConfigurationError, f"Mbed TLS does not take the list of protocols: {native.describe(code)}")
    return names, listed


def _remembers(settings: Settings) -> bool:
    return getattr(settings.configuration, "session_cache", None) is not None


def _tickets(settings: Settings) -> Tickets | None:
    configuration = settings.configuration
    # A ticket does not carry what the client has shown, or only a part of it: who is to be known is asked each time.
    if (
        not isinstance(configuration, TLSServerConfiguration)
        or settings.client_authentication is not ClientAuthentication.NONE
    ):
        return None
    return Tickets(ticket_secrets(settings))


def _set_tickets(raw: Any, settings: Settings, tickets: Tickets | None) -> None:
    if not settings.server_side:
        wanted = int(_remembers(settings))
        lib.mbedtls_ssl_conf_session_tickets(raw, wanted)
        if native.HAS_TLS13:
            lib.mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(raw, wanted)
    elif tickets is not None:
        tickets.configure(raw)
        count = getattr(settings.configuration, "ticket_count", None)
        if count is not None:
            lib.mbedtls_ssl_conf_new_session_tickets(raw, count)
