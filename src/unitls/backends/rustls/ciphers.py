"""The cipher suites of rustls. It has no others than those with forward secrecy and authenticated encryption."""

from __future__ import annotations

from . import native


def available() -> tuple[int, ...]:
    """Every suite, as IANA values by preference."""
    return native.SUITES


def default() -> tuple[int, ...]:
    """The suites enabled when none are chosen: all."""
    return native.SUITES
