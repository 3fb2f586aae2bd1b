"""Our errors, and the table from those of wolfSSL to them."""

from __future__ import annotations

from typing import Any, Final

from ...api._errors import (
    CertificateVerificationError,
    ConfigurationError,
    InternalTLSError,
    ProtocolViolation,
    RaggedEOF,
    TLSError,
    VerifyFailure,
)
from ...core._backend_errors import BackendErrors
from ...core._leaf_check import Fault
from . import native

ERRORS: Final = BackendErrors("WolfSSL", globals())
make: Final = ERRORS.make

# Faults of the library or of ours; every other number says what the peer did, or could not do.
_INTERNAL: Final = frozenset(
    {-101, -102, -103, -104, -105, -106, -125, -173, -174, -192, -199, -303, -314, -320, -353, -354, -413}
)
_NO_CERTIFICATE: Final = -345
_TRANSPORT_GONE: Final = -397
# What wolfSSL itself says of a certificate, before it asks us or instead of it.
_CERTIFICATE: Final = {
    -140: VerifyFailure.INVALID,  # ASN_PARSE_E
    -141: VerifyFailure.INVALID,
    -142: VerifyFailure.INVALID,
    -144: VerifyFailure.INVALID,  # ASN_OBJECT_ID_E, also of an extension that stands there twice
    -145: VerifyFailure.INVALID,
    -146: VerifyFailure.INVALID,
    -147: VerifyFailure.INVALID,
    -148: VerifyFailure.INVALID,
    -149: VerifyFailure.INVALID,
    -152: VerifyFailure.INVALID,  # ASN_SIG_OID_E
    -160: VerifyFailure.INVALID,
    -161: VerifyFailure.INVALID,
    -188: VerifyFailure.UNKNOWN_ISSUER,
    -275: VerifyFailure.SELF_SIGNED,
    -329: VerifyFailure.OTHER,  # VERIFY_CERT_ERROR
    -342: VerifyFailure.INVALID,  # PEER_KEY_ERROR
    -368: VerifyFailure.INVALID,  # MAX_CHAIN_ERROR
    -383: VerifyFailure.BAD_PURPOSE,
    -385: VerifyFailure.BAD_PURPOSE,
    -386: VerifyFailure.BAD_PURPOSE,
    -409: VerifyFailure.WEAK,
    -410: VerifyFailure.WEAK,
}
_SENTENCES: Final = {
    -311: "the peer does not speak TLS here",
    -326: "no version of TLS in common, or the peer does not speak TLS here",
    -450: "no version of TLS in common",
    -501: "no cipher suite in common",
    -500: "no cipher suite in common",
    -503: "no key exchange group in common",
    -305: "a record could not be decrypted: it was damaged or forged",
    -312: "a record could not be decrypted: it was damaged or forged",
    -341: "the peer sent a record that is longer than TLS allows",
    -376: "the peer sent a record that is longer than TLS allows",
    -425: "the peer has chosen what it was not offered, or nothing that it offers will do",
    -428: "the peer goes without a key exchange, or has left out another extension that is needed",
}


class Refusal(Exception):
    """The peer's certificate was refused by our own verdict.

    Args:
        fault: why.
    """

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.text)
        self.fault = fault


def configuration(what: str, code: int) -> TLSError:
    """The error for a call that configures something, and has failed with `code`."""
    return make(ConfigurationError, f"{what}: {native.reason(code)}", native_code=code, native_text=native.reason(code))


def refusal(error: native.Error) -> TLSError:
    """The error for something that cannot be asked of this connection; the connection itself goes on."""
    return make(ConfigurationError, error.text, native_code=error.code, native_text=error.text)


def translate(error: BaseException) -> TLSError | None:
    """Map an exception of this backend's own; `None` for the peer's close_notify."""
    if isinstance(error, native.Closed):
        return None
    if isinstance(error, native.WantRead):
        return ERRORS.want_read()
    if isinstance(error, Refusal):
        return ERRORS.refused(error.fault, native_text=error.fault.text)
    if isinstance(error, native.Error):
        return _library(error)
    return ERRORS.callback_failed(repr(error.__cause__))


def _library(error: native.Error) -> TLSError:
    known: dict[str, Any] = {"native_code": error.code, "native_text": error.text}
    if error.alert is not None:
        return ERRORS.alert(error.alert, **known)
    if error.code == _NO_CERTIFICATE:
        text = "the peer sent no certificate"
        return make(CertificateVerificationError, text, failure=VerifyFailure.OTHER, **known)
    if error.code == _TRANSPORT_GONE:
        return make(RaggedEOF, "the transport ended without close_notify", **known)
    if error.code in _CERTIFICATE:
        text = f"certificate not accepted: {error.text}"
        return make(CertificateVerificationError, text, failure=_CERTIFICATE[error.code], **known)
    if error.code in _INTERNAL:
        return make(InternalTLSError, f"wolfSSL failed: {error.text}", **known)
    return make(ProtocolViolation, _SENTENCES.get(error.code) or f"TLS failed: {error.text}", **known)
