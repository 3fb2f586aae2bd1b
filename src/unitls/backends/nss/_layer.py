"""The layer of NSPR under each connection: NSS reads from and writes to our buffers through it.

Each function is made into a callback once, for all connections; the layer's ``secret`` is the number of the connection.
"""

from __future__ import annotations

from typing import Any, Final

from ...core._foreign import incoming_buffers, keeping, outgoing_buffers
from .native import FAILURE, SECURITY, SUCCESS, WOULD_BLOCK, checked, ffi, nspr, nss, present, ssl

_NON_BLOCKING: Final = 0
_AF_INET: Final = 2
_LOOPBACK: Final = bytes((127, 0, 0, 1))
_keep: Final = keeping(layer=lambda layer: int(layer.secret))


def _pull(number: int, target: Any, size: int) -> int:
    incoming = incoming_buffers.get(number)
    data = incoming.take(size) if incoming is not None else b""
    if data:
        ffi.memmove(target, data, len(data))
        return len(data)
    # The end of the transport is core's to report: to NSS it would look like the peer's close_notify.
    nspr.PR_SetError(WOULD_BLOCK, 0)
    return FAILURE


def _push(number: int, data: Any, size: int) -> int:
    outgoing = outgoing_buffers.get(number)
    return FAILURE if outgoing is None else outgoing.write(ffi.buffer(data, size)[:])


@ffi.callback("int32_t(PRFileDesc *, void *, int32_t, int, uint32_t)", error=FAILURE, onerror=_keep)  # type: ignore[untyped-decorator]
def _recv(layer: Any, target: Any, size: int, flags: int, timeout: int) -> int:
    return _pull(layer.secret, target, size)


@ffi.callback("int32_t(PRFileDesc *, const void *, int32_t, int, uint32_t)", error=FAILURE, onerror=_keep)  # type: ignore[untyped-decorator]
def _send(layer: Any, data: Any, size: int, flags: int, timeout: int) -> int:
    return _push(layer.secret, data, size)


@ffi.callback("int32_t(PRFileDesc *, void *, int32_t)", error=FAILURE, onerror=_keep)  # type: ignore[untyped-decorator]
def _read(layer: Any, target: Any, size: int) -> int:
    return _pull(layer.secret, target, size)


@ffi.callback("int32_t(PRFileDesc *, const void *, int32_t)", error=FAILURE, onerror=_keep)  # type: ignore[untyped-decorator]
def _write(layer: Any, data: Any, size: int) -> int:
    return _push(layer.secret, data, size)


@ffi.callback("int32_t(PRFileDesc *, int)", error=FAILURE, onerror=_keep)  # type: ignore[untyped-decorator]
def _shutdown(layer: Any, how: int) -> int:
    return SUCCESS


@ffi.callback("int32_t(PRFileDesc *)", error=FAILURE, onerror=_keep)  # type: ignore[untyped-decorator]
def _close(layer: Any) -> int:
    layer.dtor(layer)
    return SUCCESS


@ffi.callback("int32_t(PRFileDesc *, PRNetAddrInet *)", error=FAILURE, onerror=_keep)  # type: ignore[untyped-decorator]
def _address(layer: Any, address: Any) -> int:
    """NSS asks for the peer's address to find sessions by; none is kept by it."""
    address.family, address.port = _AF_INET, 0
    ffi.memmove(ffi.addressof(address, "ip"), _LOOPBACK, len(_LOOPBACK))
    return SUCCESS


@ffi.callback("int32_t(PRFileDesc *, PRSocketOptionFlag *)", error=FAILURE, onerror=_keep)  # type: ignore[untyped-decorator]
def _get_option(layer: Any, option: Any) -> int:
    if option.option != _NON_BLOCKING:
        return FAILURE
    option.value = 1
    return SUCCESS


@ffi.callback("int32_t(PRFileDesc *, const PRSocketOptionFlag *)", error=FAILURE, onerror=_keep)  # type: ignore[untyped-decorator]
def _set_option(layer: Any, option: Any) -> int:
    return SUCCESS


_METHODS: Final = ffi.new(
    "PRIOMethods *",
    {
        "file_type": 4,  # PR_DESC_LAYERED
        "close": _close,
        "read": _read,
        "write": _write,
        "shutdown": _shutdown,
        "recv": _recv,
        "send": _send,
        "getsockname": _address,
        "getpeername": _address,
        "getsocketoption": _get_option,
        "setsocketoption": _set_option,
    },
)
_IDENTITY: Final = nspr.PR_GetUniqueIdentity(b"unitls")
_CALLBACKS: Final = (_recv, _send, _read, _write, _shutdown, _close, _address, _get_option, _set_option)


def new_model() -> Any:
    """A TLS socket that carries settings and never a byte."""
    return _import(ffi.NULL, 0)


def new_socket(model: Any, number: int) -> Any:
    """A TLS socket with the settings of `model`, over the buffers of the connection `number`."""
    return _import(model, number)


def _import(model: Any, number: int) -> Any:
    layer = present(nspr.PR_CreateIOLayerStub(_IDENTITY, _METHODS))
    layer.secret = number
    socket = ssl.SSL_ImportFD(model, layer)
    if socket == ffi.NULL:
        nspr.PR_Close(layer)
        raise MemoryError("NSS cannot make another connection")
    if model == ffi.NULL:
        checked(ssl.SSL_OptionSet(socket, SECURITY, 1))
    return ffi.gc(socket, _destroy)


def _destroy(
    socket: Any,
    functions: Any = nspr,
    null: Any = ffi.NULL,
    identity: int = _IDENTITY,
    held: Any = (_METHODS, _CALLBACKS, nss, ssl),
) -> None:
    """Close a socket without a word to the peer: what is said at the end is said by who closes the connection.

    The last sockets may go when the interpreter has torn the modules down, so what is needed, the libraries too, comes as
    arguments.
    """
    layer = functions.PR_GetIdentitiesLayer(socket, identity)
    if layer != null:
        layer.secret = 0
    functions.PR_Close(socket)
