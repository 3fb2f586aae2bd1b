"""Memory per idle connection: how much a fresh process grows while it opens many, and keeps them."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ._buffers import Pair
from ._parties import make_party
from ._rounds import Benchmark, Metric, Options, Sample, Sampler, timed
from ._worker import Worker

_STATM: Final = Path("/proc/self/statm")
_FIRST: Final = 100
"""Connections opened before the measurement starts: they pay for what is needed once."""


def _resident() -> int:
    """Bytes of this process that lie in memory; where the system does not tell, the most there have been."""
    if _STATM.exists():
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _idle_pairs(name: str, tls12: bool, count: int) -> Sample:
    """In a fresh process: open `count` pairs."""
    party, kept = make_party(name, tls12), []

    def work(pairs: int = count) -> None:
        for _ in range(pairs):
            pair = Pair(party)
            pair.handshake()
            pair.read_tickets()
            pair.first_flight = b""
            kept.append(pair)

    work(_FIRST)
    gc.collect()
    before = _resident()
    sample = timed(count, work)
    gc.collect()
    return Sample(count, sample.wall, sample.cpu, _resident() - before)


@contextlib.contextmanager
def _prepare(options: Options) -> Iterator[Sampler]:
    def sample(name: str, count: int) -> Sample:
        with Worker() as worker:
            taken: Sample = worker.call(_idle_pairs, name, options.tls12, count)
        return taken

    yield sample


def _kibibytes_per_end(sample: Sample, clock: str) -> float:
    return max(sample.size, 1) / sample.count / 2 / 1024


BENCHMARKS: Final = (
    Benchmark(
        "memory",
        (Metric("memory per idle end", "KiB", _kibibytes_per_end, higher_is_better=False),),
        _prepare,
        fixed=lambda options: options.pairs,
        most_rounds=3,
    ),
)
