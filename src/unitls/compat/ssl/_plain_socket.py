"""The part of `SSLSocket` that has nothing to do with TLS: what goes to the socket inside, and what is refused."""

from __future__ import annotations

import errno
import socket as socket_module
from typing import TYPE_CHECKING, Any, NoReturn

from ._information import Information


class PlainSocket(Information):
    """A mix-in over ``_plain``, the socket inside, and ``_tls``, the wrapped socket of ours over it."""

    _plain: Any
    _io_refs: int
    _closed: bool
    _unwrapped: bool
    _trailing: bytes

    if TYPE_CHECKING:

        def _no_peer(self) -> OSError: ...

    def _take_over(self, sock: Any) -> None:
        """Take the descriptor of `sock`, which is of no use to anybody else then; TLS in TLS goes through the other one."""
        self._unwrapped, self._trailing = False, b""
        if isinstance(sock, PlainSocket) and sock._tls is not None:
            self._plain, sock._tls = sock._tls, None
            sock._plain = socket_module.socket(sock.family, sock.type, sock.proto)
            sock._plain.close()
            return
        if isinstance(sock, PlainSocket):
            # Of TLS that has ended: the beginning of what comes now.
            self._trailing, sock._trailing = sock._trailing, b""
        timeout = sock.gettimeout()
        self._plain = socket_module.socket(sock.family, sock.type, sock.proto, fileno=sock.detach())
        self._plain.settimeout(timeout)

    def _has_peer(self) -> bool:
        try:
            self._plain.getpeername()
        except OSError as error:
            if error.errno != errno.ENOTCONN:
                raise
            return False
        return True

    # ------------------------------------------------------------------------------------------ after unwrap()

    def _plain_now(self) -> Any:
        """The socket inside, for data in the clear: only once TLS was ended on purpose."""
        if not self._unwrapped:
            raise self._no_peer()
        return self._plain

    def _recv_plain(self, size: int, flags: int) -> bytes:
        plain = self._plain_now()
        if not self._trailing or size <= 0:
            return plain.recv(size, flags)  # type: ignore[no-any-return]
        data = self._trailing[:size]
        if not flags & socket_module.MSG_PEEK:
            self._trailing = self._trailing[size:]
        return data

    def _recv_into_plain(self, buffer: Any, size: int | None, flags: int) -> int:
        with memoryview(buffer) as view, view.cast("B") as octets:
            data = self._recv_plain(min(size or len(octets), len(octets)), flags)
            octets[: len(data)] = data
            return len(data)

    # ------------------------------------------------------------------------------------------ delegated

    @property
    def family(self) -> Any:
        """The family of addresses."""
        return self._plain.family

    @property
    def type(self) -> Any:
        """The type of the socket, a stream."""
        return self._plain.type

    @property
    def proto(self) -> int:
        """The protocol's number."""
        return self._plain.proto  # type: ignore[no-any-return]

    @property
    def timeout(self) -> float | None:
        """The timeout in seconds."""
        return self.gettimeout()

    def gettimeout(self) -> float | None:
        """The timeout in seconds."""
        return self._plain.gettimeout()  # type: ignore[no-any-return]

    def settimeout(self, value: float | None) -> None:
        """Set the timeout; `None` waits for ever, 0 not at all."""
        (self._plain if self._tls is None else self._tls).settimeout(value)

    def getblocking(self) -> bool:
        """Whether calls wait."""
        return self._plain.getblocking()  # type: ignore[no-any-return]

    def setblocking(self, flag: bool) -> None:
        """Let calls wait, or not."""
        self.settimeout(None if flag else 0.0)

    def fileno(self) -> int:
        """The descriptor."""
        return self._plain.fileno()  # type: ignore[no-any-return]

    def bind(self, address: Any) -> None:
        """Bind to an address."""
        self._plain.bind(address)

    def listen(self, *backlog: int) -> None:
        """Become a listener."""
        self._plain.listen(*backlog)

    def getpeername(self) -> Any:
        """The peer's address."""
        return self._plain.getpeername()

    def getsockname(self) -> Any:
        """Our address."""
        return self._plain.getsockname()

    def getsockopt(self, *args: int) -> Any:
        """Read an option of the socket."""
        return self._plain.getsockopt(*args)

    def setsockopt(self, *args: Any) -> None:
        """Set an option of the socket."""
        self._plain.setsockopt(*args)

    def get_inheritable(self) -> bool:
        """Whether child processes inherit the descriptor."""
        return self._plain.get_inheritable()  # type: ignore[no-any-return]

    def set_inheritable(self, inheritable: bool) -> None:
        """Let child processes inherit the descriptor, or not."""
        self._plain.set_inheritable(inheritable)

    # ------------------------------------------------------------------------------------------ files and the end

    # The standard library's own code over `recv_into`, `send` and `_io_refs`: a file reads plaintext.
    def makefile(
        self,
        mode: str = "r",
        buffering: int | None = None,
        *,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> Any:
        """Give a file over the plaintext."""
        make: Any = socket_module.socket.makefile
        return make(self, mode, buffering, encoding=encoding, errors=errors, newline=newline)

    def close(self) -> None:
        """Close the socket; close_notify goes out first if it can at once. Open files keep it open."""
        self._closed = True
        if self._io_refs <= 0:
            self._real_close()

    def _real_close(self, *_unused: Any) -> None:
        tls, self._tls = self._tls, None
        self._unwrapped = False
        (self._plain if tls is None else tls).close()

    def detach(self) -> int:
        """Give the descriptor away, without close_notify."""
        tls, self._tls = self._tls, None
        self._closed, self._unwrapped = True, False
        return (self._plain if tls is None else tls).detach()  # type: ignore[no-any-return]

    # ------------------------------------------------------------------------------------------ refused

    def _refuse_flags(self, name: str) -> NoReturn:
        raise ValueError(f"non-zero flags not allowed in calls to {name}() on {self.__class__}")

    def _refuse_message(self, name: str) -> NoReturn:
        """Refuse as theirs does."""
        raise NotImplementedError(f"{name} not allowed on instances of {self.__class__}")

    def _refuse_datagram(self, name: str) -> NoReturn:
        raise ValueError(f"{name} not allowed on instances of {self.__class__}")

    def dup(self) -> NoReturn:
        """Refuse: the state of a connection cannot be shared."""
        raise NotImplementedError(f"Can't dup() {self.__class__.__name__} instances")

    def recvfrom(self, buflen: int = 1024, flags: int = 0) -> NoReturn:
        """Refuse: there are no datagrams."""
        self._refuse_datagram("recvfrom")

    def recvfrom_into(self, buffer: Any, nbytes: int | None = None, flags: int = 0) -> NoReturn:
        """Refuse: there are no datagrams."""
        self._refuse_datagram("recvfrom_into")

    def sendto(self, data: Any, flags_or_addr: Any, addr: Any = None) -> NoReturn:
        """Refuse: there are no datagrams."""
        self._refuse_datagram("sendto")

    def recvmsg(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse: there are no messages."""
        self._refuse_message("recvmsg")

    def recvmsg_into(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse: there are no messages."""
        self._refuse_message("recvmsg_into")

    def sendmsg(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse: it would send in the clear."""
        self._refuse_message("sendmsg")

    def sendmsg_afalg(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse: this is no AF_ALG socket."""
        self._refuse_message("sendmsg_afalg")

    def share(self, *args: Any) -> NoReturn:
        """Refuse: the state of a connection cannot be shared (Windows)."""
        self._refuse_message("share")

    def ioctl(self, *args: Any) -> Any:
        """Control the socket inside (Windows)."""
        return self._plain.ioctl(*args)
