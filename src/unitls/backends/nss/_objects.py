"""Certificates and keys as NSS holds them: in memory, never in a database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from ...core._der import BIT_STRING, INTEGER, OCTET_STRING, SEQUENCE, DERError, encode, enter_whole
from ...core._key_structures import sec1_parts
from ...core._x509 import EC_PUBLIC_KEY, certificate_fields
from .native import FAILURE, SUCCESS, Error, checked, ffi, item, item_bytes, last_error, nss, present

_ALL_USAGES: Final = 0xFF
_PUBLIC_KEY: Final = 0xA1
_DIGEST: Final = bytes(range(32))


def certificate(der: bytes) -> Any:
    """A certificate from DER.

    Raises:
        Error: NSS cannot read it.
    """
    value, _held = item(der)
    made = nss.CERT_NewTempCertificate(nss.CERT_GetDefaultCertDB(), value, ffi.NULL, 0, 1)
    return ffi.gc(present(made), nss.CERT_DestroyCertificate)


def certificate_der(made: Any) -> bytes:
    """The certificate in DER."""
    return item_bytes(made.derCert)


def listed(certificates: Any) -> Iterator[Any]:
    """The certificates of a CERTCertList; they live as long as the list."""
    head = ffi.addressof(certificates, "list")
    node = certificates.list.next
    while node != head:
        yield ffi.cast("CERTCertListNode *", node).cert
        node = node.next


def certificate_list(certificates: Sequence[Any]) -> Any:
    """A CERTCertList of certificates, each of which it holds."""
    made = ffi.gc(present(nss.CERT_NewCertList()), nss.CERT_DestroyCertList)
    for each in certificates:
        own = nss.CERT_DupCertificate(each)
        if nss.CERT_AddCertToListTail(made, own) != SUCCESS:
            nss.CERT_DestroyCertificate(own)
            raise last_error()
    return made


def private_key(pkcs8: bytes, leaf: bytes) -> Any:
    """A private key from PKCS #8 in DER, in the memory of NSS's own token.

    Args:
        pkcs8: the key.
        leaf: its certificate, which tells the public point where an EC key does not say it: NSS wants it there.

    Raises:
        Error: NSS cannot use it, or it does not belong to the certificate.
    """
    whole = with_public_point(pkcs8, leaf)
    key = _imported(whole)
    if whole is not pkcs8:
        check_pair(key, leaf)
    return key


def _imported(pkcs8: bytes) -> Any:
    value, held = item(pkcs8)
    made = ffi.new("SECKEYPrivateKey **")
    slot = present(nss.PK11_GetInternalSlot())
    try:
        checked(
            nss.PK11_ImportDERPrivateKeyInfoAndReturnKey(
                slot, value, ffi.NULL, ffi.NULL, 0, 1, _ALL_USAGES, made, ffi.NULL
            )
        )
    finally:
        nss.PK11_FreeSlot(slot)
        ffi.memmove(held, bytes(len(pkcs8)), len(pkcs8))
    return ffi.gc(made[0], nss.SECKEY_DestroyPrivateKey)


def with_public_point(pkcs8: bytes, leaf: bytes) -> bytes:
    """The same key with its public point in it, taken from the certificate, if it is an EC key without."""
    try:
        info = enter_whole(pkcs8, SEQUENCE)
        version = info.element(INTEGER)
        algorithm = info.element(SEQUENCE)
        inner = info.content(OCTET_STRING)
        if enter_whole(algorithm, SEQUENCE).object_identifier() != EC_PUBLIC_KEY:
            return pkcs8
        parts = sec1_parts(inner)
        if parts.public:
            return pkcs8
        spki = enter_whole(certificate_fields(leaf).spki, SEQUENCE)
        spki.skip(SEQUENCE)
        point = spki.element(BIT_STRING)
    except DERError:
        return pkcs8  # NSS shall say what is wrong with it
    key = encode(SEQUENCE, bytes((INTEGER, 1, 1)), encode(OCTET_STRING, parts.private), encode(_PUBLIC_KEY, point))
    return encode(SEQUENCE, version, algorithm, encode(OCTET_STRING, key))


def check_pair(key: Any, leaf: bytes) -> None:
    """Sign something and verify it with the certificate's key.

    Raises:
        Error: the two do not belong together.
    """
    made = certificate(leaf)
    public = ffi.gc(present(nss.CERT_ExtractPublicKey(made)), nss.SECKEY_DestroyPublicKey)
    size = nss.PK11_SignatureLen(key)
    if size <= 0:
        raise last_error()
    signature, _held = item(bytes(size))
    digest, _digest_held = item(_DIGEST)
    checked(nss.PK11_Sign(key, signature, digest))
    if nss.PK11_Verify(public, signature, digest, ffi.NULL) == FAILURE:
        raise KeyMismatch


class KeyMismatch(Error):
    """The private key does not belong to the certificate."""

    def __init__(self) -> None:
        super().__init__(-8187)  # what NSS itself says of such a pair: SEC_ERROR_INVALID_ARGS
