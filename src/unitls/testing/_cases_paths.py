"""Cases on the rules of RFC 5280 that libraries let slip: on the way from a leaf to its anchor, and in revocation lists."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ..api._errors import (
    CertificateVerificationError,
    ConfigurationError,
    ConnectionFault,
    TLSError,
    VerifyFailure,
    WantReadError,
)
from ..api._features import Feature
from ..api._protocols import ClientAuthentication
from ..api._trust import TrustStore
from ..api._versions import TLSVersion
from ..core._pem import crls_from
from ._case import ONCE, QUICK, UNBOUND, case
from ._cases_zoo import run_client_case, run_server_case
from ._ends import BufferEnd
from ._expect import NotApplicable, instance, raises, require, same
from ._kit import Drive, Kit, identity_of
from ._zoo import ZooCase

if TYPE_CHECKING:
    from ._ca import CertificateAuthority, Issued

_HOST = "zoo.test"
_EXCLUDES_ONE_HOST = bytes.fromhex("3010a10e300c820a") + b"a.zoo.test"
"""Name constraints (RFC 5280 section 4.2.1.10) that exclude a single host."""
_NAME_CONSTRAINTS = "2.5.29.30"
_CERTIFICATE = 11
_FIRST_CERTIFICATE = 15
"""Where a Certificate message of TLS 1.2 has its first certificate, counted from the beginning of its record."""


def _authority() -> CertificateAuthority:
    if importlib.util.find_spec("cryptography") is None:
        raise NotApplicable("the package cryptography is needed to make these certificates")
    from ._ca import CertificateAuthority

    return CertificateAuthority.create("unitls path authority")


def _as_authority(issued: Issued) -> CertificateAuthority:
    from ._ca import CertificateAuthority

    return CertificateAuthority(issued.chain[0], issued.key_pem, issued.chain)


def _shown(
    issued: Issued, trust: CertificateAuthority, failure: str, note: str, host: str | None = _HOST, *others: str
) -> ZooCase:
    return ZooCase(
        name="made",
        note=note,
        server_chain=issued.chain,
        key_pem=issued.key_pem,
        trust_pem=trust.certificate_pem,
        server_hostname=host,
        failures=(failure, *others),
    )


@case("verify-bad-purpose", "zoo-bad", drives=QUICK)
def authority_for_clients(kit: Kit) -> None:
    """An authority that is for clients issues no servers' certificates."""
    root = _authority()
    middle = _as_authority(root.issue(common_name="clients only", is_ca=True, purposes=["client"]))
    issued = middle.issue(dns_names=[_HOST], purposes=["server"])
    run_server_case(_shown(issued, root, "BAD_PURPOSE", "issued by an authority for clients"), kit)


@case(
    "verify-bad-purpose", "client-auth-verified", drives=QUICK,
    needs=[Feature.CLIENT_CERTIFICATES], server=[Feature.CUSTOM_TRUST_STORE],
)  # fmt: skip
def authority_for_servers(kit: Kit) -> None:
    """An authority that is for servers issues no clients' certificates."""
    root = _authority()
    middle = _as_authority(root.issue(common_name="servers only", is_ca=True, purposes=["server"]))
    issued = middle.issue(dns_names=["client.test"], purposes=["client"])
    run_client_case(_shown(issued, root, "BAD_PURPOSE", "issued by an authority for servers", None), kit)


@case("verify-bad-purpose", "trust-anchor-any", drives=QUICK)
def trusted_leaf_for_another_purpose(kit: Kit) -> None:
    """A client's certificate is no server's, also where it is trusted as itself."""
    issued = _authority().issue(dns_names=[_HOST], purposes=["client"])
    anchor = _as_authority(issued)
    run_server_case(_shown(issued, anchor, "BAD_PURPOSE", "a client's certificate, trusted as itself"), kit)


@case("verify-invalid", "trust-anchor-any", drives=QUICK)
def trusted_leaf_that_issues(kit: Kit) -> None:
    """Whoever trusts a server's own certificate does not trust what that server issues."""
    anchor = _as_authority(_authority().issue(dns_names=["other.test"], purposes=["server"]))
    issued = anchor.issue(dns_names=[_HOST], purposes=["server"])
    run_server_case(_shown(issued, anchor, "INVALID", "issued by a server's certificate that is trusted"), kit)


@case("verify-invalid", "wildcard", drives=QUICK)
def wildcard_over_an_excluded_host(kit: Kit) -> None:
    """A wildcard is no way around the name constraint that excludes a host."""
    root = _authority()
    constraints = [(_NAME_CONSTRAINTS, False, _EXCLUDES_ONE_HOST)]
    middle = _as_authority(root.issue(common_name="constrained", is_ca=True, purposes=(), extensions=constraints))
    issued = middle.issue(dns_names=["*.zoo.test"], purposes=["server"])
    run_server_case(_shown(issued, root, "INVALID", "a wildcard over an excluded host", "a.zoo.test"), kit)


@case("verify-name-mismatch", "verify-invalid", drives=ONCE)
def address_of_a_wrong_length(kit: Kit) -> None:
    """An iPAddress that is none matches nothing, and is the server's fault."""
    root = _authority()
    issued = root.issue(raw_names=[b"\x87\x08\x7f\x00\x00\x01\xff\x00\x00\x00"], purposes=["server"])
    note = "an iPAddress of eight bytes"
    run_server_case(_shown(issued, root, "NAME_MISMATCH", note, "127.0.0.1", "INVALID"), kit)


@case("verify-revoked", drives=ONCE, versions=UNBOUND, client=[Feature.CRLS])
def delta_list(kit: Kit) -> None:
    """A list that says only what is new since another is refused when it is configured: it covers nothing by itself."""
    root = _authority()
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.serialization import Encoding

    from ._certificates import load_signer

    signer = load_signer(root.certificate_der, root.key_pem)
    assert signer.certificate is not None
    begin, end = signer.certificate.not_valid_before_utc, signer.certificate.not_valid_after_utc
    builder = x509.CertificateRevocationListBuilder(signer.certificate.subject, begin, end)
    delta = builder.add_extension(x509.DeltaCRLIndicator(1), critical=False).sign(signer.key, hashes.SHA256())
    raises(ConfigurationError, lambda: kit.client(crls=(delta.public_bytes(Encoding.DER),)), "a delta list")


@case("verify-revoked", drives=ONCE, versions=UNBOUND, client=[Feature.CRLS])
def newer_list_beside_an_older_one(kit: Kit) -> None:
    """Of two lists of one issuer the newer counts, whichever comes first."""
    root = _authority()
    issued = root.issue(dns_names=[_HOST], purposes=["server"])
    older = crls_from(root.crl())
    newer = crls_from(root.crl([issued], this_update=_begin(root) + timedelta(hours=1)))
    for lists in (older + newer, newer + older):
        _refused(kit, root, issued, lists, VerifyFailure.REVOKED)


@case("verify-revoked", drives=ONCE, versions=UNBOUND, client=[Feature.CRLS])
def list_that_has_not_begun(kit: Kit) -> None:
    """A list of the future covers nothing yet."""
    root = _authority()
    issued = root.issue(dns_names=[_HOST], purposes=["server"])
    lists = crls_from(root.crl(this_update=_begin(root) + timedelta(days=1000)))
    _refused(kit, root, issued, lists, VerifyFailure.OTHER)


def _begin(root: CertificateAuthority) -> datetime:
    from cryptography import x509

    return x509.load_der_x509_certificate(root.certificate_der).not_valid_before_utc


def _refused(
    kit: Kit, root: CertificateAuthority, issued: Issued, lists: tuple[bytes, ...], failure: VerifyFailure
) -> None:
    client = kit.client(trust_store=TrustStore.from_buffer(root.certificate_pem), crls=lists)
    at_client, _ = kit.pair(client, kit.server(identities=(identity_of(issued),)), hostname=_HOST).attempt()
    same(instance(at_client, CertificateVerificationError, "the client's error").failure, failure, "the failure")


@case(
    "client-auth-verified", drives=ONCE, versions=(TLSVersion.TLSv1_2,),
    needs=[Feature.CLIENT_CERTIFICATES], server=[Feature.CUSTOM_TRUST_STORE],
)  # fmt: skip
def certificate_that_cannot_be_read(kit: Kit) -> None:
    """What is no certificate is the client's fault: the server survives it as it survives any lost connection."""
    authentication = ClientAuthentication.REQUIRED
    server = kit.server(client_authentication=authentication, trust_store=kit.trust)
    pair = kit.pair(kit.client(identities=(kit.client_identity,)), server, drive=Drive.WHOLE)
    client, peer = pair.client, pair.server
    assert isinstance(client, BufferEnd)
    assert isinstance(peer, BufferEnd)
    for _ in range(4):
        _quietly(client.tls.do_handshake)
        flight = bytearray(client.outgoing.read())
        if flight[5] == _CERTIFICATE:
            flight[_FIRST_CERTIFICATE] ^= 1
        peer.incoming.write(flight)
        error = _quietly(peer.tls.do_handshake)
        if error is not None:
            instance(error, ConnectionFault, "the server's error")
            return
        client.incoming.write(peer.outgoing.read())
    require(False, "the server has to refuse what is no certificate")


def _quietly(handshake: Callable[[], object]) -> TLSError | None:
    """Take a handshake forward; gives its fault."""
    try:
        handshake()
    except WantReadError:
        return None
    except TLSError as error:
        return error
    return None
