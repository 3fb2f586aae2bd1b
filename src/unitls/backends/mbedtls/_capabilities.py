"""What the library can do here, and why not."""

from __future__ import annotations

import functools
from types import MappingProxyType
from typing import Final

from ...api._features import Capabilities, Feature
from ...api._versions import TLSVersion
from . import _signer, ciphers
from .native import HAS_EXPORTER, HAS_TICKET_ROTATION, HAS_TLS13, IS_3, has

_NEEDS_TLS13: Final = "Mbed TLS 2.28 has TLS 1.2 at most"
_REASONS: Final = {
    Feature.CLIENT_CERTIFICATE_CHOICE: "Mbed TLS does not tell the server's list of authorities",
    Feature.POST_QUANTUM_GROUPS: "Mbed TLS does not have them",
    Feature.OCSP_STAPLING: "Mbed TLS does not have it",
    Feature.POST_HANDSHAKE_AUTHENTICATION: "Mbed TLS does not have it",
    Feature.EARLY_DATA: "the usual builds of Mbed TLS are made without it",
    Feature.ECH: "Mbed TLS does not have it",
    Feature.EXTERNAL_PSK: "Mbed TLS does not bind a key to the hash that it was imported for",
    Feature.PKCS11: "Mbed TLS has no interface to tokens; PrivateKey.from_signer() can sign with one",
    Feature.FIPS: "Mbed TLS has no validated mode",
    Feature.KEY_UPDATE: "Mbed TLS has no key updates" if IS_3 else _NEEDS_TLS13,
}
_REASONS_2: Final = {
    Feature.TLS13_CIPHER_SUITES: _NEEDS_TLS13,
    Feature.SIGNATURE_ALGORITHMS: "Mbed TLS 2.28 chooses among hashes only",
    Feature.TICKET_COUNT: "Mbed TLS 2.28 has TLS 1.2 at most, which sends one ticket",
    Feature.POST_HANDSHAKE_AUTHENTICATION: _NEEDS_TLS13,
    Feature.EARLY_DATA: _NEEDS_TLS13,
    Feature.EXTERNAL_PSK: _NEEDS_TLS13,
}
_NOTES: Final = (
    "An authority with name constraints that are marked critical is accepted as an anchor only: Mbed TLS cannot read such "
    "a certificate when the peer sends it.",
    "Ed25519 and Ed448 certificates are refused: Mbed TLS does not have these signatures.",
    "A server that asks for client certificates issues no tickets, so its sessions are not resumed.",
    "A private key that is encrypted in a way that the library lacks (2.28: AES) is decrypted by the package cryptography.",
    "Random numbers come from the operating system, not from a generator of the library.",
)
_NOTES_3: Final = (
    "A KeyUpdate of the peer ends the connection: Mbed TLS has no key updates.",
    "An RSA key that lives elsewhere signs up to TLS 1.2 only: Mbed TLS makes the signatures of TLS 1.3 itself.",
)


@functools.cache
def capabilities() -> Capabilities:
    """What the library can do, as it was built."""
    reasons = {**_REASONS, **({} if HAS_TLS13 else _REASONS_2)}
    if not HAS_TICKET_ROTATION:
        reasons[Feature.TICKET_KEYS] = "this version of Mbed TLS makes the keys of its tickets itself"
    if HAS_TLS13 and not HAS_EXPORTER:
        reasons[Feature.EXPORTER] = reasons[Feature.TLS_EXPORTER_BINDING] = "Mbed TLS has it from 3.6.3 on"
    if not _signer.SUPPORTED:
        reasons[Feature.EXTERNAL_SIGNER] = "this build of Mbed TLS is not laid out as expected"
    versions = _versions()
    if versions[0] > TLSVersion.TLSv1:
        reasons[Feature.VERSIONS] = f"this library has {versions[0]} to {versions[-1]} only"
    return Capabilities(
        versions=versions,
        features=frozenset(set(Feature) - set(reasons)),
        reasons=MappingProxyType(reasons),
        cipher_suites=ciphers.available(),
        notes=_NOTES + (_NOTES_3 if IS_3 else ()),
    )


def _versions() -> tuple[TLSVersion, ...]:
    found = [TLSVersion.TLSv1_2, *([TLSVersion.TLSv1_3] if HAS_TLS13 else [])]
    if not IS_3 and has("SSL_PROTO_TLS1") and has("SSL_PROTO_TLS1_1"):
        found = [TLSVersion.TLSv1, TLSVersion.TLSv1_1, *found]
    return tuple(found)
