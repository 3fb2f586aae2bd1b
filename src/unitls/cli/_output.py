"""Where results go: plain text anywhere, colour and drawn tables on a terminal.

Much of what is printed comes from a peer, so every piece of text passes `Output.clean`: nothing that a certificate or a
mail server says can move the cursor or change the colours of the terminal.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TextIO, TypeAlias

_ANSI: Final = {"good": "32", "bad": "1;31", "warn": "33", "strong": "1", "dim": "2"}
_LEAST_WIDTH: Final = 10
"""Characters of a terminal for each column of a table: with fewer, a drawn table is cut, and in the end empty."""
_RICH: Final = {"good": "green", "bad": "bold red", "warn": "yellow", "strong": "bold", "dim": "dim"}


class OutputClosed(Exception):
    """Nobody reads what is printed any more, as with ``unitls backends | head -1``."""


@dataclass(frozen=True, slots=True)
class Styled:
    """Text with a meaning that a terminal can show.

    Attributes:
        text: the text.
        style: ``"good"``, ``"bad"``, ``"warn"``, ``"strong"`` or ``"dim"``.
    """

    text: str
    style: str


Content: TypeAlias = str | Styled


class Output:
    """Prints to standard output, and progress to standard error.

    Safe to share between threads: each call writes its text at once.

    Args:
        stream: where results go.
        notes: where progress goes, if it is a terminal.
    """

    def __init__(self, stream: TextIO, notes: TextIO) -> None:
        self._stream = stream
        self._notes = notes
        self._lock = threading.Lock()
        self.is_terminal: Final = _is_terminal(stream)
        self.has_colour: Final = self.is_terminal and not os.environ.get("NO_COLOR")

    def clean(self, text: str) -> str:
        """`text` with whatever is not printable, or not in the stream's encoding, as escape sequences."""
        if not (text.isascii() and text.isprintable()):
            text = "".join(char if char.isprintable() else _escape(char) for char in text)
            encoding = self._stream.encoding or "ascii"
            text = text.encode(encoding, "backslashreplace").decode(encoding)
        return text

    def can_show(self, text: str) -> bool:
        """Whether `text` needs no escapes."""
        return self.clean(text) == text

    def line(self, *pieces: Content) -> None:
        """Print one line made of `pieces`, with nothing between them."""
        self._write("".join(map(self._paint, pieces)) + "\n")

    def fields(self, pairs: Iterable[tuple[str, Content]], indent: int = 2) -> None:
        """Print labels and what belongs to them, one pair in each line."""
        listed = list(pairs)
        width = max((len(label) for label, _ in listed), default=0)
        for label, content in listed:
            self.line(" " * indent, Styled(label.ljust(width), "dim"), "  ", content)

    def table(self, headers: Sequence[str], rows: Sequence[Sequence[Content]]) -> None:
        """Print a table: drawn where there is a terminal of some width and the package ``rich``, else as aligned text."""
        has_room = self.is_terminal and _terminal_width() >= _LEAST_WIDTH * len(headers)
        drawn = self._drawn_table(headers, rows) if has_room else None
        self._write(self._aligned_table(headers, rows) if drawn is None else drawn)

    def json(self, value: Any) -> None:
        """Print a value as JSON."""
        self._write(json.dumps(value, indent=2) + "\n")

    def progress(self, text: str = "") -> None:
        """Show on the terminal what is going on, over what was shown before; nothing without `text`."""
        if _is_terminal(self._notes):
            self._notes.write(f"\r\x1b[K{self.clean(text)[:100]}")
            self._notes.flush()

    def _write(self, text: str) -> None:
        try:
            with self._lock:
                self._stream.write(text)
                self._stream.flush()
        except BrokenPipeError:
            raise OutputClosed from None

    def _paint(self, content: Content) -> str:
        if isinstance(content, str):
            return self.clean(content)
        text = self.clean(content.text)
        return f"\x1b[{_ANSI[content.style]}m{text}\x1b[0m" if self.has_colour and text else text

    def _aligned_table(self, headers: Sequence[str], rows: Sequence[Sequence[Content]]) -> str:
        lines: list[list[Content]] = [[Styled(header, "dim") for header in headers], *map(list, rows)]
        widths = [max(len(self.clean(_text(cell))) for cell in column) for column in zip(*lines, strict=True)]
        return "".join(self._aligned_row(cells, widths) + "\n" for cells in lines)

    def _aligned_row(self, cells: Sequence[Content], widths: Sequence[int]) -> str:
        padded = [
            self._paint(cell) + " " * (width - len(self.clean(_text(cell))))
            for cell, width in zip(cells, widths, strict=True)
        ]
        return "  ".join(padded).rstrip()

    def _drawn_table(self, headers: Sequence[str], rows: Sequence[Sequence[Content]]) -> str | None:
        try:
            from rich import box
            from rich.console import Console
            from rich.table import Table
            from rich.text import Text
        except ImportError:
            return None
        table = Table(box=box.ROUNDED if self.can_show("╭") else box.ASCII, header_style="bold")
        for header in headers:
            table.add_column(Text(header), overflow="fold")
        for row in rows:
            # `Text`, for what a peer says must not be read as markup.
            table.add_row(*(Text(self.clean(_text(cell)), style=_rich_style(cell)) for cell in row))
        drawn = io.StringIO()
        Console(file=drawn, force_terminal=True, no_color=not self.has_colour, width=_terminal_width()).print(table)
        return drawn.getvalue()


def standard_output() -> Output:
    """The output of a program."""
    return Output(sys.stdout, sys.stderr)


def _is_terminal(stream: TextIO) -> bool:
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def _terminal_width() -> int:
    return shutil.get_terminal_size().columns


def _text(content: Content) -> str:
    return content if isinstance(content, str) else content.text


def _rich_style(content: Content) -> str:
    return "" if isinstance(content, str) else _RICH[content.style]


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
