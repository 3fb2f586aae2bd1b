"""What a context was told, and the immutable configurations of ours that this means."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from ...api._certificates import Identity
from ...api._cipher_values import is_tls13_suite
from ...api._configuration import TLSClientConfiguration, TLSServerConfiguration
from ...api._errors import VerifyFailure
from ...api._features import Capabilities, Feature
from ...api._protocols import ClientAuthentication
from ...api._versions import TLSVersion as Version
from ...core._values import NeutralTrustStore
from ...core._x509 import certificate_fields
from ._constants import (
    CERT_NONE,
    CERT_OPTIONAL,
    OP_ALL,
    OP_CIPHER_SERVER_PREFERENCE,
    OP_ENABLE_MIDDLEBOX_COMPAT,
    OP_NO_COMPRESSION,
    OP_NO_TICKET,
    VERIFY_CRL_CHECK_LEAF,
    VERIFY_X509_PARTIAL_CHAIN,
    VERIFY_X509_STRICT,
    VERIFY_X509_TRUSTED_FIRST,
    OP_NO_SSLv3,
    OP_NO_TLSv1,
    OP_NO_TLSv1_1,
    OP_NO_TLSv1_2,
    OP_NO_TLSv1_3,
)
from ._sessions import ContextSessions
from ._strict import check_strictly
from ._translate import failure, not_verified

DEFAULT_OPTIONS: Final = (
    OP_ALL | OP_NO_SSLv3 | OP_CIPHER_SERVER_PREFERENCE | OP_NO_COMPRESSION | OP_ENABLE_MIDDLEBOX_COMPAT
)
_SWITCHED_OFF: Final = {
    Version.TLSv1: OP_NO_TLSv1,
    Version.TLSv1_1: OP_NO_TLSv1_1,
    Version.TLSv1_2: OP_NO_TLSv1_2,
    Version.TLSv1_3: OP_NO_TLSv1_3,
}
_UNABLE_TO_GET_CRL: Final = (3, "unable to get certificate CRL")
_NO_ISSUER: Final = (20, "unable to get local issuer certificate (no authority was loaded into the context)")


@dataclass(slots=True)
class Wishes:
    """What a program has set on a context. Changed under the context's lock only.

    Attributes:
        verify_mode: whether the peer is verified.
        check_hostname: whether its name is.
        verify_flags: OpenSSL's flags.
        options: OpenSSL's options.
        lower: the lowest version.
        upper: the highest version.
        ciphers: the suites up to TLS 1.2, or `None` for the backend's own.
        protocols: for ALPN.
        groups: for the key exchange, or `None`.
        identities: certificate chains with their keys, one for each kind of key.
        anchors: trusted certificates.
        directory: trusted certificates that were found in a directory.
        crls: revocation lists.
        system: whether the system's anchors are trusted.
        sni_callback: the one for core, or `None`.
        tickets: how many a server sends, or `None`.
        post_handshake: whether clients can be asked later.
        key_log: the file for secrets, or an empty string.
        sessions: where a client keeps sessions; `None` where the backend cannot.
    """

    verify_mode: int = CERT_NONE
    check_hostname: bool = False
    verify_flags: int = VERIFY_X509_TRUSTED_FIRST
    options: int = DEFAULT_OPTIONS
    lower: Version = Version.TLSv1_2
    upper: Version = Version.MAXIMUM_SUPPORTED
    ciphers: tuple[int, ...] | None = None
    protocols: tuple[bytes, ...] = ()
    groups: tuple[int, ...] | None = None
    identities: dict[str, Identity] = field(default_factory=dict)
    anchors: dict[bytes, None] = field(default_factory=dict)
    directory: dict[bytes, None] = field(default_factory=dict)
    crls: dict[bytes, None] = field(default_factory=dict)
    system: bool = False
    sni_callback: Any = None
    tickets: int | None = None
    post_handshake: bool = False
    key_log: str = ""
    sessions: ContextSessions | None = None

    def client(self, capabilities: Capabilities) -> TLSClientConfiguration:
        """The configuration of a client.

        Raises:
            SSLError: no version is left, or certificates are verified and there is nothing to verify them with.
        """
        sessions = None if self.options & OP_NO_TICKET else self.sessions
        return TLSClientConfiguration(
            **self._common(capabilities, verify=self.verify_mode != CERT_NONE, client=True), session_cache=sessions
        )

    def server(self, capabilities: Capabilities) -> TLSServerConfiguration:
        """The configuration of a server.

        Raises:
            SSLError: as for a client.
        """
        mode = ClientAuthentication.NONE
        if self.verify_mode != CERT_NONE:
            optional = self.verify_mode == CERT_OPTIONAL
            mode = ClientAuthentication.OPTIONAL if optional else ClientAuthentication.REQUIRED
        return TLSServerConfiguration(
            **self._common(capabilities, verify=self.verify_mode != CERT_NONE, client=False),
            client_authentication=mode,
            sni_callback=self.sni_callback,
            ticket_count=0 if self.options & OP_NO_TICKET else self.tickets,
        )

    def _common(self, capabilities: Capabilities, *, verify: bool, client: bool) -> dict[str, Any]:
        lower, upper = self._versions(capabilities)
        strict = verify and self.verify_flags & VERIFY_X509_STRICT
        return {
            "validate_certificates": verify,
            "identities": tuple(self.identities.values()),
            "ciphers": self._suites(capabilities),
            "inner_protocols": self.protocols,
            "lower_bound": lower,
            "upper_bound": upper,
            "trust_store": self._trust(client=client) if verify else None,
            "crls": self._lists() if verify else (),
            "groups": self.groups,
            "verification_hook": check_strictly if strict else None,
            "key_log": self.key_log,
            "post_handshake_authentication": self.post_handshake,
        }

    def _versions(self, capabilities: Capabilities) -> tuple[Version, Version]:
        """The highest versions without a gap that bounds and options leave."""
        lower = capabilities.versions[0] if self.lower is Version.MINIMUM_SUPPORTED else self.lower
        run: list[Version] = []
        for version in reversed(capabilities.versions):
            if lower <= version <= self.upper and not self.options & _SWITCHED_OFF.get(version, 0):
                run.append(version)
            elif run:
                break
        if not run:
            raise failure("NO_PROTOCOLS_AVAILABLE", "no protocols available")
        return run[-1], run[0]

    def _suites(self, capabilities: Capabilities) -> tuple[int, ...] | None:
        if self.ciphers is None:
            return None
        return (*(suite for suite in capabilities.cipher_suites if is_tls13_suite(suite)), *self.ciphers)

    def _trust(self, *, client: bool) -> NeutralTrustStore:
        """The anchors. Without ``VERIFY_X509_PARTIAL_CHAIN`` a path ends at a root only, as with OpenSSL."""
        anchors: tuple[bytes, ...] = (*self.anchors, *self.directory)
        if not self.verify_flags & VERIFY_X509_PARTIAL_CHAIN:
            anchors = tuple(der for der in anchors if certificate_fields(der).is_self_issued)
        if client and not anchors and not self.system:
            raise not_verified(*_NO_ISSUER, VerifyFailure.UNKNOWN_ISSUER)
        if not anchors and not self.system:
            raise failure(None, "client certificates are asked for, but no authority was loaded into the context")
        return NeutralTrustStore(anchors, is_system=self.system)

    def _lists(self) -> tuple[bytes, ...]:
        if not self.verify_flags & VERIFY_CRL_CHECK_LEAF:
            return ()
        if not self.crls:
            raise not_verified(*_UNABLE_TO_GET_CRL, VerifyFailure.OTHER)
        return tuple(self.crls)


def keeps_sessions(capabilities: Capabilities) -> bool:
    """Whether a client's sessions can be kept."""
    return capabilities.supports(Feature.SESSION_RESUMPTION)
