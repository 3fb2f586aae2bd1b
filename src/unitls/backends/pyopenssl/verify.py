"""The verdict of OpenSSL on a chain: which of its faults is reported."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ...api._subjects import Subject
from ...core import _path_faults as path_faults
from ...core._der import DERError
from ...core._leaf_check import Fault
from ...core._x509 import certificate_fields
from .._openssl_codes import NO_PATH, failure_of
from .native import verify_text


def first_fault(
    code: int,
    chain: Sequence[bytes],
    subjects: Sequence[Subject] | None,
    anchors: Collection[bytes],
    now: float,
) -> Fault:
    """The reason to report for a chain that OpenSSL has refused.

    OpenSSL looks for a path first. Whatever else it says, there was one, although the anchors of the system's store are
    not known here: then the chain's own names stand for them.

    Args:
        code: its verification code.
        chain: what the peer has sent.
        subjects: the acceptable names, if any are checked.
        anchors: the names of the anchors in DER, as far as they are known.
        now: seconds since the epoch.
    """
    own = Fault(failure_of(code), verify_text(code))
    known = set(anchors) if code in NO_PATH else _names(chain)
    return path_faults.first_fault(own, chain, subjects, known, now) or own


def _names(chain: Sequence[bytes]) -> set[bytes]:
    names = set[bytes]()
    for der in chain:
        try:
            fields = certificate_fields(der)
        except DERError:
            continue
        names |= {fields.subject, fields.issuer}
    return names
