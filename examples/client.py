"""An HTTPS client: connect, verify the server, ask, and show what was negotiated.

$ python examples/client.py example.org
$ python examples/client.py localhost --port 8443 --ca ca.pem
"""

from __future__ import annotations

import argparse
import socket
import sys

import unitls


def fetch(context: unitls.ClientContext, host: str, port: int) -> bytes:
    """Ask for the front page, and return the answer with its headers."""
    with (
        socket.create_connection((host, port), timeout=10) as raw,
        context.wrap_socket(raw, server_hostname=host) as connection,
    ):
        print(f"{connection.negotiated_tls_version}, {connection.cipher()!r}", file=sys.stderr)
        connection.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        # The file ends at the server's close_notify. An answer that was cut short raises RaggedEOF instead.
        with connection.makefile("rb") as stream:
            body: bytes = stream.read()
            return body


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description="Fetch a page over HTTPS.")
    parser.add_argument("host")
    parser.add_argument("--port", type=int, default=443)
    parser.add_argument("--ca", metavar="FILE", help="trust the certificates in this file, and no others")
    parser.add_argument("--backend", help="which TLS library to use")
    arguments = parser.parse_args()
    try:
        context = unitls.get_backend(arguments.backend).client_context()
        if arguments.ca:
            context.use_trust_store(unitls.TrustStore.from_file(arguments.ca))
        sys.stdout.write(fetch(context, arguments.host, arguments.port).decode("utf-8", "replace"))
    except unitls.CertificateVerificationError as error:
        print(f"refused: {error} ({error.failure.value})", file=sys.stderr)
        return 1
    except (unitls.TLSError, OSError) as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
