"""The file that the key log goes to."""

from __future__ import annotations

import os


def prepare_key_log(path: str) -> None:
    """See to it that the file can be written to. One that is not there yet is made, for its owner alone to read.

    Raises:
        OSError: it cannot be written to.
    """
    os.close(_for_its_owner(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT))


def append_to_key_log(path: str, lines: bytes) -> None:
    """Append lines in one piece, so that those of other connections do not come in between.

    A file that somebody has moved away or removed since is made anew, as `prepare_key_log` makes it.

    Raises:
        OSError: it cannot be written to.
    """
    with open(path, "ab", opener=_for_its_owner) as file:
        file.write(lines)


def _for_its_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
