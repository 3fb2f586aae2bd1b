"""The errors of one backend: a subclass of each of ours, and what every library's faults have in common."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

from ..api._alerts import AlertDescription
from ..api._errors import (
    CertificateVerificationError,
    ConfigurationError,
    ConnectionFault,
    InternalTLSError,
    PeerAlert,
    ProtocolViolation,
    RaggedEOF,
    TLSError,
    WantReadError,
    WantWriteError,
)
from ._leaf_check import Fault

_Kinds: TypeAlias = tuple[type[TLSError], ...]
_DIRECT: Final[_Kinds] = (ConfigurationError, ConnectionFault, InternalTLSError)
_FAULTS: Final[_Kinds] = (RaggedEOF, CertificateVerificationError, PeerAlert, ProtocolViolation)
_SIGNALS: Final[_Kinds] = (WantReadError, WantWriteError)


class BackendErrors:
    """Makes the errors of a backend, so that a program can tell whose they are.

    Args:
        spelling: the library's name as it is written, with which the names of its errors begin: ``GnuTLSError`` is the base
            of all, ``GnuTLSPeerAlert`` one of them.
        namespace: the globals of the module they belong to, where they are found by their names (as pickle does).

    Attributes:
        classes: the subclass for each class of ours.
    """

    def __init__(self, spelling: str, namespace: dict[str, Any]) -> None:
        self.classes: dict[type[TLSError], type[TLSError]] = {}
        classes: dict[type[TLSError], Any] = self.classes

        def add(kind: type[TLSError], *bases: type[TLSError], **members: Any) -> None:
            name = spelling + kind.__name__.replace("TLSError", "Error")
            text = f"{kind.__name__} of this backend."
            classes[kind] = namespace[name] = type(
                name, bases, {"__module__": namespace["__name__"], "__doc__": text, **members}
            )

        add(TLSError, TLSError)
        for kind in _DIRECT:
            add(kind, kind, classes[TLSError])
        for kind in _FAULTS:
            add(kind, kind, classes[ConnectionFault])
        for kind in _SIGNALS:  # raised very often, and there is nothing more to set
            add(kind, kind, classes[TLSError], __init__=Exception.__init__)

    def make(self, kind: type[TLSError], text: str, **attributes: Any) -> TLSError:
        """The backend's error of `kind`."""
        return self.classes.get(kind, kind)(text, **attributes)

    def want_read(self) -> TLSError:
        """The signal that is made most often."""
        return self.classes[WantReadError]("more has to come in first")

    def refused(self, fault: Fault, **native: Any) -> TLSError:
        """The error for a certificate that was not accepted.

        Args:
            fault: why.
            native: the library's own number and text for it.
        """
        return self.make(
            CertificateVerificationError,
            f"certificate not accepted: {fault.failure.value} ({fault.text})",
            failure=fault.failure,
            subject=fault.subject,
            **native,
        )

    def alert(self, number: int | None, **native: Any) -> TLSError:
        """The error for a fatal alert of the peer.

        Args:
            number: which (RFC 8446 section 6); `None` if the library does not say.
            native: its own number and text for it.
        """
        try:
            alert = AlertDescription(-1 if number is None else number)
        except ValueError:
            return self.make(ProtocolViolation, f"the peer sent an alert that nobody knows: {number}", **native)
        return self.make(PeerAlert, f"the peer ended the connection: {alert.name.lower()}", alert=alert, **native)

    def callback_failed(self, why: object, **native: Any) -> TLSError:
        """The error for a connection that ends because what the library has called has raised something."""
        return self.make(ConnectionFault, f"a callback has failed: {why}", **native)
