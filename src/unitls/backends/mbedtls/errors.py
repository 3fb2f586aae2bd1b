"""Our errors, and the table from the library's results to them."""

from __future__ import annotations

from typing import Any, Final

from ...api._errors import (
    CertificateVerificationError,
    InternalTLSError,
    ProtocolViolation,
    RaggedEOF,
    TLSError,
    VerifyFailure,
)
from ...core._backend_errors import BackendErrors
from ...core._leaf_check import Fault
from . import native

ERRORS: Final = BackendErrors("MbedTLS", globals())
make: Final = ERRORS.make

# ssl.h: what went wrong in the library or in us. Everything else says what the peer did, or could not do.
_INTERNAL: Final = frozenset(
    {
        -0x7F00,  # ALLOC_FAILED
        -0x6C00,  # INTERNAL_ERROR
        -0x6A00,  # BUFFER_TOO_SMALL
        -0x7400,  # NO_RNG
        -0x7680,  # CA_CHAIN_REQUIRED
        -0x7600,  # PRIVATE_KEY_REQUIRED
        -0x3F80,  # PK_ALLOC_FAILED
        -0x2880,  # X509_ALLOC_FAILED
        -0x006E,  # ERROR_CORRUPTION_DETECTED
        -0x5D80,  # 3.6: no host name was set
    }
)
_SENTENCES: Final = {
    -0x6E80: "no version of TLS in common",
    -0x7380: "no cipher suite in common",
    -0x7580: "no cipher suite in common that goes with the certificate",
    -0x7100: "the peer has sent a record that is longer than TLS allows, or something else that cannot be",
    -0x7080: "the peer has sent a message longer than this library takes",
    -0x7180: "a record could not be decrypted: it was damaged or forged",
    -0x7200: "the peer does not speak TLS here, or has sent a record that is none",
    -0x7480: "the client sent no certificate",
}
_X509_FIRST, _X509_LAST = 0x2080, 0x3000
_LOW_LEVEL: Final = 0x7F
"""The bits of a result that a lower layer fills in."""


def translate(error: BaseException) -> TLSError | None:
    """Map an exception of `native`; `None` would be the peer's close_notify, which is no exception here."""
    if isinstance(error, native.WantRead):
        return ERRORS.want_read()
    assert isinstance(error, native.Error)
    known: dict[str, Any] = {"native_code": error.code, "native_text": error.text}
    if error.fault is not None:
        return ERRORS.refused(error.fault, **known)
    if error.__cause__ is not None:
        return ERRORS.callback_failed(repr(error.__cause__), native_code=error.code)
    if error.code == native.FATAL_ALERT_MESSAGE:
        return ERRORS.alert(error.alert, **known)
    if error.code == native.PEER_CLOSE_NOTIFY:
        return make(RaggedEOF, "the peer closed the connection during the handshake", **known)
    if error.code == native.NO_CLIENT_CERTIFICATE:
        return make(CertificateVerificationError, _SENTENCES[error.code], **known)
    if _X509_FIRST <= -error.code <= _X509_LAST:
        return ERRORS.refused(
            Fault(VerifyFailure.INVALID, "the library cannot read it, or not all of its rules"), **known
        )
    high = -(-error.code & ~_LOW_LEVEL)
    if error.code in _INTERNAL or high in _INTERNAL:
        return make(InternalTLSError, f"Mbed TLS failed: {error.text}", **known)
    return make(ProtocolViolation, _SENTENCES.get(high) or f"TLS failed: {error.text}", **known)


def refusal(error: native.Error) -> TLSError:
    """The error for a connection that could not be begun."""
    return translate(error) or make(InternalTLSError, str(error))
