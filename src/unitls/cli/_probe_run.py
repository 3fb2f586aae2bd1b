"""One probe: a connection, and what was learnt from it."""

from __future__ import annotations

import errno
import os
import socket
import time
from dataclasses import dataclass, replace

from ..api._backend import Backend
from ..api._configuration import TLSClientConfiguration
from ..api._context import ClientContext
from ..api._errors import (
    CertificateVerificationError,
    ConfigurationError,
    ProtocolViolation,
    RaggedEOF,
    TLSError,
)
from ..api._features import Feature
from ..api._protocols import NextProtocol, next_protocol
from ..api._trust import TrustStore
from ..api._wrapped import TLSWrappedSocket
from ._command import CommandError
from ._starttls import start_tls
from ._target import Target, connect


@dataclass(frozen=True, slots=True)
class Question:
    """What to connect to, and how.

    Attributes:
        target: the server, with its port.
        server_name: the name to send and to verify.
        starttls: the protocol whose plaintext dialogue comes first, if any.
        protocols: what to offer by ALPN.
        trust_store: the anchors; `None` for the system's.
        timeout: seconds for each step.
        verify: whether to verify the server.
    """

    target: Target
    server_name: str
    starttls: str | None
    protocols: tuple[bytes, ...]
    trust_store: TrustStore | None
    timeout: float
    verify: bool = True


@dataclass(frozen=True, slots=True)
class Negotiated:
    """What a handshake led to.

    Attributes:
        address: the peer's IP address.
        version: the version of TLS.
        cipher: the cipher suite.
        protocol: the application protocol, if one was agreed on.
        server_name: the name that was sent, if one was.
        resumed: whether the session was resumed, where the backend tells.
        group: the key exchange group, where the backend tells.
        chain: what the server sent, in DER, the leaf first.
        anchor: the certificate that ends the verified path, where there is one.
        seconds: how long the handshake took.
    """

    address: str
    version: str
    cipher: str
    protocol: str | None
    server_name: str | None
    resumed: bool | None
    group: str | None
    chain: tuple[bytes, ...]
    anchor: bytes | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it with one backend.

    Attributes:
        backend: the name of the backend.
        library_version: its library.
        verification: ``"accepted"``, ``"refused"``, ``"not checked"``, or `None` if it did not come that far.
        verifier: who verifies certificates here, and against whose roots; `None` where nobody does.
        failure: the `VerifyFailure` in words, if it was refused for one.
        reason: why it failed; empty if it did not.
        negotiated: what was negotiated; after a refusal, on a second connection without verification.
    """

    backend: str
    library_version: str
    verification: str | None = None
    verifier: str | None = None
    failure: str | None = None
    reason: str = ""
    negotiated: Negotiated | None = None

    @property
    def accepted(self) -> bool:
        """Whether the connection was made, and its certificate accepted where it was checked."""
        return not self.reason


def probe(question: Question, backend: Backend) -> Result:
    """Connect once; once more without verification if the server's certificate is refused.

    Raises:
        ConfigurationError: the backend cannot do what is asked for.
    """
    context = backend.client_context(_configuration(question))
    known = Result(backend.name, backend.library_version, verifier=context.verifier)
    try:
        negotiated = _connection(question, context)
    except CertificateVerificationError as error:
        failure, shown = error.failure.value, _without_verification(question, backend)
        return replace(known, verification="refused", failure=failure, reason=str(error), negotiated=shown)
    except (CommandError, TLSError, OSError) as error:
        if isinstance(error, ConfigurationError):
            raise
        return replace(known, reason=_explain(error, question))
    return replace(known, verification="accepted" if question.verify else "not checked", negotiated=negotiated)


def _without_verification(question: Question, backend: Backend) -> Negotiated | None:
    try:
        unverified = replace(question, verify=False)
        return _connection(unverified, backend.client_context(_configuration(unverified)))
    except (CommandError, TLSError, OSError):
        return None  # what matters, the refusal, is known already


def _connection(question: Question, context: ClientContext) -> Negotiated:
    with connect(question.target, question.timeout) as raw:
        address = _address(raw)  # while there is one: a peer may reset the connection as soon as the handshake is done
        if question.starttls is not None:
            start_tls(raw, question.starttls, question.timeout)
        begun = time.monotonic()
        with context.wrap_socket(raw, server_hostname=question.server_name) as wrapped:
            wrapped.do_handshake()  # done by now, unless the peer was gone when the socket was wrapped
            return _negotiated(wrapped, context.backend, address, time.monotonic() - begun)


def _configuration(question: Question) -> TLSClientConfiguration:
    return TLSClientConfiguration(
        validate_certificates=question.verify,
        inner_protocols=tuple(map(next_protocol, question.protocols)),
        trust_store=question.trust_store,
        handshake_timeout=question.timeout,
    )


def _address(raw: socket.socket) -> str:
    try:
        return str(raw.getpeername()[0])
    except OSError as error:  # the peer has reset the connection, and the system has forgotten it
        raise ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET)) from error


def _negotiated(wrapped: TLSWrappedSocket, backend: Backend, address: str, taken: float) -> Negotiated:
    supports = backend.capabilities.supports
    path = wrapped.getverifiedchain() if supports(Feature.VERIFIED_CHAIN) else []
    leaf = wrapped.getpeercert()
    sent = wrapped.getpeerchain() if supports(Feature.PEER_CHAIN) else [] if leaf is None else [leaf]
    version = wrapped.negotiated_tls_version
    return Negotiated(
        address=address,
        version="?" if version is None else version.name.removeprefix("TLSv").replace("_", "."),
        cipher=number_name(wrapped.cipher()) or "?",
        protocol=protocol_name(wrapped.negotiated_protocol()),
        server_name=wrapped.server_name,
        resumed=wrapped.session_resumed if supports(Feature.RESUMPTION_INFORMATION) else None,
        group=number_name(wrapped.group) if supports(Feature.GROUP_INFORMATION) else None,
        chain=tuple(sent),
        anchor=path[-1] if path else None,
        seconds=taken,
    )


def number_name(value: int | None) -> str | None:
    """The registered name of a cipher suite or a group, or its number."""
    return None if value is None else getattr(value, "name", f"{value:#06x}")


def protocol_name(protocol: NextProtocol | bytes | None) -> str | None:
    """An application protocol as text."""
    if protocol is None:
        return None
    name = protocol.value if isinstance(protocol, NextProtocol) else protocol
    return name.decode("ascii", "backslashreplace")


def _explain(error: Exception, question: Question) -> str:
    """One or two sentences: what happened, and what to do about it."""
    if isinstance(error, CommandError):
        return str(error)
    if isinstance(error, TimeoutError):
        what = f"{question.target} did not go on within {question.timeout:g} s."
        return f"{what} {_advice(question)}, or allow more with --timeout."
    text = (str(error) or type(error).__name__).rstrip(".")
    if isinstance(error, (ProtocolViolation, RaggedEOF, ConnectionResetError)):
        return f"{text}. {_advice(question)}."
    return f"{text}."


def _advice(question: Question) -> str:
    if question.starttls is None:
        return "Check that it is a TLS server; some protocols need --starttls"
    return f"Check that it is a server for {question.starttls} with STARTTLS"
