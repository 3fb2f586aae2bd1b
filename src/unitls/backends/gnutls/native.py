"""The edge of GnuTLS: the library, its numbers, and what every call of it needs.

The functions are declared by ``tools/make_bindings/gnutls.py``; they are called by their C names as ``lib.gnutls_…``.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, Final

from ...core._foreign import open_library

try:
    from ._bindings import ffi as ffi
except ImportError:
    raise ImportError("the package 'cffi' is not installed") from None

NULL: Final[Any] = ffi.NULL
lib: Final[Any] = open_library(
    ffi, ("libgnutls.so.30", "libgnutls.30.dylib", "libgnutls-30.dll"), "GnuTLS 3.7 or newer (Debian: libgnutls30)"
)
if not lib.gnutls_check_version(b"3.7.0"):
    raise ImportError(f"GnuTLS {ffi.string(lib.gnutls_check_version(NULL)).decode()} is older than 3.7")
VERSION: Final[str] = "GnuTLS " + ffi.string(lib.gnutls_check_version(NULL)).decode()

# Flags of gnutls_init (gnutls_init_flags_t).
SERVER: Final = 1
CLIENT: Final = 1 << 1
NONBLOCK: Final = 1 << 3
NO_SIGNAL: Final = 1 << 6
FORCE_CLIENT_CERT: Final = 1 << 9
NO_TICKETS: Final = 1 << 10
KEY_SHARE_TOP: Final = 1 << 11
POST_HANDSHAKE_AUTH: Final = 1 << 14
AUTO_REAUTH: Final = 1 << 19
ENABLE_EARLY_DATA: Final = 1 << 20
NO_AUTO_SEND_TICKET: Final = 1 << 21

# Codes of errors that mean something here; the others are in errors.py.
E_FATAL_ALERT_RECEIVED: Final = -12
E_WARNING_ALERT_RECEIVED: Final = -16
E_DECRYPTION_FAILED: Final = -24
E_AGAIN: Final = -28
E_REHANDSHAKE: Final = -37
E_GOT_APPLICATION_DATA: Final = -38
E_PK_SIGN_FAILED: Final = -46
E_NO_CERTIFICATE_FOUND: Final = -49
E_INVALID_REQUEST: Final = -50
E_INTERRUPTED: Final = -52
E_REQUESTED_DATA_NOT_AVAILABLE: Final = -56
E_NO_CIPHER_SUITES: Final = -87
E_PKCS11_PIN_ERROR: Final = -303
E_USER_ERROR: Final = -320
E_CERTIFICATE_VERIFICATION_ERROR: Final = -348

DER: Final = 0  # GNUTLS_X509_FMT_DER
PEM: Final = 1
CRD_CERTIFICATE: Final = 1  # gnutls_credentials_type_t
CRD_PSK: Final = 4
NAME_DNS: Final = 1
SHUT_WR: Final = 1
AL_WARNING: Final = 1
AL_FATAL: Final = 2
HOOK_PRE: Final = 0
HANDSHAKE_ANY: Final = 0xFFFFFFFF  # (unsigned) -1
HANDSHAKE_CLIENT_HELLO: Final = 1
HANDSHAKE_SERVER_HELLO: Final = 2
HANDSHAKE_NEW_SESSION_TICKET: Final = 4
SFLAGS_EARLY_DATA: Final = 1 << 10
SEC_PARAM_MEDIUM: Final = 35
"""At least 112 bits: RSA and DH of 2048 bits."""

VERSIONS: Final = {2: 0x0301, 3: 0x0302, 4: 0x0303, 5: 0x0304}
"""From gnutls_protocol_t to the version on the wire."""


_held: Final[weakref.WeakKeyDictionary[Any, Any]] = weakref.WeakKeyDictionary()
"""What a structure points to."""


class Error(Exception):
    """A call has failed.

    Args:
        code: what the library returned.
        text: its words.

    Attributes:
        alert: the alert that was received, if that is the error.
        fault: why a certificate was refused, if that is the error.
        reason: in a sentence, where more is known than the code says.
    """

    def __init__(self, code: int, text: str = "") -> None:
        super().__init__(code, text or words(code))
        self.code = code
        self.text = text or words(code)
        self.alert: int | None = None
        self.fault: Any = None
        self.reason = ""


class WantRead(Exception):
    """More has to come in first."""


def has(name: str) -> bool:
    """Whether this build of the library has a function."""
    try:
        getattr(lib, name)
    except (AttributeError, ffi.error):
        return False
    return True


def words(code: int) -> str:
    """The library's own words, with its name for the code."""
    name = lib.gnutls_strerror_name(code)
    said: str = ffi.string(lib.gnutls_strerror(code)).decode("utf-8", "replace")
    return said if name == NULL else f"{ffi.string(name).decode()}: {said}"


def check(code: int) -> int:
    """Raise `Error` if `code` says that a call has failed; otherwise give it back."""
    if code < 0:
        raise Error(code)
    return code


def datum(data: bytes) -> Any:
    """A gnutls_datum_t of `data`, which lives as long as it does."""
    memory = ffi.from_buffer("unsigned char[]", data)
    pointer = ffi.new("gnutls_datum_t *", (memory, len(data)))
    keep(pointer, memory)
    return pointer


def keep(pointer: Any, memory: Any) -> None:
    """Keep `memory` as long as `pointer`, which points to it."""
    _held[pointer] = memory


def content(pointer: Any) -> bytes:
    """The bytes of a gnutls_datum_t that belongs to somebody else."""
    return bytes(ffi.buffer(pointer.data, pointer.size)) if pointer.size else b""


def taken(pointer: Any) -> bytes:
    """The bytes of a gnutls_datum_t that the library has allocated for us, which is freed."""
    data = content(pointer)
    lib.gnutls_free(pointer.data)
    return data


def exported(certificate: Any) -> bytes:
    """A gnutls_x509_crt_t in DER."""
    place = ffi.new("gnutls_datum_t *")
    check(lib.gnutls_x509_crt_export2(certificate, DER, place))
    return taken(place)


def allocated(target: Any, data: bytes) -> None:
    """Fill a gnutls_datum_t with memory that the library frees."""
    memory = lib.gnutls_malloc(max(1, len(data)))
    if memory == NULL:
        raise MemoryError
    ffi.memmove(memory, data, len(data))
    target.data, target.size = ffi.cast("unsigned char *", memory), len(data)


def owned(kind: str, make: Callable[[Any], int], free: Callable[[Any], Any]) -> Any:
    """Make an object of the library that is freed with its last reference.

    Args:
        kind: its C type.
        make: takes a pointer to where it goes, and returns a code.
        free: frees it.

    Raises:
        Error: it could not be made.
    """
    place = ffi.new(f"{kind} *")
    check(make(place))
    return ffi.gc(place[0], free)
