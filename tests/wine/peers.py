"""The Linux side: makes what the Wine side needs, serves it, and runs it: ``peers.py WINE PYTHON.EXE [BACKEND...]``."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import unitls
from unitls import ClientAuthentication, TrustStore
from unitls.testing._ca import CertificateAuthority
from unitls.testing._kit import identity_of
from unitls.testing._zoo_files import load_identities

HERE = Path(__file__).resolve().parent
LIMIT = 300
"""Seconds for everything under Wine."""


NAMES = {
    "client": {"dns_names": ["client.test"]},
    "server": {"dns_names": ["server.test", "localhost"], "ip_addresses": ["127.0.0.1", "::1"]},
    "other": {"dns_names": ["other.test", "*.other.test"]},
}


def write_identities(folder: Path) -> None:
    """Issue certificates with RSA keys, since Wine takes no others."""
    authority = load_identities().authority
    issuer = CertificateAuthority(authority.certificate_der, authority.key_pem)
    for name, subjects in NAMES.items():
        issued = issuer.issue(common_name=f"a {name}", key_type="RSA-2048", **subjects)  # type: ignore[arg-type]
        (folder / f"{name}.der").write_bytes(issued.chain[0])
        (folder / f"{name}.pem").write_bytes(issued.key_pem)


def serve(listener: socket.socket, context: unitls.ServerContext) -> None:
    """Echo for each client until it closes."""
    while True:
        try:
            raw, _ = listener.accept()
        except OSError:
            return
        with contextlib.suppress(unitls.TLSError, OSError), context.wrap_socket(raw) as tls:
            while chunk := tls.recv(65536):
                tls.sendall(chunk)
            tls.shutdown(socket.SHUT_WR)


def listening(name: str) -> socket.socket:
    """A listener whose connections a backend of this system serves."""
    identities = load_identities()
    configuration = unitls.TLSServerConfiguration(
        identities=(identity_of(identities.server),),
        trust_store=TrustStore.from_buffer(identities.ca_pem),
        client_authentication=ClientAuthentication.REQUIRED,
        upper_bound=unitls.TLSVersion.TLSv1_2,
    )
    context = unitls.get_backend(name).server_context(configuration)
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=serve, args=(listener, context), daemon=True).start()
    return listener


def main(wine: str, python: str, *names: str) -> int:
    """Serve, run, and give the exit status of the other side."""
    usable = [item.name for item in unitls.available_backends() if item.available]
    with tempfile.TemporaryDirectory(prefix="unitls-wine-") as folder:
        write_identities(Path(folder))
        listeners = [listening(name) for name in names or ("openssl", "rustls", "gnutls") if name in usable]
        ports = [str(item.getsockname()[1]) for item in listeners]
        command = [wine, python, "-X", "utf8", "-B", f"Z:{HERE / 'main.py'}", f"Z:{folder}", *ports]
        # A file as output is refused by Wine, and a terminal asks questions: only pipes are good.
        ran = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=LIMIT,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            check=False,
        )
        for listener in listeners:
            listener.close()
    lines = ran.stdout.decode("utf-8", "replace").replace("\r\n", "\n").splitlines()
    # GnuTLS under Wine writes to the system's stderr whatever it meets; the tests provoke much of that.
    print("\n".join(line for line in lines if not line.startswith("GnuTLS error:")))
    return ran.returncode


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
