"""Certificates for the commands that play a server: made on the spot, or shipped where `cryptography` is missing."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass

from ..api._certificates import Certificate, Identity, PrivateKey
from ..api._trust import TrustStore
from ..testing._ca import CertificateAuthority, Issued
from ..testing._zoo_files import load_identities, load_zoo


@dataclass(frozen=True, slots=True)
class Cast:
    """Who takes part.

    Attributes:
        origin: where the certificates come from, for people to read.
        trust_pem: the authority that everybody trusts.
        server: the server, for `hostname`.
        hostname: whom clients ask for.
        client: a client of the same authority.
        impostor: a certificate for `impostor_hostname` from an authority that nobody trusts.
        impostor_hostname: whom the impostor claims to be.
    """

    origin: str
    trust_pem: bytes
    server: Issued
    hostname: str
    client: Issued
    impostor: Issued
    impostor_hostname: str

    @property
    def trust_store(self) -> TrustStore:
        """The trust store of everybody."""
        return TrustStore.from_buffer(self.trust_pem)


def can_make_certificates() -> bool:
    """Whether the package `cryptography` is installed."""
    return importlib.util.find_spec("cryptography") is not None


def assemble(*, make: bool | None = None) -> Cast:
    """Bring the certificates together.

    Args:
        make: make new ones (needs `cryptography`), or take those of ``unitls.testing``; `None` for whichever is
            possible.

    Returns:
        The cast.
    """
    return _made() if (can_make_certificates() if make is None else make) else _shipped()


def _made() -> Cast:
    authority = CertificateAuthority.create("unitls demonstration authority")
    names = ["server.test"]
    return Cast(
        origin="a certificate authority made just now",
        trust_pem=authority.certificate_pem,
        server=authority.issue(dns_names=names, purposes=["server"]),
        hostname="server.test",
        client=authority.issue(dns_names=["client.test"], purposes=["client"]),
        impostor=CertificateAuthority.create("somebody else").issue(dns_names=names, purposes=["server"]),
        impostor_hostname="server.test",
    )


def _shipped() -> Cast:
    identities = load_identities()
    case = next(case for case in load_zoo() if case.name == "unknown_issuer")
    return Cast(
        origin="the certificates of unitls.testing (install 'cryptography' to have new ones made)",
        trust_pem=identities.ca_pem,
        server=identities.server,
        hostname="server.test",
        client=identities.client,
        impostor=Issued(case.server_chain, case.key_pem, 0),
        impostor_hostname=case.server_hostname or "",
    )


def identity(issued: Issued) -> Identity:
    """What a context takes."""
    chain = tuple(map(Certificate.from_buffer, issued.chain))
    return Identity(chain, PrivateKey.from_buffer(issued.key_pem))
