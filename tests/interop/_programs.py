"""Running other people's programs: found on PATH, bounded in time, and gone at the end of the test."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

DEADLINE = 60.0
"""Seconds for anything that a peer is waited for. Far more than it takes: a machine under load must not fail a test."""
_SYSTEM_FOLDERS = ("/usr/sbin", "/sbin", "/usr/local/go/bin")


def find_program(name: str) -> str | None:
    """Where a program is: on PATH, or where systems put daemons and toolchains that a user's PATH leaves out."""
    return shutil.which(name) or shutil.which(name, path=os.pathsep.join(_SYSTEM_FOLDERS))


def need_program(name: str) -> str:
    """The path of a program. Without it a test is skipped, on a machine that says ``CI=true`` it fails."""
    path = find_program(name)
    if path is None:
        reason = f"the program {name!r} is not installed"
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail(reason)
        pytest.skip(reason)
    return path


def clean_environment(**more: str) -> dict[str, str]:
    """An environment without the variables that add certificates, name key logs or change what OpenSSL does."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "HOME": os.environ.get("HOME", "/"), **more}


class Program:
    """A program that runs beside the test, with its lines of output in a queue.

    Args:
        command: what to run.
        environment: on top of `clean_environment`.
        pass_fds: descriptors it inherits.
    """

    def __init__(
        self, command: Sequence[str | Path], *, environment: dict[str, str] | None = None, pass_fds: Sequence[int] = ()
    ) -> None:
        self.lines: list[str] = []
        self._queue: queue.Queue[str | None] = queue.Queue()
        self._process = subprocess.Popen(
            [os.fspath(part) for part in command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=clean_environment(**(environment or {})),
            pass_fds=tuple(pass_fds),
            start_new_session=True,  # so that what it has started can be ended with it
        )
        self._reader = threading.Thread(target=self._collect, daemon=True)
        self._reader.start()

    def _collect(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._queue.put(line.decode("utf-8", "replace").rstrip("\r\n"))
        self._queue.put(None)

    def wait_for(self, *texts: str) -> str:
        """The next line that holds one of `texts`; fails the test when the program ends or the deadline passes."""
        line = self.find(*texts)
        if line is None:
            pytest.fail(f"none of {texts} came from {self._process.args!r}; it said:\n" + "\n".join(self.lines))
        return line

    def find(self, *texts: str) -> str | None:
        """The next line that holds one of `texts`; `None` if the program ends, or stays silent, without one."""
        end = time.monotonic() + DEADLINE
        while True:
            try:
                line = self._queue.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                return None
            if line is None:
                self._queue.put(None)
                return None
            self.lines.append(line)
            if any(text in line for text in texts):
                return line

    def next_json(self) -> dict[str, Any]:
        """The next line that is a JSON object."""
        value: dict[str, Any] = json.loads(self.wait_for("{"))
        return value

    def type(self, text: str) -> None:
        """Write to its standard input. It may have ended already: what it has said, or has not, tells that."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(text.encode())
            self._process.stdin.flush()

    def end_input(self) -> None:
        """Close its standard input."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it may have ended before it read everything
            self._process.stdin.close()

    def finish(self) -> int:
        """End its input and wait for it; its exit status. All of its output is in `lines` then."""
        self.end_input()
        status = self._process.wait(DEADLINE)
        self._reader.join(DEADLINE)
        while (line := self._queue.get(timeout=DEADLINE)) is not None:
            self.lines.append(line)
        self._queue.put(None)
        return status

    def close(self) -> None:
        """End it, the kind way first."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(DEADLINE)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)  # a worker of its own would keep the pipe open
                self._process.wait(DEADLINE)
        self.end_input()
        self._reader.join(DEADLINE)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()
