"""From settings to credentials of SChannel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ...api._certificates import Identity
from ...api._errors import ConfigurationError, UnsupportedFeature
from ...api._features import Feature
from ...api._protocols import ClientAuthentication
from ...core._der import DERError
from ...core._settings import Settings
from ...core._values import NeutralCertificate
from ...core._x509 import certificate_fields
from ...platforms.windows._library import CallFailed
from ...platforms.windows._verdict import Policy, policy_for
from . import _identities, native
from ._capabilities import capabilities
from ._channel import Credential
from ._identities import LoadedIdentity
from .errors import make
from .native import Error, Libraries

_LONGEST_ON_WINE: Final = 31


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Native:
    """What all connections of a configuration share.

    Attributes:
        libraries: Windows' libraries.
        credential: SChannel's.
        identity: what the credential shows, kept as long as it is used.
        protocols: for ALPN.
        policy: what a peer has to satisfy; `None` where nobody is verified.
        asks: whether a client is asked for a certificate.
        demands: whether it has to show one.
    """

    libraries: Libraries
    credential: Credential
    identity: LoadedIdentity | None
    protocols: tuple[bytes, ...]
    policy: Policy | None
    asks: bool = False
    demands: bool = False


def check(settings: Settings) -> None:
    """Refuse what SChannel is not known to do.

    Raises:
        UnsupportedFeature: under Wine, a server asks for client certificates, or a protocol has a long name.
    """
    known = native.libraries()
    if known.wine and any(len(name) > _LONGEST_ON_WINE for name in settings.protocols):
        raise UnsupportedFeature("Wine takes names of protocols of up to 31 bytes", feature=Feature.ALPN)
    if known.wine and settings.server_side and settings.client_authentication is not ClientAuthentication.NONE:
        raise UnsupportedFeature(
            "Wine's SChannel does not ask clients for a certificate", feature=Feature.CLIENT_CERTIFICATES
        )


def check_identity(identity: Identity) -> None:
    """Load `identity`, have SChannel take it, and throw it away.

    Raises:
        ConfigurationError: it does not.
    """
    known = native.libraries()
    loaded = _loaded(known, identity)
    versions = [version.value for version in capabilities().versions]
    try:
        _credential(known, loaded, server_side=False, versions=versions)
    finally:
        loaded.close()


def _loaded(known: Libraries, identity: Identity) -> LoadedIdentity:
    leaf = identity.certificates[0]
    if isinstance(leaf, NeutralCertificate) and leaf.der is not None:
        try:
            certificate_fields(leaf.der)
        except DERError as error:
            raise make(ConfigurationError, f"the certificate is malformed: {error}") from error
    return _identities.load(known, identity)


def build(settings: Settings) -> Native:
    """Make what the connections share.

    Raises:
        ConfigurationError: SChannel does not take it.
    """
    known = native.libraries()
    identity = None if settings.identity is None else _loaded(known, settings.identity)
    versions = [version.value for version in capabilities().versions if settings.lower <= version <= settings.upper]
    return Native(
        libraries=known,
        credential=_credential(known, identity, server_side=settings.server_side, versions=versions),
        identity=identity,
        protocols=settings.protocols,
        policy=_policy(known, settings) if settings.verify else None,
        asks=settings.client_authentication is not ClientAuthentication.NONE,
        demands=settings.client_authentication is ClientAuthentication.REQUIRED,
    )


def _credential(
    known: Libraries, identity: LoadedIdentity | None, *, server_side: bool, versions: list[int]
) -> Credential:
    shown = [] if identity is None else [identity.address]
    try:
        return Credential(known, server_side=server_side, versions=versions, certificates=shown)
    except Error as error:
        what = "the configuration" if identity is None else "the certificate or its private key"
        raise make(
            ConfigurationError,
            f"SChannel does not take {what} (0x{error.code:08X}); does the private key belong to the leaf certificate "
            "(the first in the list)?",
            native_code=error.code,
            native_text=error.text,
        ) from error


def _policy(known: Libraries, settings: Settings) -> Policy:
    try:
        return policy_for(
            known,
            settings.anchors,
            settings.configuration,
            is_server=not settings.server_side,
            with_system=settings.system_trust,
        )
    except CallFailed as error:
        raise make(
            ConfigurationError,
            f"Windows does not take the trust store: {error.text} says 0x{error.code:08X}",
            native_code=error.code,
        ) from error
