"""What a peer is trusted by: anchors and revocation lists as structures of the library, and the policy for our own part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...api._errors import ConfigurationError
from ...core._der import DERError
from ...core._foreign import take_failure
from ...core._path_rules import CLIENT_AUTH, SERVER_AUTH
from ...core._revocation_lists import revocation_list
from ...core._settings import Settings
from ...core._system_trust import system_anchors
from ...core._x509 import certificate_fields
from . import _callbacks, native
from ._identity import load_certificates, load_lists
from .errors import make
from .native import NULL, lib
from .verify import Policy


@dataclass(frozen=True, slots=True)
class Trusted:
    """What a peer's certificate is judged by.

    Attributes:
        anchors: an ``mbedtls_x509_crt``.
        lists: an ``mbedtls_x509_crl``, or a null pointer.
        policy: the rest.
    """

    anchors: Any
    lists: Any
    policy: Policy


def load_trust(settings: Settings) -> Trusted:
    """Load what is trusted.

    Raises:
        ConfigurationError: the library cannot read an anchor or a revocation list, or the system has no anchors.
    """
    anchors = load_certificates(settings.anchors, _callbacks.constrained)
    for der in system_anchors().anchors if settings.system_trust else ():
        # What the library cannot read is not trusted; the store of a system is not for us to mend.
        lib.mbedtls_x509_crt_parse_der_with_ext_cb(anchors, der, len(der), 1, _callbacks.constrained, NULL)
    take_failure()
    trusted = native.certificates(anchors)
    if not trusted:
        raise make(ConfigurationError, "the system's trust store is empty or was not found")
    configuration = settings.configuration
    policy = Policy(
        purpose=CLIENT_AUTH if settings.server_side else SERVER_AUTH,
        anchors=frozenset(trusted),
        anchor_names=frozenset(map(_subject, trusted)),
        clock=configuration.verification_time,
        depth=configuration.verification_depth,
        lists=tuple(map(revocation_list, configuration.crls)),
    )
    return Trusted(anchors, load_lists(configuration.crls) if configuration.crls else NULL, policy)


def _subject(der: bytes) -> bytes:
    try:
        return certificate_fields(der).subject
    except DERError:
        return b""
