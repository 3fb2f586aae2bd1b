"""The structures private keys are written in, checked down to the numbers, where they are not encrypted.

Each ``check_…`` raises `DERError` for a structure that is not whole. Algorithms that are not known here (post-quantum
ones, say) are left to the library; those that are known not to work are refused with a `ConfigurationError`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ..api._errors import ConfigurationError
from ._der import BIT_STRING, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, DERError, DERReader, enter_whole
from ._x509 import EC_PUBLIC_KEY, RSA_ENCRYPTION, RSASSA_PSS

_PARAMETERS: Final = 0xA0
_PUBLIC_KEY: Final = 0xA1
_DSA: Final = "1.2.840.10040.4.1"
_RAW_KEY_SIZES: Final = {"1.3.101.112": 32, "1.3.101.113": 57}  # Ed25519 and Ed448 (RFC 8410)
_AGREEMENT_ONLY: Final = frozenset({"1.3.101.110", "1.3.101.111", "1.2.840.113549.1.3.1"})  # X25519, X448, DH
_PBES2: Final = "1.2.840.113549.1.5.13"
_BLOCK_SIZES: Final = {
    "2.16.840.1.101.3.4.1.2": 16,  # AES-128-CBC
    "2.16.840.1.101.3.4.1.22": 16,  # AES-192-CBC
    "2.16.840.1.101.3.4.1.42": 16,  # AES-256-CBC
    "1.2.840.113549.3.7": 8,  # DES-EDE3-CBC
}


@dataclass(frozen=True, slots=True, repr=False)
class SEC1Parts:
    """An ECPrivateKey taken apart (RFC 5915 section 3).

    Attributes:
        private: the private number, without tag and length.
        curve: the OBJECT IDENTIFIER of the curve with tag and length; empty where it is not said.
        public: the optional ``[1]`` element as it is; empty where it is missing.
    """

    private: bytes
    curve: bytes
    public: bytes


def check_pkcs8(der: bytes) -> None:
    """A PrivateKeyInfo or OneAsymmetricKey (RFC 5958 section 2), and the key in it.

    Raises:
        DERError: it is not whole.
        ConfigurationError: the key is of a kind that cannot sign in TLS.
    """
    info = enter_whole(der, SEQUENCE)
    if info.integer() not in (0, 1):
        raise DERError("the version of the PKCS #8 structure is neither 0 nor 1")
    algorithm = info.enter(SEQUENCE)
    key = info.content(OCTET_STRING)
    info.skip_optional(0xA0)
    info.skip_optional(0x81)
    info.finish()
    name = algorithm.object_identifier()
    if name == _DSA or name in _AGREEMENT_ONLY:
        raise ConfigurationError(
            "the private key is a DSA, DH, X25519 or X448 key, with which TLS cannot authenticate; "
            "make an EC, Ed25519 or RSA key and a certificate for it"
        )
    if name in (RSA_ENCRYPTION, RSASSA_PSS):
        check_pkcs1(key)
    elif name == EC_PUBLIC_KEY:
        _require_curve(algorithm.element(OBJECT_IDENTIFIER) if algorithm.peek() == OBJECT_IDENTIFIER else b"")
        sec1_parts(key)
    elif name in _RAW_KEY_SIZES and len(_whole_octets(key)) != _RAW_KEY_SIZES[name]:
        raise DERError("the private key has the wrong size")


def check_encrypted_pkcs8(der: bytes) -> None:
    """An EncryptedPrivateKeyInfo (RFC 5958 section 3), and for PBES2 its parameters (RFC 8018 appendix A.4).

    Raises:
        DERError: it is not whole, or the encrypted data is not whole blocks of its cipher.
    """
    info = enter_whole(der, SEQUENCE)
    algorithm = info.enter(SEQUENCE)
    data = info.content(OCTET_STRING)
    info.finish()
    if not data:
        raise DERError("the encrypted data is empty")
    if algorithm.object_identifier() == _PBES2:
        _check_pbes2(algorithm, data)


def _check_pbes2(algorithm: DERReader, data: bytes) -> None:
    parameters = algorithm.enter(SEQUENCE)
    algorithm.finish()
    derivation = parameters.enter(SEQUENCE)
    scheme = parameters.enter(SEQUENCE)
    parameters.finish()
    derivation.object_identifier()
    derivation.skip(SEQUENCE)
    derivation.finish()
    size = _BLOCK_SIZES.get(scheme.object_identifier())
    if size is not None and (len(scheme.content(OCTET_STRING)) != size or len(data) % size):
        raise DERError("the encrypted data is not whole blocks of its cipher")


def check_pkcs1(der: bytes) -> None:
    """An RSAPrivateKey (RFC 8017 appendix A.1.2).

    Raises:
        DERError: it is not whole, or the modulus is not the product of its primes.
    """
    numbers = enter_whole(der, SEQUENCE)
    version = numbers.integer()
    if version not in (0, 1):
        raise DERError("the version of the RSA key is neither 0 nor 1")
    modulus, *others = (numbers.integer() for _ in range(8))
    if version == 1:
        numbers.skip(SEQUENCE)  # further primes
    numbers.finish()
    if min(modulus, *others) <= 0 or (version == 0 and modulus != others[2] * others[3]):
        raise DERError("the numbers of the RSA key do not fit each other")


def check_sec1(der: bytes) -> None:
    """An ECPrivateKey that stands alone, and therefore has to name its curve (RFC 5915 section 3).

    Raises:
        DERError: it is not whole.
        ConfigurationError: it does not name its curve.
    """
    _require_curve(sec1_parts(der).curve)


def sec1_parts(der: bytes) -> SEC1Parts:
    """Take an ECPrivateKey apart.

    Args:
        der: the structure with nothing behind it.

    Returns:
        Its parts.

    Raises:
        DERError: it is not whole.
        ConfigurationError: the curve is written out instead of named.
    """
    key = enter_whole(der, SEQUENCE)
    if key.integer() != 1:
        raise DERError("the version of the EC key is not 1")
    private = key.content(OCTET_STRING)
    curve = _named_curve(key.enter(_PARAMETERS)) if key.peek() == _PARAMETERS else b""
    public = key.element(_PUBLIC_KEY) if key.peek() == _PUBLIC_KEY else b""
    key.finish()
    if not private:
        raise DERError("the EC key is empty")
    if public:
        enter_whole(public, _PUBLIC_KEY).skip(BIT_STRING)
    return SEC1Parts(private, curve, public)


def _named_curve(parameters: DERReader) -> bytes:
    if parameters.peek() == SEQUENCE:
        _require_curve(b"")
    curve = parameters.element(OBJECT_IDENTIFIER)
    parameters.finish()
    return curve


def _require_curve(curve: bytes) -> None:
    if not curve:
        raise ConfigurationError(
            "the EC key does not name its curve (RFC 5480 section 2.1.1); "
            "'openssl pkey -in FILE -ec_param_enc named_curve' writes it anew"
        )


def _whole_octets(der: bytes) -> bytes:
    """The content of the one OCTET STRING that `der` consists of.

    Raises:
        DERError: it is something else.
    """
    outer = DERReader(der)
    content = outer.content(OCTET_STRING)
    outer.finish()
    return content
