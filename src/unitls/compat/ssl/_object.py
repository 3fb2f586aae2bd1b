"""`SSLObject`: TLS between two memory buffers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ...api._errors import RaggedEOF, TLSError, WantReadError, WantWriteError
from ...core._buffer import CoreBuffer
from ._constants import OP_IGNORE_UNEXPECTED_EOF
from ._errors import SSLError
from ._information import Information
from ._platform import base_of
from ._translate import boundary, eof, failure, translated, want_read

if TYPE_CHECKING:
    from ._context import SSLContext
    from ._sessions import SSLSession

_HEADER: Final = 5
"""The length of a record's header (RFC 8446 section 5.1); its last two bytes are the length of what follows."""


class SSLObject(Information, base_of("SSLObject", object)):  # type: ignore[misc]
    """TLS without I/O of its own, made by `SSLContext.wrap_bio`."""

    _server_side: bool
    _server_hostname: str | None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise TypeError(
            f"{type(self).__name__} does not have a public constructor. Instances are returned by SSLContext.wrap_bio()."
        )

    @classmethod
    def _create(
        cls,
        incoming: Any,
        outgoing: Any,
        server_side: bool = False,
        server_hostname: str | None = None,
        session: SSLSession | None = None,
        context: SSLContext | None = None,
    ) -> SSLObject:
        assert context is not None
        self = cls.__new__(cls)
        self._context, self._tls, self._counted = context, None, False
        self._incoming, self._outgoing = incoming, outgoing
        self._server_side, self._server_hostname = bool(server_side), server_hostname
        self._session = None
        if session is not None:
            self._check_session(session)
            self._session = session
        if context.check_hostname and not server_side and not server_hostname:
            raise ValueError("check_hostname requires server_hostname")
        self._begin_again()
        context._count("accept" if server_side else "connect")
        return self

    def _begin_again(self) -> None:
        """Make the connection; again where a session was set before the handshake has begun."""
        context = self._context
        core, natives = context._core(self._server_side)
        names = context._names(None if self._server_side else self._server_hostname)
        with boundary(), context._offering(self._session):
            self._tls = CoreBuffer(core, natives, self._incoming, self._outgoing, names, owner=self)
        self._ready = False

    def _buffer(self) -> CoreBuffer | None:
        return self._tls  # type: ignore[no-any-return]

    @property
    def server_side(self) -> bool:  # type: ignore[override]
        """Whether this is the server."""
        return self._server_side

    @property
    def server_hostname(self) -> str | None:
        """What the client calls its peer."""
        return self._server_hostname

    def do_handshake(self) -> None:
        """Take the handshake as far as it goes; `SSLWantReadError` says that more has to come in."""
        try:
            self._tls.do_handshake()
        except WantReadError:
            raise want_read() from None
        except TLSError as error:
            self._raise(error)
        self._ready = True
        self._finished()

    def read(self, len: int = 1024, buffer: Any = None) -> Any:
        """Read up to `len` bytes, as a result or into `buffer`; nothing at the peer's clean end."""
        if not self._ready:
            self.do_handshake()
        if len < 0 and buffer is None:
            raise ValueError("size should not be negative")
        try:
            if buffer is None:
                return self._tls.read(len)
            return self._tls.read_into(buffer, len if len > 0 else None)
        except (WantReadError, WantWriteError) as signal:
            raise translated(signal) from None
        except RaggedEOF as error:
            if self._context.options & OP_IGNORE_UNEXPECTED_EOF:
                return b"" if buffer is None else 0
            raise eof() from error
        except TLSError as error:
            self._raise(error)

    def write(self, data: Any) -> int:
        """Write all of `data`, as OpenSSL does into memory: programs (anyio) do not look at how much it was.

        Returns:
            How many bytes; fewer than there are only where a buffer of the program's takes no more.
        """
        if not self._ready:
            self.do_handshake()
        with memoryview(data) as view, view.cast("B") as octets:
            taken, size = self._write(octets), len(octets)
            while 0 < taken < size:
                try:
                    taken += self._write(octets[taken:])
                except SSLError:
                    break  # what was taken is reported now, and the fault by the next call
        return taken

    def _write(self, octets: memoryview) -> int:
        try:
            return self._tls.write(octets)  # type: ignore[no-any-return]
        except (WantReadError, WantWriteError) as signal:
            raise translated(signal) from None
        except TLSError as error:
            raise translated(error) from error

    def pending(self) -> int:
        """How many bytes can be read at once.

        Uvloop reads only as long as this says so or the incoming buffer holds something. Where the library has a kind of
        buffer of its own, what came in is there, and whole records in it count.
        """
        tls: CoreBuffer = self._tls
        return tls.pending() or (0 if tls._relay is None else self._undecrypted(tls))

    def _undecrypted(self, tls: CoreBuffer) -> int:
        """The length of the first record that waits to be decrypted, if all of it is there."""
        held: int = tls._incoming.pending
        if not held or self._incoming.eof:
            return held  # behind the end nothing can be put back, and reading is right in any case
        rest = tls.take_trailing()
        tls.feed(rest)
        length = int.from_bytes(rest[3:_HEADER], "big")
        return length if _HEADER + length <= len(rest) else 0

    def unwrap(self) -> None:
        """Send close_notify; done once the peer's has been read, else `SSLWantReadError`.

        What came behind the peer's stays in the incoming buffer.
        """
        try:
            self._tls.shutdown()
            data = self._tls.read(1)
        except WantReadError:
            raise want_read() from None
        except TLSError as error:
            self._raise(error)
        if data:
            raise failure("APPLICATION_DATA_AFTER_CLOSE_NOTIFY", "application data after close notify")
        self._give_back()

    def _give_back(self) -> None:
        """Put what was taken in and is not TLS any more back to where it came from."""
        if self._tls._relay is not None and (rest := self._tls.take_trailing()):
            self._incoming.write(rest + self._incoming.read())
