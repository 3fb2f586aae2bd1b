"""The conformance kit on the SecureTransport backend, each role of it against the `ssl` module's OpenSSL."""

from __future__ import annotations

import pytest
from _securetransport import load

import unitls
from unitls.testing import CASES, Report, run


def _check(report: Report) -> None:
    assert report.ok, str(report)


@pytest.mark.parametrize("case", CASES)
def test_its_clients_conform(case: str) -> None:
    _check(run(load().backend, unitls.get_backend("openssl"), cases=[case]))


@pytest.mark.parametrize("case", CASES)
def test_its_servers_conform(case: str) -> None:
    _check(run(unitls.get_backend("openssl"), load().backend, cases=[case]))


_TOGETHER = (
    "handshake-completes",
    "zoo-client-good",
    "choice-of-the-client-certificate",
    "back-to-plaintext",
    "one-context-in-many-threads",
)


@pytest.mark.parametrize("case", _TOGETHER)
def test_both_roles_conform_together(case: str) -> None:
    _check(run(load().backend, cases=[case]))
