"""The one check that a number fits the field it travels in."""

from __future__ import annotations

from ._errors import ConfigurationError


def checked_codepoint(value: int, *, bits: int, what: str) -> int:
    """Returns the value, once it is known to fit an unsigned field of that many bits.

    Args:
        value: the code point, a plain integer or a member of an ``IntEnum``.
        bits: the width of the field.
        what: what the number stands for, for the message.

    Raises:
        ConfigurationError: if it is not an integer (a bool is not one here), or does not fit.
    """
    if not isinstance(value, int) or isinstance(value, bool):
        raise ConfigurationError(f"{what} must be an integer, not {type(value).__name__}")
    if not 0 <= value < 1 << bits:
        raise ConfigurationError(f"{what} must be between 0 and {(1 << bits) - 1:#x}, not {int(value):#x}")
    return value
