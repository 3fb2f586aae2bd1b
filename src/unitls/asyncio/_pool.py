"""Memory that the loop receives into, lent to a connection for the moment between two calls of the loop.

Thousands of idle connections so need no memory of their own to receive into, and nothing is cleared for a new one.
"""

from __future__ import annotations

from typing import Final

SIZE: Final = 256 * 1024
"""How much is received at once, at most."""
_KEPT: Final = 4

_free: list[memoryview] = []  # shared by all loops of the process: `pop` and `append` of a list are atomic


def lend() -> memoryview:
    """Give a block that nobody else has, until it is taken back."""
    try:
        return _free.pop()
    except IndexError:
        return memoryview(bytearray(SIZE))


def take_back(block: memoryview) -> None:
    """Take a block back, for the next one."""
    if len(_free) < _KEPT:
        _free.append(block)
