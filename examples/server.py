"""A server: one thread for each connection, which answers every line with the line in upper case.

$ python examples/server.py --cert server.pem --key server.key --port 8443
"""

from __future__ import annotations

import argparse
import socket
import threading
from typing import Any

import unitls


def answer(connection: unitls.TLSWrappedSocket, address: Any) -> None:
    """Serve one client. The handshake happens here, at first use, so that a slow client holds up nobody else."""
    with connection:
        connection.settimeout(10)
        try:
            with connection.makefile("rwb") as stream:
                for line in stream:
                    stream.write(line.upper())
                    stream.flush()
        except OSError as error:  # every fault of a connection is one; the server goes on
            print(f"{address}: {error}", flush=True)


def serve(context: unitls.ServerContext, listener: socket.socket, connections: int) -> None:
    """Accept that many connections (0: without end), each in a thread of its own."""
    with context.wrap_socket(listener) as tls_listener:
        served = 0
        while not connections or served < connections:
            connection, address = tls_listener.accept()
            threading.Thread(target=answer, args=(connection, address)).start()
            served += 1


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description="Answer lines in upper case, over TLS.")
    parser.add_argument("--cert", required=True, help="the certificate and its intermediates, in PEM")
    parser.add_argument("--key", required=True, help="its private key, in PEM")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8443)
    parser.add_argument("--connections", type=int, default=0, help="stop after that many connections")
    arguments = parser.parse_args()

    context = unitls.get_backend().server_context()
    context.register_certificates(unitls.load_chain(arguments.cert), unitls.PrivateKey.from_file(arguments.key))
    listener = socket.create_server((arguments.host, arguments.port))
    print(f"listening on port {listener.getsockname()[1]}", flush=True)
    try:
        serve(context, listener, arguments.connections)
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
