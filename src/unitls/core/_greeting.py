"""The start of a server connection: the ClientHello is read before the library sees a byte.

So certificate, versions, ciphers, protocols and client authentication can all depend on it, with every library.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ..api._alerts import AlertDescription
from ..api._errors import ConfigurationError, ProtocolViolation, TLSError
from ._client_hello import ClientHello, ClientHelloReader, HelloError, fallback_version, parse_client_hello
from ._provider import Provider
from ._settings import wire_protocols
from ._sni_choice import choose_identity, decoded_name

if TYPE_CHECKING:
    from ._context import Natives

_FATAL: Final = 2
_ALERT: Final = 21


class Refusal(Exception):
    """The handshake ends before the library has begun it.

    Attributes:
        alert: what to tell the peer.
        error: what to raise.
    """

    def __init__(self, alert: int, error: TLSError) -> None:
        self.alert = alert
        self.error = error


@dataclass(frozen=True, slots=True)
class Welcome:
    """What was decided from the ClientHello.

    Attributes:
        native: the native context to go on with.
        index: which of the identities was chosen.
    """

    native: Any
    index: int


def plaintext_alert(alert: int) -> bytes:
    """A fatal alert record, as it is sent before any keys are agreed on (RFC 8446 section 5.1)."""
    return bytes((_ALERT, 3, 3, 0, 2, _FATAL, alert))


def read_hello(reader: ClientHelloReader, provider: Provider, data: bytes) -> bytes | None:
    """Feed the reader; gives the message, without its header, once it is complete.

    Raises:
        Refusal: this is no ClientHello.
    """
    try:
        return reader.feed_message(data)
    except HelloError as error:
        raise Refusal(error.alert, provider.fault(ProtocolViolation, error.text)) from error


def parse_hello(provider: Provider, message: bytes) -> ClientHello:
    """Read what stands in the message.

    Raises:
        Refusal: it is malformed.
    """
    try:
        return parse_client_hello(message)
    except HelloError as error:
        raise Refusal(error.alert, provider.fault(ProtocolViolation, error.text)) from error


def refuse_fallback(natives: Natives, message: bytes) -> None:
    """Hold to TLS_FALLBACK_SCSV, which not every library knows; only for a hello in which those bytes stand.

    Raises:
        Refusal: the client has fallen back to a version below what we have: somebody may have made it do so.
    """
    try:
        version = fallback_version(message)
    except HelloError as error:
        raise Refusal(error.alert, natives.provider.fault(ProtocolViolation, error.text)) from error
    # A list of ciphers bends the versions, so the settings are asked, not the bounds.
    if version is not None and version < natives.settings().upper:
        text = "the client has fallen back to an earlier version of TLS, though a later one is in common (RFC 7507)"
        raise Refusal(AlertDescription.INAPPROPRIATE_FALLBACK, natives.provider.fault(ProtocolViolation, text))


def run_callback(provider: Provider, name: str | None, call: Callable[[], Any]) -> None:
    """Run the server name callback.

    Raises:
        Refusal: it returned something, or raised: then its exception is the error's ``__cause__``.
    """
    try:
        answer = call()
    except Exception as error:
        fault = provider.fault(ProtocolViolation, f"the server name callback failed: {error!r}")
        fault.__cause__ = error
        raise Refusal(AlertDescription.INTERNAL_ERROR, fault) from error
    if answer is not None:
        text = f"the server name callback refused the name {name!r} ({answer!r})"
        # A number is the alert to send; anything else says no more than that the name is not welcome.
        is_alert = isinstance(answer, int) and not isinstance(answer, bool) and 0 < answer < 256
        alert = int(answer) if is_alert else AlertDescription.UNRECOGNIZED_NAME
        raise Refusal(alert, provider.fault(ProtocolViolation, text))


def server_name(hello: ClientHello) -> str | None:
    """The name the client asked for, IDNA-decoded."""
    return None if hello.server_name is None else decoded_name(hello.server_name)


def choose(natives: Natives, hello: ClientHello) -> Welcome:
    """Pick the certificate, and decide whether a protocol is negotiated.

    Raises:
        Refusal: there is no certificate, or no protocol where one is required.
    """
    provider, configuration = natives.provider, natives.configuration
    if not configuration.identities:
        fault = provider.fault(ConfigurationError, "the server has no certificate for this connection")
        raise Refusal(AlertDescription.HANDSHAKE_FAILURE, fault)
    protocols = wire_protocols(configuration)
    overlap = not protocols or any(name in protocols for name in hello.alpn)
    if configuration.require_inner_protocol and not overlap:
        text = f"no application protocol in common; the client offers {list(hello.alpn)}"
        raise Refusal(AlertDescription.NO_APPLICATION_PROTOCOL, provider.fault(ProtocolViolation, text))
    offered = overlap or not provider.alpn_mismatch_is_fatal
    index = choose_identity(natives.leaves, hello) if len(natives.leaves) > 1 else 0
    return Welcome(natives.get(index, offered), index)
