"""What NSS asks and tells while a connection goes on. Each kind of callback is made once, for all connections.

NSS hands back the number of the connection; the questions are put to the engine that the number belongs to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ...core._foreign import Transport, guarded, keep_for_thread, keeping
from . import _layer, native
from ._objects import certificate_der, listed
from .native import FAILURE, SUCCESS, checked, ffi, from_pointer, item_bytes, nspr, nss, ssl

if TYPE_CHECKING:
    from ._identity import Identity
    from ._shaking import HandshakeEngine

_keep: Final = keeping(argument=from_pointer)
_READ: Final = 1
_FAIL: Final = 0
"""ssl_hello_retry_fail: the handshake ends there."""
_DISTANT_FUTURE: Final = 2**60
"""Microseconds: every ticket has expired by then."""


def install(engine: HandshakeEngine, socket: Any, number: int) -> None:
    """Set what every connection needs."""
    own = native.number(number)
    checked(ssl.SSL_AuthCertificateHook(socket, _on_certificate, own))
    checked(ssl.SSL_AlertReceivedCallback(socket, _on_alert, own))


def offer_identity(socket: Any, number: int) -> None:
    """Let the engine be asked for a client certificate."""
    checked(ssl.SSL_GetClientAuthDataHook(socket, _on_request, native.number(number)))


def collect_tokens(socket: Any, number: int) -> None:
    """Let the engine be told of tickets."""
    checked(native.set_resumption_token_callback(socket, _on_token, native.number(number)))


def collect_secrets(socket: Any, number: int) -> None:
    """Let the engine be told the traffic secrets."""
    checked(native.set_secret_callback(socket, _on_secret, native.number(number)))


def ticket_mark(model: Any, received: bytes) -> bytes | None:
    """What stands in the ticket of TLS 1.3 that a client offers.

    NSS alone can read it, and shows it to a callback that can no longer keep it from resuming. So the ClientHello is
    put to a socket first that goes no further.

    Args:
        model: the settings of the server.
        received: the ClientHello, in its records.
    """
    probe, incoming = _Probe(), native.MemoryBuffer()
    incoming.write(received)
    connection = Transport(incoming, native.MemoryBuffer(), probe)
    socket = _layer.new_socket(model, connection.number)
    checked(ssl.SSL_ResetHandshake(socket, 1))
    checked(ssl.SSL_OptionSet(socket, native.EARLY_DATA, 0))  # it shall not count as a replay when it comes again
    checked(native.set_hello_retry_callback(socket, _on_hello, native.number(connection.number)))
    ssl.SSL_ForceHandshake(socket)
    failure = connection.take_failure()
    if failure is not None:
        raise native.CallbackFailure from failure
    return probe.mark


class _Probe:
    """Takes down what stands in a ticket."""

    __slots__ = ("__weakref__", "mark")

    def __init__(self) -> None:
        self.mark: bytes | None = None


def expire_tickets(socket: Any, expired: bool) -> None:
    """Set the clock of a connection to where all tickets have expired, or back to now."""
    checked(native.set_time_function(socket, _distant_future if expired else ffi.NULL, ffi.NULL))


# ---------------------------------------------------------------------------------------------- certificates


@guarded(FAILURE)
def _certificate(connection: Transport, socket: Any) -> int:
    engine: HandshakeEngine = connection.owner
    code = engine.judge(socket)
    if code:
        nspr.PR_SetError(code, 0)
        return FAILURE
    return SUCCESS


@ffi.callback("int(void *, PRFileDesc *, int, int)", error=FAILURE, onerror=_keep)  # type: ignore[untyped-decorator]
def _on_certificate(argument: Any, socket: Any, check_signature: int, is_server: int) -> int:
    nspr.PR_SetError(native.LIBRARY_FAILURE, 0)  # if the body raises
    return _certificate(from_pointer(argument), socket)


def sent_chain(socket: Any) -> tuple[bytes, ...]:
    """What the peer has sent, the leaf first; only the leaf where a session was resumed."""
    chain = ssl.SSL_PeerCertificateChain(socket)
    if chain != ffi.NULL:
        chain = ffi.gc(chain, nss.CERT_DestroyCertList)
        return tuple(map(certificate_der, listed(chain)))
    leaf = peer_leaf(socket)
    return () if leaf is None else (certificate_der(leaf),)


def peer_leaf(socket: Any) -> Any | None:
    """The peer's certificate."""
    leaf = ssl.SSL_PeerCertificate(socket)
    return None if leaf == ffi.NULL else ffi.gc(leaf, nss.CERT_DestroyCertificate)


@guarded(FAILURE)
def _request(connection: Transport, names: Any, certificate: Any, key: Any) -> int:
    engine: HandshakeEngine = connection.owner
    authorities = tuple(item_bytes(names.names[index]) for index in range(names.nnames)) if names != ffi.NULL else ()
    identity: Identity | None = engine.identity_for(authorities)
    if identity is None:
        return FAILURE
    certificate[0] = nss.CERT_DupCertificate(identity.leaf)
    key[0] = nss.SECKEY_CopyPrivateKey(identity.key)
    return SUCCESS


@ffi.callback(  # type: ignore[untyped-decorator]
    "int(void *, PRFileDesc *, CERTDistNames *, CERTCertificate **, SECKEYPrivateKey **)",
    error=FAILURE,
    onerror=_keep,
)
def _on_request(argument: Any, socket: Any, names: Any, certificate: Any, key: Any) -> int:
    return _request(from_pointer(argument), names, certificate, key)


# ---------------------------------------------------------------------------------------------- alerts, secrets, tickets


@guarded(None)
def _alert(connection: Transport, level: int, description: int) -> None:
    connection.owner.heard(level, description)


@ffi.callback("void(PRFileDesc *, void *, SSLAlert *)", onerror=_keep)  # type: ignore[untyped-decorator]
def _on_alert(socket: Any, argument: Any, alert: Any) -> None:
    _alert(from_pointer(argument), alert.level, alert.description)


@guarded(None)
def _secret(connection: Transport, epoch: int, direction: int, key: Any) -> None:
    engine: HandshakeEngine = connection.owner
    if nss.PK11_ExtractKeyValue(key) == SUCCESS:
        is_server = engine.server_side is (direction != _READ)
        engine.log_secret(is_server, epoch, item_bytes(nss.PK11_GetKeyData(key)))


@ffi.callback("void(PRFileDesc *, uint16_t, int, PK11SymKey *, void *)", onerror=_keep)  # type: ignore[untyped-decorator]
def _on_secret(socket: Any, epoch: int, direction: int, key: Any, argument: Any) -> None:
    _secret(from_pointer(argument), epoch, direction, key)


@guarded(FAILURE)
def _token(connection: Transport, token: Any, size: int) -> int:
    connection.owner.keep_token(ffi.buffer(token, size)[:])
    return SUCCESS


@ffi.callback("int(PRFileDesc *, const uint8_t *, unsigned int, void *)", error=FAILURE, onerror=_keep)  # type: ignore[untyped-decorator]
def _on_token(socket: Any, token: Any, size: int, argument: Any) -> int:
    return _token(from_pointer(argument), token, size)


@guarded(None)
def _hello(connection: Transport, mark: bytes) -> None:
    connection.owner.mark = mark


@ffi.callback(  # type: ignore[untyped-decorator]
    "int(int, const uint8_t *, unsigned int, uint8_t *, unsigned int *, unsigned int, void *)",
    error=_FAIL,
    onerror=_keep,
)
def _on_hello(
    is_first: int, mark: Any, mark_size: int, retry: Any, retry_size: Any, retry_room: int, argument: Any
) -> int:
    _hello(from_pointer(argument), ffi.buffer(mark, mark_size)[:] if mark_size else b"")
    return _FAIL


@ffi.callback("int64_t(void *)", error=_DISTANT_FUTURE, onerror=keep_for_thread)  # type: ignore[untyped-decorator]
def _distant_future(argument: Any) -> int:
    return _DISTANT_FUTURE
