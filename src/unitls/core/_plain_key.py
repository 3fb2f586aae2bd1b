"""Private keys made ready for libraries that take only plain ones, and what a public key can sign."""

from __future__ import annotations

from typing import Final

from ..api._errors import ConfigurationError
from ._der import DERError
from ._key_structures import check_pkcs8
from ._keys import KeyMaterial, to_pkcs8
from ._values import NeutralPrivateKey

_NEEDED: Final = "an encrypted private key needs the package 'cryptography' with this backend: pip install cryptography"

# The signature schemes of a key, by an object identifier in its SubjectPublicKeyInfo (RFC 8446 section 4.2.3).
_SCHEMES_BY_KEY: Final = (
    (bytes.fromhex("2a8648ce3d030107"), (0x0403,)),  # secp256r1
    (bytes.fromhex("2b81040022"), (0x0503,)),  # secp384r1
    (bytes.fromhex("2b81040023"), (0x0603,)),  # secp521r1
    (bytes.fromhex("06032b6570"), (0x0807,)),  # Ed25519
    (bytes.fromhex("06032b6571"), (0x0808,)),  # Ed448
    (bytes.fromhex("2a864886f70d010101"), (0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601)),  # rsaEncryption
)
_ALGORITHM: Final = 32
"""The object identifiers stand within this many bytes of a SubjectPublicKeyInfo."""


def signature_schemes(public_key: bytes) -> list[int]:
    """What a key can sign with, as IANA values by preference; empty for a key of an unknown kind.

    Args:
        public_key: its SubjectPublicKeyInfo in DER.
    """
    algorithm = public_key[:_ALGORITHM]
    return next((list(schemes) for oid, schemes in _SCHEMES_BY_KEY if oid in algorithm), [])


def plain_key(key: NeutralPrivateKey) -> bytes:
    """The key decrypted, if need be, in the form it was written in: PKCS #8, PKCS #1 or SEC 1 in DER.

    Raises:
        ConfigurationError: the passphrase is wrong, the encryption is not supported, or `cryptography` is missing.
    """
    material = key.material
    assert material is not None
    return _decrypted(material, key.passphrase() or b"") if material.is_encrypted else material.der


def plain_pkcs8(key: NeutralPrivateKey) -> bytes:
    """The key decrypted, if need be, as PKCS #8 in DER.

    Raises:
        ConfigurationError: as of `plain_key`.
    """
    material = key.material
    assert material is not None
    return plain_key(key) if material.is_encrypted else to_pkcs8(material)


def _decrypted(material: KeyMaterial, passphrase: bytes) -> bytes:
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives import serialization
    except ImportError:
        raise ConfigurationError(_NEEDED) from None
    try:
        # Testing the primes of an RSA key takes longer than all the rest. A key that is not encrypted is not tested
        # either: both have to be whole, and libraries hold them against the certificate.
        loaded = serialization.load_pem_private_key(material.pem, passphrase, unsafe_skip_rsa_key_validation=True)
    except UnsupportedAlgorithm as error:
        raise ConfigurationError(f"the private key is encrypted in a way that is not supported: {error}") from error
    except (ValueError, TypeError) as error:
        text = "the passphrase of the private key is wrong (or its encryption is one that is not supported)"
        raise ConfigurationError(text, native_text=str(error)) from error
    plain = loaded.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    try:
        check_pkcs8(plain)
    except DERError as error:
        raise ConfigurationError(f"the private key is damaged ({error}); copy the file again") from error
    return plain
