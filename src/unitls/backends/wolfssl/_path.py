"""The path from a certificate to an anchor: how one is found, and the rules that it has to keep.

wolfSSL remembers the authorities that peers have sent, in the context that all connections share; a chain would so be
accepted once that it does not prove itself. And it lets pass what a path must not have. So paths are looked for here, each
is held against core's rules (`_path_rules`), and wolfSSL is asked for the signatures (`_signatures`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from ...api._errors import VerifyFailure as Failure
from ...core._der import DERError
from ...core._leaf_check import Fault
from ...core._path_rules import Path, path_fault
from ...core._x509 import CertificateFields, certificate_fields

_LONGEST: Final = 10
_TRIES: Final = 8


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
    found = [fault for der in path for fault in _date_faults(certificate_fields(der), now)]
    broken = path_fault(path, purpose)  # with the suites in use every handshake is signed
    if broken is not None:
        found.append(broken)
    if depth is not None and len(path) - 2 > depth:
        found.append(Fault(Failure.INVALID, f"the path has more than {depth} intermediates"))
    return found


def _date_faults(fields: CertificateFields, now: float) -> Iterator[Fault]:
    if now > fields.not_after:
        yield Fault(Failure.EXPIRED, "a certificate of the path has expired")
    if now < fields.not_before:
        yield Fault(Failure.NOT_YET_VALID, "a certificate of the path is not yet valid")
