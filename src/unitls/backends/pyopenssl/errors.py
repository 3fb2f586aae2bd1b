"""Our errors, and the table from those of OpenSSL to them."""

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
    WantReadError,
    WantWriteError,
)
from ...core._error_classes import error_classes
from ...core._leaf_check import Fault
from .._openssl_codes import INTERNAL, NO_CERTIFICATE, SENTENCES, failure_of
from .native import SSL, Error, verify_text

CLASSES: Final = error_classes("PyOpenSSL", globals())
_ALERTS: Final = range(1000, 1256)
"""Reasons that are an alert of the peer: 1,000 more than its number (SSL_AD_REASON_OFFSET)."""
_RAGGED: Final = "UNEXPECTED_EOF_WHILE_READING"


def make(kind: type[TLSError], text: str, **attributes: Any) -> TLSError:
    """Make this backend's error of `kind`."""
    return CLASSES.get(kind, kind)(text, **attributes)


def want_read() -> WantReadError:
    """The signal that is made most often."""
    signal = CLASSES[WantReadError]("more has to come in first")
    assert isinstance(signal, WantReadError)
    return signal


def translate(error: BaseException) -> TLSError | None:
    """Map an error of OpenSSL; `None` for the peer's close_notify."""
    if isinstance(error, SSL.WantReadError):
        return want_read()
    if isinstance(error, SSL.ZeroReturnError):
        return None
    if isinstance(error, SSL.WantWriteError):
        return make(WantWriteError, "something has to go out first")
    if not isinstance(error, Error):
        return make(InternalTLSError, f"pyOpenSSL failed: {error}", native_text=str(error))
    if error.problem is not None:
        return make(ConnectionFault, f"a callback has failed: {error.problem}")
    if error.fault is not None or error.verify_code:
        return _verification(error)
    return _from_reason(error)


def _verification(error: Error) -> TLSError:
    code = error.verify_code
    fault = error.fault or Fault(failure_of(code), verify_text(code))
    return make(
        CertificateVerificationError,
        f"certificate not accepted: {fault.failure.value} ({fault.text})",
        failure=fault.failure,
        subject=fault.subject,
        native_code=code or error.code,
        native_text=verify_text(code) if code else str(error),
    )


def _from_reason(error: Error) -> TLSError:
    reason = error.reason
    native: dict[str, Any] = {"native_code": error.code, "native_text": str(error)}
    if reason == NO_CERTIFICATE:
        return make(CertificateVerificationError, "the client sent no certificate", **native)
    if error.is_tls and error.code in _ALERTS:
        return _alert(error.code - _ALERTS.start, native)
    if reason == _RAGGED:
        return make(RaggedEOF, "the transport ended without close_notify", **native)
    if reason == "INTERNAL_ERROR":  # a peer can cause it, with records that OpenSSL has no better word for
        return make(ConnectionFault, f"OpenSSL gave the connection up: {error}", **native)
    if reason in INTERNAL:
        return make(InternalTLSError, f"OpenSSL failed: {error}", **native)
    return make(ProtocolViolation, SENTENCES.get(reason) or f"TLS failed: {plain(reason) or error}", **native)


def _alert(number: int, native: dict[str, Any]) -> TLSError:
    try:
        alert = AlertDescription(number)
    except ValueError:
        return make(ProtocolViolation, f"the peer sent an alert that nobody knows: {number}", **native)
    return make(PeerAlert, f"the peer ended the connection: {alert.name.lower()}", alert=alert, **native)


def plain(reason: str) -> str:
    """The name of a reason as words."""
    return reason.lower().replace("_", " ")
