"""SChannel's client and a Linux peer, over the loopback that Wine shares with its host."""

from __future__ import annotations

import socket
from pathlib import Path

import unitls
from unitls import Certificate, PrivateKey, TrustStore
from unitls.backends import schannel
from unitls.testing._kit import HOST
from unitls.testing._zoo_files import load_identities


def talk_to(port: int, client_chain: Path, client_key: Path) -> bool:
    """Echo through a peer that asks for a client certificate, then see that a wrong name is refused."""
    trust = TrustStore.from_buffer(load_identities().ca_pem)
    identity = unitls.Identity(
        [Certificate.from_buffer(client_chain.read_bytes())], PrivateKey.from_buffer(client_key.read_bytes())
    )
    context = schannel.BACKEND.client_context(unitls.TLSClientConfiguration(trust_store=trust, identities=(identity,)))
    data = bytes(range(256)) * 1024
    with (
        socket.create_connection(("127.0.0.1", port), 10) as raw,
        context.wrap_socket(raw, server_hostname=HOST) as tls,
    ):
        tls.sendall(data)
        echoed = b""
        while len(echoed) < len(data):
            echoed += tls.recv(65536)
        tls.shutdown(socket.SHUT_WR)
        rest = tls.recv(1)
        version, suite = tls.negotiated_tls_version, tls.cipher()
    good = echoed == data and rest == b"" and version is unitls.TLSVersion.TLSv1_2
    try:
        with socket.create_connection(("127.0.0.1", port), 10) as raw:
            context.wrap_socket(raw, server_hostname="wrong.test").close()
    except unitls.CertificateVerificationError as error:
        refused = error.failure is unitls.VerifyFailure.NAME_MISMATCH
    else:
        refused = False
    print(f"peer at {port}: {version}, {suite!r}, echo {good}, wrong name refused {refused}", flush=True)
    return good and refused
