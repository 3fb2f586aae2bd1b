"""``unitls backends``: what can be used here, what each can do, and why the others cannot be used."""

from __future__ import annotations

import argparse
from typing import Any

from ..api._backend import Backend, BackendStatus
from ..api._features import Capabilities, Feature
from ..registry import available_backends, get_backend, is_named_only
from ._command import OK, USAGE, Command
from ._output import Content, Output, Styled

_BY_NAME = "loaded only when it is named (GPL)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``backends``."""
    parser.add_argument(
        "--capabilities", action="store_true", help="say also why a feature is missing, and what else deviates"
    )
    parser.add_argument("--json", action="store_true", help="print everything as JSON")


def run(args: argparse.Namespace, output: Output) -> int:
    """List the backends.

    Returns:
        `OK`, or `USAGE` if none can be used here.
    """
    statuses = available_backends()
    usable = [get_backend(status.name) for status in statuses if _is_shown(status)]
    if args.json:
        output.json([_as_json(status) for status in statuses])
    else:
        _show_statuses(statuses, output)
        if usable:
            _show_capabilities(usable, output)
        if args.capabilities:
            for backend in usable:
                _show_reasons(backend, output)
    return OK if usable else USAGE


def _is_shown(status: BackendStatus) -> bool:
    """Whether a backend can be asked what it can do. One that is loaded by its name only is not, for the sake of a list."""
    return status.available and not is_named_only(status.name)


def _show_statuses(statuses: list[BackendStatus], output: Output) -> None:
    rows: list[list[Content]] = []
    for status in statuses:
        state = Styled("available", "good") if status.available else Styled("not available", "bad")
        rows.append(
            [Styled(status.name, "strong"), state, status.library_version or status.reason or _BY_NAME, status.source]
        )
    output.table(["backend", "here", "library, or what is missing", "from"], rows)


def _show_capabilities(backends: list[Backend], output: Output) -> None:
    found = [backend.capabilities for backend in backends]
    rows: list[list[Content]] = [["versions of TLS", *(_versions(each) for each in found)]]
    rows += [[feature.value, *(_mark(each, feature) for each in found)] for feature in Feature]
    output.line()
    output.table(["feature", *(backend.name for backend in backends)], rows)


def _versions(capabilities: Capabilities) -> str:
    return ", ".join(version.name.removeprefix("TLSv").replace("_", ".") for version in capabilities.versions)


def _mark(capabilities: Capabilities, feature: Feature) -> Content:
    return Styled("yes", "good") if capabilities.supports(feature) else Styled("no", "dim")


def _show_reasons(backend: Backend, output: Output) -> None:
    capabilities = backend.capabilities
    missing = [feature for feature in Feature if not capabilities.supports(feature)]
    output.line()
    output.line(Styled(f"{backend.name}: what is missing, and why", "strong"))
    for feature in missing:
        output.line("  ", feature.value, ": ", Styled(capabilities.reason(feature), "dim"))
    for note in capabilities.notes:
        output.line("  note: ", note)


def _as_json(status: BackendStatus) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": status.name,
        "available": status.available,
        "library_version": status.library_version or None,
        "reason": status.reason or None,
        "source": status.source,
    }
    if _is_shown(status):
        entry["capabilities"] = _capabilities_as_json(get_backend(status.name).capabilities)
    return entry


def _capabilities_as_json(capabilities: Capabilities) -> dict[str, Any]:
    return {
        "versions": [version.name for version in capabilities.versions],
        "features": {
            feature.name: {"supported": capabilities.supports(feature), "reason": capabilities.reason(feature) or None}
            for feature in Feature
        },
        "cipher_suites": list(capabilities.cipher_suites),
        "notes": list(capabilities.notes),
    }


COMMAND = Command(
    name="backends",
    summary="which TLS libraries can be used here, and what each can do",
    description=(
        "List every known backend: whether it can be used here, the version of its library, what it can do,\n"
        "and for each that cannot be used why not, and what to install."
    ),
    examples="unitls backends\nunitls backends --capabilities\nunitls backends --json",
    add_arguments=add_arguments,
    run=run,
)
