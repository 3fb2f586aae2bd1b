"""An HTTPS server and its client on an event loop: `unitls.asyncio` with the streams of asyncio, on any backend.

The server answers each request on a connection in turn. A client that does not trust it is refused, and the server goes on.

$ python examples/asyncio_http.py --backend openssl
"""

from __future__ import annotations

import argparse
import asyncio

import unitls
import unitls.asyncio
from unitls.testing import load_identities


async def serve(reader: asyncio.StreamReader, writer: unitls.asyncio.StreamWriter) -> None:
    """Answer the requests of one connection until the client closes it."""
    try:
        while request := await reader.readline():
            while (await reader.readline()).strip():
                pass  # headers
            method, path, _ = request.decode("ascii").split()
            body = f"hello, {method} {path}".encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
            await writer.drain()
    except OSError as error:  # every fault of a connection is one; the server goes on
        print(f"a connection was lost: {error}")
    finally:
        writer.close()


async def get(reader: asyncio.StreamReader, writer: unitls.asyncio.StreamWriter, path: str) -> str:
    """Ask for one path, and give status and body."""
    writer.write(f"GET {path} HTTP/1.1\r\nHost: server.test\r\n\r\n".encode())
    status = (await reader.readline()).split(maxsplit=1)[1].strip().decode()
    size = 0
    while header := (await reader.readline()).strip():
        name, _, value = header.partition(b":")
        if name.lower() == b"content-length":
            size = int(value)
    body = (await reader.readexactly(size)).decode()
    assert writer.tls is not None
    assert writer.tls.negotiated_tls_version is not None
    return f"{status} over {writer.tls.negotiated_tls_version.name}: {body}"


async def talk(server: unitls.ServerContext, client: unitls.ClientContext, stranger: unitls.ClientContext) -> None:
    """Start the server, send it two requests on one connection, and let a stranger try."""
    async with await unitls.asyncio.start_server(serve, "127.0.0.1", 0, context=server) as listener:
        host, port = listener.sockets[0].getsockname()
        reader, writer = await unitls.asyncio.open_connection(
            host, port, context=client, server_hostname="server.test", ssl_handshake_timeout=10
        )
        for path in ("/first", "/second"):
            print(await get(reader, writer, path))
        writer.close()
        await writer.wait_closed()
        try:
            await unitls.asyncio.open_connection(host, port, context=stranger, server_hostname="server.test")
        except unitls.CertificateVerificationError as error:
            print("a stranger is refused:", error.failure.value)


def main() -> None:
    """Make the contexts from test certificates, and let them talk."""
    parser = argparse.ArgumentParser(description="HTTPS over an event loop.")
    parser.add_argument("--backend", help="the TLS library (default: the default one)")
    tls = unitls.get_backend(parser.parse_args().backend)
    identities = load_identities()
    server, client, stranger = tls.server_context(), tls.client_context(), tls.client_context()
    server.register_certificates(
        [unitls.Certificate.from_buffer(der) for der in identities.server.chain],
        unitls.PrivateKey.from_buffer(identities.server.key_pem),
    )
    client.use_trust_store(unitls.TrustStore.from_buffer(identities.ca_pem))
    asyncio.run(asyncio.wait_for(talk(server, client, stranger), timeout=30))


if __name__ == "__main__":
    main()
