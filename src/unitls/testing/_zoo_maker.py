"""Makes the zoo anew, with `cryptography`.

Every date is fixed, so that what is made, and shipped, stays good or bad for the same reason for decades.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ._ca import CertificateAuthority, Issued, self_signed
from ._zoo import Identities, ZooCase
from ._zoo_names import BAD_NAMES, GOOD_NAMES, HOST, NameCase

if TYPE_CHECKING:
    from ._certificates import KeyType, Purpose

PASSPHRASE = b"correct horse battery staple"

# From before July 2019: Apple's verifiers hold later certificates to a validity of 825 days.
START = datetime(2019, 1, 1, tzinfo=UTC)
END = datetime(2099, 1, 1, tzinfo=UTC)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
FAR_AHEAD = datetime(2098, 1, 1, tzinfo=UTC)


def make_zoo() -> tuple[ZooCase, ...]:
    """Make every case of the zoo, with new keys.

    Returns:
        The cases, good ones first.

    Raises:
        ConfigurationError: `cryptography` is missing.
    """
    zoo = _Zoo(_authority("unitls zoo authority"))
    return (
        *(zoo.named(row) for row in GOOD_NAMES),
        *_good_chains(zoo),
        *_bad_dates(zoo),
        *(zoo.named(row) for row in BAD_NAMES),
        *_bad_issuers(zoo),
        *_bad_paths(zoo),
        *_bad_leaves(zoo),
        *_several_faults(zoo),
        *_clients(zoo),
    )


def make_identities() -> Identities:
    """Make good certificates of one authority, with new keys.

    Returns:
        The identities.

    Raises:
        ConfigurationError: `cryptography` is missing.
    """
    root = _authority("unitls test authority")
    below = root.intermediate("unitls test intermediate")
    hosts, addresses = ("server.test", "localhost"), ("127.0.0.1", "::1")
    return Identities(
        authority=root,
        server=root.issue(dns_names=hosts, ip_addresses=addresses, purposes=["server"]),
        second_server=below.issue(dns_names=("other.test", "*.other.test"), purposes=["server"]),
        rsa_server=root.issue(dns_names=hosts, ip_addresses=addresses, purposes=["server"], key_type="RSA-2048"),
        client=root.issue(dns_names=["client.test"], common_name="client", purposes=["client"]),
    )


def make_key_zoo(identities: Identities) -> dict[str, tuple[bytes, bytes | None]]:
    """Write the keys of two identities in every encoding that programs meet.

    Args:
        identities: whose server keys to write, RSA and P-256.

    Returns:
        By name the encoded key and its passphrase, as `load_key_zoo` returns them.

    Raises:
        ConfigurationError: `cryptography` is missing.
    """
    from ._certificates import key_encodings

    keys = {"rsa": identities.rsa_server.key_pem, "ec": identities.server.key_pem}
    return {
        f"{kind}-{name}": (encoded, PASSPHRASE if is_encrypted else None)
        for kind, pem in keys.items()
        for name, encoded, is_encrypted in key_encodings(pem, PASSPHRASE)
    }


def _authority(name: str, key_type: KeyType = "P-256") -> CertificateAuthority:
    return CertificateAuthority.create(name, key_type, not_before=START, not_after=END)


@dataclass(frozen=True, slots=True)
class _Zoo:
    """The root that the verifying side trusts, and how its cases are made."""

    root: CertificateAuthority

    def issue(
        self,
        issuer: CertificateAuthority | None = None,
        host: str | bytes = HOST,
        purposes: Sequence[Purpose] = ("server",),
        not_before: datetime | None = None,
        not_after: datetime | None = None,
    ) -> Issued:
        authority = issuer or self.root
        return authority.issue(dns_names=[host], purposes=purposes, not_before=not_before, not_after=not_after)

    def named(self, row: NameCase) -> ZooCase:
        issued = self.root.issue(
            dns_names=row.dns_names,
            ip_addresses=row.ip_addresses,
            common_name=row.common_name,
            purposes=("server",),
        )
        return self.case(row.name, row.note, issued, *row.failures, asked=row.asked)

    def case(
        self,
        name: str,
        note: str,
        issued: Issued,
        *failures: str,
        asked: str = HOST,
        trust: bytes | None = None,
        crls: bytes | None = None,
        combined: bool = False,
    ) -> ZooCase:
        return ZooCase(
            name=name,
            note=note,
            server_chain=issued.chain,
            key_pem=issued.key_pem,
            trust_pem=self.root.certificate_pem if trust is None else trust,
            crls_pem=crls,
            server_hostname=asked,
            failures=failures,
            combined=combined,
        )

    def client_case(self, name: str, note: str, issued: Issued, *failures: str) -> ZooCase:
        return replace(self.case(name, note, issued, *failures), role="client", server_hostname=None)


def _good_chains(zoo: _Zoo) -> Iterator[ZooCase]:
    below = zoo.root.intermediate("unitls zoo intermediate")
    yield zoo.case("good_intermediate", "an intermediate in the chain", zoo.issue(below))

    yield zoo.case("good_two_intermediates", "two intermediates", zoo.issue(below.intermediate("unitls zoo second")))

    with_root = zoo.issue(below)
    with_root = replace(with_root, chain=(*with_root.chain, zoo.root.certificate_der))
    yield zoo.case("good_root_sent", "the trusted root is sent along", with_root)

    rsa = zoo.root.issue(dns_names=[HOST], key_type="RSA-2048", purposes=["server"])
    yield zoo.case("good_rsa", "an RSA key of 2048 bits", rsa)

    alone = self_signed(dns_names=[HOST], not_before=START, not_after=END)
    note = "self-signed, no authority, and trusted itself"
    yield zoo.case("good_self_signed", note, alone, trust=alone.certificate_pem)

    constrained = zoo.root.intermediate("unitls zoo constrained", permitted_dns=[HOST])
    yield zoo.case("good_name_constraints", "a name constraint that is kept", zoo.issue(constrained))

    crl = zoo.root.crl([zoo.issue()])
    yield zoo.case("good_crl", "a revocation list that names another certificate", zoo.issue(), crls=crl)


def _bad_dates(zoo: _Zoo) -> Iterator[ZooCase]:
    yield zoo.case("expired", "past its end", zoo.issue(not_after=LONG_AGO), "EXPIRED")

    yield zoo.case("not_yet_valid", "before its start", zoo.issue(not_before=FAR_AHEAD), "NOT_YET_VALID")

    old = zoo.root.intermediate("unitls zoo expired", not_before=START, not_after=LONG_AGO)
    issued = zoo.issue(old, not_before=START, not_after=END)
    yield zoo.case("expired_intermediate", "the intermediate is past its end", issued, "EXPIRED")

    alone = self_signed(dns_names=[HOST], not_before=START, not_after=LONG_AGO)
    note = "trusted itself, but past its end"
    yield zoo.case("expired_anchor", note, alone, "EXPIRED", trust=alone.certificate_pem)


def _bad_issuers(zoo: _Zoo) -> Iterator[ZooCase]:
    stranger = _authority("unitls zoo stranger")
    issued = zoo.issue(stranger)
    yield zoo.case("unknown_issuer", "issued by an authority that is not trusted", issued, "UNKNOWN_ISSUER")

    issued = replace(issued, chain=(*issued.chain, stranger.certificate_der))
    note = "an authority that is not trusted, its root sent along"
    yield zoo.case("unknown_issuer_root_sent", note, issued, "UNKNOWN_ISSUER")

    impostor = _authority("unitls zoo authority")
    note = "issued by an authority with the name of the trusted one and another key"
    yield zoo.case("unknown_issuer_same_name", note, zoo.issue(impostor), "UNKNOWN_ISSUER", "INVALID")

    alone = self_signed(dns_names=[HOST], not_before=START, not_after=END)
    yield zoo.case("self_signed", "its own issuer, and not trusted", alone, "SELF_SIGNED")

    issued = zoo.issue(zoo.root.intermediate("unitls zoo missing"))
    issued = replace(issued, chain=issued.chain[:1])
    yield zoo.case("missing_intermediate", "the intermediate is not sent", issued, "UNKNOWN_ISSUER")


def _bad_paths(zoo: _Zoo) -> Iterator[ZooCase]:
    constrained = zoo.root.intermediate("unitls zoo elsewhere", permitted_dns=["other.test"])
    note = "the intermediate may issue for other.test only"
    yield zoo.case("name_constraints", note, zoo.issue(constrained), "INVALID")

    last = zoo.root.intermediate("unitls zoo last", path_length=0)
    note = "an intermediate below one with a path length of 0"
    yield zoo.case("path_length", note, zoo.issue(last.intermediate("unitls zoo too deep")), "INVALID")

    # What the holder of any certificate could do, were basic constraints not looked at.
    holder = zoo.root.intermediate("unitls zoo no authority", is_ca=False)
    note = "issued by a certificate that is no authority"
    yield zoo.case("issuer_not_ca", note, zoo.issue(holder), "INVALID", "BAD_PURPOSE", "UNKNOWN_ISSUER")

    issued = zoo.issue()
    broken = issued.chain[0][:-1] + bytes([issued.chain[0][-1] ^ 1])
    yield zoo.case("broken_signature", "one bit of the signature differs", replace(issued, chain=(broken,)), "INVALID")


def _bad_leaves(zoo: _Zoo) -> Iterator[ZooCase]:
    issued = zoo.issue(purposes=("client",))
    yield zoo.case("wrong_purpose", "a client's certificate, shown by a server", issued, "BAD_PURPOSE")

    issued = zoo.root.issue(dns_names=[HOST], is_ca=True, purposes=["server"])
    yield zoo.case("ca_as_leaf", "the certificate of an authority, shown by a server", issued, "BAD_PURPOSE")

    issued = zoo.root.issue(dns_names=[HOST], key_type="RSA-1024", purposes=["server"])
    yield zoo.case("weak_key", "an RSA key of 1024 bits, which libraries may refuse to serve", issued, "WEAK")

    yield _weak_signature(zoo)

    issued = zoo.root.issue(
        dns_names=[HOST], purposes=["server"], extensions=[("2.25.314159265358979", True, b"\x05\x00")]
    )
    yield zoo.case("critical_extension", "an unknown extension marked critical", issued, "INVALID", "OTHER")

    issued = zoo.issue()
    crl = zoo.root.crl([issued])
    yield zoo.case("revoked", "named by the revocation list", issued, "REVOKED", crls=crl)


def _weak_signature(zoo: _Zoo) -> ZooCase:
    from ._certificates import signed_with_sha1

    authority = _authority("unitls zoo RSA authority", "RSA-2048")
    issued = zoo.issue(authority)
    leaf = signed_with_sha1(issued.chain[0], authority.key_pem)
    note = "signed with SHA-1, which libraries may refuse to serve"
    weak = replace(issued, chain=(leaf,))
    return zoo.case("weak_signature", note, weak, "WEAK", "INVALID", trust=authority.certificate_pem)


def _several_faults(zoo: _Zoo) -> Iterator[ZooCase]:
    issued = zoo.issue(host="other.test", not_after=LONG_AGO)
    note = "past its end, and another host's"
    yield zoo.case("expired_wrong_name", note, issued, "EXPIRED", "NAME_MISMATCH", combined=True)

    stranger = _authority("unitls zoo second stranger")
    issued = zoo.issue(stranger, host="other.test")
    note = "issued by a stranger, and for another host"
    yield zoo.case("unknown_issuer_wrong_name", note, issued, "UNKNOWN_ISSUER", "NAME_MISMATCH", combined=True)

    issued = zoo.issue(stranger, not_after=LONG_AGO)
    note = "issued by a stranger, and past its end"
    yield zoo.case("expired_unknown_issuer", note, issued, "EXPIRED", "UNKNOWN_ISSUER", combined=True)

    alone = self_signed(dns_names=["other.test"], not_before=START, not_after=END)
    note = "its own issuer, and for another host"
    yield zoo.case("self_signed_wrong_name", note, alone, "SELF_SIGNED", "NAME_MISMATCH", combined=True)

    issued = zoo.issue(host="other.test", purposes=("client",))
    note = "another host's, and a client's"
    yield zoo.case("wrong_name_wrong_purpose", note, issued, "NAME_MISMATCH", "BAD_PURPOSE", combined=True)


def _clients(zoo: _Zoo) -> Iterator[ZooCase]:
    issued = zoo.issue(host="client.test", purposes=("client",))
    yield zoo.client_case("client_good", "a client's certificate", issued)

    issued = zoo.issue(host="client.test")
    yield zoo.client_case("client_wrong_purpose", "a server's certificate, shown by a client", issued, "BAD_PURPOSE")

    issued = zoo.issue(host="client.test", purposes=("client",), not_after=LONG_AGO)
    yield zoo.client_case("client_expired", "a client's certificate, past its end", issued, "EXPIRED")

    issued = zoo.issue(_authority("unitls zoo client stranger"), host="client.test", purposes=("client",))
    note = "a client's certificate, issued by an authority that is not trusted"
    yield zoo.client_case("client_unknown_issuer", note, issued, "UNKNOWN_ISSUER")
