"""Our errors, and the table from GnuTLS's codes to them."""

from __future__ import annotations

from typing import Any, Final

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
from ...core._late_verdict import ANOTHER
from . import native

ERRORS: Final = BackendErrors("GnuTLS", globals())
make: Final = ERRORS.make

_CERTIFICATE: Final = "the certificate was not accepted"
_UNREADABLE: Final = "a certificate cannot be read, or its key cannot be used"
_WRONG_USAGE: Final = "the key usage of the certificate does not allow it"
_NO_CERTIFICATE: Final = "the peer sent no certificate"
_FAILURES: Final = {_UNREADABLE: VerifyFailure.INVALID, _WRONG_USAGE: VerifyFailure.BAD_PURPOSE}
"""What the library finds wrong with a certificate itself."""
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
    -43: (CertificateVerificationError, _UNREADABLE),
    -46: (ConnectionFault, "the private key could not sign"),
    -48: (CertificateVerificationError, _WRONG_USAGE),
    -49: (CertificateVerificationError, _NO_CERTIFICATE),
    -53: (InternalTLSError, "the outgoing buffer could not be written to"),
    -54: (InternalTLSError, "the incoming buffer could not be read"),
    -59: (ConnectionFault, "GnuTLS gave the connection up"),  # INTERNAL_ERROR, which a peer can cause, with many alerts
    -62: (CertificateVerificationError, _UNREADABLE),
    -87: (ProtocolViolation, _NO_SUITE),
    -89: (ProtocolViolation, "the peer's signature in the handshake is wrong"),
    -106: (ProtocolViolation, "no signature algorithm in common"),
    -107: (ProtocolViolation, "the peer lacks secure renegotiation (RFC 5746)"),
    -108: (ProtocolViolation, "the peer lacks secure renegotiation (RFC 5746)"),
    -110: (RaggedEOF, "the transport ended without close_notify"),
    -112: (CertificateVerificationError, _NO_CERTIFICATE),
    -206: (InternalTLSError, "there are no random numbers"),
    -217: (ProtocolViolation, "the peer's keys or parameters are too weak"),
    -328: (RaggedEOF, "the peer closed the connection during the handshake"),  # SESSION_EOF: its close_notify
    -321: (ProtocolViolation, "no key exchange group in common"),
    -322: (ProtocolViolation, "no key exchange group in common"),
    -343: (ConnectionFault, "the certificate or its key could not be used for this handshake"),
    -344: (ProtocolViolation, "no application protocol was agreed on"),
    -348: (CertificateVerificationError, _CERTIFICATE),
    -402: (InternalTLSError, "GnuTLS has found itself broken and does nothing more"),
    -406: (CertificateVerificationError, ANOTHER.text),  # SESSION_USER_ID_CHANGED
    -416: (CertificateVerificationError, _UNREADABLE),
    -417: (ProtocolViolation, "the peer sent a record that is longer than TLS allows"),
    -418: (CertificateVerificationError, _UNREADABLE),
    -423: (ProtocolViolation, "no key exchange group in common"),
    -430: (CertificateVerificationError, _UNREADABLE),
}


def translate(error: BaseException) -> TLSError | None:
    """Map an exception of `native`."""
    if isinstance(error, native.WantRead):
        return ERRORS.want_read()
    assert isinstance(error, native.Error)
    known: dict[str, Any] = {"native_code": error.code, "native_text": error.text}
    if error.fault is not None:
        return ERRORS.refused(error.fault, **known)
    if error.alert is not None:
        return ERRORS.alert(error.alert, **known)
    if error.code == native.E_USER_ERROR:
        return make(ConnectionFault, error.text)
    kind, text = _TABLE.get(error.code, (ProtocolViolation, f"TLS failed: {error.text}"))
    if error.reason:
        text = error.reason
    if kind is CertificateVerificationError:
        known["failure"] = _FAILURES.get(text, VerifyFailure.OTHER)
    return make(kind, text, **known)
