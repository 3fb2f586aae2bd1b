"""The shape of the source: what each file, name and function has to look like."""

from __future__ import annotations

import ast
import dataclasses
import importlib.util
import inspect
import re
import socket
import types
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from _source import PACKAGE, ROOT, functions, label, modules, package_modules, tree

LONGEST_FUNCTION = 60
LONGEST_MODULE = 500
FACES = (
    "unitls", "unitls.asyncio", "unitls.compat.pep543", "unitls.compat.pep748", "unitls.insecure", "unitls.testing",
)  # fmt: skip
"""Modules that bind their public names and no others. Those of `unitls.compat.ssl` are another module's, and have tests
of their own."""
DOCUMENTED = (
    *FACES,
    *(["unitls.anyio"] if importlib.util.find_spec("anyio") else []),
    "unitls.compat.pep748.insecure",
    *(f"unitls.stdlib.{path.stem}" for path in sorted((PACKAGE / "stdlib").glob("[a-z]*.py"))),
)
"""Modules whose public names say what they are for."""
PROJECT = [ROOT / name for name in ("tests", "tools", "benchmarks", "examples")]

# Written apart, so that this file does not hold what it looks for.
UNFINISHED = re.compile("|".join(("TO" + "DO", "FIX" + "ME", "X" + "XX")))
SOMEBODYS_PATH = re.compile("/" + "(?:work|root|home|Users)/[a-z]")


# ---------------------------------------------------------------------------------------------- files


def backend_folders() -> list[Path]:
    return sorted(path for path in (PACKAGE / "backends").iterdir() if (path / "__init__.py").exists())


@pytest.mark.parametrize("folder", backend_folders(), ids=lambda path: path.name)
def test_every_backend_has_the_same_files(folder: Path) -> None:
    expected = {"__init__.py", "ciphers.py", "config.py", "engine.py", "errors.py", "native.py", "verify.py"}
    found = {path.name for path in folder.glob("*.py")}
    assert expected <= found
    assert all(name.startswith("_") for name in found - expected), "further files of a backend are private"


def test_the_types_are_shipped() -> None:
    assert (PACKAGE / "py.typed").exists()


@pytest.mark.parametrize("path", [*package_modules(), *modules(*PROJECT)], ids=label)
def test_nothing_is_unfinished_and_no_path_is_somebody_s(path: Path) -> None:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        assert not UNFINISHED.search(line), f"{label(path)}:{number}: {line.strip()}"
        assert not SOMEBODYS_PATH.search(line), f"{label(path)}:{number}: {line.strip()}"


@pytest.mark.parametrize("path", package_modules(), ids=label)
def test_modules_and_functions_are_small(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_MODULE
    for function in functions(path):
        length = (function.end_lineno or 0) - function.lineno + 1
        assert length <= LONGEST_FUNCTION, f"{function.name} has {length} lines"


@pytest.mark.parametrize("path", package_modules(), ids=label)
def test_every_module_says_what_it_is_for(path: Path) -> None:
    if path.stat().st_size:
        assert ast.get_docstring(tree(path)), f"{label(path)} has no docstring"


def is_stub(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a function does nothing and says nothing, or only that it is not there yet."""
    body = [node for node in function.body if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))]
    raises = [node for node in body if isinstance(node, ast.Raise) and "NotImplementedError" in ast.dump(node)]
    return (
        bool(raises)
        or (not body and not ast.get_docstring(function))
        or all(isinstance(node, ast.Pass) for node in body)
    )


def may_be_empty(path: Path) -> set[int]:
    """The lines of functions that have no body by their nature: abstract, overloaded, of protocols, for type checkers."""
    lines = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ClassDef) and any("Protocol" in ast.unparse(base) for base in node.bases):
            lines |= {item.lineno for item in ast.walk(node) if isinstance(item, ast.FunctionDef)}
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            lines |= {item.lineno for item in ast.walk(node) if isinstance(item, ast.FunctionDef)}
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            marks = [ast.unparse(item) for item in node.decorator_list]
            if any("abstract" in mark or "overload" in mark for mark in marks) or ast.get_docstring(node):
                lines.add(node.lineno)
    return lines


@pytest.mark.parametrize("path", package_modules(), ids=label)
def test_there_are_no_stubs(path: Path) -> None:
    empty = may_be_empty(path)
    stubs = [function.name for function in functions(path) if is_stub(function) and function.lineno not in empty]
    assert not stubs, f"{label(path)}: {stubs}"


@pytest.mark.parametrize("path", modules(ROOT / "tests"), ids=label)
def test_no_test_sleeps(path: Path) -> None:
    calls = [node for node in ast.walk(tree(path)) if isinstance(node, ast.Call)]
    sleeps = [node.lineno for node in calls if ast.unparse(node.func) in ("time.sleep", "sleep")]
    assert not sleeps, f"{label(path)}: lines {sleeps}"


# ---------------------------------------------------------------------------------------------- public names


@pytest.mark.parametrize("name", FACES)
def test_all_is_the_public_names_and_nothing_else(name: str) -> None:
    module = import_module(name)
    assert list(module.__all__) == sorted(set(module.__all__))
    for item in module.__all__:
        assert getattr(module, item) is not None
    bound = {
        item
        for item, value in vars(module).items()
        if not item.startswith("_") and not isinstance(value, types.ModuleType) and item not in ("annotations",)
    }
    assert bound - {"TYPE_CHECKING", "Any"} <= set(module.__all__)
    assert bound | set(getattr(module, "_LAZY", ())) >= set(module.__all__)


def is_ours(value: Any) -> bool:
    return (getattr(value, "__module__", None) or "unitls").startswith("unitls")  # a property does not say


def public_values() -> list[tuple[str, Any]]:
    found = {}
    for name in DOCUMENTED:
        module = import_module(name)
        for item in module.__all__:
            found[f"{name}.{item}"] = getattr(module, item)
    return sorted((item, value) for item, value in found.items() if is_ours(value))


PUBLIC = [(name, value) for name, value in public_values() if inspect.isclass(value) or inspect.isfunction(value)]
IDS = [name for name, _ in PUBLIC]


def methods_of(kind: type[Any]) -> list[str]:
    """The public methods and properties that a class of ours brings along; those of enumerations and the like are not."""
    ours = [base for base in kind.__mro__ if base.__module__.startswith("unitls")]
    names = {name for base in ours for name in vars(base) if not name.startswith("_")}
    return sorted(name for name in names if is_documented_kind(inspect.getattr_static(kind, name)))


def is_documented_kind(value: Any) -> bool:
    return isinstance(value, (property, classmethod, staticmethod, types.FunctionType)) and is_ours(value)


def documentation(kind: type[Any], name: str) -> str:
    own = inspect.getdoc(getattr(kind, name)) or ""
    if not own and issubclass(kind, import_module("unitls").TLSWrappedSocket):
        return inspect.getdoc(getattr(socket.socket, name, None)) or ""  # with the meaning they have there
    return own


def parameters_of(function: Any) -> list[str]:
    return [
        item.name
        for item in inspect.signature(function).parameters.values()
        if item.name not in ("self", "cls", "args") and item.kind is not inspect.Parameter.VAR_KEYWORD
    ]


def missing(text: str, names: list[str]) -> list[str]:
    """The parameters that a docstring does not speak of: neither under ``Args`` nor, in a short one, in its sentence."""
    return [name for name in names if not re.search(rf"(^\s*\*{{0,2}}{name}:|`{name}`)", text, re.MULTILINE)]


@pytest.mark.parametrize(("name", "value"), PUBLIC, ids=IDS)
def test_public_names_have_a_docstring(name: str, value: Any) -> None:
    assert inspect.getdoc(value), f"{name} has no docstring"
    if inspect.isfunction(value):
        assert not missing(inspect.getdoc(value) or "", parameters_of(value))
    if dataclasses.is_dataclass(value) and isinstance(value, type):
        text = "\n".join(inspect.getdoc(base) or "" for base in value.__mro__ if dataclasses.is_dataclass(base))
        assert not missing(text, [item.name for item in dataclasses.fields(value) if item.init and not item.metadata])


@pytest.mark.parametrize(("name", "value"), PUBLIC, ids=IDS)
def test_public_methods_have_a_docstring_that_speaks_of_each_parameter(name: str, value: Any) -> None:
    if not inspect.isclass(value):
        return
    for method in methods_of(value):
        text = documentation(value, method)
        assert text, f"{name}.{method} has no docstring"
        static = inspect.getattr_static(value, method)
        of_sockets = hasattr(socket.socket, method) and value.__name__ == "TLSWrappedSocket"
        if not isinstance(static, property) and not of_sockets:
            function = getattr(static, "__func__", static)
            lost = missing(text, parameters_of(function))
            assert not lost, f"the docstring of {name}.{method} does not speak of {lost}"
