"""`smtplib` over any backend: what a mail server offers behind STARTTLS.

$ python examples/stdlib_mail.py mail.example.org
$ UNITLS_BACKEND=rustls python examples/stdlib_mail.py localhost --port 2525 --ca ca.pem
"""

from __future__ import annotations

import argparse
import sys

import unitls
from unitls.stdlib import smtplib


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description="Show what a mail server offers behind STARTTLS.")
    parser.add_argument("host")
    parser.add_argument("--port", type=int, default=587)
    parser.add_argument("--ca", metavar="FILE", help="trust the certificates in this file, and no others")
    arguments = parser.parse_args()
    context = unitls.get_backend().client_context()
    if arguments.ca:
        context.use_trust_store(unitls.TrustStore.from_file(arguments.ca))
    try:
        with smtplib.SMTP(arguments.host, arguments.port, "client.example", timeout=10) as client:
            client.starttls(context=context)  # an error unless the server offers it and its certificate is good
            client.ehlo()
            print("\n".join(f"{name} {parameters.strip()}" for name, parameters in client.esmtp_features.items()))
    except (OSError, smtplib.SMTPException) as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
