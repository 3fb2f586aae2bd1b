"""The cipher suites of SChannel. It has no choice for a program: they are set for the machine."""

from __future__ import annotations

from typing import Final

_TLS13: Final = (0x1302, 0x1301)
_OTHERS: Final = (
    0xC02C, 0xC02B, 0xC030, 0xC02F, 0x009F, 0x009E, 0xC024, 0xC023, 0xC028, 0xC027, 0xC00A, 0xC009, 0xC014, 0xC013,
    0x009D, 0x009C, 0x003D, 0x003C, 0x0035, 0x002F,
)  # fmt: skip
_WINE: Final = (0xCCA9, 0xCCA8, 0xCCAA, 0xC0AD, 0xC0AC, 0xC09F, 0xC09E, 0xC09D, 0xC09C, 0x0039, 0x0033)
"""What GnuTLS has besides, over which Wine has built its SChannel."""


def available(*, has_tls13: bool, is_wine: bool) -> tuple[int, ...]:
    """Every suite that may be negotiated, as IANA values by the usual preference of Windows.

    Args:
        has_tls13: whether TLS 1.3 is there.
        is_wine: whether this is Wine.
    """
    return (*(_TLS13 if has_tls13 else ()), *_OTHERS, *(_WINE if is_wine else ()))
