"""Private keys from what users hand over, told apart and checked for damage without decrypting anything.

Five formats are in use: PKCS #8 plain and encrypted (RFC 5958), PKCS #1 (RFC 8017), SEC 1 (RFC 5915), and the encrypted
PEM that OpenSSL wrote before PKCS #8 (RFC 1421 headers). Because a damaged or truncated key is refused here, a library
that later fails to decrypt one has been given the wrong passphrase. (The last format says nowhere how long it is:
there, whole blocks of the cipher can be missing without a trace.) No message and no repr shows a byte of a key.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final

from ..api._errors import ConfigurationError
from ._der import (
    BIT_STRING,
    INTEGER,
    NULL,
    OBJECT_IDENTIFIER,
    OCTET_STRING,
    SEQUENCE,
    Buffer,
    DERError,
    encode,
    enter_whole,
)
from ._key_structures import check_encrypted_pkcs8, check_pkcs1, check_pkcs8, check_sec1, sec1_parts
from ._pem import PEMBlock, buffer_bytes, is_pem, pem_blocks, to_pem


class KeyFormat(enum.Enum):
    """How a private key is written down."""

    PKCS8 = "PRIVATE KEY"
    ENCRYPTED_PKCS8 = "ENCRYPTED PRIVATE KEY"
    PKCS1 = "RSA PRIVATE KEY"
    SEC1 = "EC PRIVATE KEY"
    ENCRYPTED_TRADITIONAL = "traditional, encrypted"


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class KeyMaterial:
    """One private key, checked and brought into a common form. It is equal to itself only.

    Attributes:
        format: how it is written down.
        der: the structure; empty for ENCRYPTED_TRADITIONAL, which has no DER form.
        pem: one PEM block that holds this key and nothing else.
    """

    format: KeyFormat
    der: bytes
    pem: bytes

    @property
    def is_encrypted(self) -> bool:
        """Whether a passphrase is needed."""
        return self.format in (KeyFormat.ENCRYPTED_PKCS8, KeyFormat.ENCRYPTED_TRADITIONAL)

    def __repr__(self) -> str:
        return f"<KeyMaterial {self.format.name}>"

    def __reduce__(self) -> str:
        raise TypeError("a private key cannot be pickled")


_CHECKS: Final = {
    KeyFormat.PKCS8: check_pkcs8,
    KeyFormat.ENCRYPTED_PKCS8: check_encrypted_pkcs8,
    KeyFormat.PKCS1: check_pkcs1,
    KeyFormat.SEC1: check_sec1,
}
_BY_LABEL: Final = {format.value: format for format in _CHECKS}

_OPENSSH: Final = "the key is in OpenSSH's own format; 'ssh-keygen -p -m PKCS8 -f FILE' converts the file in place"
_DSA: Final = "the key is a DSA key, which TLS has no use for any more; make an EC or RSA key and a certificate for it"
_PUBLIC: Final = "this is a public key; the private key is needed, which is in another file"
_PKCS12: Final = "this is a PKCS #12 file; take the key out of it with 'openssl pkcs12 -nocerts -in FILE'"
_CERTIFICATE: Final = "this is a certificate; the private key is needed, which is in another file"
_REFUSED_LABELS: Final = {
    "OPENSSH PRIVATE KEY": _OPENSSH,
    "DSA PRIVATE KEY": _DSA,
    "PUBLIC KEY": _PUBLIC,
    "RSA PUBLIC KEY": _PUBLIC,
}

# A structure is known by the tags of its first elements. The order matters: the longer pattern stands first.
_BY_TAGS: Final[tuple[tuple[tuple[int, ...], KeyFormat | str], ...]] = (
    ((INTEGER, SEQUENCE, OCTET_STRING), KeyFormat.PKCS8),
    ((INTEGER, SEQUENCE), _PKCS12),
    ((INTEGER, OCTET_STRING), KeyFormat.SEC1),
    ((INTEGER,) * 7, KeyFormat.PKCS1),
    ((INTEGER,) * 6, _DSA),
    ((INTEGER,) * 2, _PUBLIC),
    ((SEQUENCE, OCTET_STRING), KeyFormat.ENCRYPTED_PKCS8),
    ((SEQUENCE, BIT_STRING), _PUBLIC),
    ((SEQUENCE, SEQUENCE, BIT_STRING), _CERTIFICATE),
)
_RSA_ALGORITHM: Final = bytes.fromhex("06092a864886f70d010101") + bytes((NULL, 0))
_EC_PUBLIC_KEY: Final = bytes.fromhex("06072a8648ce3d0201")
_VERSION_0: Final = bytes((INTEGER, 1, 0))


def key_material(buffer: Buffer) -> KeyMaterial:
    """Read the one private key from PEM or DER.

    Certificates and parameters in the same PEM are passed over.

    Args:
        buffer: the content of the file.

    Returns:
        The key, still encrypted if it was.

    Raises:
        ConfigurationError: there is no key or more than one, it is damaged, or it is of a kind TLS cannot use.
    """
    data = buffer_bytes(buffer, "private key")
    if not is_pem(data, "private key"):
        return _from_der(data)
    block = _key_block(pem_blocks(data))
    if "proc-type" in block.headers:
        return _from_traditional(block)
    return _checked(_BY_LABEL[block.label], block.decoded())


def to_pkcs8(material: KeyMaterial) -> bytes:
    """A key that is not encrypted as PKCS #8 (RFC 5958 section 2).

    Args:
        material: the key. A SEC 1 key has to name its curve, which `key_material` has made sure of.

    Returns:
        The PrivateKeyInfo in DER.

    Raises:
        ConfigurationError: the key is encrypted.
    """
    if material.is_encrypted:
        raise ConfigurationError("an encrypted private key has to be decrypted before it can be converted")
    if material.format is KeyFormat.PKCS1:
        return _private_key_info(_RSA_ALGORITHM, material.der)
    if material.format is KeyFormat.SEC1:
        parts = sec1_parts(material.der)
        # The curve moves into the algorithm; it is not said twice, as in the keys that OpenSSL writes.
        inner = encode(SEQUENCE, bytes((INTEGER, 1, 1)), encode(OCTET_STRING, parts.private), parts.public)
        return _private_key_info(_EC_PUBLIC_KEY + parts.curve, inner)
    return material.der


def _private_key_info(algorithm: bytes, key: bytes) -> bytes:
    return encode(SEQUENCE, _VERSION_0, encode(SEQUENCE, algorithm), encode(OCTET_STRING, key))


def _from_der(data: bytes) -> KeyMaterial:
    try:
        tags = _tags(data)
    except DERError as error:
        raise _damaged(error) from error
    for pattern, verdict in _BY_TAGS:
        if tags[: len(pattern)] == pattern:
            if isinstance(verdict, KeyFormat):
                return _checked(verdict, data)
            raise ConfigurationError(verdict)
    if tags[:1] == (OBJECT_IDENTIFIER,):
        raise ConfigurationError("this is a PKCS #7 file, which holds certificates; the private key is in another file")
    raise ConfigurationError("the DER holds no private key of a known format; is it the right file?")


def _tags(data: bytes) -> tuple[int, ...]:
    reader = enter_whole(data, SEQUENCE)
    tags: list[int] = []
    while reader.peek() >= 0:
        tags.append(reader.any_element()[0])
    return tuple(tags)


def _checked(format: KeyFormat, der: bytes) -> KeyMaterial:
    try:
        _CHECKS[format](der)
    except DERError as error:
        raise _damaged(error) from error
    return KeyMaterial(format, der, to_pem(der, format.value))


def _damaged(error: DERError) -> ConfigurationError:
    return ConfigurationError(f"the private key is damaged or cut off ({error}); copy the file again")


def _key_block(blocks: list[PEMBlock]) -> PEMBlock:
    for block in blocks:
        if block.label in _REFUSED_LABELS:
            raise ConfigurationError(_REFUSED_LABELS[block.label])
    keys = [block for block in blocks if block.label in _BY_LABEL]
    if len(keys) > 1:
        raise ConfigurationError(f"the PEM holds {len(keys)} private keys; leave the one that is meant")
    if not keys:
        held = ", ".join(repr(label) for label in dict.fromkeys(block.label for block in blocks))
        raise ConfigurationError(f"the PEM holds {held}, but no private key; is it the right file?")
    return keys[0]


# The block sizes of the ciphers that OpenSSL's traditional encryption can name, by how the name begins.
_BLOCK_SIZES: Final = {"AES-": 16, "CAMELLIA-": 16, "ARIA-": 16, "SEED-": 16, "DES-": 8}


def _from_traditional(block: PEMBlock) -> KeyMaterial:
    is_encrypted = block.headers["proc-type"].replace(" ", "") == "4,ENCRYPTED"
    if not is_encrypted or block.label not in ("RSA PRIVATE KEY", "EC PRIVATE KEY"):
        raise ConfigurationError(
            f"the PEM block {block.label!r} has a Proc-Type header that does not belong there; 'openssl pkey -in FILE' "
            "writes the key anew"
        )
    cipher, _, iv = block.headers.get("dek-info", "").partition(",")
    cipher, iv = cipher.strip(), iv.strip()
    size = next((size for prefix, size in _BLOCK_SIZES.items() if cipher.startswith(prefix)), None)
    if size is None or not cipher.endswith("-CBC"):
        raise ConfigurationError(
            "the private key is encrypted, but its DEK-Info header is missing or names an unknown cipher; "
            "'openssl pkey -in FILE' writes the key anew"
        )
    body = block.decoded()
    if len(iv) != 2 * size or not set(iv) <= set("0123456789abcdefABCDEF") or len(body) % size:
        raise ConfigurationError("the encrypted private key is damaged or cut off; copy the file again")
    begin, rest = to_pem(body, block.label).split(b"\n", 1)
    headers = f"Proc-Type: 4,ENCRYPTED\nDEK-Info: {cipher},{iv}\n\n".encode("ascii", "replace")
    return KeyMaterial(KeyFormat.ENCRYPTED_TRADITIONAL, b"", begin + b"\n" + headers + rest)
