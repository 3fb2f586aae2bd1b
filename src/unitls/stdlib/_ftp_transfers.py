"""The data connections of `FTP_TLS`: how they are made, used and ended."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator
from ftplib import FTP, Error
from typing import Any, Final

from ..api._context import ClientContext
from ..api._errors import ConnectionFault, RaggedEOF
from ..api._wrapped import TLSWrappedSocket
from ._upgrade import wrap

_BLOCK: Final = 8192


class Transfers(FTP):
    """What `FTP_TLS` does with data connections. The rest of it sets ``_prot_p`` and ``_wrapping``."""

    trust_ragged_eof = False
    """Whether the end of a data connection without close_notify is taken for the end of the file. An attacker can make
    such an end at any place in it."""

    _prot_p: bool
    _wrapping: ClientContext

    def ntransfercmd(self, cmd: str, rest: int | str | None = None) -> tuple[socket.socket, int | None]:
        """Begin a transfer.

        A program that uses the data connection itself, without the methods below, has to end an upload by
        ``shutdown(SHUT_WR)`` and by reading to the end before it closes: data could be lost on the way otherwise.

        Args:
            cmd: the command.
            rest: where in the file to begin.

        Returns:
            The data connection, a `TLSWrappedSocket` after `prot_p`, and the size if the server tells it.

        Raises:
            TLSError: as ``ClientContext.wrap_socket`` does. What the server had to say is a note of the error.
        """
        conn, size = super().ntransfercmd(cmd, rest)
        if self._prot_p:
            try:
                conn = wrap(conn, self._wrapping, self.host)
            except (ConnectionFault, ConnectionError) as error:
                self._explain(error)
                raise
        return conn, size

    def retrbinary(
        self, cmd: str, callback: Callable[[bytes], object], blocksize: int = _BLOCK, rest: int | str | None = None
    ) -> str:
        """Fetch a file in binary mode.

        Args:
            cmd: a RETR command.
            callback: called with each block.
            blocksize: how much to read at a time.
            rest: where in the file to begin.

        Returns:
            The server's reply.

        Raises:
            RaggedEOF: the data connection ended without close_notify: what came may have been cut short.
        """
        self.voidcmd("TYPE I")
        with self._incoming(cmd, rest) as conn:
            while data := conn.recv(blocksize):
                callback(data)
        return self.voidresp()

    def retrlines(self, cmd: str, callback: Callable[[str], object] | None = None) -> str:
        """Fetch a file or a listing, line by line.

        Args:
            cmd: a RETR, LIST or NLST command.
            callback: called with each line; `print` if there is none.

        Returns:
            The server's reply.

        Raises:
            RaggedEOF: the data connection ended without close_notify: what came may have been cut short.
        """
        handle = print if callback is None else callback
        self.sendcmd("TYPE A")
        with self._incoming(cmd) as conn, conn.makefile("r", encoding=self.encoding) as file:
            while line := file.readline(self.maxline + 1):
                if len(line) > self.maxline:
                    raise Error(f"got more than {self.maxline} bytes")
                if self.debugging > 2:
                    print("*retr*", repr(line))
                handle(line.removesuffix("\n"))
        return self.voidresp()

    def storbinary(
        self,
        cmd: str,
        fp: Any,
        blocksize: int = _BLOCK,
        callback: Callable[[bytes], object] | None = None,
        rest: int | str | None = None,
    ) -> str:
        """Store a file in binary mode.

        Args:
            cmd: a STOR command.
            fp: has a method ``read``.
            blocksize: how much to send at a time.
            callback: called with each block that was sent.
            rest: where in the file to begin.

        Returns:
            The server's reply.
        """
        self.voidcmd("TYPE I")
        with self._outgoing(cmd, rest) as conn:
            while data := fp.read(blocksize):
                conn.sendall(data)
                if callback:
                    callback(data)
        return self.voidresp()

    def storlines(self, cmd: str, fp: Any, callback: Callable[[bytes], object] | None = None) -> str:
        """Store a file line by line.

        Args:
            cmd: a STOR command.
            fp: has a method ``readline``, and is in binary mode.
            callback: called with each line that was sent.

        Returns:
            The server's reply.
        """
        self.voidcmd("TYPE A")
        with self._outgoing(cmd) as conn:
            while line := fp.readline(self.maxline + 1):
                if len(line) > self.maxline:
                    raise Error(f"got more than {self.maxline} bytes")
                line = line if line.endswith(b"\r\n") else line.rstrip(b"\r\n") + b"\r\n"
                conn.sendall(line)
                if callback:
                    callback(line)
        return self.voidresp()

    @contextlib.contextmanager
    def _incoming(self, cmd: str, rest: int | str | None = None) -> Iterator[socket.socket]:
        """A data connection that is read to its end."""
        conn = self.transfercmd(cmd, rest)
        try:
            with conn:
                yield conn
        except RaggedEOF as error:
            if not self.trust_ragged_eof:
                self._explain(error)
                raise
        except (ConnectionFault, ConnectionError) as error:
            self._explain(error)
            raise

    @contextlib.contextmanager
    def _outgoing(self, cmd: str, rest: int | str | None = None) -> Iterator[socket.socket]:
        """A data connection that is written to, and then ended in such a way that nothing of it is lost."""
        conn = self.transfercmd(cmd, rest)
        try:
            with conn:
                yield conn
                if isinstance(conn, TLSWrappedSocket):
                    _finish(conn)
        except (ConnectionFault, ConnectionError) as error:
            self._explain(error)
            raise

    def _explain(self, error: BaseException) -> None:
        """A data connection has failed: read what the server has to say about that, and so stay in step with it."""
        with contextlib.suppress(EOFError, OSError):
            try:
                reply = self.getresp()
            except Error as refusal:
                reply = str(refusal)
            error.add_note(f"the server says: {reply}")


def _finish(conn: TLSWrappedSocket) -> None:
    """End an upload: close_notify, FIN, and then wait for the peer's end.

    To close at once could lose data: with tickets or a close_notify unread the system resets the connection. How the
    peer ends it says nothing about the file; its reply on the control connection does.
    """
    conn.shutdown(socket.SHUT_WR)
    with contextlib.suppress(ConnectionFault, ConnectionError):
        while conn.recv(_BLOCK):
            pass  # it has nothing to say here
