"""Our errors, and the table from those of rustls to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from ...api._errors import (
    CertificateVerificationError,
    ConfigurationError,
    InternalTLSError,
    ProtocolViolation,
    TLSError,
)
from ...core._backend_errors import BackendErrors
from ...core._leaf_check import Fault
from . import native
from .verify import failure_of

ERRORS: Final = BackendErrors("Rustls", globals())
make: Final = ERRORS.make
_CLOSE_NOTIFY: Final = 0
# Faults of the library or of ours; every other word says what the peer did, or could not do.
_INTERNAL: Final = frozenset(
    {
        "BadMaxFragmentSize",
        "EncryptError",
        "EncryptExhausted",
        "FailedToGetCurrentTime",
        "FailedToGetRandomBytes",
        "General",
        "HandshakeNotComplete",
        "Other",
        "Panic",
        "UnsupportedNameType",
    }
)
_SENTENCES: Final = {
    "InvalidMessage.InvalidContentType": "the peer does not speak TLS here",
    "InvalidMessage.UnknownProtocolVersion": "the peer does not speak TLS here (or only a version nobody should)",
    "PeerIncompatible.ServerTlsVersionIsDisabledByOurConfig": "no version of TLS in common",
    "PeerIncompatible.Tls12NotOfferedOrEnabled": "no version of TLS in common",
    "PeerIncompatible.SupportedVersionsExtensionRequired": "no version of TLS in common",
    "PeerIncompatible.NoCipherSuitesInCommon": "no cipher suite in common",
    "PeerIncompatible.NoKxGroupsInCommon": "no key exchange group in common",
    "PeerIncompatible.NoSignatureSchemesInCommon": "no signature algorithm in common",
    "IncompatibleSigningKey": "no signature algorithm in common",
    "PeerIncompatible.ServerRejectedEncryptedClientHello": "the server does not take this Encrypted ClientHello (ECH): "
    "get its ECHConfigList anew",
    "DecryptError": "a record could not be decrypted: it was damaged or forged",
    "PeerSentOversizedRecord": "the peer sent a record that is longer than TLS allows",
}


def translate(error: BaseException) -> TLSError | None:
    """Map an error of the crate; `None` for the peer's close_notify."""
    if isinstance(error, native.WantRead):
        return ERRORS.want_read()
    assert isinstance(error, native.Error)
    kind, code, text = native.arguments(error)
    return _KINDS[kind](code, text, error)


def refusal(error: Exception) -> TLSError:
    """The error for a connection that could not be begun."""
    return translate(error) or make(InternalTLSError, str(error))


def _certificate(code: str, text: str, error: Exception) -> TLSError:
    fault: Fault = getattr(error, "fault", None) or Fault(failure_of(code), text)
    if code == "NoCertificatesPresented":
        return make(
            CertificateVerificationError, "the peer sent no certificate", failure=fault.failure, native_text=text
        )
    return ERRORS.refused(fault, native_text=f"{code}: {text}")


def _alert(code: int, text: str, error: Exception) -> TLSError | None:
    if code == _CLOSE_NOTIFY:
        return None
    return ERRORS.alert(code, native_code=code, native_text=text)


def _library(code: str, text: str, error: Exception) -> TLSError:
    if code in _INTERNAL:
        return make(InternalTLSError, f"rustls failed: {text}", native_text=f"{code}: {text}")
    return make(ProtocolViolation, _SENTENCES.get(code) or f"TLS failed: {text}", native_text=f"{code}: {text}")


def _configuration(code: str, text: str, error: Exception) -> TLSError:
    return make(ConfigurationError, text, native_text=f"{code}: {text}")


def _misuse(code: str, text: str, error: Exception) -> TLSError:
    return make(InternalTLSError, text)


def _callback(code: str, text: str, error: Exception) -> TLSError:
    return ERRORS.callback_failed(text)


_KINDS: Final[dict[str, Callable[[Any, str, Exception], TLSError | None]]] = {
    "certificate": _certificate,
    "alert": _alert,
    "library": _library,
    "configuration": _configuration,
    "misuse": _misuse,
    "callback": _callback,
}
