"""Cases on what a program's callbacks may do in the midst of a handshake, and what they may raise there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from ..api._certificates import Certificate, Identity, PrivateKey
from ..api._errors import CertificateVerificationError, ConfigurationError, ConnectionFault
from ..api._features import Feature
from ..api._protocols import ClientAuthentication
from ..core._x509 import certificate_fields
from ._case import ONCE, QUICK, TLS13, case
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


@case("error-cause", "fault-kept", client=[Feature.VERIFICATION_TIME], drives=ONCE)
def clock_that_gives_no_time(kit: Kit) -> None:
    """Before a clock that gives what is no time no certificate is valid; the error speaks of the clock."""
    wrong: tuple[Any, ...] = (float("nan"), float("inf"), 1e30, -(10**400), None, "now", 1j)
    for answer in wrong:
        pair = kit.pair(kit.client(verification_time=lambda answer=answer: answer))
        at_client, _ = pair.attempt()
        error = instance(at_client, ConnectionFault, f"the client's error, at {answer!r:.20}")
        require("callback has failed" in str(error), f"the error does not tell of the clock: {error}")
        raises(ConnectionFault, lambda p=pair: p.client.read(1), "reading afterwards")


@case("error-cause", client=[Feature.VERIFICATION_HOOK], drives=ONCE)
def hook_that_answers_no(kit: Kit) -> None:
    """A hook that says no by its answer has refused the server, as one that raises has."""
    at_client, _ = kit.pair(kit.client(verification_hook=lambda _path: False)).attempt()
    instance(at_client, CertificateVerificationError, "the client's error")


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


@case(
    "callback-alone",
    "post-handshake",
    needs=[Feature.CLIENT_CERTIFICATES, Feature.POST_HANDSHAKE_AUTHENTICATION],
    client=[Feature.CLIENT_CERTIFICATE_CHOICE],
    server=[Feature.VERIFICATION_HOOK],
    versions=TLS13,
    drives=QUICK,
)
def hook_that_uses_its_connection_later(kit: Kit) -> None:
    """Likewise a verification hook that is called in a read, for a certificate that was asked for after the handshake."""
    connections, refused = list[Any](), list[str]()

    def use(_path: tuple[bytes, ...]) -> None:
        for what, call in _transfers(kit, connections[0]).items():
            raises(ConfigurationError, call, f"{what} in the hook")
            refused.append(what)

    def choose(_authorities: tuple[bytes, ...]) -> Identity | None:
        return kit.client_identity if connections else None

    late: Any = {"post_handshake_authentication": True}
    asks: Any = {"client_authentication": ClientAuthentication.OPTIONAL, "trust_store": kit.trust}
    server = kit.server(**late, **asks, verification_hook=use)
    pair = kit.connected(kit.client(**late, choose_certificate=choose), server)
    connections.append(pair.server.tls)
    pair.echo()  # takes in what the handshake has left over
    pair.drive({pair.server: pair.server.tls.request_client_certificate})[pair.server].result("the request")
    equal(pair.transfer(pair.server, b"ping"), b"ping", "the data behind the request")
    equal(pair.transfer(pair.client, b"pong"), b"pong", "the data behind the certificate")
    equal(len(refused), 3, "how many calls were refused")


def _transfers(kit: Kit, connection: Any) -> dict[str, Callable[[], object]]:
    if kit.is_buffers:
        return {
            "read": lambda: connection.read(1),
            "write": lambda: connection.write(b"x"),
            "shutdown": connection.shutdown,
        }
    return {"recv": lambda: connection.recv(1), "send": lambda: connection.send(b"x"), "unwrap": connection.unwrap}
