"""Writes the tables of backends into README.md and docs/capabilities.md, from what the backends say of themselves.

Run it after a change of a backend's capabilities; with ``--check`` it changes nothing and fails where a table is not what
the backends say (the tests do that). The rows of a backend that cannot be used on this machine are left as they are.
Third parties' backends and the versions of libraries do not appear, so that the tables are the same everywhere.
"""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import unitls
from unitls.backends.schannel._capabilities import described as described_schannel

ROOT: Final = Path(__file__).resolve().parent.parent
README: Final = ROOT / "README.md"
CAPABILITIES: Final = ROOT / "docs" / "capabilities.md"
_NO_NOTES: Final = "No deviations."


class TableError(Exception):
    """A table cannot be made: markers or facts are missing."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a backend cannot say of itself.

    Attributes:
        library: the TLS library.
        needs: what has to be installed besides unitls.
        licence: the library's licence, as an SPDX expression.
    """

    library: str
    needs: str
    licence: str


FACTS: Final[Mapping[str, Facts]] = {
    "openssl": Facts("OpenSSL, through the `ssl` module", "nothing", "Apache-2.0"),
    "rustls": Facts(
        "rustls with aws-lc, through a crate of ours", "`unitls-rustls`", "Apache-2.0 OR ISC OR MIT (rustls)"
    ),
    "gnutls": Facts("GnuTLS 3.7 or newer", "`cffi`, and GnuTLS from the system", "LGPL-2.1-or-later"),
    "nss": Facts("NSS 3.87 or newer", "`cffi`, and NSS from the system", "MPL-2.0"),
    "wolfssl": Facts(
        "wolfSSL 5.5 and newer, loaded only by its name",
        "`unitls[wolfssl]` and the system's wolfSSL",
        "**GPL-2.0-or-later** (5.9: GPL-3.0-or-later), or bought",
    ),
    "mbedtls": Facts(
        "Mbed TLS 2.28 or 3.6, through cffi",
        "`unitls[mbedtls]`, and the library (Debian: `libmbedtls14` or `libmbedtls21`) or `python-mbedtls`, which brings it",
        "Apache-2.0 OR GPL-2.0-or-later",
    ),
    "pyopenssl": Facts(
        "OpenSSL as it comes with `cryptography`, through pyOpenSSL", "`unitls[pyopenssl]`", "Apache-2.0"
    ),
    "schannel": Facts("SChannel, through `ctypes`", "Windows", "part of Windows"),
    "securetransport": Facts("SecureTransport, through `ctypes`", "macOS 10.14 or newer", "part of macOS"),
}

ELSEWHERE: Final[Mapping[str, Callable[[], unitls.Capabilities]]] = {"schannel": described_schannel}
"""Backends of other systems, whose capabilities are known without being there: those of the newest version."""


def backend_rows(old: str) -> str:
    """The table of backends for the README.

    Args:
        old: the table as it stands, for the rows of backends that are not usable here.
    """
    kept = _old_rows(old)
    lines = ["| backend | library | needs | versions | roles | licence of the library |", "|---|---|---|---|---|---|"]
    for status in _ours():
        lines.append(_backend_row(status.name) if _is_known(status) else kept[status.name])
    return "\n".join(lines)


def _ours() -> list[unitls.BackendStatus]:
    statuses = [status for status in unitls.available_backends() if status.source == "unitls"]
    missing = [status.name for status in statuses if status.name not in FACTS]
    if missing:
        raise TableError(f"tools/update_tables.py has no facts about {', '.join(missing)}")
    return statuses


def _is_known(status: unitls.BackendStatus) -> bool:
    return status.available or status.name in ELSEWHERE


def _capabilities_of(name: str) -> unitls.Capabilities:
    return ELSEWHERE[name]() if name in ELSEWHERE else unitls.get_backend(name).capabilities


def _old_rows(table: str) -> dict[str, str]:
    """The rows of a table by the name in their first cell."""
    rows = (line for line in table.splitlines() if line.startswith("| `"))
    return {line.split("`")[1]: line for line in rows}


def _backend_row(name: str) -> str:
    facts, capabilities = FACTS[name], _capabilities_of(name)
    versions = ", ".join(str(version).replace("TLSv", "").replace("_", ".") for version in capabilities.versions)
    roles = {unitls.Feature.CLIENT: "client", unitls.Feature.SERVER: "server"}
    has = ", ".join(text for feature, text in roles.items() if capabilities.supports(feature))
    return f"| `{name}` | {facts.library} | {facts.needs} | TLS {versions} | {has} | {facts.licence} |"


def capability_tables(old: str) -> str:
    """One section for each backend: every feature, whether it has it, and why not.

    Args:
        old: the sections as they stand, for the backends that are not usable here.
    """
    kept = _old_sections(old)
    parts = [
        _capability_section(status.name) if _is_known(status) else kept[status.name].rstrip() for status in _ours()
    ]
    return "\n\n".join(parts)


def _old_sections(text: str) -> dict[str, str]:
    sections = text.split("## `")[1:]
    return {section.split("`")[0]: f"## `{section}" for section in sections}


def _capability_section(name: str) -> str:
    capabilities = _capabilities_of(name)
    lines = [f"## `{name}`", "", "| feature | what it is | here |", "|---|---|---|"]
    for feature in unitls.Feature:
        answer = "yes" if capabilities.supports(feature) else f"no: {capabilities.reason(feature)}"
        lines.append(f"| `{feature.name}` | {feature.value} | {answer} |")
    lines += ["", "Deviations that are no feature:", ""] if capabilities.notes else ["", _NO_NOTES]
    lines += [f"- {note}" for note in capabilities.notes]
    return "\n".join(lines)


def updated(path: Path) -> str:
    """The text of `path` with its table made new.

    Raises:
        TableError: the markers are missing, or a backend is not usable here and has no rows yet.
    """
    make, name = (backend_rows, "backends") if path == README else (capability_tables, "capabilities")
    begin, end = f"<!-- {name}:begin -->\n\n", f"\n\n<!-- {name}:end -->"
    text = path.read_text(encoding="utf-8")
    before, found, rest = text.partition(begin)
    old, found_end, after = rest.partition(end)
    if not (found and found_end):
        raise TableError(f"{path.name} has no markers {begin.strip()} and {end.strip()}")
    try:
        return f"{before}{begin}{make(old)}{end}{after}"
    except KeyError as error:
        raise TableError(
            f"{path.name} has no rows for {error}, and it is not usable here: make them where it is"
        ) from error


def differences(path: Path) -> str:
    """What would change in `path`, as a unified diff; empty if nothing."""
    old, new = path.read_text(encoding="utf-8").splitlines(), updated(path).splitlines()
    return "\n".join(difflib.unified_diff(old, new, path.name, f"{path.name} (as it should be)", lineterm="", n=1))


def main(argv: list[str] | None = None) -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(
        description="Write the tables of backends into README.md and docs/capabilities.md."
    )
    parser.add_argument("--check", action="store_true", help="change nothing; fail if a table is not up to date")
    arguments = parser.parse_args(argv)
    status = 0
    try:
        for path in (README, CAPABILITIES):
            changes = differences(path)
            if arguments.check and changes:
                print(f"{changes}\n{path.name}: run tools/update_tables.py", file=sys.stderr)
                status = 1
            elif changes:
                path.write_text(updated(path), encoding="utf-8")
                print(f"{path.name}: written")
    except TableError as error:
        print(error, file=sys.stderr)
        return 2
    return status


if __name__ == "__main__":
    raise SystemExit(main())
