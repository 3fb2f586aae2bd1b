"""Runs a program whose ``import ssl`` gets the face of unitls, for programs that cannot be changed."""

from __future__ import annotations

import argparse
import importlib
import os
import runpy
import sys
from typing import Final

from ... import ConfigurationError, set_default_backend
from ...registry import available_backends

_FACE: Final = "unitls.compat.ssl"


def main(arguments: list[str] | None = None) -> None:
    """Run the program that the command line names, in this process.

    Args:
        arguments: the command line; `None` for the process's own.
    """
    options = _parser().parse_args(sys.argv[1:] if arguments is None else arguments)
    # The backends that are made of the real module have to have it before something else stands under its name.
    available_backends()
    if options.backend is not None:
        try:
            set_default_backend(options.backend)
        except ConfigurationError as error:
            raise SystemExit(f"{_FACE}: {error}") from error
    install()
    if options.module is not None:
        sys.argv = [options.module, *options.rest]
        sys.path.insert(0, os.getcwd())
        runpy.run_module(options.module, run_name="__main__", alter_sys=True)
        return
    if not options.rest:
        raise SystemExit(f"{_FACE}: name a script, or a module behind -m")
    sys.argv = options.rest
    sys.path.insert(0, os.path.dirname(os.path.abspath(options.rest[0])))
    runpy.run_path(options.rest[0], run_name="__main__")


def install() -> None:
    """Let ``import ssl`` give the face, in this process, from now on."""
    sys.modules["ssl"] = importlib.import_module(_FACE)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"python -m {_FACE}",
        description="Run a Python program whose 'import ssl' gets the face of unitls.",
        epilog="Processes that the program starts anew get the real module again, unless they are started this way too.",
        allow_abbrev=False,
    )
    parser.add_argument("--backend", help="the backend; otherwise UNITLS_BACKEND and the documented order decide")
    parser.add_argument("-m", dest="module", help="run a module, as 'python -m' does")
    parser.add_argument("rest", nargs=argparse.REMAINDER, metavar="SCRIPT ...", help="the program and its arguments")
    return parser
