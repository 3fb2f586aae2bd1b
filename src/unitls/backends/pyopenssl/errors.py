"""Our errors, and the table from those of OpenSSL to them."""

from __future__ import annotations

from typing import Any, Final

from ...api._errors import (
    CertificateVerificationError,
    ConnectionFault,
    InternalTLSError,
    ProtocolViolation,
    RaggedEOF,
    TLSError,
    WantWriteError,
)
from ...core._backend_errors import BackendErrors
from ...core._leaf_check import Fault
from .._openssl_codes import INTERNAL, NO_CERTIFICATE, SENTENCES, failure_of
from .native import SSL, Error, verify_text

ERRORS: Final = BackendErrors("PyOpenSSL", globals())
make: Final = ERRORS.make
_ALERTS: Final = range(1000, 1256)
"""Reasons that are an alert of the peer: 1,000 more than its number (SSL_AD_REASON_OFFSET)."""
_RAGGED: Final = "UNEXPECTED_EOF_WHILE_READING"


def translate(error: BaseException) -> TLSError | None:
    """Map an error of OpenSSL; `None` for the peer's close_notify."""
    if isinstance(error, SSL.WantReadError):
        return ERRORS.want_read()
    if isinstance(error, SSL.ZeroReturnError):
        return None
    if isinstance(error, SSL.WantWriteError):
        return make(WantWriteError, "something has to go out first")
    if not isinstance(error, Error):
        return make(InternalTLSError, f"pyOpenSSL failed: {error}", native_text=str(error))
    if error.problem is not None:
        return ERRORS.callback_failed(error.problem)
    if error.fault is not None or error.verify_code:
        return _verification(error)
    return _from_reason(error)


def _verification(error: Error) -> TLSError:
    code = error.verify_code
    fault = error.fault or Fault(failure_of(code), verify_text(code))
    return ERRORS.refused(fault, native_code=code or error.code, native_text=verify_text(code) if code else str(error))


def _from_reason(error: Error) -> TLSError:
    reason = error.reason
    native: dict[str, Any] = {"native_code": error.code, "native_text": str(error)}
    if reason == NO_CERTIFICATE:
        return make(CertificateVerificationError, "the client sent no certificate", **native)
    if error.is_tls and error.code in _ALERTS:
        return ERRORS.alert(error.code - _ALERTS.start, **native)
    if reason == _RAGGED:
        return make(RaggedEOF, "the transport ended without close_notify", **native)
    if reason == "INTERNAL_ERROR":  # a peer can cause it, with records that OpenSSL has no better word for
        return make(ConnectionFault, f"OpenSSL gave the connection up: {error}", **native)
    if reason in INTERNAL:
        return make(InternalTLSError, f"OpenSSL failed: {error}", **native)
    return make(ProtocolViolation, SENTENCES.get(reason) or f"TLS failed: {plain(reason) or error}", **native)


def plain(reason: str) -> str:
    """The name of a reason as words."""
    return reason.lower().replace("_", " ")
