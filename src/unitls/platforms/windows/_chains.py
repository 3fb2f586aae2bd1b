"""Chains of certificates, built and checked by Windows (CertGetCertificateChain)."""

from __future__ import annotations

import ctypes
import functools
import operator
import weakref
from collections.abc import Iterable, Sequence
from ctypes import byref
from typing import Any, Final, NamedTuple

from . import _structures as cs
from ._library import CallFailed, Library

PARTIAL_CHAIN: Final = 0x10000
UNTRUSTED_ROOT: Final = 0x20
_ABOVE: Final = PARTIAL_CHAIN | UNTRUSTED_ROOT
_SIGNATURE: Final = 0x8
_ABOVE_POLICY: Final = frozenset({0x800B0109, 0x800B010A})
"""CERT_E_UNTRUSTEDROOT and CERT_E_CHAINING: the policy's words for the same two."""


class Found(NamedTuple):
    """A chain, and what Windows thinks of it.

    Attributes:
        path: the certificates in DER, the leaf first.
        errors: for each of them the bits of its trust status.
        status: the bits for the whole.
        policy: what the policy for TLS says; 0 for no objection.
        policy_at: which certificate it speaks of; -1 where it is about the whole.
    """

    path: tuple[bytes, ...]
    errors: tuple[int, ...]
    status: int
    policy: int
    policy_at: int = -1


class Store:
    """Certificates in memory.

    Args:
        library: crypt32.
        ders: the certificates.
        strict: whether one that cannot be read is an error; otherwise it is left out.

    Raises:
        CallFailed: one cannot be read.
    """

    __slots__ = ("__weakref__", "handle", "library")

    def __init__(self, library: Library, ders: Iterable[bytes], *, strict: bool = True) -> None:
        self.library = library
        self.handle = library.crypt32.CertOpenStore(cs.STORE_MEMORY, 0, None, cs.STORE_CREATE_NEW, None)
        if not self.handle:
            raise CallFailed(library.last_error() & 0xFFFFFFFF, "CertOpenStore")
        weakref.finalize(self, library.crypt32.CertCloseStore, self.handle, 0)
        for der in ders:
            if not self._add(der, None) and strict:
                raise CallFailed(library.last_error() & 0xFFFFFFFF, "CertAddEncodedCertificateToStore")

    def _add(self, der: bytes, context: Any) -> bool:
        return bool(
            self.library.crypt32.CertAddEncodedCertificateToStore(
                self.handle, cs.X509_ENCODING, der, len(der), cs.ADD_ALWAYS, context
            )
        )

    def add(self, der: bytes) -> Any:
        """Add a certificate and give its context, which the caller frees.

        Raises:
            CallFailed: it cannot be read.
        """
        context = cs.CertPointer()
        if not self._add(der, byref(context)):
            raise CallFailed(self.library.last_error() & 0xFFFFFFFF, "CertAddEncodedCertificateToStore")
        return context


class ChainEngine:
    """What builds chains: Windows' own engine, or one that trusts given certificates and no others.

    Args:
        library: crypt32.
        anchors: what is trusted, in DER; `None` for what Windows trusts.

    Raises:
        CallFailed: it cannot be made.
    """

    __slots__ = ("__weakref__", "_anchors", "_flags", "_handle", "library")

    def __init__(self, library: Library, anchors: Sequence[bytes] | None) -> None:
        self.library = library
        self._handle: Any = None
        self._anchors: tuple[bytes, ...] = ()
        self._flags = 0
        if anchors is None:
            return
        store = Store(library, anchors)
        config = cs.ChainEngineConfig(size=ctypes.sizeof(cs.ChainEngineConfig), exclusive_root=store.handle)
        handle = ctypes.c_void_p()
        if not library.crypt32.CertCreateCertificateChainEngine(ctypes.addressof(config), byref(handle)):
            raise CallFailed(library.last_error() & 0xFFFFFFFF, "CertCreateCertificateChainEngine")
        self._handle = handle
        weakref.finalize(self, _free_engine, library, handle, store)
        self._anchors = tuple(anchors)
        # With a store of our own nothing may come from elsewhere: neither fetched, nor asked for.
        self._flags = cs.DISABLE_AIA | cs.CACHE_ONLY_URL_RETRIEVAL

    def find(self, chain: Sequence[bytes], purpose: str, role: int, moment: float) -> Found:
        """Build the chain of a certificate.

        Args:
            chain: what the peer has sent, the leaf first.
            purpose: the extended key usage that is asked for.
            role: AUTH_CLIENT or AUTH_SERVER: who the peer is.
            moment: the time to verify at.

        Raises:
            CallFailed: the leaf cannot be read, or Windows fails.
        """
        # The anchors too: an intermediate that is trusted is none of the peer's, and no root.
        others = [*chain[1:], *self._anchors]
        store = Store(self.library, others, strict=False)
        leaf = store.add(chain[0])
        try:
            return self._built(leaf, store, purpose, role, moment)
        finally:
            self.library.crypt32.CertFreeCertificateContext(leaf)

    def _built(self, leaf: Any, store: Store, purpose: str, role: int, moment: float) -> Found:
        crypt32 = self.library.crypt32
        usages = (ctypes.c_char_p * 1)(purpose.encode("ascii"))
        requested = cs.UsageMatch(cs.USAGE_MATCH_OR, cs.Usage(1, usages))
        para = cs.ChainPara(ctypes.sizeof(cs.ChainPara), requested)
        when = cs.file_time(moment)
        context = ctypes.POINTER(cs.ChainContext)()
        if not crypt32.CertGetCertificateChain(
            self._handle, leaf, ctypes.addressof(when), store.handle, ctypes.addressof(para), self._flags, None,
            byref(context),
        ):  # fmt: skip
            raise CallFailed(self.library.last_error() & 0xFFFFFFFF, "CertGetCertificateChain")
        try:
            path, errors = _elements(context.contents)
            return Found(path, errors, context.contents.status.error, *self._policy(context, role))
        finally:
            crypt32.CertFreeCertificateChain(context)

    def _policy(self, context: Any, role: int) -> tuple[int, int]:
        extra = cs.SSLExtra(ctypes.sizeof(cs.SSLExtra), role, 0, None)  # no name: core checks it
        para = cs.PolicyPara(ctypes.sizeof(cs.PolicyPara), 0, ctypes.addressof(extra))
        status = cs.PolicyStatus(size=ctypes.sizeof(cs.PolicyStatus))
        crypt32 = self.library.crypt32
        if not crypt32.CertVerifyCertificateChainPolicy(
            cs.POLICY_SSL, context, ctypes.addressof(para), ctypes.addressof(status)
        ):
            raise CallFailed(self.library.last_error() & 0xFFFFFFFF, "CertVerifyCertificateChainPolicy")
        return status.error, status.element


def _free_engine(library: Library, handle: Any, store: Store) -> None:
    library.crypt32.CertFreeCertificateChainEngine(handle)
    del store  # the engine needs it as long as it lives


def _elements(context: cs.ChainContext) -> tuple[tuple[bytes, ...], tuple[int, ...]]:
    if not context.count:
        return (), ()
    chain = context.chains[0].contents
    elements = [chain.elements[index].contents for index in range(chain.count)]
    return (
        tuple(cs.der_of(item.certificate.contents) for item in elements),
        tuple(item.status.error for item in elements),
    )


def cut_at_anchor(found: Found, anchors: frozenset[bytes]) -> Found:
    """The chain up to the first certificate that is trusted by itself; unchanged if there is none, or if all is well.

    Windows takes only a root for an anchor of an engine. Here any certificate can be one: what is missing or wrong above
    it does not matter, and what is wrong below it still counts.
    """
    at = next((index for index, der in enumerate(found.path) if der in anchors), None)
    if at is None or not found.status:
        return found
    everything = _joined(found.errors)
    # Nobody's signature on the anchor counts, and nobody has to trust it.
    errors = (*found.errors[:at], found.errors[at] & ~(_ABOVE | _SIGNATURE))
    status = _joined(errors) | (found.status & ~everything & ~_ABOVE)
    is_void = found.policy_at > at or found.policy in _ABOVE_POLICY
    return Found(found.path[: at + 1], errors, status, 0 if is_void else found.policy, found.policy_at)


def _joined(errors: Iterable[int]) -> int:
    return functools.reduce(operator.or_, errors, 0)
