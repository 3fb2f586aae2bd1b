"""Where the library is: the system's by its versioned names, else what comes inside the wheel of `python-mbedtls`.

The wheel is only looked into: the package itself is never imported.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

NAMES: Final = ("libmbedtls.so.21", "libmbedtls.so.14", "libmbedtls.21.dylib", "libmbedtls.14.dylib")
"""The names of 3.6 and of 2.28; the plain name, which exists only beside headers, may be any version."""
ENVIRONMENT_VARIABLE: Final = "UNITLS_MBEDTLS_LIBRARY"
"""A path to use instead of all others (ignored under ``python -E`` and ``-I``), or ``wheel`` for the wheel's library."""
_WHEEL: Final = "wheel"
_PARTS: Final = ("libmbedcrypto", "libmbedx509")
_companions: Final[list[Any]] = []
"""What was opened for the library's sake: it is closed when nothing refers to it."""
_PACKAGE: Final = "libmbedtls21 or libmbedtls14 (Debian), mbedtls (other systems), or the package python-mbedtls"


def open_mbedtls(ffi: Any) -> Any:
    """Open the library.

    Args:
        ffi: what declares its functions.

    Raises:
        ImportError: it is nowhere; the message says where it was looked for.
    """
    tried = []
    for name in _candidates():
        try:
            return _opened(ffi, name)
        except OSError:
            tried.append(name)
    raise ImportError(f"no library of Mbed TLS was found ({', '.join(tried)}); install {_PACKAGE}")


def _candidates() -> Iterator[str]:
    forced = None if sys.flags.ignore_environment else os.environ.get(ENVIRONMENT_VARIABLE)
    if forced and forced != _WHEEL:
        yield forced
        return
    if not forced:
        yield from NAMES
    yield from (str(path) for path in wheel_libraries())


def wheel_libraries() -> list[Path]:
    """The library inside the wheel of `python-mbedtls`, if that is installed; found without importing it."""
    spec = find_spec("mbedtls")
    if spec is None or not spec.submodule_search_locations:
        return []
    site = Path(next(iter(spec.submodule_search_locations))).parent
    return sorted(path for path in (site / "python_mbedtls.libs").glob("libmbedtls-*") if path.is_file())


def _opened(ffi: Any, name: str) -> Any:
    """Open the library, and before it the two it needs, where they are beside it and the loader would not find them."""
    try:
        return ffi.dlopen(name)
    except OSError:
        if not os.path.isabs(name):
            raise
    for part in _PARTS:
        beside = min(Path(name).parent.glob(f"{part}*.so.*"), default=None)
        if beside is not None:
            _companions.append(ffi.dlopen(str(beside)))
    return ffi.dlopen(name)
