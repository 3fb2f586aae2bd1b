"""How many bytes of Python's own allocations 500 failed handshakes leave behind, in a process where nothing else allocates.

``python _allocations.py BACKEND VERSION FOLDER``, with the folder of a `PKI`, prints the number.
"""

from __future__ import annotations

import gc
import sys
import tracemalloc
from pathlib import Path

from _pki import PKI, SERVER_NAME

import unitls


def _fails(end: unitls.TLSWrappedBuffer, error: type[Exception]) -> None:
    try:
        end.do_handshake()
    except error:
        return
    raise SystemExit(f"the handshake did not end with {error.__name__}")


def _refuse(server_context: unitls.ServerContext, client_context: unitls.ClientContext) -> None:
    """The client refuses the server, which is told so, or meets the end."""
    backend = server_context.backend
    to_server, to_client = backend.memory_buffer(), backend.memory_buffer()
    server = server_context.wrap_buffers(to_server, to_client)
    client = client_context.wrap_buffers(to_client, to_server, SERVER_NAME)
    for end in (client, server):
        _fails(end, unitls.WantReadError)
    _fails(client, unitls.CertificateVerificationError)
    to_server.write_eof()
    _fails(server, unitls.ConnectionFault)


def main(name: str, version_name: str, folder: str) -> None:
    """Count what is left of the handshakes behind the first 50."""
    backend, pki, version = unitls.get_backend(name), PKI(Path(folder)), unitls.TLSVersion[version_name]
    server = backend.server_context(unitls.TLSServerConfiguration(identities=(pki.identity("server"),)))
    client = backend.client_context(
        unitls.TLSClientConfiguration(trust_store=pki.trust("stranger"), lower_bound=version, upper_bound=version)
    )
    for _ in range(50):
        _refuse(server, client)
    gc.collect()
    tracemalloc.start()
    for _ in range(500):
        _refuse(server, client)
    gc.collect()
    print(tracemalloc.get_traced_memory()[0])


if __name__ == "__main__":
    main(*sys.argv[1:])
