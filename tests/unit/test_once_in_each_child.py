"""What is called once in each forked child."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from unitls.core._fork import OnceInEachChild

PROGRAM = """
import os, pathlib, threading, time
from unitls.core._fork import OnceInEachChild

calls = []


def call():
    time.sleep(0.05)
    calls.append(os.getpid())


def wait_for_the_end_of_threads():
    # `join` may return a moment before the thread is gone, and Python warns of a fork beside it.
    tasks = pathlib.Path("/proc/self/task")
    while tasks.exists() and len(list(tasks.iterdir())) > 1:
        time.sleep(0.001)


once = OnceInEachChild(call)
for depth in range(2):
    wait_for_the_end_of_threads()
    if os.fork():
        once()
        assert calls == ([] if depth == 0 else [os.getpid()]), calls
        os._exit(os.waitstatus_to_exitcode(os.wait()[1]))
    calls.clear()
    ready = []
    threads = [threading.Thread(target=lambda: (once(), ready.append(list(calls)))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ready == [[os.getpid()]] * 4, ready
os._exit(7)
"""


def test_never_in_the_process_that_made_it() -> None:
    calls: list[int] = []
    OnceInEachChild(lambda: calls.append(1))()
    assert calls == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_once_in_a_child_and_in_its_child() -> None:
    """Nobody goes on before it was done."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=100, check=False)
    assert (done.stderr, done.returncode) == ("", 7)
