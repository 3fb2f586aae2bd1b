"""Adds the test authority to the user's roots, has the backends connect with the system's trust, and removes it again.

Windows itself would ask the user. Runs under Wine, in a process of its own.
"""

from __future__ import annotations

import ctypes
import hashlib
import sys
import winreg
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src"))

import unitls
from unitls import TrustStore
from unitls.backends.schannel import _certificate_structures as cs
from unitls.backends.schannel import native
from unitls.platforms.windows._structures import ADD_ALWAYS
from unitls.testing._kit import Drive, Kit

_ROOTS = r"Software\Microsoft\SystemCertificates\Root\Certificates"


def _add(der: bytes) -> None:
    crypt32 = native.libraries().crypt32
    name = ctypes.c_wchar_p("ROOT")
    store = crypt32.CertOpenStore(cs.STORE_SYSTEM, 0, None, cs.CURRENT_USER, ctypes.cast(name, ctypes.c_void_p))
    assert store
    assert crypt32.CertAddEncodedCertificateToStore(store, cs.X509_ENCODING, der, len(der), ADD_ALWAYS, None)
    crypt32.CertCloseStore(store, 0)  # it is written now


def _remove(der: bytes) -> None:
    """Remove a root where it is kept: Wine does not write what CertDeleteCertificateFromStore has removed."""
    thumbprint = hashlib.sha1(der, usedforsecurity=False).hexdigest().upper()
    winreg.DeleteKey(winreg.HKEY_CURRENT_USER, f"{_ROOTS}\\{thumbprint}")  # type: ignore[attr-defined]


def main() -> None:
    """Do it."""
    trusted = {name: Kit(unitls.get_backend(name), unitls.get_backend("openssl"), Drive.WHOLE, None)
               for name in ("schannel", "openssl")}  # fmt: skip
    der = trusted["openssl"].identities.authority.certificate_der
    _add(der)
    try:
        for kit in trusted.values():
            pair = kit.connected(kit.client(trust_store=TrustStore.system()))
            pair.echo()
            print(pair.client.tls.context.verifier)
    finally:
        _remove(der)


if __name__ == "__main__":
    main()
