"""From settings to a context of pyOpenSSL, and what the library can do."""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from ...api._cipher_values import is_tls13_suite
from ...api._configuration import TLSConfiguration
from ...api._errors import ConfigurationError
from ...api._features import Capabilities, Feature
from ...api._protocols import ClientAuthentication
from ...api._versions import TLSVersion
from ...core._der import DERError
from ...core._settings import Settings
from ...core._system_trust import system_anchors
from ...core._x509 import certificate_fields
from . import _callbacks as callbacks
from . import ciphers, native
from ._identity import load_certificate, load_identity, refusal
from ._psk import check_psk, preferred, set_psk
from .errors import make
from .native import SSL, lib

_NO_API: Final = "pyOpenSSL and the binding in cryptography have no interface to it"
_TOO_OLD: Final = "it needs a newer cryptography, whose binding has it"
_REASONS: Final = {
    Feature.VERSIONS: "OpenSSL at security level 2 negotiates TLS 1.2 and newer",
    Feature.TICKET_COUNT: _NO_API,
    Feature.TICKET_KEYS: _NO_API,
    Feature.ECH: _NO_API,
    Feature.PKCS11: _NO_API,
    Feature.EXTERNAL_SIGNER: _NO_API,
    Feature.FIPS: "the OpenSSL that comes with cryptography has no validated module",
    Feature.KEY_UPDATE: _NO_API,
}
_NOTES: Final = (
    "Where core refuses a certificate that OpenSSL has accepted (a name that does not match), the connection ends "
    "without an alert.",
    "A server takes 16,384 bytes of early data at most, and then keeps its sessions in memory instead of in tickets, so "
    "that each is used once.",
    "After a HelloRetryRequest an external pre-shared key is not offered again: then certificates decide.",
    "An encrypted private key is decrypted, and a stapled OCSP response checked, by the package cryptography.",
)
_NO_AUTO_CHAIN: Final = 0x8
"""SSL_MODE_NO_AUTO_CHAIN: what was not configured is not sent, though the trust store may hold it."""
_VERIFY: Final = {
    ClientAuthentication.NONE: SSL.VERIFY_NONE,
    ClientAuthentication.OPTIONAL: SSL.VERIFY_PEER,
    ClientAuthentication.REQUIRED: SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT,
}
_SESSION_ID_CONTEXT: Final = b"unitls"
"""Sessions are kept apart by native context; a server that verifies clients needs some name for its own in any case."""


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Native:
    """A native context, and what the engine needs besides.

    Attributes:
        raw: pyOpenSSL's context.
        configuration: what it was made from.
        clock: the time to verify at, if not now.
        authorities: the names of the anchors in DER, those of the system's store apart.
        request_ocsp: whether the server has to staple a good OCSP response.
        has_callbacks: whether OpenSSL calls back through pyOpenSSL.
        is_watched: whether there is something to do before or after each step of a handshake.
        is_early: whether a connection may begin with early data.
        is_late: whether a client certificate may be asked for after the handshake.
        keep: what lives as long as the context.
    """

    raw: SSL.Context
    configuration: TLSConfiguration
    clock: Callable[[], float] | None = None
    authorities: frozenset[bytes] = field(default=frozenset(), repr=False)
    request_ocsp: bool = False
    has_callbacks: bool = False
    is_watched: bool = False
    is_early: bool = False
    is_late: bool = False
    keep: tuple[Any, ...] = field(default=(), repr=False)


@functools.cache
def capabilities() -> Capabilities:
    """What the library can do, with the OpenSSL that came with `cryptography`."""
    reasons = dict(_REASONS)
    if not ciphers.has_post_quantum():
        reasons[Feature.POST_QUANTUM_GROUPS] = "it needs a newer cryptography, with OpenSSL 3.5"
    for feature, is_there in (
        (Feature.GROUPS, native.HAS_GROUPS),
        (Feature.GROUP_INFORMATION, native.HAS_GROUP_NAME),
        (Feature.SESSION_RESUMPTION, native.HAS_SESSIONS),
        (Feature.EARLY_DATA, native.HAS_SESSIONS),
        (Feature.EXTERNAL_PSK, native.HAS_PSK),
    ):
        if not is_there:
            reasons[feature] = _TOO_OLD
    if sys.platform == "win32":
        reasons[Feature.SYSTEM_TRUST_STORE] = "pyOpenSSL does not read the certificate stores of Windows"
    return Capabilities(
        versions=(TLSVersion.TLSv1_2, TLSVersion.TLSv1_3),
        features=frozenset(set(Feature) - set(reasons)),
        reasons=MappingProxyType(reasons),
        cipher_suites=tuple(ciphers.available()),
        notes=_NOTES,
    )


def has_late_authentication(configuration: TLSConfiguration) -> bool:
    """Whether a client certificate may be asked for after the handshake."""
    return bool(getattr(configuration, "post_handshake_authentication", False))


def check(settings: Settings) -> None:
    """Refuse what OpenSSL cannot be narrowed to.

    Raises:
        ConfigurationError: it has none of the groups or signature algorithms that were asked for.
    """
    configuration = settings.configuration
    for wanted, known, what in (
        (configuration.groups, ciphers.groups, "groups"),
        (configuration.signature_algorithms, ciphers.schemes, "signature algorithms"),
    ):
        if wanted is not None and not set(wanted) & set(known()):
            raise make(ConfigurationError, f"OpenSSL has none of the {what} that were asked for")
    if configuration.external_psk is not None:
        check_psk(configuration.external_psk)


def build(settings: Settings) -> Native:
    """Make the native context."""
    configuration = settings.configuration
    context = new_context(settings.server_side)
    _set_parameters(context, settings)
    if not settings.server_side and getattr(configuration, "session_cache", None) is None:
        context.set_options(SSL.OP_NO_TICKET)  # a client that keeps no sessions; in TLS 1.2 tickets come in the clear
    if settings.protocols:
        callbacks.set_protocols(context, settings.protocols, settings.server_side)
    if settings.identity is not None:
        load_identity(context, settings.identity)
    if settings.key_log:
        callbacks.set_key_log(context, settings.key_log)
    is_late = has_late_authentication(configuration)
    if is_late and not settings.server_side:
        lib.SSL_CTX_set_post_handshake_auth(context._context, 1)
    verifies = settings.verify or (is_late and settings.server_side)
    anchors = _set_verification(context, settings) if verifies else ()
    request_ocsp = settings.verify and getattr(configuration, "request_ocsp", False)
    if request_ocsp:
        callbacks.set_ocsp_check(context, configuration.verification_time)
    most_early = getattr(configuration, "max_early_data", 0)
    is_early = bool(most_early or getattr(configuration, "early_data", False))
    if is_early:
        callbacks.set_early_data(context, most_early)
    clock = configuration.verification_time if verifies else None
    staples = settings.identity is not None and settings.identity.ocsp_response is not None
    keep: tuple[Any, ...] = ()
    if configuration.external_psk is not None:
        keep += set_psk(context, configuration.external_psk, settings.server_side)
    chooser = getattr(configuration, "choose_certificate", None)
    if chooser is not None:
        keep += callbacks.set_chooser(context, settings, chooser, build)
    return Native(
        raw=context,
        configuration=configuration,
        clock=clock,
        authorities=frozenset(map(_subject, anchors)),
        request_ocsp=request_ocsp,
        has_callbacks=bool(
            settings.key_log or request_ocsp or (settings.server_side and (settings.protocols or staples))
        ),
        is_watched=bool(
            settings.key_log
            or chooser
            or clock
            or is_early
            or keep
            or request_ocsp
            or (verifies and settings.server_side)
        ),
        is_early=is_early,
        is_late=is_late,
        keep=keep,
    )


def new_context(server_side: bool) -> SSL.Context:
    """A context with what all of ours have, and nothing verified yet."""
    context: Any = SSL.Context(SSL.TLS_SERVER_METHOD if server_side else SSL.TLS_CLIENT_METHOD)
    context.set_options(SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION)
    context.set_mode(_NO_AUTO_CHAIN)
    # One call takes all of what is written, not one record of it: there is always room in memory.
    lib.SSL_CTX_clear_mode(context._context, lib.SSL_MODE_ENABLE_PARTIAL_WRITE)
    context.set_cipher_list(ciphers.DEFAULT.encode())
    context.set_verify(SSL.VERIFY_NONE)
    if server_side:
        context.set_options(SSL.OP_CIPHER_SERVER_PREFERENCE)
        context.set_session_id(_SESSION_ID_CONTEXT)
    return context  # type: ignore[no-any-return]


def _set_parameters(context: Any, settings: Settings) -> None:
    configuration, raw = settings.configuration, context._context
    context.set_min_proto_version(settings.lower.value)
    context.set_max_proto_version(settings.upper.value)
    if settings.ciphers:
        context.set_cipher_list(ciphers.cipher_list(settings.ciphers))
    new = settings.tls13_ciphers
    if configuration.external_psk is not None and settings.upper >= TLSVersion.TLSv1_3:
        new = preferred(new or tuple(filter(is_tls13_suite, ciphers.default())), configuration.external_psk)
    if new:
        _succeeded(lib.SSL_CTX_set_ciphersuites(raw, ciphers.tls13_list(new)), "the cipher suites")
    if configuration.groups is not None:
        _succeeded(lib.SSL_CTX_set1_curves_list(raw, _names(configuration.groups, ciphers.groups())), "the groups")
    if configuration.signature_algorithms is not None:
        names = _names(configuration.signature_algorithms, ciphers.schemes())
        _succeeded(lib.SSL_CTX_set1_sigalgs_list(raw, names), "the signature algorithms")


def _names(wanted: Sequence[int], known: dict[int, str]) -> bytes:
    return ":".join(known[value] for value in wanted if value in known).encode()


def _succeeded(result: int, what: str) -> None:
    if result != 1:
        raise refusal(native.queued_error(), what)


# ---------------------------------------------------------------------------------------------- verification


def _set_verification(context: Any, settings: Settings) -> tuple[bytes, ...]:
    """Set what is trusted, and how; returns the anchors that are known."""
    configuration = settings.configuration
    store = context.get_cert_store()
    flags = native.X509_V_FLAG_PARTIAL_CHAIN  # any anchor ends a path, an intermediate as well as a root
    for anchor in system_anchors().anchors if settings.system_trust else ():
        with contextlib.suppress(SSL.Error, ConfigurationError):  # one that the library cannot read is not trusted
            store.add_cert(load_certificate(anchor, "an anchor"))
    for anchor in settings.anchors:
        certificate = load_certificate(anchor, "an anchor")
        store.add_cert(certificate)
        if settings.server_side:
            lib.SSL_CTX_add_client_CA(context._context, certificate._x509)
    if configuration.crls:
        flags |= native.X509_V_FLAG_CRL_CHECK
        for crl in configuration.crls:
            store.add_crl(_load_crl(crl))
    store.set_flags(flags)
    if configuration.verification_depth is not None:
        context.set_verify_depth(configuration.verification_depth)
    if settings.server_side:
        lib.SSL_CTX_set_verify(context._context, _VERIFY[settings.client_authentication], native.keep_refused)
    else:
        context.set_verify(SSL.VERIFY_PEER)
    return settings.anchors


def _load_crl(der: bytes) -> Any:
    from cryptography import x509

    try:
        return x509.load_der_x509_crl(der)
    except ValueError as error:
        raise make(ConfigurationError, f"a revocation list cannot be read: {error}") from error


def _subject(der: bytes) -> bytes:
    try:
        return certificate_fields(der).subject
    except DERError:
        return b""
