"""The library inside the wheel of `python-mbedtls`, in a process of its own: it serves where the system has none."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

library = pytest.importorskip("unitls.backends.mbedtls._library", exc_type=ImportError)

CASES = (
    "handshake-completes",
    "many-bytes-both-ways",
    "clean-end",
    "ragged-end",
    "forged-record",
    "peer-chain",
    "verified-chain",
    "sessions-are-resumed",
    "keys-in-every-form",
    "key-of-another-certificate",
    "exporter",
    "one-context-in-many-threads",
)
PROGRAM = f"""
import sys
from unitls.testing._catalogue import CASES
from unitls.testing._runner import Result, run
report = run("mbedtls", cases=[*{CASES!r}, *(name for name in CASES if name.startswith("zoo-"))])
print(report)
import unitls
print(unitls.get_backend("mbedtls").library_version, "mbedtls" in sys.modules, report.count(Result.PASSED))
sys.exit(not report.ok)
"""


@pytest.mark.skipif(not library.wheel_libraries(), reason="the package python-mbedtls is not installed")
@pytest.mark.timeout(600)
def test_the_essentials_hold_with_the_library_of_the_wheel() -> None:
    environment = {**os.environ, library.ENVIRONMENT_VARIABLE: "wheel"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=500, check=False, env=environment
    )
    assert done.returncode == 0, done.stdout + done.stderr
    version, imported, passed = done.stdout.splitlines()[-1].rsplit(maxsplit=2)
    assert version.startswith("Mbed TLS 2.28")
    assert imported == "False"
    assert int(passed) > 100
