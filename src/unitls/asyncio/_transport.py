"""The transport that the program's protocol is given: TLS, with the face of any other transport of asyncio."""

from __future__ import annotations

import asyncio
import warnings
from asyncio import constants, transports
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ..api._buffers import ReadableBuffer
from ..api._errors import ConfigurationError
from ..api._wrapped import TLSWrappedBuffer
from ._information import NAMES, extra_info

if TYPE_CHECKING:
    from ._protocol import TLSProtocol


class TLSTransport(transports._FlowControlMixin, transports.Transport):
    """A TLS connection on an event loop.

    It has the methods of an `asyncio.Transport`, with their meaning. `write_eof` sends close_notify and leaves reading
    possible, and a protocol whose ``eof_received`` returns true goes on writing: half-close works as it does without
    TLS. `tls` tells everything about the connection.

    Args:
        loop: the event loop.
        protocol: what does the work.
    """

    # What `loop.start_tls` (TLS in TLS) and `loop.sendfile` of asyncio look for.
    _start_tls_compatible = True
    _sendfile_compatible = constants._SendfileMode.FALLBACK

    def __init__(self, loop: asyncio.AbstractEventLoop, protocol: TLSProtocol) -> None:
        self._loop = loop
        self._tls = protocol
        self._closed = False

    def mark_closed(self) -> None:
        """Remember that there is nothing left to close."""
        self._closed = True

    # ------------------------------------------------------------------------------------------ what it tells

    @property
    def tls(self) -> TLSWrappedBuffer | None:
        """The connection, for what it tells (version, suite, certificates, …); `None` before the handshake is done.

        Its `read`, `write` and `shutdown` are the transport's business.
        """
        wrapped: TLSWrappedBuffer | None = self._tls.wrapped
        return wrapped

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Tell something about the connection.

        Args:
            name: ``"tls"`` (see `tls`), ``"ssl_object"`` (the getters of `ssl.SSLObject`), ``"sslcontext"`` (the
                context), ``"peercert"`` (DER), ``"cipher"`` (name, version and bits), ``"compression"`` (always `None`),
                ``"alpn_protocol"``; or what the transport underneath knows: ``"peername"``, ``"sockname"``,
                ``"socket"``, …
            default: what to give where nothing is known.
        """
        if name in NAMES:
            tls = self._tls.wrapped
            if tls is not None:
                return extra_info(name, tls)
            return self._tls.context if name == "sslcontext" else default
        lower = self._tls.lower
        return default if lower is None else lower.get_extra_info(name, default)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Deliver to another protocol from now on.

        Args:
            protocol: the new one.
        """
        self._tls.set_application(protocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        """The protocol that is delivered to."""
        application: asyncio.BaseProtocol = self._tls.application
        return application

    # ------------------------------------------------------------------------------------------ writing

    def write(self, data: ReadableBuffer) -> None:
        """Send data; what the peer does not take yet is kept.

        Args:
            data: the bytes; they may be changed as soon as the call returns.

        Raises:
            TypeError: they are no bytes.
            RuntimeError: after `write_eof`.
        """
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(f"data argument must be a bytes-like object, not {type(data).__name__!r}")
        if data:
            self._tls.write(data)

    def writelines(self, list_of_data: Iterable[ReadableBuffer]) -> None:
        """Send several pieces as one.

        Args:
            list_of_data: the pieces.
        """
        self._tls.writelines(list_of_data)

    def write_eof(self) -> None:
        """End our direction once everything is sent: the peer gets close_notify. What it sends is still delivered."""
        self._tls.write_eof()

    def can_write_eof(self) -> bool:
        """True: TLS can end one direction (RFC 8446 section 6.1)."""
        return True

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set the water marks between which the protocol's ``pause_writing`` and ``resume_writing`` are called.

        Args:
            high: more than that is waiting: pause.
            low: no more than that: resume.
        """
        self._tls.set_write_limits(high, low)

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """The low and the high water mark of writing."""
        return self._tls.write_limits

    def get_write_buffer_size(self) -> int:
        """How much is waiting to be sent, besides what the transport underneath has."""
        return self._tls.queued

    @property
    def _protocol_paused(self) -> bool:
        return self._tls.throttled  # what the fallback of `loop.sendfile` looks at

    # ------------------------------------------------------------------------------------------ reading

    def is_reading(self) -> bool:
        """Whether data is delivered."""
        return not self._tls.paused and not self._closed

    def pause_reading(self) -> None:
        """Deliver nothing until `resume_reading`."""
        self._tls.pause_reading()

    def resume_reading(self) -> None:
        """Deliver again."""
        self._tls.resume_reading()

    def set_read_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set the water marks between which the transport underneath stops and goes on receiving, while we are paused.

        Args:
            high: so much ciphertext is kept: stop.
            low: no more than that: go on.
        """
        self._tls.set_read_limits(high, low)

    def get_read_buffer_limits(self) -> tuple[int, int]:
        """The low and the high water mark of reading."""
        return self._tls.read_limits

    def get_read_buffer_size(self) -> int:
        """How much ciphertext is kept."""
        return self._tls.held

    # ------------------------------------------------------------------------------------------ the end

    def is_closing(self) -> bool:
        """Whether the transport is being closed, or is closed."""
        return self._closed

    def close(self) -> None:
        """Close in order: send what was written and close_notify, await the peer's, then close the transport.

        Nothing more is delivered. The protocol's ``connection_lost`` is called with `None`; with a `TimeoutError` where
        the peer has not answered within ``ssl_shutdown_timeout``.
        """
        self._closed = True
        self._tls.close()

    def abort(self) -> None:
        """Close at once; what was not sent is lost."""
        self._closed = True
        self._tls.abort()

    def _force_close(self, exc: BaseException | None) -> None:
        """What the TLS of asyncio itself calls on the transport below it."""
        self._closed = True
        if exc is None:
            self._tls.abort()
        else:
            self._tls.fail(exc)

    # ------------------------------------------------------------------------------------------ after the handshake

    def update_keys(self) -> None:
        """Send a KeyUpdate and ask the peer for one (TLS 1.3).

        Raises:
            ConfigurationError: the handshake is not done.
            UnsupportedFeature: the backend lacks `Feature.KEY_UPDATE`.
        """
        self._handshaken().update_keys()
        self._tls.send_out()

    def request_client_certificate(self) -> None:
        """Ask the client for a certificate now (TLS 1.3).

        Raises:
            ConfigurationError: the handshake is not done.
            UnsupportedFeature: the backend lacks `Feature.POST_HANDSHAKE_AUTHENTICATION`.
        """
        self._handshaken().request_client_certificate()
        self._tls.send_out()

    def _handshaken(self) -> TLSWrappedBuffer:
        tls = self.tls
        if tls is None:
            raise ConfigurationError("the handshake is not done")
        return tls

    def __del__(self, _warn: Any = warnings.warn) -> None:
        if not self._closed:
            self._closed = True
            _warn(f"unclosed transport {self!r}", ResourceWarning, source=self)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}{' closing' if self._closed else ''} of {self._tls!r}>"
