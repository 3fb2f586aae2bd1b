"""The raw binding: the functions of SecureTransport, and of keys, as `ctypes` takes them.

Those of trust are in `unitls.platforms.macos`, for every backend. Nothing is loaded when this module is imported.
`frameworks` loads the system's two frameworks when they are first needed; `use` puts others in their place, which is how
the tests run on systems that have none.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from ctypes import CFUNCTYPE, POINTER, c_char_p, c_int, c_int32, c_size_t, c_ubyte
from ctypes import c_void_p as Ref
from typing import Any, Final, NamedTuple

from ...platforms.macos import _frameworks
from ...platforms.macos._frameworks import ASCII as ASCII
from ...platforms.macos._frameworks import INTERNAL as INTERNAL
from ...platforms.macos._frameworks import OK as OK
from ...platforms.macos._frameworks import Error as Error
from ...platforms.macos._frameworks import check as check
from ...platforms.macos._frameworks import constant as constant

# OSStatus of SecureTransport.h, as far as they steer something; errors.py has the others.
WOULD_BLOCK: Final = -9803
CLOSED_GRACEFUL: Final = -9805
CLOSED_ABORT: Final = -9806
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
    "SecCertificateCopyKey": (Ref, (Ref,)),
    "SecKeyCreateWithData": (Ref, (Ref, Ref, _COPIED)),
    "SecKeyCreateSignature": (Ref, (Ref, Ref, Ref, _COPIED)),
    "SecKeyVerifySignature": (c_ubyte, (Ref, Ref, Ref, Ref, _COPIED)),
    "SecIdentityCreate": (Ref, (Ref, Ref, Ref)),
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
    lacking = _frameworks.declare(security, _DECLARATIONS, OPTIONAL)
    return Frameworks(*_frameworks.declare_all(security, foundation), lacking)


def use(security: Any, foundation: Any) -> None:
    """Put two libraries in the place of the system's, before anything has been made with those.

    Args:
        security: a library, as `ctypes.CDLL` gives it, with the functions of Security.framework.
        foundation: likewise, with those of CoreFoundation.

    Raises:
        ImportError: a function is missing.
    """
    global _loaded
    _frameworks.use(security, foundation)
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
        _loaded = declare(*_frameworks.frameworks())
    return _loaded


class WantRead(Exception):
    """More has to come in first."""
