"""Cases on what a program's callbacks may do in the midst of a handshake, and what they may raise there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from ..api._certificates import Certificate, Identity, PrivateKey
from ..api._errors import ConfigurationError, ConnectionFault
from ..api._features import Feature
from ..api._protocols import ClientAuthentication
from ..core._x509 import certificate_fields
from ._case import ONCE, QUICK, case
from ._ends import End
from ._expect import equal, instance, raises, require, same
from ._kit import Kit
from ._pair import Pair


class _Interruption(BaseException):
    """Comes as a KeyboardInterrupt does, or the cancellation of a task."""


def _interrupt(*_: object) -> NoReturn:
    raise _Interruption


def _is_interrupted(pair: Pair, end: End) -> None:
    """The interruption of `end` comes out as it is; the connection is lost, and the peer's handshake does not end."""
    raises(_Interruption, pair.attempt, "the handshake")
    peer = pair.other(end)
    outcome = pair.drive({peer: peer.tls.do_handshake})[peer]
    require(not outcome.done, "the handshake of the peer of an interrupted connection has ended well")
    raises(ConnectionFault, lambda: end.read(1), "reading after the interruption")


@case("callback-interrupted", client=[Feature.VERIFICATION_HOOK], drives=ONCE)
def interrupted_hook(kit: Kit) -> None:
    """A server that the hook has not accepted yet gets neither a client certificate nor a Finished."""
    server = kit.server(client_authentication=ClientAuthentication.OPTIONAL, trust_store=kit.trust)
    identities = (kit.client_identity,) if kit.has(Feature.CLIENT_CERTIFICATES) else ()
    pair = kit.pair(kit.client(verification_hook=_interrupt, identities=identities), server)
    _is_interrupted(pair, pair.client)


@case("callback-interrupted", client=[Feature.VERIFICATION_TIME], drives=ONCE)
def interrupted_clock(kit: Kit) -> None:
    """Likewise, where it is the clock."""
    pair = kit.pair(kit.client(verification_time=_interrupt))
    _is_interrupted(pair, pair.client)


@case(
    "callback-interrupted", needs=[Feature.CLIENT_CERTIFICATES], client=[Feature.CLIENT_CERTIFICATE_CHOICE], drives=ONCE
)
def interrupted_choice(kit: Kit) -> None:
    """Likewise, where it is the choice of a certificate."""
    server = kit.server(client_authentication=ClientAuthentication.OPTIONAL, trust_store=kit.trust)
    pair = kit.pair(kit.client(choose_certificate=_interrupt), server)
    _is_interrupted(pair, pair.client)


@case("callback-interrupted", server=[Feature.EXTERNAL_SIGNER], drives=ONCE)
def interrupted_signer(kit: Kit) -> None:
    """Likewise, where it is a key that lives elsewhere."""
    chain = [Certificate.from_buffer(der) for der in kit.identities.server.chain]
    public = certificate_fields(kit.identities.server.chain[0]).spki
    signer = PrivateKey.from_signer(public, _interrupt, sign_digest=_interrupt)
    pair = kit.pair(server=kit.server(identities=(Identity(chain, signer),)))
    _is_interrupted(pair, pair.server)


@case("error-cause", "fault-kept", client=[Feature.VERIFICATION_TIME], drives=ONCE)
def failing_clock(kit: Kit) -> None:
    """Where the clock raises, the connection is lost, and what it has raised is the cause."""
    mistake = LookupError("no time")

    def fail() -> float:
        raise mistake

    pair = kit.pair(kit.client(verification_time=fail))
    at_client, _ = pair.attempt()
    error: BaseException | None = instance(at_client, ConnectionFault, "the client's error")
    while error is not None and error is not mistake:
        error = error.__cause__
    same(error, mistake, "what has caused it")
    raises(ConnectionFault, lambda: pair.client.read(1), "reading afterwards")


@case("callback-alone", server=[Feature.SNI_CALLBACK], drives=QUICK)
def callback_that_uses_its_connection(kit: Kit) -> None:
    """The server name callback is given its connection, but using it there is refused: it would wait for itself."""
    refused = list[str]()

    def use(connection: Any, name: str | None, context: object) -> None:
        calls = {"do_handshake": connection.do_handshake, **_transfers(kit, connection)}
        for what, call in calls.items():
            raises(ConfigurationError, call, f"{what} in the callback")
            refused.append(what)

    kit.connected(server=kit.server(sni_callback=use)).echo()
    equal(len(refused), 4, "how many calls were refused")


def _transfers(kit: Kit, connection: Any) -> dict[str, Callable[[], object]]:
    if kit.is_buffers:
        return {
            "read": lambda: connection.read(1),
            "write": lambda: connection.write(b"x"),
            "shutdown": connection.shutdown,
        }
    return {"recv": lambda: connection.recv(1), "send": lambda: connection.send(b"x"), "unwrap": connection.unwrap}
