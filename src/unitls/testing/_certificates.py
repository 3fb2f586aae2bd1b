"""Keys, certificates and revocation lists, made with `cryptography`.

The only module of the kit that imports that package, and itself imported only when something is to be made.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from ..api._errors import ConfigurationError

try:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
    from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
    from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID
except ModuleNotFoundError as error:
    raise ConfigurationError(
        "making certificates needs the package 'cryptography' (pip install cryptography); "
        "load_zoo(), load_identities() and load_key_zoo() give ready-made ones without it"
    ) from error

KeyType: TypeAlias = Literal["P-256", "P-384", "RSA-2048", "RSA-1024", "Ed25519"]
Purpose: TypeAlias = Literal["server", "client"]
PrivateKey: TypeAlias = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
PublicKey: TypeAlias = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey

_ORGANIZATION = "unitls test certificates"
_PURPOSES = {
    "server": ExtendedKeyUsageOID.SERVER_AUTH,
    "client": ExtendedKeyUsageOID.CLIENT_AUTH,
}
# Context-specific tags of the choices of GeneralName (RFC 5280 section 4.2.1.6).
_DNS_NAME, _URI, _IP_ADDRESS = 0x82, 0x86, 0x87


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What a certificate is to say.

    `names` are encoded GeneralNames, so that malformed ones can be asked for. Dates that are missing are the issuer's.
    """

    not_before: datetime | None = None
    not_after: datetime | None = None
    common_name: str | None = None
    names: tuple[bytes, ...] = ()
    purposes: Sequence[Purpose] = ()
    is_ca: bool = False
    path_length: int | None = None
    permitted_dns: Sequence[str] = ()
    extensions: Sequence[tuple[str, bool, bytes]] = ()


@dataclass(frozen=True, slots=True)
class Signer:
    """The issuer of a certificate: its own certificate (`None` while it signs itself) and its key."""

    certificate: x509.Certificate | None
    key: PrivateKey


def new_key(key_type: KeyType) -> PrivateKey:
    """A fresh private key.

    Raises:
        ConfigurationError: `key_type` is none of `KeyType`.
    """
    match key_type:
        case "P-256":
            return ec.generate_private_key(ec.SECP256R1())
        case "P-384":
            return ec.generate_private_key(ec.SECP384R1())
        case "RSA-2048" | "RSA-1024":
            return rsa.generate_private_key(public_exponent=65537, key_size=int(key_type[4:]))
        case "Ed25519":
            return ed25519.Ed25519PrivateKey.generate()
    raise ConfigurationError(f"no key type {key_type!r}: use P-256, P-384, RSA-2048, RSA-1024 or Ed25519")


def key_to_pem(key: PrivateKey) -> bytes:
    """`key` as unencrypted PKCS#8."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def load_signer(certificate_der: bytes, key_pem: bytes) -> Signer:
    """The issuer that has this certificate and this key."""
    return Signer(x509.load_der_x509_certificate(certificate_der), load_private_key(key_pem))


def load_private_key(key_pem: bytes) -> PrivateKey:
    """The unencrypted key in `key_pem`.

    Raises:
        ConfigurationError: it is of a kind that `new_key` does not make.
    """
    key = serialization.load_pem_private_key(key_pem, None)
    if not isinstance(key, PrivateKey):
        raise ConfigurationError(f"no certificates are made with a {type(key).__name__}")
    return key


def general_names(
    dns_names: Iterable[str | bytes], ip_addresses: Iterable[str], uris: Iterable[str]
) -> tuple[bytes, ...]:
    """Encode subject alternative names; a DNS name given as bytes is taken as it is, whatever is in it."""
    dns = [_tagged(_DNS_NAME, name if isinstance(name, bytes) else name.encode("ascii")) for name in dns_names]
    addresses = [_tagged(_IP_ADDRESS, ipaddress.ip_address(address).packed) for address in ip_addresses]
    return (*dns, *addresses, *(_tagged(_URI, uri.encode("ascii")) for uri in uris))


def sign_certificate(profile: Profile, public_key: PublicKey, signer: Signer) -> tuple[bytes, int]:
    """Make what `profile` describes, for `public_key`, signed by `signer`; returns its DER and its serial number."""
    subject = _subject(profile.common_name)
    start, end = _validity(signer, profile.not_before, profile.not_after)
    builder = x509.CertificateBuilder(
        issuer_name=subject if signer.certificate is None else signer.certificate.subject,
        subject_name=subject,
        public_key=public_key,
        serial_number=x509.random_serial_number(),
        not_valid_before=start,
        not_valid_after=end,
    )
    for value, critical in _extensions(profile, public_key, signer):
        builder = builder.add_extension(value, critical)
    made = builder.sign(signer.key, _digest(signer.key))
    return made.public_bytes(serialization.Encoding.DER), made.serial_number


def sign_crl(
    signer: Signer, serials: Iterable[int], this_update: datetime | None, next_update: datetime | None
) -> bytes:
    """A revocation list (RFC 5280 section 5) in PEM, signed by `signer`, with `serials` revoked since `this_update`."""
    start, end = _validity(signer, this_update, next_update)
    if signer.certificate is None:
        raise ConfigurationError("a revocation list needs an issuer with a certificate")
    builder = x509.CertificateRevocationListBuilder(signer.certificate.subject, start, end)
    builder = builder.add_extension(x509.CRLNumber(1), critical=False)
    builder = builder.add_extension(_authority_key(signer.certificate), critical=False)
    for serial in serials:
        revoked = x509.RevokedCertificateBuilder(serial, start).build()
        builder = builder.add_revoked_certificate(revoked)
    return builder.sign(signer.key, _digest(signer.key)).public_bytes(serialization.Encoding.PEM)


def _subject(common_name: str | None) -> x509.Name:
    attributes = [x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, _ORGANIZATION)]
    if common_name is not None:
        attributes.append(x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name))
    return x509.Name(attributes)


def _validity(signer: Signer, start: datetime | None, end: datetime | None) -> tuple[datetime, datetime]:
    issuer = signer.certificate
    if issuer is not None:
        start, end = start or issuer.not_valid_before_utc, end or issuer.not_valid_after_utc
    if start is None or end is None:
        raise ConfigurationError("a certificate that signs itself needs both of its dates")
    return start, end


def _digest(key: PrivateKey) -> hashes.SHA256 | None:
    return None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()


def _extensions(profile: Profile, public_key: PublicKey, signer: Signer) -> Iterable[tuple[x509.ExtensionType, bool]]:
    yield x509.BasicConstraints(profile.is_ca, profile.path_length), True
    yield _key_usage(profile.is_ca, isinstance(public_key, rsa.RSAPublicKey)), True
    if profile.purposes:
        yield x509.ExtendedKeyUsage([_PURPOSES[purpose] for purpose in profile.purposes]), False
    if profile.names:
        san = _tagged(0x30, b"".join(profile.names))
        yield x509.UnrecognizedExtension(ExtensionOID.SUBJECT_ALTERNATIVE_NAME, san), False
    if profile.permitted_dns:
        yield x509.NameConstraints([x509.DNSName(name) for name in profile.permitted_dns], None), True
    yield x509.SubjectKeyIdentifier.from_public_key(public_key), False
    if signer.certificate is not None:
        yield _authority_key(signer.certificate), False
    for oid, critical, value in profile.extensions:
        yield x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value), critical


def _key_usage(is_ca: bool, is_rsa: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        # The RSA key exchange of TLS 1.2 encrypts to the key of the certificate.
        key_encipherment=is_rsa and not is_ca,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_ca,
        crl_sign=is_ca,
        encipher_only=False,
        decipher_only=False,
    )


def _authority_key(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)


def _tagged(tag: int, content: bytes) -> bytes:
    """One DER element (X.690 section 8.1), its length in the shortest form."""
    length = len(content)
    if length < 0x80:
        return bytes([tag, length]) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + content


def signed_with_sha1(certificate_der: bytes, key_pem: bytes) -> bytes:
    """`certificate_der`, signed by an RSA key with SHA-256, signed again with SHA-1.

    `cryptography` has no way to ask for this. The two algorithm identifiers are of one length, so nothing else changes.
    """
    sha256, sha1 = bytes.fromhex("06092a864886f70d01010b"), bytes.fromhex("06092a864886f70d010105")
    key = load_private_key(key_pem)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ConfigurationError(f"needs an RSA key, not a {type(key).__name__}")
    to_sign = x509.load_der_x509_certificate(certificate_der).tbs_certificate_bytes.replace(sha256, sha1)
    signature = key.sign(to_sign, padding.PKCS1v15(), hashes.SHA1())
    return certificate_der.replace(sha256, sha1)[: -len(signature)] + signature


def key_encodings(key_pem: bytes, passphrase: bytes) -> Iterable[tuple[str, bytes, bool]]:
    """The encodings of an RSA or EC key as (name, encoded key, whether it is encrypted)."""
    key = load_private_key(key_pem)
    pem, der = serialization.Encoding.PEM, serialization.Encoding.DER
    pkcs8, traditional = serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL
    plain, encrypted = serialization.NoEncryption(), serialization.BestAvailableEncryption(passphrase)
    own = "pkcs1" if isinstance(key, rsa.RSAPrivateKey) else "sec1"
    yield "pkcs8-pem", key.private_bytes(pem, pkcs8, plain), False
    yield "pkcs8-der", key.private_bytes(der, pkcs8, plain), False
    yield "pkcs8-encrypted-pem", key.private_bytes(pem, pkcs8, encrypted), True
    yield "pkcs8-encrypted-der", key.private_bytes(der, pkcs8, encrypted), True
    yield f"{own}-pem", key.private_bytes(pem, traditional, plain), False
    yield f"{own}-der", key.private_bytes(der, traditional, plain), False
    yield f"{own}-encrypted-pem", key.private_bytes(pem, traditional, encrypted), True


def sign_message(key: PrivateKey, scheme: int, message: bytes) -> bytes:
    """Sign `message` as TLS 1.3 does with an ECDSA key on P-256, for signers outside of a library.

    Raises:
        ConfigurationError: `key` or `scheme` (an IANA SignatureScheme) is another.
    """
    if not isinstance(key, ec.EllipticCurvePrivateKey) or scheme != 0x0403:
        raise ConfigurationError(f"no signature scheme {scheme:#06x} here")
    return key.sign(message, ec.ECDSA(hashes.SHA256()))


def sign_digest(key: PrivateKey, scheme: int, digest: bytes) -> bytes:
    """`sign_message`, given no more than the digest of the message.

    Raises:
        ConfigurationError: as of `sign_message`, or the digest is none by the hash of `scheme`.
    """
    if not isinstance(key, ec.EllipticCurvePrivateKey) or scheme != 0x0403 or len(digest) != hashes.SHA256.digest_size:
        raise ConfigurationError(f"no signature scheme {scheme:#06x} for a digest of {len(digest)} bytes here")
    return key.sign(digest, ec.ECDSA(Prehashed(hashes.SHA256())))


def pkcs12_file(chain: Sequence[bytes], key_pem: bytes, password: bytes) -> bytes:
    """A PKCS#12 file (RFC 7292) of a chain, the leaf first, and the key of its leaf."""
    from cryptography.hazmat.primitives.serialization import pkcs12

    leaf, *others = (x509.load_der_x509_certificate(der) for der in chain)
    encryption = serialization.BestAvailableEncryption(password)
    return pkcs12.serialize_key_and_certificates(b"unitls", load_private_key(key_pem), leaf, others, encryption)
