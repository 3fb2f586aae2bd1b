"""The check of a stapled OCSP response, whatever was stapled: core's, and that of GnuTLS."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509 import ocsp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unitls import VerifyFailure
from unitls.core import _ocsp
from unitls.core._leaf_check import Fault
from unitls.testing import CertificateAuthority, _ocsp_maker, load_identities
from unitls.testing._zoo_files import load_ocsp

IDS = load_identities()
PATH = [IDS.server.chain[0], IDS.authority.certificate_der]
CASES = {case.name: case for case in load_ocsp()}
NOW = 1_800_000_000.0


class Judge(SimpleNamespace):
    """Who checks a response."""

    check: Any

    def failure(self, response: bytes, path: Sequence[bytes] = PATH, now: float = NOW) -> str | None:
        fault = self.check(response, path, now)
        return None if fault is None else fault.failure.name


@pytest.fixture(params=["core", "gnutls"], scope="module")
def judge(request: pytest.FixtureRequest) -> Judge:
    if request.param == "core":
        return Judge(check=_ocsp.ocsp_fault)
    own = pytest.importorskip("unitls.backends.gnutls._revocation", exc_type=ImportError)
    return Judge(check=lambda *arguments: own.ocsp_fault(*arguments, has_clock=True))


@pytest.mark.parametrize("name", CASES)
def test_what_comes_of_each_response(judge: Judge, name: str) -> None:
    assert judge.failure(CASES[name].response) == CASES[name].failure


def test_nothing_stapled_and_no_issuer(judge: Judge) -> None:
    for response, path in ((b"", PATH), (CASES["good"].response, PATH[:1]), (CASES["good"].response, [])):
        assert judge.failure(response, path) == "OTHER"


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 1 << 16), st.integers(1, 255))
def test_a_changed_byte_gives_a_verdict_and_no_exception(judge: Judge, position: int, change: int) -> None:
    response = bytearray(CASES["good_appointed"].response)
    response[position % len(response)] ^= change
    judge.failure(bytes(response))


def test_an_algorithm_that_nobody_knows(judge: Judge) -> None:
    ecdsa_with_sha256, unknown = bytes.fromhex("06082a8648ce3d040302"), bytes.fromhex("06082a8648ce3d0403") + b"\x7f"
    response = CASES["good"].response.replace(ecdsa_with_sha256, unknown)
    assert judge.failure(response) == "OTHER"


RSA_WITH = {"sha256": bytes.fromhex("2a864886f70d01010b"), "sha1": bytes.fromhex("2a864886f70d010105")}
"""Algorithms of signatures, of one length."""


def test_a_response_that_is_signed_with_sha1(judge: Judge) -> None:
    authority = CertificateAuthority.create(key_type="RSA-2048")
    path = [authority.issue(dns_names=["server.test"]).chain[0], authority.certificate_der]
    leaf, issuer = map(x509.load_der_x509_certificate, path)
    key = load_pem_private_key(authority.key_pem, None)
    assert isinstance(key, rsa.RSAPrivateKey)
    start = datetime.datetime.fromtimestamp(NOW, datetime.UTC)
    about = (
        leaf,
        issuer,
        hashes.SHA1(),
        ocsp.OCSPCertStatus.GOOD,
        start,
        start + datetime.timedelta(days=1),
        None,
        None,
    )
    builder = ocsp.OCSPResponseBuilder().add_response(*about).responder_id(ocsp.OCSPResponderEncoding.NAME, issuer)
    made = builder.sign(key, hashes.SHA256())
    good = made.public_bytes(Encoding.DER)
    assert judge.failure(good, path) is None
    signature = key.sign(made.tbs_response_bytes, padding.PKCS1v15(), hashes.SHA1())
    weak = good.replace(RSA_WITH["sha256"], RSA_WITH["sha1"])[: -len(signature)] + signature
    assert judge.failure(weak, path) == "OTHER"


@pytest.mark.parametrize(("until", "failure"), [(_ocsp_maker.END, None), (_ocsp_maker.LONG_AGO, "OTHER")])
def test_an_appointed_responder_whose_certificate_has_expired(
    judge: Judge, until: datetime.datetime, failure: str | None
) -> None:
    dates = {"not_before": _ocsp_maker.START, "not_after": _ocsp_maker.END}
    authority = CertificateAuthority.create(**dates)
    server = authority.issue(dns_names=["server.test"], **dates)
    responder = authority.issue(
        common_name="responder", not_before=_ocsp_maker.START, not_after=until, purposes=(),
        extensions=[(_ocsp_maker._EXTENDED_KEY_USAGE, False, _ocsp_maker._OCSP_SIGNING)],
    )  # fmt: skip
    response = _ocsp_maker._response(
        authority, responder, issued=server, status=ocsp.OCSPCertStatus.GOOD, until=_ocsp_maker.END
    )
    assert judge.failure(response, [server.chain[0], authority.certificate_der]) == failure


@pytest.mark.parametrize("now", [1e12, -1e12, float("inf"), float("nan")])
def test_a_clock_out_of_every_calendar(judge: Judge, now: float) -> None:
    assert judge.failure(CASES["good"].response, now=now) == "OTHER"


def response_with(critical: bool) -> tuple[bytes, list[bytes]]:
    """A good response and the path that it is for; it has an extension that nobody knows."""
    dates = {"not_before": _ocsp_maker.START, "not_after": _ocsp_maker.END}
    authority = CertificateAuthority.create(**dates)
    server = authority.issue(dns_names=["server.test"], **dates)
    leaf, issuer = (x509.load_der_x509_certificate(der) for der in (server.chain[0], authority.certificate_der))
    key = load_pem_private_key(authority.key_pem, None)
    start = datetime.datetime.fromtimestamp(NOW, datetime.UTC)
    end = start + datetime.timedelta(days=1)
    about = (leaf, issuer, hashes.SHA1(), ocsp.OCSPCertStatus.GOOD, start, end, None, None)
    builder = ocsp.OCSPResponseBuilder().add_response(*about).responder_id(ocsp.OCSPResponderEncoding.NAME, issuer)
    strange = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4.5"), b"\x05\x00")
    builder = builder.add_extension(strange, critical)
    made = builder.sign(key, hashes.SHA256())  # type: ignore[arg-type]
    return made.public_bytes(Encoding.DER), [server.chain[0], authority.certificate_der]


@pytest.mark.parametrize(("critical", "failure"), [(False, None), (True, "OTHER")])
def test_an_extension_that_is_not_understood(judge: Judge, critical: bool, failure: str | None) -> None:
    response, path = response_with(critical)
    assert judge.failure(response, path) == failure


@pytest.mark.parametrize(("critical", "failure"), [(False, None), (True, "OTHER")])
def test_a_responder_with_an_extension_that_is_not_understood(
    judge: Judge, critical: bool, failure: str | None
) -> None:
    dates = {"not_before": _ocsp_maker.START, "not_after": _ocsp_maker.END}
    authority = CertificateAuthority.create(**dates)
    server = authority.issue(dns_names=["server.test"], **dates)
    responder = authority.issue(
        common_name="responder", purposes=(), **dates,
        extensions=[
            (_ocsp_maker._EXTENDED_KEY_USAGE, False, _ocsp_maker._OCSP_SIGNING), ("1.2.3.4.5", critical, b"\x05\x00"),
        ],
    )  # fmt: skip
    response = _ocsp_maker._response(
        authority, responder, issued=server, status=ocsp.OCSPCertStatus.GOOD, until=_ocsp_maker.END
    )
    assert judge.failure(response, [server.chain[0], authority.certificate_der]) == failure


def test_revoked_counts_wherever_it_stands() -> None:
    revoked, stale = Fault(VerifyFailure.REVOKED, "revoked"), Fault(VerifyFailure.OTHER, "stale")
    assert _ocsp.worst([None, revoked]) is revoked
    assert _ocsp.worst([stale, revoked]) is revoked
    assert _ocsp.worst([stale, None]) is None
    assert _ocsp.worst([stale]) is stale
    assert _ocsp.worst([]) is not None
