"""Import time: each sample is a fresh interpreter that imports one module, and has it compiled already."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Final

from ._rounds import Benchmark, Metric, Options, Sample, Sampler

_STARTUP: Final = "startup"
_CODE: Final = """
import time
wall, cpu = time.perf_counter(), time.process_time()
import {module}
print(time.perf_counter() - wall, time.process_time() - cpu)
"""
_DEADLINE: Final = 60


def _run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=_DEADLINE, check=True)
    return done.stdout.decode()


def _sample(module: str, count: int) -> Sample:
    wall = cpu = 0.0
    for _ in range(count):
        if module == _STARTUP:
            began = time.perf_counter()
            _run("")
            once = [time.perf_counter() - began] * 2
        else:
            once = [float(item) for item in _run(_CODE.format(module=module)).split()]
        wall, cpu = wall + once[0], cpu + once[1]
    return Sample(count, wall, cpu)


@contextlib.contextmanager
def _prepare(options: Options) -> Iterator[Sampler]:
    for name in ("unitls", "asyncio"):
        _sample(name, 1)  # writes the compiled files, and brings them into memory
    yield _sample


def _milliseconds(sample: Sample, clock: str) -> float:
    return sample.seconds(clock) / sample.count * 1e3


BENCHMARKS: Final = (
    Benchmark(
        "import",
        (Metric("import unitls", "ms", _milliseconds, 1.0, higher_is_better=False),),
        _prepare,
        parties=("unitls", "asyncio"),
        extra=(_STARTUP,),
        fixed=lambda options: 1,
    ),
)
