"""The standard library's HTTP server and URL opener over TLS, on whichever backend is the default.

Needs no network: the server and its certificate are made here.

$ python examples/stdlib_https.py
$ UNITLS_BACKEND=rustls python examples/stdlib_https.py
"""

from __future__ import annotations

import threading
import urllib.error

import unitls
from unitls.stdlib.http_server import BaseHTTPRequestHandler, ThreadingHTTPSServer
from unitls.stdlib.urllib_request import urlopen
from unitls.testing import CertificateAuthority


class Handler(BaseHTTPRequestHandler):
    """Says which connection it was asked over. ``self.connection`` is a `TLSWrappedSocket`."""

    timeout = 10

    def do_GET(self) -> None:
        """Answer any path."""
        version = self.connection.negotiated_tls_version  # type: ignore[attr-defined]
        body = f"hello over {version.name}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Keep quiet."""


def server_context(authority: CertificateAuthority) -> unitls.ServerContext:
    """A context with a new certificate for this machine."""
    issued = authority.issue(dns_names=["localhost"])
    chain = [unitls.Certificate.from_buffer(der) for der in issued.chain]
    context = unitls.get_backend().server_context()
    context.register_certificates(chain, unitls.PrivateKey.from_buffer(issued.key_pem))
    return context


def main() -> None:
    """Serve, fetch, and be warned off by a client that does not know the authority."""
    authority = CertificateAuthority.create()
    trusting = unitls.get_backend().client_context()
    trusting.use_trust_store(unitls.TrustStore.from_buffer(authority.certificate_pem))
    stranger = unitls.get_backend().client_context()
    with ThreadingHTTPSServer(("127.0.0.1", 0), Handler, context=server_context(authority)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"https://localhost:{server.server_address[1]}/"
        try:
            with urlopen(url, timeout=10, context=trusting) as response:
                print(response.status, response.read().decode(), end="")
            urlopen(url, timeout=10, context=stranger)
        except urllib.error.URLError as error:
            print("refused:", error.reason)
        finally:
            server.shutdown()
            thread.join()


if __name__ == "__main__":
    main()
