"""The alerts with which a peer closes or gives up a connection (RFC 8446 section 6)."""

from __future__ import annotations

import enum

from ._codepoints import checked_codepoint


class AlertDescription(enum.IntEnum):
    """What an alert says, numbered as in the IANA registry "TLS Alerts" (RFC 8446 sections 6 and 11).

    Alerts that TLS 1.3 has reserved keep the name they had in the version that sent them, as a peer of that version
    still does. All are fatal in TLS 1.3 but `CLOSE_NOTIFY` and `USER_CANCELED`.
    """

    CLOSE_NOTIFY = 0
    """The sender will send no more data; a clean end (RFC 8446 section 6.1)."""
    UNEXPECTED_MESSAGE = 10
    """A message that has no place here, such as application data before the handshake was done."""
    BAD_RECORD_MAC = 20
    """A record that could not be decrypted or authenticated."""
    DECRYPTION_FAILED = 21
    """Reserved; TLS 1.0 only (RFC 2246)."""
    RECORD_OVERFLOW = 22
    """A record longer than the limit."""
    DECOMPRESSION_FAILURE = 30
    """Reserved; up to TLS 1.2 (RFC 5246)."""
    HANDSHAKE_FAILURE = 40
    """No set of parameters that both sides accept, such as a cipher suite or a group."""
    NO_CERTIFICATE = 41
    """Reserved; SSL 3.0 only (RFC 6101)."""
    BAD_CERTIFICATE = 42
    """The certificate is corrupt, or a signature in it is wrong."""
    UNSUPPORTED_CERTIFICATE = 43
    """The certificate is of a type that is not supported."""
    CERTIFICATE_REVOKED = 44
    """The certificate was revoked by its issuer."""
    CERTIFICATE_EXPIRED = 45
    """The certificate has expired, or is not valid yet."""
    CERTIFICATE_UNKNOWN = 46
    """The certificate was not acceptable for some other reason."""
    ILLEGAL_PARAMETER = 47
    """A field of the handshake is wrong, or contradicts another."""
    UNKNOWN_CA = 48
    """No path leads from the certificate to an authority that is trusted."""
    ACCESS_DENIED = 49
    """The certificate is valid, but its owner is not let in."""
    DECODE_ERROR = 50
    """A message that cannot be parsed."""
    DECRYPT_ERROR = 51
    """A cryptographic operation of the handshake failed: a signature, a Finished message or a PSK binder."""
    TOO_MANY_CIDS_REQUESTED = 52
    """DTLS 1.3 only (RFC 9147 section 9)."""
    EXPORT_RESTRICTION = 60
    """Reserved; TLS 1.0 only (RFC 2246)."""
    PROTOCOL_VERSION = 70
    """The version that the peer asked for is known, but not supported."""
    INSUFFICIENT_SECURITY = 71
    """The parameters the peer offered are too weak."""
    INTERNAL_ERROR = 80
    """The sender failed for a reason of its own, such as a lack of memory."""
    INAPPROPRIATE_FALLBACK = 86
    """A client retried with a lower version than it need have (RFC 7507)."""
    USER_CANCELED = 90
    """The handshake was cancelled for a reason outside the protocol; `CLOSE_NOTIFY` follows."""
    NO_RENEGOTIATION = 100
    """Reserved; a renegotiation was refused, up to TLS 1.2 (RFC 5246 section 7.2.2)."""
    MISSING_EXTENSION = 109
    """An extension is missing that the version or another extension requires."""
    UNSUPPORTED_EXTENSION = 110
    """An extension that was not offered, or must not stand in that message."""
    CERTIFICATE_UNOBTAINABLE = 111
    """Reserved; for client certificate URLs, up to TLS 1.2 (RFC 6066)."""
    UNRECOGNIZED_NAME = 112
    """The server has nothing for the name in the SNI extension (RFC 6066 section 3)."""
    BAD_CERTIFICATE_STATUS_RESPONSE = 113
    """The stapled OCSP response is not acceptable (RFC 6066 section 8)."""
    BAD_CERTIFICATE_HASH_VALUE = 114
    """Reserved; for client certificate URLs, up to TLS 1.2 (RFC 6066)."""
    UNKNOWN_PSK_IDENTITY = 115
    """The server knows none of the pre-shared keys offered (RFC 4279, RFC 8446)."""
    CERTIFICATE_REQUIRED = 116
    """The server demands a client certificate and got none."""
    GENERAL_ERROR = 117
    """No other alert fits, or the sender will not say which does (RFC 9846)."""
    NO_APPLICATION_PROTOCOL = 120
    """The two sides have no application protocol in common (RFC 7301 section 3.2)."""
    ECH_REQUIRED = 121
    """The client gives up, as the server did not accept its Encrypted Client Hello (RFC 9849)."""


def alert_description(value: int) -> AlertDescription | int:
    """The member of `AlertDescription` with this value, or the value itself where the registry knew none.

    Args:
        value: the second byte of an alert.

    Raises:
        ConfigurationError: if it is not an integer, or does not fit into 8 bits.
    """
    value = checked_codepoint(value, bits=8, what="an alert description")
    try:
        return AlertDescription(value)
    except ValueError:
        return value
