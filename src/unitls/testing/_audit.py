"""Hears auditing events (`sys.addaudithook`). A hook cannot be taken away, so there is one, silent unless asked."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterator
from typing import Any

_lock = threading.Lock()
_installed = False
_Events = list[tuple[str, tuple[Any, ...]]]
_listening: list[tuple[int, _Events]] = []


def _hear(name: str, arguments: tuple[Any, ...]) -> None:
    if _listening and (name.startswith("unitls.") or name == "open"):
        for thread, events in _listening:
            if thread == threading.get_ident():
                events.append((name, arguments))


@contextlib.contextmanager
def audited() -> Iterator[_Events]:
    """The events ``unitls.*`` and ``open`` of the block in its own thread, as (name, arguments)."""
    global _installed
    with _lock:
        if not _installed:
            sys.addaudithook(_hear)
            _installed = True
    events: _Events = []
    listener = threading.get_ident(), events
    _listening.append(listener)
    try:
        yield events
    finally:
        _listening.remove(listener)
