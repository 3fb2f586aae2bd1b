"""What NSS knows of versions, groups and signature schemes: asked of the library, since releases differ."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, Final

from ...api._groups import SignatureScheme
from ...api._versions import TLSVersion
from . import _layer
from .native import RELEASE, SUCCESS, checked, ffi, ssl

_STREAM: Final = 0
_GROUPS: Final = (
    ((3, 87), (23, 24, 25, 29, 256, 257, 258, 259, 260)),
    ((3, 105), (4588,)),
    ((3, 118), (4587, 4589)),
)
"""The groups of sslt.h, by the release that they came with."""
_SCHEMES: Final = (
    0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806, 0x0809, 0x080A, 0x080B, 0x0401, 0x0501, 0x0601,
)  # fmt: skip
"""What is enabled when nothing is chosen: NSS's own choice without DSA and SHA-1."""


@functools.cache
def versions() -> tuple[TLSVersion, ...]:
    """The versions of TLS that NSS negotiates here, the lowest first."""
    found = ffi.new("SSLVersionRange *")
    checked(ssl.SSL_VersionRangeGetSupported(_STREAM, found))
    lowest = max(found.min, TLSVersion.TLSv1)
    return tuple(version for version in TLSVersion if lowest <= version <= min(found.max, TLSVersion.TLSv1_3))


@functools.cache
def known_groups() -> tuple[int, ...]:
    """The groups that this release has; NSS itself passes over others without a word."""
    return tuple(group for since, added in _GROUPS for group in added if since <= RELEASE)


@functools.cache
def known_schemes() -> tuple[int, ...]:
    """The signature schemes that it takes."""
    model = _layer.new_model()
    return tuple(scheme for scheme in SignatureScheme if _is_known(model, scheme))


def _is_known(model: Any, scheme: int) -> bool:
    return bool(ssl.SSL_SignatureSchemePrefSet(model, ffi.new("int[]", [scheme]), 1) == SUCCESS)


def groups(model: Any, wanted: Sequence[int] | None) -> None:
    """Enable the groups of `wanted` that there are, in that order; `None` leaves NSS's own choice."""
    if wanted is not None:
        chosen = [group for group in wanted if group in known_groups()]
        checked(ssl.SSL_NamedGroupConfig(model, ffi.new("int[]", chosen), len(chosen)))


def schemes(model: Any, wanted: Sequence[int] | None) -> None:
    """Enable the signature schemes of `wanted` that there are, in that order; `None` is our own choice."""
    chosen = [scheme for scheme in (_SCHEMES if wanted is None else wanted) if scheme in known_schemes()]
    checked(ssl.SSL_SignatureSchemePrefSet(model, ffi.new("int[]", chosen), len(chosen)))
