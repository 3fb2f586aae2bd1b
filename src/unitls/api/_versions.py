"""The versions of TLS."""

from __future__ import annotations

import enum


class TLSVersion(enum.IntEnum):
    """A version of SSL or TLS, in order; each value is the number on the wire (RFC 8446 section 4.2.1).

    `MINIMUM_SUPPORTED` and `MAXIMUM_SUPPORTED` are not versions: as a bound they mean the lowest and the highest that
    the backend's library can do.
    """

    MINIMUM_SUPPORTED = 0
    SSLv2 = 0x0002
    SSLv3 = 0x0300
    TLSv1 = 0x0301
    TLSv1_1 = 0x0302
    TLSv1_2 = 0x0303
    TLSv1_3 = 0x0304
    MAXIMUM_SUPPORTED = 0xFFFF

    def __str__(self) -> str:
        return self.name
