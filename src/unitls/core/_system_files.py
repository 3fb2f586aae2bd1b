"""Files of the system's that are read again only when they have changed."""

from __future__ import annotations

import os
import re
import stat
from typing import TypeAlias

Stamp: TypeAlias = tuple[str, int, int, int]
"""A file as it was seen: its path, and what changes when it is written or replaced."""


def stamp_of(path: str) -> Stamp:
    """The file as it is now.

    Raises:
        OSError: it is not there, or cannot be looked at.
    """
    return _stamp(path, os.stat(path))


def stamps_in(folder: str, preferred: re.Pattern[str] | None = None) -> list[Stamp]:
    """The files of a folder as they are now: those whose name is of the preferred form, or all if none is.

    A folder that is not there, or may not be read, holds nothing.
    """
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return []
    found = []
    for name in [name for name in names if preferred is not None and preferred.fullmatch(name)] or names:
        path = os.path.join(folder, name)
        try:
            status = os.stat(path)
        except OSError:
            continue  # removed in between, or a link to nothing
        if stat.S_ISREG(status.st_mode):
            found.append(_stamp(path, status))
    return found


def _stamp(path: str, status: os.stat_result) -> Stamp:
    return path, status.st_mtime_ns, status.st_size, status.st_ino
