"""The edge of Security.framework and CoreFoundation, as far as it takes to judge certificates.

Nothing is loaded when this module is imported. `frameworks` loads the system's two frameworks when they are first needed;
`use` puts others in their place, which is how the tests run on systems that have none.
"""

from __future__ import annotations

import ctypes
import platform
from collections.abc import Collection, Mapping
from ctypes import POINTER, c_bool, c_char_p, c_double, c_int32, c_long, c_ubyte, c_uint32
from ctypes import c_void_p as Ref
from typing import Any, Final, NamedTuple

_PATHS: Final = (
    "/System/Library/Frameworks/Security.framework/Security",
    "/System/Library/Frameworks/CoreFoundation.framework/CoreFoundation",
)
_TOO_OLD: Final = "it is used from macOS 10.14 on: this system has no {}"

OK: Final = 0
INTERNAL: Final = -9810
"""errSSLInternal."""
ASCII: Final = 0x0600
UTF8: Final = 0x08000100

_COPIED: Final = POINTER(Ref)
_TRUST: Final[Mapping[str, tuple[Any, tuple[Any, ...]]]] = {
    "SecTrustCreateWithCertificates": (c_int32, (Ref, Ref, _COPIED)),
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


class Frameworks(NamedTuple):
    """The two frameworks, with declared functions.

    Attributes:
        security: Security.framework.
        foundation: CoreFoundation.framework.
    """

    security: Any
    foundation: Any


_loaded: Frameworks | None = None


def declare(
    library: Any, table: Mapping[str, tuple[Any, tuple[Any, ...]]], optional: Collection[str] = ()
) -> frozenset[str]:
    """Declare functions of a library: for each name what it gives back, and what it takes.

    Returns:
        Which of the optional ones are not there.

    Raises:
        ImportError: another one is not there: the system is too old.
    """
    lacking = set()
    for name, (result, arguments) in table.items():
        try:
            function = getattr(library, name)
        except AttributeError:
            if name not in optional:
                raise ImportError(_TOO_OLD.format(name)) from None
            lacking.add(name)
            continue
        function.restype, function.argtypes = result, arguments
    return frozenset(lacking)


def declare_all(security: Any, foundation: Any) -> Frameworks:
    """Declare what is needed of two libraries.

    Raises:
        ImportError: a function is missing: the system is too old.
    """
    declare(security, _TRUST)
    declare(foundation, _FOUNDATION)
    return Frameworks(security, foundation)


def use(security: Any, foundation: Any) -> None:
    """Put two libraries in the place of the system's, before anything has been made with those.

    Args:
        security: a library, as `ctypes.CDLL` gives it, with the functions of Security.framework.
        foundation: likewise, with those of CoreFoundation.

    Raises:
        ImportError: a function is missing.
    """
    global _loaded
    _loaded = declare_all(security, foundation)


def frameworks() -> Frameworks:
    """The two frameworks, loaded when this is first called.

    Raises:
        ImportError: this is not macOS, or one that is too old.
    """
    global _loaded
    if _loaded is None:
        if platform.system() != "Darwin":
            raise ImportError("Security.framework is a part of macOS, and this is not macOS")
        _loaded = declare_all(*(ctypes.CDLL(path) for path in _PATHS))
    return _loaded


def constant(library: Any, name: str) -> Any:
    """A constant of the frameworks that is a reference itself."""
    return Ref.in_dll(library, name)


def address(library: Any, name: str) -> Any:
    """The address of a structure that a framework exports."""
    return ctypes.addressof(ctypes.c_char.in_dll(library, name))


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
