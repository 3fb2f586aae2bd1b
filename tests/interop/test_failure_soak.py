"""Failed handshakes leave nothing behind: hundreds of each kind here, thousands with ``tools/soak.py``."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest
from _pki import PKI, SERVER_NAME

import unitls
from unitls import Feature, TLSVersion

_TOOL = Path(__file__).resolve().parents[2] / "tools" / "soak.py"


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="descriptors and memory are counted in /proc")
def test_nothing_is_left(backend: unitls.Backend) -> None:
    """In a process of its own, where nothing else allocates, and warnings about unclosed sockets are errors."""
    command = [sys.executable, "-W", "error", str(_TOOL), "--count", "500", "--backend", backend.name]
    done = subprocess.run(command, capture_output=True, text=True, timeout=150, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert done.stdout.count(" handshakes, ") >= 2


@pytest.mark.needs(Feature.SERVER, Feature.CLIENT, Feature.CUSTOM_TRUST_STORE)
def test_errors_are_freed(backend: unitls.Backend, version: TLSVersion, pki: PKI) -> None:
    """Counted in Python's own allocations: the client refuses the server, which is told so, or meets the end."""
    server_context = backend.server_context(unitls.TLSServerConfiguration(identities=(pki.identity("server"),)))
    client_context = backend.client_context(
        unitls.TLSClientConfiguration(trust_store=pki.trust("stranger"), lower_bound=version, upper_bound=version)
    )

    def fail() -> None:
        to_server, to_client = backend.memory_buffer(), backend.memory_buffer()
        server = server_context.wrap_buffers(to_server, to_client)
        client = client_context.wrap_buffers(to_client, to_server, SERVER_NAME)
        for end in (client, server):
            with pytest.raises(unitls.WantReadError):
                end.do_handshake()
        with pytest.raises(unitls.CertificateVerificationError):
            client.do_handshake()
        to_server.write_eof()
        with pytest.raises(unitls.ConnectionFault):
            server.do_handshake()

    for _ in range(50):
        fail()
    gc.collect()
    tracemalloc.start()
    try:
        for _ in range(500):
            fail()
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] < 20_000
    finally:
        tracemalloc.stop()
