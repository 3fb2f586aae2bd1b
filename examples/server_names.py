"""One server, several certificates: the one that fits the client's server name (SNI) is shown.

A callback sees the name first, and may put another context in place, with its own certificates, versions and protocols.

$ python examples/server_names.py
"""

from __future__ import annotations

import contextlib
import socket
import threading

import unitls
from unitls.testing import Issued, load_identities


def register(context: unitls.ServerContext, issued: Issued) -> None:
    """Register a certificate; with several on one context, the server name chooses, wildcards included."""
    context.register_certificates(
        [unitls.Certificate.from_buffer(der) for der in issued.chain], unitls.PrivateKey.from_buffer(issued.key_pem)
    )


def make_server_context() -> unitls.ServerContext:
    """Two certificates chosen by name, and for one name a context of its own."""
    identities, tls = load_identities(), unitls.get_backend()
    context, strict = tls.server_context(), tls.server_context()
    register(context, identities.server)  # server.test, localhost
    register(context, identities.second_server)  # other.test, *.other.test
    register(strict, identities.second_server)
    strict.set_version_range(lower_bound=unitls.TLSVersion.TLSv1_3)

    def by_name(wrapped: unitls.TLSBufferObject, name: str | None, context: unitls.Context) -> str | None:
        if name == "strict.other.test":
            wrapped.context = strict
        return None if name else "we need a server name"  # anything but None refuses

    context.set_sni_callback(by_name)
    return context


def connect(name: str, server_context: unitls.ServerContext, upper_bound: unitls.TLSVersion) -> str:
    """Connect to the server under `name`, and say what came of it."""
    ours, theirs = socket.socketpair()
    ours.settimeout(10)
    thread = threading.Thread(target=serve_one, args=(server_context, theirs))
    thread.start()
    client_context = unitls.get_backend().client_context()
    client_context.use_trust_store(unitls.TrustStore.from_buffer(load_identities().ca_pem))
    client_context.set_version_range(upper_bound=upper_bound)
    try:
        with ours, client_context.wrap_socket(ours, server_hostname=name) as connection:
            connection.recv(16)
            leaf = connection.getpeercert()
            which = "server" if leaf == load_identities().server.chain[0] else "second_server"
            return f"{name}: {which}, {connection.negotiated_tls_version}"
    except unitls.ConnectionFault as error:
        return f"{name}: refused ({error})"
    finally:
        thread.join(timeout=10)


def serve_one(context: unitls.ServerContext, raw: socket.socket) -> None:
    """Greet one client, as a server."""
    raw.settimeout(10)
    with raw, context.wrap_socket(raw) as connection, contextlib.suppress(OSError):  # the client tells the story
        connection.sendall(b"hello")


def main() -> None:
    """Ask for four names."""
    context, newest = make_server_context(), unitls.TLSVersion.MAXIMUM_SUPPORTED
    print(connect("server.test", context, newest))
    print(connect("www.other.test", context, newest))
    print(connect("strict.other.test", context, newest))
    print(connect("strict.other.test", context, unitls.TLSVersion.TLSv1_2))


if __name__ == "__main__":
    main()
