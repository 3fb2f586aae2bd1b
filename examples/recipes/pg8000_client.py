"""PostgreSQL in pure Python on any backend: pg8000 begins in the clear, and gives the socket to a context of ours.

$ PGPASSWORD=… python examples/recipes/pg8000_client.py localhost 5432 --user me --ca ca.pem --backend rustls
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

import pg8000.dbapi

from unitls.compat import ssl


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask the server how the connection is protected."""
    parser = argparse.ArgumentParser(description="PostgreSQL with pg8000.")
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("--user", required=True)
    parser.add_argument("--ca", metavar="FILE", help="trust the certificates in this file, and no others")
    parser.add_argument("--backend", help="the TLS library (default: the default one)")
    asked = parser.parse_args(arguments)
    context = ssl.create_default_context(cafile=asked.ca, backend=asked.backend)
    try:
        connection = pg8000.dbapi.connect(
            asked.user,
            asked.host,
            "postgres",
            asked.port,
            os.environ.get("PGPASSWORD"),
            ssl_context=context,
            timeout=20,
        )
    except ssl.SSLCertVerificationError as error:
        print(f"refused: {error}", file=sys.stderr)
        return 1
    try:
        cursor = connection.cursor()
        cursor.execute("SELECT version, cipher FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        print(*cursor.fetchone())
    finally:
        connection.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
