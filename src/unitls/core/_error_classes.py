"""The errors of one backend: a subclass of each of ours, so that a program can tell whose they are."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

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

_Kinds: TypeAlias = tuple[type[TLSError], ...]
_DIRECT: Final[_Kinds] = (ConfigurationError, ConnectionFault, InternalTLSError)
_FAULTS: Final[_Kinds] = (RaggedEOF, CertificateVerificationError, PeerAlert, ProtocolViolation)
_SIGNALS: Final[_Kinds] = (WantReadError, WantWriteError)


def error_classes(spelling: str, namespace: dict[str, Any]) -> dict[type[TLSError], type[TLSError]]:
    """Make the subclasses of a backend.

    Args:
        spelling: the library's name as it is written, with which their names begin: ``GnuTLSError`` is the base of all,
            ``GnuTLSPeerAlert`` one of them.
        namespace: the globals of the module they belong to, where they are found by their names (as pickle does).

    Returns:
        The subclass for each class of ours.
    """
    classes: dict[type[TLSError], Any] = {}

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
    return classes
