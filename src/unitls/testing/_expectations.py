"""What a library cannot do, as data: each line is a check that is expected to fail, how it fails, and the reason.

A line that is no longer true fails the run; so does a check that fails in another way than its line says.
"""

from __future__ import annotations

import fnmatch
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from ..api._errors import ConfigurationError
from ..registry import get_backend

_NEEDED = {"backend", "case", "failure", "reason", "link"}
_KEYS = _NEEDED | {"role", "variant", "peer", "library"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """One line: with `backend`, `case` does not succeed.

    Attributes:
        backend: the name of the backend.
        case: the name of the case; may be a pattern (as of `fnmatch`).
        failure: what the failure says; a pattern. Any other failure of the case is one.
        reason: why it cannot be otherwise.
        link: where to read about it.
        role: in which role the backend is at fault: ``"client"``, ``"server"``, or ``"any"``.
        variant: for which versions and drives; a pattern.
        peer: with which backend at the other end; a pattern.
        library: with which version of the backend's library, as `Backend.library_version` tells it; a pattern.
    """

    backend: str
    case: str
    failure: str
    reason: str
    link: str
    role: str = "any"
    variant: str = "*"
    peer: str = "*"
    library: str = "*"

    def concerns(self, client: str, server: str) -> bool:
        """Whether this is about a pair of backends, in their roles.

        Args:
            client: the name of the backend whose client is checked.
            server: the name of the backend whose server is checked.
        """
        ends = {"client": [(client, server)], "server": [(server, client)]}.get(
            self.role, [(client, server), (server, client)]
        )
        is_meant = any(own == self.backend and fnmatch.fnmatchcase(other, self.peer) for own, other in ends)
        if not is_meant or self.library == "*":
            return is_meant
        return fnmatch.fnmatchcase(get_backend(self.backend).library_version, self.library)

    def applies(self, client: str, server: str, case: str, variant: str) -> bool:
        """Whether this is about a check.

        Args:
            client: the name of the backend whose client is checked.
            server: the name of the backend whose server is checked.
            case: the name of the case.
            variant: its version and drive, as in `Check.variant`.
        """
        return (
            self.concerns(client, server)
            and fnmatch.fnmatchcase(case, self.case)
            and fnmatch.fnmatchcase(variant, self.variant)
        )

    def foresees(self, failure: str) -> bool:
        """Whether this is the failure that is expected.

        Args:
            failure: what it says.
        """
        return fnmatch.fnmatchcase(failure, self.failure)


def load_expectations() -> tuple[Expectation, ...]:
    """The lines that the package ships.

    Raises:
        ConfigurationError: a line lacks something, or holds something unknown.
    """
    text = resources.files(__package__).joinpath("expectations.toml").read_text(encoding="utf-8")
    return parse_expectations(tomllib.loads(text))


def parse_expectations(document: Mapping[str, Any]) -> tuple[Expectation, ...]:
    """The lines of a document with an array of tables ``expectation``.

    Raises:
        ConfigurationError: a line lacks something, or holds something unknown.
    """
    return tuple(_parsed(line) for line in document.get("expectation", ()))


def _parsed(line: Mapping[str, Any]) -> Expectation:
    unknown = set(line) - _KEYS
    missing = _NEEDED - set(line)
    if unknown or missing or not all(isinstance(value, str) and value for value in line.values()):
        raise ConfigurationError(
            f"an expectation needs backend, case, failure, reason and link as text; found {dict(line)!r}"
        )
    if line.get("role", "any") not in ("client", "server", "any"):
        raise ConfigurationError(f"the role of an expectation is client, server or any, not {line['role']!r}")
    return Expectation(**line)


def expected(lines: Sequence[Expectation], client: str, server: str, case: str, variant: str) -> Expectation | None:
    """The first line about this check, if any."""
    return next((line for line in lines if line.applies(client, server, case, variant)), None)
