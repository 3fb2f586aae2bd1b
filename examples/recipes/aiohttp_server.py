"""aiohttp's server on any backend: a site takes a context as it is.

$ python examples/recipes/aiohttp_server.py --cert server.pem --key server.key --backend rustls
"""

from __future__ import annotations

import argparse
import asyncio
import signal

from aiohttp import web

from unitls.compat import ssl


async def hello(request: web.Request) -> web.Response:
    """Say over what the request has come."""
    connection = request.transport.get_extra_info("ssl_object")
    return web.Response(text=f"hello over {connection.version()}")


def server_context(asked: argparse.Namespace) -> ssl.SSLContext:
    """The context of a server, which asks for client certificates if it is told whose."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=asked.client_ca, backend=asked.backend)
    context.load_cert_chain(asked.cert, asked.key)
    if asked.client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
    return context


async def serve(context: ssl.SSLContext, port: int) -> None:
    """Serve until a signal says that it is enough."""
    application = web.Application()
    application.router.add_get("/", hello)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port, ssl_context=context).start()
        print(f"serving on port {runner.addresses[0][1]}", flush=True)
        enough = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, enough.set)
        await enough.wait()
    finally:
        await runner.cleanup()


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description="HTTPS with aiohttp.")
    parser.add_argument("--cert", metavar="FILE", required=True, help="the certificate chain")
    parser.add_argument("--key", metavar="FILE", required=True)
    parser.add_argument("--client-ca", metavar="FILE", help="ask for certificates of these authorities")
    parser.add_argument("--port", type=int, default=8443)
    parser.add_argument("--backend", help="the TLS library (default: the default one)")
    asked = parser.parse_args()
    asyncio.run(serve(server_context(asked), asked.port))


if __name__ == "__main__":
    main()
