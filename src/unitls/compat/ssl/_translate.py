"""The one boundary at which an error of unitls becomes one of the `SSLError` family, with numbers and texts as theirs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from ...api._alerts import AlertDescription
from ...api._errors import (
    CertificateVerificationError,
    ConfigurationError,
    ConnectionFault,
    InternalTLSError,
    PeerAlert,
    ProtocolViolation,
    RaggedEOF,
    TLSError,
    UnsupportedFeature,
    VerifyFailure,
    WantReadError,
    WantWriteError,
)
from ...api._features import Feature
from ._enums import SSLErrorNumber
from ._errors import (
    SSLCertVerificationError,
    SSLConfigurationError,
    SSLConnectionFault,
    SSLEOFError,
    SSLError,
    SSLInternalError,
    SSLPeerAlert,
    SSLProtocolViolation,
    SSLUnsupportedFeature,
    SSLWantReadError,
    SSLWantWriteError,
)
from ._strict import StrictFault

_SSL: Final = int(SSLErrorNumber.SSL_ERROR_SSL)
_READ: Final = int(SSLErrorNumber.SSL_ERROR_WANT_READ)
_WRITE: Final = int(SSLErrorNumber.SSL_ERROR_WANT_WRITE)
_EOF: Final = int(SSLErrorNumber.SSL_ERROR_EOF)

# X509_V_ERR_...: the number, and the text of X509_verify_cert_error_string. Numbers are what programs compare.
_VERIFY: Final = {
    VerifyFailure.EXPIRED: (10, "certificate has expired"),
    VerifyFailure.NOT_YET_VALID: (9, "certificate is not yet valid"),
    VerifyFailure.UNKNOWN_ISSUER: (20, "unable to get local issuer certificate"),
    VerifyFailure.SELF_SIGNED: (18, "self-signed certificate"),
    VerifyFailure.NAME_MISMATCH: (62, "Hostname mismatch, certificate is not valid for {subject!r}."),
    VerifyFailure.REVOKED: (23, "certificate revoked"),
    VerifyFailure.BAD_PURPOSE: (26, "unsuitable certificate purpose"),
    VerifyFailure.WEAK: (66, "EE certificate key too weak"),
    VerifyFailure.INVALID: (1, "{text}"),
    VerifyFailure.OTHER: (1, "{text}"),
}
_UNSPECIFIED: Final = 1
_ADDRESS: Final = (64, "IP address mismatch, certificate is not valid for {subject!r}.")
_NO_CERTIFICATE: Final = "PEER_DID_NOT_RETURN_A_CERTIFICATE"
# OpenSSL names an alert's reason after the version of SSL or TLS that introduced it.
_SSL3_ALERTS: Final = frozenset({
    "UNEXPECTED_MESSAGE", "BAD_RECORD_MAC", "DECOMPRESSION_FAILURE", "HANDSHAKE_FAILURE", "BAD_CERTIFICATE",
    "UNSUPPORTED_CERTIFICATE", "CERTIFICATE_REVOKED", "CERTIFICATE_EXPIRED", "CERTIFICATE_UNKNOWN", "ILLEGAL_PARAMETER",
})  # fmt: skip
_TLS13_ALERTS: Final = {
    "MISSING_EXTENSION": "TLSV13_ALERT_MISSING_EXTENSION",
    "CERTIFICATE_REQUIRED": "TLSV13_ALERT_CERTIFICATE_REQUIRED",
    "UNSUPPORTED_EXTENSION": "TLSV1_UNSUPPORTED_EXTENSION",
    "CERTIFICATE_UNOBTAINABLE": "TLSV1_CERTIFICATE_UNOBTAINABLE",
    "UNRECOGNIZED_NAME": "TLSV1_UNRECOGNIZED_NAME",
    "BAD_CERTIFICATE_STATUS_RESPONSE": "TLSV1_BAD_CERTIFICATE_STATUS_RESPONSE",
    "BAD_CERTIFICATE_HASH_VALUE": "TLSV1_BAD_CERTIFICATE_HASH_VALUE",
    "USER_CANCELED": "TLSV1_ALERT_USER_CANCELLED",
}
# What core and the backends say of a handshake that found nothing in common, and OpenSSL's name for it.
_REASONS: Final = (
    (re.compile("no version of TLS in common|version .* out of the range"), "UNSUPPORTED_PROTOCOL"),
    (re.compile("no cipher suite in common"), "NO_SHARED_CIPHER"),
    (re.compile("no key exchange group in common"), "NO_SUITABLE_KEY_SHARE"),
    (re.compile("no signature algorithm in common"), "NO_SUITABLE_SIGNATURE_ALGORITHM"),
    (re.compile("plain(text)? HTTP"), "HTTP_REQUEST"),
    (re.compile("does not speak TLS|not TLS|of no version of TLS|plaintext was received"), "WRONG_VERSION_NUMBER"),
    (re.compile("could not be decrypted|bad record"), "DECRYPTION_FAILED_OR_BAD_RECORD_MAC"),
    (re.compile("application data came instead"), "APPLICATION_DATA_AFTER_CLOSE_NOTIFY"),
)


def want_read() -> SSLError:
    """The signal that more has to come in."""
    return SSLWantReadError(_READ, "The operation did not complete (read)")


def failure(reason: str | None, text: str, kind: type[Any] = SSLError, **attributes: Any) -> Any:
    """An error with the text as OpenSSL's would have it: the reason in brackets, then the words."""
    label = f"[SSL: {reason}] " if reason else ""
    error = kind(_SSL, f"{label}{text}", **attributes)
    error.reason = reason
    error.library = "SSL" if reason else None
    return error


def eof() -> SSLError:
    """The error for a connection that ended without close_notify."""
    reason = "UNEXPECTED_EOF_WHILE_READING"
    error: SSLError = SSLEOFError(_EOF, f"[SSL: {reason}] EOF occurred in violation of protocol")
    error.reason, error.library = reason, "SSL"
    return error


def unsupported(feature: Feature, text: str) -> SSLError:
    """The error for what was asked for and cannot be had."""
    error: SSLError = failure(None, text, SSLUnsupportedFeature, feature=feature)
    return error


def not_verified(code: int, message: str, failure_kind: VerifyFailure, **attributes: Any) -> SSLError:
    """The error for a certificate that is not accepted."""
    error: Any = failure(
        "CERTIFICATE_VERIFY_FAILED",
        f"certificate verify failed: {message}",
        SSLCertVerificationError,
        failure=failure_kind,
        **attributes,
    )
    error.verify_code, error.verify_message = code, message
    return error  # type: ignore[no-any-return]


@contextmanager
def boundary() -> Iterator[None]:
    """Raise what unitls raises inside as one of the `SSLError` family. Not for the hot path."""
    try:
        yield
    except SSLError:
        raise
    except TLSError as error:
        raise translated(error) from error


def translated(error: TLSError) -> SSLError:
    """The error of the `SSLError` family that says what `error` says."""
    if isinstance(error, SSLError):
        return error
    if isinstance(error, WantReadError):
        return want_read()
    if isinstance(error, WantWriteError):
        return SSLWantWriteError(_WRITE, "The operation did not complete (write)")
    native: dict[str, Any] = {"native_code": error.native_code, "native_text": error.native_text}
    for kind, translate in _TABLE:
        if isinstance(error, kind):
            return translate(error, native)  # type: ignore[no-any-return]
    return failure(None, str(error), **native)  # type: ignore[no-any-return]


def _words(error: TLSError) -> str:
    """The sentence of an error, without a number in front."""
    strerror = getattr(error, "strerror", None)
    return strerror if isinstance(strerror, str) else str(error)


def _ragged(error: RaggedEOF, native: dict[str, Any]) -> SSLError:
    fault = eof()
    fault.native_code, fault.native_text = native["native_code"], native["native_text"]
    return fault


def _verification(error: CertificateVerificationError, native: dict[str, Any]) -> SSLError:
    if "sent no certificate" in _words(error):
        text = _NO_CERTIFICATE.lower().replace("_", " ")
        return failure(  # type: ignore[no-any-return]
            _NO_CERTIFICATE, text, SSLCertVerificationError, failure=error.failure, **native
        )
    broken = error.__cause__
    if isinstance(broken, StrictFault):
        return not_verified(broken.code, broken.message, error.failure, **native)
    code, message = _VERIFY[error.failure]
    if error.failure is VerifyFailure.NAME_MISMATCH and _is_address(error.subject):
        code, message = _ADDRESS
    theirs = getattr(error, "verify_code", 0)
    if theirs > _UNSPECIFIED:  # the library is OpenSSL, and has said it itself
        return not_verified(theirs, error.native_text or message, error.failure, subject=error.subject, **native)
    if error.failure in (VerifyFailure.WEAK, VerifyFailure.INVALID, VerifyFailure.OTHER):
        message = _words(error)
    message = message.format(subject=error.subject) if error.failure is VerifyFailure.NAME_MISMATCH else message
    return not_verified(code, message, error.failure, subject=error.subject, **native)


def _is_address(subject: str | None) -> bool:
    return subject is not None and (":" in subject or subject.rpartition(".")[2].isdigit())


def _alert(error: PeerAlert, native: dict[str, Any]) -> SSLError:
    try:
        name = AlertDescription(error.alert).name
    except ValueError:
        return failure(None, _words(error), SSLPeerAlert, alert=error.alert, **native)  # type: ignore[no-any-return]
    reason = _TLS13_ALERTS.get(name) or f"{'SSLV3' if name in _SSL3_ALERTS else 'TLSV1'}_ALERT_{name}"
    text = reason.lower().replace("_", " ")
    return failure(reason, text, SSLPeerAlert, alert=error.alert, **native)  # type: ignore[no-any-return]


def _violation(error: ProtocolViolation, native: dict[str, Any]) -> SSLError:
    return _connection(error, native, SSLProtocolViolation)


def _connection(error: TLSError, native: dict[str, Any], kind: Any = SSLConnectionFault) -> SSLError:
    text = _words(error)
    reason = getattr(error, "reason", None)
    if not reason:
        reason = next((name for pattern, name in _REASONS if pattern.search(text)), None)
    if reason:
        text = f"{reason.lower().replace('_', ' ')}: {text}"  # programs look for OpenSSL's words
    return failure(reason, text, kind, **native)  # type: ignore[no-any-return]


def _unsupported(error: UnsupportedFeature, native: dict[str, Any]) -> SSLError:
    return failure(  # type: ignore[no-any-return]
        None, _words(error), SSLUnsupportedFeature, feature=error.feature, **native
    )


def _configuration(error: ConfigurationError, native: dict[str, Any]) -> SSLError:
    return failure(getattr(error, "reason", None) or None, _words(error), SSLConfigurationError, **native)  # type: ignore[no-any-return]


def _internal(error: InternalTLSError, native: dict[str, Any]) -> SSLError:
    return failure("INTERNAL_ERROR", _words(error), SSLInternalError, **native)  # type: ignore[no-any-return]


_TABLE: Final[tuple[tuple[type[TLSError], Any], ...]] = (
    (RaggedEOF, _ragged),
    (CertificateVerificationError, _verification),
    (PeerAlert, _alert),
    (ProtocolViolation, _violation),
    (ConnectionFault, _connection),
    (UnsupportedFeature, _unsupported),
    (ConfigurationError, _configuration),
    (InternalTLSError, _internal),
)
