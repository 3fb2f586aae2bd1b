"""Waiting for a descriptor, up to a deadline: the only place where core waits, apart from the socket's own calls."""

from __future__ import annotations

import select
import time
from typing import Any

_HAS_POLL = hasattr(select, "poll")


def remaining(deadline: float | None) -> float | None:
    """Seconds until `deadline`, `None` for ever.

    Raises:
        TimeoutError: it has passed.
    """
    if deadline is None:
        return None
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return left


def is_ready(descriptor: int, *, write: bool, timeout: float | None) -> bool:
    """Wait until `descriptor` can be read (or written) or has failed; False after `timeout` seconds."""
    if _HAS_POLL:
        poll: Any = select.poll()
        poll.register(descriptor, select.POLLOUT if write else select.POLLIN)
        return bool(poll.poll(None if timeout is None else timeout * 1000))
    read_set, write_set = ([], [descriptor]) if write else ([descriptor], [])
    return any(select.select(read_set, write_set, [descriptor], timeout))


def wait(descriptor: int, *, write: bool, deadline: float | None) -> None:
    """Wait until `descriptor` can be read (or written).

    Raises:
        TimeoutError: the deadline passes first.
    """
    if not is_ready(descriptor, write=write, timeout=remaining(deadline)):
        raise TimeoutError("timed out")
