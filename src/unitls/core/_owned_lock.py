"""The lock of connections in whose work code of the program's runs: callbacks, signers, buffers and caches of its own.

Such code that uses the connection it is called for would wait for itself for ever. Here it is told.
"""

from __future__ import annotations

import dataclasses
from threading import Lock, get_ident

from ..api._configuration import TLSConfiguration
from ..api._errors import ConfigurationError
from ..api._sessions import SessionCache
from ._values import NeutralPrivateKey


class OwnedLock:
    """A lock that knows which thread has it. Other threads wait as with any lock."""

    __slots__ = ("_lock", "_owner")

    def __init__(self) -> None:
        self._lock = Lock()
        self._owner = 0

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """As a lock's.

        Raises:
            ConfigurationError: this thread has it, and would wait for ever.
        """
        if self._owner == get_ident():
            if not blocking or timeout >= 0:
                return False
            raise ConfigurationError("a callback cannot use the connection that it is called for")
        if not self._lock.acquire(blocking, timeout):
            return False
        self._owner = get_ident()
        return True

    def release(self) -> None:
        """As a lock's."""
        self._owner = 0
        self._lock.release()

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


def calls_back(configuration: TLSConfiguration) -> bool:
    """Whether code of the program's may run in the midst of a connection's work."""
    values = [getattr(configuration, item.name) for item in dataclasses.fields(configuration)]
    cache = getattr(configuration, "session_cache", None)
    keys = [identity.private_key for identity in configuration.identities]
    return (
        any(map(callable, values))
        or not (cache is None or type(cache) is SessionCache)
        or not all(isinstance(key, NeutralPrivateKey) and key.is_plain for key in keys)
    )
