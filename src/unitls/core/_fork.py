"""What has to be done once in each forked child."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

__all__ = ["OnceInEachChild"]


class OnceInEachChild:
    """Calls something before its first use in a forked child, for libraries that do not notice a fork themselves.

    Not in the fork itself: whatever lock of the library another thread held then is held in the child for ever, and a
    child that never uses TLS must not wait for it.

    Args:
        call: what to call.
    """

    __slots__ = ("_call", "_is_due", "_lock")

    def __init__(self, call: Callable[[], object]) -> None:
        self._call = call
        self._is_due = False
        self._lock = threading.Lock()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forked)

    def _forked(self) -> None:
        self._is_due = True
        self._lock = threading.Lock()  # ours may have been in the hands of a thread that is not here

    def __call__(self) -> None:
        """Call it if this process was forked and has not called it yet; others wait until that is done."""
        if self._is_due:
            with self._lock:
                if self._is_due:
                    self._call()
                    self._is_due = False
