"""urllib3 on any backend: a pool manager takes a context as it is.

$ python examples/recipes/urllib3_client.py https://localhost:8443/ --ca ca.pem --backend gnutls
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import urllib3

from unitls.compat import ssl


def main(arguments: Sequence[str] | None = None) -> int:
    """Fetch a page twice, on one connection."""
    parser = argparse.ArgumentParser(description="HTTPS with urllib3.")
    parser.add_argument("url")
    parser.add_argument("--ca", metavar="FILE", help="trust the certificates in this file, and no others")
    parser.add_argument("--backend", help="the TLS library (default: the default one)")
    asked = parser.parse_args(arguments)
    context = ssl.create_default_context(cafile=asked.ca, backend=asked.backend)
    with urllib3.PoolManager(ssl_context=context, timeout=20, retries=False) as pool:
        try:
            for _ in range(2):
                answer = pool.request("GET", asked.url)
                print(answer.status, answer.data.decode().strip())
        except urllib3.exceptions.SSLError as error:
            print(f"refused: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
