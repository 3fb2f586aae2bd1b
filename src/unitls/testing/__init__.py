"""A public conformance kit for TLS backends, with a throw-away authority and a zoo of bad certificates.

As plain functions::

    from unitls.testing import run

    report = run("openssl")
    assert report.ok, report

or with pytest: ``pytest --pyargs unitls.testing --tls-backend NAME [--tls-peer NAME]``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._ca import CertificateAuthority as CertificateAuthority
    from ._ca import Issued as Issued
    from ._ca import self_signed as self_signed
    from ._case import Case as Case
    from ._catalogue import CASES as CASES
    from ._expect import NotApplicable as NotApplicable
    from ._expect import NotConforming as NotConforming
    from ._expectations import Expectation as Expectation
    from ._expectations import load_expectations as load_expectations
    from ._kit import Drive as Drive
    from ._kit import Kit as Kit
    from ._pair import Pair as Pair
    from ._rules import RULES as RULES
    from ._rules import Rule as Rule
    from ._runner import Check as Check
    from ._runner import CheckOutcome as CheckOutcome
    from ._runner import Report as Report
    from ._runner import Result as Result
    from ._runner import checks as checks
    from ._runner import perform as perform
    from ._runner import run as run
    from ._zoo import Identities as Identities
    from ._zoo import ZooCase as ZooCase
    from ._zoo_files import load_identities as load_identities
    from ._zoo_files import load_key_zoo as load_key_zoo
    from ._zoo_files import load_zoo as load_zoo
    from ._zoo_maker import make_identities as make_identities
    from ._zoo_maker import make_zoo as make_zoo

# Everything is loaded when it is first asked for: the pytest plugin is imported by every run of pytest.
_LAZY = {
    "CASES": "_catalogue",
    "Case": "_case",
    "CertificateAuthority": "_ca",
    "Check": "_runner",
    "CheckOutcome": "_runner",
    "Drive": "_kit",
    "Expectation": "_expectations",
    "Identities": "_zoo",
    "Issued": "_ca",
    "Kit": "_kit",
    "NotApplicable": "_expect",
    "NotConforming": "_expect",
    "Pair": "_pair",
    "RULES": "_rules",
    "Report": "_runner",
    "Result": "_runner",
    "Rule": "_rules",
    "ZooCase": "_zoo",
    "checks": "_runner",
    "load_expectations": "_expectations",
    "load_identities": "_zoo_files",
    "load_key_zoo": "_zoo_files",
    "load_zoo": "_zoo_files",
    "make_identities": "_zoo_maker",
    "make_zoo": "_zoo_maker",
    "perform": "_runner",
    "run": "_runner",
    "self_signed": "_ca",
}

__all__ = [
    "CASES", "Case", "CertificateAuthority", "Check", "CheckOutcome", "Drive", "Expectation", "Identities", "Issued", "Kit",
    "NotApplicable", "NotConforming", "Pair", "RULES", "Report", "Result", "Rule", "ZooCase", "checks", "load_expectations",
    "load_identities", "load_key_zoo", "load_zoo", "make_identities", "make_zoo", "perform", "run", "self_signed",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(f".{_LAZY[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
