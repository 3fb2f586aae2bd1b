"""The time to verify certificates at: now, or as the program's own clock says."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

_END: Final = 253_402_300_800
"""The end of the year 9999: no date in a certificate is later."""


class ClockFailed(Exception):
    """The program's clock has raised something, which is the cause, or has given what is no time."""


def time_by(clock: Callable[[], float] | None) -> float:
    """The time that `clock` gives, in seconds since the epoch; without one, now.

    Raises:
        ClockFailed: it has raised an exception, or given what is no time. Where that happens in a handshake, core makes a
            fault of it.
    """
    if clock is None:
        return time.time()
    try:
        now = clock()
        is_time = -_END < now < _END  # which is not so of what is not a number either
    except Exception as error:
        raise ClockFailed(str(error)) from error
    if not is_time:
        raise ClockFailed(f"{now!r} is no time in seconds since the epoch")
    return now
