"""From settings to a native `ssl.SSLContext`, and what the module can do."""

from __future__ import annotations

import contextlib
import functools
import ssl
from collections.abc import Callable
from types import MappingProxyType
from typing import Any, Final

from ...api._certificates import Identity
from ...api._errors import ConfigurationError, UnsupportedFeature
from ...api._features import Capabilities, Feature
from ...api._protocols import ClientAuthentication
from ...api._versions import TLSVersion
from ...core._pem import to_pem
from ...core._settings import Settings
from ...core._system_trust import system_anchors
from ...core._values import NeutralCertificate, NeutralPrivateKey
from . import ciphers
from .errors import make
from .native import memory_file, set_alpn_wire

_MODES: Final = {
    ClientAuthentication.NONE: ssl.CERT_NONE,
    ClientAuthentication.OPTIONAL: ssl.CERT_OPTIONAL,
    ClientAuthentication.REQUIRED: ssl.CERT_REQUIRED,
}
_MAX_PASSPHRASE: Final = 1024
_NO_API: Final = "the ssl module has no interface to it"
_REASONS: Final = {
    Feature.VERSIONS: "OpenSSL at security level 2 negotiates TLS 1.2 and newer",
    Feature.TLS13_CIPHER_SUITES: "the ssl module cannot set them before Python 3.15",
    Feature.CLIENT_CERTIFICATE_CHOICE: _NO_API,
    Feature.GROUPS: "the ssl module can set a single group on a server only, before Python 3.15",
    Feature.POST_QUANTUM_GROUPS: "it needs OpenSSL 3.5, and the ssl module cannot choose groups before Python 3.15",
    Feature.SIGNATURE_ALGORITHMS: "the ssl module cannot set them before Python 3.15",
    Feature.TICKET_KEYS: _NO_API,
    Feature.EXPORTER: _NO_API,
    Feature.TLS_EXPORTER_BINDING: "the ssl module has no keying material exporter",
    Feature.OCSP_STAPLING: _NO_API,
    Feature.VERIFICATION_TIME: _NO_API,
    Feature.VERIFICATION_DEPTH: _NO_API,
    Feature.POST_HANDSHAKE_AUTHENTICATION: "the ssl module gives no hook for core's verdict on the late certificate",
    Feature.EARLY_DATA: _NO_API,
    Feature.ECH: _NO_API,
    Feature.EXTERNAL_PSK: "the ssl module has it from Python 3.13 on only, without a choice of the hash",
    Feature.PKCS11: "the ssl module loads keys from files only",
    Feature.EXTERNAL_SIGNER: "the ssl module loads keys from files only",
    Feature.FIPS: "the ssl module cannot demand it; configure OpenSSL for FIPS instead",
    Feature.KEY_UPDATE: _NO_API,
    Feature.GROUP_INFORMATION: "the ssl module does not tell it before Python 3.15",
}
_NOTES: Final = (
    "A name that does not match ends the connection without an alert: the module gives no way to send one.",
    "Of several faults in one certificate chain, the first that OpenSSL meets is reported: the module does not show the "
    "chain once it was refused.",
    "With a session cache, each connection of a client loses some 6 KiB before Python 3.12.8 and 3.13.1: reading the "
    "module's `session` leaks there (CPython issue gh-116810).",
)


@functools.cache
def capabilities() -> Capabilities:
    """What the module can do, with this version of Python and OpenSSL."""
    return Capabilities(
        versions=(TLSVersion.TLSv1_2, TLSVersion.TLSv1_3),
        features=frozenset(set(Feature) - set(_REASONS)),
        reasons=MappingProxyType(_REASONS),
        cipher_suites=tuple(ciphers.available()),
        notes=_NOTES,
    )


def check(settings: Settings) -> None:
    """Refuse what the module cannot express.

    Raises:
        UnsupportedFeature: a protocol name is not UTF-8, which the module cannot give back.
    """
    for name in settings.protocols:
        try:
            name.decode()
        except UnicodeDecodeError:
            raise UnsupportedFeature(
                f"the ssl module cannot negotiate the protocol {name!r}: it is not UTF-8", feature=Feature.ALPN
            ) from None


def build(settings: Settings) -> ssl.SSLContext:
    """Make the native context."""
    context = new_context(settings.server_side)
    context.minimum_version = ssl.TLSVersion(settings.lower)
    context.maximum_version = ssl.TLSVersion(settings.upper)
    if settings.ciphers:
        context.set_ciphers(ciphers.cipher_string(settings.ciphers))
    if settings.protocols:
        set_alpn_wire(context, settings.protocols)
    if settings.identity is not None:
        load_identity(context, settings.identity)
    if settings.key_log:
        context.keylog_filename = settings.key_log
    _set_tickets(context, settings)
    if settings.verify:
        _set_verification(context, settings)
    return context


def _set_tickets(context: ssl.SSLContext, settings: Settings) -> None:
    """Set how many tickets there are in TLS 1.3, and whether there are any in TLS 1.2, where they come in the clear."""
    count = getattr(settings.configuration, "ticket_count", None)
    if count is not None:
        context.num_tickets = count
    forgets = not settings.server_side and getattr(settings.configuration, "session_cache", None) is None
    if count == 0 or forgets:
        context.options |= ssl.OP_NO_TICKET


def new_context(server_side: bool) -> ssl.SSLContext:
    """A context with what all of ours have, and nothing verified yet."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server_side else ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # core checks names: one behaviour with every library
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers(ciphers.DEFAULT)
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    # Python asks OpenSSL 3 to take the end of the transport for a clean close. We do not: it may be an attack.
    context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
    return context


def _set_verification(context: ssl.SSLContext, settings: Settings) -> None:
    context.verify_mode = _MODES[settings.client_authentication] if settings.server_side else ssl.CERT_REQUIRED
    # Any anchor ends a path, an intermediate as well as a root: as with the other libraries.
    context.verify_flags |= ssl.VERIFY_X509_TRUSTED_FIRST | ssl.VERIFY_X509_PARTIAL_CHAIN
    if settings.anchors:
        context.load_verify_locations(cadata=b"".join(settings.anchors))
    if settings.system_trust:
        _load_system_trust(context)
    if settings.configuration.crls:
        with memory_file(b"".join(to_pem(crl, "X509 CRL") for crl in settings.configuration.crls)) as path:
            _configured(lambda: context.load_verify_locations(cafile=path), "the revocation lists")
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF


def _load_system_trust(context: ssl.SSLContext) -> None:
    anchors = system_anchors().anchors
    try:
        context.load_verify_locations(cadata=b"".join(anchors))
    except ssl.SSLError:
        for der in anchors:
            with contextlib.suppress(ssl.SSLError):  # one that the library cannot read is not trusted
                context.load_verify_locations(cadata=der)


def check_identity(identity: Identity) -> None:
    """Load `identity` into a context that is thrown away."""
    load_identity(new_context(True), identity)


def load_identity(context: ssl.SSLContext, identity: Identity) -> None:
    """Load a chain and its key, through a file in memory: the module takes paths only.

    Raises:
        ConfigurationError: it is damaged, too weak, or the key does not fit, or its passphrase is wrong.
    """
    key = identity.private_key
    if not isinstance(key, NeutralPrivateKey) or key.material is None:
        raise ConfigurationError("this private key belongs to another backend")
    chain = [item.der for item in identity.certificates if isinstance(item, NeutralCertificate) and item.der]
    if len(chain) != len(identity.certificates):
        raise ConfigurationError("one of the certificates belongs to another backend")
    passphrase = (key.passphrase() or b"") if key.material.is_encrypted else b""
    if len(passphrase) > _MAX_PASSPHRASE:
        raise make(
            ConfigurationError, f"the passphrase is longer than the {_MAX_PASSPHRASE} bytes the ssl module takes"
        )
    content = b"".join(to_pem(der, "CERTIFICATE") for der in chain) + key.material.pem
    with memory_file(content) as path:
        # Always a callable: without one OpenSSL would ask for the passphrase on the terminal.
        _configured(
            lambda: context.load_cert_chain(path, password=lambda: passphrase),
            "the certificate or its private key",
            encrypted=key.material.is_encrypted,
        )


def _configured(load: Callable[[], Any], what: str, *, encrypted: bool = False) -> None:
    """Run a call that loads something, and say in our words what is wrong with it."""
    try:
        load()
    except ssl.SSLError as error:
        reason = error.reason or ""
        if reason == "KEY_VALUES_MISMATCH":
            text = "the private key does not belong to the leaf certificate (the first in the list)"
        elif reason.endswith(("KEY_TOO_SMALL", "MD_TOO_WEAK")):
            text = f"{what} is too weak: RSA keys need 2048 bits, and signatures SHA-256"
        elif encrypted:
            text = "the passphrase of the private key is wrong (or its encryption is one that OpenSSL lacks)"
        else:
            text = f"{what} cannot be used: {reason.lower().replace('_', ' ') or error}"
        raise make(ConfigurationError, text, native_text=str(error), reason=reason) from error
