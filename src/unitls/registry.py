"""Which backend: by name, by environment, or the first that can be used here."""

from __future__ import annotations

import importlib
import os
import sys
import threading
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .api._backend import Backend, BackendStatus
from .api._errors import ConfigurationError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

ENTRY_POINT_GROUP: Final = "unitls.backends"
ENVIRONMENT_VARIABLE: Final = "UNITLS_BACKEND"
_LOADER_CACHE: Final = Path("/etc/ld.so.cache")
_LIBRARY_FOLDERS: Final = ("/usr/local/lib", "/usr/local/lib64", "/usr/lib", "/usr/lib64", "/lib", "/opt/homebrew/lib")


@dataclass(frozen=True, slots=True)
class _Known:
    """A backend of ours.

    Attributes:
        module: where its ``BACKEND`` is.
        install: what to do when it cannot be imported.
        library: how the file of its library begins. If it is said, the backend is loaded only when it is named: not to
            be taken by itself, and not to be listed.
    """

    module: str
    install: str
    library: str | None = None


# In the order in which they are tried when nothing is said.
_KNOWN: Final[dict[str, _Known]] = {
    "openssl": _Known("unitls.backends.openssl", "use a Python that was built with the ssl module"),
    "rustls": _Known(
        "unitls.backends.rustls",
        "install the package unitls-rustls (in the source tree: pip install ./rustls, which needs cargo)",
    ),
    "pyopenssl": _Known("unitls.backends.pyopenssl", "pip install 'unitls[pyopenssl]'"),
    "gnutls": _Known(
        "unitls.backends.gnutls", "pip install 'unitls[gnutls]', and GnuTLS 3.7 or newer (Debian: libgnutls30)"
    ),
    "nss": _Known("unitls.backends.nss", "pip install 'unitls[nss]', and NSS 3.87 or newer (Debian: libnss3)"),
    "mbedtls": _Known(
        "unitls.backends.mbedtls",
        "pip install 'unitls[mbedtls]', and Mbed TLS 2.28 or 3.6 (Debian: libmbedtls14 or libmbedtls21)",
    ),
    "wolfssl": _Known(
        "unitls.backends.wolfssl",
        "pip install 'unitls[wolfssl]', and wolfSSL 5.5 or newer (Debian: libwolfssl35 or libwolfssl42)",
        library="libwolfssl",  # its licence is the GPL: whoever wants that in the process says so
    ),
    "schannel": _Known("unitls.backends.schannel", "use another backend here"),
    "securetransport": _Known("unitls.backends.securetransport", "use another backend here"),
}

_lock = threading.Lock()
_default: str | Backend | None = None


def get_backend(name: str | None = None) -> Backend:
    """Return a backend.

    Args:
        name: which one. `None` takes the first that is said: by `set_default_backend`, by the environment variable
            ``UNITLS_BACKEND`` (ignored under ``python -E`` and ``-I``), ``openssl``, then the others of ours in their
            documented order. A backend of a third party is never taken without being named.

    Returns:
        The backend, the same object each time.

    Raises:
        ConfigurationError: there is none of that name, or it cannot be used here; the message says what is available,
            and what to install.
    """
    chosen = name if name is not None else _default
    if isinstance(chosen, Backend):
        return chosen
    if chosen is None and not sys.flags.ignore_environment:
        chosen = os.environ.get(ENVIRONMENT_VARIABLE) or None
    if chosen is not None:
        return _load(chosen)
    return _first_usable()


def set_default_backend(backend: str | Backend | None) -> None:
    """Set what `get_backend` returns when it is called without a name, for this process.

    Args:
        backend: a name, a backend, or `None` to go back to the environment variable and the documented order.

    Raises:
        ConfigurationError: there is none of that name, or it cannot be used here.
    """
    global _default
    if isinstance(backend, str):
        backend = _load(backend)
    if not isinstance(backend, (Backend, type(None))):
        raise ConfigurationError(f"a backend is set by its name or as a Backend, not as {type(backend).__name__}")
    with _lock:
        _default = backend


def available_backends() -> list[BackendStatus]:
    """List every known backend, usable or not.

    Returns:
        First ours in their order of preference, then those of third parties by name; for each that cannot be used here
        the reason, and what to install. A backend that is loaded by its name only is not loaded for this list, so
        that its version is not known before it was named.
    """
    return [_status(name) for name in [*_KNOWN, *sorted(set(_entry_points()) - set(_KNOWN))]]


def is_named_only(name: str) -> bool:
    """Whether the backend of that name is loaded by nothing but its name, since loading its library binds the process.

    Such a backend is listed by `available_backends` from what lies on the disk: without a version, and without a word on
    whether it would indeed load.
    """
    known = _KNOWN.get(name)
    return known is not None and known.library is not None


def _status(name: str) -> BackendStatus:
    entry = None if name in _KNOWN else _entry_points()[name]
    source = "unitls" if entry is None else (entry.dist.name if entry.dist is not None else entry.value)
    if is_named_only(name) and _KNOWN[name].module not in sys.modules:
        missing = _missing(_KNOWN[name])
        return BackendStatus(name, available=not missing, reason=missing, source=source)
    try:
        backend = _load(name)
    except ConfigurationError as error:
        return BackendStatus(name, available=False, reason=_reason(name, error), source=source)
    return BackendStatus(name, available=True, library_version=backend.library_version, source=source)


def _missing(known: _Known) -> str:
    """What a backend that is not to be loaded lacks, as far as can be seen from outside; empty if nothing."""
    assert known.library is not None
    if find_spec("_cffi_backend") is None:  # the part of it that shipped bindings need; some systems package it alone
        return f"the package 'cffi' is not installed: {known.install}"
    if not _is_on_disk(known.library):
        return f"{known.library} was not found: {known.install}"
    return ""


def _is_on_disk(library: str) -> bool:
    """Whether the loader would find a library. Nothing is opened: what is opened is part of the process."""
    search = "" if sys.flags.ignore_environment else os.environ.get("LD_LIBRARY_PATH", "")
    folders = [Path(folder) for folder in (*search.split(os.pathsep), *_LIBRARY_FOLDERS) if folder]
    if any(folder.is_dir() and next(folder.glob(f"{library}.*"), None) for folder in folders):
        return True
    try:
        return library.encode() in _LOADER_CACHE.read_bytes()
    except OSError:
        return False


def _reason(name: str, error: ConfigurationError) -> str:
    """Why, and what to do: without the alternatives, which stand beside it in a list."""
    known = _KNOWN.get(name)
    return str(error) if known is None else f"{error.__cause__ or error}: {known.install}"


def _first_usable() -> Backend:
    reasons = []
    for name, known in _KNOWN.items():
        if known.library is None:
            try:
                return _load(name)
            except ConfigurationError as error:
                reasons.append(str(error))
    raise ConfigurationError("no TLS backend can be used here: " + "; ".join(reasons))


def _load(name: str) -> Backend:
    known = _KNOWN.get(name)
    if known is not None:
        try:
            return importlib.import_module(known.module).BACKEND  # type: ignore[no-any-return]
        except (ImportError, OSError) as error:  # a shared library that is missing is an OSError
            raise ConfigurationError(
                f"the backend {name!r} cannot be used here ({error}): {known.install}. {_alternatives(name)}"
            ) from error
    entry = _entry_points().get(name)
    if entry is None:
        raise ConfigurationError(f"there is no backend {name!r}. {_alternatives(name)}")
    return _load_entry(name, entry)


def _load_entry(name: str, entry: EntryPoint) -> Backend:
    try:
        backend = entry.load()
    except Exception as error:  # whatever a third party's module does, it must not take the others with it
        raise ConfigurationError(f"the backend {name!r} ({entry.value}) cannot be loaded: {error!r}") from error
    if not isinstance(backend, Backend):
        raise ConfigurationError(f"the entry point {name!r} ({entry.value}) is not a unitls.Backend")
    return backend


def _alternatives(name: str) -> str:
    """What could be used instead. Third parties are named, not loaded."""
    usable = [other for other, known in _KNOWN.items() if other != name and _is_usable(known)]
    usable += sorted(set(_entry_points()) - {name})
    return f"Available: {', '.join(usable)}." if usable else "No other backend is available."


def _is_usable(known: _Known) -> bool:
    if known.library is not None and known.module not in sys.modules:
        return not _missing(known)
    try:
        return importlib.import_module(known.module).BACKEND is not None
    except (ImportError, OSError):
        return False


def _entry_points() -> dict[str, EntryPoint]:
    """What third parties have registered; a name of ours stays ours."""
    from importlib.metadata import entry_points

    return {entry.name: entry for entry in entry_points(group=ENTRY_POINT_GROUP) if entry.name not in _KNOWN}
