"""The raw binding of NSS and NSPR: libraries, numbers of the C headers, and calls that check their result.

NSS is set up once for the process, without a database of its own (NSS_InitContext): a program that uses NSS besides
keeps what it has set up.
"""

from __future__ import annotations

import os
import re
from typing import Any, Final

try:
    from ._bindings import ffi as _generated
except ImportError as missing:
    raise ImportError(f"the package cffi is needed ({missing})") from missing

from ...core._foreign import ForeignBuffer, open_library
from ...core._fork import OnceInEachChild

ffi: Final[Any] = _generated

_PACKAGE: Final = "NSS 3.87 or newer (Debian: libnss3)"
nspr: Final[Any] = open_library(ffi, ("libnspr4.so", "libnspr4.dylib", "nspr4.dll"), _PACKAGE)
nss: Final[Any] = open_library(ffi, ("libnss3.so", "libnss3.dylib", "nss3.dll"), _PACKAGE)
ssl: Final[Any] = open_library(ffi, ("libssl3.so", "libssl3.dylib", "ssl3.dll"), _PACKAGE)

SUCCESS: Final = 0
FAILURE: Final = -1

# secerr.h, sslerr.h, prerr.h
WOULD_BLOCK: Final = -5998
UNKNOWN_ISSUER: Final = -8179
LIBRARY_FAILURE: Final = -8191
NO_RENEGOTIATION: Final = -12176
ECH_REFUSED: Final = -12098
UNKNOWN_RECORD_TYPE: Final = -12233

# ssl.h: the options of a socket
SECURITY: Final = 1
REQUEST_CERTIFICATE: Final = 3
HANDSHAKE_AS_CLIENT: Final = 5
HANDSHAKE_AS_SERVER: Final = 6
NO_CACHE: Final = 9
REQUIRE_CERTIFICATE: Final = 10
SESSION_TICKETS: Final = 18
RENEGOTIATION: Final = 20
OCSP_STAPLING: Final = 24
ALPN: Final = 26
REUSE_SERVER_ECDHE_KEY: Final = 27
SERVER_DHE: Final = 29
EXTENDED_MASTER_SECRET: Final = 30
EARLY_DATA: Final = 33
TLS13_COMPATIBILITY: Final = 35
V2_COMPATIBLE_HELLO: Final = 38
POST_HANDSHAKE_AUTHENTICATION: Final = 39

# certt.h: parameters and purposes of CERT_PKIXVerifyCert
PI_DATE: Final = 8
PI_REVOCATION: Final = 9
PI_TRUST_ANCHORS: Final = 11
PI_CHAIN_CALLBACK: Final = 13
PI_ONLY_TRUST_ANCHORS: Final = 14
PO_ERROR_LOG: Final = 5
USAGE_CLIENT: Final = 1
USAGE_SERVER: Final = 2

_WITHOUT_DATABASE: Final = 0x02 | 0x04 | 0x08 | 0x10 | 0x20  # no certificates, no modules, force open, no roots, small
_LEAST_VERSION: Final = (3, 87)
_SEED: Final = 48
_KEPT: Final = 64
"""NSS keeps up to 54 bytes that its generator has made, for requests to come."""


class MemoryBuffer(ForeignBuffer):
    """A buffer that can be looked into: what NSS does not tell is read from what it sends and gets."""

    __slots__ = ()

    def peek(self) -> bytes:
        """Everything that can be read, which stays."""
        return b"".join(self._chunks)[self._begin :]


class Error(Exception):
    """A call that failed.

    Attributes:
        code: NSS's number for what happened.
        name: its name in NSS's headers.
        text: its sentence.
        alert: the fatal alert that the peer has sent, if that is why.
        fault: why a certificate was refused, if it was.
        may_be_certificate: whether a key that NSS finds wrong can be that of a certificate of the peer's.
    """

    def __init__(self, code: int, *, alert: int | None = None, fault: Any = None) -> None:
        self.code = code
        self.name = _text(nspr.PR_ErrorToName(code)) or f"error {code}"
        self.text = _text(nspr.PR_ErrorToString(code, 0)) or self.name
        self.alert = alert
        self.fault = fault
        self.may_be_certificate = True
        super().__init__(f"{self.name}: {self.text}")


class CallbackFailure(Error):
    """What NSS has called has failed; the ``__cause__`` is how."""

    def __init__(self) -> None:
        super().__init__(LIBRARY_FAILURE)


class WantRead(Exception):
    """More has to come in first (PR_WOULD_BLOCK_ERROR)."""


def _text(pointer: Any) -> str:
    return "" if pointer == ffi.NULL else ffi.string(pointer).decode("ascii", "replace")


def last_error() -> Error:
    """What the last call of this thread has failed with."""
    return Error(nspr.PR_GetError())


def checked(result: int) -> None:
    """Raise `Error` unless a call has returned SECSuccess."""
    if result != SUCCESS:
        raise last_error()


def present(pointer: Any) -> Any:
    """The pointer that a call has returned.

    Raises:
        Error: it is null.
    """
    if pointer == ffi.NULL:
        raise last_error()
    return pointer


def number(value: int) -> Any:
    """A number in place of a pointer, for NSS to hand back to a callback."""
    return ffi.cast("void *", value)


def from_pointer(pointer: Any) -> int:
    """The number that was handed over in place of a pointer."""
    return int(ffi.cast("intptr_t", pointer))


def item(data: bytes) -> tuple[Any, Any]:
    """A SECItem over a copy of `data`, and what keeps the copy alive."""
    held = ffi.new("unsigned char[]", data) if data else ffi.new("unsigned char[]", 1)
    made = ffi.new("SECItem *")
    made.data, made.len = held, len(data)
    return made, held


def item_bytes(value: Any) -> bytes:
    """The content of a SECItem."""
    return ffi.buffer(value.data, value.len)[:] if value.len else b""


def experimental(name: str, kind: str) -> Any:
    """A function that NSS gives by name only (SSL_GetExperimentalAPI)."""
    pointer = ssl.SSL_GetExperimentalAPI(name.encode())
    if pointer == ffi.NULL:
        raise ImportError(f"this NSS does not have {name}; {_PACKAGE} is needed")
    return ffi.cast(kind, pointer)


def _set_up() -> str:
    """Initialize NSS; gives its version."""
    version = _text(nss.NSS_GetVersion())
    if _release(version) < _LEAST_VERSION:
        raise ImportError(f"NSS {version} is too old: {_PACKAGE} is needed")
    if nss.NSS_InitContext(b"", b"", b"", b"", ffi.NULL, _WITHOUT_DATABASE) == ffi.NULL:
        raise ImportError(f"NSS cannot be initialized: {last_error()}")
    if nss.CERT_GetDefaultCertDB() == ffi.NULL or ssl.NSS_SetDomesticPolicy() != SUCCESS:
        raise ImportError(f"NSS cannot be initialized: {last_error()}")
    return version.split()[0]


def _reseed() -> None:
    """Mix a new seed into the generator of NSS, and drop what it had made before."""
    seed = os.urandom(_SEED)
    checked(nss.PK11_RandomUpdate(seed, len(seed)))
    dropped = ffi.new("unsigned char[1]")
    for _ in range(_KEPT):
        checked(nss.PK11_GenerateRandom(dropped, 1))


def _release(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)[:2]))


VERSION: Final = f"NSS {_set_up()}"
RELEASE: Final = _release(VERSION)

reseed_after_fork: Final = OnceInEachChild(_reseed)
"""For each handshake to begin with, and each signature: else the random numbers of a child would be its parent's."""

cipher_suite_order_set: Final = experimental("SSL_CipherSuiteOrderSet", "SSLCipherSuiteOrderSet")
add_external_psk: Final = experimental("SSL_AddExternalPsk", "SSLAddExternalPsk")
key_update: Final = experimental("SSL_KeyUpdate", "SSLKeyUpdate")
send_certificate_request: Final = experimental("SSL_SendCertificateRequest", "SSLSendCertificateRequest")
send_session_ticket: Final = experimental("SSL_SendSessionTicket", "SSLSendSessionTicket")
set_resumption_token: Final = experimental("SSL_SetResumptionToken", "SSLSetResumptionToken")
set_resumption_token_callback: Final = experimental("SSL_SetResumptionTokenCallback", "SSLSetResumptionTokenCallback")
set_secret_callback: Final = experimental("SSL_SecretCallback", "SSLSecretCallbackSet")
set_hello_retry_callback: Final = experimental("SSL_HelloRetryRequestCallback", "SSLHelloRetryRequestCallbackSet")
set_time_function: Final = experimental("SSL_SetTimeFunc", "SSLSetTimeFunc")
create_anti_replay: Final = experimental("SSL_CreateAntiReplayContext", "SSLCreateAntiReplayContext")
set_anti_replay: Final = experimental("SSL_SetAntiReplayContext", "SSLSetAntiReplayContext")
release_anti_replay: Final = experimental("SSL_ReleaseAntiReplayContext", "SSLReleaseAntiReplayContext")
set_max_early_data: Final = experimental("SSL_SetMaxEarlyDataSize", "SSLSetMaxEarlyDataSize")
set_ech_configs: Final = experimental("SSL_SetClientEchConfigs", "SSLSetClientEchConfigs")
