"""The secrets that protect a server's tickets, where they come from outside and so outlast a configuration."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable

from ..api._configuration import TLSServerConfiguration
from ..api._protocols import ClientAuthentication
from ._settings import Settings
from ._values import NeutralTrustStore


def ticket_secrets(settings: Settings) -> tuple[bytes, ...] | None:
    """The configured secrets, bound to the rules by which a session is begun.

    A resumed client has shown its certificate earlier, and is not verified again. So a ticket counts only where the
    certificate would be verified by the same rules now: with another trust store or newer revocation lists the secrets are
    others, and a client makes a full handshake. It does so too where versions or cipher suites were changed: libraries end
    the handshake when they find that the session is of one that is not allowed any more.

    Returns:
        One for each that is configured, in their order; `None` where none are.
    """
    configuration = settings.configuration
    assert isinstance(configuration, TLSServerConfiguration)
    if configuration.ticket_keys is None:
        return None
    bounds = (int(configuration.lower_bound), int(configuration.upper_bound))
    rules: tuple[object, ...] = (*bounds, _numbers(configuration.ciphers))
    asks = configuration.client_authentication is not ClientAuthentication.NONE
    if asks or configuration.post_handshake_authentication:
        rules += _rules_for_clients(configuration)
    text = repr(rules).encode("ascii")
    return tuple(hmac.digest(secret, text, "sha512") for secret in configuration.ticket_keys)


def _rules_for_clients(configuration: TLSServerConfiguration) -> tuple[object, ...]:
    """What decides whether a client's certificate is accepted, the same in each process."""
    store = configuration.trust_store
    anchors, is_system = (store.anchors, store.is_system) if isinstance(store, NeutralTrustStore) else ((), False)
    return (
        configuration.client_authentication.name,
        configuration.post_handshake_authentication,
        is_system,
        *map(_digests, (anchors, configuration.crls, configuration.pins)),
        configuration.verification_depth,
        _numbers(configuration.signature_algorithms),
    )


def _numbers(values: Iterable[int] | None) -> list[int] | None:
    """Their order says nothing."""
    return None if values is None else sorted(set(map(int, values)))


def _digests(items: Iterable[bytes]) -> list[str]:
    """Their order says nothing."""
    return sorted({hashlib.sha256(item).hexdigest() for item in items})
