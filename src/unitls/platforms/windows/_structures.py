"""The structures of crypt32 (wincrypt.h). They can be made on any system."""

from __future__ import annotations

import ctypes
from ctypes import c_char_p, c_int32, c_uint8, c_uint32, c_void_p, c_wchar_p
from typing import Final

X509_ENCODING: Final = 1
STORE_MEMORY: Final = 2
STORE_CREATE_NEW: Final = 0x2000
ADD_ALWAYS: Final = 4

POLICY_SSL: Final = 4
AUTH_CLIENT: Final = 1
AUTH_SERVER: Final = 2
USAGE_MATCH_OR: Final = 1
CACHE_ONLY_URL_RETRIEVAL: Final = 0x4
DISABLE_AIA: Final = 0x2000


class FileTime(ctypes.Structure):
    """A moment, in tenths of microseconds since 1601."""

    _fields_ = (("low", c_uint32), ("high", c_uint32))


class CertContext(ctypes.Structure):
    """CERT_CONTEXT."""

    _fields_ = (
        ("encoding", c_uint32),
        ("der", ctypes.POINTER(c_uint8)),
        ("size", c_uint32),
        ("info", c_void_p),
        ("store", c_void_p),
    )


CertPointer = ctypes.POINTER(CertContext)


class ChainEngineConfig(ctypes.Structure):
    """CERT_CHAIN_ENGINE_CONFIG as of Windows 7."""

    _fields_ = (
        ("size", c_uint32),
        ("restricted_root", c_void_p),
        ("restricted_trust", c_void_p),
        ("restricted_other", c_void_p),
        ("additional_count", c_uint32),
        ("additional", c_void_p),
        ("flags", c_uint32),
        ("url_timeout", c_uint32),
        ("maximum_cached", c_uint32),
        ("cycle_modulus", c_uint32),
        ("exclusive_root", c_void_p),
        ("exclusive_people", c_void_p),
    )


class Usage(ctypes.Structure):
    """CERT_ENHKEY_USAGE."""

    _fields_ = (("count", c_uint32), ("identifiers", ctypes.POINTER(c_char_p)))


class UsageMatch(ctypes.Structure):
    """CERT_USAGE_MATCH."""

    _fields_ = (("kind", c_uint32), ("usage", Usage))


class ChainPara(ctypes.Structure):
    """CERT_CHAIN_PARA, its short form: the usage that is asked for."""

    _fields_ = (("size", c_uint32), ("requested", UsageMatch))


class TrustStatus(ctypes.Structure):
    """CERT_TRUST_STATUS."""

    _fields_ = (("error", c_uint32), ("info", c_uint32))


class ChainElement(ctypes.Structure):
    """CERT_CHAIN_ELEMENT."""

    _fields_ = (
        ("size", c_uint32),
        ("certificate", CertPointer),
        ("status", TrustStatus),
        ("revocation", c_void_p),
        ("issuance", c_void_p),
        ("application", c_void_p),
        ("extended", c_void_p),
    )


class SimpleChain(ctypes.Structure):
    """CERT_SIMPLE_CHAIN."""

    _fields_ = (
        ("size", c_uint32),
        ("status", TrustStatus),
        ("count", c_uint32),
        ("elements", ctypes.POINTER(ctypes.POINTER(ChainElement))),
        ("trust_list", c_void_p),
        ("has_freshness", c_int32),
        ("freshness", c_uint32),
    )


class ChainContext(ctypes.Structure):
    """The head of CERT_CHAIN_CONTEXT."""

    _fields_ = (
        ("size", c_uint32),
        ("status", TrustStatus),
        ("count", c_uint32),
        ("chains", ctypes.POINTER(ctypes.POINTER(SimpleChain))),
    )


class SSLExtra(ctypes.Structure):
    """SSL_EXTRA_CERT_CHAIN_POLICY_PARA."""

    _fields_ = (("size", c_uint32), ("role", c_uint32), ("checks", c_uint32), ("name", c_wchar_p))


class PolicyPara(ctypes.Structure):
    """CERT_CHAIN_POLICY_PARA."""

    _fields_ = (("size", c_uint32), ("flags", c_uint32), ("extra", c_void_p))


class PolicyStatus(ctypes.Structure):
    """CERT_CHAIN_POLICY_STATUS."""

    _fields_ = (
        ("size", c_uint32),
        ("error", c_uint32),
        ("chain", c_int32),
        ("element", c_int32),
        ("extra", c_void_p),
    )


def file_time(moment: float) -> FileTime:
    """A moment, in seconds since the epoch, as Windows counts."""
    ticks = min(max(int((moment + 11_644_473_600) * 10_000_000), 0), 2**63 - 1)
    return FileTime(ticks & 0xFFFFFFFF, ticks >> 32)


def der_of(context: CertContext) -> bytes:
    """The certificate in a context."""
    return ctypes.string_at(context.der, context.size)
