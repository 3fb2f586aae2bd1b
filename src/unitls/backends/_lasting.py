"""What must outlive the interpreter: the libraries that are bound through cffi, and the callbacks that they were given."""

from __future__ import annotations

import sys


def keep_for_good(package: str, *kinds: type) -> None:
    """Keep the library and the callbacks of a backend in memory until the process ends.

    When the interpreter ends it frees them, and threads that run on may be inside the library, or return into a callback.

    Args:
        package: the backend's, all of whose modules have been imported.
        *kinds: the types of what is to be kept, wherever one of the modules names it.
    """
    try:
        from ctypes import py_object, pythonapi
    except ImportError:  # a Python without them, as PyPy: there is no count of references to be raised
        return
    for name, module in list(sys.modules.items()):
        if name.startswith(f"{package}."):
            for value in list(vars(module).values()):
                if isinstance(value, kinds):
                    pythonapi.Py_IncRef(py_object(value))
