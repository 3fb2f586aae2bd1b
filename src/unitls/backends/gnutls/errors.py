"""Our errors, and the table from GnuTLS's codes to them."""

from __future__ import annotations

from typing import Any, Final

from ...api._alerts import AlertDescription
from ...api._errors import (
    CertificateVerificationError,
    ConnectionFault,
    InternalTLSError,
    PeerAlert,
    ProtocolViolation,
    RaggedEOF,
    TLSError,
    VerifyFailure,
    WantReadError,
)
from ...core._error_classes import error_classes
from ...core._leaf_check import Fault
from . import native

CLASSES: Final = error_classes("GnuTLS", globals())

_CERTIFICATE: Final = "the certificate was not accepted"
_NO_CERTIFICATE: Final = "the client sent no certificate"
_NO_SUITE: Final = "no cipher suite in common"
_TABLE: Final[dict[int, tuple[type[TLSError], str]]] = {
    -8: (ProtocolViolation, "no version of TLS in common"),  # UNSUPPORTED_VERSION_PACKET
    -9: (ProtocolViolation, "the peer sent a record or message of a wrong length, or does not speak TLS here"),
    -15: (ProtocolViolation, "the peer sent a record that does not belong there, or does not speak TLS here"),
    -18: (ProtocolViolation, "the peer's Finished message is wrong: somebody has changed the handshake"),
    -21: (ProtocolViolation, _NO_SUITE),
    -22: (ProtocolViolation, "the peer chose an algorithm that was not asked for"),
    -24: (ProtocolViolation, "a record could not be decrypted: it was damaged or forged"),
    -25: (InternalTLSError, "there is not enough memory"),
    -33: (InternalTLSError, "a hash could not be computed"),
    -40: (InternalTLSError, "a record could not be encrypted"),
    -43: (CertificateVerificationError, _CERTIFICATE),
    -46: (ConnectionFault, "the private key could not sign"),
    -49: (CertificateVerificationError, _NO_CERTIFICATE),
    -53: (InternalTLSError, "the outgoing buffer could not be written to"),
    -54: (InternalTLSError, "the incoming buffer could not be read"),
    -59: (InternalTLSError, "GnuTLS failed"),
    -87: (ProtocolViolation, _NO_SUITE),
    -89: (ProtocolViolation, "the peer's signature in the handshake is wrong"),
    -106: (ProtocolViolation, "no signature algorithm in common"),
    -107: (ProtocolViolation, "the peer lacks secure renegotiation (RFC 5746)"),
    -108: (ProtocolViolation, "the peer lacks secure renegotiation (RFC 5746)"),
    -110: (RaggedEOF, "the transport ended without close_notify"),
    -112: (CertificateVerificationError, _NO_CERTIFICATE),
    -206: (InternalTLSError, "there are no random numbers"),
    -217: (ProtocolViolation, "the peer's keys or parameters are too weak"),
    -321: (ProtocolViolation, "no key exchange group in common"),
    -322: (ProtocolViolation, "no key exchange group in common"),
    -343: (ConnectionFault, "the certificate or its key could not be used for this handshake"),
    -344: (ProtocolViolation, "no application protocol was agreed on"),
    -348: (CertificateVerificationError, _CERTIFICATE),
    -402: (InternalTLSError, "GnuTLS has found itself broken and does nothing more"),
    -417: (ProtocolViolation, "the peer sent a record that is longer than TLS allows"),
    -423: (ProtocolViolation, "no key exchange group in common"),
}


def make(kind: type[TLSError], text: str, **attributes: Any) -> TLSError:
    """Make this backend's error of `kind`."""
    return CLASSES.get(kind, kind)(text, **attributes)


def translate(error: BaseException) -> TLSError | None:
    """Map an exception of `native`."""
    if isinstance(error, native.WantRead):
        return make(WantReadError, "more has to come in first")
    assert isinstance(error, native.Error)
    if error.fault is not None:
        return _refused(error.fault, error)
    if error.alert is not None:
        return _alert(error.alert, error)
    if error.code == native.E_USER_ERROR:
        return make(ConnectionFault, error.text)
    kind, text = _TABLE.get(error.code, (ProtocolViolation, f"TLS failed: {error.text}"))
    if error.reason:
        text = error.reason
    attributes: dict[str, Any] = {"native_code": error.code, "native_text": error.text}
    if kind is CertificateVerificationError:
        attributes["failure"] = VerifyFailure.OTHER
    return make(kind, text, **attributes)


def _refused(fault: Fault, error: native.Error) -> TLSError:
    return make(
        CertificateVerificationError,
        f"certificate not accepted: {fault.failure.value} ({fault.text})",
        failure=fault.failure,
        subject=fault.subject,
        native_code=error.code,
        native_text=error.text,
    )


def _alert(code: int, error: native.Error) -> TLSError:
    try:
        alert = AlertDescription(code)
    except ValueError:
        return make(ProtocolViolation, f"the peer sent an alert that nobody knows: {code}", native_code=error.code)
    return make(
        PeerAlert,
        f"the peer ended the connection: {alert.name.lower()}",
        alert=alert,
        native_code=error.code,
        native_text=error.text,
    )
