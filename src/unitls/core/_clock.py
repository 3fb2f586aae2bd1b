"""The time to verify certificates at: now, or as the program's own clock says."""

from __future__ import annotations

import time
from collections.abc import Callable


class ClockFailed(Exception):
    """The program's clock has raised something, which is the cause."""


def time_by(clock: Callable[[], float] | None) -> float:
    """The time that `clock` gives, in seconds since the epoch; without one, now.

    Raises:
        ClockFailed: it has raised an exception. Where that happens in a handshake, core makes a fault of it.
    """
    if clock is None:
        return time.time()
    try:
        return clock()
    except Exception as error:
        raise ClockFailed(str(error)) from error
