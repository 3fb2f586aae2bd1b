"""What stands for the lock of a connection while its handshake goes on, during which callbacks of the program run."""

from __future__ import annotations

from threading import Lock, get_ident

from ..api._errors import ConfigurationError


class Engaged:
    """A lock that is taken. Other threads wait for it as they would; its own thread is told that it would wait for ever.

    Args:
        lock: it.

    Attributes:
        thread: the thread that has taken it.
    """

    __slots__ = ("_lock", "thread")

    def __init__(self, lock: Lock) -> None:
        self._lock = lock
        self.thread = get_ident()

    def check(self) -> None:
        """Refuse a call that comes out of a callback.

        Raises:
            ConfigurationError: it does.
        """
        if get_ident() == self.thread:
            raise ConfigurationError("a callback cannot use the connection whose handshake it is called in")

    def acquire(self, blocking: bool = True) -> bool:
        """As a lock's.

        Raises:
            ConfigurationError: this thread has it, and would wait for itself.
        """
        if blocking:
            self.check()
        return self._lock.acquire(blocking)

    def release(self) -> None:
        """As a lock's."""
        self._lock.release()

    def locked(self) -> bool:
        """As a lock's."""
        return self._lock.locked()

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()
