"""Waiting for a descriptor, up to a deadline: the only place where core waits, apart from the socket's own calls."""

from __future__ import annotations

import errno
import os
import select
import socket
import time
from typing import Any, Final

_HAS_POLL: Final = hasattr(select, "poll")


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
    """Wait until `descriptor` can be read (or written) or has failed; False after `timeout` seconds.

    Raises:
        OSError: another thread has closed its socket.
    """
    if descriptor < 0:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    if _HAS_POLL:
        poll: Any = select.poll()
        poll.register(descriptor, select.POLLOUT if write else select.POLLIN)
        return bool(poll.poll(None if timeout is None else timeout * 1000))
    read_set, write_set = ([], [descriptor]) if write else ([descriptor], [])
    return any(select.select(read_set, write_set, [descriptor], timeout))


def has_data(raw: Any) -> bool:
    """Whether something has come in that was not read yet; an end or a fault is nothing."""
    try:
        return is_ready(raw.fileno(), write=False, timeout=0) and bool(raw.recv(1, socket.MSG_PEEK))
    except OSError:
        return False


def wait(descriptor: int, *, write: bool, deadline: float | None) -> None:
    """Wait until `descriptor` can be read (or written).

    Raises:
        TimeoutError: the deadline passes first.
    """
    if not is_ready(descriptor, write=write, timeout=remaining(deadline)):
        raise TimeoutError("timed out")
