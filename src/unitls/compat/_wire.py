"""Ciphertext in and out by method calls, as the two later texts have it, over a wrapped buffer of core."""

from __future__ import annotations

import threading
from typing import Any, Final

from ..api._buffers import ReadableBuffer
from ..api._errors import ConfigurationError, WantReadError

INCOMING_LIMIT: Final = 256 * 1024
"""How much ciphertext waits at most: beyond it the peer's data has to be read first."""


class Wire:
    """What a connection's ciphertext goes through: pushed in on one side, looked at and taken out on the other.

    Args:
        tls: a wrapped buffer of core, whose two memory buffers nobody else touches.
        incoming: the one it reads ciphertext from.
    """

    __slots__ = ("_incoming", "_lock", "_outgoing", "_tls")

    def __init__(self, tls: Any, incoming: Any) -> None:
        self._tls = tls
        self._incoming = incoming
        self._outgoing = bytearray()
        self._lock = threading.Lock()  # who reads and who writes may both carry what is outgoing, and its order is all

    def push(self, data: ReadableBuffer) -> None:
        """Take in what the network gave; nothing at all is its end, for which there is always room.

        Raises:
            WantReadError: too much waits already. Nothing was taken: read first.
        """
        waiting = self._incoming.pending
        if data and waiting and waiting + len(data) > INCOMING_LIMIT:
            raise WantReadError(f"{waiting} bytes of ciphertext wait already: read first")
        self._tls.feed(data)

    @property
    def incoming_size(self) -> int:
        """How much ciphertext waits to be decrypted."""
        size: int = self._incoming.pending
        return size

    @property
    def outgoing_size(self) -> int:
        """How much ciphertext waits for the network."""
        with self._lock:
            return self._collect()

    def peek(self, amount: int) -> bytes:
        """The next `amount` bytes for the network, or as many as there are; they stay.

        Raises:
            ConfigurationError: `amount` is negative.
        """
        with self._lock:
            return self._next(amount)

    def discard(self, amount: int) -> None:
        """Forget the next `amount` bytes for the network: they were sent.

        Raises:
            ConfigurationError: there are fewer, or `amount` is negative; nothing was forgotten.
        """
        with self._lock:
            if not 0 <= amount <= self._collect():
                raise ConfigurationError(f"cannot consume {amount} bytes: {len(self._outgoing)} are buffered")
            del self._outgoing[:amount]

    def take(self, amount: int) -> bytes:
        """`peek` and `discard` in one."""
        with self._lock:
            data = self._next(amount)
            del self._outgoing[: len(data)]
            return data

    def _collect(self) -> int:
        self._outgoing += self._tls.take()
        return len(self._outgoing)

    def _next(self, amount: int) -> bytes:
        if amount < 0:
            raise ConfigurationError("an amount of bytes is not negative")
        if self._collect() <= amount:
            return bytes(self._outgoing)
        with memoryview(self._outgoing) as view:
            return bytes(view[:amount])
