"""Where a Linux or BSD system keeps its trusted roots, for libraries that do not know it themselves."""

from __future__ import annotations

import os
import sys
from typing import Final

BUNDLES: Final = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Arch, Gentoo, Alpine
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, RHEL, CentOS
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",  # openSUSE
    "/etc/ssl/cert.pem",  # macOS, OpenBSD, FreeBSD, Alpine
    "/usr/local/share/certs/ca-root-nss.crt",  # FreeBSD
)


def system_bundle() -> str | None:
    """The file of trusted roots: what ``SSL_CERT_FILE`` says, else the first of the usual places that is there."""
    named = None if sys.flags.ignore_environment else os.environ.get("SSL_CERT_FILE")
    if named:
        return named
    return next((path for path in BUNDLES if os.path.isfile(path)), None)
