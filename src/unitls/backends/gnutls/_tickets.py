"""A server's ticket keys.

GnuTLS takes one secret of 64 bytes for each connection, and derives from it, and from the time, the keys that protect
tickets. Where several secrets are configured, the one that a client's ticket was made with is told by the ticket itself:
it begins with a name that is derived in the same way (lib/stek.c). A name that is not recognised costs a full handshake.
"""

from __future__ import annotations

import hashlib
import time
from typing import Any, Final

from . import native
from .native import ffi, lib

_NAME: Final = 16
_ROTATION: Final = 3 * 6 * 3600
"""The keys change after three times the lifetime of a ticket, which is 6 hours unless changed."""


class TicketKeys:
    """The secrets of one server context.

    Args:
        secrets: from outside, the first for new tickets; of any length. `None` for one of the library's making.
    """

    def __init__(self, secrets: tuple[bytes, ...] | None) -> None:
        self._seeds = [hashlib.sha512(b"unitls ticket key" + secret).digest() for secret in secrets or ()]
        self._keys = [native.datum(seed) for seed in self._seeds] or [_generated()]

    @property
    def several(self) -> bool:
        """Whether the ClientHello has to be looked at."""
        return len(self._keys) > 1

    @property
    def first(self) -> Any:
        """The one for new tickets, a gnutls_datum_t."""
        return self._keys[0]

    def for_hello(self, message: bytes) -> Any:
        """The one that a ticket in a ClientHello was made with, or else the first."""
        now = int(time.time()) // _ROTATION
        for seed, key in zip(self._seeds, self._keys, strict=True):
            if any(_ticket_name(seed, period) in message for period in (now, now - 1)):
                return key
        return self.first


def _ticket_name(seed: bytes, period: int) -> bytes:
    return hashlib.sha3_512(period.to_bytes(8, "big") + seed).digest()[:_NAME]


def _generated() -> Any:
    place = ffi.new("gnutls_datum_t *")
    native.check(lib.gnutls_session_ticket_key_generate(place))
    return native.datum(native.taken(place))
