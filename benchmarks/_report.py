"""The report: a table for people, JSON for programs, and what machine it was made on."""

from __future__ import annotations

import platform
import ssl
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import unitls

from ._buffers import parameters
from ._parties import Party
from ._rounds import Options, Row

_HEAD: Final = ("", "unit", "ours", "peer", "", "ratio", "quartiles", "target", "")
_LEFT: Final = frozenset({0, 1, 4, 8})
"""The columns that are words."""


class NotComparable(Exception):
    """The parties would not do the same work."""


def environment(options: Options, parties: Sequence[Any], cpu: int | None) -> dict[str, Any]:
    """What the figures depend on. No host name, no user and no path.

    Args:
        options: how it is measured.
        parties: those who measure; all that do TLS must negotiate the same parameters.
        cpu: the processor everything is kept on.

    Raises:
        NotComparable: they do not.
    """
    speaking = [party for party in parties if isinstance(party, Party)]
    version, suite, group = _common_parameters(speaking, options.unlike)
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "unitls": unitls.__version__,
        "backend": options.backend,
        "libraries": {party.name: party.library_version for party in parties},
        "ssl": ssl.OPENSSL_VERSION,
        "cpu": _cpu_model(),
        "pinned_to_one_cpu": cpu is not None,
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "tls_version": version,
        "cipher_suite": _name(unitls.CipherSuite, suite),
        "group": _name(unitls.NamedGroup, group),
        "certificate": "ECDSA P-256",
        "rounds": options.rounds,
        "seconds_per_sample": options.seconds,
        "clock": options.clock,
    }


def _common_parameters(parties: Iterable[Party], unlike: bool) -> tuple[str, int, int | None]:
    """What all of them negotiate; of those that may differ, what the first does."""
    found = {party.name: parameters(party) for party in parties}
    if len(set(found.values())) != 1 and not unlike:
        listed = "; ".join(
            f"{name}: {version}, {_name(unitls.CipherSuite, suite)}, {_name(unitls.NamedGroup, group)}"
            for name, (version, suite, group) in found.items()
        )
        raise NotComparable(
            f"the parties negotiate different parameters ({listed}); --unlike measures them all the same"
        )
    return next(iter(found.values()))


def _name(registry: Any, value: int | None) -> str:
    if value is None:
        return "unknown"
    return next((str(item.name) for item in registry if item == value), f"{value:#06x}")


def _cpu_model() -> str:
    listing = Path("/proc/cpuinfo")
    if listing.exists():
        for line in listing.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def as_json(rows: Iterable[Row], surroundings: dict[str, Any]) -> dict[str, Any]:
    """The value that ``--json`` writes."""
    return {"rows": [_row_json(row) for row in rows], "environment": surroundings}


def _row_json(row: Row) -> dict[str, Any]:
    return {
        "name": row.metric.name,
        "unit": row.metric.unit,
        "ours": row.ours,
        "peer": row.peer,
        "peer_name": row.peer_name,
        "ratio": {"median": row.ratio.median, "q1": row.ratio.q1, "q3": row.ratio.q3},
        "target": row.metric.target,
        "meets_target": row.meets_target,
        "higher_is_better": row.metric.higher_is_better,
        "beside": row.extra,
    }


def table(rows: Sequence[Row]) -> str:
    """The rows, aligned."""
    cells = [_HEAD, *(_row_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(_HEAD))]
    return "\n".join(_line(line, widths) for line in cells)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (
        cell.ljust(width) if column in _LEFT else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "  ".join(padded).rstrip()


def _row_cells(row: Row) -> tuple[str, ...]:
    beside = ", ".join(f"{name} {_figure(value)}" for name, value in row.extra.items())
    verdict = {None: "", True: "met", False: "NOT met"}[row.meets_target]
    return (
        row.metric.name,
        row.metric.unit,
        _figure(row.ours),
        _figure(row.peer),
        row.peer_name,
        f"{row.ratio.median:.3f}",
        f"{row.ratio.q1:.3f}-{row.ratio.q3:.3f}",
        "" if row.metric.target is None else f"{row.metric.target:.2f}",
        f"{verdict:7}  {beside}".rstrip(),
    )


def _figure(value: float) -> str:
    """Three or four digits that say something."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.3f}"


def heading(surroundings: dict[str, Any]) -> str:
    """The environment in a few lines."""
    libraries = ", ".join(f"{name} ({version})" for name, version in surroundings["libraries"].items())
    pinned = "everything on one CPU" if surroundings["pinned_to_one_cpu"] else "not pinned to a CPU"
    return (
        f"unitls {surroundings['unitls']}, {surroundings['python']}, {libraries}\n"
        f"{surroundings['cpu']}, {surroundings['system']}, {pinned}\n"
        f"{surroundings['tls_version']}, {surroundings['cipher_suite']}, {surroundings['group']}, "
        f"{surroundings['certificate']}; {surroundings['rounds']} rounds, {surroundings['clock']} clock"
    )


class Progress:
    """One line on a terminal that says what is going on; nothing elsewhere."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()

    def __call__(self, text: str) -> None:
        """Show `text` in place of what was shown before."""
        if self._shown:
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
