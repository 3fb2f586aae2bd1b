"""Which object of the text stands for which connection of core: a server name callback is called with the former."""

from __future__ import annotations

from typing import Any, Final
from weakref import WeakValueDictionary

FACES: Final[WeakValueDictionary[int, Any]] = WeakValueDictionary()
"""By the ``id`` of the connection, which its face keeps alive."""
