"""`getpeercert` shows a certificate exactly as the `ssl` module does."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import certifi
import pytest

from unitls.compat.ssl import SSLError
from unitls.compat.ssl._certificate_dict import decode_certificate
from unitls.compat.ssl._names import LONG_NAMES
from unitls.core._pem import certificates_from, to_pem
from unitls.testing import CertificateAuthority, load_identities, load_zoo


def as_theirs(der: bytes, folder: Path) -> dict[str, Any]:
    path = folder / "certificate.pem"
    path.write_bytes(to_pem(der, "CERTIFICATE"))
    shown: dict[str, Any] = ssl._ssl._test_decode_cert(str(path))  # type: ignore[attr-defined]
    return shown


def check(der: bytes, folder: Path) -> None:
    theirs, ours = as_theirs(der, folder), decode_certificate(der)
    assert ours == theirs
    assert list(ours) == list(theirs), "in the same order, too"


@pytest.mark.parametrize("case", load_zoo(), ids=lambda case: case.name)
def test_the_zoo(case: Any, tmp_path: Path) -> None:
    for der in case.server_chain:
        check(der, tmp_path)


def test_the_roots_of_the_public_internet(tmp_path: Path) -> None:
    roots = certificates_from(Path(certifi.where()).read_bytes())
    assert len(roots) > 100
    for der in roots:
        check(der, tmp_path)


def general_name(tag: int, content: bytes) -> bytes:
    return bytes((tag, len(content))) + content


def sequence(*parts: bytes) -> bytes:
    content = b"".join(parts)
    return bytes((0x30, len(content))) + content


DIRECTORY_NAME = general_name(0xA4, bytes.fromhex("300d310b3009060355040613024245"))
ODD_NAMES = (
    DIRECTORY_NAME,
    general_name(0x88, bytes.fromhex("2a0304")),  # a registered identifier
    general_name(0x87, b"\x01\x02\x03"),  # an address of three bytes
    general_name(0x81, b"someone@example.org"),
    general_name(0xA0, bytes.fromhex("06032a0304a0030c0178")),  # an other name
)
ACCESS = sequence(
    sequence(bytes.fromhex("06082b06010505073001"), general_name(0x86, b"http://ocsp.test/")),
    sequence(bytes.fromhex("06082b06010505073002"), general_name(0x86, b"http://ca.test/ca.der")),
    sequence(bytes.fromhex("06082b06010505073002"), general_name(0x82, b"not.an.uri.test")),
)
POINTS = sequence(
    sequence(bytes.fromhex("a0") + bytes((21,)) + b"\xa0" + bytes((19,)) + general_name(0x86, b"http://crl.test/x")),
    sequence(general_name(0x81, b"\x06\x40")),
)


def test_rare_names_and_extensions(tmp_path: Path) -> None:
    authority = CertificateAuthority.create("An authority")
    issued = authority.issue(
        dns_names=["server.test", "*.server.test"],
        ip_addresses=["192.0.2.1", "2001:db8::1"],
        uris=["spiffe://server.test/x"],
        raw_names=ODD_NAMES[:4],
        common_name="Jürgen",
        extensions=[("1.3.6.1.5.5.7.1.1", False, ACCESS), ("2.5.29.31", False, POINTS)],
    )
    check(issued.chain[0], tmp_path)
    check(authority.certificate_der, tmp_path)
    shown = decode_certificate(issued.chain[0])
    assert shown["OCSP"] == ("http://ocsp.test/",)
    assert shown["caIssuers"] == ("http://ca.test/ca.der",)
    assert shown["crlDistributionPoints"] == ("http://crl.test/x",)


def test_another_kind_of_name_is_said_to_be_unsupported() -> None:
    issued = CertificateAuthority.create().issue(dns_names=["server.test"], raw_names=ODD_NAMES[4:])
    assert decode_certificate(issued.chain[0])["subjectAltName"][-1] == ("othername", "<unsupported>")


def test_what_is_no_certificate_is_an_ssl_error() -> None:
    with pytest.raises(SSLError, match="cannot be shown"):
        decode_certificate(load_identities().server.chain[0][:-1])


def test_a_caller_cannot_spoil_it_for_the_next() -> None:
    der = load_identities().server.chain[0]
    decode_certificate(der).clear()
    assert decode_certificate(der)["version"] == 3


def test_long_names_are_openssl_s() -> None:
    for identifier, name in LONG_NAMES.items():
        assert ssl._ssl.txt2obj(identifier)[2] == name  # type: ignore[attr-defined]
