"""The real `ssl` module, where this Python has one.

It is taken once, before anything else can stand under its name (see ``__main__``).
"""

from __future__ import annotations

from typing import Any

try:
    import ssl as _found
except ImportError:  # a Python that was built without it
    _module: Any = None
else:
    _module = _found

real: Any = _module
"""The module, or `None`. Its classes are the bases of ours, so that a check with `isinstance` passes."""


def base_of(name: str, otherwise: Any) -> Any:
    """The real class of that name, to inherit from; `otherwise` where there is none."""
    return otherwise if real is None else getattr(real, name)
