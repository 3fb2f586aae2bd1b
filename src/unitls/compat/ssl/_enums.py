"""The enumerations of the `ssl` module: its own where there is one, so that members are the same objects.

Names and numbers are those of OpenSSL 3, as Python 3.11 to 3.13 have them together.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import TYPE_CHECKING

from ._platform import real

if TYPE_CHECKING or real is None:

    class AlertDescription(IntEnum):
        """An alert (RFC 8446 section 6)."""

        ALERT_DESCRIPTION_CLOSE_NOTIFY = 0
        ALERT_DESCRIPTION_UNEXPECTED_MESSAGE = 10
        ALERT_DESCRIPTION_BAD_RECORD_MAC = 20
        ALERT_DESCRIPTION_RECORD_OVERFLOW = 22
        ALERT_DESCRIPTION_DECOMPRESSION_FAILURE = 30
        ALERT_DESCRIPTION_HANDSHAKE_FAILURE = 40
        ALERT_DESCRIPTION_BAD_CERTIFICATE = 42
        ALERT_DESCRIPTION_UNSUPPORTED_CERTIFICATE = 43
        ALERT_DESCRIPTION_CERTIFICATE_REVOKED = 44
        ALERT_DESCRIPTION_CERTIFICATE_EXPIRED = 45
        ALERT_DESCRIPTION_CERTIFICATE_UNKNOWN = 46
        ALERT_DESCRIPTION_ILLEGAL_PARAMETER = 47
        ALERT_DESCRIPTION_UNKNOWN_CA = 48
        ALERT_DESCRIPTION_ACCESS_DENIED = 49
        ALERT_DESCRIPTION_DECODE_ERROR = 50
        ALERT_DESCRIPTION_DECRYPT_ERROR = 51
        ALERT_DESCRIPTION_PROTOCOL_VERSION = 70
        ALERT_DESCRIPTION_INSUFFICIENT_SECURITY = 71
        ALERT_DESCRIPTION_INTERNAL_ERROR = 80
        ALERT_DESCRIPTION_USER_CANCELLED = 90
        ALERT_DESCRIPTION_NO_RENEGOTIATION = 100
        ALERT_DESCRIPTION_UNSUPPORTED_EXTENSION = 110
        ALERT_DESCRIPTION_CERTIFICATE_UNOBTAINABLE = 111
        ALERT_DESCRIPTION_UNRECOGNIZED_NAME = 112
        ALERT_DESCRIPTION_BAD_CERTIFICATE_STATUS_RESPONSE = 113
        ALERT_DESCRIPTION_BAD_CERTIFICATE_HASH_VALUE = 114
        ALERT_DESCRIPTION_UNKNOWN_PSK_IDENTITY = 115

    class Options(IntFlag):
        """What a context is told to do or to leave (OpenSSL's numbers)."""

        OP_NO_SSLv2 = 0x0
        OP_SINGLE_DH_USE = 0x0
        OP_SINGLE_ECDH_USE = 0x0
        OP_LEGACY_SERVER_CONNECT = 0x4
        OP_ENABLE_KTLS = 0x8
        OP_IGNORE_UNEXPECTED_EOF = 0x80
        OP_NO_TICKET = 0x4000
        OP_NO_COMPRESSION = 0x20000
        OP_ENABLE_MIDDLEBOX_COMPAT = 0x100000
        OP_CIPHER_SERVER_PREFERENCE = 0x400000
        OP_NO_SSLv3 = 0x2000000
        OP_NO_TLSv1 = 0x4000000
        OP_NO_TLSv1_2 = 0x8000000
        OP_NO_TLSv1_1 = 0x10000000
        OP_NO_TLSv1_3 = 0x20000000
        OP_NO_RENEGOTIATION = 0x40000000
        OP_ALL = 0x80000050

    class SSLErrorNumber(IntEnum):
        """The first argument of an `SSLError`."""

        SSL_ERROR_SSL = 1
        SSL_ERROR_WANT_READ = 2
        SSL_ERROR_WANT_WRITE = 3
        SSL_ERROR_WANT_X509_LOOKUP = 4
        SSL_ERROR_SYSCALL = 5
        SSL_ERROR_ZERO_RETURN = 6
        SSL_ERROR_WANT_CONNECT = 7
        SSL_ERROR_EOF = 8
        SSL_ERROR_INVALID_ERROR_CODE = 10

    class VerifyFlags(IntFlag):
        """How certificates are verified."""

        VERIFY_DEFAULT = 0x0
        VERIFY_CRL_CHECK_LEAF = 0x4
        VERIFY_CRL_CHECK_CHAIN = 0xC
        VERIFY_X509_STRICT = 0x20
        VERIFY_ALLOW_PROXY_CERTS = 0x40
        VERIFY_X509_TRUSTED_FIRST = 0x8000
        VERIFY_X509_PARTIAL_CHAIN = 0x80000

    class VerifyMode(IntEnum):
        """Whether the peer's certificate is asked for and verified."""

        CERT_NONE = 0
        CERT_OPTIONAL = 1
        CERT_REQUIRED = 2

    class _SSLMethod(IntEnum):
        """The role, or the one version, of a context."""

        PROTOCOL_TLS = 2
        PROTOCOL_SSLv23 = 2
        PROTOCOL_TLSv1 = 3
        PROTOCOL_TLSv1_1 = 4
        PROTOCOL_TLSv1_2 = 5
        PROTOCOL_TLS_CLIENT = 16
        PROTOCOL_TLS_SERVER = 17

    class TLSVersion(IntEnum):
        """A version of TLS; the two bounds mean what the library can do."""

        MINIMUM_SUPPORTED = -2
        SSLv3 = 768
        TLSv1 = 769
        TLSv1_1 = 770
        TLSv1_2 = 771
        TLSv1_3 = 772
        MAXIMUM_SUPPORTED = -1

    class _TLSContentType(IntEnum):
        """Content types of the record layer (RFC 8446 section B.1)."""

        CHANGE_CIPHER_SPEC = 20
        ALERT = 21
        HANDSHAKE = 22
        APPLICATION_DATA = 23
        HEADER = 256
        INNER_CONTENT_TYPE = 257

    class _TLSAlertType(IntEnum):
        """Alerts (RFC 8446 section B.2)."""

        CLOSE_NOTIFY = 0
        UNEXPECTED_MESSAGE = 10
        BAD_RECORD_MAC = 20
        DECRYPTION_FAILED = 21
        RECORD_OVERFLOW = 22
        DECOMPRESSION_FAILURE = 30
        HANDSHAKE_FAILURE = 40
        NO_CERTIFICATE = 41
        BAD_CERTIFICATE = 42
        UNSUPPORTED_CERTIFICATE = 43
        CERTIFICATE_REVOKED = 44
        CERTIFICATE_EXPIRED = 45
        CERTIFICATE_UNKNOWN = 46
        ILLEGAL_PARAMETER = 47
        UNKNOWN_CA = 48
        ACCESS_DENIED = 49
        DECODE_ERROR = 50
        DECRYPT_ERROR = 51
        EXPORT_RESTRICTION = 60
        PROTOCOL_VERSION = 70
        INSUFFICIENT_SECURITY = 71
        INTERNAL_ERROR = 80
        INAPPROPRIATE_FALLBACK = 86
        USER_CANCELED = 90
        NO_RENEGOTIATION = 100
        MISSING_EXTENSION = 109
        UNSUPPORTED_EXTENSION = 110
        CERTIFICATE_UNOBTAINABLE = 111
        UNRECOGNIZED_NAME = 112
        BAD_CERTIFICATE_STATUS_RESPONSE = 113
        BAD_CERTIFICATE_HASH_VALUE = 114
        UNKNOWN_PSK_IDENTITY = 115
        CERTIFICATE_REQUIRED = 116
        NO_APPLICATION_PROTOCOL = 120

    class _TLSMessageType(IntEnum):
        """Messages of the handshake (RFC 8446 section B.3)."""

        HELLO_REQUEST = 0
        CLIENT_HELLO = 1
        SERVER_HELLO = 2
        HELLO_VERIFY_REQUEST = 3
        NEWSESSION_TICKET = 4
        END_OF_EARLY_DATA = 5
        HELLO_RETRY_REQUEST = 6
        ENCRYPTED_EXTENSIONS = 8
        CERTIFICATE = 11
        SERVER_KEY_EXCHANGE = 12
        CERTIFICATE_REQUEST = 13
        SERVER_DONE = 14
        CERTIFICATE_VERIFY = 15
        CLIENT_KEY_EXCHANGE = 16
        FINISHED = 20
        CERTIFICATE_URL = 21
        CERTIFICATE_STATUS = 22
        SUPPLEMENTAL_DATA = 23
        KEY_UPDATE = 24
        NEXT_PROTO = 67
        MESSAGE_HASH = 254
        CHANGE_CIPHER_SPEC = 257

else:
    AlertDescription = real.AlertDescription
    Options = real.Options
    SSLErrorNumber = real.SSLErrorNumber
    VerifyFlags = real.VerifyFlags
    VerifyMode = real.VerifyMode
    _SSLMethod = real._SSLMethod
    TLSVersion = real.TLSVersion
    _TLSContentType = real._TLSContentType
    _TLSAlertType = real._TLSAlertType
    _TLSMessageType = real._TLSMessageType
