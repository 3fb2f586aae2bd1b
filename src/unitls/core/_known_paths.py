"""The paths by which a server has trusted its clients.

A session that a server resumes tells who the client was, and not by which path that was trusted; a client keeps the path
with the session itself (`_resumption`).
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Final

_MOST: Final = 1024


class KnownPaths:
    """Paths by their leaf, a bounded number of them. Safe to share between threads."""

    __slots__ = ("_lock", "_paths")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._paths: OrderedDict[bytes, tuple[bytes, ...]] = OrderedDict()

    def remember(self, path: tuple[bytes, ...]) -> None:
        """Note a path that was trusted just now; the one that was not used for longest is forgotten."""
        with self._lock:
            self._paths[path[0]] = path
            self._paths.move_to_end(path[0])
            if len(self._paths) > _MOST:
                self._paths.popitem(last=False)

    def find(self, leaf: bytes) -> tuple[bytes, ...]:
        """The path by which a certificate was trusted; empty if it is not known (any more)."""
        with self._lock:
            path = self._paths.get(leaf, ())
            if path:
                self._paths.move_to_end(leaf)
            return path
