"""STARTTLS: a connection that begins in the clear and goes on under TLS, here SMTP (RFC 3207).

$ python examples/starttls.py mail.example.org
$ python examples/starttls.py localhost --port 2525 --ca ca.pem
"""

from __future__ import annotations

import argparse
import socket
import sys

import unitls


def read_reply(stream: socket.socket | unitls.TLSWrappedSocket) -> list[str]:
    """Read one reply, which may have several lines (RFC 5321 section 4.2.1).

    Byte by byte: what stands behind the reply belongs to TLS, and must stay in the socket.
    """
    lines = [b""]
    while not (lines[-1].endswith(b"\n") and lines[-1][3:4] != b"-"):
        if lines[-1].endswith(b"\n"):
            lines.append(b"")
        octet = stream.recv(1)
        if not octet:
            raise ConnectionError("the server has closed the connection")
        lines[-1] += octet
    return [line.decode("utf-8", "replace").rstrip() for line in lines]


def command(stream: socket.socket | unitls.TLSWrappedSocket, text: str, expected: str) -> list[str]:
    """Send a command and read its reply, which has to begin with `expected`."""
    stream.sendall(f"{text}\r\n".encode())
    reply = read_reply(stream)
    if not reply[-1].startswith(expected):
        raise ConnectionError(f"{text} was answered with {reply[-1]!r}")
    return reply


def upgrade(raw: socket.socket, context: unitls.ClientContext, host: str) -> unitls.TLSWrappedSocket:
    """Ask for TLS, and never go on without it: an attacker could have taken the offer out."""
    read_reply(raw)
    offers = command(raw, "EHLO client.example", "250")
    if not any(line[4:].upper() == "STARTTLS" for line in offers):
        raise ConnectionError("the server does not offer STARTTLS")
    command(raw, "STARTTLS", "220")
    # A server speaks again only after our ClientHello. Bytes that are here already were injected in the clear:
    # wrap_socket refuses them with ProtocolViolation.
    return context.wrap_socket(raw, server_hostname=host)


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description="Show what a mail server offers behind STARTTLS.")
    parser.add_argument("host")
    parser.add_argument("--port", type=int, default=587)
    parser.add_argument("--ca", metavar="FILE", help="trust the certificates in this file, and no others")
    arguments = parser.parse_args()
    context = unitls.get_backend().client_context()
    if arguments.ca:
        context.use_trust_store(unitls.TrustStore.from_file(arguments.ca))
    try:
        with (
            socket.create_connection((arguments.host, arguments.port), timeout=10) as raw,
            upgrade(raw, context, arguments.host) as connection,
        ):
            print("\n".join(command(connection, "EHLO client.example", "250")))
            command(connection, "QUIT", "221")
    except OSError as error:  # the connection's own errors and those of TLS
        print(f"failed: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
