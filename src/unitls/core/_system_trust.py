"""What a Linux or BSD system trusts, for every backend: its anchors, and what its administrator has blocked.

On systems with a verification of their own the anchors are that one's business (`unitls.core._platform`).
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from ..api._errors import ConfigurationError
from ._blocklist import blocked_certificates, is_blocked
from ._der import DERError
from ._pem import is_pem, pem_blocks
from ._system_files import Stamp, stamp_of, stamps_in
from ._x509 import parse_certificate

BUNDLES: Final = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Arch, Gentoo, Alpine
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, RHEL, CentOS
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",  # openSUSE
    "/etc/ssl/cert.pem",  # macOS, OpenBSD, FreeBSD, Alpine
    "/usr/local/share/certs/ca-root-nss.crt",  # FreeBSD
)
FOLDERS: Final = (
    "/etc/ssl/certs",  # FreeBSD, and distributions without a bundle
    "/etc/openssl/certs",  # NetBSD
)
_HASHED: Final = re.compile(r"[0-9a-f]{8}\.[0-9]+")
"""The name of a file in a folder for OpenSSL: the hash of the subject, and a number (c_rehash)."""
_ADVICE: Final = (
    "install the package ca-certificates, set SSL_CERT_FILE or SSL_CERT_DIR, or give a trust store of your own"
)


class SystemAnchors(NamedTuple):
    """The anchors of the system.

    Attributes:
        anchors: in DER; those that cannot be read are left out.
        origin: the files and folders they come from, for a message.
    """

    anchors: tuple[bytes, ...]
    origin: str


class _Places(NamedTuple):
    """Where to look.

    Attributes:
        bundle: a file of certificates, if any.
        folders: folders of such files.
        is_named: whether the environment says so.
    """

    bundle: str | None
    folders: tuple[str, ...]
    is_named: bool


def system_anchors() -> SystemAnchors:
    """The anchors of the system's trust store, as they are now, without those that are blocked.

    ``SSL_CERT_FILE`` (one file) and ``SSL_CERT_DIR`` (folders, separated as in ``PATH``) take the place of all the usual
    ones, if either is set. In a folder only the files named by a hash count, as for OpenSSL; if there are none, all do.
    What was read before is read again only when it has changed.

    Raises:
        ConfigurationError: there are none, or the file that ``SSL_CERT_FILE`` names cannot be read.
    """
    places = _places()
    bundle = None if places.bundle is None else _stamp_of_bundle(places)
    anchors = _read_all(bundle, tuple(stamp for folder in places.folders for stamp in stamps_in(folder, _HASHED)))
    blocked = blocked_certificates()
    if blocked:
        anchors = tuple(der for der in anchors if not is_blocked(der, blocked))
    origin = " and ".join(item for item in (places.bundle, *places.folders) if item)
    if not anchors:
        where = f"there is no certificate in {origin}" if origin else "none of the usual places is there"
        raise ConfigurationError(f"the system's trust store is empty or was not found ({where}): {_ADVICE}")
    return SystemAnchors(anchors, origin)


def system_bundle() -> str | None:
    """The file of the system's anchors: what ``SSL_CERT_FILE`` says, else the first of the usual places that is there."""
    return _places().bundle


def _places() -> _Places:
    file, folders = (
        (None, None)
        if sys.flags.ignore_environment
        else (os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))
    )
    if file or folders:
        return _Places(file or None, tuple(filter(None, (folders or "").split(os.pathsep))), True)
    bundle = next((path for path in BUNDLES if os.path.isfile(path)), None)
    return _Places(bundle, () if bundle else tuple(filter(os.path.isdir, FOLDERS)), False)


def _stamp_of_bundle(places: _Places) -> Stamp:
    assert places.bundle is not None
    try:
        return stamp_of(places.bundle)
    except OSError as error:
        why = "SSL_CERT_FILE names it" if places.is_named else "it is the system's trust store"
        raise ConfigurationError(f"{places.bundle} cannot be read ({error.strerror}), and {why}") from error


@lru_cache(maxsize=4)
def _read_all(bundle: Stamp | None, others: tuple[Stamp, ...]) -> tuple[bytes, ...]:
    found: list[bytes] = []
    if bundle is not None:
        try:
            found += certificates_of(bundle[0])
        except (OSError, ConfigurationError) as error:
            raise ConfigurationError(f"{bundle[0]}: {error}") from error
    for path, *_ in others:
        with contextlib.suppress(OSError, ConfigurationError):  # a folder may hold other things too
            found += certificates_of(path)
    return tuple(dict.fromkeys(found))


def certificates_of(path: str, labels: Sequence[str] = ("CERTIFICATE", "X509 CERTIFICATE")) -> list[bytes]:
    """The certificates in a file, in PEM or DER, one that cannot be understood left out: nobody will miss it.

    Args:
        path: the file.
        labels: which blocks of PEM count.

    Raises:
        OSError: the file cannot be read.
        ConfigurationError: it is damaged.
    """
    with open(path, "rb") as file:
        content = file.read()
    if not content.strip():
        return []
    is_text = is_pem(content, "certificate")
    blocks = [block.decoded() for block in pem_blocks(content) if block.label in labels] if is_text else [content]
    return [der for der in blocks if _is_certificate(der)]


def _is_certificate(der: bytes) -> bool:
    try:
        parse_certificate(der)
    except DERError:
        return False
    return True
