"""Our errors as the `ssl` module's, and the table from its errors to ours.

Each class is one of unitls and one of `ssl` at once, so that a program which catches `ssl.SSLError` still does.
"""

from __future__ import annotations

import re
import ssl
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
    WantReadError,
    WantWriteError,
)
from .._openssl_codes import INTERNAL, NO_CERTIFICATE, SENTENCES
from .verify import failure_of


class OpenSSLError(TLSError, ssl.SSLError):
    """The base of all errors of this backend.

    Attributes:
        reason: OpenSSL's name for the reason, as the `ssl` module gives it.
        library: the part of OpenSSL it comes from.
    """

    reason: Any = None
    library: Any = None
    verify_code: Any = 0
    verify_message: Any = ""

    def __init__(self, *args: Any, **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        if self.errno is None:  # where ValueError comes first among the bases; twice, it would leak the arguments
            OSError.__init__(self, *args)


class OpenSSLWantReadError(WantReadError, OpenSSLError, ssl.SSLWantReadError):
    __init__ = OSError.__init__  # a signal, made very often: there is nothing more to set


class OpenSSLWantWriteError(WantWriteError, OpenSSLError, ssl.SSLWantWriteError):
    __init__ = OSError.__init__


class OpenSSLConfigurationError(ConfigurationError, OpenSSLError):
    pass


class OpenSSLConnectionFault(ConnectionFault, OpenSSLError):
    pass


class OpenSSLRaggedEOF(RaggedEOF, OpenSSLConnectionFault, ssl.SSLEOFError):
    pass


class OpenSSLCertificateVerificationError(
    CertificateVerificationError, OpenSSLConnectionFault, ssl.SSLCertVerificationError
):
    pass


class OpenSSLPeerAlert(PeerAlert, OpenSSLConnectionFault):
    pass


class OpenSSLProtocolViolation(ProtocolViolation, OpenSSLConnectionFault):
    pass


class OpenSSLInternalError(InternalTLSError, OpenSSLError):
    pass


CLASSES: Final[dict[type[TLSError], type[TLSError]]] = {
    TLSError: OpenSSLError,
    WantReadError: OpenSSLWantReadError,
    WantWriteError: OpenSSLWantWriteError,
    ConfigurationError: OpenSSLConfigurationError,
    ConnectionFault: OpenSSLConnectionFault,
    RaggedEOF: OpenSSLRaggedEOF,
    CertificateVerificationError: OpenSSLCertificateVerificationError,
    PeerAlert: OpenSSLPeerAlert,
    ProtocolViolation: OpenSSLProtocolViolation,
    InternalTLSError: OpenSSLInternalError,
}
_WANT_READ: Final = int(ssl.SSL_ERROR_WANT_READ)
_WANT_WRITE: Final = int(ssl.SSL_ERROR_WANT_WRITE)
_NUMBERS: Final[dict[type[TLSError], int]] = {
    WantReadError: ssl.SSL_ERROR_WANT_READ,
    WantWriteError: ssl.SSL_ERROR_WANT_WRITE,
    RaggedEOF: ssl.SSL_ERROR_EOF,
}
# An alert's reason is its name behind the version that introduced it; these two lack the word ALERT.
_ALERT: Final = re.compile(r"(?:SSLV3|TLSV1|TLSV13)_(?:ALERT_)?(\w+)")
_TEXT: Final = re.compile(r"\[SSL\] ([\w ]+) \(_ssl\.c:\d+\)")
_ALERT_NAMES: Final = {
    "DECRYPTION_FAILED": AlertDescription.DECRYPTION_FAILED,
    "EXPORT_RESTRICTION": AlertDescription.EXPORT_RESTRICTION,
    "USER_CANCELLED": AlertDescription.USER_CANCELED,
    "CERTIFICATE_UNOBTAINABLE": AlertDescription.CERTIFICATE_UNOBTAINABLE,
}


def want_read() -> WantReadError:
    """The signal that is made most often."""
    signal: WantReadError = OpenSSLWantReadError(_WANT_READ, "more has to come in first")
    return signal


def make(kind: type[Any], text: str, **attributes: Any) -> Any:
    """Make this backend's error of `kind`, as (number, text), with the attributes the `ssl` module would set."""
    if not attributes and (kind is WantReadError or kind is WantWriteError):
        return CLASSES[kind](_NUMBERS[kind], text)
    details = {name: attributes.pop(name) for name in ("reason", "verify_code", "verify_message") if name in attributes}
    if kind not in CLASSES:
        return kind(text, **attributes)
    error: Any = CLASSES[kind](int(_NUMBERS.get(kind, ssl.SSL_ERROR_SSL)), text, **attributes)
    error.library = "SSL"
    if kind is CertificateVerificationError:
        details.setdefault("reason", "CERTIFICATE_VERIFY_FAILED")
        details.setdefault("verify_message", text)
        details.setdefault("verify_code", 1)
    for name, value in details.items():
        setattr(error, name, value)
    return error


def translate(error: BaseException) -> Any:
    """Map an error of the `ssl` module; `None` for the peer's close_notify."""
    if isinstance(error, ssl.SSLWantReadError):
        return OpenSSLWantReadError(_WANT_READ, "more has to come in first")
    if isinstance(error, ssl.SSLWantWriteError):
        return OpenSSLWantWriteError(_WANT_WRITE, "something has to go out first")
    if isinstance(error, ssl.SSLZeroReturnError):
        return None
    if isinstance(error, ssl.SSLCertVerificationError):
        return _verification(error)
    reason = getattr(error, "reason", None) or _reason_in(str(error))
    if isinstance(error, ssl.SSLEOFError) or reason == "UNEXPECTED_EOF_WHILE_READING":
        return make(RaggedEOF, "the transport ended without close_notify", reason=reason or None)
    return _from_reason(reason, error)


def _reason_in(text: str) -> str:
    """The reason in OpenSSL's text, where the module has no name for its number: "[SSL] tlsv1 alert ... (_ssl.c:1)"."""
    match = _TEXT.fullmatch(text)
    return match[1].upper().replace(" ", "_") if match else ""


def _verification(error: ssl.SSLCertVerificationError) -> Any:
    failure = failure_of(error.verify_code)
    return make(
        CertificateVerificationError,
        f"certificate not accepted: {failure.value} ({error.verify_message})",
        failure=failure,
        native_code=error.verify_code,
        native_text=error.verify_message,
        verify_code=error.verify_code,
        verify_message=error.verify_message,
    )


def _from_reason(reason: str, error: BaseException) -> Any:
    native: dict[str, Any] = {"native_text": str(error), "reason": reason or None}
    if reason == NO_CERTIFICATE:
        return make(CertificateVerificationError, "the client sent no certificate", **native)
    if match := _ALERT.fullmatch(reason):
        alert = _ALERT_NAMES.get(match[1]) or AlertDescription.__members__.get(match[1])
        if alert is not None:
            return make(PeerAlert, f"the peer ended the connection: {alert.name.lower()}", alert=alert, **native)
    if reason == "INTERNAL_ERROR":  # a peer can cause it, with records that OpenSSL has no better word for
        return make(ConnectionFault, f"OpenSSL gave the connection up: {error}", **native)
    if reason in INTERNAL:
        return make(InternalTLSError, f"OpenSSL failed: {error}", **native)
    return make(ProtocolViolation, SENTENCES.get(reason) or f"TLS failed: {_plain(reason) or error}", **native)


def _plain(reason: str) -> str:
    return reason.lower().replace("_", " ")
