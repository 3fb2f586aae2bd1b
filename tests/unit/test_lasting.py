"""What a thread may be inside of when the interpreter ends stays in memory: a library, and the callbacks it was given."""

from __future__ import annotations

import subprocess
import sys

import pytest

import unitls

_BOUND_THROUGH_CFFI = ("gnutls", "nss", "mbedtls", "wolfssl")
_HERE = [status.name for status in unitls.available_backends() if status.available]
_END = """
import gc, importlib, os, sys, weakref
name = "unitls.backends." + sys.argv[1]
native = importlib.import_module(name).native
kinds = (native.ffi.CData,)
modules = [module for key, module in sys.modules.items() if key.startswith(name + ".")]
callbacks = {id(item): item for module in modules for item in vars(module).values() if isinstance(item, kinds)}
found = [weakref.ref(item) for item in callbacks.values() if native.ffi.typeof(item).kind == "function"]
del callbacks, native, kinds
for module in modules:
    vars(module).clear()
del module, modules
gc.collect()
print(len(found), sum(item() is None for item in found), flush=True)
os._exit(0)
"""


@pytest.mark.parametrize("name", [name for name in _BOUND_THROUGH_CFFI if name in _HERE])
def test_callbacks_outlive_their_modules(name: str) -> None:
    done = subprocess.run([sys.executable, "-c", _END, name], capture_output=True, text=True, timeout=60, check=True)
    there, gone = map(int, done.stdout.split())
    assert there > 5
    assert not gone
