"""PostgreSQL with asyncpg on any backend: ``ssl`` takes a context as it is.

$ PGPASSWORD=… python examples/recipes/asyncpg_client.py localhost 5432 --user me --ca ca.pem --backend gnutls
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence

import asyncpg

from unitls.compat import ssl


async def ask(host: str, port: int, user: str, context: ssl.SSLContext) -> None:
    """Ask the server how the connection is protected."""
    connection = await asyncpg.connect(
        host=host,
        port=port,
        user=user,
        password=os.environ.get("PGPASSWORD"),
        database="postgres",
        ssl=context,
        timeout=20,
    )
    try:
        row = await connection.fetchrow("SELECT version, cipher FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        print(*row)
    finally:
        await connection.close()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run."""
    parser = argparse.ArgumentParser(description="PostgreSQL with asyncpg.")
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("--user", required=True)
    parser.add_argument("--ca", metavar="FILE", help="trust the certificates in this file, and no others")
    parser.add_argument("--backend", help="the TLS library (default: the default one)")
    asked = parser.parse_args(arguments)
    context = ssl.create_default_context(cafile=asked.ca, backend=asked.backend)
    try:
        asyncio.run(ask(asked.host, asked.port, asked.user, context))
    except ssl.SSLCertVerificationError as error:
        print(f"refused: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
