"""Our errors, and the table from those of NSS to them."""

from __future__ import annotations

from typing import Any, Final

from ...api._alerts import AlertDescription
from ...api._errors import (
    CertificateVerificationError,
    ConnectionFault,
    InternalTLSError,
    PeerAlert,
    ProtocolViolation,
    TLSError,
    VerifyFailure,
    WantReadError,
)
from ...core._error_classes import error_classes
from ...core._leaf_check import Fault
from . import native

CLASSES: Final = error_classes("NSS", globals())

# Names of sslerr.h, secerr.h and prerr.h. Whatever is in none of these tables is something that the peer did, or could
# not do.
_NO_CERTIFICATE: Final = "SSL_ERROR_NO_CERTIFICATE"
_UNREADABLE_CERTIFICATE: Final = frozenset(
    {
        "SEC_ERROR_BAD_DER",
        "SEC_ERROR_INVALID_AVA",
        "SEC_ERROR_INVALID_TIME",
        "SEC_ERROR_BAD_KEY",
        "SEC_ERROR_INVALID_KEY",
        "SEC_ERROR_EXTENSION_VALUE_INVALID",
        "SEC_ERROR_UNSUPPORTED_ELLIPTIC_CURVE",
        "SSL_ERROR_EXTRACT_PUBLIC_KEY_FAILURE",
    }
)
_WEAK_KEY: Final = "SSL_ERROR_WEAK_SERVER_CERT_KEY"
_INTERNAL: Final = frozenset(
    {
        "SEC_ERROR_IO",
        "SEC_ERROR_LIBRARY_FAILURE",
        "SEC_ERROR_INVALID_ARGS",
        "SEC_ERROR_NO_MEMORY",
        "PR_OUT_OF_MEMORY_ERROR",
        "PR_INVALID_ARGUMENT_ERROR",
        "SSL_ERROR_INIT_CIPHER_SUITE_FAILURE",
        "SSL_ERROR_SIGN_HASHES_FAILURE",
    }
)
_NO_ECH: Final = "the server does not take this Encrypted ClientHello (ECH): get its ECHConfigList anew"
_SENTENCES: Final = {
    "SSL_ERROR_NO_CYPHER_OVERLAP": "no cipher suite in common",
    "SSL_ERROR_UNSUPPORTED_VERSION": "no version of TLS in common",
    "SSL_ERROR_RX_RECORD_TOO_LONG": "the peer does not speak TLS here",
    "SSL_ERROR_ECH_FAILED": _NO_ECH,
    "SSL_ERROR_ECH_RETRY_WITH_ECH": _NO_ECH,
    "SSL_ERROR_ECH_RETRY_WITHOUT_ECH": _NO_ECH,
    "SSL_ERROR_BAD_MAC_READ": "a record could not be decrypted: it was damaged or forged",
}


def make(kind: type[TLSError], text: str, **attributes: Any) -> TLSError:
    """Make this backend's error of `kind`."""
    return CLASSES.get(kind, kind)(text, **attributes)


def translate(error: BaseException) -> TLSError | None:
    """Map an error of NSS; `None` for the peer's close_notify."""
    if isinstance(error, native.WantRead):
        return make(WantReadError, "more has to come in first")
    assert isinstance(error, native.Error)
    if isinstance(error, native.CallbackFailure):
        return make(ConnectionFault, f"a callback has failed: {error.__cause__!r}")
    if error.fault is not None:
        return _refused(error.fault, error)
    if error.alert is not None:
        return _alert(error.alert, error)
    if error.name == _NO_CERTIFICATE:
        return _refused(Fault(VerifyFailure.OTHER, "the client sent no certificate"), error)
    if error.name in _UNREADABLE_CERTIFICATE:
        return _refused(Fault(VerifyFailure.INVALID, f"a certificate cannot be read: {error.text}"), error)
    if error.name == _WEAK_KEY:
        return _refused(Fault(VerifyFailure.WEAK, f"the key of the certificate is too weak: {error.text}"), error)
    kind = InternalTLSError if error.name in _INTERNAL else ProtocolViolation
    text = _SENTENCES.get(error.name) or f"TLS failed: {error.text}"
    return make(kind, text, native_code=error.code, native_text=str(error))


def _refused(fault: Fault, error: native.Error) -> TLSError:
    return make(
        CertificateVerificationError,
        f"certificate not accepted: {fault.failure.value} ({fault.text})",
        failure=fault.failure,
        subject=fault.subject,
        native_code=error.code,
        native_text=str(error),
    )


def _alert(number: int, error: native.Error) -> TLSError:
    try:
        alert = AlertDescription(number)
    except ValueError:
        return make(ProtocolViolation, f"the peer sent an alert that nobody knows: {number}", native_code=error.code)
    return make(
        PeerAlert,
        f"the peer ended the connection: {alert.name.lower()}",
        alert=alert,
        native_code=error.code,
        native_text=str(error),
    )
