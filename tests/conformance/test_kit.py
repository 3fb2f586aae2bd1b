"""The kit itself: its rules and cases fit each other, and it catches backends that are wrong."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import unitls
from unitls import Feature, TLSVersion
from unitls.api._backend import Backend
from unitls.api._features import Capabilities
from unitls.core._names import PeerNames
from unitls.testing import (
    CASES,
    RULES,
    Case,
    Drive,
    Expectation,
    Kit,
    NotApplicable,
    NotConforming,
    Result,
    _expectations,
    checks,
    load_expectations,
    perform,
    run,
)
from unitls.testing._case import declare
from unitls.testing._expectations import parse_expectations
from unitls.testing._runner import features_in_use, inapplicable

GOOD = unitls.get_backend()


# ---------------------------------------------------------------------------------------------- rules and cases


def test_every_rule_has_a_case() -> None:
    named = {rule for case in CASES.values() for rule in case.rules}
    assert sorted(set(RULES) - named) == []


def test_every_case_names_rules_that_exist() -> None:
    unknown = {case.name: sorted(set(case.rules) - set(RULES)) for case in CASES.values()}
    assert {name: rules for name, rules in unknown.items() if rules} == {}
    assert [name for name, case in CASES.items() if not case.rules] == []


def test_every_case_says_what_it_does() -> None:
    assert [name for name, case in CASES.items() if not case.about] == []
    assert [name for name, case in CASES.items() if name != case.name or not case.drives or not case.versions] == []
    assert [rule for rule in RULES.values() if not rule.text.endswith(".")] == []


def test_a_case_is_declared_once() -> None:
    with pytest.raises(ValueError, match="two cases"):
        declare(next(iter(CASES.values())))


def test_every_feature_of_a_backend_has_a_case() -> None:
    from unitls.testing._features import CALLS, CLIENT_NEEDS, SERVER_NEEDS, WITHOUT_CASE

    used = features_in_use()
    assert sorted(item.name for item in set(Feature) - used - set(WITHOUT_CASE) - {Feature.VERSIONS}) == []
    assert sorted(item.name for item in used & set(WITHOUT_CASE)) == []
    refusable = {*CLIENT_NEEDS, *SERVER_NEEDS, *CALLS}
    elsewhere = {
        Feature.CLIENT, Feature.SERVER, Feature.VERSIONS, Feature.CIPHER_SUITES, Feature.TLS13_CIPHER_SUITES,
        Feature.HANDSHAKE_SIZE_LIMIT, Feature.PKCS12,
    }  # fmt: skip
    assert set(Feature) - refusable == elsewhere


# ---------------------------------------------------------------------------------------------- expectations


def _line(**changes: Any) -> Expectation:
    values = {"backend": GOOD.name, "case": "handshake-completes", "failure": "*", "reason": "a test"}
    return Expectation(**{**values, "link": "https://example.org/", **changes})


def test_shipped_expectations_name_cases() -> None:
    import fnmatch

    for line in load_expectations():
        assert fnmatch.filter(CASES, line.case), line
        assert line.link.startswith("https://"), line
        assert line.failure.strip("*"), line


def test_a_stale_expectation_fails_the_run() -> None:
    report = run(GOOD, cases=["handshake-completes"], expectations=[_line()])
    assert {outcome.result for outcome in report.outcomes} == {Result.STALE}
    assert not report.ok
    assert "take the line out" in str(report)


def test_an_expectation_about_nothing_fails_the_run() -> None:
    cases = {"one": CASES["handshake-again"]}
    report = run(GOOD, cases=cases, expectations=[_line(case="no-such-case")])
    assert report.ok, "of some cases only, a line may be about others"
    from unitls.testing._runner import Report, _unused

    unused = _unused([_line(case="no-such-case"), _line(backend="another")], report.outcomes)
    assert [line.case for line in unused] == ["no-such-case"]
    assert not Report(report.outcomes, unused).ok
    assert "no check is about it" in str(Report(report.outcomes, unused))


def test_an_expected_failure_is_no_failure() -> None:
    failing = _case(lambda kit: _raise(NotConforming("as expected")))
    report = run(GOOD, cases={"failing": failing}, expectations=[_line(case="failing")])
    assert report.ok
    assert report.count(Result.EXPECTED) == 1


def test_another_failure_than_the_expected_one_is_a_failure() -> None:
    line = _line(case="failing", failure="*as expected*")
    for text, result in (("as expected", Result.EXPECTED), ("otherwise", Result.FAILED)):
        failing = _case(lambda kit, text=text: _raise(NotConforming(text)))
        report = run(GOOD, cases={"failing": failing}, expectations=[line])
        assert report.count(result) == 1
    assert "otherwise" in str(report)
    assert line.failure in str(report)


@pytest.mark.parametrize(
    ("changes", "applies"),
    [
        ({}, True),
        ({"case": "hand*"}, True),
        ({"case": "other"}, False),
        ({"variant": "TLSv1_3-*"}, True),
        ({"variant": "TLSv1_2-*"}, False),
        ({"role": "client"}, True),
        ({"role": "server"}, False),
        ({"backend": "them", "role": "server"}, True),
        ({"backend": "third"}, False),
    ],
)
def test_what_an_expectation_is_about(changes: dict[str, Any], applies: bool) -> None:
    line = _line(**{"backend": "us", **changes})
    assert line.applies("us", "them", "handshake-completes", "TLSv1_3-whole") is applies


@pytest.mark.parametrize(("library", "applies"), [("*", True), ("Fake *", True), ("Fake 0.*", False)])
def test_an_expectation_may_be_of_one_version_of_a_library(
    library: str, applies: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_expectations, "get_backend", lambda _name: SimpleNamespace(library_version="Fake 1.0"))
    line = _line(backend="us", library=library)
    assert line.applies("us", "them", "handshake-completes", "TLSv1_3-whole") is applies


@pytest.mark.parametrize(
    "line",
    [
        {"backend": "x", "case": "y", "failure": "*", "reason": "z"},
        {"backend": "x", "case": "y", "reason": "z", "link": "l"},
        {"backend": "x", "case": "y", "failure": "*", "reason": "", "link": "l"},
        {"backend": "x", "case": "y", "failure": "*", "reason": "z", "link": "l", "why": "no"},
        {"backend": "x", "case": "y", "failure": "*", "reason": "z", "link": "l", "role": "both"},
        {"backend": "x", "case": 7, "failure": "*", "reason": "z", "link": "l"},
    ],
)
def test_a_broken_line_is_refused(line: dict[str, Any]) -> None:
    with pytest.raises(unitls.ConfigurationError):
        parse_expectations({"expectation": [line]})


# ---------------------------------------------------------------------------------------------- results


def _raise(error: BaseException) -> Any:
    raise error


def _case(body: Callable[[Kit], None], **changes: Any) -> Case:
    values: dict[str, Any] = {"name": "failing", "rules": ("handshake",), "run": body, "drives": (Drive.WHOLE,)}
    return Case(**{**values, "versions": (None,), **changes})


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (NotConforming("wrong"), Result.FAILED),
        (ZeroDivisionError("crash"), Result.FAILED),
        (unitls.WantReadError("leaked"), Result.FAILED),
        (NotApplicable("not here"), Result.SKIPPED),
    ],
)
def test_what_a_case_raises_is_a_result(error: Exception, result: Result) -> None:
    report = run(GOOD, cases={"failing": _case(lambda kit: _raise(error))}, expectations=[])
    assert [outcome.result for outcome in report.outcomes] == [result]
    assert report.ok is (result is Result.SKIPPED)
    assert str(error) in report.outcomes[0].text


def test_a_warning_is_a_failure() -> None:
    def warn(kit: Kit) -> None:
        import warnings

        warnings.warn("left open", ResourceWarning, stacklevel=1)

    assert not run(GOOD, cases={"failing": _case(warn)}, expectations=[]).ok


def test_a_check_without_its_feature_is_skipped() -> None:
    poor = _without(Feature.ALPN)
    outcomes = run(poor, cases=["protocol-as-bytes"], expectations=[]).outcomes
    assert {outcome.result for outcome in outcomes} == {Result.SKIPPED}
    assert "ALPN" in outcomes[0].text
    only_old = dataclasses.replace(GOOD.capabilities, versions=(TLSVersion.TLSv1_2,))
    old = dataclasses.replace(GOOD, find_capabilities=lambda: only_old)
    skipped = [check.version for check in checks(old, cases=[CASES["handshake-completes"]]) if inapplicable(check)]
    assert set(skipped) == {TLSVersion.TLSv1_3}


def test_checks_have_names_of_their_own() -> None:
    ids = [check.id for check in checks(GOOD)]
    assert len(ids) == len(set(ids)) > 500
    twin = dataclasses.replace(GOOD, name="twin")
    assert next(checks(GOOD, twin)).id.startswith(f"{GOOD.name}+twin-")


def test_a_pair_of_backends() -> None:
    twin = dataclasses.replace(GOOD, name="twin")
    report = run(GOOD, twin, cases=["handshake-completes", "certificate-by-name", "starttls"], expectations=[])
    assert report.ok, report


# ---------------------------------------------------------------------------------------------- broken backends


def _without(*features: Feature) -> Backend:
    """A backend that says it lacks features, although it has them."""
    found = GOOD.capabilities
    reasons = {**found.reasons, **dict.fromkeys(features, "left out for a test")}
    poor = Capabilities(found.versions, found.features - set(features), reasons, found.cipher_suites)
    return dataclasses.replace(GOOD, name="poor", find_capabilities=lambda: poor)


def _contexts(client: type[Any] | None = None, server: type[Any] | None = None) -> Backend:
    backend = dataclasses.replace(
        GOOD, name="broken", client_context=client or GOOD.client_context, server_context=server or GOOD.server_context
    )
    return backend


Client: Any = GOOD.client_context
Server: Any = GOOD.server_context


class AcceptsAnyName(Client):
    def _names(self, server_hostname: str | None, valid_subjects: Any) -> PeerNames:
        return PeerNames(super()._names(server_hostname, valid_subjects).server_name, None)


class SendsAddresses(Client):
    def _names(self, server_hostname: str | None, valid_subjects: Any) -> PeerNames:
        names = super()._names(server_hostname, valid_subjects)
        return PeerNames(names.server_name or "address.test", names.subjects)


class IgnoresTheStore(Client):
    def use_trust_store(self, store: Any) -> None:
        pass


class IgnoresProtocols(Client):
    def set_inner_protocols(self, protocols: Any) -> None:
        pass


class IgnoresVersions(Client):
    def set_version_range(self, lower_bound: Any = None, upper_bound: Any = None) -> None:
        pass


class NeverCallsBack(Server):
    def set_sni_callback(self, callback: Any) -> None:
        pass


class AsksNobody(Server):
    def __init__(self, configuration: Any = None) -> None:
        none = unitls.ClientAuthentication.NONE
        changed = dataclasses.replace(configuration, client_authentication=none, validate_certificates=False)
        super().__init__(changed)


class Proxy:
    """Stands in front of a wrapped buffer."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class CleanAtEveryEnd(Proxy):
    def read(self, amt: int | None = None) -> bytes:
        try:
            return self._inner.read(amt)
        except unitls.RaggedEOF:
            return b""


class NothingIsTheEnd(Proxy):
    def read(self, amt: int | None = None) -> bytes:
        try:
            return self._inner.read(amt)
        except unitls.WantReadError:
            return b""


class ReadsTooMuch(Proxy):
    def read(self, amt: int | None = None) -> bytes:
        return self._inner.read(amt if amt == 0 else None)


class DropsTheLastByte(Proxy):
    def write(self, data: Any) -> int:
        return self._inner.write(memoryview(data)[:-1]) + 1 if len(data) > 1 else self._inner.write(data)


class ForgetsToClose(Proxy):
    def shutdown(self) -> None:
        pass


def _proxied(proxy: type[Proxy]) -> Backend:
    class BrokenClient(Client):
        def wrap_buffers(self, *args: Any, **options: Any) -> Any:
            return proxy(super().wrap_buffers(*args, **options))

    class BrokenServer(Server):
        def wrap_buffers(self, *args: Any, **options: Any) -> Any:
            return proxy(super().wrap_buffers(*args, **options))

    return _contexts(BrokenClient, BrokenServer)


BROKEN = {
    "accepts any name": (_contexts(client=AcceptsAnyName), "wrong-name"),
    "accepts any name (zoo)": (_contexts(client=AcceptsAnyName), "zoo-common-name-only"),
    "sends SNI for an address": (_contexts(client=SendsAddresses), "addresses"),
    "ignores the trust store": (_contexts(client=IgnoresTheStore), "trust-from-everywhere"),
    "ignores protocols": (_contexts(client=IgnoresProtocols), "protocol-as-bytes"),
    "ignores versions": (_contexts(client=IgnoresVersions), "one-bound-at-a-time"),
    "ignores lower bounds": (_contexts(client=IgnoresVersions), "lower-bound-that-is-not-offered"),
    "never calls back": (_contexts(server=NeverCallsBack), "callback-hears-the-name"),
    "asks no client": (_contexts(server=AsksNobody), "required-and-missing"),
    "takes a cut for a close": (_proxied(CleanAtEveryEnd), "ragged-end"),
    "takes a cut record for a close": (_proxied(CleanAtEveryEnd), "cut-in-a-record"),
    "gives nothing instead of a signal": (_proxied(NothingIsTheEnd), "nothing-to-read"),
    "reads too much": (_proxied(ReadsTooMuch), "reading-in-parts"),
    "loses a byte": (_proxied(DropsTheLastByte), "many-bytes-both-ways"),
    "sends no close_notify": (_proxied(ForgetsToClose), "clean-end"),
    "accepts what it lacks": (_without(Feature.ALPN), "features-that-are-lacking"),
    "answers what it lacks": (_without(Feature.PEER_CHAIN), "calls-that-are-lacking"),
    "does not say why": (
        dataclasses.replace(
            GOOD,
            find_capabilities=lambda: Capabilities(
                GOOD.capabilities.versions, frozenset({Feature.CLIENT, Feature.SERVER, Feature.CUSTOM_TRUST_STORE}),
                {}, GOOD.capabilities.cipher_suites,
            ),
        ),
        "capabilities-are-complete",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_backend_is_caught(name: str) -> None:
    backend, case = BROKEN[name]
    assert _results(GOOD, case) == {Result.PASSED}
    assert _results(backend, case) == {Result.FAILED}


def _results(backend: Backend, case: str) -> set[Result]:
    return {perform(check).result for check in checks(backend, cases=[CASES[case]]) if check.drive is Drive.WHOLE}


# ---------------------------------------------------------------------------------------------- as a third party


def test_the_kit_needs_no_pytest(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from unitls.testing import run\n"
        f"report = run({GOOD.name!r}, cases=['handshake-completes'], expectations=[])\n"
        "assert report.ok, report\n"
        "assert not {'pytest', 'cryptography', 'trustme'} & set(sys.modules)\n"
        "print(report)\n"
    )
    done = _python(tmp_path, "-W", "error", "-c", program)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "6 passed"


def _python(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "UNITLS"))}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=ours | environment,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )


_PLUGIN = "unitls.testing.pytest_plugin"


def _pytest(folder: Path, *arguments: str, by_entry_point: bool = False) -> subprocess.CompletedProcess[str]:
    """Run pytest in an empty folder; with no other plugins, whose imports would take longest, unless all of them come."""
    how = () if by_entry_point else ("-p", _PLUGIN)
    alone = {} if by_entry_point else {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = ("-m", "pytest", "-q", "-W", "error", *how, "--pyargs", "unitls.testing", *arguments)
    return _python(folder, *command, **alone)


def test_the_plugin_in_an_empty_folder(tmp_path: Path) -> None:
    chosen = ("--tls-backend", GOOD.name, "--tls-case", "handshake-completes", "--tls-case", "zoo-good*")
    registered = any(entry.value == _PLUGIN for entry in entry_points(group="pytest11"))
    done = _pytest(tmp_path, *chosen, by_entry_point=registered)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout


def test_the_plugin_with_a_peer(tmp_path: Path) -> None:
    done = _pytest(tmp_path, "--tls-backend", GOOD.name, "--tls-peer", GOOD.name, "--tls-case", "handshake-again")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_plugin_with_an_unknown_backend(tmp_path: Path) -> None:
    done = _pytest(tmp_path, "--tls-backend", "nosuch")
    assert done.returncode != 0
    assert "nosuch" in done.stdout + done.stderr
