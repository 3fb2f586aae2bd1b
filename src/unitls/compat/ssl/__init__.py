"""The `ssl` module's public face on any backend.

Programs that know ``ssl.SSLContext`` use another library through it without a change: make the context here, and pass
it where one of ``ssl`` is asked for. For programs that cannot even be told that, ``python -m unitls.compat.ssl SCRIPT``
runs one whose ``import ssl`` gets this module.

Where the real module can be imported, `SSLContext`, `SSLSocket`, `SSLObject` and the errors are subclasses of its own.
Where it cannot, they stand alone. What differs from ``ssl`` is written down in the guide "The face of ssl".
"""

from __future__ import annotations

import base64 as base64
import errno as errno
import os as os
import sys as sys
import warnings as warnings
from collections import namedtuple as namedtuple
from socket import SO_TYPE as SO_TYPE
from socket import SOCK_STREAM as SOCK_STREAM
from socket import SOL_SOCKET as SOL_SOCKET
from socket import create_connection as create_connection
from socket import socket as socket
from typing import Any

from ._buffers import MemoryBIO as MemoryBIO
from ._constants import ALERT_DESCRIPTION_ACCESS_DENIED as ALERT_DESCRIPTION_ACCESS_DENIED
from ._constants import ALERT_DESCRIPTION_BAD_CERTIFICATE as ALERT_DESCRIPTION_BAD_CERTIFICATE
from ._constants import ALERT_DESCRIPTION_BAD_CERTIFICATE_HASH_VALUE as ALERT_DESCRIPTION_BAD_CERTIFICATE_HASH_VALUE
from ._constants import (
    ALERT_DESCRIPTION_BAD_CERTIFICATE_STATUS_RESPONSE as ALERT_DESCRIPTION_BAD_CERTIFICATE_STATUS_RESPONSE,
)
from ._constants import ALERT_DESCRIPTION_BAD_RECORD_MAC as ALERT_DESCRIPTION_BAD_RECORD_MAC
from ._constants import ALERT_DESCRIPTION_CERTIFICATE_EXPIRED as ALERT_DESCRIPTION_CERTIFICATE_EXPIRED
from ._constants import ALERT_DESCRIPTION_CERTIFICATE_REVOKED as ALERT_DESCRIPTION_CERTIFICATE_REVOKED
from ._constants import ALERT_DESCRIPTION_CERTIFICATE_UNKNOWN as ALERT_DESCRIPTION_CERTIFICATE_UNKNOWN
from ._constants import ALERT_DESCRIPTION_CERTIFICATE_UNOBTAINABLE as ALERT_DESCRIPTION_CERTIFICATE_UNOBTAINABLE
from ._constants import ALERT_DESCRIPTION_CLOSE_NOTIFY as ALERT_DESCRIPTION_CLOSE_NOTIFY
from ._constants import ALERT_DESCRIPTION_DECODE_ERROR as ALERT_DESCRIPTION_DECODE_ERROR
from ._constants import ALERT_DESCRIPTION_DECOMPRESSION_FAILURE as ALERT_DESCRIPTION_DECOMPRESSION_FAILURE
from ._constants import ALERT_DESCRIPTION_DECRYPT_ERROR as ALERT_DESCRIPTION_DECRYPT_ERROR
from ._constants import ALERT_DESCRIPTION_HANDSHAKE_FAILURE as ALERT_DESCRIPTION_HANDSHAKE_FAILURE
from ._constants import ALERT_DESCRIPTION_ILLEGAL_PARAMETER as ALERT_DESCRIPTION_ILLEGAL_PARAMETER
from ._constants import ALERT_DESCRIPTION_INSUFFICIENT_SECURITY as ALERT_DESCRIPTION_INSUFFICIENT_SECURITY
from ._constants import ALERT_DESCRIPTION_INTERNAL_ERROR as ALERT_DESCRIPTION_INTERNAL_ERROR
from ._constants import ALERT_DESCRIPTION_NO_RENEGOTIATION as ALERT_DESCRIPTION_NO_RENEGOTIATION
from ._constants import ALERT_DESCRIPTION_PROTOCOL_VERSION as ALERT_DESCRIPTION_PROTOCOL_VERSION
from ._constants import ALERT_DESCRIPTION_RECORD_OVERFLOW as ALERT_DESCRIPTION_RECORD_OVERFLOW
from ._constants import ALERT_DESCRIPTION_UNEXPECTED_MESSAGE as ALERT_DESCRIPTION_UNEXPECTED_MESSAGE
from ._constants import ALERT_DESCRIPTION_UNKNOWN_CA as ALERT_DESCRIPTION_UNKNOWN_CA
from ._constants import ALERT_DESCRIPTION_UNKNOWN_PSK_IDENTITY as ALERT_DESCRIPTION_UNKNOWN_PSK_IDENTITY
from ._constants import ALERT_DESCRIPTION_UNRECOGNIZED_NAME as ALERT_DESCRIPTION_UNRECOGNIZED_NAME
from ._constants import ALERT_DESCRIPTION_UNSUPPORTED_CERTIFICATE as ALERT_DESCRIPTION_UNSUPPORTED_CERTIFICATE
from ._constants import ALERT_DESCRIPTION_UNSUPPORTED_EXTENSION as ALERT_DESCRIPTION_UNSUPPORTED_EXTENSION
from ._constants import ALERT_DESCRIPTION_USER_CANCELLED as ALERT_DESCRIPTION_USER_CANCELLED
from ._constants import CERT_NONE as CERT_NONE
from ._constants import CERT_OPTIONAL as CERT_OPTIONAL
from ._constants import CERT_REQUIRED as CERT_REQUIRED
from ._constants import OP_ALL as OP_ALL
from ._constants import OP_CIPHER_SERVER_PREFERENCE as OP_CIPHER_SERVER_PREFERENCE
from ._constants import OP_ENABLE_KTLS as OP_ENABLE_KTLS
from ._constants import OP_ENABLE_MIDDLEBOX_COMPAT as OP_ENABLE_MIDDLEBOX_COMPAT
from ._constants import OP_IGNORE_UNEXPECTED_EOF as OP_IGNORE_UNEXPECTED_EOF
from ._constants import OP_LEGACY_SERVER_CONNECT as OP_LEGACY_SERVER_CONNECT
from ._constants import OP_NO_COMPRESSION as OP_NO_COMPRESSION
from ._constants import OP_NO_RENEGOTIATION as OP_NO_RENEGOTIATION
from ._constants import OP_NO_TICKET as OP_NO_TICKET
from ._constants import OP_SINGLE_DH_USE as OP_SINGLE_DH_USE
from ._constants import OP_SINGLE_ECDH_USE as OP_SINGLE_ECDH_USE
from ._constants import PROTOCOL_TLS as PROTOCOL_TLS
from ._constants import PROTOCOL_TLS_CLIENT as PROTOCOL_TLS_CLIENT
from ._constants import PROTOCOL_TLS_SERVER as PROTOCOL_TLS_SERVER
from ._constants import SSL_ERROR_EOF as SSL_ERROR_EOF
from ._constants import SSL_ERROR_INVALID_ERROR_CODE as SSL_ERROR_INVALID_ERROR_CODE
from ._constants import SSL_ERROR_SSL as SSL_ERROR_SSL
from ._constants import SSL_ERROR_SYSCALL as SSL_ERROR_SYSCALL
from ._constants import SSL_ERROR_WANT_CONNECT as SSL_ERROR_WANT_CONNECT
from ._constants import SSL_ERROR_WANT_READ as SSL_ERROR_WANT_READ
from ._constants import SSL_ERROR_WANT_WRITE as SSL_ERROR_WANT_WRITE
from ._constants import SSL_ERROR_WANT_X509_LOOKUP as SSL_ERROR_WANT_X509_LOOKUP
from ._constants import SSL_ERROR_ZERO_RETURN as SSL_ERROR_ZERO_RETURN
from ._constants import VERIFY_ALLOW_PROXY_CERTS as VERIFY_ALLOW_PROXY_CERTS
from ._constants import VERIFY_CRL_CHECK_CHAIN as VERIFY_CRL_CHECK_CHAIN
from ._constants import VERIFY_CRL_CHECK_LEAF as VERIFY_CRL_CHECK_LEAF
from ._constants import VERIFY_DEFAULT as VERIFY_DEFAULT
from ._constants import VERIFY_X509_PARTIAL_CHAIN as VERIFY_X509_PARTIAL_CHAIN
from ._constants import VERIFY_X509_STRICT as VERIFY_X509_STRICT
from ._constants import VERIFY_X509_TRUSTED_FIRST as VERIFY_X509_TRUSTED_FIRST
from ._constants import OP_NO_SSLv2 as OP_NO_SSLv2
from ._constants import OP_NO_SSLv3 as OP_NO_SSLv3
from ._constants import OP_NO_TLSv1 as OP_NO_TLSv1
from ._constants import OP_NO_TLSv1_1 as OP_NO_TLSv1_1
from ._constants import OP_NO_TLSv1_2 as OP_NO_TLSv1_2
from ._constants import OP_NO_TLSv1_3 as OP_NO_TLSv1_3
from ._constants import PROTOCOL_SSLv23 as PROTOCOL_SSLv23
from ._constants import PROTOCOL_TLSv1 as PROTOCOL_TLSv1
from ._constants import PROTOCOL_TLSv1_1 as PROTOCOL_TLSv1_1
from ._constants import PROTOCOL_TLSv1_2 as PROTOCOL_TLSv1_2
from ._context import SSLContext as SSLContext
from ._enums import AlertDescription as AlertDescription
from ._enums import Options as Options
from ._enums import SSLErrorNumber as SSLErrorNumber
from ._enums import TLSVersion as TLSVersion
from ._enums import VerifyFlags as VerifyFlags
from ._enums import VerifyMode as VerifyMode
from ._enums import _SSLMethod as _SSLMethod
from ._enums import _TLSAlertType as _TLSAlertType
from ._enums import _TLSContentType as _TLSContentType
from ._enums import _TLSMessageType as _TLSMessageType
from ._errors import CertificateError as CertificateError
from ._errors import SSLCertVerificationError as SSLCertVerificationError
from ._errors import SSLEOFError as SSLEOFError
from ._errors import SSLError as SSLError
from ._errors import SSLSyscallError as SSLSyscallError
from ._errors import SSLWantReadError as SSLWantReadError
from ._errors import SSLWantWriteError as SSLWantWriteError
from ._errors import SSLZeroReturnError as SSLZeroReturnError
from ._functions import _GLOBAL_DEFAULT_TIMEOUT as _GLOBAL_DEFAULT_TIMEOUT
from ._functions import _PROTOCOL_NAMES as _PROTOCOL_NAMES
from ._functions import PEM_FOOTER as PEM_FOOTER
from ._functions import PEM_HEADER as PEM_HEADER
from ._functions import DefaultVerifyPaths as DefaultVerifyPaths
from ._functions import DER_cert_to_PEM_cert as DER_cert_to_PEM_cert
from ._functions import PEM_cert_to_DER_cert as PEM_cert_to_DER_cert
from ._functions import RAND_add as RAND_add
from ._functions import RAND_bytes as RAND_bytes
from ._functions import RAND_pseudo_bytes as RAND_pseudo_bytes
from ._functions import RAND_status as RAND_status
from ._functions import _create_default_https_context as _create_default_https_context
from ._functions import _create_stdlib_context as _create_stdlib_context
from ._functions import _create_unverified_context as _create_unverified_context
from ._functions import cert_time_to_seconds as cert_time_to_seconds
from ._functions import create_default_context as create_default_context
from ._functions import get_default_verify_paths as get_default_verify_paths
from ._functions import get_protocol_name as get_protocol_name
from ._functions import get_server_certificate as get_server_certificate
from ._functions import wrap_socket as wrap_socket
from ._match import _dnsname_match as _dnsname_match
from ._match import _inet_paton as _inet_paton
from ._match import _ipaddress_match as _ipaddress_match
from ._match import match_hostname as match_hostname
from ._object import SSLObject as SSLObject
from ._objects import Purpose as Purpose
from ._objects import _ASN1Object as _ASN1Object
from ._platform import real as _real
from ._sessions import SSLSession as SSLSession
from ._socket import SSLSocket as SSLSocket

HAS_SNI = HAS_ECDH = HAS_ALPN = HAS_TLSv1_2 = HAS_TLSv1_3 = HAS_NEVER_CHECK_COMMON_NAME = True
HAS_NPN = HAS_SSLv2 = HAS_SSLv3 = HAS_TLSv1 = HAS_TLSv1_1 = HAS_PSK = False
CHANNEL_BINDING_TYPES = ["tls-unique"]
# What programs look at to learn how `ssl` behaves: as with OpenSSL 3, whichever library does the work.
OPENSSL_VERSION: str = getattr(_real, "OPENSSL_VERSION", "OpenSSL 3.0.0 (the face of unitls)")
OPENSSL_VERSION_INFO: tuple[int, ...] = getattr(_real, "OPENSSL_VERSION_INFO", (3, 0, 0, 0, 0))
OPENSSL_VERSION_NUMBER: int = getattr(_real, "OPENSSL_VERSION_NUMBER", 0x30000000)
_OPENSSL_API_VERSION = OPENSSL_VERSION_INFO
_DEFAULT_CIPHERS = _RESTRICTED_SERVER_CIPHERS = "DEFAULT"
socket_error = OSError

if sys.platform == "win32":
    enum_certificates: Any = getattr(_real, "enum_certificates", None)
    enum_crls: Any = getattr(_real, "enum_crls", None)
