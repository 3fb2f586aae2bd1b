from __future__ import annotations

import datetime
import hashlib
from typing import Any

import pytest
from _link import IDS, TRUST

import unitls
from unitls import VerifyFailure
from unitls.core import _verdict
from unitls.core._known_paths import KnownPaths
from unitls.core._provider import ConnectionPlan
from unitls.core._verdict import Judge, judge
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


class Resumed(Engine):
    """Knows what a resumed session tells: the leaf."""

    def resumed(self) -> bool:
        return True


def test_a_path_that_has_ended_since_is_not_resumed() -> None:
    """A session that is resumed brings the path of its first handshake, whose dates nobody looks at any more."""
    case = ZOO["expired_intermediate"]
    path = (*case.server_chain, CA)
    configuration = unitls.TLSClientConfiguration(trust_store=unitls.TrustStore.from_buffer(case.trust_pem))
    plan = ConnectionPlan(False, None, None, unitls.Session("x", 0, False, None, path))
    with pytest.raises(unitls.CertificateVerificationError) as caught:
        judge(FakeProvider(), configuration, plan, Resumed([path[0]]))  # type: ignore[arg-type]
    assert caught.value.failure is VerifyFailure.EXPIRED


def test_a_server_remembers_by_which_path_it_has_trusted_a_client() -> None:
    seen: list[tuple[bytes, ...]] = []
    leaf, path = IDS.client.chain[0], [IDS.client.chain[0], CA]
    configuration = unitls.TLSServerConfiguration(
        validate_certificates=True, trust_store=TRUST, pins=[pin(CA)], verification_hook=seen.append
    )
    judging, plan = Judge(FakeProvider(), configuration), ConnectionPlan(True)
    with pytest.raises(unitls.CertificateVerificationError):  # somebody else's session: the leaf alone has not that key
        judging.verdict(plan, Resumed([leaf]))  # type: ignore[arg-type]
    judging.verdict(plan, Engine([leaf], path))  # type: ignore[arg-type]
    assert judging.verdict(plan, Resumed([leaf])).path == tuple(path)  # type: ignore[arg-type]
    assert seen == [tuple(path)] * 2


def test_the_same_path_for_the_same_names_is_judged_once(monkeypatch: pytest.MonkeyPatch) -> None:
    fields, now = certificate_fields(LEAF), [0.0]
    now[0] = fields.not_before + 1.0
    configuration = unitls.TLSClientConfiguration(trust_store=TRUST, verification_time=lambda: now[0])
    counting, judged = Judge(FakeProvider(), configuration), list[object]()  # type: ignore[arg-type]
    monkeypatch.setattr(_verdict, "judge", lambda *arguments: judged.append(None) or judge(*arguments))

    def ask(path: list[bytes], subjects: Any = SUBJECTS) -> bytes | None:
        return counting.verdict(ConnectionPlan(False, None, subjects), Engine([LEAF], path)).leaf  # type: ignore[arg-type]

    assert [ask([LEAF, CA]), ask([LEAF, CA]), len(judged)] == [LEAF, LEAF, 1]
    with pytest.raises(unitls.CertificateVerificationError):
        ask([LEAF, IDS.client.chain[0]])
    with pytest.raises(unitls.CertificateVerificationError):
        ask([LEAF, CA], (unitls.DNSName("other.test"),))
    now[0] = fields.not_after + 1.0
    with pytest.raises(unitls.CertificateVerificationError):
        ask([LEAF, CA])
    assert len(judged) == 4


def test_a_hook_is_asked_each_time() -> None:
    seen = list[object]()
    asking = Judge(FakeProvider(), unitls.TLSClientConfiguration(trust_store=TRUST, verification_hook=seen.append))  # type: ignore[arg-type]
    for _ in range(3):
        asking.verdict(ConnectionPlan(False, None, SUBJECTS), Engine([LEAF], [LEAF, CA]))  # type: ignore[arg-type]
    assert len(seen) == 3


def test_known_paths_are_bounded() -> None:
    known = KnownPaths()
    for number in range(2000):
        known.remember((b"%d" % number, b"anchor"))
        assert known.find(b"0")
    assert known.find(b"1999") == (b"1999", b"anchor")
    assert known.find(b"1") == ()


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
    reserved = 0x0A0A  # of RFC 8701, which no enumeration knows
    assert refusal(engine, ciphers=(reserved, 0xC02B)).failure is VerifyFailure.BAD_PURPOSE
    assert verdict(engine, ciphers=(unitls.CipherSuite.TLS_RSA_WITH_AES_128_GCM_SHA256,)) == leaf


def _dates() -> tuple[datetime.datetime, datetime.datetime]:
    now = datetime.datetime.now(datetime.UTC)
    return now - datetime.timedelta(days=1), now + datetime.timedelta(days=1)
