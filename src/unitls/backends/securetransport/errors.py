"""Our errors, and the table from the OSStatus of SecureTransport to them."""

from __future__ import annotations

from typing import Final

from ...api._errors import (
    CertificateVerificationError,
    ConnectionFault,
    InternalTLSError,
    ProtocolViolation,
    RaggedEOF,
    TLSError,
    VerifyFailure,
)
from ...core._backend_errors import BackendErrors
from ...core._leaf_check import Fault
from ...platforms.macos._foundation import message
from . import native

ERRORS: Final = BackendErrors("SecureTransport", globals())
make: Final = ERRORS.make

ALERTS: Final = {
    -9819: 10, -9820: 20, -9821: 21, -9822: 22, -9823: 30, -9824: 40, -9825: 42, -9826: 43, -9827: 44, -9828: 45,
    -9829: 46, -9831: 48, -9832: 49, -9833: 50, -9834: 51, -9835: 60, -9836: 70, -9837: 71, -9838: 80, -9839: 90,
    -9840: 100,
}  # fmt: skip
"""errSSLPeer…: the alert that each of them says the peer has sent."""
_CERTIFICATE: Final = {
    -9807: VerifyFailure.INVALID,  # errSSLXCertChainInvalid
    -9808: VerifyFailure.INVALID,  # errSSLBadCert
    -9812: VerifyFailure.UNKNOWN_ISSUER,  # errSSLUnknownRootCert
    -9813: VerifyFailure.UNKNOWN_ISSUER,  # errSSLNoRootCert
    -9814: VerifyFailure.EXPIRED,  # errSSLCertExpired
    -9815: VerifyFailure.NOT_YET_VALID,  # errSSLCertNotYetValid
    -9843: VerifyFailure.NAME_MISMATCH,  # errSSLHostNameMismatch
}
_VIOLATIONS: Final = {
    -9800: "the peer does not keep to the protocol, or does not speak TLS here",  # errSSLProtocol
    -9801: "no version of TLS, cipher suite or other parameter in common",  # errSSLNegotiation
    -9818: "the server picked a cipher suite that was not offered",  # errSSLBadCipherSuite
    -9830: "a parameter of the handshake is wrong",  # errSSLIllegalParam
    -9845: "a record could not be decrypted: it was damaged or forged",  # errSSLDecryptionFail
    -9846: "a record could not be decrypted: it was damaged or forged",  # errSSLBadRecordMac
    -9847: "the peer sent a record that is longer than TLS allows",  # errSSLRecordOverflow
    -9849: "the peer sent a record that has no place here",  # errSSLUnexpectedRecord
    -9850: "the peer's Diffie-Hellman group is too weak",  # errSSLWeakPeerEphemeralDHKey
}
_CLOSURES: Final = frozenset({native.CLOSED_ABORT, native.CLOSED_NO_NOTIFY, -9844})  # errSSLConnectionRefused


def translate(error: BaseException) -> TLSError | None:
    """Map an exception of `native`; `None` for the peer's close_notify."""
    if isinstance(error, native.WantRead):
        return ERRORS.want_read()
    assert isinstance(error, native.Error)
    if error.fault is not None:
        return _refused(error, error.fault)
    if error.alert is not None or error.code in ALERTS:
        number = ALERTS.get(error.code, 0) if error.alert is None else error.alert
        return ERRORS.alert(number, native_code=error.code, native_text=message(error.code))
    if error.ragged:
        return make(RaggedEOF, "the transport ended without close_notify", native_code=error.code)
    if error.code == native.CLOSED_GRACEFUL and not error.text:
        return None
    return _by_code(error)


def _by_code(error: native.Error) -> TLSError:
    code, said = error.code, message(error.code)
    if code in _CERTIFICATE:
        return _refused(error, Fault(_CERTIFICATE[code], said or f"status {code}"))
    if code in _VIOLATIONS:
        return make(ProtocolViolation, error.text or _VIOLATIONS[code], native_code=code, native_text=said)
    if code in _CLOSURES or error.text:
        text = error.text or "the connection was closed because of a fault"
        return make(ConnectionFault, text, native_code=code, native_text=said)
    return make(InternalTLSError, f"SecureTransport failed: {said or code}", native_code=code, native_text=said)


def _refused(error: native.Error, fault: Fault) -> TLSError:
    return make(
        CertificateVerificationError,
        error.text or f"certificate not accepted: {fault.failure.value} ({fault.text})",
        failure=fault.failure,
        subject=fault.subject,
        native_code=error.code,
        native_text=fault.text,
    )
