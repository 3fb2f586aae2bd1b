"""TLS on anyio's byte streams, and so for programs on trio: a wrapped buffer between any stream and the program.

This module needs the package anyio (``pip install "unitls[anyio]"``); nothing else of unitls imports it.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

import anyio
from anyio import TypedAttributeSet, typed_attribute
from anyio.abc import AnyByteStream, ByteReceiveStream, ByteStream, Listener, TaskGroup

from .api._ciphers import CipherSuite
from .api._context import ClientContext, ServerContext
from .api._errors import ConfigurationError, TLSError
from .api._protocols import NextProtocol
from .api._subjects import Subject
from .api._versions import TLSVersion
from .api._wrapped import TLSWrappedBuffer
from .asyncio._base import logger
from .asyncio._limits import HANDSHAKE_TIMEOUT, MOST_ANSWERS, SHUTDOWN_TIMEOUT
from .asyncio._wrapping import MOST, LoopBuffer, Wrapping, check_role, default_client_context
from .core._writing import MAX_WRITE
from .registry import get_backend

T = TypeVar("T")

__all__ = ["TLSAttribute", "TLSListener", "TLSStream", "connect_tcp"]

_CHUNK: Final = 256 * 1024


class TLSAttribute(TypedAttributeSet):
    """What a `TLSStream` tells through ``extra()``, besides what the stream underneath does."""

    tls: TLSWrappedBuffer = typed_attribute()
    """The connection, for everything it tells."""
    tls_version: TLSVersion | None = typed_attribute()
    """The version that was negotiated."""
    cipher: CipherSuite | int | None = typed_attribute()
    """The cipher suite."""
    alpn_protocol: NextProtocol | bytes | None = typed_attribute()
    """The protocol that ALPN selected."""
    peer_certificate: bytes | None = typed_attribute()
    """The peer's certificate in DER."""
    server_side: bool = typed_attribute()
    """Whether this end is the server."""
    server_name: str | None = typed_attribute()
    """The server name of the handshake."""


class TLSStream(ByteStream):
    """A TLS connection over any stream of bytes. Made by `wrap`.

    One task may receive while another sends. The faults of a connection are those of anyio: `anyio.EndOfStream` at the
    peer's close_notify, `anyio.BrokenResourceError` for everything that breaks it, with the error of unitls as its cause
    (`RaggedEOF` where the transport ends without close_notify). Errors of the handshake are those of unitls.

    A send that is cancelled may have sent a part of a record: nothing can be sent behind it, and every later attempt raises
    `anyio.BrokenResourceError`. A receive that is cancelled loses nothing.

    Args:
        transport: the stream underneath.
        buffer: the wrapped buffer.
    """

    def __init__(self, transport: AnyByteStream, buffer: LoopBuffer) -> None:
        self.transport_stream = transport
        self._tls = buffer
        self._send_lock = anyio.Lock()
        self._receiving = anyio.ResourceGuard("reading from")
        self._sending = anyio.ResourceGuard("writing to")
        # A stream of objects (which are bytes then) gives them as they came, and takes no size.
        self._receive: Callable[[], Awaitable[bytes]] = (
            functools.partial(transport.receive, _CHUNK)
            if isinstance(transport, ByteReceiveStream)
            else transport.receive
        )
        self._closed = False
        self._cut_off = False
        self._rest = b""

    @classmethod
    async def wrap(
        cls,
        transport: AnyByteStream,
        context: ClientContext | ServerContext | None = None,
        *,
        server_hostname: str | None = None,
        valid_subjects: Sequence[Subject] | None = None,
        handshake_timeout: float | None = None,
    ) -> TLSStream:
        """Do the handshake over a stream, in the role of the context.

        Args:
            transport: the stream; it belongs to the TLS stream from now on, and is closed if the handshake fails.
            context: a client or a server context; `None` for the default client context of the default backend.
            server_hostname: what a client calls its peer.
            valid_subjects: the subjects a client accepts, if not `server_hostname`.
            handshake_timeout: seconds the handshake may take; 60 by default, and never more than the one of the context.

        Raises:
            ConfigurationError: the context or the names do not fit.
            ConnectionFault: the handshake has failed; the subclass says why.
            BrokenResourceError: the stream underneath has.
            TimeoutError: it has taken too long.
        """
        return await cls._wrap(transport, _wrapping(context, server_hostname, valid_subjects), handshake_timeout)

    @classmethod
    async def _wrap(cls, transport: AnyByteStream, wrapping: Wrapping, handshake_timeout: float | None) -> TLSStream:
        limits = (handshake_timeout, wrapping.context.configuration.handshake_timeout)
        given = [limit for limit in limits if limit is not None]
        try:
            stream = cls(transport, wrapping.buffer(lambda: _peer_of(transport)))
            with anyio.fail_after(min(given, default=HANDSHAKE_TIMEOUT)):
                await stream._handshake()
        except BaseException:
            await anyio.aclose_forcefully(transport)
            raise
        return stream

    async def _handshake(self) -> None:
        tls = self._tls
        try:
            done = False if tls.server_side else tls.handshake_step()
            await self._flush()
            while not done:
                tls.feed(await self._receive_raw())
                done = tls.handshake_step()
                await self._flush()
        except TLSError:
            await self._send_alert()
            raise

    async def _send_alert(self) -> None:
        with anyio.move_on_after(1, shield=True):
            with contextlib.suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
                await self._flush()

    async def _receive_raw(self) -> bytes:
        """Ciphertext; ``b""`` at the end of the transport."""
        try:
            return await self._receive()
        except anyio.EndOfStream:
            return b""

    async def _flush(self) -> None:
        """Send what is to be sent, in order."""
        if self._tls.outgoing_pending:
            async with self._send_lock:
                if wire := self._tls.take():
                    await self._send_wire(wire)

    async def _answer(self) -> None:
        """Send what reading has made the library say. While another task is sending, that one does it when it is done.

        Whoever waited here for a peer that takes nothing before it has written would never let it. Only a peer that
        makes the library say ever more is waited for.
        """
        if not self._send_lock.locked() or self._tls.outgoing_pending > MOST_ANSWERS:
            await self._flush()

    async def _send_wire(self, wire: bytes) -> None:
        """Send records; the caller has the lock. Where that is broken off, nobody knows how much of them has gone out."""
        if self._cut_off:
            raise anyio.BrokenResourceError("a send before this one was broken off in the middle")
        self._cut_off = True
        await self.transport_stream.send(wire)
        self._cut_off = False

    # ------------------------------------------------------------------------------------------ data

    async def receive(self, max_bytes: int = 65536) -> bytes:
        """Receive what is there, at least one byte.

        Args:
            max_bytes: how many at most.

        Raises:
            EndOfStream: the peer has closed cleanly.
            BrokenResourceError: the connection is lost; the cause says why.
            ClosedResourceError: the stream was closed here.
            BusyResourceError: another task is receiving.
        """
        with self._receiving:
            await anyio.lowlevel.checkpoint_if_cancelled()
            while True:
                data = self._read(max_bytes)
                try:
                    await self._answer()
                except BaseException:
                    self._rest = (data or b"") + self._rest  # for the next call
                    raise
                if data is not None:
                    break
                self._feed(await self._receive_raw())
        if not data:
            raise anyio.EndOfStream
        return data

    def _read(self, size: int) -> bytes | None:
        """Plaintext; `None` when more has to come in, ``b""`` at the end."""
        self._check_open()
        if size < 1:
            raise ValueError("max_bytes is at least 1")
        if self._rest:
            data, self._rest = self._rest[:size], self._rest[size:]
            return data
        return self._guarded(lambda: self._tls.receive(None, size))

    def _feed(self, chunk: bytes) -> None:
        self._check_open()
        self._guarded(lambda: self._tls.feed(chunk))

    def _check_open(self) -> None:
        if self._closed:
            raise anyio.ClosedResourceError

    def _guarded(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except ConfigurationError:
            raise
        except TLSError as error:
            raise anyio.BrokenResourceError from error

    async def send(self, item: bytes) -> None:
        """Send all of `item`.

        Args:
            item: the bytes.

        Raises:
            BrokenResourceError: the connection is lost; the cause says why.
            ClosedResourceError: the stream was closed here.
            BusyResourceError: another task is sending.
        """
        with self._sending, memoryview(item) as given, given.cast("B") as view:
            await anyio.lowlevel.checkpoint_if_cancelled()
            start = 0
            while start < len(view):
                async with self._send_lock:
                    self._check_open()
                    taken, wire = self._encrypt(view[start : start + MAX_WRITE])
                    start += taken
                    await self._send_wire(wire)
            await self._flush()
            await anyio.lowlevel.cancel_shielded_checkpoint()

    def _encrypt(self, part: memoryview) -> tuple[int, bytes]:
        return self._guarded(lambda: self._tls.encrypt(part))

    # ------------------------------------------------------------------------------------------ the end

    async def send_eof(self) -> None:
        """End our direction: send close_notify, and go on receiving (RFC 8446 section 6.1)."""
        with self._sending:
            self._check_open()
            self._guarded(self._tls.shutdown)
            await self._flush()

    async def unwrap(self) -> tuple[AnyByteStream, bytes]:
        """End TLS and give the stream underneath back: send close_notify, and await the peer's.

        Returns:
            The stream, and what was received behind the peer's close_notify.

        Raises:
            BrokenResourceError: the connection is lost, or application data came instead of close_notify.
        """
        await self.send_eof()
        with self._receiving:
            while (data := self._read(MOST)) is None:
                self._feed(await self._receive_raw())
        if data:
            self._rest = data
            raise anyio.BrokenResourceError("application data came instead of close_notify: receive it first")
        self._closed = True
        return self.transport_stream, self._tls.take_trailing()

    async def aclose(self) -> None:
        """Send close_notify if that can be done, and close the stream underneath. The peer's is not awaited."""
        if not self._closed:
            self._closed = True
            try:
                wire = self._tls.farewell()
                with anyio.move_on_after(SHUTDOWN_TIMEOUT):
                    async with self._send_lock:
                        await self._send_wire(wire)
            except (TLSError, anyio.BrokenResourceError, anyio.ClosedResourceError):
                pass  # the connection is lost already; there is nobody to say goodbye to
            except BaseException:
                await anyio.aclose_forcefully(self.transport_stream)
                raise
        await self.transport_stream.aclose()

    # ------------------------------------------------------------------------------------------ information

    @property
    def tls(self) -> TLSWrappedBuffer:
        """The connection, for what it tells. Its `read`, `write` and `shutdown` are the stream's business."""
        return self._tls

    @property
    def extra_attributes(self) -> Mapping[Any, Callable[[], Any]]:
        """The attributes of `TLSAttribute`, and those of the stream underneath."""
        tls = self._tls
        return {
            **self.transport_stream.extra_attributes,
            TLSAttribute.tls: lambda: tls,
            TLSAttribute.tls_version: lambda: tls.negotiated_tls_version,
            TLSAttribute.cipher: tls.cipher,
            TLSAttribute.alpn_protocol: tls.negotiated_protocol,
            TLSAttribute.peer_certificate: tls.getpeercert,
            TLSAttribute.server_side: lambda: tls.server_side,
            TLSAttribute.server_name: lambda: tls.server_name,
        }


class TLSListener(Listener[TLSStream]):
    """A listener whose streams speak TLS. A handshake runs in the task of its connection and holds up nobody else.

    Args:
        listener: the listener underneath.
        context: a server context.
        handshake_timeout: seconds a handshake may take; see `TLSStream.wrap`.

    Raises:
        ConfigurationError: it is not a server context, or one without a certificate.
    """

    def __init__(
        self, listener: Listener[Any], context: ServerContext, *, handshake_timeout: float | None = None
    ) -> None:
        check_role(context, server_side=True)
        Wrapping(context)
        self.listener = listener
        self._context = context
        self._timeout = handshake_timeout

    async def serve(self, handler: Callable[[TLSStream], Any], task_group: TaskGroup | None = None) -> None:
        """Accept connections and give each to `handler` once its handshake is done. One that fails ends alone.

        Args:
            handler: a coroutine function that takes the stream.
            task_group: where the handlers run.
        """

        async def wrapped(stream: AnyByteStream) -> None:
            try:
                secured = await TLSStream.wrap(stream, self._context, handshake_timeout=self._timeout)
            except (OSError, anyio.BrokenResourceError, anyio.ClosedResourceError):
                return  # this connection is lost, and only this one
            except TLSError:
                # No fault of the peer's, but it ends this connection only, all the same: others are being served.
                logger.exception("the handshake of a connection has failed for a reason of this program's own")
                return
            await handler(secured)

        await self.listener.serve(wrapped, task_group)

    async def aclose(self) -> None:
        """Close the listener underneath."""
        await self.listener.aclose()

    @property
    def extra_attributes(self) -> Mapping[Any, Callable[[], Any]]:
        """Those of the listener underneath."""
        return self.listener.extra_attributes


async def connect_tcp(
    host: str,
    port: int,
    context: ClientContext | None = None,
    *,
    server_hostname: str | None = None,
    valid_subjects: Sequence[Subject] | None = None,
    handshake_timeout: float | None = None,
    **options: Any,
) -> TLSStream:
    """Open a TLS connection over TCP.

    Args:
        host: the host, and what its certificate is checked against unless `server_hostname` says otherwise.
        port: the port.
        context: a client context; `None` for the default one of the default backend.
        server_hostname: the name to send and to check, if not `host`.
        valid_subjects: the subjects to accept, if not `server_hostname`.
        handshake_timeout: seconds the handshake may take; see `TLSStream.wrap`.
        **options: what `anyio.connect_tcp` takes besides.

    Raises:
        OSError: the connection could not be opened, or the handshake has failed.
        ConfigurationError: before anything is opened: the context or the names do not fit.
    """
    if context is not None:
        check_role(context, server_side=False)
    wrapping = _wrapping(context, host if server_hostname is None else server_hostname, valid_subjects)
    return await TLSStream._wrap(await anyio.connect_tcp(host, port, **options), wrapping, handshake_timeout)


def _wrapping(
    context: ClientContext | ServerContext | None, server_hostname: str | None, valid_subjects: Sequence[Subject] | None
) -> Wrapping:
    used = default_client_context(get_backend()) if context is None else context
    return Wrapping(used, server_hostname, valid_subjects)


def _peer_of(transport: AnyByteStream) -> Any:
    return transport.extra(anyio.abc.SocketAttribute.remote_address, None)
