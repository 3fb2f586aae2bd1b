"""Interleaved rounds: in each, every party is measured once, so that whatever slows the machine slows all of them.

Each round has processes of its own. Where code and data happen to lie in memory makes a difference of some percent for
as long as a process lives: one process alone would measure that.
"""

from __future__ import annotations

import contextlib
import gc
import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final

_WARM_UP: Final = 8
"""How many operations are made before anything counts, and to find out how many fill a sample."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What was asked for on the command line.

    Attributes:
        backend: ours.
        peers: what it is compared with.
        tls12: TLS 1.2 instead of 1.3.
        rounds: how many rounds.
        seconds: how long one sample takes, roughly.
        clock: ``"wall"``, or ``"cpu"`` for the processor time of both ends together.
        pairs: how many connections the memory benchmark opens.
        unlike: measure also parties that negotiate different parameters.
    """

    backend: str = "openssl"
    peers: tuple[str, ...] = ("ssl",)
    tls12: bool = False
    rounds: int = 15
    seconds: float = 0.25
    clock: str = "wall"
    pairs: int = 2000
    unlike: bool = False

    @property
    def parties(self) -> tuple[str, ...]:
        """Ours first."""
        return (self.backend, *self.peers)


@dataclass(frozen=True, slots=True)
class Sample:
    """One party, measured once.

    Attributes:
        count: how many operations.
        wall: seconds they took.
        cpu: seconds of processor time they took, user and system, all ends added.
        size: bytes of memory they left in use, where that is what is measured.
    """

    count: int
    wall: float
    cpu: float
    size: int = 0

    def seconds(self, clock: str) -> float:
        """The time by that clock."""
        return self.wall if clock == "wall" else self.cpu


@dataclass(frozen=True, slots=True)
class Metric:
    """One row of the report.

    Attributes:
        name: the row's.
        unit: of its absolute figures.
        value: the figure of a sample, given the clock.
        target: the ratio that is aimed at, if there is one.
        higher_is_better: for a speed; not for a cost.
    """

    name: str
    unit: str
    value: Callable[[Sample, str], float]
    target: float | None = None
    higher_is_better: bool = True


Sampler = Callable[[str, int], Sample]
"""``sampler(party, count) -> sample``."""


@dataclass(frozen=True, slots=True)
class Benchmark:
    """One thing that is measured, which may give several rows.

    Attributes:
        name: for ``--only``.
        metrics: the rows.
        prepare: sets it up for one round; gives the function that takes a sample, and takes everything down in the end.
        extra: parties measured besides, for orientation.
        fixed: the count of each sample where it is not to be fitted to the time; a function of the options.
        most: the largest count.
        warm_up: the least count before the first sample of a round, in processes that have just begun.
        most_rounds: more rounds than that say nothing new.
        parties: parties of its own instead of those of the command line.
    """

    name: str
    metrics: tuple[Metric, ...]
    prepare: Callable[[Options], AbstractContextManager[Sampler]]
    extra: tuple[str, ...] = ()
    fixed: Callable[[Options], int] | None = None
    most: int = 1_000_000
    warm_up: int = 0
    most_rounds: int = 1_000
    parties: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Spread:
    """Median and quartiles."""

    median: float
    q1: float
    q3: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """The spread of at least one value."""
        if len(values) == 1:
            return cls(values[0], values[0], values[0])
        q1, median, q3 = statistics.quantiles(values, n=4, method="inclusive")
        return cls(median, q1, q3)


@dataclass(frozen=True, slots=True)
class Row:
    """The result for one metric and one peer.

    Attributes:
        metric: what was measured.
        ours: the median of our figures.
        peer: the median of the peer's.
        peer_name: who that is.
        ratio: ours to the peer's, round by round, such that more is better.
        extra: the median figures of the other parties.
    """

    metric: Metric
    ours: float
    peer: float
    peer_name: str
    ratio: Spread
    extra: dict[str, float]

    @property
    def meets_target(self) -> bool | None:
        """Whether the median reaches the target; `None` if there is none."""
        return None if self.metric.target is None else self.ratio.median >= self.metric.target


def run(benchmark: Benchmark, options: Options, progress: Callable[[str], None]) -> list[Row]:
    """Measure all parties.

    Args:
        benchmark: what.
        options: how.
        progress: told what is going on.

    Returns:
        A row for each metric and peer.
    """
    parties = (*(benchmark.parties or options.parties), *benchmark.extra)
    rounds = min(options.rounds, benchmark.most_rounds)
    samples: dict[str, list[Sample]] = {name: [] for name in parties}
    progress(f"{benchmark.name}: warming up")
    count = benchmark.fixed(options) if benchmark.fixed else _fitting(benchmark, options, parties)
    for number in range(rounds):
        progress(f"{benchmark.name}: round {number + 1} of {rounds}, {count} operations each")
        order = parties if number % 2 == 0 else parties[::-1]
        with benchmark.prepare(options) as sampler:
            if not benchmark.fixed:
                _warm_up(sampler, order, max(_WARM_UP, benchmark.warm_up))
            for name in order:
                samples[name].append(sampler(name, count))
    return _rows(benchmark, options, samples)


def _warm_up(sampler: Sampler, parties: Sequence[str], count: int) -> None:
    for name in parties:
        sampler(name, count)


def _fitting(benchmark: Benchmark, options: Options, parties: Sequence[str]) -> int:
    """The count with which the slower of the first two takes the time of one sample."""
    with benchmark.prepare(options) as sampler:
        _warm_up(sampler, parties, _WARM_UP)
        longest = max(sampler(name, _WARM_UP).wall for name in parties[:2])
    return max(1, min(benchmark.most, round(_WARM_UP * options.seconds / longest)))


def _rows(benchmark: Benchmark, options: Options, samples: dict[str, list[Sample]]) -> list[Row]:
    rows = []
    ours, *peers = benchmark.parties or options.parties
    for metric in benchmark.metrics:
        figures = {name: [metric.value(item, options.clock) for item in items] for name, items in samples.items()}
        medians = {name: statistics.median(values) for name, values in figures.items()}
        extra = {name: medians[name] for name in benchmark.extra}
        for peer in peers:
            ratio = Spread.of(_ratios(metric, figures[ours], figures[peer]))
            rows.append(Row(metric, medians[ours], medians[peer], peer, ratio, extra))
    return rows


def _ratios(metric: Metric, ours: Sequence[float], peer: Sequence[float]) -> list[float]:
    pairs = zip(ours, peer, strict=True)
    return [mine / theirs if metric.higher_is_better else theirs / mine for mine, theirs in pairs]


def timed(count: int, work: Callable[[], Any]) -> Sample:
    """Do `work`, which is `count` operations in this process alone."""
    gc.collect()
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return Sample(count, time.perf_counter() - wall, time.process_time() - cpu)


def per_second(work: float = 1.0) -> Callable[[Sample, str], float]:
    """The value of a metric that counts `work` for each operation, per second."""
    return lambda sample, clock: sample.count * work / sample.seconds(clock)


@contextlib.contextmanager
def pinned() -> Iterator[int | None]:
    """Keep this process, and those it starts, on one processor; gives its number, `None` where that cannot be done."""
    if not hasattr(os, "sched_setaffinity"):
        yield None
        return
    before = os.sched_getaffinity(0)
    chosen = max(before)
    os.sched_setaffinity(0, {chosen})
    try:
        yield chosen
    finally:
        os.sched_setaffinity(0, before)
