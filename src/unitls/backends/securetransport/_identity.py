"""Certificates and private keys of ours, as a SecIdentity and its chain. Keys stay in memory; no keychain is used."""

from __future__ import annotations

import ctypes
from typing import Any, Final

from ...api._certificates import Identity
from ...api._errors import ConfigurationError
from ...core._der import OCTET_STRING, SEQUENCE, DERError, enter_whole
from ...core._key_structures import sec1_parts
from ...core._keys import KeyFormat, key_material
from ...core._plain_key import plain_key
from ...core._values import NeutralCertificate, NeutralPrivateKey
from ...core._x509 import CertificateFields, certificate_fields
from ...platforms.macos._foundation import Owned, array, certificate, data, dictionary, error_of
from . import native
from .errors import make

_OTHER_BACKEND: Final = "one of the certificates or the private key belongs to another backend"
_OTHER_KEY: Final = "SecureTransport cannot use a key of this kind: it takes RSA, P-256, P-384 and P-521"
_MISMATCH: Final = "the private key does not belong to the leaf certificate (the first in the list)"
_TOO_WEAK: Final = "a certificate is too weak: RSA keys need 2048 bits"
_LEAST_RSA_BITS: Final = 2048
_EC_PUBLIC_KEY: Final = bytes.fromhex("2a8648ce3d0201")
_RSA: Final = bytes.fromhex("2a864886f70d010101")
_ALGORITHM: Final = 32
"""The object identifiers stand within this many bytes of a SubjectPublicKeyInfo."""
_SIZES: Final = (
    (bytes.fromhex("2a8648ce3d030107"), 32),
    (bytes.fromhex("2b81040022"), 48),
    (bytes.fromhex("2b81040023"), 66),
)
"""By the object identifier of a curve, how many bytes a coordinate takes."""
_RSA_NAMES: Final = ("kSecAttrKeyTypeRSA", "kSecKeyAlgorithmRSASignatureMessagePKCS1v15SHA256")
_EC_NAMES: Final = ("kSecAttrKeyTypeECSECPrimeRandom", "kSecKeyAlgorithmECDSASignatureMessageX962SHA256")
_PROBE: Final = b"to be signed"


def load_identity(identity: Identity) -> Owned:
    """What SSLSetCertificate takes: an array of the SecIdentity of the leaf, and the certificates behind it.

    Raises:
        ConfigurationError: it is damaged, too weak, or the key does not fit, or its passphrase is wrong.
    """
    key = identity.private_key
    chain = [item.der for item in identity.certificates if isinstance(item, NeutralCertificate) and item.der]
    if not isinstance(key, NeutralPrivateKey) or key.material is None or len(chain) != len(identity.certificates):
        raise make(ConfigurationError, _OTHER_BACKEND)
    try:
        fields = [certificate_fields(der) for der in chain]
        certificates = [certificate(der) for der in chain]
    except (DERError, native.Error) as error:
        raise make(ConfigurationError, f"a certificate cannot be used: {error}") from error
    if any((item.rsa_bits or _LEAST_RSA_BITS) < _LEAST_RSA_BITS for item in fields):
        raise make(ConfigurationError, _TOO_WEAK)
    secret = _load_key(plain_key(key), fields[0], certificates[0])
    security = native.frameworks().security
    try:
        joined = Owned(security.SecIdentityCreate(None, certificates[0], secret))
    except native.Error as error:
        raise make(ConfigurationError, "the certificate and its key cannot be used together") from error
    return array([joined, *certificates[1:]])


def _load_key(der: bytes, leaf: CertificateFields, certificate: Owned) -> Owned:
    """A SecKey, which was seen to sign what the certificate's key verifies."""
    is_rsa, inner = _inner(der)
    algorithm = leaf.spki[:_ALGORITHM]
    if (_RSA if is_rsa else _EC_PUBLIC_KEY) not in algorithm:
        raise make(ConfigurationError, _MISMATCH)
    type_name, signature_name = _RSA_NAMES if is_rsa else _EC_NAMES
    security, place = native.frameworks().security, ctypes.c_void_p()
    attributes = dictionary(
        (native.constant(security, name), native.constant(security, value))
        for name, value in (("kSecAttrKeyType", type_name), ("kSecAttrKeyClass", "kSecAttrKeyClassPrivate"))
    )
    content = data(inner if is_rsa else _x963(inner, leaf.spki))
    made = security.SecKeyCreateWithData(content, attributes, ctypes.byref(place))
    if not made:
        code, text = error_of(place)
        raise make(ConfigurationError, _MISMATCH if not is_rsa else _OTHER_KEY, native_code=code, native_text=text)
    secret = Owned(made)
    if not _fits(secret, certificate, native.constant(security, signature_name)):
        raise make(ConfigurationError, _MISMATCH)
    return secret


def _inner(der: bytes) -> tuple[bool, bytes]:
    """Whether it is an RSA key, and the PKCS #1 or SEC 1 structure of it."""
    material = key_material(der)
    if material.format is not KeyFormat.PKCS8:
        return material.format is KeyFormat.PKCS1, material.der
    info = enter_whole(material.der, SEQUENCE)
    info.integer()
    name = info.content(SEQUENCE)
    if _RSA not in name and _EC_PUBLIC_KEY not in name:
        raise make(ConfigurationError, _OTHER_KEY)
    return _RSA in name, info.content(OCTET_STRING)


def _x963(sec1: bytes, spki: bytes) -> bytes:
    """An EC key as the library takes it: the point and the private number, one behind the other (ANSI X9.63)."""
    size = next((size for oid, size in _SIZES if oid in spki[:_ALGORITHM]), None)
    if size is None:
        raise make(ConfigurationError, _OTHER_KEY)
    number = int.from_bytes(sec1_parts(sec1).private, "big")
    if number.bit_length() > 8 * size or spki[-2 * size - 1] != 4:
        raise make(ConfigurationError, _MISMATCH)
    return spki[-2 * size - 1 :] + number.to_bytes(size, "big")


def _fits(secret: Owned, certificate: Owned, algorithm: Any) -> bool:
    """Sign something, and verify it with the certificate's key."""
    security, place, probe = native.frameworks().security, ctypes.c_void_p(), data(_PROBE)
    signature = security.SecKeyCreateSignature(secret, algorithm, probe, ctypes.byref(place))
    if not signature:
        error_of(place)
        return False
    signed = Owned(signature)
    public = Owned(security.SecCertificateCopyKey(certificate), _OTHER_KEY)
    good = security.SecKeyVerifySignature(public, algorithm, probe, signed, ctypes.byref(place))
    error_of(place)
    return bool(good)
