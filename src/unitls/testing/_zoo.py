"""What the zoo consists of: certificates good and bad, each with the verdict it deserves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ._ca import CertificateAuthority, Issued


@dataclass(frozen=True, slots=True, kw_only=True)
class ZooCase:
    """One certificate, what it is shown to, and what must come of it.

    Attributes:
        name: the name of the case.
        role: whose certificate it is: a ``"server"`` shows it to a client, or a ``"client"`` to a server.
        server_chain: what that side sends, in DER, the leaf first.
        key_pem: the key of the leaf.
        trust_pem: what the verifying side trusts.
        crls_pem: the revocation lists that it has, or `None`.
        server_hostname: the host the client asks for; `None` where a server verifies.
        failures: names of the members of `VerifyFailure` that are right answers, the preferred one first; empty where
            the certificate is to be accepted.
        combined: whether the certificate has several faults at once.
        note: what is special about it.
    """

    name: str
    role: Literal["server", "client"] = "server"
    server_chain: tuple[bytes, ...] = field(repr=False)
    key_pem: bytes = field(repr=False)
    trust_pem: bytes = field(repr=False)
    crls_pem: bytes | None = field(default=None, repr=False)
    server_hostname: str | None
    failures: tuple[str, ...] = ()
    combined: bool = False
    note: str

    @property
    def failure(self) -> str | None:
        """The name of the `VerifyFailure` to expect, or `None` where the certificate is to be accepted."""
        return self.failures[0] if self.failures else None


@dataclass(frozen=True, slots=True)
class OCSPCase:
    """A stapled OCSP response about the server of `Identities`, and what must come of it.

    Attributes:
        name: the name of the case.
        note: what is special about it.
        failure: the name of the `VerifyFailure` to expect; `None` where it is to be accepted.
        response: the response in DER.
    """

    name: str
    note: str
    failure: str | None
    response: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identities:
    """Good certificates for tests in which the certificate is not the point, all of one authority.

    Attributes:
        authority: their issuer, which can issue more where `cryptography` is installed.
        server: P-256, for ``server.test``, ``localhost``, 127.0.0.1 and ::1.
        second_server: P-256, for ``other.test`` and ``*.other.test``, issued by an intermediate.
        rsa_server: RSA-2048, for the names of `server`.
        client: P-256, a client's, for ``client.test``.
    """

    authority: CertificateAuthority
    server: Issued
    second_server: Issued
    rsa_server: Issued
    client: Issued

    @property
    def ca_pem(self) -> bytes:
        """The certificate of the authority, for a trust store."""
        return self.authority.certificate_pem
