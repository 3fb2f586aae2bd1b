"""redis-py on any backend, without a line of unitls: the program makes its own contexts, and is run by the face of ssl.

$ python -m unitls.compat.ssl --backend mbedtls examples/recipes/redis_client.py localhost 6380 --ca ca.pem
"""

from __future__ import annotations

import argparse
import ssl
import sys

import redis


def main() -> int:
    """Store something, and get it back."""
    parser = argparse.ArgumentParser(description="Redis over TLS.")
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("--ca", metavar="FILE", help="trust the certificates in this file, and no others")
    asked = parser.parse_args()
    options = {"ssl": True, "ssl_ca_certs": asked.ca, "socket_timeout": 20, "decode_responses": True}
    with redis.Redis(asked.host, asked.port, retry=None, **options) as client:
        try:
            client.set("greeting", "hello")
            print(client.get("greeting"), "by", ssl.OPENSSL_VERSION)
        except redis.exceptions.ConnectionError as error:
            print(f"refused: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
