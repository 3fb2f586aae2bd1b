"""Carries ciphertext between a caller's buffers and the kind of buffer an engine works on.

Used only where the caller's buffer is of another kind than the library's; otherwise the engine works on it directly.
"""

from __future__ import annotations

from typing import Any

from ..api._buffers import ByteSink, ByteSource


class Relay:
    """Two private buffers for the engine, and the moving of bytes.

    Args:
        source: the caller's incoming buffer, or `None` if the engine reads it directly.
        sink: the caller's outgoing buffer, or `None` if the engine writes to it directly.
        incoming: what the engine reads.
        outgoing: what the engine writes.
    """

    __slots__ = ("_ended", "_incoming", "_left", "_outgoing", "_sink", "_source")

    def __init__(self, source: ByteSource | None, sink: ByteSink | None, incoming: Any, outgoing: Any) -> None:
        self._source = source
        self._sink = sink
        self._incoming = incoming
        self._outgoing = outgoing
        self._left = b""
        self._ended = False

    def fill(self) -> None:
        """Bring in what the caller's buffer holds, and its end."""
        source = self._source
        if source is None or self._ended:
            return
        if source.pending:
            self._incoming.write(source.read())
        if source.eof:
            self._incoming.write_eof()
            self._ended = True

    def drain(self) -> bool:
        """Bring out what the engine has written; False if the caller's buffer is full and something is left."""
        if self._sink is None:
            return True
        data = self._left + self._outgoing.read() if self._outgoing.pending else self._left
        while data:
            taken = self._sink.write(data)
            if not taken:
                break
            data = data[taken:]
        self._left = data
        return not data
