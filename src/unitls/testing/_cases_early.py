"""Early data: sent with the ClientHello of a resumption, taken or refused by the server, and never lost in silence."""

from __future__ import annotations

from ..api._context import ClientContext, ServerContext
from ..api._errors import ConfigurationError
from ..api._features import Feature
from ..api._sessions import SessionCache
from ._case import QUICK, TLS13, case
from ._cases_resumption import finish
from ._expect import equal, raises, same
from ._kit import Kit
from ._pair import Pair

_NEEDS = (Feature.EARLY_DATA, Feature.RESUMPTION_INFORMATION)
_LIMIT = 1000
_EARLY = b"GET /early"


def _client(kit: Kit) -> ClientContext:
    return kit.client(early_data=True, session_cache=SessionCache())


def _visit(kit: Kit, client: ClientContext, server: ServerContext) -> None:
    """A first connection, after which the client has a session."""
    pair = kit.connected(client, server)
    pair.echo()
    finish(pair)


def _written(kit: Kit, client: ClientContext, server: ServerContext, data: bytes) -> tuple[Pair, int]:
    pair = kit.pair(client, server)
    taken = pair.client.tls.write_early_data(data)
    pair.handshake()
    return pair, taken


@case("early-data", needs=_NEEDS, versions=TLS13, drives=QUICK)
def early_data_is_taken(kit: Kit) -> None:
    """What is written before the handshake can be read before it, and is told from other data."""
    client, server = _client(kit), kit.server(max_early_data=_LIMIT)
    _visit(kit, client, server)
    pair, taken = _written(kit, client, server, _EARLY)
    equal(taken, len(_EARLY), "how much was taken")
    same(pair.client.tls.early_data_accepted, True, "early_data_accepted at the client")
    same(pair.server.tls.early_data_accepted, True, "early_data_accepted at the server")
    equal(pair.server.tls.read_early_data(), _EARLY, "the early data")
    equal(pair.server.tls.read_early_data(), b"", "the early data, once it was read")
    pair.echo()


@case("early-data-limit", needs=_NEEDS, versions=TLS13, drives=QUICK)
def early_data_beyond_the_limit(kit: Kit) -> None:
    """No more is taken than the server has said it takes."""
    client, server = _client(kit), kit.server(max_early_data=_LIMIT)
    _visit(kit, client, server)
    data = bytes(index % 251 for index in range(2 * _LIMIT))
    pair = kit.pair(client, server)
    first, second = (pair.client.tls.write_early_data(part) for part in (data[: _LIMIT // 2], data[_LIMIT // 2 :]))
    equal((first, second), (_LIMIT // 2, _LIMIT // 2), "how much was taken")
    pair.handshake()
    equal(pair.server.tls.read_early_data(), data[:_LIMIT], "the early data")
    pair.echo()


@case("early-data-refused", needs=_NEEDS, versions=TLS13, drives=QUICK)
def early_data_is_refused(kit: Kit) -> None:
    """A server that does not know the session, or takes no early data any more, says so; nothing of it is delivered."""
    for change in ({"max_early_data": _LIMIT}, {}):
        client = _client(kit)
        _visit(kit, client, kit.server(max_early_data=_LIMIT))
        pair, taken = _written(kit, client, kit.server(**change), _EARLY)
        equal(taken, len(_EARLY), "how much was taken")
        same(pair.client.tls.early_data_accepted, False, "early_data_accepted at the client")
        if change:
            equal(pair.server.tls.read_early_data(), b"", "the early data")
        pair.echo()


@case("early-data-replay", needs=_NEEDS, versions=TLS13, drives=QUICK)
def early_data_takes_a_session_of_its_own(kit: Kit) -> None:
    """Without a session whose server takes early data nothing is taken; a server that says nothing has none."""
    client = _client(kit)
    pair, taken = _written(kit, client, kit.server(max_early_data=_LIMIT), _EARLY)
    equal(taken, 0, "how much was taken without a session")
    same(pair.client.tls.early_data_accepted, None, "early_data_accepted")
    pair.echo()
    client, plain = _client(kit), kit.server()
    _visit(kit, client, plain)
    _, taken = _written(kit, client, plain, _EARLY)
    equal(taken, 0, "how much was taken with a session that allows none")


@case("early-data-off", needs=_NEEDS, versions=TLS13, drives=QUICK)
def early_data_is_off(kit: Kit) -> None:
    """A client that was not configured for it sends none; neither end takes the other's part, or comes too late."""
    client, server = kit.client(session_cache=SessionCache()), kit.server(max_early_data=_LIMIT)
    _visit(kit, client, server)
    pair = kit.pair(client, server)
    equal(pair.client.tls.write_early_data(_EARLY), 0, "how much was taken")
    raises(ConfigurationError, lambda: pair.server.tls.write_early_data(_EARLY), "a server that writes early data")
    raises(ConfigurationError, lambda: pair.client.tls.read_early_data(), "a client that reads early data")
    pair.handshake()
    raises(ConfigurationError, lambda: pair.client.tls.write_early_data(_EARLY), "early data behind the handshake")
