"""The verdict on a peer's certificates: which path is trusted, or which fault is reported."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from ...api._errors import VerifyFailure as Failure
from ...api._subjects import Subject
from ...core._clock import time_by
from ...core._der import DERError
from ...core._leaf_check import Fault, leaf_fault
from ...core._path_faults import first_fault
from ...core._path_rules import Path
from ._path import Anchors, faults, paths
from ._signatures import signature_fault

_REMEMBERED: Final = 256
_ORDER: Final = tuple(Failure)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a verification.

    Attributes:
        path: the path that is trusted; empty if none is.
        fault: why not.
    """

    path: Path = ()
    fault: Fault | None = None


@dataclass(slots=True)
class Verifier:
    """Verifies for one configuration. Safe to share between threads.

    Attributes:
        anchors: what is trusted.
        purpose: what a leaf has to be for.
        crls: revocation lists in DER.
        depth: how many intermediates are allowed.
        clock: the time to verify at; `None` for now.
    """

    anchors: Anchors
    purpose: str
    crls: tuple[bytes, ...] = ()
    depth: int | None = None
    clock: Callable[[], float] | None = None
    _signed: dict[Path, None] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def verdict(self, chain: Sequence[bytes], subjects: Sequence[Subject] | None) -> Verdict:
        """Verify what a peer has sent.

        Args:
            chain: its certificates in DER, its own first.
            subjects: the acceptable names; `None` leaves names unchecked.
        """
        now = time_by(self.clock)
        try:
            path, fault = self._trusted(chain, now)
            if fault is None:
                fault = leaf_fault(chain[0], subjects, is_anchor=len(path) == 1, now=now)
        except DERError as error:
            return Verdict(fault=Fault(Failure.INVALID, f"a certificate is malformed: {error}"))
        if fault is None:
            return Verdict(path)
        if chain[0] in self.anchors:
            return Verdict(fault=fault)  # for a leaf that is trusted by itself it does not matter who has issued it
        return Verdict(fault=first_fault(fault, chain, subjects, frozenset(self.anchors.subjects), now) or fault)

    def _trusted(self, chain: Sequence[bytes], now: float) -> tuple[Path, Fault | None]:
        """The first path without a fault, or else the fault of the first path."""
        first: Fault | None = None
        for path in paths(chain, self.anchors):
            found = faults(path, purpose=self.purpose, depth=self.depth, now=now)
            fault = min(found, key=lambda item: _ORDER.index(item.failure), default=None) or self._unsigned(path)
            if fault is None:
                return path, None
            first = first or fault
        return (), first or Fault(Failure.UNKNOWN_ISSUER, "no path leads to a trusted anchor")

    def _unsigned(self, path: Path) -> Fault | None:
        """What is wrong with the signatures. That they are right does not change, so it is found out once."""
        if path in self._signed:
            return None
        fault = signature_fault(path, self.crls)
        if fault is None and not self.crls:
            with self._lock:
                if len(self._signed) >= _REMEMBERED:
                    self._signed.clear()
                self._signed[path] = None
        return fault
