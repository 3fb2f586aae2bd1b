"""Keys and passphrases must not stay behind in exceptions: programs that report faults like to log local variables."""

from __future__ import annotations

import contextlib
import types
from typing import Final, Self

_OURS: Final = "unitls."


def forget_locals(error: BaseException) -> None:
    """Clear the local variables of the finished functions of ours that an exception, or one before it, came through.

    Those of the program, such as a callable that gives a passphrase, are its own affair.

    Args:
        error: it keeps its traceback.
    """
    seen: set[int] = set()
    before: BaseException | None = error
    while before is not None and id(before) not in seen:
        seen.add(id(before))
        _clear(before.__traceback__)
        before = before.__cause__ or before.__context__


def _clear(traceback: types.TracebackType | None) -> None:
    while traceback is not None:
        frame = traceback.tb_frame
        if frame.f_globals.get("__name__", "").startswith(_OURS):
            with contextlib.suppress(RuntimeError):  # it still runs: it is who called us
                frame.clear()
        traceback = traceback.tb_next


class _Forgetting:
    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if error is not None:
            forget_locals(error)


forgetting: Final = _Forgetting()
"""A context manager: what is raised inside is raised on after `forget_locals`."""
