"""The edge of the crate `unitls_rustls`: its names, and what it takes to feed it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

import unitls_rustls
from unitls_rustls import Config as Config
from unitls_rustls import Connection as Connection
from unitls_rustls import Error as Error
from unitls_rustls import Identity as Identity
from unitls_rustls import MemoryBuffer as MemoryBuffer
from unitls_rustls import Session as Session
from unitls_rustls import WantRead as WantRead
from unitls_rustls import check as check

from ...core._der import DERError
from ...core._x509 import certificate_fields

VERSION: Final = f"rustls {unitls_rustls.RUSTLS_VERSION} (aws-lc-rs)"
SUITES: Final = tuple(unitls_rustls.suites())
"""Every cipher suite, by preference."""
GROUPS: Final = tuple(unitls_rustls.groups())
SCHEMES: Final = tuple(unitls_rustls.schemes())

READ_SIZE: Final = 1024 * 1024
"""How much plaintext one read gives at most; it allocates no more than there is."""

DatedAnchor: TypeAlias = tuple[bytes, int, int]
"""An anchor in DER, and when it begins and ends."""
Signer: TypeAlias = Callable[[int, bytes], bytes]

_ALWAYS: Final = (-(2**62), 2**62)


def dated(der: bytes) -> DatedAnchor:
    """An anchor with its dates, which rustls does not look at; one that cannot be read is left to rustls to refuse."""
    try:
        fields = certificate_fields(der)
    except DERError:
        return der, *_ALWAYS
    return der, fields.not_before, fields.not_after


def arguments(error: Exception) -> tuple[str, Any, str]:
    """What the crate says about an error: kind, code and text."""
    kind, code, text = error.args
    return kind, code, text


def interruption(error: Exception) -> BaseException | None:
    """What has interrupted a callback of the program, taken out of the crate's error; it is no fault of the connection's."""
    cause = error.__cause__
    if cause is None or isinstance(cause, Exception):
        return None
    error.__cause__ = None
    return cause
