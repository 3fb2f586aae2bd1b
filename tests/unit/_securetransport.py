"""The SecureTransport backend where there is no macOS: over a stand-in for its frameworks, which is built here.

On macOS itself nothing is built, and the tests run against the system's own frameworks.
"""

from __future__ import annotations

import ctypes
import functools
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import unitls.backends
import unitls.platforms
from unitls.api._backend import Backend

PACKAGE = "unitls.backends.securetransport"
PLATFORM = "unitls.platforms.macos"
SOURCES = Path(__file__).parents[1] / "fakes" / "securetransport"
ON_MACOS = platform.system() == "Darwin"
_FLAGS = ("-std=c11", "-D_GNU_SOURCE", "-O1", "-fPIC", "-shared", "-Wno-deprecated-declarations", "-Wl,-Bsymbolic")


class Loaded(NamedTuple):
    """The backend, and what its tests look at.

    Attributes:
        backend: the backend.
        modules: its modules by their last name, the package itself is ``""``; those of the platform by their whole name.
        library: the stand-in; `None` on macOS.
    """

    backend: Backend
    modules: dict[str, Any]
    library: Any


def _give_up(reason: str) -> None:
    """A machine of ours has what is needed; elsewhere, and where the stand-in cannot be built, the tests are left out."""
    if os.environ.get("CI") == "true" and platform.system() == "Linux":
        pytest.fail(reason)
    pytest.skip(reason)


@functools.cache
def build(*options: str) -> Any:
    """Build the stand-in and load it.

    Args:
        options: further ones for the compiler.
    """
    compiler = shutil.which("cc")
    if compiler is None:
        _give_up("no C compiler: the stand-in for Security.framework cannot be built")
    with tempfile.TemporaryDirectory(prefix="unitls-fake-") as folder:
        target = Path(folder) / "fake.so"
        sources = sorted(map(str, SOURCES.glob("*.c")))
        command = [str(compiler), *_FLAGS, *options, "-o", str(target), *sources, "-lssl", "-lcrypto"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        if done.returncode:
            if "openssl/" in done.stderr and "No such file" in done.stderr:
                _give_up("no OpenSSL headers: the stand-in for Security.framework cannot be built")
            pytest.fail(done.stderr)
        return ctypes.CDLL(str(target))


def import_over(security: Any, foundation: Any) -> dict[str, Any]:
    """Import the package anew over two libraries, and leave no trace of it in `sys.modules`.

    The package cannot be imported where there is no macOS, so the libraries are put in place before it is run.
    """
    kept = {name: sys.modules.pop(name) for name in _names()}
    spec = importlib.util.find_spec(PACKAGE)
    assert spec is not None
    assert spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules[PACKAGE] = package
    try:
        native = importlib.import_module(f"{PACKAGE}.native")
        if security is not None:
            native.use(security, foundation)
        spec.loader.exec_module(package)
        return {name.removeprefix(PACKAGE).lstrip("."): sys.modules[name] for name in _names()}
    finally:
        for name in _names():
            del sys.modules[name]
        sys.modules.update(kept)
        for holder, name in ((unitls.backends, "securetransport"), (unitls.platforms, "macos")):
            vars(holder).pop(name, None)


def _names() -> list[str]:
    """The modules of the package, and of what holds the frameworks for it and for the other backends."""
    return [name for name in sys.modules if f"{name}.".startswith((f"{PACKAGE}.", f"{PLATFORM}."))]


@functools.cache
def load() -> Loaded:
    """The backend, over the system's frameworks or the stand-in."""
    library = None if ON_MACOS else build()
    modules = import_over(library, library)
    return Loaded(modules[""].BACKEND, modules, library)
