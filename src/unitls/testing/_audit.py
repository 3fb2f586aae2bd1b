"""Hears auditing events (`sys.addaudithook`). A hook cannot be taken away, so there is one, silent unless asked."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterator
from typing import Any

_lock = threading.Lock()
_installed = False
_listening: list[list[tuple[str, tuple[Any, ...]]]] = []


def _hear(name: str, arguments: tuple[Any, ...]) -> None:
    if _listening and (name.startswith("unitls.") or name == "open"):
        for events in _listening:
            events.append((name, arguments))


@contextlib.contextmanager
def audited() -> Iterator[list[tuple[str, tuple[Any, ...]]]]:
    """The events ``unitls.*`` and ``open`` of the block, as (name, arguments)."""
    global _installed
    with _lock:
        if not _installed:
            sys.addaudithook(_hear)
            _installed = True
    events: list[tuple[str, tuple[Any, ...]]] = []
    _listening.append(events)
    try:
        yield events
    finally:
        _listening.remove(events)
