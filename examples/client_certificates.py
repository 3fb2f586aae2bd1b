"""A server that asks for a certificate, and a client that shows one, or none.

$ python examples/client_certificates.py
"""

from __future__ import annotations

import socket
import threading

import unitls
from unitls.testing import load_identities


def make_server_context() -> unitls.ServerContext:
    """A server that lets nobody in without a certificate of its own authority."""
    identities = load_identities()
    context = unitls.get_backend().server_context()
    context.register_certificates(
        [unitls.Certificate.from_buffer(der) for der in identities.server.chain],
        unitls.PrivateKey.from_buffer(identities.server.key_pem),
    )
    # The trust store has to be said: the public roots must not decide who our clients are.
    context.use_trust_store(unitls.TrustStore.from_buffer(identities.ca_pem))
    context.validate_certificates = True
    return context


def make_client_context(with_certificate: bool) -> unitls.ClientContext:
    """A client; its certificate goes out only once the server has been verified."""
    identities = load_identities()
    context = unitls.get_backend().client_context()
    context.use_trust_store(unitls.TrustStore.from_buffer(identities.ca_pem))
    if with_certificate:
        context.register_certificates(
            [unitls.Certificate.from_buffer(der) for der in identities.client.chain],
            unitls.PrivateKey.from_buffer(identities.client.key_pem),
        )
    return context


def welcome(context: unitls.ServerContext, raw: socket.socket) -> None:
    """Serve one connection."""
    raw.settimeout(10)
    with raw, context.wrap_socket(raw) as connection:
        try:
            connection.do_handshake()
            size = len(connection.getpeercert() or b"")
            connection.sendall(f"welcome, holder of a certificate of {size} bytes".encode())
        except OSError as error:  # a ConnectionFault is one
            print("the server refused:", error)


def visit(with_certificate: bool) -> str:
    """Connect, and return what the server said."""
    ours, theirs = socket.socketpair()
    thread = threading.Thread(target=welcome, args=(make_server_context(), theirs))
    thread.start()
    ours.settimeout(10)
    try:
        with ours, make_client_context(with_certificate).wrap_socket(ours, server_hostname="server.test") as connection:
            # With TLS 1.3 the client is done before the server has seen its certificate: a refusal arrives at the first
            # read, as an alert.
            return connection.recv(1024).decode()
    except unitls.PeerAlert as error:
        return f"turned away: {error}"
    finally:
        thread.join(timeout=10)


def main() -> None:
    """Visit with a certificate, then without."""
    print(visit(with_certificate=True))
    print(visit(with_certificate=False))


if __name__ == "__main__":
    main()
