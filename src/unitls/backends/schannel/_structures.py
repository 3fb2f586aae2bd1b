"""The structures of SSPI and SChannel (sspi.h, schannel.h). They can be made on any system, for tests of what uses them."""

from __future__ import annotations

import ctypes
from ctypes import c_uint8, c_uint32, c_void_p, c_wchar
from typing import Any, Final

PACKAGE: Final = "Microsoft Unified Security Protocol Provider"
INBOUND: Final = 1
OUTBOUND: Final = 2

SP_PROT_SERVER: Final = {0x0301: 0x40, 0x0302: 0x100, 0x0303: 0x400, 0x0304: 0x1000}
"""The bit of a version for servers, by the version as on the wire. A client's is the next higher one."""

SCHANNEL_CRED_VERSION: Final = 4
SCH_CREDENTIALS_VERSION: Final = 5
SCH_CRED_NO_SYSTEM_MAPPER: Final = 0x2
SCH_CRED_MANUAL_CRED_VALIDATION: Final = 0x8
SCH_CRED_NO_DEFAULT_CREDS: Final = 0x10
SCH_USE_STRONG_CRYPTO: Final = 0x400000

ISC_FLAGS: Final = 0x4 | 0x8 | 0x10 | 0x80 | 0x100 | 0x4000 | 0x8000 | 0x80000
"""REPLAY_DETECT, SEQUENCE_DETECT, CONFIDENTIALITY, USE_SUPPLIED_CREDS, ALLOCATE_MEMORY, EXTENDED_ERROR, STREAM,
MANUAL_CRED_VALIDATION."""
ASC_FLAGS: Final = 0x4 | 0x8 | 0x10 | 0x100 | 0x8000 | 0x10000
"""REPLAY_DETECT, SEQUENCE_DETECT, CONFIDENTIALITY, ALLOCATE_MEMORY, EXTENDED_ERROR, STREAM."""
ASC_MUTUAL_AUTH: Final = 0x2

BUFFER_EMPTY: Final = 0
BUFFER_DATA: Final = 1
BUFFER_TOKEN: Final = 2
BUFFER_EXTRA: Final = 5
BUFFER_TRAILER: Final = 6
BUFFER_HEADER: Final = 7
BUFFER_ALERT: Final = 17
BUFFER_PROTOCOLS: Final = 18

ATTR_STREAM_SIZES: Final = 4
ATTR_UNIQUE_BINDINGS: Final = 25
ATTR_PROTOCOL: Final = 0x23
ATTR_REMOTE_CERT: Final = 0x53
ATTR_CONNECTION: Final = 0x5A
ATTR_CIPHER: Final = 0x64

CONTROL_ALERT: Final = 0
CONTROL_SHUTDOWN: Final = 1
ALERT_FATAL: Final = 2
PROTOCOL_SELECTED: Final = 1
EXTENSION_ALPN: Final = 2


class SecHandle(ctypes.Structure):
    """A handle of a credential or of a context."""

    _fields_ = (("lower", ctypes.c_size_t), ("upper", ctypes.c_size_t))


class SecBuffer(ctypes.Structure):
    """One piece of memory, and what is in it."""

    _fields_ = (("size", c_uint32), ("kind", c_uint32), ("data", c_void_p))


class SecBufferDesc(ctypes.Structure):
    """Several `SecBuffer`s."""

    _fields_ = (("version", c_uint32), ("count", c_uint32), ("buffers", ctypes.POINTER(SecBuffer)))


class SchannelCred(ctypes.Structure):
    """SCHANNEL_CRED, which every Windows knows; TLS 1.2 at most."""

    _fields_ = (
        ("version", c_uint32),
        ("certificate_count", c_uint32),
        ("certificates", c_void_p),
        ("root_store", c_void_p),
        ("mapper_count", c_uint32),
        ("mappers", c_void_p),
        ("algorithm_count", c_uint32),
        ("algorithms", c_void_p),
        ("enabled_protocols", c_uint32),
        ("minimum_strength", c_uint32),
        ("maximum_strength", c_uint32),
        ("session_lifespan", c_uint32),
        ("flags", c_uint32),
        ("format", c_uint32),
    )


class TLSParameters(ctypes.Structure):
    """TLS_PARAMETERS, a part of `SchCredentials`."""

    _fields_ = (
        ("alpn_count", c_uint32),
        ("alpn", c_void_p),
        ("disabled_protocols", c_uint32),
        ("disabled_crypto_count", c_uint32),
        ("disabled_crypto", c_void_p),
        ("flags", c_uint32),
    )


class SchCredentials(ctypes.Structure):
    """SCH_CREDENTIALS, from Windows 10 1809 on; without it there is no TLS 1.3."""

    _fields_ = (
        ("version", c_uint32),
        ("format", c_uint32),
        ("certificate_count", c_uint32),
        ("certificates", c_void_p),
        ("root_store", c_void_p),
        ("mapper_count", c_uint32),
        ("mappers", c_void_p),
        ("session_lifespan", c_uint32),
        ("flags", c_uint32),
        ("parameter_count", c_uint32),
        ("parameters", ctypes.POINTER(TLSParameters)),
    )


class StreamSizes(ctypes.Structure):
    """SecPkgContext_StreamSizes."""

    _fields_ = (
        ("header", c_uint32),
        ("trailer", c_uint32),
        ("maximum", c_uint32),
        ("buffers", c_uint32),
        ("block", c_uint32),
    )


class ConnectionInfo(ctypes.Structure):
    """SecPkgContext_ConnectionInfo."""

    _fields_ = (
        ("protocol", c_uint32),
        ("cipher", c_uint32),
        ("cipher_strength", c_uint32),
        ("hash", c_uint32),
        ("hash_strength", c_uint32),
        ("exchange", c_uint32),
        ("exchange_strength", c_uint32),
    )


class CipherInfo(ctypes.Structure):
    """SecPkgContext_CipherInfo."""

    _fields_ = (
        ("version", c_uint32),
        ("protocol", c_uint32),
        ("suite", c_uint32),
        ("base_suite", c_uint32),
        ("name", c_wchar * 64),
        ("cipher", c_wchar * 64),
        ("cipher_bits", c_uint32),
        ("cipher_block", c_uint32),
        ("hash", c_wchar * 64),
        ("hash_bits", c_uint32),
        ("exchange", c_wchar * 64),
        ("exchange_minimum", c_uint32),
        ("exchange_maximum", c_uint32),
        ("certificate", c_wchar * 64),
        ("key_type", c_uint32),
    )


class ApplicationProtocol(ctypes.Structure):
    """SecPkgContext_ApplicationProtocol."""

    _fields_ = (("status", c_uint32), ("extension", c_uint32), ("size", c_uint8), ("name", c_uint8 * 255))


class Bindings(ctypes.Structure):
    """SecPkgContext_Bindings."""

    _fields_ = (("size", c_uint32), ("data", c_void_p))


class ChannelBindings(ctypes.Structure):
    """SEC_CHANNEL_BINDINGS, the head of what `Bindings` points to."""

    _fields_ = (
        ("initiator_type", c_uint32),
        ("initiator_size", c_uint32),
        ("initiator_offset", c_uint32),
        ("acceptor_type", c_uint32),
        ("acceptor_size", c_uint32),
        ("acceptor_offset", c_uint32),
        ("application_size", c_uint32),
        ("application_offset", c_uint32),
    )


class AlertToken(ctypes.Structure):
    """SCHANNEL_ALERT_TOKEN: an alert to be sent."""

    _fields_ = (("kind", c_uint32), ("level", c_uint32), ("alert", c_uint32))


def descriptor(*buffers: tuple[int, Any, int]) -> tuple[SecBufferDesc, Any]:
    """A `SecBufferDesc` of (kind, address, size) triples, and the array of its buffers, which has to be kept."""
    array = (SecBuffer * len(buffers))(*(SecBuffer(size, kind, address) for kind, address, size in buffers))
    return SecBufferDesc(0, len(buffers), array), array


def text_of(code: int) -> str:
    """A status as Windows' documentation writes it."""
    return f"0x{code & 0xFFFFFFFF:08X}"
