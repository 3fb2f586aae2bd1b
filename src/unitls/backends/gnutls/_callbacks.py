"""The functions that GnuTLS calls: one of each kind for all connections.

What it hands back is a number, from which `core._foreign` finds the connection. Nothing is ever raised into the library:
an exception is kept on the connection, or for this thread where none is known, and raised when the call has returned.
"""

from __future__ import annotations

import errno
import threading
from typing import Any, Final

from ...core._foreign import Transport, guarded, incoming_buffers, keep_for_thread, keeping, outgoing_buffers
from . import native
from ._transcript import Transcript
from .native import ffi, lib

_FAILED: Final = native.E_USER_ERROR
_AGAIN: Final = errno.EAGAIN
_move: Final[Any] = ffi.memmove
_bytes: Final[Any] = ffi.buffer


class _Thread(threading.local):
    """What the library calls without saying for which connection.

    Attributes:
        edges: from each certificate to the one that has signed it, in DER, while a chain is verified.
        transcript: of the connection whose handshake went on last, where a signer may need it.
    """

    def __init__(self) -> None:
        self.edges: dict[bytes, bytes] | None = None
        self.transcript: Transcript | None = None


thread: Final = _Thread()
keep: Final = keeping(number=int, session=lib.gnutls_session_get_ptr)


# ---------------------------------------------------------------------------------------------- bytes


@ffi.callback("ssize_t(uintptr_t, void *, size_t)", error=-1, onerror=keep)  # type: ignore[untyped-decorator]
def pull(number: int, target: Any, size: int) -> int:
    """Move ciphertext into the library: what is there, or else "again", also at the end, of which core knows."""
    data = incoming_buffers[number].take(size)
    taken = len(data)
    if taken:
        _move(target, data, taken)
        return taken
    ffi.errno = _AGAIN
    return -1


@ffi.callback("ssize_t(uintptr_t, const void *, size_t)", error=-1, onerror=keep)  # type: ignore[untyped-decorator]
def push(number: int, source: Any, size: int) -> int:
    """Take ciphertext from the library: always all."""
    outgoing_buffers[number].write(_bytes(source, size)[:])
    return size


@ffi.callback("int(uintptr_t, unsigned int)", error=0, onerror=keep)  # type: ignore[untyped-decorator]
def pull_timeout(number: int, milliseconds: int) -> int:
    """Whether there is something to pull; nothing ever waits for it."""
    incoming = incoming_buffers.get(number)
    return 1 if incoming is not None and incoming.held else 0


# ---------------------------------------------------------------------------------------------- the handshake


@guarded(native.E_CERTIFICATE_VERIFICATION_ERROR)
def _verify(connection: Transport) -> int:
    return connection.owner.verify()  # type: ignore[no-any-return]


@guarded(_FAILED)
def _hook(connection: Transport, kind: int, incoming: int, message: Any) -> int:
    return connection.owner.message(kind, native.content(message), bool(incoming))  # type: ignore[no-any-return]


@guarded(0)
def _key_log(connection: Transport, label: bytes, secret: bytes) -> int:
    connection.owner.log_secret(label, secret)
    return 0


@guarded(-1)
def _choose(connection: Transport, authorities: tuple[bytes, ...], places: tuple[Any, Any, Any]) -> int:
    certificates, count, key = places
    identity = connection.owner.choose(authorities)
    if identity is None:
        count[0] = 0
    else:
        certificates[0], count[0], key[0] = identity.certificates, identity.count, identity.key
    return 0


@guarded(native.E_REQUESTED_DATA_NOT_AVAILABLE)
def _staple(connection: Transport, target: Any) -> int:
    response = connection.owner.staple
    if response is None:
        return native.E_REQUESTED_DATA_NOT_AVAILABLE
    native.allocated(target, response)
    return 0


@guarded(-1)
def _find_key(connection: Transport, name: bytes, target: Any) -> int:
    key = connection.owner.external_key(name)
    if key is None:
        return -1
    native.allocated(target, key)
    return 0


@ffi.callback("int(gnutls_session_t)", error=native.E_CERTIFICATE_VERIFICATION_ERROR, onerror=keep)  # type: ignore[untyped-decorator]
def verify(session: Any) -> int:
    """Judge the peer's certificate (gnutls_session_set_verify_function)."""
    return _verify(lib.gnutls_session_get_ptr(session))


@ffi.callback(
    "int(gnutls_session_t, unsigned int, unsigned int, unsigned int, const gnutls_datum_t *)",
    error=_FAILED,
    onerror=keep,
)  # type: ignore[untyped-decorator]
def hook(session: Any, kind: int, when: int, incoming: int, message: Any) -> int:
    """Look at a handshake message (gnutls_handshake_set_hook_function)."""
    return _hook(lib.gnutls_session_get_ptr(session), kind, incoming, message)


@ffi.callback("int(gnutls_session_t, const char *, const gnutls_datum_t *)", error=0, onerror=keep)  # type: ignore[untyped-decorator]
def key_log(session: Any, label: Any, secret: Any) -> int:
    """Note a secret (gnutls_session_set_keylog_function)."""
    return _key_log(lib.gnutls_session_get_ptr(session), ffi.string(label), native.content(secret))


@ffi.callback(  # type: ignore[untyped-decorator]
    "int(gnutls_session_t, const gnutls_datum_t *, int, const int *, int, gnutls_pcert_st **, unsigned int *, "
    "gnutls_privkey_t *)",
    error=-1,
    onerror=keep,
)
def choose(
    session: Any, names: Any, count: int, kinds: Any, kind_count: int, certificates: Any, length: Any, key: Any
) -> int:
    """Choose the client's certificate (gnutls_certificate_set_retrieve_function2)."""
    authorities = tuple(native.content(names[index]) for index in range(count))
    return _choose(lib.gnutls_session_get_ptr(session), authorities, (certificates, length, key))


@ffi.callback(
    "int(gnutls_session_t, uintptr_t, gnutls_datum_t *)", error=native.E_REQUESTED_DATA_NOT_AVAILABLE, onerror=keep
)  # type: ignore[untyped-decorator]
def staple(session: Any, data: int, target: Any) -> int:
    """Give the OCSP response to staple (gnutls_certificate_set_ocsp_status_request_function2)."""
    return _staple(lib.gnutls_session_get_ptr(session), target)


@ffi.callback("int(gnutls_session_t, const gnutls_datum_t *, gnutls_datum_t *)", error=-1, onerror=keep)  # type: ignore[untyped-decorator]
def find_key(session: Any, name: Any, target: Any) -> int:
    """Give the external key of that name (gnutls_psk_set_server_credentials_function2)."""
    return _find_key(lib.gnutls_session_get_ptr(session), native.content(name), target)


# ---------------------------------------------------------------------------------------------- verification


@ffi.callback(
    "int(gnutls_x509_crt_t, gnutls_x509_crt_t, gnutls_x509_crl_t, unsigned int)", error=0, onerror=keep_for_thread
)  # type: ignore[untyped-decorator]
def step(certificate: Any, issuer: Any, revocation_list: Any, status: int) -> int:
    """Note one step of a path (gnutls_session_set_verify_output_function)."""
    if thread.edges is not None and certificate != ffi.NULL and issuer != ffi.NULL and not status:
        thread.edges.setdefault(native.exported(certificate), native.exported(issuer))
    return 0
