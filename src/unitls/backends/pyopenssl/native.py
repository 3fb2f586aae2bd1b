"""The edge of pyOpenSSL: the functions of OpenSSL that are called without its classes, under their C names.

pyOpenSSL has methods for most of what a connection needs. What it lacks, and what runs for each record, is called as
pyOpenSSL itself does it, through the binding in `cryptography`. Nothing here imports the `ssl` module.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any, Final

import OpenSSL
from OpenSSL import SSL as SSL
from OpenSSL import crypto as crypto
from OpenSSL._util import ffi as ffi
from OpenSSL._util import lib as lib

from ...core._leaf_check import Fault

_NEEDED: Final = (
    "BIO_free", "BIO_get_mem_data", "BIO_new", "BIO_read", "BIO_s_mem", "BIO_write", "ERR_clear_error",
    "ERR_get_error", "ERR_GET_REASON", "ERR_lib_error_string", "ERR_peek_error", "ERR_reason_error_string",
    "i2d_X509_bio", "i2d_X509_NAME", "OPENSSL_free", "SSL_CIPHER_find", "SSL_CIPHER_get_bits", "SSL_CIPHER_get_name",
    "SSL_CTX_add_client_CA", "SSL_CTX_add_extra_chain_cert", "SSL_CTX_check_private_key", "SSL_CTX_clear_mode",
    "SSL_CTX_set1_sigalgs_list", "SSL_CTX_set_cert_cb", "SSL_CTX_set_ciphersuites", "SSL_CTX_set_max_early_data",
    "SSL_CTX_set_msg_callback", "SSL_CTX_set_post_handshake_auth", "SSL_CTX_set_verify", "SSL_CTX_use_certificate",
    "SSL_CTX_use_PrivateKey", "SSL_do_handshake", "SSL_export_keying_material", "SSL_free", "SSL_get0_alpn_selected",
    "SSL_get0_param", "SSL_get0_verified_chain", "SSL_get_client_CA_list", "SSL_get_current_cipher", "SSL_get_error",
    "SSL_get_finished", "SSL_get_peer_cert_chain", "SSL_get_peer_certificate", "SSL_get_peer_finished",
    "SSL_get_session", "SSL_get_tlsext_status_ocsp_resp", "SSL_get_verify_result", "SSL_new", "SSL_pending",
    "SSL_read", "SSL_read_early_data", "SSL_SESSION_free", "SSL_SESSION_get_max_early_data", "SSL_session_reused",
    "SSL_set_accept_state", "SSL_set_bio", "SSL_set_connect_state", "SSL_set_session", "SSL_set_SSL_CTX",
    "SSL_set_tlsext_host_name", "SSL_set_tlsext_status_type", "SSL_set_verify", "SSL_shutdown",
    "SSL_verify_client_post_handshake", "SSL_version", "SSL_write", "SSL_write_early_data", "X509_dup", "X509_free",
    "X509_STORE_CTX_get0_cert", "X509_STORE_CTX_get1_chain", "X509_verify_cert_error_string",
    "X509_VERIFY_PARAM_set_time",
)  # fmt: skip
_OF_A_CONNECTION: Final = ("_ssl", "_into_ssl", "_from_ssl")


def _check() -> str:
    """The version of the library, after a look at whether this build of it has what is needed.

    Raises:
        ImportError: it has not.
    """
    text: str = ffi.string(lib.OpenSSL_version(0)).decode("ascii", "replace")
    where = f"pyOpenSSL {OpenSSL.__version__} with {text}"
    if not text.startswith("OpenSSL "):
        raise ImportError(f"{where}: the package cryptography was built with another library than OpenSSL")
    missing = [name for name in _NEEDED if not hasattr(lib, name)]
    probe = SSL.Connection(SSL.Context(SSL.TLS_CLIENT_METHOD), None)
    missing += [name for name in _OF_A_CONNECTION if not hasattr(probe, name)]
    if missing:
        raise ImportError(f"{where} lacks {', '.join(missing)}")
    return " ".join(text.split()[:2])


VERSION: Final = _check()

HAS_GROUPS: Final = hasattr(lib, "SSL_CTX_set1_curves_list")
"""Whether the binding can set groups."""
HAS_GROUP_NAME: Final = hasattr(lib, "SSL_get0_group_name")
"""Whether the binding tells the group."""
HAS_PSK: Final = bool(getattr(lib, "Cryptography_HAS_PSK_TLSv1_3", 0))
"""Whether the binding has external keys of TLS 1.3."""
HAS_SESSIONS: Final = hasattr(lib, "i2d_SSL_SESSION") and hasattr(lib, "d2i_SSL_SESSION")
"""Whether the binding shows what is in a session."""

NULL: Final[Any] = ffi.NULL
allocate: Final[Any] = ffi.new_allocator(should_clear_after_alloc=False)
from_buffer: Final[Any] = ffi.from_buffer
unpack: Final[Any] = ffi.unpack

gc: Final[Any] = ffi.gc

BIO_get_mem_data: Final[Any] = lib.BIO_get_mem_data
BIO_read: Final[Any] = lib.BIO_read
BIO_new: Final[Any] = lib.BIO_new
BIO_s_mem: Final[Any] = lib.BIO_s_mem
BIO_write: Final[Any] = lib.BIO_write
ERR_clear_error: Final[Any] = lib.ERR_clear_error
ERR_peek_error: Final[Any] = lib.ERR_peek_error
SSL_do_handshake: Final[Any] = lib.SSL_do_handshake
SSL_free: Final[Any] = lib.SSL_free
SSL_pending: Final[Any] = lib.SSL_pending
SSL_read: Final[Any] = lib.SSL_read
SSL_write: Final[Any] = lib.SSL_write

ERR_LIB_SSL: Final = 20
_MOST_FINISHED: Final = 64
"""No Finished message is longer: it is a hash (EVP_MAX_MD_SIZE)."""
SSL_ERROR_WANT_READ: Final[int] = lib.SSL_ERROR_WANT_READ
SSL_ERROR_ZERO_RETURN: Final[int] = lib.SSL_ERROR_ZERO_RETURN
X509_V_FLAG_PARTIAL_CHAIN: Final[int] = lib.X509_V_FLAG_PARTIAL_CHAIN
X509_V_FLAG_CRL_CHECK: Final[int] = lib.X509_V_FLAG_CRL_CHECK
SSL_VERIFY_POST_HANDSHAKE: Final[int] = getattr(lib, "SSL_VERIFY_POST_HANDSHAKE", 0)


class Error(SSL.Error):
    """A call that failed: pyOpenSSL's own error, its arguments as there, and what our table needs.

    Attributes:
        code: OpenSSL's number of the reason, 0 if there is none.
        reason: its name, as ``WRONG_VERSION_NUMBER``.
        is_tls: whether it comes from the part of OpenSSL that is TLS.
        verify_code: why the certificate was refused, if that is the reason (X509_V_ERR_*).
        fault: what is to be reported of the certificate.
        problem: the exception of a callback, if that is the reason; it is the cause too.
    """

    code: int = 0
    reason: str = ""
    is_tls: bool = False
    verify_code: int = 0
    fault: Fault | None = None
    problem: BaseException | None = None


def queued_error() -> Error:
    """The error for what is in OpenSSL's queue (ERR_get_error), which is empty then."""
    numbers: list[int] = []
    while number := lib.ERR_get_error():
        numbers.append(number)
    entries = [
        (_text(lib.ERR_lib_error_string(number)), "", _text(lib.ERR_reason_error_string(number))) for number in numbers
    ]
    error = Error(entries)
    # The first word of TLS itself says most; what lies below it is how it came about.
    chosen = next((index for index, number in enumerate(numbers) if _library(number) == ERR_LIB_SSL), len(numbers) - 1)
    if numbers:
        error.code = lib.ERR_GET_REASON(numbers[chosen])
        error.reason = entries[chosen][2].upper().replace(" ", "_")
        error.is_tls = _library(numbers[chosen]) == ERR_LIB_SSL
    return error


def callback_error(problem: Exception) -> Error:
    """The error for an exception in a callback."""
    error = Error([("callback", "", str(problem))])
    error.problem = problem
    return error


def fault_error(fault: Fault) -> Error:
    """The error for a fault that core has found."""
    error = Error([("core", "", fault.text)])
    error.fault = fault
    return error


def _library(number: int) -> int:
    return number >> 23 & 0xFF


def _text(pointer: Any) -> str:
    return ffi.string(pointer).decode("utf-8", "replace") if pointer else ""


def verify_text(code: int) -> str:
    """OpenSSL's sentence for a verification code (X509_verify_cert_error_string)."""
    return _text(lib.X509_verify_cert_error_string(code))


# ---------------------------------------------------------------------------------------------- connections


def new_connection(context: Any, has_callbacks: bool) -> tuple[Any, Any, Any, Any]:
    """A new connection over two memory BIOs.

    Args:
        context: pyOpenSSL's context.
        has_callbacks: whether it calls back into Python through pyOpenSSL, which then has to find an object of its own
            for the connection. To make that is a good part of what a connection costs.

    Returns:
        The SSL, the BIO it reads and the one it writes (both live as long as it does), and what has to be kept besides.
    """
    if has_callbacks:
        connection: Any = SSL.Connection(context, None)
        return connection._ssl, connection._into_ssl, connection._from_ssl, connection
    ssl = lib.SSL_new(context._context)
    if not ssl:
        raise queued_error()
    ssl = gc(ssl, SSL_free)
    kind = BIO_s_mem()
    reads, writes = BIO_new(kind), BIO_new(kind)
    if not (reads and writes):
        raise MemoryError("OpenSSL has no memory for a connection")
    lib.SSL_set_bio(ssl, reads, writes)
    return ssl, reads, writes, None


def selected_protocol(ssl: Any) -> bytes:
    """The protocol agreed on by ALPN, empty if there is none (SSL_get0_alpn_selected)."""
    data, size = ffi.new("unsigned char **"), ffi.new("unsigned int *")
    lib.SSL_get0_alpn_selected(ssl, data, size)
    return bytes(ffi.buffer(data[0], size[0])) if size[0] else b""


def session_der(ssl: Any) -> bytes:
    """The session of a connection as OpenSSL writes it down; it holds secrets (SSL_get_session, i2d_SSL_SESSION)."""
    session = lib.SSL_get_session(ssl)
    size = lib.i2d_SSL_SESSION(session, NULL) if session else 0
    if size <= 0:
        return b""
    memory = allocate("unsigned char[]", size)
    return bytes(ffi.buffer(memory, lib.i2d_SSL_SESSION(session, ffi.new("unsigned char **", memory))))


def session_from(der: bytes) -> Any:
    """A session read back (d2i_SSL_SESSION).

    Such a copy can be resumed whatever becomes of the connection. Of the connection's own session OpenSSL says that it
    cannot, once the connection is freed without close_notify in either direction.
    """
    memory = ffi.new("unsigned char[]", der)
    session = lib.d2i_SSL_SESSION(NULL, ffi.new("unsigned char **", memory), len(der))
    if not session:
        raise queued_error()
    return gc(session, lib.SSL_SESSION_free)


def group_name(ssl: Any) -> str | None:
    """The name of the group that was negotiated (SSL_get0_group_name, which must not be asked without a session)."""
    return _text(lib.SSL_get0_group_name(ssl)) or None if lib.SSL_get_session(ssl) else None


def finished(getter: Any, ssl: Any) -> bytes | None:
    """A Finished message, ours or the peer's (SSL_get_finished, SSL_get_peer_finished)."""
    target = allocate("char[]", _MOST_FINISHED)
    size = getter(ssl, target, _MOST_FINISHED)
    return unpack(target, size) if size else None


# ---------------------------------------------------------------------------------------------- what was left by callbacks


class _Kept(threading.local):
    """What callbacks leave for the call that they run in, on the same thread.

    Attributes:
        chain: the certificates that a server's verification has refused.
        fault: why a stapled OCSP response was refused.
        chosen: the native context that a connection has moved to.
        found_psk: whether a client has named the external key.
        offered: whether the client's hello speaks of early data.
        accepted: whether the server's answer takes it.
        problem: an exception in a callback, or an interruption.
    """

    chain: tuple[bytes, ...] = ()
    chosen: object = None
    found_psk: bool = False
    offered: bool = False
    accepted: bool = False
    fault: Fault | None = None
    problem: BaseException | None = None


KEPT: Final = _Kept()


def keep_problem(_kind: Any, error: BaseException, _trace: Any) -> None:
    """The `onerror` of every callback: an interruption may come at any place in one, also before its first line."""
    if KEPT.problem is None:
        KEPT.problem = error


@ffi.callback("int (*)(int, X509_STORE_CTX *)", error=0, onerror=keep_problem)  # type: ignore[untyped-decorator]
def keep_refused(verdict: int, store: Any) -> int:
    """A server's verification callback: it leaves the verdict as it is, and keeps the certificates of a refused client.

    On a client they can be had from the connection, also afterwards; on a server they are gone then.
    """
    if not verdict:
        leaf = der_of(lib.X509_STORE_CTX_get0_cert(store))
        path = owned_ders(lib.X509_STORE_CTX_get1_chain(store))
        KEPT.chain = (leaf, *(item for item in path if item != leaf))
    return verdict


# ---------------------------------------------------------------------------------------------- certificates and names


def der_of(certificate: Any) -> bytes:
    """A certificate in DER (i2d_X509_bio)."""
    bio = BIO_new(BIO_s_mem())
    try:
        lib.i2d_X509_bio(bio, certificate)
        return drain(bio)
    finally:
        lib.BIO_free(bio)


def drain(bio: Any) -> bytes:
    """All that a memory BIO holds."""
    size = BIO_get_mem_data(bio, NULL)
    if size <= 0:
        return b""
    target = allocate("char[]", size)
    return unpack(target, BIO_read(bio, target, size))  # type: ignore[no-any-return]


def ders_of(stack: Any) -> list[bytes]:
    """The certificates of a STACK_OF(X509) that somebody else owns."""
    return [der_of(lib.sk_X509_value(stack, index)) for index in range(lib.sk_X509_num(stack))] if stack else []


def owned_ders(stack: Any) -> list[bytes]:
    """The certificates of a STACK_OF(X509) that is ours, and is freed."""
    found = ders_of(stack)
    if stack:
        for index in range(lib.sk_X509_num(stack)):
            lib.X509_free(lib.sk_X509_value(stack, index))
        lib.sk_X509_free(stack)
    return found


def peer_certificate(ssl: Any) -> bytes | None:
    """The peer's own certificate (SSL_get_peer_certificate)."""
    certificate = lib.SSL_get_peer_certificate(ssl)
    if not certificate:
        return None
    try:
        return der_of(certificate)
    finally:
        lib.X509_free(certificate)


def authorities(ssl: Any) -> Iterator[bytes]:
    """The names of the authorities that the server has asked for, in DER (SSL_get_client_CA_list)."""
    names = lib.SSL_get_client_CA_list(ssl)
    for index in range(lib.sk_X509_NAME_num(names) if names else 0):
        target = ffi.new("unsigned char **")
        size = lib.i2d_X509_NAME(lib.sk_X509_NAME_value(names, index), target)
        if size >= 0:
            yield bytes(ffi.buffer(target[0], size))
            lib.OPENSSL_free(target[0])
