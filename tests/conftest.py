"""What all tests share."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, settings

from unitls import set_default_backend

# How long a machine takes is no matter of the tests.
settings.register_profile(
    "deterministic", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("deterministic")


@pytest.fixture(scope="session")
def need_program() -> Callable[..., str]:
    """Give the path of a program, by the first of several names; without it a skip here, and a failure where CI is set."""

    def find(*names: str) -> str:
        for name in names:
            if path := shutil.which(name):
                return path
        reason = f"needs the program {' or '.join(names)}"
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail(reason)
        pytest.skip(reason)

    return find


@pytest.fixture(autouse=True)
def _own_choices_only(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test depends on the caller's environment, or leaves a default backend behind."""
    for name in ("UNITLS_BACKEND", "SSLKEYLOGFILE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    yield
    set_default_backend(None)
