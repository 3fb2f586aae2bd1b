"""A throw-away certificate authority, for tests and demonstrations.

Its keys lie unencrypted in memory, so nothing outside a test should trust it. Making something with it needs the package
`cryptography`, imported at the first call; what it makes are plain bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ..core._pem import to_pem

if TYPE_CHECKING:
    from ._certificates import KeyType, Profile, Purpose

_BOTH_PURPOSES: tuple[Purpose, ...] = ("server", "client")


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate with its key and what leads from it to the root.

    Attributes:
        chain: certificates in DER, the leaf first, without the root.
        key_pem: the private key of the leaf, PKCS#8 in PEM, unencrypted.
        serial: the serial number of the leaf.
    """

    chain: tuple[bytes, ...]
    key_pem: bytes = field(repr=False)
    serial: int

    @property
    def certificate_pem(self) -> bytes:
        """The chain in PEM, as servers take it."""
        return b"".join(to_pem(der, "CERTIFICATE") for der in self.chain)


@dataclass(frozen=True, slots=True)
class CertificateAuthority:
    """An authority: a certificate, its key, and the way to its root.

    Made by `create` or `intermediate`, or from the certificate and key of an earlier one.

    Attributes:
        certificate_der: the certificate of the authority itself.
        key_pem: its private key, PKCS#8 in PEM, unencrypted.
        path: what issued chains carry behind their leaf: this authority and those above it, without the root; empty for
            a root.
    """

    certificate_der: bytes
    key_pem: bytes = field(repr=False)
    path: tuple[bytes, ...] = ()

    @classmethod
    def create(
        cls,
        name: str = "unitls test authority",
        key_type: KeyType = "P-256",
        *,
        not_before: datetime | None = None,
        not_after: datetime | None = None,
    ) -> CertificateAuthority:
        """Make a new root.

        Args:
            name: the common name of the authority.
            key_type: the type of its key.
            not_before: the start of its validity; a day ago if not given.
            not_after: the end of its validity; in ten years if not given.

        Returns:
            The authority, with a new key.

        Raises:
            ConfigurationError: `cryptography` is missing, or the key type is unknown.
        """
        start, end = _validity(not_before, not_after)
        from ._certificates import Profile

        profile = Profile(not_before=start, not_after=end, common_name=name, is_ca=True)
        made = _self_signed(profile, key_type)
        return cls(made.chain[0], made.key_pem)

    @property
    def certificate_pem(self) -> bytes:
        """The certificate of the authority in PEM: what a trust store is made from."""
        return to_pem(self.certificate_der, "CERTIFICATE")

    def issue(
        self,
        *,
        dns_names: Sequence[str | bytes] = (),
        ip_addresses: Sequence[str] = (),
        uris: Sequence[str] = (),
        raw_names: Sequence[bytes] = (),
        common_name: str | None = None,
        not_before: datetime | None = None,
        not_after: datetime | None = None,
        key_type: KeyType = "P-256",
        purposes: Sequence[Purpose] = _BOTH_PURPOSES,
        is_ca: bool = False,
        extensions: Sequence[tuple[str, bool, bytes]] = (),
    ) -> Issued:
        """Issue a certificate for a new key. What is asked for is written, also where RFC 5280 forbids it.

        Args:
            dns_names: ``dNSName`` entries; one given as bytes is not checked in any way.
            ip_addresses: ``iPAddress`` entries, IPv4 or IPv6.
            uris: ``uniformResourceIdentifier`` entries.
            raw_names: further GeneralNames (RFC 5280 section 4.2.1.6), each as its whole DER encoding.
            common_name: a common name in the subject; no name is ever checked against it.
            not_before: the start of validity; the authority's own if not given.
            not_after: the end of validity; the authority's own if not given.
            key_type: the type of the new key.
            purposes: the extended key usages, ``"server"`` and ``"client"``; none leaves the extension out.
            is_ca: whether the basic constraints say that it is an authority.
            extensions: further extensions as (OID, critical, DER value).

        Returns:
            The certificate, its chain and its key.

        Raises:
            ConfigurationError: `cryptography` is missing, or the key type is unknown.
        """
        from ._certificates import Profile, general_names

        profile = Profile(
            not_before=not_before,
            not_after=not_after,
            common_name=common_name,
            names=(*general_names(dns_names, ip_addresses, uris), *raw_names),
            purposes=purposes,
            is_ca=is_ca,
            extensions=extensions,
        )
        return self._issue(profile, key_type)

    def intermediate(
        self,
        name: str = "unitls test intermediate",
        key_type: KeyType = "P-256",
        *,
        not_before: datetime | None = None,
        not_after: datetime | None = None,
        is_ca: bool = True,
        path_length: int | None = None,
        permitted_dns: Sequence[str] = (),
    ) -> CertificateAuthority:
        """Make an authority below this one; the chains it issues carry its certificate.

        Args:
            name: the common name of the new authority.
            key_type: the type of its key.
            not_before: the start of its validity; this authority's own if not given.
            not_after: the end of its validity; this authority's own if not given.
            is_ca: False makes one that has no right to issue anything.
            path_length: the path length constraint, if any (RFC 5280 section 4.2.1.9).
            permitted_dns: the only domains it may issue for, if any (RFC 5280 section 4.2.1.10).

        Returns:
            The new authority.

        Raises:
            ConfigurationError: `cryptography` is missing, or the key type is unknown.
        """
        from ._certificates import Profile

        profile = Profile(
            not_before=not_before,
            not_after=not_after,
            common_name=name,
            is_ca=is_ca,
            path_length=path_length,
            permitted_dns=permitted_dns,
        )
        made = self._issue(profile, key_type)
        return CertificateAuthority(made.chain[0], made.key_pem, made.chain)

    def crl(
        self,
        revoked: Iterable[int | Issued] = (),
        *,
        this_update: datetime | None = None,
        next_update: datetime | None = None,
    ) -> bytes:
        """The revocation list of this authority (RFC 5280 section 5).

        Args:
            revoked: what it revokes, as serial numbers or as what `issue` returned.
            this_update: when the list was made; the start of the authority's validity if not given.
            next_update: when the next one is due; the end of the authority's validity if not given.

        Returns:
            The list in PEM.

        Raises:
            ConfigurationError: `cryptography` is missing.
        """
        from ._certificates import load_signer, sign_crl

        serials = [entry.serial if isinstance(entry, Issued) else entry for entry in revoked]
        return sign_crl(load_signer(self.certificate_der, self.key_pem), serials, this_update, next_update)

    def _issue(self, profile: Profile, key_type: KeyType) -> Issued:
        from . import _certificates as make

        key = make.new_key(key_type)
        signer = make.load_signer(self.certificate_der, self.key_pem)
        der, serial = make.sign_certificate(profile, key.public_key(), signer)
        return Issued((der, *self.path), make.key_to_pem(key), serial)


def self_signed(
    *,
    dns_names: Sequence[str | bytes] = (),
    ip_addresses: Sequence[str] = (),
    not_before: datetime | None = None,
    not_after: datetime | None = None,
    key_type: KeyType = "P-256",
) -> Issued:
    """A server certificate that is its own issuer and no authority.

    Args:
        dns_names: ``dNSName`` entries.
        ip_addresses: ``iPAddress`` entries.
        not_before: the start of validity; a day ago if not given.
        not_after: the end of validity; in ten years if not given.
        key_type: the type of its key.

    Returns:
        The certificate, alone in its chain, and its key.

    Raises:
        ConfigurationError: `cryptography` is missing, or the key type is unknown.
    """
    start, end = _validity(not_before, not_after)
    from ._certificates import Profile, general_names

    names = general_names(dns_names, ip_addresses, ())
    return _self_signed(Profile(not_before=start, not_after=end, names=names, purposes=("server",)), key_type)


def _self_signed(profile: Profile, key_type: KeyType) -> Issued:
    from . import _certificates as make

    key = make.new_key(key_type)
    der, serial = make.sign_certificate(profile, key.public_key(), make.Signer(None, key))
    return Issued((der,), make.key_to_pem(key), serial)


def _validity(start: datetime | None, end: datetime | None) -> tuple[datetime, datetime]:
    # A day back, for peers whose clock is behind.
    now = datetime.now(UTC)
    return start or now - timedelta(days=1), end or now + timedelta(days=3650)
