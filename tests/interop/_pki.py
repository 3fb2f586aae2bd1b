"""The certificates of the tests as files, which is how the peers want them."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

import unitls
from unitls.testing._ca import CertificateAuthority, Issued
from unitls.testing._zoo_files import load_identities

SERVER_NAME = "server.test"
SECOND_NAME = "other.test"
NAMES = {"server": SERVER_NAME, "second_server": SECOND_NAME}
"""Which name to ask for to be shown an identity."""


@dataclass(frozen=True, slots=True)
class PKI:
    """A folder of certificates: ``NAME.pem`` (a chain) and ``NAME.key`` for each identity, ``NAME.pem`` for each root.

    The roots are ``ca`` and ``stranger``, whom nobody trusts; the identities ``server``, ``second_server`` (for another
    name, below an intermediate), ``client`` and ``stranger_client``.
    """

    folder: Path

    @classmethod
    def create(cls, folder: Path) -> PKI:
        """Write all files into `folder`."""
        identities = load_identities()
        stranger = CertificateAuthority.create("unitls test stranger")
        pki = cls(folder)
        pki.pem("ca").write_bytes(identities.ca_pem)
        pki.pem("stranger").write_bytes(stranger.certificate_pem)
        pki._write("server", identities.server)
        pki._write("second_server", identities.second_server)
        pki._write("client", identities.client)
        pki._write("stranger_client", stranger.issue(dns_names=["client.test"], purposes=["client"]))
        return pki

    def _write(self, name: str, issued: Issued) -> None:
        self.pem(name).write_bytes(issued.certificate_pem)
        self.key(name).write_bytes(issued.key_pem)

    def pem(self, name: str) -> Path:
        """The file of a chain or a root."""
        return self.folder / f"{name}.pem"

    def key(self, name: str) -> Path:
        """The file of a key."""
        return self.folder / f"{name}.key"

    def leaf(self, name: str) -> bytes:
        """An identity's own certificate in DER."""
        return ssl.PEM_cert_to_DER_cert(
            self.pem(name).read_text().partition("-----END")[0] + "-----END CERTIFICATE-----"
        )

    def identity(self, name: str) -> unitls.Identity:
        """An identity for our side."""
        return unitls.Identity(unitls.load_chain(self.pem(name)), unitls.PrivateKey.from_file(self.key(name)))

    def trust(self, name: str = "ca") -> unitls.TrustStore:
        """A trust store for our side."""
        return unitls.TrustStore.from_pem_file(self.pem(name))
