"""Our errors, and the table from the statuses of SSPI to them."""

from __future__ import annotations

from typing import Any, Final

from ...api._alerts import AlertDescription as Alert
from ...api._errors import (
    CertificateVerificationError,
    ConfigurationError,
    InternalTLSError,
    ProtocolViolation,
    TLSError,
)
from ...api._errors import VerifyFailure as Failure
from ...core._backend_errors import BackendErrors
from . import native

ERRORS: Final = BackendErrors("SChannel", globals())
make: Final = ERRORS.make

# The statuses that the peer can bring about (winerror.h): what is raised for them, and our sentence.
_FROM_PEER: Final[dict[int, str]] = {
    native.SEC_E_INTERNAL_ERROR: "TLS failed: SChannel does not say why (on Wine this is any fault of the peer)",
    0x80090308: "the peer has sent something that is no TLS, or has no place here",
    0x8009030F: "a record could not be decrypted: it was damaged or forged",
    0x80090310: "a record came out of sequence",
    0x80090326: "the peer has sent a message that TLS does not allow, or does not accept ours",
    0x80090330: "a record could not be decrypted: it was damaged or forged",
    0x80090331: "no version of TLS, cipher suite or signature algorithm in common",
    0x80090302: "no version of TLS in common, or the peer wants something that SChannel does not have",
    0x80090346: "the channel bindings do not fit",
    0x8009035D: "the peer has asked for a renegotiation that is not allowed",
    0x80090363: "no agreement on what the certificates are signed with",
    0x80090366: "SChannel has refused what the peer has sent",
    0x80090367: "no application protocol was agreed on",
    0x80090313: "SChannel has not got the certificate that the peer wants",
}
_CERTIFICATE: Final[dict[int, Failure]] = {
    0x80090322: Failure.NAME_MISMATCH,
    0x80090325: Failure.UNKNOWN_ISSUER,
    0x80090327: Failure.OTHER,
    0x80090328: Failure.EXPIRED,
    0x80090349: Failure.BAD_PURPOSE,
    0x80090359: Failure.OTHER,
    0x80092010: Failure.REVOKED,
    0x800B0109: Failure.UNKNOWN_ISSUER,
}
"""What says that a certificate was not accepted: by SChannel itself, though it is told to leave that to us."""
_CONFIGURATION: Final[dict[int, str]] = {
    0x8009030D: "SChannel does not take the credentials: a private key does not fit, or cannot be used",
    0x8009030E: "SChannel has no credentials: the private key cannot be found, or none was given",
    0x8009034D: "SChannel does not take the credentials: their key is too weak",
}
# What a fatal alert of the peer becomes (Microsoft, "Schannel Error Codes for TLS and SSL Alerts"); of several, the usual.
_ALERTS: Final[dict[int, Alert]] = {
    0x80090304: Alert.INTERNAL_ERROR,
    0x8009030F: Alert.BAD_RECORD_MAC,
    0x80090326: Alert.HANDSHAKE_FAILURE,
    0x80090327: Alert.CERTIFICATE_UNKNOWN,
    0x80090328: Alert.CERTIFICATE_EXPIRED,
    0x80090325: Alert.UNKNOWN_CA,
    0x80090330: Alert.DECRYPT_ERROR,
    0x80090331: Alert.INSUFFICIENT_SECURITY,
    0x80090302: Alert.PROTOCOL_VERSION,
    0x80092010: Alert.CERTIFICATE_REVOKED,
    0x8009030C: Alert.ACCESS_DENIED,
    0x80090367: Alert.NO_APPLICATION_PROTOCOL,
}


def alert_of(code: int, *, is_wine: bool) -> int | None:
    """Which alert of the peer a status stands for; `None` if that cannot be said.

    Args:
        code: what `DecryptMessage` has said of the record of an alert.
        is_wine: whether this is Wine, which says the same of all of them.
    """
    return None if is_wine and code == native.SEC_E_INTERNAL_ERROR else _ALERTS.get(code)


def translate(error: BaseException) -> TLSError | None:
    """Map an exception of `native`; `None` for the peer's close_notify."""
    if isinstance(error, native.WantRead):
        return ERRORS.want_read()
    if isinstance(error, native.Closed):
        return None
    assert isinstance(error, native.Error)
    known: dict[str, Any] = {"native_code": error.code, "native_text": f"{error.text}: 0x{error.code:08X}"}
    if error.fault is not None:
        return ERRORS.refused(error.fault, **known)
    if error.alert is not None:
        return ERRORS.alert(error.alert, **known)
    if not error.code:
        return make(ProtocolViolation, error.text, **known)
    return _status(error, known)


def _status(error: native.Error, known: dict[str, Any]) -> TLSError:
    code = error.code
    if code in _CONFIGURATION:
        return make(ConfigurationError, _CONFIGURATION[code], **known)
    if code in _CERTIFICATE:
        failure = _CERTIFICATE[code]
        text = f"certificate not accepted by SChannel itself: {failure.value}"
        return make(CertificateVerificationError, text, failure=failure, **known)
    if error.from_peer and code in _FROM_PEER:
        return make(ProtocolViolation, _FROM_PEER[code], **known)
    if error.from_peer and code != native.SEC_E_INVALID_HANDLE:
        return make(ProtocolViolation, f"TLS failed: {error.text} says 0x{code:08X}", **known)
    return make(InternalTLSError, f"SChannel failed: {error.text} says 0x{code:08X}", **known)
