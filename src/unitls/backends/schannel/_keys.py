"""Private keys in Windows' hands: imported into a container under a name of its own, which is removed afterwards.

SChannel wants keys that Windows knows by a name; one that lives in memory alone is refused. CNG comes first, since the old
interface has RSA without PSS only; Wine has no other.
"""

from __future__ import annotations

import ctypes
import struct
import uuid
from ctypes import byref
from typing import Final, NamedTuple

from ...core._der import INTEGER, OCTET_STRING, SEQUENCE, enter_whole
from ...core._x509 import RSA_ENCRYPTION
from . import _certificate_structures as cs
from .native import Error, Libraries

_PRIVATE_KEY_BLOB: Final = 7
_CALG_RSA_KEYX: Final = 0xA400


class Container(NamedTuple):
    """Where a key lies.

    Attributes:
        name: its own.
        is_cng: whether it is one of CNG.
    """

    name: str
    is_cng: bool

    def described(self) -> cs.KeyProvider:
        """What a certificate is told of it."""
        if self.is_cng:
            return cs.KeyProvider(self.name, cs.SOFTWARE_PROVIDER, 0, cs.NCRYPT_SILENT, 0, None, 0)
        return cs.KeyProvider(self.name, cs.RSA_AES_PROVIDER, cs.PROV_RSA_AES, 0, 0, None, cs.AT_KEYEXCHANGE)


def keep(libraries: Libraries, pkcs8: bytes) -> Container:
    """Import a key.

    Args:
        libraries: Windows' libraries.
        pkcs8: the key in DER.

    Raises:
        Error: neither interface takes it; what CNG says counts.
    """
    name = f"unitls-{uuid.uuid4().hex}"
    try:
        _import_cng(libraries, name, pkcs8)
    except Error:
        blob = private_key_blob(pkcs8)
        if blob is None:
            raise
        _import_old(libraries, name, blob)
        return Container(name, is_cng=False)
    return Container(name, is_cng=True)


def remove(libraries: Libraries, container: Container) -> None:
    """Remove a container with its key. What is not there needs no removing."""
    if not container.is_cng:
        handle = ctypes.c_void_p()
        libraries.advapi32.CryptAcquireContextW(
            byref(handle), container.name, cs.RSA_AES_PROVIDER, cs.PROV_RSA_AES, cs.CRYPT_DELETEKEYSET | cs.CRYPT_SILENT
        )
        return
    ncrypt = libraries.ncrypt
    provider, key = ctypes.c_void_p(), ctypes.c_void_p()
    if ncrypt.NCryptOpenStorageProvider(byref(provider), cs.SOFTWARE_PROVIDER, 0):
        return
    try:
        if not ncrypt.NCryptOpenKey(provider, byref(key), container.name, 0, cs.NCRYPT_SILENT):
            ncrypt.NCryptDeleteKey(key, cs.NCRYPT_SILENT)  # this frees the handle too
    finally:
        ncrypt.NCryptFreeObject(provider)


def _import_cng(libraries: Libraries, name: str, pkcs8: bytes) -> None:
    ncrypt = libraries.ncrypt
    provider, key = ctypes.c_void_p(), ctypes.c_void_p()
    _checked(ncrypt.NCryptOpenStorageProvider(byref(provider), cs.SOFTWARE_PROVIDER, 0), "NCryptOpenStorageProvider")
    try:
        # A string as Windows has it: two bytes for each character, with the final zero.
        text = ctypes.create_string_buffer(name.encode("utf-16-le") + b"\0\0")
        named = cs.NCryptBuffer(2 * (len(name) + 1), cs.BUFFER_KEY_NAME, ctypes.addressof(text))
        described = cs.NCryptBufferDesc(0, 1, ctypes.pointer(named))
        code = ncrypt.NCryptImportKey(
            provider, None, cs.PKCS8_BLOB, ctypes.addressof(described), byref(key), pkcs8, len(pkcs8), cs.NCRYPT_SILENT
        )
        _checked(code, "NCryptImportKey")
        ncrypt.NCryptFreeObject(key)
    finally:
        ncrypt.NCryptFreeObject(provider)


def _checked(code: int, what: str) -> None:
    if code:
        raise Error(code & 0xFFFFFFFF, what)


def _import_old(libraries: Libraries, name: str, blob: bytes) -> None:
    advapi32 = libraries.advapi32
    provider, key = ctypes.c_void_p(), ctypes.c_void_p()
    flags = cs.CRYPT_NEWKEYSET | cs.CRYPT_SILENT
    if not advapi32.CryptAcquireContextW(byref(provider), name, cs.RSA_AES_PROVIDER, cs.PROV_RSA_AES, flags):
        raise Error(libraries.last_error() & 0xFFFFFFFF, "CryptAcquireContext")
    try:
        if not advapi32.CryptImportKey(provider, blob, len(blob), None, 0, byref(key)):
            code = libraries.last_error() & 0xFFFFFFFF
            remove(libraries, Container(name, is_cng=False))
            raise Error(code, "CryptImportKey")
        advapi32.CryptDestroyKey(key)
    finally:
        advapi32.CryptReleaseContext(provider, 0)


def private_key_blob(pkcs8: bytes) -> bytes | None:
    """An RSA key as the old interface wants it (PRIVATEKEYBLOB); `None` for one of another kind, or that has no place there."""
    info = enter_whole(pkcs8, SEQUENCE)
    info.skip(INTEGER)
    if info.enter(SEQUENCE).object_identifier() != RSA_ENCRYPTION:
        return None
    numbers = enter_whole(info.content(OCTET_STRING), SEQUENCE)
    numbers.skip(INTEGER)
    n, e, d, p, q, dp, dq, qinv = (numbers.integer() for _ in range(8))
    size = (n.bit_length() + 7) // 8
    half = (size + 1) // 2
    parts = [(n, size), (p, half), (q, half), (dp, half), (dq, half), (qinv, half), (d, size)]
    if any(number.bit_length() > 8 * length for number, length in (*parts, (e, 4))):
        return None  # the primes are of different lengths, or the exponent is a large one
    head = struct.pack("<BBHI", _PRIVATE_KEY_BLOB, 2, 0, _CALG_RSA_KEYX) + struct.pack("<4sII", b"RSA2", size * 8, e)
    return head + b"".join(number.to_bytes(length, "little") for number, length in parts)
