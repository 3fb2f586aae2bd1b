"""Opening connections and servers on a loop: its own functions open the transport, TLS is the protocol on top."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from ..api._context import ClientContext, ServerContext
from ..api._errors import ConfigurationError, ProtocolViolation
from ..api._subjects import Subject
from ..registry import get_backend
from ._limits import Timeouts
from ._protocol import TLSProtocol
from ._transport import TLSTransport
from ._wrapping import Wrapping, check_role, default_client_context

P = TypeVar("P", bound=asyncio.BaseProtocol)

_NEEDED = ("set_protocol", "pause_reading", "resume_reading", "write", "close", "abort", "get_write_buffer_size")


async def create_connection(
    protocol_factory: Callable[[], P],
    host: str | None = None,
    port: int | None = None,
    *,
    context: ClientContext | None = None,
    server_hostname: str | None = None,
    valid_subjects: Sequence[Subject] | None = None,
    ssl_handshake_timeout: float | None = None,
    ssl_shutdown_timeout: float | None = None,
    **options: Any,
) -> tuple[TLSTransport, P]:
    """Open a TLS connection: `asyncio.loop.create_connection`, with a context of unitls.

    Args:
        protocol_factory: makes the protocol.
        host: the host, and what its certificate is checked against unless `server_hostname` says otherwise.
        port: the port.
        context: a client context; `None` for a default one of the default backend.
        server_hostname: the name to send (SNI) and to check, if not `host`.
        valid_subjects: the subjects to accept, if not `server_hostname`.
        ssl_handshake_timeout: seconds the handshake may take; 60 by default, and never more than
            ``handshake_timeout`` of the context.
        ssl_shutdown_timeout: seconds the end may take; 30 by default.
        **options: what the loop's function takes besides: ``sock``, ``family``, ``local_addr``,
            ``happy_eyeballs_delay``, …

    Returns:
        The transport and the protocol, once the handshake is done.

    Raises:
        ConfigurationError: before anything is opened: the context or the names do not fit.
        ConnectionAbortedError: the handshake has taken too long.
        ConnectionFault: it has failed; the subclass says why.
        OSError: the connection could not be opened.
    """
    _refuse_ssl(options)
    if context is None:
        context = default_client_context(get_backend())
    check_role(context, server_side=False)
    wrapping = Wrapping(context, host if server_hostname is None else server_hostname, valid_subjects)
    timeouts = _timeouts(context, ssl_handshake_timeout, ssl_shutdown_timeout)
    loop = asyncio.get_running_loop()
    application = protocol_factory()
    tls = TLSProtocol(loop, application, wrapping, timeouts, loop.create_future())
    transport = tls.transport
    address: Any = host, port
    await _established(tls, loop.create_connection(lambda: tls, *address, **options))
    return transport, application


async def create_server(
    protocol_factory: Callable[[], asyncio.BaseProtocol],
    host: str | Sequence[str] | None = None,
    port: int | None = None,
    *,
    context: ServerContext,
    ssl_handshake_timeout: float | None = None,
    ssl_shutdown_timeout: float | None = None,
    **options: Any,
) -> asyncio.Server:
    """Open a TLS server: `asyncio.loop.create_server`, with a context of unitls.

    A change of the context (new certificates) holds for the connections that come after it. A client whose handshake
    fails is no business of the protocol's: none is made known to it.

    Args:
        protocol_factory: makes the protocol of each connection.
        host: where to listen.
        port: the port.
        context: a server context.
        ssl_handshake_timeout: seconds a handshake may take; see `create_connection`.
        ssl_shutdown_timeout: seconds the end of a connection may take.
        **options: what the loop's function takes besides: ``sock``, ``backlog``, ``reuse_port``, ``start_serving``, …

    Raises:
        ConfigurationError: the context does not fit.
        OSError: the address cannot be listened on.
    """
    _refuse_ssl(options)
    check_role(context, server_side=True)
    wrapping = Wrapping(context)
    timeouts = _timeouts(context, ssl_handshake_timeout, ssl_shutdown_timeout)
    loop = asyncio.get_running_loop()

    def connected() -> TLSProtocol:
        return TLSProtocol(loop, protocol_factory(), wrapping, timeouts)

    return await loop.create_server(connected, host, port, **options)


async def start_tls(
    transport: Any,
    protocol: asyncio.BaseProtocol,
    context: ClientContext | ServerContext,
    *,
    server_side: bool | None = None,
    server_hostname: str | None = None,
    valid_subjects: Sequence[Subject] | None = None,
    ssl_handshake_timeout: float | None = None,
    ssl_shutdown_timeout: float | None = None,
) -> TLSTransport:
    """Upgrade a connection to TLS, in either role: `asyncio.loop.start_tls`, with a context of unitls.

    The transport may be of any loop, and may be a TLS transport itself (TLS in TLS). It must not be used afterwards. The
    protocol's ``connection_made`` is not called again.

    Args:
        transport: the transport to upgrade.
        protocol: the protocol to go on with.
        context: a client or a server context: it says which role this is.
        server_side: the role once more; it has to be the context's.
        server_hostname: what a client calls its peer.
        valid_subjects: the subjects a client accepts, if not `server_hostname`.
        ssl_handshake_timeout: seconds the handshake may take; see `create_connection`.
        ssl_shutdown_timeout: seconds the end may take.

    Returns:
        The transport to use from now on.

    Raises:
        ConfigurationError: the context does not fit; the transport is as it was.
        ProtocolViolation: a stream has plaintext in its buffer, which may have been injected; the transport is closed.
        TypeError: the transport cannot be upgraded.
        ConnectionAbortedError: the handshake has taken too long.
        ConnectionResetError: the transport is closed.
        ConnectionFault: it has failed. The transport is closed.
    """
    _check_transport(transport)
    if server_side is not None:
        check_role(context, server_side)
    wrapping = Wrapping(context, server_hostname, valid_subjects)
    timeouts = _timeouts(context, ssl_handshake_timeout, ssl_shutdown_timeout)
    if transport.is_closing():
        raise ConnectionResetError("the transport is closed: there is nothing to upgrade")
    _refuse_early_plaintext(transport, protocol)
    loop = asyncio.get_running_loop()
    tls = TLSProtocol(loop, protocol, wrapping, timeouts, loop.create_future(), upgrades=True)
    upgraded = tls.transport
    transport.pause_reading()  # what comes in now is the new protocol's
    transport.set_protocol(tls)
    loop.call_soon(_take_over, tls, transport)
    await _established(tls)
    return upgraded


def _take_over(tls: TLSProtocol, transport: Any) -> None:
    if tls.is_over:  # it was lost, or given up, in the meantime
        transport.abort()
        return
    tls.connection_made(transport)
    if not transport.is_closing():
        transport.resume_reading()


async def _established(tls: TLSProtocol, opening: Any = None) -> None:
    """Wait until the connection is there and the handshake is done. Whatever ends the wait before leaves nothing behind."""
    waiter = tls.waiter
    try:
        if opening is not None:
            await opening
        await waiter
    except BaseException:
        # An exception that nobody has asked for would be complained of when the future goes.
        if not waiter.cancel() and not waiter.cancelled():
            waiter.exception()
        if not tls.is_over:
            tls.abort()
        raise


def _timeouts(context: Any, handshake: float | None, shutdown: float | None) -> Timeouts:
    return Timeouts.of(handshake, shutdown, context.configuration.handshake_timeout)


def _refuse_ssl(options: dict[str, Any]) -> None:
    if "ssl" in options:
        raise ConfigurationError("the argument is called context, and is a context of unitls")


def _check_transport(transport: Any) -> None:
    missing = [name for name in _NEEDED if not hasattr(transport, name)]
    if missing:
        raise TypeError(f"transport {transport!r} is not supported by start_tls(): it has no {missing[0]}()")


def _refuse_early_plaintext(transport: Any, protocol: Any) -> None:
    """What a stream has buffered when TLS starts would be read as if it had come through TLS."""
    reader = getattr(protocol, "_stream_reader", None) if isinstance(protocol, asyncio.StreamReaderProtocol) else None
    if reader is not None and reader._buffer:
        transport.abort()
        raise ProtocolViolation("plaintext was received behind the start of TLS: it may have been injected")
