"""The edge of wolfSSL: the library, its constants, its memory I/O callbacks, and what a failed call means."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final

from ...core._foreign import ForeignBuffer as ForeignBuffer
from ...core._foreign import incoming_buffers, keeping, open_library, outgoing_buffers
from ._bindings import ffi as ffi

LIBRARY_NAMES: Final = ("libwolfssl.so.45", "libwolfssl.so.44", "libwolfssl.so.43", "libwolfssl.so.42", "libwolfssl.so.41",
    "libwolfssl.so.40", "libwolfssl.so.39", "libwolfssl.so.37", "libwolfssl.so.36", "libwolfssl.so.35",
    "libwolfssl.dylib", "libwolfssl.so")  # fmt: skip
_OLDEST: Final = 0x05005000
# Each stands for a switch of wolfSSL's build that this backend cannot do without.
_NEEDED: Final = (
    "wolfSSL_X509_STORE_GetCerts",  # the compatibility layer (OPENSSL_EXTRA)
    "wolfSSL_get_peer_alt_chain",  # WOLFSSL_ALT_CERT_CHAINS: certificates of a peer are not kept as authorities
    "wolfSSL_CTX_UseSessionTicket",
    "wolfSSL_export_keying_material",
    "wolfSSL_update_keys",  # TLS 1.3
    "wolfSSL_UseALPN",
    "wolfSSL_UseSNI",
    "wc_ChaCha20Poly1305_Encrypt",
)

SUCCESS: Final = 1
PEM: Final = 1
DER: Final = 2
"""WOLFSSL_FILETYPE_PEM and _ASN1."""
VERIFY_NONE: Final = 0
VERIFY_PEER: Final = 1
VERIFY_REQUIRED: Final = 3
"""WOLFSSL_VERIFY_PEER and WOLFSSL_VERIFY_FAIL_IF_NO_PEER_CERT."""
CACHE_OFF: Final = 0
CACHE_OURS: Final = 0x0302
"""WOLFSSL_SESS_CACHE_SERVER, and _NO_INTERNAL."""
DATES_UNCHECKED: Final = 2
"""WOLFSSL_LOAD_FLAG_DATE_ERR_OKAY."""
MEMORY: Final = -125
UNREADABLE: Final = (MEMORY, -173)
"""MEMORY_E and BAD_FUNC_ARG: 5.5 and 5.7 say so of a certificate with an iPAddress of a wrong length, too."""
NO_VERSION: Final = -326
PARSE_ERROR: Final = -306
INVALID_PARAMETER: Final = -425
BAD_ARGUMENT: Final = -173
EXTENSION_MISSING: Final = -428
ALPN_CONTINUE: Final = 2
"""WOLFSSL_ALPN_CONTINUE_ON_MISMATCH."""
SNI_HOST_NAME: Final = 0
_WANT_READ: Final = 2
_WANT_WRITE: Final = 3
_ZERO_RETURN: Final = 6
_IO_WANT_READ: Final = -2
_IO_FAILED: Final = -1
RECEIVED_FATAL_ALERT: Final = -313


def _opened() -> Any:
    library = open_library(ffi, LIBRARY_NAMES, "wolfSSL (Debian: libwolfssl35 or libwolfssl42)")
    if library.wolfSSL_lib_version_hex() < _OLDEST:
        raise ImportError(f"wolfSSL {ffi.string(library.wolfSSL_lib_version()).decode()} is too old: 5.5 is needed")
    missing = [name for name in _NEEDED if not hasattr(library, name)]
    if missing:
        raise ImportError(f"this build of wolfSSL lacks {', '.join(missing)}; it has to be configured --enable-all")
    if library.wolfSSL_Init() != SUCCESS:
        raise ImportError("wolfSSL cannot be initialised")
    return library


lib: Final = _opened()
memmove: Final = ffi.memmove
unpack: Final = ffi.unpack
VERSION: Final = f"wolfSSL {ffi.string(lib.wolfSSL_lib_version()).decode('ascii', 'replace')}"


_free_curves: Final[Callable[[], None]] = getattr(lib, "wc_ecc_fp_free", lambda: None)


class _CurveMemory:
    """What wolfSSL has computed of curves in one thread: common builds keep it for each, and free it on demand only."""

    def __del__(self, free: Callable[[], None] = _free_curves, _library: Any = lib) -> None:
        # The last thread may end when the modules are torn down, so what is needed comes as arguments.
        free()


_of_thread: Final = threading.local()
"""What stands here goes with its thread, and in it."""


def free_with_thread() -> None:
    """Have wolfSSL's memory of curves freed when this thread ends; to be called before curves are used."""
    if not hasattr(_of_thread, "memory"):
        _of_thread.memory = _CurveMemory()


class Error(Exception):
    """A call into wolfSSL has failed.

    Args:
        code: wolfSSL's number.
        alert: the number of the fatal alert that the peer has sent, if that is why.
    """

    def __init__(self, code: int, alert: int | None = None) -> None:
        super().__init__(code, alert)
        self.code = code
        self.alert = alert

    @property
    def text(self) -> str:
        """What wolfSSL says about it."""
        return reason(self.code)


class WantRead(Exception):
    """More has to come in first."""


class Closed(Exception):
    """The peer has sent close_notify where there was nothing to be read yet."""


class CallbackFailed(Exception):
    """A callback has raised; its exception is the ``__cause__``."""


def reason(code: int) -> str:
    """The library's text for one of its numbers."""
    text = lib.wolfSSL_ERR_reason_error_string(abs(code))  # it takes both signs, but an unsigned parameter
    return ffi.string(text).decode("ascii", "replace") if text else f"error {code}"


def failed(raw: Any, result: int) -> Error | WantRead | Closed:
    """What it means that a call on the connection `raw` has given `result`."""
    code = lib.wolfSSL_get_error(raw, result)
    if code in (_WANT_READ, _WANT_WRITE):
        return WantRead()
    if code == _ZERO_RETURN:
        return Closed()
    alert = None
    if code == RECEIVED_FATAL_ALERT:
        history = ffi.new("WOLFSSL_ALERT_HISTORY *")
        lib.wolfSSL_get_alert_history(raw, history)
        alert = history.last_rx.code
    return Error(code, alert)


keep: Final = keeping(number=int, raw=lib.wolfSSL_get_app_data)


@ffi.callback("CallbackIORecv", error=_IO_FAILED, onerror=keep)  # type: ignore[untyped-decorator]
def receive(_raw: Any, target: Any, size: int, number: int) -> int:
    """Give the library ciphertext from the incoming buffer."""
    incoming = incoming_buffers.get(number)
    if incoming is None:
        return _IO_FAILED
    data = incoming.take(size)
    # The transport's end looks like nothing yet: core sees the difference, and the library's state stays whole.
    if not data:
        return _IO_WANT_READ
    memmove(target, data, len(data))
    return len(data)


@ffi.callback("CallbackIOSend", error=_IO_FAILED, onerror=keep)  # type: ignore[untyped-decorator]
def send(_raw: Any, data: Any, size: int, number: int) -> int:
    """Take the library's ciphertext to the outgoing buffer."""
    outgoing = outgoing_buffers.get(number)
    return _IO_FAILED if outgoing is None else outgoing.write(unpack(data, size))
