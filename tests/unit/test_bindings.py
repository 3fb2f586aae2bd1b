"""The bindings that are shipped are those that their declarations give."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("cffi", reason="cffi writes the bindings")
pytest.importorskip("pycparser", reason="cffi reads declarations with it")

_ROOT = Path(__file__).resolve().parents[2]
_DEADLINE = 100
_SCRIPTS = sorted(path for path in (_ROOT / "tools" / "make_bindings").glob("[!_]*.py"))


def test_every_library_has_a_script() -> None:
    shipped = {path.parent.name for path in (_ROOT / "src" / "unitls" / "backends").glob("*/_bindings.py")}
    assert {path.stem for path in _SCRIPTS} == shipped >= {"gnutls", "nss", "mbedtls", "wolfssl"}


@pytest.mark.timeout(2 * _DEADLINE)
@pytest.mark.parametrize("script", _SCRIPTS, ids=lambda path: path.stem)
def test_bindings_are_up_to_date(script: Path) -> None:
    done = subprocess.run(
        [sys.executable, script, "--check"], capture_output=True, text=True, timeout=_DEADLINE, check=False
    )
    assert done.returncode == 0, done.stderr
