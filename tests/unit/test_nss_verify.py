"""Verification with NSS: what its process-wide memory of certificates must not change, and what it is told to refuse."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from _link import Link
from _nss import BACKEND, HOST, client, failure, identity, server, trust

import unitls
from unitls import AlertDescription
from unitls import VerifyFailure as Failure
from unitls.backends.nss import _shaking, verify
from unitls.core._leaf_check import Fault
from unitls.testing import CertificateAuthority, Issued
from unitls.testing._ca import self_signed
from unitls.testing._zoo import ZooCase
from unitls.testing._zoo_files import load_zoo


def stripped(issued: Issued) -> Issued:
    """Only the leaf of a chain."""
    return Issued(issued.chain[:1], issued.key_pem, issued.serial)


def test_missing_intermediate_after_the_whole_chain() -> None:
    """An intermediate that the process has seen, and still holds, makes no stripped chain acceptable."""
    root = CertificateAuthority.create("root of the stripped")
    issued = root.intermediate("intermediate of the stripped").issue(dns_names=[HOST])
    assert failure(trust(root), stripped(issued)) is Failure.UNKNOWN_ISSUER
    alive = Link(client(trust(root)), server(issued), host=HOST).handshake()
    for _ in range(3):
        assert failure(trust(root), stripped(issued)) is Failure.UNKNOWN_ISSUER
        assert failure(trust(root), issued) is None
    assert len(alive.client.getverifiedchain()) == 3


def test_missing_intermediate_of_a_client() -> None:
    """The same at a server that verifies its clients."""
    root = CertificateAuthority.create("root of the stripped client")
    ours = CertificateAuthority.create("root of the server")
    issued = root.intermediate("intermediate of the stripped client").issue(dns_names=["client.test"])
    demanding = server(
        ours.issue(dns_names=[HOST]),
        trust_store=trust(root),
        client_authentication=unitls.ClientAuthentication.REQUIRED,
    )
    openssl = unitls.get_backend("openssl")

    def connect(shown: Issued) -> Link:
        # A client of another library: one of NSS would put the chain together again.
        configuration = unitls.TLSClientConfiguration(trust_store=trust(ours), identities=(identity(shown),))
        return Link(openssl.client_context(configuration), demanding, host=HOST).handshake()

    alive = connect(issued)
    assert alive.server.getverifiedchain() == [*issued.chain, root.certificate_der]
    with pytest.raises(unitls.CertificateVerificationError) as caught:
        connect(stripped(issued))
    assert caught.value.failure is Failure.UNKNOWN_ISSUER


def test_another_intermediate_of_the_same_name_and_key() -> None:
    """What NSS remembers is no obstacle either: it goes on to the path through the intermediate that was sent."""
    root = CertificateAuthority.create("root of the renewed")
    other_root = CertificateAuthority.create("other root of the renewed")
    first = root.intermediate("renewed intermediate")
    chains = []
    for authority in (root, other_root, root):
        renewed = _renewed(authority, first)
        chains.append((authority, renewed.issue(dns_names=[HOST])))
    alive = []
    for authority, issued in [*chains, *reversed(chains)]:
        link = Link(client(trust(authority)), server(issued), host=HOST).handshake()
        assert link.client.getverifiedchain() == [*issued.chain, authority.certificate_der]
        alive.append(link)
    for authority, issued in chains:
        assert failure(trust(authority), stripped(issued)) is Failure.UNKNOWN_ISSUER


def _renewed(authority: CertificateAuthority, former: CertificateAuthority) -> CertificateAuthority:
    """`former` with a new certificate: the same name and key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization

    old = x509.load_der_x509_certificate(former.certificate_der)
    issuer = x509.load_der_x509_certificate(authority.certificate_der)
    key = serialization.load_pem_private_key(authority.key_pem, None)
    builder = (
        x509.CertificateBuilder()
        .subject_name(old.subject)
        .issuer_name(issuer.subject)
        .public_key(old.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(old.not_valid_before_utc)
        .not_valid_after(old.not_valid_after_utc)
    )
    for extension in old.extensions:
        if not isinstance(extension.value, x509.AuthorityKeyIdentifier):
            builder = builder.add_extension(extension.value, extension.critical)
    der = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)  # type: ignore[arg-type]
    return CertificateAuthority(der, former.key_pem, (der,))


def test_trust_of_another_context() -> None:
    """What one context trusts, another does not, whatever the order, while both are in use."""
    first, second = CertificateAuthority.create("first trust"), CertificateAuthority.create("second trust")
    shown = {authority: authority.issue(dns_names=[HOST]) for authority in (first, second)}
    for _ in range(3):
        for authority, stranger in ((first, second), (second, first)):
            assert failure(trust(authority), shown[authority]) is None
            assert failure(trust(stranger), shown[authority]) is Failure.UNKNOWN_ISSUER


def test_self_signed_leaf() -> None:
    """A self-signed certificate is trusted as itself, with all the rest checked, and not otherwise."""
    made = self_signed(dns_names=[HOST])
    root = CertificateAuthority.create("not of the self-signed")
    assert failure(trust(made.chain[0]), made) is None
    assert failure(trust(root), made) is Failure.SELF_SIGNED
    link = Link(client(trust(made.chain[0])), server(made), host=HOST).handshake()
    assert link.client.getverifiedchain() == [made.chain[0]]
    past = datetime.now(UTC) - timedelta(days=2)
    over = self_signed(dns_names=[HOST], not_before=past, not_after=past + timedelta(days=1))
    assert failure(trust(over.chain[0]), over) is Failure.EXPIRED
    elsewhere = self_signed(dns_names=["elsewhere.test"])
    assert failure(trust(elsewhere.chain[0]), elsewhere) is Failure.NAME_MISMATCH


def test_leaf_as_anchor() -> None:
    """A leaf that an authority has issued can be trusted as itself too; for its purpose only."""
    root = CertificateAuthority.create("root of the trusted leaf")
    issued = root.issue(dns_names=[HOST])
    assert failure(trust(issued.chain[0]), issued) is None
    for_clients = root.issue(dns_names=[HOST], purposes=["client"])
    assert failure(trust(for_clients.chain[0]), for_clients) is Failure.BAD_PURPOSE


def test_weak_key_of_an_authority() -> None:
    """Every RSA key on the path has 2048 bits, the anchor's too."""
    weak = CertificateAuthority.create("weak root", "RSA-1024")
    assert failure(trust(weak), weak.issue(dns_names=[HOST])) is Failure.WEAK
    root = CertificateAuthority.create("root of the weak")
    assert failure(trust(root), root.intermediate("weak below", "RSA-1024").issue(dns_names=[HOST])) is Failure.WEAK


@pytest.mark.parametrize("case", [case for case in load_zoo() if case.role == "server" and case.crls_pem is None])
def test_zoo_again_and_again(case: ZooCase) -> None:
    """No certificate of the zoo is judged otherwise the second time, when NSS has seen it."""
    pytest.importorskip("ssl", reason="the ssl module shows the certificates here")
    from unitls.testing._permissive import PermissiveServer

    context = client(unitls.TrustStore.from_buffer(case.trust_pem))
    shown = PermissiveServer(case.server_chain, case.key_pem, None)
    first, second = (_verdict(context, shown, case.server_hostname) for _ in range(2))
    assert first == second
    assert first in case.failures if case.failures else first is None


def _verdict(context: unitls.ClientContext, shown: Any, name: str | None) -> str | None:
    to_client, from_client = BACKEND.memory_buffer(), BACKEND.memory_buffer()
    wrapped = context.wrap_buffers(to_client, from_client, name)
    to_server, from_server = unitls.MemoryBuffer(), unitls.MemoryBuffer()
    peer = shown.wrap(to_server, from_server)
    for _ in range(10):
        try:
            wrapped.do_handshake()
        except unitls.WantReadError:
            pass
        except unitls.CertificateVerificationError as error:
            return error.failure.name
        else:
            return None
        to_server.write(from_client.read())
        with contextlib.suppress(unitls.WantReadError):
            peer.do_handshake()
        to_client.write(from_server.read())
    raise AssertionError("the handshake does not end")


ALERTS = {
    Failure.NOT_YET_VALID: AlertDescription.CERTIFICATE_EXPIRED,
    Failure.SELF_SIGNED: AlertDescription.UNKNOWN_CA,
    Failure.REVOKED: AlertDescription.CERTIFICATE_REVOKED,
    Failure.BAD_PURPOSE: AlertDescription.CERTIFICATE_UNKNOWN,
    Failure.WEAK: AlertDescription.BAD_CERTIFICATE,
}


@pytest.mark.parametrize("reason", ALERTS)
def test_the_peer_is_told_why(reason: Failure, monkeypatch: pytest.MonkeyPatch) -> None:
    root = CertificateAuthority.create()
    openssl = unitls.get_backend("openssl")
    configuration = unitls.TLSServerConfiguration(identities=(identity(root.issue(dns_names=[HOST])),))
    link = Link(client(trust(root)), openssl.server_context(configuration), host=HOST)
    monkeypatch.setattr(_shaking, "verify", lambda *_: verify.Verdict(fault=Fault(reason, "for the test")))
    with pytest.raises(unitls.CertificateVerificationError):
        link.handshake()
    link.move()
    with pytest.raises(unitls.PeerAlert) as caught:
        link.server.do_handshake()
    assert caught.value.alert is ALERTS[reason]
