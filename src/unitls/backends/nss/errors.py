"""Our errors, and the table from those of NSS to them."""

from __future__ import annotations

from typing import Any, Final

from ...api._errors import (
    ConnectionFault,
    InternalTLSError,
    ProtocolViolation,
    RaggedEOF,
    TLSError,
    VerifyFailure,
)
from ...core._backend_errors import BackendErrors
from ...core._leaf_check import Fault
from . import native

ERRORS: Final = BackendErrors("NSS", globals())
make: Final = ERRORS.make

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
        "SEC_ERROR_INVALID_ARGS",
        "SEC_ERROR_NO_MEMORY",
        "PR_OUT_OF_MEMORY_ERROR",
        "PR_INVALID_ARGUMENT_ERROR",
        "SSL_ERROR_INIT_CIPHER_SUITE_FAILURE",
        "SSL_ERROR_SIGN_HASHES_FAILURE",
    }
)
_UNCLEAR: Final = "SEC_ERROR_LIBRARY_FAILURE"
"""A peer can cause it, with a record whose header has been changed."""
_CLOSED: Final = "PR_END_OF_FILE_ERROR"
"""A close_notify in the handshake: what comes later is no error."""
_NO_ECH: Final = "the server does not take this Encrypted ClientHello (ECH): get its ECHConfigList anew"
_SENTENCES: Final = {
    "SSL_ERROR_NO_CYPHER_OVERLAP": "no cipher suite in common",
    "SSL_ERROR_UNSUPPORTED_VERSION": "no version of TLS in common",
    "SSL_ERROR_RX_RECORD_TOO_LONG": "the peer sent a record that is longer than TLS allows, or does not speak TLS here",
    "SSL_ERROR_RX_UNKNOWN_RECORD_TYPE": "the peer sent what is no record of TLS, or does not speak TLS here",
    "SSL_ERROR_ECH_FAILED": _NO_ECH,
    "SSL_ERROR_ECH_RETRY_WITH_ECH": _NO_ECH,
    "SSL_ERROR_ECH_RETRY_WITHOUT_ECH": _NO_ECH,
    "SSL_ERROR_BAD_MAC_READ": "a record could not be decrypted: it was damaged or forged",
}


def translate(error: BaseException) -> TLSError | None:
    """Map an error of NSS; `None` for the peer's close_notify."""
    if isinstance(error, native.WantRead):
        return ERRORS.want_read()
    assert isinstance(error, native.Error)
    if isinstance(error, native.CallbackFailure):
        return ERRORS.callback_failed(repr(error.__cause__))
    known: dict[str, Any] = {"native_code": error.code, "native_text": str(error)}
    if error.fault is not None:
        return ERRORS.refused(error.fault, **known)
    if error.alert is not None:
        return ERRORS.alert(error.alert, **known)
    if error.name == _NO_CERTIFICATE:
        return ERRORS.refused(Fault(VerifyFailure.OTHER, "the client sent no certificate"), **known)
    if error.name in _UNREADABLE_CERTIFICATE and error.may_be_certificate:
        return ERRORS.refused(Fault(VerifyFailure.INVALID, f"a certificate cannot be read: {error.text}"), **known)
    if error.name == _WEAK_KEY:
        return ERRORS.refused(
            Fault(VerifyFailure.WEAK, f"the key of the certificate is too weak: {error.text}"), **known
        )
    if error.name == _CLOSED:
        return make(RaggedEOF, "the peer closed the connection during the handshake", **known)
    if error.name == _UNCLEAR:
        return make(ConnectionFault, f"NSS gave the connection up: {error.text}", **known)
    kind = InternalTLSError if error.name in _INTERNAL else ProtocolViolation
    text = _SENTENCES.get(error.name) or f"TLS failed: {error.text}"
    return make(kind, text, **known)
