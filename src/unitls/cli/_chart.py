"""Bars in text: how fast something is, measured by something else."""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ._output import Output, Styled

_MIN_BAR, _MAX_BAR = 10, 50
_WHOLE: Final = "█"
_PARTS: Final = " ▏▎▍▌▋▊▉"


@dataclass(frozen=True, slots=True)
class Bar:
    """One row of the chart.

    Attributes:
        label: what was measured, and against what.
        median: the ratio.
        q1: its lower quartile.
        q3: its upper quartile.
        detail: the figures themselves.
    """

    label: str
    median: float
    q1: float
    q3: float
    detail: str


def read_bars(figures: Mapping[str, Any]) -> list[Bar]:
    """Read the rows of the harness's JSON.

    Raises:
        KeyError: something is missing.
        TypeError: something is of another type.
        ValueError: a ratio is not a finite number of 0 or more.
        OverflowError: a number is too great.
    """
    return [_bar(row) for row in figures["rows"]]


def _bar(row: Mapping[str, Any]) -> Bar:
    ratio = row["ratio"]
    median, q1, q3 = (float(ratio[name]) for name in ("median", "q1", "q3"))
    if not all(0 <= value < math.inf for value in (median, q1, q3)):
        raise ValueError("a ratio is not a finite number")
    detail = f"{_figure(float(row['ours']))} and {_figure(float(row['peer']))} {row['unit']}"
    return Bar(f"{row['name']} / {row['peer_name']}", median, q1, q3, detail)


def draw(bars: list[Bar], output: Output) -> None:
    """Print the chart, as wide as the terminal allows; where 1 lies, each bar is marked."""
    labels = max(len(bar.label) for bar in bars)
    figures = max(len(_figures(bar)) for bar in bars)
    room = shutil.get_terminal_size((120, 24)).columns - labels - figures - 4
    width = min(max(room, _MIN_BAR), _MAX_BAR)
    scale = max([1.2, *(bar.median for bar in bars)])
    solid = output.can_show(_WHOLE + _PARTS)
    for bar in bars:
        drawn = _mark(
            _solid(bar.median / scale * width) if solid else _coarse(bar.median / scale * width), width, scale
        )
        style = "good" if bar.q3 >= 1 else "warn"
        output.line(bar.label.ljust(labels), "  ", Styled(drawn, style), "  ", _figures(bar).ljust(figures))
    output.line()
    for bar in bars:
        output.line(Styled(f"{bar.label.ljust(labels)}  {bar.detail}", "dim"))


def _figures(bar: Bar) -> str:
    return f"{bar.median:.3f} ({bar.q1:.3f} to {bar.q3:.3f})"


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.4g}"


def _solid(length: float) -> str:
    whole, part = divmod(round(length * 8), 8)
    return _WHOLE * whole + (_PARTS[part] if part else "")


def _coarse(length: float) -> str:
    return "#" * round(length)


def _mark(drawn: str, width: int, scale: float) -> str:
    """The bar in its full width, with a stroke where 1 lies if it does not reach that far."""
    position = min(round(width / scale), width - 1)
    padded = drawn.ljust(width)
    return padded[:position] + "|" + padded[position + 1 :] if padded[position] == " " else padded
