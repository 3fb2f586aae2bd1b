"""The toy protocol that the fake engine speaks: framed as TLS records, sealed with nothing worth the name.

The framing is TLS's own, since core follows it, and so is the ClientHello, since core reads it. All the rest is JSON and
an exclusive or: enough to see that plaintext went through the engine, and that a damaged record is found.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from typing import Any, Final

from ..core._records import HEADER

ALERT: Final = 21
HANDSHAKE: Final = 22
DATA: Final = 23
KEY_UPDATE: Final = 24
TICKET: Final = 20
MAX_PLAINTEXT: Final = 16384
MAX_BODY: Final = MAX_PLAINTEXT + 256
TAG: Final = 16
_MASK: Final = bytes(octet ^ 0xA5 for octet in range(256))

CLOSE_NOTIFY: Final = b"\x01\x00"


def record(kind: int, body: bytes) -> bytes:
    """Frame `body` as one record."""
    return bytes((kind, 3, 3)) + len(body).to_bytes(2, "big") + body


def fatal(alert: int) -> bytes:
    """The record of a fatal alert."""
    return record(ALERT, bytes((2, alert)))


def seal(plaintext: bytes) -> bytes:
    """What a data record carries for `plaintext`."""
    return plaintext.translate(_MASK) + hashlib.sha256(plaintext).digest()[:TAG]


def unseal(body: bytes) -> bytes | None:
    """The plaintext of a data record, or `None` if it is damaged."""
    plaintext = body[:-TAG].translate(_MASK)
    return plaintext if seal(plaintext) == body else None


def dump(**values: Any) -> bytes:
    """A message of the toy handshake; certificates are given as bytes."""
    values["chain"] = [base64.b64encode(der).decode() for der in values.get("chain", ())]
    return json.dumps(values).encode()


def load(body: bytes) -> Mapping[str, Any] | None:
    """Read a message of the toy handshake, or `None` if it is none."""
    try:
        values = json.loads(body)
        values["chain"] = [base64.b64decode(text, validate=True) for text in values["chain"]]
    except (ValueError, TypeError, KeyError):
        return None
    return values  # type: ignore[no-any-return]


def client_hello(
    *,
    versions: Iterable[int],
    suites: Iterable[int],
    server_name: str | None = None,
    alpn: Iterable[bytes] = (),
    ticket: bytes = b"",
) -> bytes:
    """The record of a ClientHello (RFC 8446 section 4.1.2); the session identifier holds the ticket."""
    extensions = [_extension(43, _vector(1, *(_u16(version) for version in versions)))]
    if server_name is not None:
        extensions.append(_extension(0, _vector(2, b"\0" + _vector(2, server_name.encode()))))
    if names := [_vector(1, name) for name in alpn]:
        extensions.append(_extension(16, _vector(2, *names)))
    body = b"".join(
        (
            _u16(0x0303),
            os.urandom(32),
            _vector(1, ticket),
            _vector(2, *(_u16(suite) for suite in suites)),
            b"\x01\x00",
            _vector(2, *extensions),
        )
    )
    return record(HANDSHAKE, b"\x01" + _vector(3, body))


def ticket_of(hello: bytes) -> bytes:
    """The session identifier in the body of a ClientHello record."""
    start = 4 + 2 + 32
    return hello[start + 1 : start + 1 + hello[start]]


def body_length(header: bytes) -> int:
    """The length that the header of a record announces."""
    return int.from_bytes(header[HEADER - 2 : HEADER], "big")


def _u16(value: int) -> bytes:
    return value.to_bytes(2, "big")


def _vector(size: int, *contents: bytes) -> bytes:
    body = b"".join(contents)
    return len(body).to_bytes(size, "big") + body


def _extension(number: int, content: bytes) -> bytes:
    return _u16(number) + _vector(2, content)
