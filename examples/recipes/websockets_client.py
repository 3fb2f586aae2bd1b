"""A WebSocket client on any backend, with the package websockets: ``ssl`` takes a context as it is.

$ python examples/recipes/websockets_client.py wss://localhost:8443/ --ca ca.pem --backend gnutls
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence

from websockets.asyncio.client import connect

from unitls.compat import ssl


async def talk(url: str, context: ssl.SSLContext) -> None:
    """Send two messages, and wait for the answer to each."""
    async with connect(url, ssl=context, open_timeout=20, proxy=None) as websocket:
        for message in ("hello", "again"):
            await websocket.send(message)
            print(await websocket.recv())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run."""
    parser = argparse.ArgumentParser(description="A WebSocket client.")
    parser.add_argument("url")
    parser.add_argument("--ca", metavar="FILE", help="trust the certificates in this file, and no others")
    parser.add_argument("--backend", help="the TLS library (default: the default one)")
    asked = parser.parse_args(arguments)
    context = ssl.create_default_context(cafile=asked.ca, backend=asked.backend)
    try:
        asyncio.run(talk(asked.url, context))
    except ssl.SSLCertVerificationError as error:
        print(f"refused: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
