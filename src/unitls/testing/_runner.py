"""Runs the cases of the conformance kit. Needs no test framework: plain functions, plain results."""

from __future__ import annotations

import enum
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ..api._backend import Backend
from ..api._features import Feature
from ..api._versions import TLSVersion
from ..registry import get_backend
from ._case import Case
from ._catalogue import CASES
from ._expect import NotApplicable
from ._expectations import Expectation, expected, load_expectations
from ._kit import Drive, Kit


class Result(enum.Enum):
    """What came of one check."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    """It says nothing about these backends here; the text says why."""
    EXPECTED = "expected failure"
    """It failed, as a line of the expectations says."""
    STALE = "stale expectation"
    """It passed although a line says that it cannot. That is a failure: the line has to go."""


@dataclass(frozen=True, slots=True)
class Check:
    """One case in one variant, with one or two backends.

    Attributes:
        case: what is checked.
        client: whose clients.
        server: whose servers.
        drive: how the bytes travel.
        version: the version of TLS, or `None` for what the ends choose.
    """

    case: Case
    client: Backend = field(repr=False)
    server: Backend = field(repr=False)
    drive: Drive
    version: TLSVersion | None

    @property
    def variant(self) -> str:
        """The version and the drive, as ``TLSv1_3-whole``."""
        return f"{self.version or 'any'}-{self.drive.value}"

    @property
    def id(self) -> str:
        """A name that is its own, as ``openssl-handshake-completes-TLSv1_3-whole``."""
        who = self.client.name if self.client is self.server else f"{self.client.name}+{self.server.name}"
        return f"{who}-{self.case.name}-{self.variant}"


@dataclass(frozen=True, slots=True)
class CheckOutcome:
    """What came of one check.

    Attributes:
        check: which one.
        result: what came of it.
        text: why it failed or was skipped.
        error: what the case raised.
    """

    check: Check
    result: Result
    text: str = ""
    error: BaseException | None = field(default=None, repr=False)

    @property
    def ok(self) -> bool:
        """Whether it is no failure."""
        return self.result not in (Result.FAILED, Result.STALE)


@dataclass(frozen=True, slots=True)
class Report:
    """The outcomes of a run, in order.

    Attributes:
        outcomes: one for each check.
        unused: expectations about these backends that no check was about.
    """

    outcomes: tuple[CheckOutcome, ...]
    unused: tuple[Expectation, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing failed and no expectation is out of date."""
        return not self.failures and not self.unused

    @property
    def failures(self) -> tuple[CheckOutcome, ...]:
        """The checks that failed, and those that a stale expectation is about."""
        return tuple(outcome for outcome in self.outcomes if not outcome.ok)

    def count(self, result: Result) -> int:
        """How many checks ended with `result`."""
        return sum(outcome.result is result for outcome in self.outcomes)

    def __str__(self) -> str:
        lines = [f"{outcome.result.value}: {outcome.check.id}: {outcome.text}" for outcome in self.failures]
        lines += [f"{Result.STALE.value}: {line.backend}, {line.case}: no check is about it" for line in self.unused]
        lines.append(", ".join(f"{self.count(result)} {result.value}" for result in Result if self.count(result)))
        return "\n".join(lines)


def checks(client: Backend, server: Backend | None = None, *, cases: Iterable[Case] | None = None) -> Iterator[Check]:
    """Every check of `cases` with these backends.

    Args:
        client: whose clients are checked.
        server: whose servers are checked; the same backend's if not given.
        cases: which cases; all of them if not given.

    Yields:
        The checks, in the order of the cases.
    """
    server = server or client
    for case in CASES.values() if cases is None else cases:
        for version in case.versions:
            for drive in case.drives:
                yield Check(case, client, server, drive, version)


def perform(check: Check, expectations: Sequence[Expectation] = ()) -> CheckOutcome:
    """Run one check.

    Args:
        check: which one.
        expectations: what is known to fail.

    Returns:
        What came of it. Nothing is raised, `KeyboardInterrupt` and its like apart.
    """
    if reason := inapplicable(check):
        return CheckOutcome(check, Result.SKIPPED, reason)
    line = expected(expectations, check.client.name, check.server.name, check.case.name, check.variant)
    try:
        _run(check)
    except NotApplicable as skip:
        return CheckOutcome(check, Result.SKIPPED, str(skip))
    except Exception as error:
        text = describe(error)
        if line is None:
            return CheckOutcome(check, Result.FAILED, text, error)
        if line.foresees(text):
            return CheckOutcome(check, Result.EXPECTED, line.reason, error)
        return CheckOutcome(check, Result.FAILED, f"{text}; expected was another failure: {line.failure}", error)
    if line is not None:
        return CheckOutcome(
            check, Result.STALE, f"it passes now; take the line out of the expectations ({line.reason})"
        )
    return CheckOutcome(check, Result.PASSED)


def _run(check: Check) -> None:
    kit = Kit(check.client, check.server, check.drive, check.version)
    try:
        with warnings.catch_warnings():
            # What is thrown away without being closed is a fault of the backend: it must not pass.
            warnings.simplefilter("error")
            check.case.run(kit)
    finally:
        kit.close()


def inapplicable(check: Check) -> str:
    """Why a check says nothing about its backends: they lack a feature or the version; empty if it does."""
    for backend, needs in ((check.client, check.case.client_needs), (check.server, check.case.server_needs)):
        lacking = sorted(feature.name for feature in needs if not backend.capabilities.supports(feature))
        if lacking:
            return f"{backend.name} does not have {', '.join(lacking)}"
        if check.version is not None and check.version not in backend.capabilities.versions:
            return f"{backend.name} does not have {check.version}"
    return ""


def describe(error: BaseException) -> str:
    """The error and its causes, in a few lines."""
    parts = [f"{type(error).__name__}: {error}"]
    cause: BaseException | None = error.__cause__
    while cause is not None and len(parts) < 4:
        parts.append(f"because of {type(cause).__name__}: {cause}")
        cause = cause.__cause__
    frames = traceback.extract_tb(error.__traceback__)
    if frames:
        parts.append(f"at {frames[-1].name}, line {frames[-1].lineno}")
    return "; ".join(parts)


def run(
    backend: Backend | str,
    peer: Backend | str | None = None,
    *,
    cases: Mapping[str, Case] | Iterable[str] | None = None,
    expectations: Sequence[Expectation] | None = None,
    progress: Callable[[CheckOutcome], None] | None = None,
) -> Report:
    """Run the conformance kit.

    Args:
        backend: the backend to check, or its name: its clients, and its servers too without a `peer`.
        peer: the backend whose servers the clients talk to.
        cases: names of cases, or cases; all of them if not given.
        expectations: what is known to fail; what the package ships if not given.
        progress: called with each outcome.

    Returns:
        What came of it; ``report.ok`` says whether the backend conforms, ``str(report)`` what is wrong.

    Raises:
        ConfigurationError: there is no such backend.
    """
    client = get_backend(backend) if isinstance(backend, str) else backend
    server = client if peer is None else get_backend(peer) if isinstance(peer, str) else peer
    chosen = _chosen(cases)
    lines = load_expectations() if expectations is None else tuple(expectations)
    outcomes = []
    for check in checks(client, server, cases=chosen):
        outcomes.append(perform(check, lines))
        if progress is not None:
            progress(outcomes[-1])
    unused = _unused(lines, outcomes) if cases is None else ()
    return Report(tuple(outcomes), unused)


def _chosen(cases: Mapping[str, Case] | Iterable[str] | None) -> Iterable[Case] | None:
    if cases is None:
        return None
    if isinstance(cases, Mapping):
        return cases.values()
    return [CASES[name] for name in cases]


def _unused(lines: Sequence[Expectation], outcomes: Iterable[CheckOutcome]) -> tuple[Expectation, ...]:
    """The lines about a backend with itself, but about no check that was run."""
    ran = [outcome.check for outcome in outcomes if outcome.result is not Result.SKIPPED]
    alone = {check.client.name for check in ran if check.client.name == check.server.name}
    used = {
        line
        for line in lines
        for check in ran
        if line.applies(check.client.name, check.server.name, check.case.name, check.variant)
    }
    return tuple(line for line in lines if any(line.concerns(name, name) for name in alone) and line not in used)


def features_in_use() -> frozenset[Feature]:
    """Every feature that some case needs."""
    return frozenset[Feature]().union(*(case.client_needs | case.server_needs for case in CASES.values()))
