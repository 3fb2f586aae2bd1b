from __future__ import annotations

from collections.abc import Sequence

import pytest
from _certs import NOT_AFTER, NOT_BEFORE, NOW, certificate, dns, ip
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from unitls.api._alerts import AlertDescription
from unitls.api._errors import VerifyFailure
from unitls.api._subjects import URI, DNSName, IPAddress, Subject
from unitls.core._leaf_check import Fault, leaf_fault, name_matches


def check(der: bytes, *subjects: Subject, is_anchor: bool = False, now: float = NOW) -> Fault | None:
    return leaf_fault(der, subjects, is_anchor=is_anchor, now=now)


def failure(der: bytes, *subjects: Subject, is_anchor: bool = False, now: float = NOW) -> VerifyFailure | None:
    fault = check(der, *subjects, is_anchor=is_anchor, now=now)
    return None if fault is None else fault.failure


A = DNSName("a.example")


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("a.example", "a.example"),
        ("A.ExAmPlE", "a.example"),
        ("a.example", "A.EXAMPLE"),
        ("*.example.org", "www.example.org"),
        ("*.EXAMPLE.org", "www.example.ORG"),
        ("*.example.org", "xn--bcher-kva.example.org"),
        ("localhost", "localhost"),
        ("_dmarc.example", "_dmarc.example"),
    ],
)
def test_matching_names(pattern: str, name: str) -> None:
    assert name_matches(pattern.encode(), name)


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("a.example", "b.example"),
        ("", ""),
        ("*", "example"),
        ("*.", "example."),
        ("*.org", "example.org"),
        ("*.org.", "example.org."),
        ("*..org", "example..org"),
        ("*.example.org", "example.org"),
        ("*.example.org", ".example.org"),
        ("*.example.org", "a.b.example.org"),
        ("*.*.org", "a.b.org"),
        ("w*.example.org", "www.example.org"),
        ("*w.example.org", "www.example.org"),
        ("www.*.org", "www.example.org"),
        ("xn--*.example.org", "xn--bcher-kva.example.org"),
        ("xn--*", "xn--a"),
        ("*.example.org", "*.example.org"),
        ("a.example\0.evil.example", "a.example"),
        ("a.example\0", "a.example\0"),
        ("a.example.", "a.example"),
        (".a.example", "a.example"),
        (" a.example", "a.example"),
        ("k.example", "\u212a.example"),
        ("192.0.2.1", "192.0.2.2"),
    ],
)
def test_names_that_do_not_match(pattern: str, name: str) -> None:
    assert not name_matches(pattern.encode(), name)


@pytest.mark.parametrize("pattern", [b"\xe2\x84\xaa.example", b"b\xfccher.example", b"\xff"])
def test_non_ascii_entries_never_match(pattern: bytes) -> None:
    assert not name_matches(pattern, "k.example")
    assert not name_matches(pattern, pattern.decode("latin-1"))


@settings(derandomize=True, deadline=None, max_examples=300)
@given(st.text("aB.*", max_size=7), st.text("Ab.*", max_size=7))
def test_only_equal_or_wildcard_entries_match(pattern: str, name: str) -> None:
    entry, wanted = pattern.lower().split("."), name.lower().split(".")
    equal = entry == wanted and "*" not in name and name != ""
    wild = entry[0] == "*" and len(entry) >= 3 and wanted[0] not in ("", "*") and entry[1:] == wanted[1:]
    if equal or (wild and "*" not in name and all(entry)):
        assert name_matches(pattern.encode(), name)
    if name_matches(pattern.encode(), name):
        assert equal or wild


@pytest.mark.parametrize(
    ("names", "subjects"),
    [
        ([dns("a.example")], [A]),
        ([dns("x.example"), dns("a.example")], [A]),
        ([dns("a.example")], [DNSName("other.example"), A]),
        ([ip("192.0.2.1")], [IPAddress("192.0.2.1")]),
        ([ip("2001:db8::1")], [IPAddress("2001:DB8:0::1")]),
        ([x509.UniformResourceIdentifier("spiffe://td.example/Work")], [URI("SPIFFE://TD.example/Work")]),
        ([dns("*.example")], None),
        ([], None),
    ],
)
def test_accepted(names: Sequence[x509.GeneralName], subjects: Sequence[Subject] | None) -> None:
    assert leaf_fault(certificate(names), subjects, is_anchor=False, now=NOW) is None


@pytest.mark.parametrize(
    ("names", "subject"),
    [
        ([], A),
        ([dns("192.0.2.1")], IPAddress("192.0.2.1")),
        ([ip("192.0.2.1")], IPAddress("192.0.2.2")),
        ([ip("192.0.2.1")], IPAddress("::ffff:192.0.2.1")),
        ([x509.UniformResourceIdentifier("https://a.example/")], A),
        ([x509.RFC822Name("user@a.example")], A),
        ([dns("a.example\0.evil.example")], A),
        ([dns("*.a.example")], A),
        ([x509.UniformResourceIdentifier("spiffe://td.example/work")], URI("spiffe://td.example/Work")),
        ([x509.UniformResourceIdentifier("not a uri")], URI("spiffe://td.example/Work")),
        ([dns("spiffe://td.example/w")], URI("spiffe://td.example/w")),
    ],
)
def test_name_mismatch(names: Sequence[x509.GeneralName], subject: Subject) -> None:
    fault = check(certificate(names, common_name="a.example"), subject)
    assert fault is not None
    assert fault.failure is VerifyFailure.NAME_MISMATCH
    assert fault.subject == str(subject)
    assert str(subject) in fault.text


def test_no_acceptable_name_at_all_refuses() -> None:
    assert failure(certificate([dns("a.example")])) is VerifyFailure.NAME_MISMATCH


def test_the_text_shows_the_first_names() -> None:
    names = [dns(f"n{number}.example") for number in range(7)] + [ip("192.0.2.1")]
    fault = check(certificate(names), A, IPAddress("192.0.2.9"))
    assert fault is not None
    assert fault.text == (
        "the certificate is not for a.example, 192.0.2.9: "
        "it is for n0.example, n1.example, n2.example, n3.example, n4.example and 3 more"
    )


def test_the_text_shows_every_kind_of_name() -> None:
    fault = check(certificate([ip("2001:db8::1"), x509.UniformResourceIdentifier("urn:x")]), A)
    assert fault is not None
    assert fault.text.endswith("it is for IP 2001:db8::1, URI urn:x")


def test_the_text_is_printable_and_short_whatever_the_certificate_holds() -> None:
    fault = check(certificate([dns("a\0\x1b[31m\n b"), dns("x" * 500)]), A)
    assert fault is not None
    assert fault.text.isprintable()
    assert r"a\x00\x1b[31m\x0a\x20b" in fault.text
    assert len(fault.text) < 250


def test_the_text_explains_a_missing_extension() -> None:
    fault = check(certificate(common_name="a.example"), A)
    assert fault is not None
    assert "a common name does not count" in fault.text


GOOD = certificate([dns("a.example")])
CA = certificate([dns("a.example")], is_ca=True)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (NOT_BEFORE.timestamp() - 1, VerifyFailure.NOT_YET_VALID),
        (float("nan"), VerifyFailure.NOT_YET_VALID),
        (float("inf"), VerifyFailure.EXPIRED),
        (NOT_BEFORE.timestamp(), None),
        (NOT_AFTER.timestamp(), None),
        (NOT_AFTER.timestamp() + 1, VerifyFailure.EXPIRED),
    ],
)
def test_dates(now: float, expected: VerifyFailure | None) -> None:
    assert failure(GOOD, A, now=now) is expected


def test_the_text_of_dates() -> None:
    fault = check(GOOD, A, now=NOT_AFTER.timestamp() + 1)
    assert fault == Fault(VerifyFailure.EXPIRED, "the certificate expired at 2034-01-01 00:00:00 UTC", None)


def test_an_authority_as_leaf() -> None:
    assert failure(CA, A) is VerifyFailure.BAD_PURPOSE
    assert failure(CA, A, is_anchor=True) is None
    assert failure(CA, DNSName("b.example"), is_anchor=True) is VerifyFailure.NAME_MISMATCH
    assert failure(CA, A, is_anchor=True, now=0) is VerifyFailure.NOT_YET_VALID


def test_the_order_of_faults() -> None:
    late = NOT_AFTER.timestamp() + 1
    assert failure(CA, DNSName("b.example"), now=late) is VerifyFailure.EXPIRED
    assert failure(CA, DNSName("b.example")) is VerifyFailure.NAME_MISMATCH
    # Valid from behind its own end: both dates are wrong at once.
    reversed_dates = GOOD.replace(b"240101000000Z", b"350101000000Z")
    assert failure(reversed_dates, A, now=late) is VerifyFailure.EXPIRED


def test_what_cannot_be_read_is_invalid() -> None:
    assert failure(GOOD[:-1], A) is VerifyFailure.INVALID
    assert failure(b"", A) is VerifyFailure.INVALID


ALERTS = {
    VerifyFailure.EXPIRED: AlertDescription.CERTIFICATE_EXPIRED,
    VerifyFailure.UNKNOWN_ISSUER: AlertDescription.UNKNOWN_CA,
    VerifyFailure.WEAK: AlertDescription.BAD_CERTIFICATE,
}


@pytest.mark.parametrize(("reason", "alert"), ALERTS.items())
def test_every_fault_has_its_alert(reason: VerifyFailure, alert: AlertDescription) -> None:
    assert Fault(reason, "").alert is alert
