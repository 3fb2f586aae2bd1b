"""The raw binding: the functions of Security.framework and CoreFoundation, as `ctypes` takes them.

Nothing is loaded when this module is imported. `frameworks` loads the system's two frameworks when they are first needed;
`use` puts others in their place, which is how the tests run on systems that have none.
"""

from __future__ import annotations

import ctypes
import platform
from collections.abc import Mapping
from ctypes import CFUNCTYPE, POINTER, c_bool, c_char_p, c_double, c_int, c_int32, c_long, c_size_t, c_ubyte, c_uint32
from ctypes import c_void_p as Ref
from typing import Any, Final, NamedTuple

_PATHS: Final = (
    "/System/Library/Frameworks/Security.framework/Security",
    "/System/Library/Frameworks/CoreFoundation.framework/CoreFoundation",
)
_TOO_OLD: Final = "SecureTransport is used from macOS 10.14 on: this system has no {}"

# OSStatus of SecureTransport.h, as far as they steer something; errors.py has the others.
OK: Final = 0
WOULD_BLOCK: Final = -9803
CLOSED_GRACEFUL: Final = -9805
CLOSED_ABORT: Final = -9806
INTERNAL: Final = -9810
CLOSED_NO_NOTIFY: Final = -9816
PEER_AUTH_COMPLETED: Final = -9841
CLIENT_CERT_REQUESTED: Final = -9842

SERVER_SIDE: Final = 0
CLIENT_SIDE: Final = 1
STREAM: Final = 0
VERSIONS: Final = {0x0301: 4, 0x0302: 7, 0x0303: 8}
"""From the versions on the wire to SSLProtocol; there is none for TLS 1.3 that SecureTransport negotiates."""
BREAK_ON_SERVER_AUTH: Final = 0
BREAK_ON_CERT_REQUESTED: Final = 1
BREAK_ON_CLIENT_AUTH: Final = 2
ALWAYS_AUTHENTICATE: Final = 1
TRY_AUTHENTICATE: Final = 2
ASCII: Final = 0x0600
UTF8: Final = 0x08000100

ReadFunction: Final = CFUNCTYPE(c_int32, Ref, Ref, POINTER(c_size_t))
"""SSLReadFunc; SSLWriteFunc has the same shape."""

_COPIED: Final = POINTER(Ref)
_DECLARATIONS: Final[Mapping[str, tuple[Any, tuple[Any, ...]]]] = {
    "SSLCreateContext": (Ref, (Ref, c_int, c_int)),
    "SSLSetIOFuncs": (c_int32, (Ref, ReadFunction, ReadFunction)),
    "SSLSetConnection": (c_int32, (Ref, Ref)),
    "SSLHandshake": (c_int32, (Ref,)),
    "SSLRead": (c_int32, (Ref, Ref, c_size_t, POINTER(c_size_t))),
    "SSLWrite": (c_int32, (Ref, Ref, c_size_t, POINTER(c_size_t))),
    "SSLClose": (c_int32, (Ref,)),
    "SSLGetBufferedReadSize": (c_int32, (Ref, POINTER(c_size_t))),
    "SSLSetPeerDomainName": (c_int32, (Ref, c_char_p, c_size_t)),
    "SSLSetALPNProtocols": (c_int32, (Ref, Ref)),
    "SSLCopyALPNProtocols": (c_int32, (Ref, _COPIED)),
    "SSLSetProtocolVersionMin": (c_int32, (Ref, c_int)),
    "SSLSetProtocolVersionMax": (c_int32, (Ref, c_int)),
    "SSLGetNegotiatedProtocolVersion": (c_int32, (Ref, POINTER(c_int))),
    "SSLGetNumberSupportedCiphers": (c_int32, (Ref, POINTER(c_size_t))),
    "SSLGetSupportedCiphers": (c_int32, (Ref, Ref, POINTER(c_size_t))),
    "SSLSetEnabledCiphers": (c_int32, (Ref, Ref, c_size_t)),
    "SSLGetNegotiatedCipher": (c_int32, (Ref, Ref)),
    "SSLSetCertificate": (c_int32, (Ref, Ref)),
    "SSLSetClientSideAuthenticate": (c_int32, (Ref, c_int)),
    "SSLSetCertificateAuthorities": (c_int32, (Ref, Ref, c_ubyte)),
    "SSLCopyDistinguishedNames": (c_int32, (Ref, _COPIED)),
    "SSLSetSessionOption": (c_int32, (Ref, c_int, c_ubyte)),
    "SSLCopyPeerTrust": (c_int32, (Ref, _COPIED)),
    "SSLCopyPeerCertificates": (c_int32, (Ref, _COPIED)),
    "SecTrustSetPolicies": (c_int32, (Ref, Ref)),
    "SecTrustSetAnchorCertificates": (c_int32, (Ref, Ref)),
    "SecTrustSetAnchorCertificatesOnly": (c_int32, (Ref, c_ubyte)),
    "SecTrustSetNetworkFetchAllowed": (c_int32, (Ref, c_ubyte)),
    "SecTrustSetVerifyDate": (c_int32, (Ref, Ref)),
    "SecTrustEvaluateWithError": (c_bool, (Ref, _COPIED)),
    "SecTrustGetCertificateCount": (c_long, (Ref,)),
    "SecTrustGetCertificateAtIndex": (Ref, (Ref, c_long)),
    "SecTrustCopyAnchorCertificates": (c_int32, (_COPIED,)),
    "SecPolicyCreateSSL": (Ref, (c_ubyte, Ref)),
    "SecCertificateCreateWithData": (Ref, (Ref, Ref)),
    "SecCertificateCopyData": (Ref, (Ref,)),
    "SecCertificateCopyKey": (Ref, (Ref,)),
    "SecKeyCreateWithData": (Ref, (Ref, Ref, _COPIED)),
    "SecKeyCreateSignature": (Ref, (Ref, Ref, Ref, _COPIED)),
    "SecKeyVerifySignature": (c_ubyte, (Ref, Ref, Ref, Ref, _COPIED)),
    "SecIdentityCreate": (Ref, (Ref, Ref, Ref)),
    "SecCopyErrorMessageString": (Ref, (c_int32, Ref)),
}
_FOUNDATION: Final[Mapping[str, tuple[Any, tuple[Any, ...]]]] = {
    "CFRetain": (Ref, (Ref,)),
    "CFRelease": (None, (Ref,)),
    "CFDataCreate": (Ref, (Ref, c_char_p, c_long)),
    "CFDataGetLength": (c_long, (Ref,)),
    "CFDataGetBytePtr": (Ref, (Ref,)),
    "CFStringCreateWithBytes": (Ref, (Ref, c_char_p, c_long, c_uint32, c_ubyte)),
    "CFStringGetCString": (c_ubyte, (Ref, Ref, c_long, c_uint32)),
    "CFArrayCreate": (Ref, (Ref, _COPIED, c_long, Ref)),
    "CFArrayGetCount": (c_long, (Ref,)),
    "CFArrayGetValueAtIndex": (Ref, (Ref, c_long)),
    "CFDictionaryCreate": (Ref, (Ref, _COPIED, _COPIED, c_long, Ref, Ref)),
    "CFDateCreate": (Ref, (Ref, c_double)),
    "CFErrorGetCode": (c_long, (Ref,)),
    "CFErrorCopyDescription": (Ref, (Ref,)),
}
OPTIONAL: Final = frozenset({"SecIdentityCreate", "SSLCopyPeerCertificates"})
"""What has been taken out of the headers, or never was in them; without it less can be done."""


class Frameworks(NamedTuple):
    """The two frameworks, with declared functions.

    Attributes:
        security: Security.framework.
        foundation: CoreFoundation.framework.
        lacking: which of the optional functions are not there.
    """

    security: Any
    foundation: Any
    lacking: frozenset[str]


_loaded: Frameworks | None = None


def declare(security: Any, foundation: Any) -> Frameworks:
    """Declare the functions of two libraries.

    Raises:
        ImportError: one of them is missing: the system is too old.
    """
    lacking = set()
    for library, table in ((security, _DECLARATIONS), (foundation, _FOUNDATION)):
        for name, (result, arguments) in table.items():
            try:
                function = getattr(library, name)
            except AttributeError:
                if name not in OPTIONAL:
                    raise ImportError(_TOO_OLD.format(name)) from None
                lacking.add(name)
                continue
            function.restype, function.argtypes = result, arguments
    return Frameworks(security, foundation, frozenset(lacking))


def use(security: Any, foundation: Any) -> None:
    """Put two libraries in the place of the system's, before anything has been made with those.

    Args:
        security: a library, as `ctypes.CDLL` gives it, with the functions of Security.framework.
        foundation: likewise, with those of CoreFoundation.

    Raises:
        ImportError: a function is missing.
    """
    global _loaded
    _loaded = declare(security, foundation)


def frameworks() -> Frameworks:
    """The two frameworks, loaded when this is first called.

    Raises:
        ImportError: this is not macOS, or one that is too old.
    """
    global _loaded
    if _loaded is None:
        if platform.system() != "Darwin":
            raise ImportError("SecureTransport needs macOS")
        _loaded = declare(*(ctypes.CDLL(path) for path in _PATHS))
    return _loaded


def constant(library: Any, name: str) -> Any:
    """A constant of the frameworks that is a reference itself."""
    return Ref.in_dll(library, name)


def address(library: Any, name: str) -> Any:
    """The address of a structure that a framework exports."""
    return ctypes.addressof(ctypes.c_char.in_dll(library, name))


class WantRead(Exception):
    """More has to come in first."""


class Error(Exception):
    """What a function has returned.

    Args:
        code: the OSStatus.
        text: what it means, if that is known better than from the code.

    Attributes:
        code: the OSStatus.
        text: what it means, if that is known better than from the code.
        fault: why the peer's certificate is refused, if that is it.
        alert: the alert that the peer has sent, if one was seen.
        ragged: whether the transport has ended without a close_notify.
    """

    def __init__(self, code: int, text: str = "") -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text
        self.fault: Any = None
        self.alert: int | None = None
        self.ragged = False


def check(code: int, text: str = "") -> None:
    """Raise `Error` unless a function has returned success."""
    if code != OK:
        raise Error(code, text)
