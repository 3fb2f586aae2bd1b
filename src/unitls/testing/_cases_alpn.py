"""Cases on the negotiation of an application protocol (RFC 7301)."""

from __future__ import annotations

from typing import Any

from ..api._alerts import AlertDescription
from ..api._errors import ConfigurationError, PeerAlert, ProtocolViolation, UnsupportedFeature
from ..api._features import Feature
from ..api._protocols import NextProtocol
from ._case import ONCE, UNBOUND, case
from ._expect import equal, instance, raises, same
from ._kit import Kit

_NEEDS = [Feature.ALPN]
_H2, _HTTP1 = NextProtocol.H2, NextProtocol.HTTP1


def _negotiated(kit: Kit, offered: Any, accepted: Any) -> Any:
    client, server = kit.client(), kit.server()
    client.set_inner_protocols(offered)
    server.set_inner_protocols(accepted)
    pair = kit.connected(client, server)
    found = pair.client.tls.negotiated_protocol()
    equal(pair.server.tls.negotiated_protocol(), found, "the protocol, seen from both ends")
    pair.echo()
    return found


@case("alpn", "alpn-enum", needs=_NEEDS)
def protocol_of_the_enumeration(kit: Kit) -> None:
    """A well-known protocol comes back as the member of NextProtocol, also when it was given as bytes."""
    same(_negotiated(kit, [_H2, _HTTP1], [_HTTP1]), _HTTP1, "the protocol")
    same(_negotiated(kit, [b"h2"], [_H2]), _H2, "the protocol, given as bytes")


@case("alpn-bytes", needs=_NEEDS)
def protocol_as_bytes(kit: Kit) -> None:
    """Any other protocol is passed, and comes back, as a byte string."""
    equal(_negotiated(kit, [b"x-test/1"], [b"x-test/1", _H2]), b"x-test/1", "the protocol")
    longest = b"l" * 255
    equal(_negotiated(kit, [longest], [longest]), longest, "a protocol of 255 bytes")


@case("alpn-preference", drives=ONCE, needs=_NEEDS)
def preference(kit: Kit) -> None:
    """The server's preference decides (RFC 7301 section 3.2)."""
    same(_negotiated(kit, [_H2, _HTTP1], [_HTTP1, _H2]), _HTTP1, "the protocol")
    same(_negotiated(kit, [_HTTP1, _H2], [_H2, _HTTP1]), _H2, "the protocol")


@case("alpn-no-overlap", needs=_NEEDS)
def no_protocol_in_common(kit: Kit) -> None:
    """Without overlap the handshake goes on, and no protocol is negotiated."""
    same(_negotiated(kit, [_H2], [_HTTP1]), None, "the protocol")


@case("alpn-unset", needs=_NEEDS)
def one_side_only(kit: Kit) -> None:
    """Where one side does not negotiate there is no protocol."""
    same(_negotiated(kit, [_H2], []), None, "the protocol, unset at the server")
    same(_negotiated(kit, [], [_H2]), None, "the protocol, unset at the client")
    same(_negotiated(kit, [], []), None, "the protocol, unset at both")


@case("alpn", needs=_NEEDS, drives=ONCE)
def protocol_of_any_bytes(kit: Kit) -> None:
    """A name with bytes that mean something to a list in C is that name, or is refused: never the beginning of it."""
    for name in (b"a\0b", b"a,b", b"a:b", b"\xff ", b"\0"):
        try:
            found = _negotiated(kit, [name], [name[:1], b"b", name])
        except UnsupportedFeature as error:
            same(error.feature, Feature.ALPN, f"{name!r}: the feature of the error")
        else:
            equal(found, name, "the protocol")


@case("alpn-required", "alert-sent", needs=_NEEDS)
def protocol_required_by_the_server(kit: Kit) -> None:
    """A server that requires a protocol ends the handshake with no_application_protocol where there is none."""
    server = kit.server(inner_protocols=[_H2], require_inner_protocol=True)
    same(kit.connected(kit.client(inner_protocols=[_H2]), server).client.tls.negotiated_protocol(), _H2, "the protocol")
    for offered in ([_HTTP1], []):
        at_client, at_server = kit.pair(kit.client(inner_protocols=offered), server).attempt()
        instance(at_server, ProtocolViolation, "the server's error")
        alert = instance(at_client, PeerAlert, "the client's error").alert
        equal(alert, AlertDescription.NO_APPLICATION_PROTOCOL, "the alert")


@case("alpn-required", needs=_NEEDS)
def protocol_required_by_the_client(kit: Kit) -> None:
    """A client that requires a protocol fails where the server chooses none."""
    client = kit.client(inner_protocols=[_H2], require_inner_protocol=True)
    kit.connected(client, kit.server(inner_protocols=[_H2]))
    for accepted in ([_HTTP1], []):
        at_client, _ = kit.pair(client, kit.server(inner_protocols=accepted)).attempt()
        instance(at_client, ProtocolViolation, "the client's error")


@case("alpn-invalid", drives=ONCE, versions=UNBOUND, needs=_NEEDS)
def protocols_that_are_none(kit: Kit) -> None:
    """A name that is empty, too long or of another type is a ConfigurationError, and changes nothing."""
    wrong: tuple[Any, ...] = ([b""], [b"x" * 256], ["h2"], [1], [_H2, None], b"h2", "h2", [b"x" * 200] * 400)
    for context in (kit.client(inner_protocols=[_H2]), kit.server(inner_protocols=[_H2])):
        for protocols in wrong:
            call = context.set_inner_protocols
            raises(ConfigurationError, lambda c=call, p=protocols: c(p), f"{protocols!r:.40}")
        equal(context.configuration.inner_protocols, (_H2,), "the protocols after refused ones")
    raises(ConfigurationError, lambda: kit.client(require_inner_protocol=True), "requiring one of no protocols")
