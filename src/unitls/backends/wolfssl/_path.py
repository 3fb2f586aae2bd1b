"""The path from a certificate to an anchor: how one is found, and the rules that it has to keep.

wolfSSL remembers the authorities that peers have sent, in the context that all connections share; a chain would so be
accepted once that it does not prove itself. And it lets pass what a path must not have. So paths are looked for here, each
is held against the rules that need no cryptography, and wolfSSL is asked for the signatures (`_signatures`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from ...api._errors import VerifyFailure as Failure
from ...core._certificate_limits import DIGITAL_SIGNATURE, KEY_CERT_SIGN, certificate_limits
from ...core._der import DERError
from ...core._leaf_check import Fault
from ...core._name_constraints import constraints_kept
from ...core._x509 import CertificateFields, certificate_fields

SERVER: Final = "1.3.6.1.5.5.7.3.1"
CLIENT: Final = "1.3.6.1.5.5.7.3.2"
_ANY_PURPOSE: Final = "2.5.29.37.0"
_LEAST_RSA_BITS: Final = 2048
_LONGEST: Final = 10
_TRIES: Final = 8

Path = tuple[bytes, ...]
"""Certificates in DER: the leaf first, the anchor last. An anchor that is itself the leaf is alone."""


class Anchors:
    """Trusted certificates, found by their subject.

    Args:
        ders: the certificates; what cannot be read is left out.
    """

    def __init__(self, ders: Iterable[bytes]) -> None:
        self._by_subject: defaultdict[bytes, list[bytes]] = defaultdict(list)
        for der in dict.fromkeys(ders):
            try:
                self._by_subject[certificate_fields(der).subject].append(der)
            except DERError:
                continue

    @property
    def subjects(self) -> Iterable[bytes]:
        """Their names in DER."""
        return self._by_subject.keys()

    def named(self, subject: bytes) -> Sequence[bytes]:
        """Those of that name."""
        return self._by_subject.get(subject, ())

    def __contains__(self, der: bytes) -> bool:
        return der in self.named(certificate_fields(der).subject)

    def __len__(self) -> int:
        return sum(map(len, self._by_subject.values()))


def paths(chain: Sequence[bytes], anchors: Anchors) -> Iterator[Path]:
    """Paths by the names of the issuers, likely ones first and not more than a few: anybody can send many.

    Args:
        chain: what the peer has sent; certificates may be superfluous or out of order.
        anchors: what is trusted.
    """
    tries = _TRIES
    for path in _extended((chain[0],), chain[1:], anchors):
        yield path
        tries -= 1
        if not tries:
            return


def _extended(path: Path, others: Sequence[bytes], anchors: Anchors) -> Iterator[Path]:
    last = certificate_fields(path[-1])
    if path[-1] in anchors:
        yield path
        return
    for anchor in anchors.named(last.issuer):
        yield (*path, anchor)
    if len(path) < _LONGEST:
        for other in others:
            if other not in path and certificate_fields(other).subject == last.issuer:
                yield from _extended((*path, other), others, anchors)


def faults(path: Path, *, purpose: str, depth: int | None, now: float) -> list[Fault]:
    """What is wrong with a path, names and signatures apart.

    Args:
        path: the path.
        purpose: what the leaf has to be for, a dotted object identifier.
        depth: how many intermediates are allowed.
        now: seconds since the epoch.

    Raises:
        DERError: one of its certificates is malformed.
    """
    certificates = [certificate_fields(der) for der in path]
    found = [fault for fields in certificates for fault in _date_faults(fields, now)]
    below_anchor = certificates[:-1] or certificates
    if not all(_serves(fields, purpose) for fields in below_anchor) or not _may_sign(path[0]):
        found.append(Fault(Failure.BAD_PURPOSE, "a certificate of the path is not for this purpose"))
    if any(map(_has_weak_key, certificates)) or any(fields.is_weakly_signed for fields in certificates[:-1]):
        found.append(Fault(Failure.WEAK, "a key or a signature of the path is too weak"))
    broken = _broken_rule(path, depth)
    if broken:
        found.append(Fault(Failure.INVALID, broken))
    return found


def _date_faults(fields: CertificateFields, now: float) -> Iterator[Fault]:
    if now > fields.not_after:
        yield Fault(Failure.EXPIRED, "a certificate of the path has expired")
    if now < fields.not_before:
        yield Fault(Failure.NOT_YET_VALID, "a certificate of the path is not yet valid")


def _serves(fields: CertificateFields, purpose: str) -> bool:
    usage = fields.extended_key_usage
    return usage is None or purpose in usage or _ANY_PURPOSE in usage


def _may_sign(leaf: bytes) -> bool:
    """Whether a key usage, if there is one, lets the leaf sign; with the suites in use every handshake is signed."""
    usage = certificate_limits(leaf).key_usage
    return usage is None or bool(usage & DIGITAL_SIGNATURE)


def _has_weak_key(fields: CertificateFields) -> bool:
    return fields.rsa_bits is not None and fields.rsa_bits < _LEAST_RSA_BITS


def _broken_rule(path: Path, depth: int | None) -> str | None:
    """A rule of RFC 5280 section 6.1 that the path breaks, in a sentence."""
    unknown = next((oid for oid in (certificate_limits(der).unknown_critical for der in path) if oid), None)
    if unknown:
        return f"a certificate of the path has a critical extension that is not understood ({unknown})"
    if depth is not None and len(path) - 2 > depth:
        return f"the path has more than {depth} intermediates"
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
