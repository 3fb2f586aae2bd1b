"""Paths to anchors: the rules that wolfSSL does not enforce, or not for the whole path."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from unitls import DNSName, VerifyFailure

pytest.importorskip("unitls.backends.wolfssl", reason="wolfSSL is not installed", exc_type=ImportError)
pytest.importorskip("cryptography")
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from unitls.backends.wolfssl._path import Anchors, paths
from unitls.backends.wolfssl.verify import Verifier
from unitls.core._path_rules import CLIENT_AUTH as CLIENT
from unitls.core._path_rules import SERVER_AUTH as SERVER

NOW = datetime.datetime(2030, 6, 1, tzinfo=datetime.UTC)
HOST = "host.example.test"


@dataclass
class Party:
    """A certificate with its key."""

    certificate: Any
    key: Any

    @property
    def der(self) -> bytes:
        encoded: bytes = self.certificate.public_bytes(Encoding.DER)
        return encoded


def issue(
    name: str,
    issuer: Party | None = None,
    *,
    key: Any = None,
    ca: bool = True,
    path_length: int | None = None,
    extensions: Sequence[tuple[Any, bool]] = (),
    days: tuple[int, int] = (-100, 100),
    hosts: Sequence[str] = (),
    **signing: Any,
) -> Party:
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW + datetime.timedelta(days=days[0]))
        .not_valid_after(NOW + datetime.timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(ca, path_length if ca else None), True)
    )
    if hosts:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]), False)
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return Party(builder.sign((issuer.key if issuer else key), hashes.SHA256(), **signing), key)


def leaf(issuer: Party, **more: Any) -> Party:
    return issue("leaf", issuer, ca=False, hosts=more.pop("hosts", [HOST]), **more)


def verdict(chain: Sequence[Party], *anchors: Party, purpose: str = SERVER, **more: Any) -> VerifyFailure | None:
    verifier = Verifier(Anchors(anchor.der for anchor in anchors), purpose, clock=NOW.timestamp, **more)
    found = verifier.verdict([party.der for party in chain], [DNSName(HOST)])
    assert bool(found.path) == (found.fault is None)
    again = verifier.verdict([party.der for party in chain], [DNSName(HOST)])
    assert again == found, "what is remembered gives the same verdict"
    return None if found.fault is None else found.fault.failure


ROOT = issue("root")
OTHER = issue("other root")
MIDDLE = issue("middle", ROOT)


def test_a_plain_path_is_trusted_whole() -> None:
    end = leaf(MIDDLE)
    verifier = Verifier(Anchors([OTHER.der, ROOT.der]), SERVER, clock=NOW.timestamp)
    assert verifier.verdict([end.der, MIDDLE.der], None).path == (end.der, MIDDLE.der, ROOT.der)


def test_the_clock_decides_and_not_the_library() -> None:
    assert verdict([leaf(ROOT, days=(-1, 1))], ROOT) is None
    assert verdict([leaf(ROOT, days=(-9, -1))], ROOT) is VerifyFailure.EXPIRED
    assert verdict([leaf(ROOT, days=(1, 9))], ROOT) is VerifyFailure.NOT_YET_VALID


def test_an_anchor_has_dates_too() -> None:
    old = issue("old", days=(-100, -1))
    assert verdict([leaf(old)], old) is VerifyFailure.EXPIRED


def test_certificates_may_be_superfluous_and_out_of_order() -> None:
    low = issue("low", MIDDLE)
    assert verdict([leaf(low), OTHER, MIDDLE, ROOT, low], ROOT) is None


def test_a_missing_intermediate_stays_missing_after_it_was_seen() -> None:
    verifier = Verifier(Anchors([ROOT.der]), SERVER, clock=NOW.timestamp)
    end = leaf(MIDDLE)
    assert verifier.verdict([end.der, MIDDLE.der], None).fault is None
    missing = verifier.verdict([end.der], None).fault
    assert missing is not None
    assert missing.failure is VerifyFailure.UNKNOWN_ISSUER


def test_a_forged_signature_is_found() -> None:
    impostor = issue("root")  # of the same name, with another key
    assert verdict([leaf(impostor)], ROOT) in (VerifyFailure.UNKNOWN_ISSUER, VerifyFailure.INVALID)
    end = leaf(ROOT)
    broken = bytearray(end.der)
    broken[-1] ^= 1
    found = Verifier(Anchors([ROOT.der]), SERVER, clock=NOW.timestamp).verdict([bytes(broken)], None).fault
    assert found is not None
    assert found.failure is VerifyFailure.INVALID


def test_the_second_of_two_paths_is_found() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    one, two = issue("shared", OTHER, key=key, days=(-9, -1)), issue("shared", ROOT, key=key)
    assert verdict([leaf(two), one, two], ROOT, OTHER) is None


def test_a_loop_of_issuers_ends() -> None:
    key_one, key_two = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    shell_one = issue("loop one", key=key_one)
    two = issue("loop two", shell_one, key=key_two)
    one = issue("loop one", two, key=key_one)
    assert verdict([leaf(one), one, two], ROOT) is VerifyFailure.UNKNOWN_ISSUER


def test_few_paths_are_tried_however_many_there_are() -> None:
    same = [issue("middle", ROOT).der for _ in range(40)]
    assert len(list(paths([leaf(MIDDLE).der, *same], Anchors([ROOT.der])))) == 8


@pytest.mark.parametrize("length", [0, 1])
def test_a_path_length_counts_from_any_authority(length: int) -> None:
    root = issue("short root", path_length=length)
    first = issue("first", root)
    second = issue("second", first)
    assert verdict([leaf(first), first], root) is (None if length else VerifyFailure.INVALID)
    assert verdict([leaf(second), second, first], root) is VerifyFailure.INVALID


def test_only_an_authority_issues() -> None:
    end = issue("no authority", ROOT, ca=False, hosts=[HOST])
    assert verdict([leaf(end), end], ROOT) is VerifyFailure.INVALID
    usage = dict.fromkeys(
        ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"), False
    )
    mute = x509.KeyUsage(**usage, key_cert_sign=False, crl_sign=True, encipher_only=False, decipher_only=False)
    silent = issue("silent", ROOT, extensions=[(mute, True)])
    assert verdict([leaf(silent), silent], ROOT) is VerifyFailure.INVALID


def test_purposes_hold_for_intermediates() -> None:
    mail = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
    middle = issue("mail", ROOT, extensions=[(mail, False)])
    assert verdict([leaf(middle), middle], ROOT) is VerifyFailure.BAD_PURPOSE
    client = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
    end = leaf(ROOT, extensions=[(client, False)])
    assert verdict([end], ROOT) is VerifyFailure.BAD_PURPOSE
    assert verdict([end], ROOT, purpose=CLIENT) is None


def test_weak_keys_anywhere() -> None:
    small = rsa.generate_private_key(65537, 1024)
    assert verdict([leaf(ROOT, key=small)], ROOT) is VerifyFailure.WEAK
    weak = issue("weak", ROOT, key=small)
    assert verdict([leaf(weak), weak], ROOT) is VerifyFailure.WEAK
    assert verdict([leaf(issue("x", key=small))], issue("y")) is not None


def test_a_probabilistic_signature_needs_a_good_hash() -> None:
    root = issue("rsa root", key=rsa.generate_private_key(65537, 2048))
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    assert verdict([leaf(root, rsa_padding=pss)], root) is None


def test_depth_counts_intermediates() -> None:
    assert verdict([leaf(MIDDLE), MIDDLE], ROOT, depth=1) is None
    assert verdict([leaf(MIDDLE), MIDDLE], ROOT, depth=0) is VerifyFailure.INVALID


def test_an_unknown_critical_extension_is_refused_wherever_it_is() -> None:
    strange = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4.5"), b"\x05\x00")
    assert verdict([leaf(ROOT, extensions=[(strange, False)])], ROOT) is None
    assert verdict([leaf(ROOT, extensions=[(strange, True)])], ROOT) is VerifyFailure.INVALID
    middle = issue("strange", ROOT, extensions=[(strange, True)])
    assert verdict([leaf(middle), middle], ROOT) is VerifyFailure.INVALID


def constrained(permitted: Sequence[Any] | None = None, excluded: Sequence[Any] | None = None) -> Party:
    return issue("constrained", extensions=[(x509.NameConstraints(permitted, excluded), True)])


def test_name_constraints_reach_through_the_whole_path() -> None:
    """The constraint of the root holds for the leaf, also where the intermediate has none."""
    root = constrained([x509.DNSName("other.test")])
    middle = issue("middle", root)
    assert verdict([leaf(middle), middle], root) is VerifyFailure.INVALID
    root = constrained([x509.DNSName("example.test")])
    middle = issue("middle", root)
    assert verdict([leaf(middle), middle], root) is None
    root = constrained(None, [x509.DNSName("example.test")])
    middle = issue("middle", root)
    assert verdict([leaf(middle), middle], root) is VerifyFailure.INVALID


def test_what_cannot_be_read_is_invalid() -> None:
    verifier = Verifier(Anchors([ROOT.der, b"nonsense"]), SERVER, clock=NOW.timestamp)
    assert len(verifier.anchors) == 1
    for der in (b"", b"\x30\x00", leaf(ROOT).der[:-3]):
        found = verifier.verdict([der], None).fault
        assert found is not None
        assert found.failure is VerifyFailure.INVALID


def test_lists_and_a_leaf_that_is_trusted_by_itself_do_not_go_together() -> None:
    trusted = leaf(ROOT)
    assert verdict([trusted], trusted) is None
    assert verdict([trusted], trusted, crls=(b"a list",)) is VerifyFailure.OTHER


def test_who_has_issued_a_leaf_that_is_trusted_by_itself_does_not_matter() -> None:
    trusted = leaf(ROOT, hosts=["other.test"])
    assert verdict([trusted], trusted) is VerifyFailure.NAME_MISMATCH
