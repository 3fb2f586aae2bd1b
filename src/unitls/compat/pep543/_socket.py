"""The text's wrapped socket: unitls' own, under the text's names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from ...api._ciphers import CipherSuite
from ...api._errors import ConfigurationError
from ...api._protocols import NextProtocol
from ...api._versions import TLSVersion
from ._faces import FACES

if TYPE_CHECKING:
    import socket as socket_module

    from ._abstract import Context, TLSWrappedBuffer


class TLSWrappedSocket:
    """A stream socket whose bytes travel encrypted; every method of a `socket.socket` is there.

    The handshake is never run by itself: `do_handshake` comes after ``connect`` or ``accept``.

    Args:
        socket: the socket; it belongs to this object from now on.
        buffer: a wrapped buffer of this module that was not used yet: it says what the connection is to be, and
            belongs to the socket from now on.

    Raises:
        ConfigurationError: the buffer was used, or is not of this module; or the socket is no stream socket.
    """

    __slots__ = ("__weakref__", "_context", "_tls")

    def __init__(self, socket: socket_module.socket, buffer: TLSWrappedBuffer) -> None:
        surrender = getattr(buffer, "_surrender", None)
        if surrender is None:
            raise ConfigurationError("a wrapped socket is made over a wrapped buffer of this module")
        context, tls = surrender(socket)
        self._begin(context, tls)

    @classmethod
    def _over(cls, context: Context, tls: Any) -> TLSWrappedSocket:
        """The face of a wrapped socket of core."""
        self = cls.__new__(cls)
        self._begin(context, tls)
        return self

    def _begin(self, context: Context, tls: Any) -> None:
        self._context = context
        self._tls = tls
        FACES[id(tls)] = self

    def do_handshake(self) -> None:
        """Perform the handshake, with certificate validation and hostname verification."""
        self._tls.do_handshake()

    def cipher(self) -> CipherSuite | int | None:
        """The cipher suite that was negotiated; `None` before."""
        suite: CipherSuite | int | None = self._tls.cipher()
        return suite

    def negotiated_protocol(self) -> NextProtocol | bytes | None:
        """The protocol that was agreed on by ALPN, if any."""
        protocol: NextProtocol | bytes | None = self._tls.negotiated_protocol()
        return protocol

    @property
    def context(self) -> Context:
        """The context this belongs to; after a server name callback the one it has chosen."""
        return self._context

    @property
    def negotiated_tls_version(self) -> TLSVersion | None:
        """The version that was negotiated; `None` before."""
        version: TLSVersion | None = self._tls.negotiated_tls_version
        return version

    def unwrap(self) -> socket_module.socket:
        """Send close_notify, wait for the peer's, and give the socket back that was wrapped."""
        plain: socket_module.socket = self._tls.unwrap()
        return plain

    def accept(self) -> tuple[TLSWrappedSocket, Any]:
        """Accept a connection on a wrapped listener; its handshake is the caller's to run."""
        tls, address = self._tls.accept()
        return self._over(self._context, tls), address

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self._tls, name)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *(name for name in dir(self._tls) if not name.startswith("_"))})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._tls.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._tls!r}>"
