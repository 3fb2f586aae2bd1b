"""TLS without a socket: two memory buffers, and the program itself carries the bytes.

Both ends live in this process; whatever one writes to its outgoing buffer is put into the other's incoming one.

$ python examples/buffers.py
"""

from __future__ import annotations

import contextlib

import unitls
from unitls.testing import load_identities


class End:
    """One end of a connection, with the buffers it reads ciphertext from and writes it to."""

    def __init__(self, context: unitls.ClientContext | unitls.ServerContext, host: str | None = None) -> None:
        self.incoming = context.backend.memory_buffer()
        self.outgoing = context.backend.memory_buffer()
        if isinstance(context, unitls.ClientContext):
            self.tls = context.wrap_buffers(self.incoming, self.outgoing, server_hostname=host)
        else:
            self.tls = context.wrap_buffers(self.incoming, self.outgoing)

    def send_to(self, other: End) -> None:
        """Carry what has to go out. A real program would write it to a network."""
        other.incoming.write(self.outgoing.read())


def shake_hands(client: End, server: End) -> None:
    """Step by step: an end that needs more from its peer says so with WantReadError."""
    for _ in range(4):
        for end, other in ((client, server), (server, client)):
            with contextlib.suppress(unitls.WantReadError):
                end.tls.do_handshake()
            end.send_to(other)


def main() -> None:
    """Make two contexts from test certificates, and let them talk."""
    identities = load_identities()
    tls = unitls.get_backend()
    server_context = tls.server_context()
    server_context.register_certificates(
        [unitls.Certificate.from_buffer(der) for der in identities.server.chain],
        unitls.PrivateKey.from_buffer(identities.server.key_pem),
    )
    client_context = tls.client_context()
    client_context.use_trust_store(unitls.TrustStore.from_buffer(identities.ca_pem))

    client, server = End(client_context, host="server.test"), End(server_context)
    shake_hands(client, server)
    print("negotiated:", client.tls.negotiated_tls_version)

    client.tls.write(b"a question")
    client.send_to(server)
    print("the server read:", server.tls.read())

    server.tls.write(b"an answer")
    server.tls.shutdown()  # close_notify: the peer can tell this end from a cut connection
    server.send_to(client)
    print("the client read:", client.tls.read())
    print("and then the end:", client.tls.read())


if __name__ == "__main__":
    main()
