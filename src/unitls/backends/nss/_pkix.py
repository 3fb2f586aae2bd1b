"""Paths to an anchor, found and checked by NSS (CERT_PKIXVerifyCert).

NSS keeps every certificate it has met where path building finds it, for the whole process. So that what one connection
has seen does not make another's chain whole, each path that NSS finds is put before `_accepts`, and those with an
intermediate that this peer has not sent are passed over.

It also remembers for an hour which certificates it has found under a name, and finds no others of that name meanwhile.
So that this does not break a chain that is whole, what it remembers is cleared, by asking for a date behind that hour,
before a chain is refused.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Final

from ...api._errors import VerifyFailure as Failure
from ...api._subjects import Subject
from ...core._der import DERError
from ...core._foreign import keep_for_thread
from ...core._leaf_check import Fault
from ...core._x509 import CertificateFields, certificate_fields
from . import native
from ._objects import certificate, certificate_der, certificate_list, listed
from .native import ffi, nss

LEAST_RSA_BITS: Final = 2048
_MAX_LISTS: Final = 64
_ARENA: Final = 512
_TRIES: Final = 2
_LATER: Final = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Question:
    """What is verified.

    Attributes:
        chain: what the peer has sent, the leaf first.
        usage: for a server or for a client.
        subjects: the acceptable names; `None` if none is checked.
        now: seconds since the epoch.
        depth: how many intermediates there may be; `None` for any number.
    """

    chain: tuple[bytes, ...]
    usage: int
    subjects: tuple[Subject, ...] | None
    now: float
    depth: int | None = None


class Anchors:
    """What one context trusts. Anchors become objects of NSS when a path may end at them.

    Args:
        ders: the certificates.
    """

    __slots__ = ("_by_subject", "_lists", "_paths", "ders", "subjects")

    def __init__(self, ders: Sequence[bytes]) -> None:
        self.ders = frozenset(ders)
        self._by_subject: dict[bytes, list[bytes]] = {}
        self._lists: dict[frozenset[bytes], Any] = {}
        self._paths: dict[tuple[tuple[bytes, ...], int, int | None], _Path] = {}
        for der in dict.fromkeys(ders):
            try:
                self._by_subject.setdefault(certificate_fields.__wrapped__(der).subject, []).append(der)
            except DERError:
                continue  # nothing can be issued by what cannot be read
        self.subjects = frozenset(self._by_subject)

    def everything(self) -> Any:
        """All of them as a CERTCertList."""
        return certificate_list([certificate(der) for ders in self._by_subject.values() for der in ders])

    def near(self, chain: Sequence[CertificateFields]) -> Any | None:
        """Those that can have issued one of `chain`, as a CERTCertList; `None` if there is none."""
        names = frozenset(item.issuer for item in chain) & self.subjects
        if not names:
            return None
        made = self._lists.get(names)
        if made is None:
            if len(self._lists) >= _MAX_LISTS:
                self._lists = {}  # which names stand together is the peers' choice
            ders = [der for name in names for der in self._by_subject[name]]
            made = self._lists[names] = certificate_list([certificate(der) for der in ders])
        return made

    def known_path(self, question: Question) -> tuple[bytes, ...]:
        """The path that was found for the same chain before, if all of it is valid now; empty if there is none."""
        path = self._paths.get((question.chain, question.usage, question.depth))
        return path.certificates if path is not None and path.begin <= question.now <= path.end else ()

    def keep_path(self, question: Question, path: tuple[bytes, ...]) -> None:
        """Remember a path: apart from the time, a path depends on nothing but the chain and the question."""
        if len(self._paths) >= _MAX_LISTS:
            self._paths = {}
        fields = [certificate_fields(der) for der in path]
        begin, end = max(item.not_before for item in fields), min(item.not_after for item in fields)
        self._paths[question.chain, question.usage, question.depth] = _Path(path, begin, end)


@dataclass(frozen=True, slots=True)
class _Path:
    """A path that was found.

    Attributes:
        certificates: from the leaf to the anchor.
        begin: when all of them have begun.
        end: when the first of them ends.
    """

    certificates: tuple[bytes, ...]
    begin: int
    end: int


@dataclass(slots=True)
class _Search:
    """The search for a path.

    Attributes:
        question: what is verified.
        known: the certificates that may stand on the path.
        path: the last one that was accepted.
        objection: what was wrong with one that was not.
    """

    question: Question
    known: frozenset[bytes]
    path: tuple[bytes, ...] = ()
    objection: Fault | None = field(default=None)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of the search for a path.

    Attributes:
        path: from the leaf to the anchor; empty if there is none.
        objection: what was wrong with a path that NSS has found.
        code: the error of NSS, if it has found none.
    """

    path: tuple[bytes, ...] = ()
    objection: Fault | None = None
    code: int = native.UNKNOWN_ISSUER


def find_path(anchors: Anchors, leaf: Any, question: Question, fields: Sequence[CertificateFields]) -> Outcome:
    """Let NSS find a path and check it.

    Args:
        anchors: what is trusted.
        leaf: the peer's certificate, an object of NSS.
        question: what is verified.
        fields: what stands in the certificates of the chain.
    """
    known = anchors.known_path(question)
    if known:
        return Outcome(known)
    near = anchors.near(fields)
    if near is None:
        return Outcome()
    # NSS finds the intermediates among all that are in memory: these are held while it looks.
    objects = [leaf, *(certificate(der) for der in question.chain[1:])]
    search = _Search(question, anchors.ders.union(question.chain))
    code = _pkix(leaf, question, near, search)
    for _ in range(_TRIES):  # another thread may fill what was cleared
        if code is None or search.objection is not None:
            break
        _clear(objects, question, near)
        code = _pkix(leaf, question, near, search)
    if code is None:
        anchors.keep_path(question, search.path)
        return Outcome(search.path)
    return Outcome((), search.objection, code)


def _clear(certificates: Sequence[Any], question: Question, anchors: Any) -> None:
    """Make NSS forget which certificates it has found under the names of the issuers of `certificates`."""
    later = replace(question, now=max(question.now, time.time()) + _LATER)
    for each in certificates:
        _pkix(each, later, anchors, _Search(later, frozenset()))


def _pkix(leaf: Any, question: Question, anchors: Any, search: _Search) -> int | None:
    """Call CERT_PKIXVerifyCert; gives its error."""
    handle = ffi.new_handle(search)
    callback = ffi.new("CERTChainVerifyCallback *", (_on_path, handle))
    values = ffi.new("CERTValInParam[6]")
    values[0].type, values[0].value.pointer.chain = native.PI_TRUST_ANCHORS, anchors
    values[1].type, values[1].value.scalar.b = native.PI_ONLY_TRUST_ANCHORS, 1
    values[2].type, values[2].value.pointer.revocation = native.PI_REVOCATION, _NO_REVOCATION
    values[3].type, values[3].value.scalar.time = native.PI_DATE, int(question.now * 1_000_000)
    values[4].type, values[4].value.pointer.chainVerifyCallback = native.PI_CHAIN_CALLBACK, callback
    with _log() as log:
        answers = ffi.new("CERTValOutParam[2]")
        answers[0].type, answers[0].value.pointer.log = native.PO_ERROR_LOG, log
        if nss.CERT_PKIXVerifyCert(leaf, question.usage, values, answers, ffi.NULL) == native.SUCCESS:
            return None
        code = int(native.nspr.PR_GetError())
        # Whatever is wrong with an issuer, NSS says at the end that there is none; the log knows better.
        return next(_logged(log), code) if code == native.UNKNOWN_ISSUER else code


@contextlib.contextmanager
def _log() -> Iterator[Any]:
    log = ffi.new("CERTVerifyLog *")
    log.arena = native.present(nss.PORT_NewArena(_ARENA))
    try:
        yield log
    finally:
        node = log.head
        while node != ffi.NULL:
            nss.CERT_DestroyCertificate(node.cert)
            node = node.next
        nss.PORT_FreeArena(log.arena, 0)


def _logged(log: Any) -> Iterator[int]:
    node = log.head
    while node != ffi.NULL:
        yield int(node.error)
        node = node.next


# Revocation is looked into elsewhere: NSS's lists are the whole process's. Without these flags it does not begin.
_METHODS: Final = ffi.new("uint64_t[2]")
_TESTS: Final = {"number_of_defined_methods": 2, "cert_rev_flags_per_method": _METHODS}
_NO_REVOCATION: Final = ffi.new("CERTRevocationFlags *", {"leafTests": _TESTS, "chainTests": _TESTS})


@ffi.callback("int(void *, const CERTCertList *, int *)", error=native.FAILURE, onerror=keep_for_thread)  # type: ignore[untyped-decorator]
def _on_path(handle: Any, path: Any, accepted: Any) -> int:
    search: _Search = ffi.from_handle(handle)
    accepted[0] = _accepts(search, tuple(map(certificate_der, listed(path))))
    return native.SUCCESS


def _accepts(search: _Search, path: tuple[bytes, ...]) -> bool:
    """Whether a path that NSS has found will do; if not, it looks for another."""
    if not search.known.issuperset(path):
        return False
    search.objection = _objection(path, search.question)
    search.path = path
    return search.objection is None


def _objection(path: tuple[bytes, ...], question: Question) -> Fault | None:
    anchor = certificate_fields(path[-1])
    if not anchor.not_before <= question.now <= anchor.not_after:
        return date_fault([anchor], question.now)
    if question.depth is not None and len(path) - 2 > question.depth:
        return Fault(Failure.INVALID, f"the path has more than {question.depth} intermediates")
    return _weakness(path)


@lru_cache(maxsize=256)
def _weakness(path: tuple[bytes, ...]) -> Fault | None:
    fields = [certificate_fields(der) for der in path]
    if any(map(is_small, fields)):
        return Fault(Failure.WEAK, f"an RSA key on the path has fewer than {LEAST_RSA_BITS} bits")
    if any(item.is_weakly_signed for item in fields[:-1]):
        return Fault(Failure.WEAK, "a signature on the path is made with MD5 or SHA-1")
    return None


def is_small(fields: CertificateFields) -> bool:
    return fields.rsa_bits is not None and fields.rsa_bits < LEAST_RSA_BITS


def date_fault(fields: Sequence[CertificateFields], now: float) -> Fault:
    if any(now > item.not_after for item in fields):
        return Fault(Failure.EXPIRED, "a certificate on the path has expired")
    return Fault(Failure.NOT_YET_VALID, "a certificate on the path is not valid yet")
