"""httpx on any backend: ``verify`` takes a context as it is; here without and with an event loop, and over HTTP/2.

$ python examples/recipes/httpx_client.py https://localhost:8443/ --ca ca.pem --backend nss --http2 --asynchronous
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence

import httpx

from unitls.compat import ssl


def fetch(url: str, context: ssl.SSLContext, http2: bool) -> list[httpx.Response]:
    """Fetch a page twice, on one connection."""
    with httpx.Client(verify=context, http2=http2, timeout=20) as client:
        return [client.get(url) for _ in range(2)]


async def fetch_asynchronously(url: str, context: ssl.SSLContext, http2: bool) -> list[httpx.Response]:
    """Likewise, on an event loop."""
    async with httpx.AsyncClient(verify=context, http2=http2, timeout=20) as client:
        return [await client.get(url) for _ in range(2)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Fetch a page in the way that is asked for."""
    parser = argparse.ArgumentParser(description="HTTPS with httpx.")
    parser.add_argument("url")
    parser.add_argument("--ca", metavar="FILE", help="trust the certificates in this file, and no others")
    parser.add_argument("--backend", help="the TLS library (default: the default one)")
    parser.add_argument("--http2", action="store_true", help="offer HTTP/2 (needs the package h2)")
    parser.add_argument("--asynchronous", action="store_true", help="use an event loop")
    asked = parser.parse_args(arguments)
    context = ssl.create_default_context(cafile=asked.ca, backend=asked.backend)
    try:
        if asked.asynchronous:
            answers = asyncio.run(fetch_asynchronously(asked.url, context, asked.http2))
        else:
            answers = fetch(asked.url, context, asked.http2)
    except httpx.ConnectError as error:
        print(f"refused: {error}", file=sys.stderr)
        return 1
    for answer in answers:
        print(answer.status_code, answer.http_version, answer.text.strip())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
