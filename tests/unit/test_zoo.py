"""The throw-away authority and the zoo: what they claim is there, and the `ssl` module agrees with the verdicts."""

from __future__ import annotations

import ipaddress
import itertools
import json
import os
import ssl
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from unitls.api._errors import ConfigurationError, VerifyFailure
from unitls.testing._ca import CertificateAuthority, Issued, self_signed
from unitls.testing._ocsp_maker import make_responses
from unitls.testing._zoo import ZooCase
from unitls.testing._zoo_files import (
    dump_identities,
    dump_key_zoo,
    dump_ocsp,
    dump_zoo,
    load_identities,
    load_key_zoo,
    load_ocsp,
    load_zoo,
)
from unitls.testing._zoo_maker import PASSPHRASE, make_identities, make_key_zoo, make_zoo

CASES = {case.name: case for case in load_zoo()}
every_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())

# The numbers of X509_V_ERR_... in OpenSSL's x509_vfy.h.
OPENSSL_CODES = {
    "EXPIRED": {10},
    "NOT_YET_VALID": {9},
    "UNKNOWN_ISSUER": {2, 19, 20, 21},
    "SELF_SIGNED": {18},
    "NAME_MISMATCH": {62, 64},
    "REVOKED": {23},
    "BAD_PURPOSE": {26},
    "WEAK": {66, 67, 68},
    "INVALID": {7, 24, 25, 32, 34, 47, 79},
}
PEM_LABELS = {
    "pkcs8-pem": b"-----BEGIN PRIVATE KEY-----",
    "pkcs8-encrypted-pem": b"-----BEGIN ENCRYPTED PRIVATE KEY-----",
    "pkcs1-pem": b"-----BEGIN RSA PRIVATE KEY-----",
    "sec1-pem": b"-----BEGIN EC PRIVATE KEY-----",
    "pkcs1-encrypted-pem": b"-----BEGIN RSA PRIVATE KEY-----",
    "sec1-encrypted-pem": b"-----BEGIN EC PRIVATE KEY-----",
}
# The ssl module takes an authority's certificate as a leaf.
ACCEPTED_BY_SSL = {"ca_as_leaf"}


def certificates(case: ZooCase) -> list[x509.Certificate]:
    return [x509.load_der_x509_certificate(der) for der in case.server_chain]


def leaf(name: str) -> x509.Certificate:
    return certificates(CASES[name])[0]


def trusted(case: ZooCase) -> x509.Certificate:
    return x509.load_pem_x509_certificate(case.trust_pem)


def purposes(certificate: x509.Certificate) -> list[x509.ObjectIdentifier]:
    return list(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)


def is_ca(certificate: x509.Certificate) -> bool:
    return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def names(certificate: x509.Certificate) -> x509.SubjectAlternativeName:
    return certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value


def environment() -> dict[str, str]:
    """The environment of a Python that finds what this one finds."""
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def shape(case: ZooCase) -> tuple[Any, ...]:
    """Everything about a case that does not change with its keys."""
    verdict = (case.role, case.server_hostname, case.failures, case.combined)
    return (case.name, case.note, *verdict, len(case.server_chain), case.crls_pem is None)


def identity_context(protocol: int, folder: Path, issued: Issued | ZooCase) -> ssl.SSLContext:
    """A context that shows `issued`, however weak it is."""
    chain = issued.chain if isinstance(issued, Issued) else issued.server_chain
    file = folder / "identity.pem"
    file.write_bytes(b"".join(ssl.DER_cert_to_PEM_cert(der).encode() for der in chain) + issued.key_pem)
    context = ssl.SSLContext(protocol)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.load_cert_chain(file)
    return context


def verifying_context(protocol: int, folder: Path, trust: bytes, crls: bytes | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.verify_mode = ssl.CERT_REQUIRED
    context.set_ciphers("DEFAULT:@SECLEVEL=2")
    context.load_verify_locations(cadata=trust.decode())
    if crls is not None:
        (folder / "crls.pem").write_bytes(crls)
        context.load_verify_locations(folder / "crls.pem")
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    if protocol == ssl.PROTOCOL_TLS_CLIENT:
        context.hostname_checks_common_name = False
    return context


def verify_code(client: ssl.SSLContext, server: ssl.SSLContext, hostname: str | None) -> int:
    """Run a handshake in memory; returns OpenSSL's verdict on the certificate, 0 when both sides are content."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [
        client.wrap_bio(to_client, to_server, server_hostname=hostname),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    for _ in range(10):
        for side in list(sides):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError as error:
                return error.verify_code
            sides.remove(side)
    assert not sides, "the handshake does not end"
    return 0


def verdict_of_ssl(case: ZooCase, folder: Path, flags: ssl.VerifyFlags = ssl.VERIFY_DEFAULT) -> int:
    if case.role == "server":
        server = identity_context(ssl.PROTOCOL_TLS_SERVER, folder, case)
        client = verifying_context(ssl.PROTOCOL_TLS_CLIENT, folder, case.trust_pem, case.crls_pem)
        client.verify_flags |= flags
    else:
        identities = load_identities()
        client = identity_context(ssl.PROTOCOL_TLS_CLIENT, folder, case)
        client.load_verify_locations(cadata=identities.ca_pem.decode())
        server = identity_context(ssl.PROTOCOL_TLS_SERVER, folder, identities.server)
        server.verify_mode = ssl.CERT_REQUIRED
        server.load_verify_locations(cadata=case.trust_pem.decode())
        server.verify_flags |= flags
    return verify_code(client, server, case.server_hostname or "server.test")


class TestShippedFiles:
    def test_a_fresh_zoo_has_the_shape_of_the_shipped_one(self) -> None:
        assert [shape(case) for case in make_zoo()] == [shape(case) for case in load_zoo()]

    def test_identities_and_keys_have_the_shape_of_the_shipped_ones(self) -> None:
        made, shipped = make_identities(), load_identities()
        for name in ("server", "second_server", "rsa_server", "client"):
            assert len(getattr(made, name).chain) == len(getattr(shipped, name).chain)
        keys = make_key_zoo(made)
        assert {name: password for name, (_, password) in keys.items()} == {
            name: password for name, (_, password) in load_key_zoo().items()
        }

    def test_fresh_responses_have_the_shape_of_the_shipped_ones(self) -> None:
        made = [(case.name, case.note, case.failure) for case in make_responses(load_identities())]
        assert made == [(case.name, case.note, case.failure) for case in load_ocsp()]

    def test_files_are_written_as_they_are_read(self) -> None:
        folder = resources.files("unitls.testing").joinpath("zoo")
        assert folder.joinpath("cases.json").read_text() == dump_zoo(load_zoo())
        assert folder.joinpath("identities.json").read_text() == dump_identities(load_identities())
        assert folder.joinpath("keys.json").read_text() == dump_key_zoo(load_key_zoo())
        assert folder.joinpath("ocsp.json").read_text() == dump_ocsp(load_ocsp())

    def test_reading_needs_the_standard_library_without_ssl_alone(self) -> None:
        code = """
import sys
sys.modules["cryptography"] = sys.modules["ssl"] = sys.modules["_ssl"] = None
from unitls.testing._zoo_files import load_identities, load_key_zoo, load_ocsp, load_zoo
assert load_ocsp() and load_zoo() and load_key_zoo() and load_identities().server.certificate_pem
from unitls.api._errors import ConfigurationError
try:
    load_identities().authority.issue(dns_names=["a.test"])
except ConfigurationError as error:
    print(error)
"""
        run = subprocess.run(
            [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True, timeout=150
        )
        assert "pip install cryptography" in run.stdout

    def test_the_tool_writes_all_of_them(self, tmp_path: Path) -> None:
        tool = Path(__file__).resolve().parents[2] / "tools" / "make_zoo.py"
        subprocess.run([sys.executable, tool, "--folder", tmp_path], env=environment(), check=True, timeout=150)
        written = {file.name: json.loads(file.read_text()) for file in tmp_path.iterdir()}
        assert written.keys() == {"cases.json", "identities.json", "keys.json", "ocsp.json"}
        assert [case["name"] for case in written["cases.json"]] == list(CASES)
        assert written["keys.json"].keys() == load_key_zoo().keys()


class TestVerdicts:
    def test_every_failure_that_a_certificate_can_cause_is_expected_once(self) -> None:
        expected = {case.failure for case in load_zoo()} - {None}
        assert expected == {failure.name for failure in VerifyFailure} - {"OTHER"}

    def test_names_are_unique(self) -> None:
        assert len(CASES) == len(load_zoo())

    @every_case
    def test_several_faults_are_reported_in_the_order_of_verify_failure(self, case: ZooCase) -> None:
        ranks = [list(VerifyFailure.__members__).index(name) for name in case.failures]
        assert not case.combined or (len(ranks) > 1 and ranks == sorted(ranks))

    @every_case
    def test_the_ssl_module_agrees(self, case: ZooCase, tmp_path: Path) -> None:
        code = verdict_of_ssl(case, tmp_path)
        accepted = {code for failure in case.failures if failure != "OTHER" for code in OPENSSL_CODES[failure]}
        assert code in (accepted if case.failures and case.name not in ACCEPTED_BY_SSL else {0})

    @pytest.mark.parametrize("name", [name for name, case in CASES.items() if not case.failures])
    def test_good_ones_are_good_by_the_letter_of_rfc_5280(self, name: str, tmp_path: Path) -> None:
        assert verdict_of_ssl(CASES[name], tmp_path, ssl.VERIFY_X509_STRICT) == 0


class TestProperties:
    @every_case
    def test_the_key_is_the_key_of_the_leaf(self, case: ZooCase) -> None:
        key = serialization.load_pem_private_key(case.key_pem, None)
        assert key.public_key() == certificates(case)[0].public_key()

    @every_case
    def test_dates_are_the_only_thing_wrong_where_they_are_wrong(self, case: ZooCase) -> None:
        chain = certificates(case)
        now = datetime.now(UTC)
        assert ("EXPIRED" in case.failures) == any(one.not_valid_after_utc < now for one in chain)
        assert ("NOT_YET_VALID" in case.failures) == any(one.not_valid_before_utc > now for one in chain)
        assert all(one.not_valid_after_utc.year in (2020, 2099) for one in chain)

    @every_case
    def test_the_issuer_is_trusted_unless_that_is_the_point(self, case: ZooCase) -> None:
        anchor, last = trusted(case), certificates(case)[-1]
        points_at_anchor = last.issuer == anchor.subject
        stranger = {"UNKNOWN_ISSUER", "SELF_SIGNED"} & set(case.failures) and case.failure != "INVALID"
        assert points_at_anchor == (not stranger or case.name == "unknown_issuer_same_name")

    @every_case
    def test_a_server_has_the_purpose_unless_that_is_the_point(self, case: ZooCase) -> None:
        is_server = purposes(certificates(case)[0]) == [ExtendedKeyUsageOID.SERVER_AUTH]
        wrong = "BAD_PURPOSE" in case.failures and case.name not in ("ca_as_leaf", "issuer_not_ca")
        assert is_server == ((case.role == "server") != wrong)

    @every_case
    def test_a_leaf_is_no_authority_unless_that_is_the_point(self, case: ZooCase) -> None:
        assert is_ca(certificates(case)[0]) == (case.name == "ca_as_leaf")

    @pytest.mark.parametrize(
        ("name", "dns_names"),
        [
            ("good", ["zoo.test"]),
            ("wrong_name", ["other.test"]),
            ("null_byte", ["zoo.test\0.evil.test"]),
            ("wildcard_partial", ["z*.zoo.test"]),
            ("wildcard_middle", ["a.*.test"]),
            ("wildcard_alone", ["*"]),
            ("ip_in_dns", ["127.0.0.1"]),
            ("dns_for_ip", []),
        ],
    )
    def test_names_are_written_as_claimed(self, name: str, dns_names: list[str]) -> None:
        assert names(leaf(name)).get_values_for_type(x509.DNSName) == dns_names

    def test_null_byte_is_there_in_octets(self) -> None:
        assert b"\x82\x13zoo.test\x00.evil.test" in CASES["null_byte"].server_chain[0]

    def test_addresses_are_written_as_addresses(self) -> None:
        addresses = [ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1")]
        for name in ("good_ipv4", "good_ipv6", "dns_for_ip"):
            assert names(leaf(name)).get_values_for_type(x509.IPAddress) == addresses

    def test_common_name_only_has_no_alternative_names(self) -> None:
        certificate = leaf("common_name_only")
        assert certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value == "zoo.test"
        with pytest.raises(x509.ExtensionNotFound):
            names(certificate)

    def test_weak_ones_are_weak_in_one_way(self) -> None:
        weak_key, weak_signature = leaf("weak_key"), leaf("weak_signature")
        key = weak_key.public_key()
        assert isinstance(key, rsa.RSAPublicKey)
        assert key.key_size == 1024
        assert isinstance(weak_key.signature_hash_algorithm, hashes.SHA256)
        assert isinstance(weak_signature.signature_hash_algorithm, hashes.SHA1)
        issuer_key = trusted(CASES["weak_signature"]).public_key()
        assert isinstance(issuer_key, rsa.RSAPublicKey)
        issuer_key.verify(
            weak_signature.signature, weak_signature.tbs_certificate_bytes, padding.PKCS1v15(), hashes.SHA1()
        )

    def test_a_broken_signature_is_all_that_is_broken(self) -> None:
        case = CASES["broken_signature"]
        with pytest.raises(InvalidSignature):
            leaf(case.name).verify_directly_issued_by(trusted(case))

    def test_the_same_name_hides_another_key(self) -> None:
        case = CASES["unknown_issuer_same_name"]
        assert leaf(case.name).issuer == trusted(case).subject
        assert leaf(case.name).issuer == leaf("good").issuer

    def test_constraints_of_the_path(self) -> None:
        _, deep, last = certificates(CASES["path_length"])
        assert last.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length == 0
        assert is_ca(deep)
        assert not is_ca(certificates(CASES["issuer_not_ca"])[1])
        constrained = certificates(CASES["name_constraints"])[1].extensions
        constraints = constrained.get_extension_for_class(x509.NameConstraints)
        assert constraints.critical
        assert constraints.value.permitted_subtrees == [x509.DNSName("other.test")]

    def test_only_the_revoked_one_is_on_its_list(self) -> None:
        for name, is_revoked in (("revoked", True), ("good_crl", False)):
            case = CASES[name]
            assert case.crls_pem is not None
            crl = x509.load_pem_x509_crl(case.crls_pem)
            assert len(crl) == 1
            entry = crl.get_revoked_certificate_by_serial_number(leaf(name).serial_number)
            assert (entry is not None) == is_revoked
            anchor_key = trusted(case).public_key()
            assert isinstance(anchor_key, ec.EllipticCurvePublicKey)
            assert crl.is_signature_valid(anchor_key)

    def test_no_repr_shows_a_key(self) -> None:
        identities = load_identities()
        shown = repr((load_zoo(), identities, identities.authority))
        assert "PRIVATE" not in shown
        for case in load_zoo():
            assert case.key_pem.splitlines()[1].decode() not in shown


class TestIdentities:
    @pytest.mark.parametrize("hostname", ["server.test", "localhost", "127.0.0.1", "::1"])
    @pytest.mark.parametrize("name", ["server", "rsa_server"])
    def test_both_sides_accept_each_other(self, name: str, hostname: str, tmp_path: Path) -> None:
        identities = load_identities()
        server = identity_context(ssl.PROTOCOL_TLS_SERVER, tmp_path, getattr(identities, name))
        server.verify_mode = ssl.CERT_REQUIRED
        client = identity_context(ssl.PROTOCOL_TLS_CLIENT, tmp_path, identities.client)
        for context in (server, client):
            context.load_verify_locations(cadata=identities.ca_pem.decode())
        assert verify_code(client, server, hostname) == 0

    @pytest.mark.parametrize("hostname", ["other.test", "www.other.test"])
    def test_the_second_server_is_another_host(self, hostname: str, tmp_path: Path) -> None:
        identities = load_identities()
        server = identity_context(ssl.PROTOCOL_TLS_SERVER, tmp_path, identities.second_server)
        client = verifying_context(ssl.PROTOCOL_TLS_CLIENT, tmp_path, identities.ca_pem)
        assert verify_code(client, server, hostname) == 0
        assert verify_code(client, server, "server.test") == 62

    def test_serial_numbers_are_those_of_the_leaves(self) -> None:
        identities = load_identities()
        for issued in (identities.server, identities.second_server, identities.rsa_server, identities.client):
            assert issued.serial == x509.load_der_x509_certificate(issued.chain[0]).serial_number

    def test_the_shipped_authority_issues_more(self, tmp_path: Path) -> None:
        authority = load_identities().authority
        server = identity_context(ssl.PROTOCOL_TLS_SERVER, tmp_path, authority.issue(dns_names=["new.test"]))
        client = verifying_context(ssl.PROTOCOL_TLS_CLIENT, tmp_path, authority.certificate_pem)
        assert verify_code(client, server, "new.test") == 0


class TestKeyZoo:
    @pytest.mark.parametrize("name", load_key_zoo())
    def test_each_encoding_holds_the_key_that_it_claims(self, name: str) -> None:
        encoded, password = load_key_zoo()[name]
        load = serialization.load_der_private_key if name.endswith("-der") else serialization.load_pem_private_key
        identities = load_identities()
        owner = identities.rsa_server if name.startswith("rsa-") else identities.server
        certificate = x509.load_der_x509_certificate(owner.chain[0])
        assert load(encoded, password).public_key() == certificate.public_key()
        assert password == (PASSPHRASE if "encrypted" in name else None)

    @pytest.mark.parametrize("name", [name for name in load_key_zoo() if name.endswith("-pem")])
    def test_each_pem_has_the_label_of_its_format(self, name: str) -> None:
        first, second = load_key_zoo()[name][0].splitlines()[:2]
        assert first == PEM_LABELS[name.partition("-")[2]]
        assert (second == b"Proc-Type: 4,ENCRYPTED") == name.endswith(("pkcs1-encrypted-pem", "sec1-encrypted-pem"))

    def test_there_are_seven_encodings_of_each_key(self) -> None:
        kinds = [name.partition("-")[0] for name in load_key_zoo()]
        assert (kinds.count("rsa"), kinds.count("ec")) == (7, 7)


class TestCertificateAuthority:
    @pytest.mark.parametrize(
        ("key_type", "kind"),
        [
            ("P-256", ec.EllipticCurvePrivateKey),
            ("P-384", ec.EllipticCurvePrivateKey),
            ("Ed25519", ed25519.Ed25519PrivateKey),
        ],
    )
    def test_key_types(self, key_type: Any, kind: type) -> None:
        authority = CertificateAuthority.create(key_type=key_type)
        issued = authority.issue(dns_names=["a.test"], key_type=key_type)
        assert isinstance(serialization.load_pem_private_key(issued.key_pem, None), kind)
        made = x509.load_der_x509_certificate(issued.chain[0])
        made.verify_directly_issued_by(x509.load_pem_x509_certificate(authority.certificate_pem))

    def test_an_unknown_key_type_is_refused(self) -> None:
        unknown: Any = "DSA"
        with pytest.raises(ConfigurationError, match="P-256"):
            CertificateAuthority.create(key_type=unknown)

    def test_dates_surround_now_and_are_those_of_the_authority(self) -> None:
        authority = CertificateAuthority.create()
        made = x509.load_der_x509_certificate(authority.issue(dns_names=["a.test"]).chain[0])
        root = x509.load_der_x509_certificate(authority.certificate_der)
        now = datetime.now(UTC)
        assert root.not_valid_before_utc < now - timedelta(hours=23)
        assert root.not_valid_after_utc > now + timedelta(days=3600)
        assert made.not_valid_before_utc == root.not_valid_before_utc
        assert made.not_valid_after_utc == root.not_valid_after_utc

    def test_the_chain_of_an_intermediate_leads_to_the_root(self) -> None:
        root = CertificateAuthority.create()
        below = root.intermediate().intermediate()
        chain = [x509.load_der_x509_certificate(der) for der in below.issue(dns_names=["a.test"]).chain]
        chain.append(x509.load_der_x509_certificate(root.certificate_der))
        assert len(chain) == 4
        for lower, upper in itertools.pairwise(chain):
            lower.verify_directly_issued_by(upper)

    def test_certificate_pem_is_the_chain(self) -> None:
        issued = CertificateAuthority.create().intermediate().issue(dns_names=["a.test"])
        parsed = x509.load_pem_x509_certificates(issued.certificate_pem)
        assert [one.public_bytes(serialization.Encoding.DER) for one in parsed] == list(issued.chain)

    def test_names_of_every_kind(self) -> None:
        authority = CertificateAuthority.create()
        issued = authority.issue(
            dns_names=["a.test", b"\xff\x00"],
            ip_addresses=["192.0.2.1"],
            uris=["spiffe://a.test/" + "x" * 300],
            raw_names=[bytes.fromhex("8805") + bytes.fromhex("2a03040506")],
        )
        der = issued.chain[0]
        expected = [
            b"\x82\x06a.test",
            b"\x82\x02\xff\x00",
            b"\x87\x04" + ipaddress.ip_address("192.0.2.1").packed,
            b"\x86\x82\x01\x3cspiffe://a.test/" + b"x" * 300,
            b"\x88\x05\x2a\x03\x04\x05\x06",
        ]
        assert b"".join(expected) in der

    def test_a_list_revokes_serial_numbers_and_certificates(self) -> None:
        authority = CertificateAuthority.create()
        issued = authority.issue(dns_names=["a.test"])
        crl = x509.load_pem_x509_crl(authority.crl([4711, issued]))
        assert {entry.serial_number for entry in crl} == {4711, issued.serial}

    def test_self_signed_signs_itself_and_is_no_authority(self) -> None:
        made = x509.load_der_x509_certificate(self_signed(dns_names=["a.test"]).chain[0])
        made.verify_directly_issued_by(made)
        assert not is_ca(made)
