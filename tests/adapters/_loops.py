"""Runs a coroutine on a loop, and sees that nothing is left behind: no task, no descriptor, no complaint of the loop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib.util
import os
import socket
import stat
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

DEADLINE = 60.0
"""Seconds for anything that is to happen. Far more than it takes: a machine under load must not fail a test."""
LOOPS = ["asyncio", *(["uvloop"] if importlib.util.find_spec("uvloop") else [])]
both_loops = pytest.mark.parametrize("loop", LOOPS)


def _factory(kind: str) -> Callable[[], asyncio.AbstractEventLoop]:
    if kind == "asyncio":
        return asyncio.new_event_loop
    import uvloop

    made: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return made


def network_sockets() -> set[int]:
    """The descriptors of this process that are sockets of a network, not those that a loop wakes itself up with."""
    found = set()
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # the descriptor that lists the others is gone by now
            if stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                with socket.socket(fileno=os.dup(int(name))) as copy:
                    if copy.family != socket.AF_UNIX:
                        found.add(int(name))
    return found


@contextlib.contextmanager
def _collecting_only_what_is_new() -> Iterator[None]:
    """Let `gc.collect` leave out what is there already: it is none of this test's, and looking through it takes longest."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def run(main: Coroutine[Any, Any, Any], loop: str = "asyncio", *, complaints: list[Any] | None = None) -> Any:
    """Run `main` to its end.

    Args:
        main: what to run.
        loop: one of `LOOPS`.
        complaints: takes what the loop's exception handler is told; without it nothing may be.
    """
    before = network_sockets()
    told: list[Any] = [] if complaints is None else complaints
    with _collecting_only_what_is_new():
        with asyncio.Runner(loop_factory=_factory(loop)) as runner:
            runner.get_loop().set_exception_handler(lambda _, context: told.append(context))
            result = runner.run(asyncio.wait_for(main, DEADLINE))
            left = runner.run(_what_is_left(before))
        gc.collect()  # a future whose exception nobody asked for says so now, to the handler
    assert not left, f"left behind: {left}"
    if complaints is None:
        assert not told
    return result


async def _what_is_left(before: set[int]) -> list[str]:
    """Tasks and sockets that are still there once the loop had time to get rid of them."""
    inner = asyncio.get_running_loop()
    until = inner.time() + DEADLINE / 2
    while True:
        gc.collect()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        sockets = network_sockets() - before
        if not (tasks or sockets) or inner.time() > until:
            return [*map(repr, tasks), *map(str, sockets)]
        await asyncio.sleep(0.005)
