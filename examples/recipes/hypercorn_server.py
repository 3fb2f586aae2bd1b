"""hypercorn on any backend, with HTTP/2: a configuration that makes its context our way.

$ python examples/recipes/hypercorn_server.py --cert server.pem --key server.key --backend nss
"""

from __future__ import annotations

import argparse
import asyncio
import signal
from typing import Any

from hypercorn.asyncio import serve
from hypercorn.config import Config

from unitls.compat import ssl


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Say hello (ASGI)."""
    if scope["type"] == "http":
        headers = [(b"content-type", b"text/plain")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        body = f"hello over {scope['scheme']}, HTTP/{scope['http_version']}"
        await send({"type": "http.response.body", "body": body.encode()})


def server_context(asked: argparse.Namespace) -> ssl.SSLContext:
    """The context of a server, which asks for client certificates if it is told whose."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=asked.client_ca, backend=asked.backend)
    context.load_cert_chain(asked.cert, asked.key)
    if asked.client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
    return context


class TLSConfig(Config):
    """A configuration with a context of its own, instead of names of files."""

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__()
        self.context = context
        context.set_alpn_protocols(self.alpn_protocols)

    @property
    def ssl_enabled(self) -> bool:
        """Whether there is TLS: always."""
        return True

    def create_ssl_context(self) -> ssl.SSLContext:
        """Give the context."""
        return self.context


async def run(config: Config) -> None:
    """Serve until a signal says that it is enough."""
    enough = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, enough.set)
    await serve(application, config, shutdown_trigger=enough.wait)


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description="HTTPS with hypercorn.")
    parser.add_argument("--cert", metavar="FILE", required=True, help="the certificate chain")
    parser.add_argument("--key", metavar="FILE", required=True)
    parser.add_argument("--client-ca", metavar="FILE", help="ask for certificates of these authorities")
    parser.add_argument("--port", type=int, default=8443)
    parser.add_argument("--backend", help="the TLS library (default: the default one)")
    asked = parser.parse_args()
    config = TLSConfig(server_context(asked))
    config.bind = [f"127.0.0.1:{asked.port}"]
    asyncio.run(run(config))


if __name__ == "__main__":
    main()
