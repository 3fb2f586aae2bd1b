"""Measures a backend of unitls against the bare `ssl` module and other backends, in one interleaved run.

The ratios say how fast ours is, measured by the peer: 1 is as fast, more is faster. See README.md.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from unitls import ConfigurationError

from . import _asyncio, _buffers, _imports, _memory, _sockets
from ._parties import make_party
from ._report import NotComparable, Progress, as_json, environment, heading, table
from ._rounds import Benchmark, Options, Row, pinned, run
from ._worker import WorkerError

BENCHMARKS: Final[tuple[Benchmark, ...]] = (
    *_sockets.BENCHMARKS,
    *_buffers.BENCHMARKS,
    *_asyncio.BENCHMARKS,
    *_memory.BENCHMARKS,
    *_imports.BENCHMARKS,
)
_NAMES: Final = tuple(benchmark.name for benchmark in BENCHMARKS)
_FAILED: Final = 1
_USAGE: Final = 2
_INTERRUPTED: Final = 130
_EXAMPLES: Final = """\
examples:
  python -m benchmarks.run                          everything; two to three minutes
  python -m benchmarks.run --quick                  a look; the spread is large
  python -m benchmarks.run --only sockets           every benchmark whose name begins with "sockets"
  python -m benchmarks.run --tls12 --json out.json  TLS 1.2; the figures also as JSON
  python -m benchmarks.run --clock cpu              on a machine that has other work to do
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmarks.

    Args:
        argv: the arguments; those of the process if not given.

    Returns:
        The exit status: 0, 1 when a benchmark failed, 2 for arguments that cannot be used, 130 after Ctrl-C.
    """
    parser = _parser()
    arguments = parser.parse_args(argv)
    options, chosen = _options(arguments), _chosen(arguments.only)
    if len(set(options.parties)) != len(options.parties):
        parser.error("each party can be named once")
    rows: list[Row] = []
    with pinned() as cpu:
        try:
            parties = [make_party(name, options.tls12) for name in options.parties]
            surroundings = environment(options, parties, cpu)
        except (ConfigurationError, NotComparable) as error:
            print(f"benchmarks: {error}", file=sys.stderr)
            return _USAGE
        status = _measure(chosen, options, rows)
    _print(rows, surroundings, arguments.json)
    return status


def _measure(chosen: Sequence[Benchmark], options: Options, rows: list[Row]) -> int:
    """Append what is measured to `rows`, so that an interruption leaves what is finished."""
    progress = Progress()
    try:
        for benchmark in chosen:
            rows += run(benchmark, options, progress)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except (OSError, RuntimeError, WorkerError) as error:
        progress("")
        print(f"benchmarks: {benchmark.name} failed: {error}", file=sys.stderr)
        return _FAILED
    finally:
        progress("")
    return 0


def _print(rows: Sequence[Row], surroundings: dict[str, Any], target: Path | None) -> None:
    print(heading(surroundings))
    if rows:
        print(f"\n{table(rows)}")
    if target is not None:
        target.write_text(json.dumps(as_json(rows, surroundings), indent=2) + "\n")


def _options(arguments: argparse.Namespace) -> Options:
    quick = arguments.quick
    return Options(
        backend=arguments.backend,
        peers=tuple(arguments.peer or ("ssl",)),
        tls12=arguments.tls12,
        rounds=arguments.rounds or (5 if quick else 15),
        seconds=0.02 if quick else 0.25,
        clock=arguments.clock,
        pairs=200 if quick else 2000,
        unlike=arguments.unlike,
    )


def _chosen(only: Sequence[str] | None) -> list[Benchmark]:
    return [item for item in BENCHMARKS if not only or any(item.name.startswith(name) for name in only)]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.run",
        description="Measure a backend of unitls against its peers: speed, memory and import time.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--backend",
        default="openssl",
        metavar="NAME[@GROUP[,SUITE]]",
        help="the backend to measure (default: %(default)s)",
    )
    parser.add_argument(
        "--peer",
        action="append",
        help="what to measure it against: ssl (the bare module), a backend, or another binding (rtls, pyrtls, pyOpenSSL, "
        "python-mbedtls); may be repeated",
    )
    parser.add_argument(
        "--only", action="append", type=_name, metavar="NAME", help=f"one of {', '.join(_NAMES)}; or a beginning"
    )
    parser.add_argument("--rounds", type=_positive, help="how many times each party is measured (default: 15)")
    parser.add_argument("--quick", action="store_true", help="short samples and few rounds")
    parser.add_argument("--tls12", action="store_true", help="TLS 1.2 instead of 1.3")
    parser.add_argument(
        "--clock", choices=("wall", "cpu"), default="wall", help="wall time, or processor time of both ends together"
    )
    parser.add_argument(
        "--unlike", action="store_true", help="measure also those that negotiate another group or cipher suite"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE, too")
    return parser


def _name(text: str) -> str:
    if not any(name.startswith(text) for name in _NAMES):
        raise argparse.ArgumentTypeError(f"there is no benchmark {text!r}")
    return text


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError("it must be a positive number")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
