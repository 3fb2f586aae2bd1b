"""The file that the key log goes to."""

from __future__ import annotations

import os


def prepare_key_log(path: str) -> None:
    """See to it that the file can be written to. One that is not there yet is made, for its owner alone to read.

    Raises:
        OSError: it cannot be written to.
    """
    os.close(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600))
