"""A WebSocket server on any backend, with the package websockets: ``ssl`` takes a context as it is.

$ python examples/recipes/websockets_server.py --cert server.pem --key server.key --backend rustls
"""

from __future__ import annotations

import argparse
import asyncio
import signal

from websockets.asyncio.server import ServerConnection, serve

from unitls.compat import ssl


async def shout(websocket: ServerConnection) -> None:
    """Answer each message in capitals."""
    async for message in websocket:
        assert isinstance(message, str)
        await websocket.send(message.upper())


def server_context(asked: argparse.Namespace) -> ssl.SSLContext:
    """The context of a server, which asks for client certificates if it is told whose."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=asked.client_ca, backend=asked.backend)
    context.load_cert_chain(asked.cert, asked.key)
    if asked.client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
    return context


async def run(context: ssl.SSLContext, port: int) -> None:
    """Serve until a signal says that it is enough."""
    async with serve(shout, "127.0.0.1", port, ssl=context) as server:
        print(f"serving on port {next(iter(server.sockets)).getsockname()[1]}", flush=True)
        enough = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, enough.set)
        await enough.wait()


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description="A WebSocket server.")
    parser.add_argument("--cert", metavar="FILE", required=True, help="the certificate chain")
    parser.add_argument("--key", metavar="FILE", required=True)
    parser.add_argument("--client-ca", metavar="FILE", help="ask for certificates of these authorities")
    parser.add_argument("--port", type=int, default=8443)
    parser.add_argument("--backend", help="the TLS library (default: the default one)")
    asked = parser.parse_args()
    asyncio.run(run(server_context(asked), asked.port))


if __name__ == "__main__":
    main()
