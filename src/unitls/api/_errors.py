"""Every error unitls raises, ordered by who is to blame.

A program that catches `TLSError` has caught them all. Below it the tree answers the question that decides what to do
next: did *we* ask for something wrong (`ConfigurationError`), is *this connection* lost (`ConnectionFault`, an
`OSError`, so that code which survives a reset connection survives it too), or is it a *bug* (`InternalTLSError`)?
`WantReadError` and `WantWriteError` are signals, not faults.

Backends raise subclasses of their own (`OpenSSLError`, ...), which carry the library's code and text.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._alerts import AlertDescription
    from ._features import Feature


class VerifyFailure(enum.Enum):
    """Why a certificate was not accepted.

    Where a certificate has several faults, the first in this order is the one that is reported.
    """

    EXPIRED = "expired"
    """The time now is behind ``notAfter`` of a certificate in the chain (RFC 5280 section 4.1.2.5)."""
    NOT_YET_VALID = "not yet valid"
    """The time now is before ``notBefore`` of a certificate in the chain."""
    UNKNOWN_ISSUER = "unknown issuer"
    """No path leads from the certificate to a trusted anchor: another authority, or a missing intermediate."""
    SELF_SIGNED = "self-signed"
    """The certificate is its own issuer, and is not itself trusted."""
    NAME_MISMATCH = "name mismatch"
    """None of the subject alternative names is the subject that was asked for (RFC 9525)."""
    REVOKED = "revoked"
    """A revocation list or a stapled OCSP response says so."""
    BAD_PURPOSE = "bad purpose"
    """Not meant for this use: an extended key usage for another role, or an authority's certificate as a leaf."""
    WEAK = "weak"
    """A key or a signature below the strength that is required."""
    INVALID = "invalid"
    """Malformed, or against the rules of RFC 5280: a broken signature, path length or name constraint."""
    OTHER = "other"
    """Something else; the text says what."""


class TLSError(Exception):
    """The base of all TLS related errors from any backend.

    Args:
        *args: the message, as for any exception.
        native_code: the number the TLS library gave, if it gave one.
        native_text: the library's own words, if it has some.
    """

    native_code: int | None = None
    native_text: str | None = None

    def __init__(self, *args: Any, native_code: int | None = None, native_text: str | None = None) -> None:
        super().__init__(*args)
        if native_code is not None:
            self.native_code = native_code
        if native_text is not None:
            self.native_text = native_text

    def __reduce__(self) -> tuple[Any, ...]:
        """Errors travel between processes, with what they know."""
        return _rebuild, (type(self), self.args, vars(self))


def _rebuild(cls: type[TLSError], args: tuple[Any, ...], attributes: dict[str, Any]) -> TLSError:
    base: type[Exception] = OSError if issubclass(cls, OSError) else Exception
    error: TLSError = base.__new__(cls, *args)
    base.__init__(error, *args)
    error.__dict__.update(attributes)
    return error


class WantWriteError(TLSError):
    """A signal of non-blocking or buffer-only I/O: the operation cannot complete until data is written.

    More data has to go to the network, or the output buffer has to be drained; then call again.
    """


class WantReadError(TLSError):
    """A signal of non-blocking or buffer-only I/O: the operation cannot complete until data is read.

    More data has to come from the network, or into the input buffer; then call again.
    """


class ConfigurationError(TLSError, ValueError):
    """What was asked for is wrong; no connection was touched. The message says what to change."""


class UnsupportedFeature(ConfigurationError, NotImplementedError):
    """What was asked for is right, but not with this backend.

    Args:
        *args: the message.
        feature: what the backend lacks.
    """

    feature: Feature

    def __init__(self, *args: Any, feature: Feature, **native: Any) -> None:
        super().__init__(*args, **native)
        self.feature = feature


class ConnectionFault(TLSError, OSError):
    """This connection is lost, and only this one."""


class RaggedEOF(ConnectionFault):
    """The transport ended without close_notify: what was received may have been cut short (RFC 8446 section 6.1)."""


class CertificateVerificationError(ConnectionFault):
    """The peer's certificate was not accepted.

    Args:
        *args: the message.
        failure: the reason.
        subject: the subject that was asked for, as text, where a name is the point.
    """

    failure: VerifyFailure
    subject: str | None

    def __init__(
        self, *args: Any, failure: VerifyFailure = VerifyFailure.OTHER, subject: str | None = None, **native: Any
    ) -> None:
        super().__init__(*args, **native)
        self.failure = failure
        self.subject = subject


class PeerAlert(ConnectionFault):
    """The peer ended the connection with an alert (RFC 8446 section 6).

    Args:
        *args: the message.
        alert: which alert.
    """

    alert: AlertDescription | int

    def __init__(self, *args: Any, alert: AlertDescription | int, **native: Any) -> None:
        super().__init__(*args, **native)
        self.alert = alert


class ProtocolViolation(ConnectionFault):
    """The peer sent what TLS forbids, or nothing both sides could agree on."""


class InternalTLSError(TLSError):
    """A bug in the TLS library or in unitls. Please report it."""
