"""The verdict on a peer's certificate, which is that of `unitls.platforms.windows`, and what the peer is told of it."""

from __future__ import annotations

from typing import Final

from ...api._alerts import AlertDescription as Alert
from ...api._errors import VerifyFailure as Failure
from ...core._leaf_check import Fault
from ...platforms.windows._verdict import judge as judge

_ALERTS: Final = {
    Failure.EXPIRED: Alert.CERTIFICATE_EXPIRED,
    Failure.NOT_YET_VALID: Alert.CERTIFICATE_EXPIRED,
    Failure.UNKNOWN_ISSUER: Alert.UNKNOWN_CA,
    Failure.SELF_SIGNED: Alert.UNKNOWN_CA,
    Failure.REVOKED: Alert.CERTIFICATE_REVOKED,
    Failure.BAD_PURPOSE: Alert.UNSUPPORTED_CERTIFICATE,
    Failure.OTHER: Alert.CERTIFICATE_UNKNOWN,
}
"""What the peer is told; bad_certificate for the rest (RFC 8446 section 6.2)."""


def alert_of(fault: Fault) -> Alert:
    """What the peer is told of a fault."""
    return _ALERTS.get(fault.failure, Alert.BAD_CERTIFICATE)
