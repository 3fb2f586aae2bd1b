"""The conformance kit as tests: one for each check. See `pytest_plugin` for the options."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator

import pytest

from unitls.api._backend import Backend
from unitls.registry import available_backends, get_backend
from unitls.testing._catalogue import CASES
from unitls.testing._expectations import load_expectations
from unitls.testing._runner import Check, Result, checks, inapplicable, perform

EXPECTATIONS = load_expectations()


def _option(config: pytest.Config, name: str) -> list[str]:
    return config.getoption(name, default=None) or []


def _backends(config: pytest.Config) -> list[Backend]:
    names = _option(config, "tls_backend")
    return [get_backend(name) for name in names or (item.name for item in available_backends() if item.available)]


def _pairs(config: pytest.Config) -> Iterator[tuple[Backend, Backend]]:
    peers = [get_backend(name) for name in _option(config, "tls_peer")]
    for backend in _backends(config):
        yield from ((backend, peer) for peer in peers or [backend])


def _checks(config: pytest.Config) -> Iterator[Check]:
    patterns = _option(config, "tls_case") or ["*"]
    cases = [case for name, case in CASES.items() if any(fnmatch.fnmatchcase(name, item) for item in patterns)]
    for client, server in _pairs(config):
        yield from checks(client, server, cases=cases)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each check, and for each line of the expectations about these backends."""
    if "check" in metafunc.fixturenames:
        metafunc.parametrize("check", [pytest.param(check, id=check.id) for check in _checks(metafunc.config)])
    if "expectation" in metafunc.fixturenames:
        pairs = [(client.name, server.name) for client, server in _pairs(metafunc.config)]
        # With another backend at the other end a case may need what that one lacks: a line is held against its own pair only.
        alone = [(client, server) for client, server in pairs if client == server]
        lines = [line for line in EXPECTATIONS if any(line.concerns(*pair) for pair in alone)]
        metafunc.parametrize("expectation", [pytest.param(line, id=f"{line.backend}-{line.case}") for line in lines])


def test_conforms(check: Check) -> None:
    """The backend does what the rules of this case say."""
    outcome = perform(check, EXPECTATIONS)
    if outcome.result is Result.SKIPPED:
        pytest.skip(outcome.text)
    if outcome.result is Result.EXPECTED:
        pytest.xfail(outcome.text)
    if not outcome.ok:
        raise AssertionError(f"{outcome.result.value}: {outcome.text}") from outcome.error


def test_expectation_is_about_something(expectation: object, pytestconfig: pytest.Config) -> None:
    """Every line of the expectations is about a check that is run."""
    if _option(pytestconfig, "tls_case"):
        pytest.skip("only some cases are run")
    found = [
        check
        for check in _checks(pytestconfig)
        if expectation.applies(check.client.name, check.server.name, check.case.name, check.variant)  # type: ignore[attr-defined]
    ]
    assert any(not inapplicable(check) for check in found), f"no check is about {expectation}"
