"""The files of the project, and what can be read off their syntax trees."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

import unitls

PACKAGE = Path(unitls.__file__).parent
ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"


def modules(*folders: Path) -> list[Path]:
    """Every Python file below the folders that are there."""
    return sorted(path for folder in folders if folder.is_dir() for path in folder.rglob("*.py"))


def package_modules() -> list[Path]:
    """What people have written: the tables that cffi makes of declarations are not."""
    return [path for path in modules(PACKAGE) if path.name != "_bindings.py"]


def label(path: Path) -> str:
    for base in (PACKAGE.parent, ROOT):
        if path.is_relative_to(base):
            return path.relative_to(base).as_posix()
    return path.name


@functools.cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def dotted(path: Path) -> str:
    """The module's name: ``unitls.core._state``; that of a package without ``__init__``."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Each import as an absolute name, with its line: also those within functions, and for type checkers only."""
    package = dotted(path).split(".")
    if path.name != "__init__.py":
        package = package[:-1]
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, item.name) for item in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            start = ".".join([*base, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{start}.{item.name}") for item in node.names)


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree(path)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node
