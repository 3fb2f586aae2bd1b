"""The edge of Windows' libraries: loaded when they are first needed, or put in by whoever has others.

A function is called as the documentation has it; what it gives back is as it was given. Everything here can be imported on
any system: only `libraries` needs Windows.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from ctypes import POINTER, c_int32, c_uint32, c_void_p, c_wchar_p
from typing import Any, Final, NamedTuple

from ...platforms.windows._library import CHAIN_FUNCTIONS, CallFailed
from . import _certificate_structures as cs
from . import _structures as ss

SEC_E_OK: Final = 0
SEC_I_CONTINUE_NEEDED: Final = 0x00090312
SEC_I_CONTEXT_EXPIRED: Final = 0x00090317
SEC_I_INCOMPLETE_CREDENTIALS: Final = 0x00090320
SEC_I_RENEGOTIATE: Final = 0x00090321
SEC_E_INVALID_HANDLE: Final = 0x80090301
SEC_E_UNSUPPORTED_FUNCTION: Final = 0x80090302
SEC_E_INTERNAL_ERROR: Final = 0x80090304
SEC_E_INCOMPLETE_MESSAGE: Final = 0x80090318

FIRST_TLS13_BUILD: Final = 20348
"""Windows Server 2022, and so Windows 11."""
_FIRST_SCH_CREDENTIALS_BUILD: Final = 17763


class Error(CallFailed):
    """A call has failed, or what the peer has sent is refused before it comes to a call.

    Args:
        code: the status, as 32 bits without a sign; 0 where no library was asked.
        text: what was being done.

    Attributes:
        fault: why a certificate is refused, where that is it.
        alert: the peer's alert, where that is it.
        from_peer: whether what the peer has sent was being worked on.
    """

    fault: Any = None
    alert: int | None = None
    from_peer: bool = False

    def __init__(self, code: int, text: str = "") -> None:
        super().__init__(code, text)
        self.code, self.text = code, text


class WantRead(Exception):
    """More has to come in first."""


class Closed(Exception):
    """The peer has sent close_notify."""


class Libraries(NamedTuple):
    """Windows' libraries, and what is to be known of the system.

    Attributes:
        secur32: SSPI.
        crypt32: certificates.
        ncrypt: keys, the new way.
        advapi32: keys, the old way.
        last_error: what went wrong in the last call to crypt32 or advapi32.
        build: the build of Windows.
        wine: the version of Wine; empty on Windows.
    """

    secur32: Any
    crypt32: Any
    ncrypt: Any
    advapi32: Any
    last_error: Callable[[], int]
    build: int
    wine: str = ""

    @property
    def has_tls13(self) -> bool:
        """Whether TLS 1.3 can be asked for."""
        return not self.wine and self.build >= FIRST_TLS13_BUILD

    @property
    def has_new_credentials(self) -> bool:
        """Whether credentials are to be described with SCH_CREDENTIALS."""
        return not self.wine and self.build >= _FIRST_SCH_CREDENTIALS_BUILD


_libraries: Libraries | None = None


def libraries() -> Libraries:
    """Windows' libraries.

    Raises:
        ImportError: this is not Windows, or one of them cannot be loaded.
    """
    global _libraries
    if _libraries is None:
        _libraries = _load()
    return _libraries


def put(replacement: Libraries | None) -> Libraries | None:
    """Use other libraries from now on, or with `None` Windows' own; returns what was in use, if anything."""
    global _libraries
    former, _libraries = _libraries, replacement
    return former


def _load() -> Libraries:
    if sys.platform != "win32":
        raise ImportError("SChannel is a part of Windows, and this is not Windows")
    try:
        opened = {
            name: ctypes.WinDLL(name, use_last_error=True) for name in ("secur32", "crypt32", "ncrypt", "advapi32")
        }
    except OSError as error:
        raise ImportError(f"a library of Windows cannot be loaded: {error}") from error
    for name, functions in _SIGNATURES.items():
        for function, (result, arguments) in functions.items():
            declared = getattr(opened[name], function)
            declared.restype, declared.argtypes = result, arguments
    build = sys.getwindowsversion().build
    return Libraries(**opened, last_error=ctypes.get_last_error, build=build, wine=_wine_version())


def _wine_version() -> str:
    if sys.platform != "win32":
        return ""
    try:
        tell = ctypes.WinDLL("ntdll").wine_get_version
    except AttributeError:
        return ""
    tell.restype = ctypes.c_char_p
    return (tell() or b"?").decode("ascii", "replace")


def version() -> str:
    """The library, and whose it is."""
    known = libraries()
    return f"SChannel of Wine {known.wine}" if known.wine else f"SChannel of Windows (build {known.build})"


_H: Final = POINTER(ss.SecHandle)
_D: Final = POINTER(ss.SecBufferDesc)
_U: Final = c_uint32
_P: Final = c_void_p
_W: Final = c_wchar_p
_C: Final = cs.CertPointer
_SIGNATURES: Final[dict[str, dict[str, tuple[Any, list[Any]]]]] = {
    "secur32": {
        "AcquireCredentialsHandleW": (c_int32, [_W, _W, _U, _P, _P, _P, _P, _H, _P]),
        "InitializeSecurityContextW": (c_int32, [_H, _P, _W, _U, _U, _U, _P, _U, _P, _D, POINTER(_U), _P]),
        "AcceptSecurityContext": (c_int32, [_H, _P, _P, _U, _U, _P, _D, POINTER(_U), _P]),
        "ApplyControlToken": (c_int32, [_H, _D]),
        "QueryContextAttributesW": (c_int32, [_H, _U, _P]),
        "EncryptMessage": (c_int32, [_H, _U, _D, _U]),
        "DecryptMessage": (c_int32, [_H, _D, _U, _P]),
        "FreeContextBuffer": (c_int32, [_P]),
        "DeleteSecurityContext": (c_int32, [_H]),
        "FreeCredentialsHandle": (c_int32, [_H]),
    },
    "crypt32": {
        **CHAIN_FUNCTIONS,
        "CertCreateCertificateContext": (_C, [_U, _P, _U]),
        "CertDuplicateCertificateContext": (_C, [_C]),
        "CertEnumCertificatesInStore": (_C, [_P, _C]),
        "CertFindCertificateInStore": (_C, [_P, _U, _U, _U, _P, _C]),
        "CertGetCertificateContextProperty": (c_int32, [_C, _U, _P, POINTER(_U)]),
        "CertSetCertificateContextProperty": (c_int32, [_C, _U, _U, _P]),
    },
    "ncrypt": {
        "NCryptOpenStorageProvider": (c_int32, [POINTER(_P), _W, _U]),
        "NCryptImportKey": (c_int32, [_P, _P, _W, _P, POINTER(_P), _P, _U, _U]),
        "NCryptOpenKey": (c_int32, [_P, POINTER(_P), _W, _U, _U]),
        "NCryptDeleteKey": (c_int32, [_P, _U]),
        "NCryptFreeObject": (c_int32, [_P]),
    },
    "advapi32": {
        "CryptAcquireContextW": (c_int32, [POINTER(_P), _W, _W, _U, _U]),
        "CryptImportKey": (c_int32, [_P, _P, _U, _P, _U, POINTER(_P)]),
        "CryptDestroyKey": (c_int32, [_P]),
        "CryptReleaseContext": (c_int32, [_P, _U]),
    },
}
"""What each function gives back and takes."""
