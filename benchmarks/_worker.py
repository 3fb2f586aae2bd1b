"""A second process, for the server's end of sockets and for figures that need a fresh process."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, Final, Self

DEADLINE: Final = 60.0
"""Seconds that one job takes at most."""


class WorkerError(Exception):
    """The other process failed, or did not answer in time."""


class Worker:
    """Runs functions of a module in another process, one after the other. Killed when the block ends.

    The process is a new interpreter that shares nothing with this one.
    """

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, other = context.Pipe()
        self._process = context.Process(target=_work, args=(other,), daemon=True)
        self._process.start()
        other.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._pipe.close()
        self._process.kill()
        self._process.join()
        self._process.close()

    def begin(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Start `function`, and do not wait."""
        self._pipe.send((function, arguments))

    def result(self) -> Any:
        """What the function that was begun returned.

        Raises:
            WorkerError: it failed, or took too long.
        """
        if not self._pipe.poll(DEADLINE):
            raise WorkerError(f"no answer within {DEADLINE:.0f} s")
        try:
            succeeded, value = self._pipe.recv()
        except EOFError as error:
            raise WorkerError("the process has ended") from error
        if not succeeded:
            raise WorkerError(value)
        return value

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Run `function` and give what it returns.

        Raises:
            WorkerError: it failed, or took too long.
        """
        self.begin(function, *arguments)
        return self.result()


def _work(pipe: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the other end decides when to stop
    while True:
        try:
            function, arguments = pipe.recv()
        except EOFError:
            return
        try:
            answer = True, function(*arguments)
        except Exception as error:
            answer = False, f"{type(error).__name__}: {error}"
        pipe.send(answer)
