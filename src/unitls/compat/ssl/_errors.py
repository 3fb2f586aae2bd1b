"""The family of `SSLError`: at once the errors of the `ssl` module and those of unitls.

A program that catches either does so. The classes behind the public ones say more precisely what unitls found; a
program that knows only ``ssl`` sees an `SSLError` in each.
"""

from __future__ import annotations

import sys
from typing import Any

from ...api._errors import (
    CertificateVerificationError,
    ConfigurationError,
    ConnectionFault,
    InternalTLSError,
    PeerAlert,
    ProtocolViolation,
    RaggedEOF,
    TLSError,
    UnsupportedFeature,
    WantReadError,
    WantWriteError,
)
from ._platform import base_of, real

_Error: Any = base_of("SSLError", OSError)


class SSLError(TLSError, _Error):  # type: ignore[misc]
    """Something went wrong in TLS.

    Args:
        *args: the number and the text, as `OSError` takes them.
        **attributes: what unitls knows besides.

    Attributes:
        reason: OpenSSL's name for the reason, such as ``CERTIFICATE_VERIFY_FAILED``; `None` where there is none.
        library: the part of OpenSSL it would come from; ``SSL`` where there is a reason.
    """

    reason: Any = None
    library: Any = None

    def __init__(self, *args: Any, **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        if self.errno is None and len(args) > 1:  # where ValueError comes first among the bases
            OSError.__init__(self, *args)

    def __str__(self) -> str:
        return self.strerror if isinstance(self.strerror, str) else str(self.args)


class SSLZeroReturnError(SSLError, base_of("SSLZeroReturnError", object)):  # type: ignore[misc]
    """The peer has closed the connection cleanly."""


def _shown_class(name: str) -> Any:
    """What ``error.__class__`` gives: their own class, where programs have the real module.

    Redis-py looks the class of a signal up in a dictionary, where a subclass is not found.
    """

    def shown(self: BaseException) -> type[Any]:
        is_theirs = real is not None and sys.modules.get("ssl") is real
        return getattr(real, name) if is_theirs else type(self)

    return property(shown)


class SSLWantReadError(SSLError, WantReadError, base_of("SSLWantReadError", object)):  # type: ignore[misc]
    """More has to come in first; call again."""

    __class__ = _shown_class("SSLWantReadError")


class SSLWantWriteError(SSLError, WantWriteError, base_of("SSLWantWriteError", object)):  # type: ignore[misc]
    """Something has to go out first; call again."""

    __class__ = _shown_class("SSLWantWriteError")


class SSLSyscallError(SSLError, base_of("SSLSyscallError", object)):  # type: ignore[misc]
    """A call into the operating system failed."""


class SSLEOFError(SSLError, RaggedEOF, base_of("SSLEOFError", object)):  # type: ignore[misc]
    """The connection ended without close_notify."""


_VerificationError: Any = base_of("SSLCertVerificationError", ValueError)


class SSLCertVerificationError(SSLError, CertificateVerificationError, _VerificationError):  # type: ignore[misc]
    """The peer's certificate was not accepted.

    Attributes:
        verify_code: OpenSSL's number for the fault.
        verify_message: its text.
    """

    verify_code: Any = 0
    verify_message: Any = ""


class SSLPeerAlert(SSLError, PeerAlert):
    """The peer ended the connection with an alert."""


class SSLProtocolViolation(SSLError, ProtocolViolation):
    """The peer sent what TLS forbids, or nothing could be agreed on."""


class SSLConnectionFault(SSLError, ConnectionFault):
    """This connection is lost."""


class SSLConfigurationError(SSLError, ConfigurationError):
    """What was asked for is wrong."""


class SSLUnsupportedFeature(SSLConfigurationError, UnsupportedFeature):
    """What was asked for is right, but not with this backend."""


class SSLInternalError(SSLError, InternalTLSError):
    """A bug in the library or in unitls."""


CertificateError = SSLCertVerificationError
