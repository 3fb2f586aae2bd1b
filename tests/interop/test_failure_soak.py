"""Failed handshakes leave nothing behind: hundreds of each kind here, thousands with ``tools/soak.py``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from _pki import PKI

import unitls
from unitls import Feature, TLSVersion

_TOOL = Path(__file__).resolve().parents[2] / "tools" / "soak.py"
_COUNT = Path(__file__).with_name("_allocations.py")


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="descriptors and memory are counted in /proc")
def test_nothing_is_left(backend: unitls.Backend) -> None:
    """In a process of its own, where nothing else allocates, and warnings about unclosed sockets are errors."""
    command = [sys.executable, "-W", "error", str(_TOOL), "--count", "500", "--backend", backend.name]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert done.stdout.count(" handshakes, ") >= 2


@pytest.mark.needs(Feature.SERVER, Feature.CLIENT, Feature.CUSTOM_TRUST_STORE)
def test_errors_are_freed(backend: unitls.Backend, version: TLSVersion, pki: PKI) -> None:
    """Counted in Python's own allocations, likewise: the client refuses the server, which is told so, or meets the end."""
    command = [sys.executable, "-W", "error", str(_COUNT), backend.name, version.name, str(pki.folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) < 20_000
