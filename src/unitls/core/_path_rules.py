"""The rules that every trusted path has to keep (RFC 5280 section 6.1), held against it whatever the library thinks of it.

Libraries differ in what they let pass: one does not look at the key usage of an authority, another lets an authority for
clients issue for servers, a third does not know every kind of name constraint. Here it is one set of rules. Dates, signatures
and revocation are not among them: the library has looked at those.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from ..api._errors import VerifyFailure as Failure
from ._certificate_limits import DIGITAL_SIGNATURE, KEY_CERT_SIGN, certificate_limits
from ._der import DERError
from ._leaf_check import Fault
from ._name_constraints import constraints_kept
from ._x509 import CertificateFields, certificate_fields

SERVER_AUTH: Final = "1.3.6.1.5.5.7.3.1"
CLIENT_AUTH: Final = "1.3.6.1.5.5.7.3.2"
_ANY_PURPOSE: Final = "2.5.29.37.0"
_LEAST_RSA_BITS: Final = 2048

Path = tuple[bytes, ...]
"""Certificates in DER: the leaf first, the anchor last. An anchor that is itself the leaf is alone."""


@lru_cache(maxsize=256)
def path_fault(path: Path, purpose: str, *, signs: bool = True) -> Fault | None:
    """Hold a path against the rules.

    Args:
        path: the path.
        purpose: what the leaf has to be for: `SERVER_AUTH` or `CLIENT_AUTH`.
        signs: whether the handshake needs a signature of the leaf, as all do but those with RSA key exchange.

    Returns:
        The first fault in the order of `VerifyFailure`, or `None`. What cannot be read is INVALID.
    """
    try:
        certificates = [certificate_fields(der) for der in path]
        below_anchor = certificates[:-1] or certificates  # an anchor's own usage counts only where it is the leaf too
        if not all(_serves(fields, purpose) for fields in below_anchor):
            return Fault(Failure.BAD_PURPOSE, "a certificate of the path is not for this purpose")
        if signs and not _may_sign(path[0]):
            return Fault(Failure.BAD_PURPOSE, "the key of the certificate must not sign a handshake (its key usage)")
        if any(map(_has_weak_key, certificates)) or any(fields.is_weakly_signed for fields in certificates[:-1]):
            return Fault(Failure.WEAK, "a key or a signature of the path is too weak")
        broken = _broken_rule(path)
    except DERError as error:
        broken = f"a certificate is malformed: {error}"
    return None if broken is None else Fault(Failure.INVALID, broken)


def _serves(fields: CertificateFields, purpose: str) -> bool:
    usage = fields.extended_key_usage
    return usage is None or purpose in usage or _ANY_PURPOSE in usage


def _may_sign(leaf: bytes) -> bool:
    usage = certificate_limits(leaf).key_usage
    return usage is None or bool(usage & DIGITAL_SIGNATURE)


def _has_weak_key(fields: CertificateFields) -> bool:
    return fields.rsa_bits is not None and fields.rsa_bits < _LEAST_RSA_BITS


def _broken_rule(path: Path) -> str | None:
    """A rule about the form of the path that it breaks, in a sentence."""
    unknown = next((oid for oid in (certificate_limits(der).unknown_critical for der in path) if oid), None)
    if unknown:
        return f"a certificate of the path has a critical extension that is not understood ({unknown})"
    for position, der in enumerate(path[1:], 1):
        broken = _authority_rule(der, path[:position], is_anchor=position == len(path) - 1)
        if broken:
            return broken
    if not constraints_kept(path):
        return "a name is outside of what an authority of the path may issue for (its name constraints)"
    return None


def _authority_rule(der: bytes, below: Path, *, is_anchor: bool) -> str | None:
    own, fields = certificate_limits(der), certificate_fields(der)
    if not fields.is_ca and not (is_anchor and own.is_bare):
        return "a certificate of the path was issued by one that is no authority"
    if own.key_usage is not None and not own.key_usage & KEY_CERT_SIGN:
        return "an authority of the path must not sign certificates"
    between = sum(not certificate_fields(item).is_self_issued for item in below[1:])
    if own.path_length is not None and between > own.path_length:
        return "an authority of the path must not have as many others below it (its path length)"
    return None
