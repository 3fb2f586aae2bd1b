from __future__ import annotations

import datetime
import hashlib
from typing import Any

import pytest
from _link import IDS, TRUST

import unitls
from unitls import VerifyFailure
from unitls.core._provider import ConnectionPlan
from unitls.core._verdict import judge
from unitls.core._x509 import certificate_fields
from unitls.testing._fake import FakeProvider
from unitls.testing._zoo_files import load_zoo

LEAF, CA = IDS.server.chain[0], IDS.authority.certificate_der
SUBJECTS = (unitls.DNSName("server.test"),)
ZOO = {case.name: case for case in load_zoo()}


class Engine:
    """Knows a chain."""

    def __init__(self, sent: list[bytes], path: list[bytes] | None = None) -> None:
        self.sent, self.path = sent, path or []

    def peer_certificate(self) -> bytes | None:
        return self.sent[0] if self.sent else None

    def peer_chain(self) -> list[bytes]:
        return self.sent

    def resumed(self) -> bool:
        return False

    def verified_chain(self) -> list[bytes]:
        return self.path


def verdict(engine: Engine, subjects: Any = SUBJECTS, **values: Any) -> bytes | None:
    configuration = unitls.TLSClientConfiguration(**{"trust_store": TRUST, **values})
    return judge(FakeProvider(), configuration, ConnectionPlan(False, None, subjects), engine).leaf  # type: ignore[arg-type]


def refusal(engine: Engine, subjects: Any = SUBJECTS, **values: Any) -> unitls.CertificateVerificationError:
    with pytest.raises(unitls.CertificateVerificationError) as caught:
        verdict(engine, subjects, **values)
    return caught.value


def pin(der: bytes) -> bytes:
    return hashlib.sha256(certificate_fields(der).spki).digest()


def test_a_good_certificate_gives_the_leaf() -> None:
    assert verdict(Engine([LEAF], [LEAF, CA])) == LEAF
    assert verdict(Engine([LEAF])) == LEAF
    assert verdict(Engine([])) is None


def test_without_validation_nothing_is_checked() -> None:
    expired = ZOO["expired"].server_chain[0]
    assert verdict(Engine([expired]), None, validate_certificates=False) == expired


def test_names_dates_and_roles() -> None:
    assert refusal(Engine([LEAF]), (unitls.DNSName("other.test"),)).failure is VerifyFailure.NAME_MISMATCH
    assert verdict(Engine([LEAF]), None) == LEAF
    fields = certificate_fields(LEAF)
    assert refusal(Engine([LEAF]), verification_time=lambda: fields.not_after + 1.0).failure is VerifyFailure.EXPIRED
    early = refusal(Engine([LEAF]), verification_time=lambda: fields.not_before - 1.0)
    assert early.failure is VerifyFailure.NOT_YET_VALID
    assert refusal(Engine([b"\x30\x03abc"])).failure is VerifyFailure.INVALID


def test_an_authority_as_a_leaf_only_if_it_is_an_anchor() -> None:
    case = ZOO["ca_as_leaf"]
    leaf = case.server_chain[0]
    subjects = (unitls.DNSName(case.server_hostname or ""),)
    store = unitls.TrustStore.from_buffer(case.trust_pem)
    assert refusal(Engine([leaf]), subjects, trust_store=store).failure is VerifyFailure.BAD_PURPOSE
    assert verdict(Engine([leaf]), subjects, trust_store=unitls.TrustStore.from_buffer(leaf)) == leaf


def test_one_pin_of_the_path_suffices() -> None:
    path = [LEAF, CA]
    for pins in ([pin(LEAF)], [pin(CA)], [bytes(32), pin(CA)]):
        assert verdict(Engine([LEAF], path), pins=pins) == LEAF
    assert "pinned" in str(refusal(Engine([LEAF], path), pins=[bytes(32)]))
    assert "pinned" in str(refusal(Engine([LEAF], [LEAF]), pins=[pin(CA)]))


def test_a_pin_must_not_be_met_by_a_certificate_that_was_only_sent() -> None:
    other = IDS.client.chain[0]
    assert "pinned" in str(refusal(Engine([LEAF, other], [LEAF, CA]), pins=[pin(other)]))


def test_the_hook_comes_last_and_may_refuse() -> None:
    seen: list[Any] = []
    assert verdict(Engine([LEAF], [LEAF, CA]), verification_hook=seen.append) == LEAF
    assert seen == [(LEAF, CA)]
    refusal(Engine([LEAF]), (unitls.DNSName("other.test"),), verification_hook=seen.append)
    assert len(seen) == 1

    def refuse(chain: Any) -> None:
        raise LookupError("not listed")

    error = refusal(Engine([LEAF]), verification_hook=refuse)
    assert isinstance(error.__cause__, LookupError)
    assert "not listed" in str(error)


def test_the_path_is_held_against_the_rules_whatever_the_library_says() -> None:
    no_authority = IDS.client.chain[0]
    assert refusal(Engine([LEAF], [LEAF, no_authority])).failure is VerifyFailure.INVALID
    client = IDS.client.chain[0]
    error = refusal(Engine([client], [client, CA]), (unitls.DNSName("client.test"),))
    assert error.failure is VerifyFailure.BAD_PURPOSE


def test_a_certificate_that_only_encrypts_is_for_suites_that_need_no_signature() -> None:
    certificates = pytest.importorskip("unitls.testing._certificates", exc_type=unitls.ConfigurationError)
    x509, hashes = certificates.x509, certificates.hashes
    usages = (False, False, True, False, False, False, False, False, False)
    key = certificates.new_key("P-256")
    name = x509.Name([])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, *_dates())
    builder = builder.add_extension(x509.KeyUsage(*usages), critical=True)
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("server.test")]), critical=False)
    leaf = builder.sign(key, hashes.SHA256()).public_bytes(certificates.serialization.Encoding.DER)
    engine = Engine([leaf], [leaf, CA])
    assert refusal(engine).failure is VerifyFailure.BAD_PURPOSE
    assert verdict(engine, ciphers=(unitls.CipherSuite.TLS_RSA_WITH_AES_128_GCM_SHA256,)) == leaf


def _dates() -> tuple[datetime.datetime, datetime.datetime]:
    now = datetime.datetime.now(datetime.UTC)
    return now - datetime.timedelta(days=1), now + datetime.timedelta(days=1)
