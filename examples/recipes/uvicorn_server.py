"""uvicorn on any backend: it asks a factory for its context. SIGHUP makes it read its certificate again, without a restart.

$ python examples/recipes/uvicorn_server.py --cert server.pem --key server.key --backend gnutls
"""

from __future__ import annotations

import argparse
import signal
from typing import Any

import uvicorn

from unitls.compat import ssl


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Say hello (ASGI)."""
    if scope["type"] == "http":
        headers = [(b"content-type", b"text/plain")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": f"hello over {scope['scheme']}".encode()})


def server_context(asked: argparse.Namespace) -> ssl.SSLContext:
    """The context of a server, which asks for client certificates if it is told whose."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=asked.client_ca, backend=asked.backend)
    context.load_cert_chain(asked.cert, asked.key)
    if asked.client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def reload_on_hangup(context: ssl.SSLContext, cert: str, key: str) -> None:
    """Let SIGHUP give new connections the certificate that is in the files then; what does not fit is left alone."""

    def reload(*_: object) -> None:
        try:
            context.load_cert_chain(cert, key)
        except (ssl.SSLError, OSError) as error:
            print(f"kept the old certificate: {error}", flush=True)
        else:
            print("the certificate was reloaded", flush=True)

    signal.signal(signal.SIGHUP, reload)


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description="HTTPS with uvicorn.")
    parser.add_argument("--cert", metavar="FILE", required=True, help="the certificate chain")
    parser.add_argument("--key", metavar="FILE", required=True)
    parser.add_argument("--client-ca", metavar="FILE", help="ask for certificates of these authorities")
    parser.add_argument("--port", type=int, default=8443)
    parser.add_argument("--backend", help="the TLS library (default: the default one)")
    asked = parser.parse_args()
    context = server_context(asked)
    reload_on_hangup(context, asked.cert, asked.key)
    uvicorn.run(
        application,
        host="127.0.0.1",
        port=asked.port,
        lifespan="off",
        ssl_context_factory=lambda config, default: context,
    )


if __name__ == "__main__":
    main()
