"""The command line: ``unitls`` and ``python -m unitls``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Final

from .. import __version__
from ..api._errors import ConfigurationError, TLSError
from . import _backends, _bench, _demo, _interop, _probe, _serve
from ._command import FAILED, INTERRUPTED, USAGE, Command, CommandError
from ._output import OutputClosed, standard_output

__all__ = ["main"]

_COMMANDS: Final = (
    _backends.COMMAND, _probe.COMMAND, _serve.COMMAND, _interop.COMMAND, _demo.COMMAND, _bench.COMMAND
)  # fmt: skip

_STATUSES: Final = """\
exit status:
  0    it went well
  1    a connection, a verification or a check failed
  2    the arguments or the configuration are wrong
  130  interrupted
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: the arguments; `None` for those of the process.

    Returns:
        The exit status: 0 if it went well, 1 if a connection or a verification failed, 2 if what was asked for is
        wrong, 130 after an interrupt.
    """
    _open_streams()
    try:
        parser = _parser()
        args = parser.parse_args(argv)
    except SystemExit as end:  # --help, --version, or a usage error that was printed already
        return end.code if isinstance(end.code, int) else USAGE
    except KeyboardInterrupt:
        return _interrupted()
    if args.command is None:
        parser.print_help(sys.stderr)
        return USAGE
    return _run(args.command, args)


def _open_streams() -> None:
    """Let what is printed go nowhere where the process was started without standard output or standard error."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115  # as long as the process


def _run(command: Command, args: argparse.Namespace) -> int:
    try:
        return command.run(args, standard_output())
    except CommandError as error:
        return _complain(command, str(error), error.status)
    except ConfigurationError as error:
        return _complain(command, str(error), USAGE)
    except (TLSError, OSError) as error:
        return _complain(command, str(error) or type(error).__name__, FAILED)
    except OutputClosed:
        # The interpreter flushes standard output once more at its end, which must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except KeyboardInterrupt:
        return _interrupted()


def _interrupted() -> int:
    print(file=sys.stderr)  # the terminal has shown ^C
    return INTERRUPTED


def _complain(command: Command, message: str, status: int) -> int:
    printable = "".join(char if char.isprintable() else repr(char)[1:-1] for char in message)
    print(f"unitls {command.name}: {printable}", file=sys.stderr)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="unitls",
        description="One TLS API for Python, many TLS libraries behind it.",
        epilog=_STATUSES + "\n'unitls COMMAND --help' explains a command and gives examples.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"unitls {__version__}")
    parser.set_defaults(command=None)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for command in _COMMANDS:
        _add_command(commands, command)
    return parser


def _add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser], command: Command) -> None:
    examples = "\n".join(f"  {line}" for line in command.examples.strip().splitlines())
    parser = commands.add_parser(
        command.name,
        help=command.summary,
        description=command.description,
        epilog=f"examples:\n{examples}\n\n{_STATUSES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_arguments(parser)
    parser.set_defaults(command=command)
