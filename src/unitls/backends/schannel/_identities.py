"""Certificates with their private keys, as SChannel takes them."""

from __future__ import annotations

import ctypes
import hashlib
import weakref
from collections.abc import Callable, Sequence
from typing import Any, Final

from ...api._certificates import Identity
from ...api._errors import ConfigurationError
from ...core._plain_key import plain_pkcs8
from ...core._values import NeutralCertificate, NeutralPrivateKey
from ...platforms.windows._chains import Store
from ...platforms.windows._library import CallFailed
from . import _certificate_structures as cs
from ._keys import Container, keep, remove
from .errors import make
from .native import Error, Libraries, libraries

_FOREIGN: Final = "one of the certificates, or the private key, belongs to another backend"
_STORE: Final = "MY"


class StoredCertificate(NeutralCertificate):
    """A certificate in a store of Windows', found by its thumbprint. Made by `identity_from_store`."""

    __slots__ = ("machine",)

    def __init__(self, der: bytes, *, machine: bool) -> None:
        super().__init__(der)
        self.machine: Final = machine


class StoredKey(NeutralPrivateKey):
    """The private key that belongs to a `StoredCertificate`. It does not leave Windows."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<PrivateKey in Windows' store>"


def identity_from_store(thumbprint: str, *, machine: bool = False) -> Identity:
    """Take a certificate and its key from the user's or the machine's store ("Personal").

    Args:
        thumbprint: the SHA-1 hash of the certificate in hexadecimal, as Windows shows it; spaces and colons are left out.
        machine: whether it is in the machine's store, instead of the user's.

    Raises:
        ConfigurationError: there is none of that thumbprint, or it is no thumbprint.
    """
    try:
        digest = bytes.fromhex(thumbprint.replace(":", "").replace("\u200e", ""))
    except ValueError:
        digest = b""
    if len(digest) != 20:
        raise make(ConfigurationError, "a thumbprint is a SHA-1 hash: 40 hexadecimal digits")
    known = libraries()
    store, context = _find(known, digest, machine)
    try:
        certificate = StoredCertificate(cs.der_of(context.contents), machine=machine)
    finally:
        _close(known, store, context)
    return Identity((certificate,), StoredKey())


def _find(known: Libraries, digest: bytes, machine: bool) -> tuple[Any, Any]:
    place = (cs.LOCAL_MACHINE if machine else cs.CURRENT_USER) | cs.STORE_READ_ONLY
    name = ctypes.c_wchar_p(_STORE)
    store = known.crypt32.CertOpenStore(cs.STORE_SYSTEM, 0, None, place, ctypes.cast(name, ctypes.c_void_p))
    if not store:
        raise _refusal(Error(known.last_error() & 0xFFFFFFFF, "CertOpenStore"), "Windows' store")
    held = ctypes.create_string_buffer(digest, len(digest))
    blob = cs.Blob(len(digest), ctypes.addressof(held))
    context = known.crypt32.CertFindCertificateInStore(
        store, cs.X509_ENCODING, 0, cs.FIND_SHA1_HASH, ctypes.addressof(blob), None
    )
    if not context:
        known.crypt32.CertCloseStore(store, 0)
        whose = "machine" if machine else "user"
        raise make(ConfigurationError, f"the {whose}'s store has no certificate with the thumbprint {digest.hex()}")
    return store, context


def _close(known: Libraries, store: Any, context: Any) -> None:
    known.crypt32.CertFreeCertificateContext(context)
    known.crypt32.CertCloseStore(store, 0)


class LoadedIdentity:
    """A certificate context whose key Windows knows. It is freed, and a key of ours removed, with this object.

    Args:
        context: of the certificate.
        release: called with `arguments` at the end.
        arguments: what it needs.

    Attributes:
        address: of the certificate context.
    """

    __slots__ = ("__weakref__", "_end", "address")

    def __init__(self, context: Any, release: Callable[..., None], *arguments: Any) -> None:
        self.address: int = ctypes.cast(context, ctypes.c_void_p).value or 0
        self._end = weakref.finalize(self, release, *arguments)

    def close(self) -> None:
        """Free it now."""
        self._end()


def load(known: Libraries, identity: Identity) -> LoadedIdentity:
    """Load an identity.

    Args:
        known: Windows' libraries.
        identity: certificates and key, from memory or of `identity_from_store`.

    Raises:
        ConfigurationError: it cannot be used.
    """
    leaf, key = identity.certificates[0], identity.private_key
    if isinstance(leaf, StoredCertificate) and isinstance(key, StoredKey):
        return _load_stored(known, leaf)
    chain = [item.der for item in identity.certificates if isinstance(item, NeutralCertificate) and item.der]
    if len(chain) != len(identity.certificates) or not isinstance(key, NeutralPrivateKey) or key.material is None:
        raise make(ConfigurationError, _FOREIGN)
    pkcs8 = plain_pkcs8(key)
    try:
        return _load_given(known, chain, pkcs8)
    except CallFailed as error:
        raise _refusal(error, "the certificate or its private key") from error


def _load_stored(known: Libraries, leaf: StoredCertificate) -> LoadedIdentity:
    assert leaf.der is not None
    store, context = _find(known, hashlib.sha1(leaf.der, usedforsecurity=False).digest(), leaf.machine)
    return LoadedIdentity(context, _close, known, store, context)


def _load_given(known: Libraries, chain: Sequence[bytes], pkcs8: bytes) -> LoadedIdentity:
    # The intermediates are in the same store, where Windows looks for what it sends along.
    store = Store(known, chain[1:])
    context = store.add(chain[0])
    try:
        container = keep(known, pkcs8)
    except Error:
        _release(known, store, context, None)
        raise
    loaded = LoadedIdentity(context, _release, known, store, context, container)
    provider = container.described()
    if not known.crypt32.CertSetCertificateContextProperty(
        context, cs.PROPERTY_KEY_PROVIDER, 0, ctypes.addressof(provider)
    ):
        loaded.close()
        raise Error(known.last_error() & 0xFFFFFFFF, "CertSetCertificateContextProperty")
    return loaded


def _release(known: Libraries, store: Store, context: Any, container: Container | None) -> None:
    known.crypt32.CertFreeCertificateContext(context)
    if container is not None:
        remove(known, container)
    del store  # it holds what the context points to


def _refusal(error: CallFailed, what: str) -> Exception:
    return make(
        ConfigurationError,
        f"{what} cannot be used: {error.text} says 0x{error.code:08X}",
        native_code=error.code,
        native_text=error.text,
    )
