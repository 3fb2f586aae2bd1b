"""What the backends share that bind a C library through cffi: finding it, and the callbacks that carry its bytes.

This module knows neither cffi nor any library: both are handed in. A library calls back with a pointer that it was given;
here the pointer is a number, not a handle, so that no object of Python's is kept alive by memory of C's, and a call that
comes too late finds nothing instead of freed memory.
"""

from __future__ import annotations

import functools
import itertools
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from ..api._buffers import ReadableBuffer
from ._memory_buffer import MemoryBuffer

R = TypeVar("R")

_numbers: Final = itertools.count(1)
transports: Final[dict[int, weakref.ref[Transport]]] = {}
"""The connections by their number."""
incoming_buffers: Final[dict[int, Any]] = {}
"""The ciphertext from the peer, by the number of the connection: for callbacks that run several times for a record."""
outgoing_buffers: Final[dict[int, Any]] = {}
"""Likewise, the ciphertext to the peer."""
_SMALL: Final = 512
"""Up to so many bytes are copied sooner than a view of them is made."""


def open_library(ffi: Any, names: Sequence[str], package: str) -> Any:
    """Open the first library that is there.

    Args:
        ffi: the cffi object that declares its functions.
        names: file names to try in order; versioned ones, since the plain name exists only where headers are installed.
        package: what to install, for the message.

    Raises:
        ImportError: none is there.
    """
    for name in names:
        try:
            return ffi.dlopen(name)
        except OSError:
            continue
    raise ImportError(f"none of {', '.join(names)} was found; install {package}")


class ForeignBuffer(MemoryBuffer):
    """A memory buffer without a bound, made for callbacks: bytes go in and come out without being copied.

    Attributes:
        due: an engine that has met an end or a fault behind data sets it until that was told: it counts as one byte, so
            that somebody asks again.
    """

    __slots__ = ("due",)

    def __init__(self) -> None:
        super().__init__()
        self.due = False

    @property
    def pending(self) -> int:
        return self._size or int(self.due)

    @property
    def held(self) -> int:
        """How many bytes are really there."""
        return self._size

    def write(self, data: ReadableBuffer, /) -> int:
        if type(data) is bytes and not self._ended:
            if data:
                self._chunks.append(data)
                self._size += len(data)
            return len(data)
        return super().write(data)

    def read(self, n: int = -1, /) -> bytes:
        if (n < 0 or n >= self._size) and not self._begin and len(self._chunks) > 1:
            data = b"".join(self._chunks)
            self._chunks.clear()
            self._size = 0
            return data
        return super().read(n)

    def put_back(self, data: bytes) -> None:
        """Take back what was read last, or the end of it."""
        if data:
            if self._begin:
                self._chunks[0], self._begin = self._chunks[0][self._begin :], 0
            self._chunks.appendleft(data)
            self._size += len(data)

    def tail(self, size: int) -> bytes:
        """The last of what was written last, at most `size` bytes, which stay where they are."""
        return self._chunks[-1][-size:] if self._chunks else b""

    def take(self, size: int) -> bytes | memoryview:
        """Take out what lies together at the front.

        Args:
            size: how many bytes at most; at least 1.

        Returns:
            The bytes; fewer than `size` also where more is there that came later, and none only if there is nothing.
        """
        chunks = self._chunks
        if not chunks:
            return b""
        chunk, begin = chunks[0], self._begin
        end = begin + size
        if end >= len(chunk):
            chunks.popleft()
            self._begin = 0
            self._size -= len(chunk) - begin
            return memoryview(chunk)[begin:] if begin else chunk
        self._begin = end
        self._size -= size
        return chunk[begin:end] if size <= _SMALL else memoryview(chunk)[begin:end]


class Transport:
    """The two buffers of one connection, as the callbacks of a library see them.

    Attributes:
        number: what the library hands back to its callbacks.
        incoming: ciphertext from the peer.
        outgoing: ciphertext to the peer.
        failure: the first exception of a callback since the last call.
        owner: whom else a callback may need: the engine, for instance.
    """

    __slots__ = ("__weakref__", "_owner", "failure", "incoming", "number", "outgoing")

    def __init__(self, incoming: Any, outgoing: Any, owner: Any = None) -> None:
        self.number = next(_numbers)
        self.incoming = incoming
        self.outgoing = outgoing
        self.failure: BaseException | None = None
        self._owner = None if owner is None else weakref.ref(owner)
        transports[self.number] = weakref.ref(self)
        incoming_buffers[self.number] = incoming
        outgoing_buffers[self.number] = outgoing

    def __del__(self) -> None:
        transports.pop(self.number, None)
        incoming_buffers.pop(self.number, None)
        outgoing_buffers.pop(self.number, None)

    @property
    def owner(self) -> Any:
        return None if self._owner is None else self._owner()

    def pull(self, target: Any) -> int:
        """Move ciphertext into `target`: how many bytes, 0 at the peer's end, -1 if more has to come in first."""
        taken: int = self.incoming.read_into(target)
        return taken or (0 if self.incoming.eof else -1)

    def push(self, data: Any) -> int:
        """Take ciphertext for the peer: how many bytes, always all."""
        return self.outgoing.write(data)  # type: ignore[no-any-return]

    def take_failure(self) -> Exception | None:
        """What a callback has raised, to be asked for when the library has returned; an interruption is raised here.

        It is that of a callback of this connection, or else of one in this thread that knows no connection.
        """
        return _passed(self) if self.failure is not None else take_failure()


class _Thread(threading.local):
    """What callbacks without a connection have raised in this thread."""

    failure: BaseException | None = None


_thread: Final = _Thread()


def _connection(number: int) -> Transport | None:
    reference = transports.get(number)
    return None if reference is None else reference()


def take_failure() -> Exception | None:
    """As `Transport.take_failure`, where there is no connection."""
    return None if _thread.failure is None else _passed(_thread)


def _passed(place: Transport | _Thread) -> Exception | None:
    """What has failed, taken out of `place`; an interruption is raised."""
    failure, place.failure = place.failure, None
    if failure is None or isinstance(failure, Exception):
        return failure
    try:
        raise failure
    finally:
        # In a frame of its own traceback it would be a cycle, with every buffer that the library was called with; Python
        # 3.11 crashes when it collects one with a view of a buffer in it (CPython issue 77894).
        del failure


def _keep(error: BaseException, place: Transport | _Thread) -> None:
    if place.failure is None:
        place.failure = error


def keeping(**numbers: Callable[[Any], int]) -> Callable[[Any, BaseException, Any], None]:
    """Make an `onerror` for callbacks of cffi: it keeps what they raise, at no cost where nothing is raised.

    Every callback needs one, also with a `guarded` body: an interruption may come before the body begins.

    Args:
        **numbers: by the name of a parameter of such a callback, what makes the number of the connection of it. What is
            raised where there is no such parameter is kept for the thread.
    """

    def keep(_kind: Any, error: BaseException, trace: Any) -> None:
        arguments = {} if trace is None else trace.tb_frame.f_locals
        name = next((name for name in numbers if name in arguments), None)
        if name is None:
            _keep(error, _thread)
            return
        connection = _connection(numbers[name](arguments[name]))
        if connection is not None:
            _keep(error, connection)
        elif not isinstance(error, Exception):
            _keep(error, _thread)  # the connection is gone, but the interruption is the program's

    return keep


keep_for_thread: Final = keeping()


def guarded(failing: R) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """Decorate the body of a callback, whose first argument is the number of its connection.

    The body gets the connection's `Transport` instead of the number. What it raises is kept there, and `failing` is
    returned: an exception cannot cross a library written in C.
    """

    def decorate(body: Callable[..., R]) -> Callable[..., R]:
        @functools.wraps(body)
        def called(number: int, *arguments: Any) -> R:
            connection = _connection(number)
            if connection is None:
                return failing
            try:
                return body(connection, *arguments)
            except BaseException as error:
                _keep(error, connection)
                return failing

        return called

    return decorate
