"""What a command is, and what the commands share: exit statuses, their error, and arguments of the same meaning."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ..registry import available_backends, get_backend, is_named_only

if TYPE_CHECKING:
    from ..api._backend import Backend
    from ._output import Output

OK: Final = 0
FAILED: Final = 1
USAGE: Final = 2
INTERRUPTED: Final = 130

DEFAULT_TIMEOUT: Final = 10.0


class CommandError(Exception):
    """Ends a command with a message for its user.

    Args:
        message: one or two sentences, the last of which says what to do.
        status: the exit status, `FAILED` or `USAGE`.
    """

    def __init__(self, message: str, status: int = FAILED) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Command:
    """One command of the command line.

    Attributes:
        name: what is typed.
        summary: one line for the list of commands.
        description: what it does, for its own help.
        examples: command lines, one in each line, for the end of its help.
        add_arguments: declares its arguments.
        run: does it; returns the exit status.
    """

    name: str
    summary: str
    description: str
    examples: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace, Output], int]


def choose_backends(names: list[str] | None, *, every: bool = False) -> list[Backend]:
    """The backends of these names, or those that can be used here.

    Args:
        names: which ones; `None` for those that are loaded without being named.
        every: with `None`: those, too, that are loaded by their name only.

    Returns:
        The backends, at least one.

    Raises:
        ConfigurationError: one of `names` is unknown, or cannot be used here.
        CommandError: none can be used here.
    """
    if names is not None:
        return [get_backend(name) for name in dict.fromkeys(names)]
    usable = [
        get_backend(status.name)
        for status in available_backends()
        if status.available and (every or not is_named_only(status.name))
    ]
    if not usable:
        raise CommandError("no TLS backend can be used here. 'unitls backends' says why, and what to install.", USAGE)
    return usable


def comma_separated(text: str) -> list[str]:
    """Read the argument of an option that takes a list.

    Raises:
        argparse.ArgumentTypeError: an item is empty.
    """
    items = [item.strip() for item in text.split(",")]
    if not all(items):
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of names with commas between them")
    return items


def protocols(text: str) -> list[bytes]:
    """Read the argument of ``--alpn``.

    Raises:
        argparse.ArgumentTypeError: a name is empty, not ASCII, or longer than 255 bytes (RFC 7301 section 3.1).
    """
    items = comma_separated(text)
    if any(not item.isascii() or len(item) > 255 for item in items):
        raise argparse.ArgumentTypeError(f"{text!r} holds a protocol name that is not 1 to 255 ASCII characters")
    return [item.encode("ascii") for item in items]


def seconds(text: str) -> float:
    """Read the argument of ``--timeout``.

    Raises:
        argparse.ArgumentTypeError: it is not a positive number.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number of seconds")
    return value


def port_number(text: str) -> int:
    """Read a port; 0 stands for any that is free.

    Raises:
        argparse.ArgumentTypeError: it is not a number from 0 to 65535.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port number from 0 to 65535")
    return int(text)
