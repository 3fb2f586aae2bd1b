"""What a library has freed is not used again: a short program, in a process whose freed memory is overwritten at once."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import unitls
from unitls import Feature

PROGRAM = """
import gc, sys
from unitls import ClientAuthentication, WantReadError, get_backend
from unitls.testing._kit import Drive, Kit

backend = get_backend(sys.argv[1])
kit = Kit(backend, backend, Drive.WHOLE, None)
for _ in range(3):
    client = kit.client(identities=(kit.client_identity,))
    server = kit.server(identities=(kit.other_identity,))
    server.register_certificates(kit.server_identity.certificates, kit.server_identity.private_key)
    server.configuration = kit.server_configuration(
        client_authentication=ClientAuthentication.REQUIRED, trust_store=kit.trust
    )
    pair, dropped = kit.connected(client, server), kit.pair(client, server)
    client.configuration = kit.client_configuration()
    refused = kit.pair(client, server, hostname="wrong.test")
    assert refused.attempt()[0] is not None
    for end in (dropped.client, dropped.server):
        try:
            end.tls.do_handshake()
        except WantReadError:
            dropped.move({})
    del client, server, dropped, refused
    gc.collect()
    pair.echo()
print("done")
"""
_SERVERS = [
    status.name
    for status in unitls.available_backends()
    if status.available and unitls.get_backend(status.name).capabilities.supports(Feature.SERVER)
]


@pytest.mark.parametrize("name", _SERVERS)
def test_nothing_is_used_once_it_is_freed(name: str) -> None:
    """Contexts are made, changed and dropped, with connections of theirs done, half done and refused."""
    environment = {
        **os.environ,
        "MALLOC_PERTURB_": "165",
        "PYTHONMALLOC": "malloc",
    }  # the former is of the GNU C library
    command = [sys.executable, "-W", "error", "-X", "faulthandler", "-c", PROGRAM, name]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False, env=environment)
    assert (done.stdout, done.stderr, done.returncode) == ("done\n", "", 0)
