"""Imports go one way: api <- core <- platforms <- backends, adapters, testing <- cli."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest
from _source import PACKAGE, TESTS, dotted, functions, imports, label, modules, package_modules, tree

import unitls

# What each part may import of the package, besides itself. The registry loads backends by name, when it is asked to.
BELOW = {
    "api": (),
    "core": ("api",),
    "platforms": ("api", "core"),
    "backends": ("api", "core", "platforms"),
    "insecure": ("api", "core"),
    "registry": ("api",),
    "": ("api", "core", "registry"),
    "testing": ("api", "core", "registry", "insecure", ""),
    "asyncio": ("api", "core", "registry", "insecure", ""),
    "anyio": ("api", "core", "registry", "insecure", "asyncio", ""),
    "stdlib": ("api", "core", "registry", "insecure", ""),
    "compat": ("api", "core", "registry", "insecure", ""),
    "cli": ("api", "core", "registry", "insecure", "testing", "asyncio", "anyio", "stdlib", "compat", ""),
    "__main__": ("cli",),
}
LIBRARIES = {"ssl", "_ssl", "cffi", "_cffi_backend", "ctypes"}


def part(module: str) -> str | None:
    """Which part of the package a module belongs to; `None` for what is not ours, "" for the package itself."""
    first, _, rest = module.partition(".")
    if first != "unitls":
        return None
    name = rest.partition(".")[0]
    return name if name in BELOW else ""


@pytest.mark.parametrize("path", package_modules(), ids=label)
def test_imports_go_one_way(path: Path) -> None:
    own = part(dotted(path))
    assert own is not None
    for line, name in imports(path):
        target = part(name)
        allowed = target is None or target == own or target in BELOW[own]
        assert allowed, (
            f"{label(path)}:{line} imports {name}: {own or 'the package'} is below {target or 'the package'}"
        )


def test_every_folder_has_its_place() -> None:
    folders = {item.name for item in PACKAGE.iterdir() if item.is_dir() and (item / "__init__.py").exists()}
    assert folders <= set(BELOW)
    files = {item.stem for item in PACKAGE.glob("*.py")} - {"__init__"}
    assert files <= set(BELOW)


@pytest.mark.parametrize("path", modules(PACKAGE / "backends"), ids=label)
def test_backends_do_not_know_each_other(path: Path) -> None:
    own = dotted(path).split(".")[:3]
    for line, name in imports(path):
        target = name.split(".")[:3]
        # What two backends on one library share is a private module beside their folders.
        is_shared = target[-1].startswith("_") and (PACKAGE / "backends" / f"{target[-1]}.py").is_file()
        if target[:2] == ["unitls", "backends"] and len(own) == 3 and not is_shared:
            assert target == own, f"{label(path)}:{line} imports {name}"


@pytest.mark.parametrize("path", modules(PACKAGE / "api", PACKAGE / "core"), ids=label)
def test_api_and_core_know_no_library(path: Path) -> None:
    for line, name in imports(path):
        assert name.partition(".")[0] not in LIBRARIES, f"{label(path)}:{line} imports {name}"


def type_checking_blocks(path: Path) -> list[ast.If]:
    return [
        node for node in ast.walk(tree(path)) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
    ]


@pytest.mark.parametrize("path", modules(PACKAGE / "api", PACKAGE / "core"), ids=label)
def test_api_and_core_need_no_other_package(path: Path) -> None:
    """One that is optional is imported in the function that needs it, and for the type checker."""
    own = {*sys.stdlib_module_names, "unitls", "__future__"}
    blocks: list[ast.stmt] = [*functions(path), *type_checking_blocks(path)]
    within = {line for block in blocks for line in range(block.lineno, (block.end_lineno or 0) + 1)}
    for line, name in imports(path):
        assert name.partition(".")[0] in own or line in within, f"{label(path)}:{line} imports {name}"


def names_of_backends() -> set[str]:
    return {item.name for item in unitls.available_backends() if item.source == "unitls"}


def chosen_by_name(node: ast.AST) -> bool:
    """Whether a program does something because of a backend's name: a call that takes it, or a comparison with it."""
    if isinstance(node, ast.Call):
        function = node.func
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        return name == "get_backend" and any(constants(item) for item in node.args)
    if isinstance(node, ast.Compare):
        sides = [node.left, *node.comparators]
        about = any(re.search(r"backend\b.*\bname$", ast.unparse(side)) for side in sides)
        return about and any(constants(side) for side in sides)
    return False


def constants(node: ast.AST) -> bool:
    return any(isinstance(item, ast.Constant) and item.value in names_of_backends() for item in ast.walk(node))


@pytest.mark.parametrize(
    "path", modules(TESTS / "conformance", TESTS / "interop", TESTS / "adapters", PACKAGE / "testing"), ids=label
)
def test_tests_ask_for_a_feature_never_for_a_backend_by_name(path: Path) -> None:
    lines = [getattr(node, "lineno", 0) for node in ast.walk(tree(path)) if chosen_by_name(node)]
    assert not lines, f"{label(path)}: lines {lines} depend on the name of a backend"


def test_a_choice_by_name_is_found() -> None:
    name = sorted(names_of_backends())[0]
    for text in (f"unitls.get_backend({name!r})", f"backend.name == {name!r}", f"backend.name in ({name!r}, 'x')"):
        assert any(chosen_by_name(node) for node in ast.walk(ast.parse(text)))
    for text in (
        f"shutil.which({name!r})",
        f"peer.name == {name!r}",
        "backend.name == other.name",
        f"program == {name!r}",
    ):
        assert not any(chosen_by_name(node) for node in ast.walk(ast.parse(text)))
