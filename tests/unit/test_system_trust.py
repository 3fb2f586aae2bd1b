from __future__ import annotations

from pathlib import Path

import pytest

from unitls.core import _system_trust
from unitls.core._system_trust import system_bundle


def test_the_environment_goes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    first, second = tmp_path / "first.pem", tmp_path / "second.pem"
    monkeypatch.setattr(_system_trust, "BUNDLES", (str(first), str(second)))
    assert system_bundle() is None
    second.touch()
    assert system_bundle() == str(second)
    first.touch()
    assert system_bundle() == str(first)
    monkeypatch.setenv("SSL_CERT_FILE", "/elsewhere.pem")
    assert system_bundle() == "/elsewhere.pem"


def test_the_places_are_absolute_and_different() -> None:
    assert len(set(_system_trust.BUNDLES)) == len(_system_trust.BUNDLES)
    assert all(path.startswith("/") and path.endswith((".crt", ".pem")) for path in _system_trust.BUNDLES)
