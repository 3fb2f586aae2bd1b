"""The structures of keys and of stores with certificates (wincrypt.h, ncrypt.h). They can be made on any system.

Those of chains are in `unitls.platforms.windows`, for every backend.
"""

from __future__ import annotations

import ctypes
from ctypes import c_uint32, c_void_p, c_wchar_p
from typing import Final

from ...platforms.windows._structures import X509_ENCODING as X509_ENCODING
from ...platforms.windows._structures import CertPointer as CertPointer
from ...platforms.windows._structures import der_of as der_of

STORE_SYSTEM: Final = 10
STORE_READ_ONLY: Final = 0x8000
CURRENT_USER: Final = 0x10000
LOCAL_MACHINE: Final = 0x20000
FIND_SHA1_HASH: Final = 0x10000
PROPERTY_KEY_PROVIDER: Final = 2

PROV_RSA_AES: Final = 24
AT_KEYEXCHANGE: Final = 1
CRYPT_NEWKEYSET: Final = 0x8
CRYPT_DELETEKEYSET: Final = 0x10
CRYPT_SILENT: Final = 0x40
RSA_AES_PROVIDER: Final = "Microsoft Enhanced RSA and AES Cryptographic Provider"
SOFTWARE_PROVIDER: Final = "Microsoft Software Key Storage Provider"
PKCS8_BLOB: Final = "PKCS8_PRIVATEKEY"
BUFFER_KEY_NAME: Final = 45
NCRYPT_SILENT: Final = 0x40


class Blob(ctypes.Structure):
    """CRYPT_HASH_BLOB and its like."""

    _fields_ = (("size", c_uint32), ("data", c_void_p))


class KeyProvider(ctypes.Structure):
    """CRYPT_KEY_PROV_INFO: where the private key of a certificate is."""

    _fields_ = (
        ("container", c_wchar_p),
        ("provider", c_wchar_p),
        ("kind", c_uint32),
        ("flags", c_uint32),
        ("parameter_count", c_uint32),
        ("parameters", c_void_p),
        ("key", c_uint32),
    )


class NCryptBuffer(ctypes.Structure):
    """NCryptBuffer."""

    _fields_ = (("size", c_uint32), ("kind", c_uint32), ("data", c_void_p))


class NCryptBufferDesc(ctypes.Structure):
    """NCryptBufferDesc."""

    _fields_ = (("version", c_uint32), ("count", c_uint32), ("buffers", ctypes.POINTER(NCryptBuffer)))
