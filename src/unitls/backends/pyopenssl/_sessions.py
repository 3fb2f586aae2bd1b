"""Sessions for resumption: what OpenSSL does not tell of one is read from its encoding."""

from __future__ import annotations

from typing import Final

from ...core._der import INTEGER, OCTET_STRING, SEQUENCE, DERReader, enter_whole

_TLS_1_3: Final = 0x0304
# The optional fields of OpenSSL's SSL_SESSION, by their explicit tags (ssl/ssl_asn1.c).
_TIME: Final = 0xA1
_TIMEOUT: Final = 0xA2
_LIFETIME_HINT: Final = 0xA9
_TICKET: Final = 0xAA


def expiry(der: bytes) -> float | None:
    """When a session ends, in seconds since the epoch; `None` for one that cannot be resumed (yet).

    Args:
        der: the session as OpenSSL writes it down. It holds secrets, of which nothing is kept.
    """
    fields = enter_whole(der, SEQUENCE)
    fields.skip(INTEGER)
    version = fields.integer()
    fields.skip(OCTET_STRING)
    identifier = fields.content(OCTET_STRING)
    fields.skip(OCTET_STRING)
    further: dict[int, bytes] = {}
    while fields.peek() >= 0:
        tag, content = fields.any_element()
        further[tag] = content
    if _TICKET not in further and (version == _TLS_1_3 or not identifier):
        return None
    lifetime = _number(further, _TIMEOUT)
    if hint := _number(further, _LIFETIME_HINT):
        lifetime = min(lifetime, hint)
    return float(_number(further, _TIME) + lifetime)


def _number(fields: dict[int, bytes], tag: int) -> int:
    return DERReader(fields[tag]).integer() if tag in fields else 0
