"""Sessions of a server: tickets, and up to TLS 1.2 sessions by their names for clients that want no tickets."""

from __future__ import annotations

import hashlib
import threading
import time
from typing import Any, Final

from . import _callbacks, native
from .native import AES_256_GCM, ffi, lib

LIFETIME: Final = 24 * 3600
"""How long a ticket is good for, in seconds; the library makes itself a new key twice in that time."""
GIVEN_LIFETIME: Final = 7 * 24 * 3600
"""The same where the keys come from outside: the longest that TLS 1.3 allows (RFC 8446 section 4.6.1)."""
MOST_KEYS: Final = 2
"""The library has one key for new tickets, and one that still opens old ones."""
_RENEWAL: Final = 24 * 3600
_NAME: Final = 4
_MOST_SESSIONS: Final = 1024
# The library's own functions, which it calls back.
_WRITE: Final = ffi.cast("ticket_write_t", ffi.addressof(lib, "mbedtls_ssl_ticket_write"))
_PARSE: Final = ffi.cast("ticket_parse_t", ffi.addressof(lib, "mbedtls_ssl_ticket_parse"))
_GET: Final = ffi.cast("void *", ffi.addressof(lib, "mbedtls_ssl_cache_get"))
_SET: Final = ffi.cast("void *", ffi.addressof(lib, "mbedtls_ssl_cache_set"))


class Tickets:
    """What protects the tickets of one native context, and what keeps the sessions that have a name.

    Args:
        secrets: keys from outside, the first for new tickets; the library makes its own if there are none.

    Attributes:
        raw: the library's structure.
        cache: likewise, of the sessions that have a name.
    """

    def __init__(self, secrets: tuple[bytes, ...] | None) -> None:
        self._secrets = secrets or ()
        self._lock = threading.Lock()
        self._configs: list[Any] = []
        self._former: Any = None
        self.raw: Any = self._made()
        self._due = time.monotonic() + _RENEWAL if self._secrets else float("inf")
        self.cache: Any = native.new("ssl_cache_context")
        lib.mbedtls_ssl_cache_set_timeout(self.cache, LIFETIME)
        lib.mbedtls_ssl_cache_set_max_entries(self.cache, _MOST_SESSIONS)

    def refresh(self) -> None:
        """Put a structure with the same keys in the place of the old one, before the library replaces those for their age.

        That concerns keys from outside. The old structure stays as it is, since other threads may be inside of it: of the
        library's calls, the one that changes keys takes no lock.
        """
        if time.monotonic() >= self._due:
            with self._lock:
                if time.monotonic() >= self._due:
                    self._former, self.raw = self.raw, self._made()
                    self._due = time.monotonic() + _RENEWAL
                    for config in self._configs:
                        self._attach(config)

    def _made(self) -> Any:
        """The library's structure, with its own keys or those from outside."""
        raw = native.new("ssl_ticket_context")
        lifetime = GIVEN_LIFETIME if self._secrets else LIFETIME
        native.check(lib.mbedtls_ssl_ticket_setup(raw, _callbacks.random_bytes, 0, AES_256_GCM, lifetime))
        for secret in reversed(self._secrets if len(self._secrets) > 1 else self._secrets * 2):
            name, key = hashlib.sha256(b"name" + secret).digest()[:_NAME], hashlib.sha256(b"key" + secret).digest()
            native.check(lib.mbedtls_ssl_ticket_rotate(raw, name, len(name), key, len(key), GIVEN_LIFETIME))
        return raw

    def configure(self, config: Any) -> None:
        """Have a configuration issue tickets, keep sessions, and take both."""
        self._configs.append(config)
        self._attach(config)
        lib.mbedtls_ssl_conf_session_cache(config, self.cache, _GET, _SET)

    def _attach(self, config: Any) -> None:
        lib.mbedtls_ssl_conf_session_tickets_cb(config, _WRITE, _PARSE, self.raw)
