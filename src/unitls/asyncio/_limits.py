"""Timeouts and water marks: the loop's own defaults, and its own complaints about values that make no sense."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ..api._errors import ConfigurationError

HANDSHAKE_TIMEOUT: Final = 60.0
SHUTDOWN_TIMEOUT: Final = 30.0
WRITE_HIGH_WATER: Final = 512 * 1024
READ_HIGH_WATER: Final = 256 * 1024
MOST_ANSWERS: Final = 64 * 1024
"""How much the library may say by itself to a peer that does not read, before nothing more is read from that peer."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a peer may take.

    Attributes:
        handshake: seconds for the handshake.
        shutdown: seconds from the closing of the transport until the peer's close_notify.
    """

    handshake: float = HANDSHAKE_TIMEOUT
    shutdown: float = SHUTDOWN_TIMEOUT

    @classmethod
    def of(cls, handshake: float | None, shutdown: float | None, configured: float | None) -> Timeouts:
        """The timeouts of a connection.

        Args:
            handshake: what the caller says; `None` for the default.
            shutdown: likewise.
            configured: ``handshake_timeout`` of the context's configuration, which holds as well.

        Raises:
            ConfigurationError: one is not positive.
        """
        for name, value in (("ssl_handshake_timeout", handshake), ("ssl_shutdown_timeout", shutdown)):
            if value is not None and value <= 0:
                raise ConfigurationError(f"{name} should be a positive number, got {value}")
        limits = [value for value in (handshake, configured) if value is not None]
        return cls(
            min(limits) if limits else HANDSHAKE_TIMEOUT,
            SHUTDOWN_TIMEOUT if shutdown is None else shutdown,
        )


def water_marks(high: int | None, low: int | None, default: int) -> tuple[int, int]:
    """The high and the low mark: one that is missing follows from the other, both from the default.

    Raises:
        ConfigurationError: the low one is above the high one, or negative.
    """
    if high is None:
        high = default if low is None else 4 * low
    if low is None:
        low = high // 4
    if not high >= low >= 0:
        raise ConfigurationError(f"high ({high!r}) must be >= low ({low!r}) must be >= 0")
    return high, low
