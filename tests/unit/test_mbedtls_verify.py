"""What Mbed TLS leaves to us when a certificate is judged: dates, purposes, name constraints, revocation lists."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from _certs import NOT_AFTER, NOT_BEFORE, NOW, dns, ec_key
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from unitls import VerifyFailure
from unitls.core._der import DERError
from unitls.core._path_rules import CLIENT_AUTH, SERVER_AUTH
from unitls.core._revocation_lists import RevocationList, revocation_list

pytest.importorskip("unitls.backends.mbedtls.native", exc_type=ImportError)

from unitls.backends.mbedtls._revocation import coverage_fault  # only where the library is
from unitls.backends.mbedtls.verify import Policy, Step, verdict

Extension = x509.ExtensionType
NOT_TRUSTED, EXPIRED, MISMATCH, REVOKED, BAD_KEY = 0x8, 0x1, 0x4, 0x2, 0x10000


def name(*values: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, value) for value in values])


def made(subject: x509.Name, issuer: x509.Name, *extensions: Extension, ca: bool = False) -> bytes:
    builder = x509.CertificateBuilder(issuer, subject, ec_key().public_key(), 1, NOT_BEFORE, NOT_AFTER)
    builder = builder.add_extension(x509.BasicConstraints(ca, None), critical=True)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=isinstance(extension, x509.NameConstraints))
    return builder.sign(ec_key(), hashes.SHA256()).public_bytes(Encoding.DER)


ROOT, MIDDLE, LEAF = name("root"), name("middle"), name("leaf")
SAN = x509.SubjectAlternativeName([dns("zoo.test")])
SERVER = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
CLIENT = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
root = made(ROOT, ROOT, ca=True)


def path(*middle: Extension, leaf: tuple[Extension, ...] = (SAN, SERVER), subject: x509.Name = LEAF) -> list[bytes]:
    return [made(subject, MIDDLE, *leaf), made(MIDDLE, ROOT, *middle, ca=True), root]


def policy(**changes: Any) -> Policy:
    anchors = changes.pop("anchors", frozenset({root}))
    names = frozenset({ROOT.public_bytes()})
    return Policy(
        **{"purpose": SERVER_AUTH, "anchors": anchors, "anchor_names": names, "clock": lambda: NOW, **changes}
    )


def failure(rules: Policy, ders: list[bytes], *flags: int) -> VerifyFailure | None:
    padded = (*flags, *([0] * (len(ders) - len(flags))))
    fault = verdict(rules, [Step(der, flag) for der, flag in zip(ders, padded, strict=True)], ders[:-1] or ders, None)
    return None if fault is None else fault.failure


def test_a_good_path_is_accepted() -> None:
    assert failure(policy(), path()) is None


@pytest.mark.parametrize("position", [0, 1, 2])
@pytest.mark.parametrize(
    ("flag", "due"),
    [
        (NOT_TRUSTED, VerifyFailure.INVALID),
        (REVOKED, VerifyFailure.REVOKED),
        (BAD_KEY, VerifyFailure.WEAK),
        (0x4000, VerifyFailure.WEAK),
        (0x1000, VerifyFailure.BAD_PURPOSE),
        (0x800, VerifyFailure.BAD_PURPOSE),
        (0x10, VerifyFailure.OTHER),
        (0x40000000, VerifyFailure.OTHER),
    ],
)
def test_a_flag_anywhere_in_the_path_refuses_it(position: int, flag: int, due: VerifyFailure) -> None:
    assert failure(policy(), path(), *([0] * position), flag) is due


def test_names_are_not_judged_by_the_library() -> None:
    assert failure(policy(), path(), MISMATCH) is None


@pytest.mark.parametrize(
    ("moment", "due"),
    [
        (NOW, None),
        (NOT_AFTER.timestamp() + 1, VerifyFailure.EXPIRED),
        (NOT_BEFORE.timestamp() - 1, VerifyFailure.NOT_YET_VALID),
    ],
)
def test_a_clock_overrules_the_dates_of_the_library(moment: float, due: VerifyFailure | None) -> None:
    for flag in (0, EXPIRED, 0x200):
        assert failure(policy(clock=lambda: moment), path(), flag) is due


def test_without_a_clock_the_dates_of_the_library_count() -> None:
    assert failure(policy(clock=None), path(), EXPIRED) is VerifyFailure.EXPIRED


def test_a_leaf_that_is_an_anchor_needs_no_issuer() -> None:
    ders = path()
    assert failure(policy(anchors=frozenset(ders[:1])), ders[:1], NOT_TRUSTED) is None
    assert failure(policy(anchors=frozenset(ders[:1])), ders[:1], NOT_TRUSTED | BAD_KEY) is VerifyFailure.WEAK
    assert failure(policy(), ders[:1], NOT_TRUSTED) is not None


@pytest.mark.parametrize(
    ("middle", "leaf", "purpose", "due"),
    [
        ((), (SAN,), SERVER_AUTH, None),
        ((), (SAN, SERVER), CLIENT_AUTH, VerifyFailure.BAD_PURPOSE),
        ((), (SAN, x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE])), CLIENT_AUTH, None),
        ((CLIENT,), (SAN,), SERVER_AUTH, VerifyFailure.BAD_PURPOSE),
        ((CLIENT,), (SAN,), CLIENT_AUTH, None),
    ],
)
def test_the_purpose_of_leaf_and_intermediates(
    middle: tuple[Extension, ...], leaf: tuple[Extension, ...], purpose: str, due: VerifyFailure | None
) -> None:
    assert failure(policy(purpose=purpose), path(*middle, leaf=leaf)) is due


def test_the_depth_counts_intermediates() -> None:
    assert failure(policy(depth=1), path()) is None
    assert failure(policy(depth=0), path()) is VerifyFailure.INVALID


def test_what_is_malformed_is_invalid() -> None:
    ders = path()
    assert failure(policy(), [ders[0], b"\x30\x00", root]) is VerifyFailure.INVALID


def test_name_constraints_are_kept() -> None:
    other = x509.NameConstraints([dns("other.test")], None)
    assert failure(policy(), path(other)) is VerifyFailure.INVALID
    assert failure(policy(), path(x509.NameConstraints([dns("zoo.test")], None))) is None


# ------------------------------------------------------------------------------------------ revocation lists


def listed(issuer: x509.Name = MIDDLE, *, days: int | None = 30) -> RevocationList:
    this = datetime.datetime.fromtimestamp(NOW, datetime.UTC) - datetime.timedelta(days=1)
    builder = x509.CertificateRevocationListBuilder(issuer, this, this + datetime.timedelta(days=days or 1))
    return revocation_list(builder.sign(ec_key(), hashes.SHA256()).public_bytes(Encoding.DER))


def test_a_list_says_whose_and_of_when_it_is() -> None:
    found = listed()
    assert found.issuer == MIDDLE.public_bytes()
    assert (found.this_update, found.next_update) == (NOW - 86400, NOW + 29 * 86400)


@pytest.mark.parametrize("change", [lambda der: der[:-1], lambda der: b"", lambda der: b"\x30\x00"])
def test_what_is_no_list_is_refused(change: Callable[[bytes], bytes]) -> None:
    with pytest.raises(DERError):
        revocation_list(change(root))


@pytest.mark.parametrize(
    ("lists", "moment", "is_covered"),
    [
        ((), NOW, True),
        ((listed(),), NOW, True),
        ((listed(ROOT),), NOW, False),
        ((listed(), listed(ROOT)), NOW, True),
        ((listed(),), NOW + 30 * 86400, False),
        ((listed(),), NOW - 2 * 86400, False),
        ((listed(), listed(ROOT, days=3)), NOW + 10 * 86400, False),
        ((listed(), listed(LEAF, days=3)), NOW + 10 * 86400, True),
        ((RevocationList(MIDDLE.public_bytes(), NOW - 1, None),), NOW, True),
    ],
)
def test_the_leaf_has_to_be_covered_by_a_list_of_now(
    lists: tuple[RevocationList, ...], moment: float, is_covered: bool
) -> None:
    fault = coverage_fault(lists, MIDDLE.public_bytes(), [ROOT.public_bytes()], moment)
    assert (fault is None) is is_covered
    assert fault is None or fault.failure is VerifyFailure.OTHER


def test_lists_and_a_leaf_that_is_trusted_by_itself_do_not_go_together() -> None:
    ders = path()
    assert failure(policy(anchors=frozenset(ders[:1]), lists=(listed(),)), ders[:1]) is VerifyFailure.OTHER
