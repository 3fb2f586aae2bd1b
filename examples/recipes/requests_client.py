"""requests on any backend: an adapter that gives a session's pools a context.

$ python examples/recipes/requests_client.py https://localhost:8443/ --ca ca.pem --backend rustls
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

import requests
import requests.adapters

from unitls.compat import ssl


class TLSAdapter(requests.adapters.HTTPAdapter):
    """Makes every connection with one context, those through a proxy too."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.context = context
        super().__init__()

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> Any:
        """Leave it to the context whom to trust: a path from an argument or the environment would be added to that."""
        return super().build_connection_pool_key_attributes(request, verify is not False, cert)

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Likewise: the roots of certifi would be added."""
        super().cert_verify(conn, url, verify, cert)
        conn.ca_certs = conn.ca_cert_dir = None

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Give the context to the pools for direct connections."""
        super().init_poolmanager(*args, ssl_context=self.context, **options)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """Give it to those behind a proxy."""
        return super().proxy_manager_for(proxy, ssl_context=self.context, **options)


def main(arguments: Sequence[str] | None = None) -> int:
    """Fetch a page twice, on one connection."""
    parser = argparse.ArgumentParser(description="HTTPS with requests.")
    parser.add_argument("url")
    parser.add_argument("--ca", metavar="FILE", help="trust the certificates in this file, and no others")
    parser.add_argument("--backend", help="the TLS library (default: the default one)")
    asked = parser.parse_args(arguments)
    context = ssl.create_default_context(cafile=asked.ca, backend=asked.backend)
    with requests.Session() as session:
        session.mount("https://", TLSAdapter(context))
        try:
            for _ in range(2):
                answer = session.get(asked.url, timeout=20)
                print(answer.status_code, answer.text.strip())
        except requests.exceptions.SSLError as error:
            print(f"refused: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
