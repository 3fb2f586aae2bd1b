"""The edge of crypt32: loaded when it is first needed, or put in by whoever has another. It can be imported on any system."""

from __future__ import annotations

import ctypes
import functools
import sys
from collections.abc import Callable
from ctypes import POINTER, c_int32, c_uint32, c_void_p
from typing import Any, Final, NamedTuple, Protocol

from . import _structures as cs


class CallFailed(Exception):
    """A function of Windows' has failed.

    Args:
        code: the status, as 32 bits without a sign.
        text: which function.
    """

    def __init__(self, code: int, text: str = "") -> None:
        super().__init__(code, text)
        self.code, self.text = code, text


class Library(Protocol):
    """What is needed of Windows to judge a chain of certificates."""

    @property
    def crypt32(self) -> Any:
        """The library, with `CHAIN_FUNCTIONS` declared."""

    @property
    def last_error(self) -> Callable[[], int]:
        """Tells what went wrong in the last call."""


class _Loaded(NamedTuple):
    crypt32: Any
    last_error: Callable[[], int]


_P: Final = c_void_p
_U: Final = c_uint32
_CERT: Final = cs.CertPointer
_CHAIN: Final = POINTER(cs.ChainContext)
CHAIN_FUNCTIONS: Final[dict[str, tuple[Any, list[Any]]]] = {
    "CertOpenStore": (_P, [_P, _U, _P, _U, _P]),
    "CertCloseStore": (c_int32, [_P, _U]),
    "CertAddEncodedCertificateToStore": (c_int32, [_P, _U, _P, _U, _U, POINTER(_CERT)]),
    "CertFreeCertificateContext": (c_int32, [_CERT]),
    "CertCreateCertificateChainEngine": (c_int32, [_P, POINTER(_P)]),
    "CertFreeCertificateChainEngine": (None, [_P]),
    "CertGetCertificateChain": (c_int32, [_P, _CERT, _P, _P, _P, _U, _P, POINTER(_CHAIN)]),
    "CertFreeCertificateChain": (None, [_CHAIN]),
    "CertVerifyCertificateChainPolicy": (c_int32, [_P, _CHAIN, _P, _P]),
}
"""What each function gives back and takes."""


@functools.cache
def library() -> Library:
    """Windows' own.

    Raises:
        ImportError: this is not Windows.
    """
    if sys.platform != "win32":
        raise ImportError("crypt32 is a part of Windows, and this is not Windows")
    crypt32 = ctypes.WinDLL("crypt32", use_last_error=True)
    for name, (result, arguments) in CHAIN_FUNCTIONS.items():
        function = getattr(crypt32, name)
        function.restype, function.argtypes = result, arguments
    return _Loaded(crypt32, ctypes.get_last_error)
