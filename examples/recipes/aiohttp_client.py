"""aiohttp's client on any backend: ``ssl`` takes a context as it is.

$ python examples/recipes/aiohttp_client.py https://localhost:8443/ --ca ca.pem --backend rustls
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence

import aiohttp

from unitls.compat import ssl


async def fetch(url: str, context: ssl.SSLContext) -> None:
    """Fetch a page twice, on one connection."""
    connector = aiohttp.TCPConnector(ssl=context)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(20)) as session:
        for _ in range(2):
            async with session.get(url) as answer:
                print(answer.status, (await answer.text()).strip())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run."""
    parser = argparse.ArgumentParser(description="HTTPS with aiohttp.")
    parser.add_argument("url")
    parser.add_argument("--ca", metavar="FILE", help="trust the certificates in this file, and no others")
    parser.add_argument("--backend", help="the TLS library (default: the default one)")
    asked = parser.parse_args(arguments)
    context = ssl.create_default_context(cafile=asked.ca, backend=asked.backend)
    try:
        asyncio.run(fetch(asked.url, context))
    except aiohttp.ClientConnectorCertificateError as error:
        print(f"refused: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
