"""Which of a server's identities answers a ClientHello, and the name in it as people write it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from ._client_hello import ClientHello
from ._der import OBJECT_IDENTIFIER, SEQUENCE, enter_whole
from ._leaf_check import name_matches
from ._x509 import EC_PUBLIC_KEY, RSA_ENCRYPTION, RSASSA_PSS, CertificateFields, certificate_fields

_TLS_1_3: Final = 0x0304
_SIGNALLING: Final = frozenset({0x00FF, 0x5600})

# Signature schemes by key (RFC 8446 section 4.2.3 and its registry). TLS 1.2 also takes RSA with PKCS #1 padding, and
# ECDSA with any hash on any curve: there the two bytes mean hash and algorithm, and the groups have to list the curve.
_RSAE_PSS: Final = frozenset({0x0804, 0x0805, 0x0806})
_RSA_PKCS1: Final = frozenset({0x0201, 0x0301, 0x0401, 0x0501, 0x0601})
_ECDSA: Final = frozenset({0x0203, 0x0303, 0x0403, 0x0503, 0x0603})
_SCHEMES_BY_ALGORITHM: Final = {
    RSA_ENCRYPTION: _RSAE_PSS,
    RSASSA_PSS: frozenset({0x0809, 0x080A, 0x080B}),
    "1.3.101.112": frozenset({0x0807}),  # Ed25519
    "1.3.101.113": frozenset({0x0808}),  # Ed448
    "2.16.840.1.101.3.4.3.17": frozenset({0x0904}),  # ML-DSA-44
    "2.16.840.1.101.3.4.3.18": frozenset({0x0905}),  # ML-DSA-65
    "2.16.840.1.101.3.4.3.19": frozenset({0x0906}),  # ML-DSA-87
}
_TLS_1_3_ONLY: Final = frozenset({0x0904, 0x0905, 0x0906})
_CURVES: Final = {  # the curve: its scheme in TLS 1.3, its group in TLS 1.2
    "1.2.840.10045.3.1.7": (0x0403, 23),  # secp256r1
    "1.3.132.0.34": (0x0503, 24),  # secp384r1
    "1.3.132.0.35": (0x0603, 25),  # secp521r1
    "1.3.36.3.3.2.8.1.1.7": (0x081A, 26),  # brainpoolP256r1
    "1.3.36.3.3.2.8.1.1.11": (0x081B, 27),  # brainpoolP384r1
    "1.3.36.3.3.2.8.1.1.13": (0x081C, 28),  # brainpoolP512r1
}
# The suites of TLS 1.2 and below whose server signs with ECDSA or EdDSA.
_ECDSA_SUITES: Final = frozenset(
    {*range(0xC006, 0xC00B), 0xC023, 0xC024, 0xC02B, 0xC02C, 0xC048, 0xC049, 0xC05C, 0xC05D, 0xC072, 0xC073}
    | {0xC086, 0xC087, 0xC0AC, 0xC0AD, 0xC0AE, 0xC0AF, 0xCCA9}
)


@dataclass(frozen=True, slots=True)
class _Needs:
    """What a client has to offer for a leaf's key.

    Attributes:
        tls13: the signature schemes for TLS 1.3, of which any will do.
        tls12: those for TLS 1.2.
        is_rsa: whether TLS 1.2 needs suites for RSA, or those for ECDSA.
        group: the curve's number, which a TLS 1.2 client that lists groups has to list; None where there is no curve.
    """

    tls13: frozenset[int]
    tls12: frozenset[int]
    is_rsa: bool
    group: int | None


def choose_identity(leaves: Sequence[bytes], hello: ClientHello) -> int:
    """Choose the certificate for a connection.

    An identity whose certificate names exactly what SNI asks for comes before one with a wildcard for it, that before
    the others. Where names leave a choice, one comes first whose key the client can use, then the one registered first.

    Args:
        leaves: the leaf certificates in DER, in the order in which they were registered; at least one. An empty one is
            not known, and answers where no other names what is asked for and can be used.
        hello: what the client offers.

    Returns:
        The index of the identity.
    """
    name = "" if hello.server_name is None else hello.server_name.decode("ascii").removesuffix(".")

    def rank(index: int) -> tuple[int, bool, int]:
        leaf = leaves[index]
        if not leaf:  # in a token, and not told
            return 2, False, index
        return _distance(certificate_fields(leaf), name), not _is_usable(_needs(leaf), hello), index

    return min(range(len(leaves)), key=rank)


def decoded_name(raw: bytes) -> str:
    """The host name of SNI with its A-labels decoded (RFC 5891 section 4.4), by the package ``idna``.

    Args:
        raw: the name as it was received.

    Returns:
        The name in Unicode; as received where ``idna`` is not installed or a label does not decode. Never an error.
    """
    name = raw.decode("ascii", "backslashreplace")
    labels = name.split(".")
    if not any(label[:4].lower() == "xn--" for label in labels):
        return name
    try:
        import idna
    except ImportError:
        return name
    try:
        return ".".join(idna.ulabel(label) if label[:4].lower() == "xn--" else label for label in labels)
    except (ValueError, IndexError, OverflowError):  # IDNAError is a ValueError; the others come of broken Punycode
        return name


def _distance(fields: CertificateFields, name: str) -> int:
    """0 for the exact name, 1 for a wildcard, 2 for neither."""
    matching = [entry for entry in fields.dns_names if name_matches(entry, name)] if name else []
    if not matching:
        return 2
    return int(all(entry.startswith(b"*") for entry in matching))


@lru_cache(maxsize=256)
def _needs(leaf: bytes) -> _Needs:
    fields = certificate_fields(leaf)
    algorithm = fields.public_key_algorithm
    if algorithm == EC_PUBLIC_KEY:
        scheme, group = _CURVES.get(_curve(fields.spki), (-1, -1))
        return _Needs(frozenset({scheme}), _ECDSA, False, group)
    schemes = _SCHEMES_BY_ALGORITHM.get(algorithm, frozenset())
    older = schemes | _RSA_PKCS1 if algorithm == RSA_ENCRYPTION else schemes - _TLS_1_3_ONLY
    return _Needs(schemes, older, algorithm in (RSA_ENCRYPTION, RSASSA_PSS), None)


def _curve(spki: bytes) -> str:
    algorithm = enter_whole(spki, SEQUENCE).enter(SEQUENCE)
    algorithm.skip(OBJECT_IDENTIFIER)
    return algorithm.object_identifier() if algorithm.peek() == OBJECT_IDENTIFIER else ""


def _is_usable(needs: _Needs, hello: ClientHello) -> bool:
    offered = hello.signature_algorithms
    if _TLS_1_3 in hello.versions and not needs.tls13.isdisjoint(offered):
        return True
    if not any(version < _TLS_1_3 for version in hello.versions):
        return False
    if not any(_is_suite_for(suite, needs.is_rsa) for suite in hello.cipher_suites):
        return False
    if needs.group is not None and hello.groups and needs.group not in hello.groups:
        return False
    # Without the extension a client takes SHA-1 with either algorithm (RFC 5246 section 7.4.1.4.1).
    return not needs.tls12.isdisjoint(offered or (0x0201, 0x0203))


def _is_suite_for(suite: int, is_rsa: bool) -> bool:
    """Whether a suite below TLS 1.3 goes with the key. Those without certificates count as RSA."""
    if suite in _ECDSA_SUITES:
        return not is_rsa
    is_reserved = suite & 0x0F0F == 0x0A0A and suite >> 8 == suite & 0xFF  # GREASE (RFC 8701)
    return is_rsa and suite >> 8 != 0x13 and suite not in _SIGNALLING and not is_reserved
