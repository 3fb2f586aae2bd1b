"""``unitls bench``: run the benchmarks of a source tree, and draw what came of them."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from ._chart import Bar, draw, read_bars
from ._command import INTERRUPTED, OK, USAGE, Command, CommandError
from ._output import Output, Styled

_MODULE: Final = Path("benchmarks", "run.py")
_GRACE: Final = 30.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``bench``."""
    parser.add_argument("--backend", metavar="NAME", help="the backend to measure; openssl otherwise")
    parser.add_argument(
        "--peer", metavar="NAME", action="append", help="what to measure it against: ssl or a backend; may be repeated"
    )
    parser.add_argument(
        "--only", metavar="NAME", action="append", help="the benchmarks whose names begin so; may be repeated"
    )
    parser.add_argument("--rounds", metavar="N", help="how many times each is measured")
    parser.add_argument("--quick", action="store_true", help="short samples and few rounds")
    parser.add_argument("--tls12", action="store_true", help="TLS 1.2 instead of 1.3")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the figures to FILE, too")
    parser.add_argument("--tree", metavar="DIR", type=Path, help="the source tree that holds benchmarks/")
    parser.add_argument("--from", metavar="FILE", type=Path, dest="figures", help="only draw the figures of this file")


def run(args: argparse.Namespace, output: Output) -> int:
    """Measure and draw.

    Returns:
        The status of the benchmarks: `OK`, `FAILED`, `USAGE`, or `INTERRUPTED`, where what was finished is drawn.

    Raises:
        CommandError: there are no benchmarks here, or the file cannot be read.
    """
    if args.figures is not None:
        return _show(_read(args.figures), output)
    tree = _find_tree(args.tree)
    if args.json is not None and not args.json.parent.is_dir():  # better said before all is measured
        raise CommandError(f"{args.json} cannot be written: its folder does not exist. Choose another --json.", USAGE)
    with tempfile.TemporaryDirectory(prefix="unitls-bench-") as folder:
        figures = Path(folder, "figures.json")
        status = _measure(tree, [*_options(args), "--json", str(figures)])
        if figures.exists():
            _show(_read(figures), output)
            if args.json is not None:
                _keep(figures, args.json)
    return status


def _find_tree(given: Path | None) -> Path:
    """The source tree: the one that is named, or the one this package is run from."""
    tree = Path(__file__).resolve().parents[3] if given is None else given.resolve()
    if (tree / _MODULE).is_file():
        return tree
    if given is not None:
        raise CommandError(f"{given} holds no {_MODULE.as_posix()}. Give the root of a source tree of unitls.", USAGE)
    raise CommandError(
        "the benchmarks are not part of the installed package. "
        "They are in the source distribution: unpack it, and give its folder with --tree.",
        USAGE,
    )


def _options(args: argparse.Namespace) -> list[str]:
    options = []
    for name in ("backend", "rounds"):
        if (value := getattr(args, name)) is not None:
            options += [f"--{name}", value]
    for name in ("peer", "only"):
        for value in getattr(args, name) or ():
            options += [f"--{name}", value]
    return options + [f"--{name}" for name in ("quick", "tls12") if getattr(args, name)]


def _measure(tree: Path, options: list[str]) -> int:
    """Run the harness as a program of its own, so that nothing that is loaded here has a part in the figures."""
    here = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(filter(None, (here, os.environ.get("PYTHONPATH"))))
    command = [sys.executable, "-m", "benchmarks.run", *options]
    # Its own table is left out: the figures are drawn. Errors and progress go where ours go.
    with subprocess.Popen(
        command, cwd=tree, stdout=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": path}
    ) as child:
        try:
            return child.wait()
        except KeyboardInterrupt:
            # The terminal has interrupted the harness too; it writes what is finished.
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(_GRACE)
            return INTERRUPTED
        finally:
            if child.poll() is None:
                child.kill()


def _read(path: Path) -> dict[str, Any]:
    try:
        figures = json.loads(path.read_bytes())
    except OSError as error:
        raise CommandError(f"{path} cannot be read ({error.strerror}). Check the path.", USAGE) from error
    except (ValueError, RecursionError) as error:
        raise CommandError(f"{path} is not JSON. Give a file that --json has written.", USAGE) from error
    if not isinstance(figures, dict):
        raise CommandError(f"{path} does not hold figures. Give a file that --json has written.", USAGE)
    return figures


def _keep(figures: Path, target: Path) -> None:
    try:
        target.write_bytes(figures.read_bytes())
    except OSError as error:
        raise CommandError(f"{target} cannot be written ({error.strerror}). Choose another --json.", USAGE) from error


def _show(figures: dict[str, Any], output: Output) -> int:
    try:
        bars: list[Bar] = read_bars(figures)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise CommandError("the figures are not as 'unitls bench --json' writes them.", USAGE) from error
    surroundings = figures.get("environment")
    if isinstance(surroundings, dict):
        output.fields((str(name).replace("_", " "), _plain(value)) for name, value in surroundings.items())
        output.line()
    if not bars:
        output.line("nothing was measured")
        return OK
    output.line(Styled("speed, measured by the peer: 1 is as fast, more is faster; median and quartiles", "dim"))
    draw(bars, output)
    return OK


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_plain(item)}" for name, item in value.items())
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


COMMAND = Command(
    name="bench",
    summary="measure a backend against its peers, and draw a chart",
    description=(
        "Run the benchmarks of a source tree and draw their ratios: how fast unitls is, measured by a peer in the same\n"
        "run, such as the bare ssl module. The benchmarks are not part of the installed package."
    ),
    examples=(
        "unitls bench --quick\n"
        "unitls bench --only sockets --json figures.json\n"
        "unitls bench --from figures.json\n"
        "unitls bench --tree ~/src/unitls --backend openssl --tls12"
    ),
    add_arguments=add_arguments,
    run=run,
)
