"""Reading: what comes in to the program, decrypted, as much as there is at each wake-up of the loop.

`buffer_updated` is the hot path: one call into the wrapped buffer takes the ciphertext in and gives the plaintext of all
records in it. Whatever is not plain success is left to the slower methods.
"""

from __future__ import annotations

from typing import Any

from ._ending import Ending
from ._limits import MOST_ANSWERS, READ_HIGH_WATER, water_marks
from ._pool import lend, take_back
from ._stage import GONE, OPEN, Stage
from ._wrapping import MOST

_DATA_FAILED = "Fatal error: protocol.data_received() call failed."
_BUFFER_FAILED = "Fatal error: protocol.buffer_updated() call failed."
_END_FAILED = "Fatal error: protocol.eof_received() call failed."


class Inbound(Ending):
    """The part of a connection that gives plaintext."""

    __slots__ = ()

    # ------------------------------------------------------------------------------------------ from the transport

    def get_buffer(self, sizehint: int) -> Any:
        """Memory for the transport to receive into."""
        if self._in_memory is None:
            self._in_memory = lend()
        return self._in_memory

    def buffer_updated(self, nbytes: int) -> None:
        """The transport has received something."""
        block = self._in_memory
        self._in_memory = None
        try:
            chunk: Any = block[:nbytes]  # type: ignore[index]
            if self._stage is not OPEN or self._paused or self._buffered:
                self._take_in(chunk)
                return
            try:
                data = self._buffer.receive(chunk, MOST)  # type: ignore[union-attr]
            except Exception as error:
                self.fail(error)
                return
        finally:
            take_back(block)  # type: ignore[arg-type]
        if data:
            try:
                self._application.data_received(data)
            except Exception as error:
                self.fail(error, _DATA_FAILED)
                return
        elif data is not None:
            self._peer_closed()
        if not self._buffer.is_settled or self._backlog:  # type: ignore[union-attr]
            self._look_after()

    def eof_received(self) -> bool:
        """The transport has ended, with or without close_notify before.

        Returns:
            True: the transport stays open until it is closed from here.
        """
        self._transport_ended = True
        self._take_in(b"")
        return True

    def _take_in(self, chunk: bytes | memoryview) -> None:
        """Take in ciphertext (``b""`` is its end) where the short path does not do."""
        if self._stage in GONE:
            return
        if self._stage is Stage.HANDSHAKE:
            self._shake(chunk)
        elif self._stage is not OPEN:
            self._discard(chunk)
        else:
            self._buffer.feed(chunk)  # type: ignore[union-attr, arg-type]
            if self._paused:
                self._regulate()
            else:
                self._deliver()

    def _shake(self, chunk: bytes | memoryview | None) -> None:
        """The handshake's part; see `TLSProtocol`."""
        raise AssertionError(chunk)

    # ------------------------------------------------------------------------------------------ to the program

    def _look_after(self) -> None:
        """Do what is left to do after reading: answers of the library, writes that waited for it, an end behind data."""
        if self._stage in GONE:
            return
        self._send_out()
        if self._backlog and not self._choked:
            self._flushed_some()
        if self._stage is OPEN and not self._paused and not self._buffer.is_open:  # type: ignore[union-attr]
            self._deliver()

    def _deliver(self) -> None:
        """Give the program everything that is there, and then the end if that is there, unless it stops reading."""
        step = self._fill_one if self._buffered else self._give_one
        while self._stage is OPEN and not self._paused:
            try:
                more = step()
            except Exception as error:
                self.fail(error, _BUFFER_FAILED if self._buffered else _DATA_FAILED)
                return
            if not more:
                break
        if self._stage not in GONE:
            self._send_out()
            self._regulate()

    def _give_one(self) -> bool:
        """Give what is there in one piece; returns whether there may be more."""
        data = self._buffer.receive(None, MOST)  # type: ignore[union-attr]
        if data:
            self._application.data_received(data)
            return self._transport_ended or not self._buffer.is_open  # type: ignore[union-attr]
        if data is not None:
            self._peer_closed()
        return False

    def _fill_one(self) -> bool:
        """Fill the program's buffer once; returns whether there may be more."""
        with memoryview(self._application.get_buffer(-1)) as given, given.cast("B") as view:
            if not view:
                raise RuntimeError("get_buffer() returned an empty buffer")
            size = self._buffer.receive_into(None, view)  # type: ignore[union-attr]
        if size:
            self._application.buffer_updated(size)
        elif size is not None:
            self._peer_closed()
        return bool(size)

    def _peer_closed(self) -> None:
        """Tell the program that the peer has ended its direction; close ours too, unless it wants to go on writing."""
        if self._peer_ended:
            return
        self._peer_ended = True
        try:
            keep_open = self._application.eof_received()
        except Exception as error:
            self.fail(error, _END_FAILED)
            return
        if not keep_open:
            self.close()

    # ------------------------------------------------------------------------------------------ flow control

    def pause_reading(self) -> None:
        """Deliver nothing until `resume_reading`."""
        self._paused = True

    def resume_reading(self) -> None:
        """Deliver again, beginning with what has come in meanwhile."""
        if not self._paused:
            return
        self._paused = False
        if self._stage is OPEN and (self._transport_ended or self._buffer.buffered):  # type: ignore[union-attr]
            self._loop.call_soon(self._resume)

    def _resume(self) -> None:
        if self._stage is OPEN and not self._paused:
            self._deliver()

    @property
    def paused(self) -> bool:
        """Whether the program has stopped reading."""
        return self._paused

    @property
    def held(self) -> int:
        """How much ciphertext is waiting to be read."""
        return 0 if self._buffer is None else self._buffer.incoming_pending

    def _send_out(self) -> None:
        """Send what the library has to say; a peer that makes it say much and takes none of it is not read from."""
        super()._send_out()
        if self._answered > MOST_ANSWERS:
            self._regulate()

    def resume_writing(self) -> None:
        """The transport takes more."""
        super().resume_writing()
        if self._lower_paused and self._stage is OPEN:
            self._regulate()

    def _regulate(self) -> None:
        """Let the transport stop or go on receiving, by the water marks."""
        size = self.held
        unheard = self._answered > MOST_ANSWERS
        if self._lower_paused:
            if size <= self._read_low and not unheard:
                self._lower_paused = False
                self._lower.resume_reading()
        elif (
            self._stage is OPEN
            and not self._transport_ended
            and (unheard or (self._paused and size >= self._read_high))
        ):
            self._lower_paused = True
            self._lower.pause_reading()

    @property
    def read_limits(self) -> tuple[int, int]:
        """The low and the high water mark."""
        return self._read_low, self._read_high

    def set_read_limits(self, high: int | None, low: int | None) -> None:
        """Set the water marks."""
        self._read_high, self._read_low = water_marks(high, low, READ_HIGH_WATER)
        if self._stage is OPEN:
            self._regulate()
