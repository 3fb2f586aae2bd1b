from __future__ import annotations

import gc
import threading
import time
import weakref
from types import SimpleNamespace
from typing import Any

import pytest
from _link import IDS, TIMEOUT, client_context

import unitls
from unitls import Session, SessionCache
from unitls.core import _resumption
from unitls.core._names import PeerNames
from unitls.core._resumption import find_session, keep_session
from unitls.core._verdict import Accepted
from unitls.core._x509 import certificate_fields


def session(name: str, expires: float = 100, *, single_use: bool = False, owner: object = None) -> Session:
    return Session(name, expires, single_use, owner)


def test_the_newest_session_is_given() -> None:
    cache, old, new = SessionCache(), session("old"), session("new")
    cache.put("key", old)
    cache.put("key", new)
    assert len(cache) == 2
    assert cache.get("key", None, 0) is new
    assert cache.get("key", None, 0) is new
    assert cache.get("other", None, 0) is None


def test_a_single_use_session_is_given_once() -> None:
    cache, first, second = SessionCache(), session("1", single_use=True), session("2", single_use=True)
    cache.put("key", first)
    cache.put("key", second)
    assert [cache.get("key", None, 0) for _ in range(3)] == [second, first, None]
    assert len(cache) == 0


def test_an_expired_session_is_forgotten() -> None:
    cache = SessionCache()
    cache.put("key", session("x", 100))
    assert cache.get("key", None, 99.9) is not None
    assert cache.get("key", None, 100) is None
    assert len(cache) == 0


def test_a_session_stays_with_its_owner() -> None:
    cache, mine, other = SessionCache(), object(), object()
    cache.put("key", session("x", owner=mine))
    cache.put("key2", session("y", owner=other))
    assert cache.get("key", mine, 0) is not None
    cache.drop_owner(mine)
    assert len(cache) == 1
    assert cache.get("key2", other, 0) is not None
    assert cache.get("key2", mine, 0) is None


class Collecting:
    """A key that makes the garbage collector run in the midst of the cache's work, as any allocation there may."""

    def __hash__(self) -> int:
        gc.collect()
        return 1


@pytest.mark.parametrize("method", ["put", "get"])
def test_an_owner_may_be_collected_while_the_cache_is_in_use(method: str) -> None:
    cache, owner = SessionCache(), client_context()
    cache.put("key", session("x", owner=owner))

    class Cycle:
        pass

    cycle: Any = Cycle()
    cycle.itself = cycle
    weakref.finalize(cycle, cache.drop_owner, owner)
    del cycle
    call = {"put": lambda: cache.put(Collecting(), session("y")), "get": lambda: cache.get(Collecting(), None, 0)}[
        method
    ]
    thread = threading.Thread(target=call, daemon=True)  # where the two wait for each other, only this thread does
    thread.start()
    thread.join(TIMEOUT)
    assert not thread.is_alive()
    assert len(cache) == (1 if method == "put" else 0)


def test_bounds() -> None:
    cache = SessionCache(max_entries=2, sessions_per_peer=3)
    for name in "abcd":
        cache.put("first", session(name))
    assert len(cache) == 3
    cache.put("second", session("x"))
    assert cache.get("first", None, 0) is not None  # used again: the other one goes first
    cache.put("third", session("y"))
    assert cache.get("second", None, 0) is None
    assert cache.get("first", None, 0) is not None
    cache.clear()
    assert len(cache) == 0
    for wrong in ({"max_entries": 0}, {"sessions_per_peer": 0}):
        with pytest.raises(unitls.ConfigurationError):
            SessionCache(**wrong)


def test_one_session_is_dropped() -> None:
    cache, one, two = SessionCache(), session("1"), session("2")
    for item in (one, two):
        cache.put("key", item)
    cache.drop("key", session("2"))
    assert len(cache) == 2
    cache.drop("key", two)
    assert cache.get("key", None, 0) is one
    cache.drop("other", one)
    cache.drop("key", one)
    assert len(cache) == 0


def test_threads_may_share_it() -> None:
    cache = SessionCache(8, 2)

    def work(number: int) -> None:
        for turn in range(300):
            cache.put(turn % 11, session("x", single_use=bool(turn % 2)))
            cache.get((turn + number) % 11, None, 0)
            if turn % 50 == 0:
                cache.drop_owner(object())

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 0 < len(cache) <= 16


def test_a_repr_shows_no_secret() -> None:
    assert "handle" not in repr(session("handle", owner="handle"))


class Engine:
    """Gives one session."""

    def __init__(self, given: Session | None, *path: bytes) -> None:
        self.given = given
        self.path = path

    def session(self) -> Session | None:
        return self.given

    def verified_chain(self) -> list[bytes]:
        return list(self.path)


def test_a_session_ends_with_the_certificate() -> None:
    cache = SessionCache()
    natives = client_context(session_cache=cache)._natives  # type: ignore[attr-defined]
    native = natives.get()
    key, found = find_session(natives, native, PeerNames("a.test"), ("1.2.3.4", 443))
    assert key is not None
    assert found is None
    leaf, anchor = IDS.server.chain[0], IDS.authority.certificate_der
    end = certificate_fields(leaf).not_after
    assert not keep_session(natives, key, Engine(None), Accepted(leaf), None)  # type: ignore[arg-type]
    far = session("x", end + 1e6, owner=native)
    assert keep_session(natives, key, Engine(far, leaf, anchor), Accepted(leaf), None)  # type: ignore[arg-type]
    kept = cache.get(key, native, 0)
    assert kept is not None
    assert kept.expires == end
    assert kept.chain == (leaf, anchor)
    # A resumed connection has no path of its own: what comes of it inherits the one that was trusted.
    assert keep_session(natives, key, Engine(session("y", owner=native)), Accepted(leaf), kept)  # type: ignore[arg-type]
    inherited = cache.get(key, native, 0)
    assert inherited is not None
    assert (inherited.native, inherited.chain, inherited.expires) == ("y", (leaf, anchor), 100)


def test_a_session_ends_with_the_whole_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where an intermediate ends first, resuming would go on with a path that is none any more."""
    ends = {b"leaf": 500, b"intermediate": 300, b"anchor": 100}
    monkeypatch.setattr(_resumption, "certificate_fields", lambda der: SimpleNamespace(not_after=ends[der]))
    cache = SessionCache()
    natives = client_context(session_cache=cache)._natives  # type: ignore[attr-defined]
    native = natives.get()
    assert keep_session(natives, "key", Engine(session("x", 1000, owner=native), *ends), Accepted(b"leaf"), None)  # type: ignore[arg-type]
    assert cache.get("key", native, 299) is not None
    assert cache.get("key", native, 300) is None


def test_the_programs_clock_ends_sessions_too() -> None:
    moment = [0.0]
    natives = client_context(session_cache=SessionCache(), verification_time=lambda: moment[0])._natives  # type: ignore[attr-defined]
    native, names = natives.get(), PeerNames("a.test")
    key, _ = find_session(natives, native, names, None)
    end = time.time() + 1000
    natives.configuration.session_cache.put(key, session("x", end, owner=native))
    assert find_session(natives, native, names, None)[1] is not None
    moment[0] = float("nan")
    assert find_session(natives, native, names, None)[1] is None
    natives.configuration.session_cache.put(key, session("x", end, owner=native))
    moment[0] = end + 1
    assert find_session(natives, native, names, None)[1] is None


def test_the_key_holds_all_that_is_decided_by() -> None:
    cache = SessionCache()

    def key(names: PeerNames | None = None, peer: object = None, **values: object) -> object:
        natives = client_context(session_cache=cache, **values)._natives  # type: ignore[attr-defined]
        return find_session(natives, natives.get(), names or PeerNames("a.test"), peer)[0]

    keys = [
        key(),
        key(PeerNames("b.test")),
        key(PeerNames("a.test", (unitls.DNSName("b.test"),))),
        key(peer=("1.2.3.4", 443)),
        key(validate_certificates=False),
        key(trust_store=unitls.TrustStore.system()),
        key(inner_protocols=(b"h2",)),
        key(ciphers=(0x1301,)),
        key(upper_bound=unitls.TLSVersion.TLSv1_2),
    ]
    assert len(set(keys)) == len(keys)
    assert key() == keys[0]


def test_without_a_cache_there_is_no_key() -> None:
    natives = client_context()._natives  # type: ignore[attr-defined]
    assert find_session(natives, natives.get(), PeerNames("a.test"), None) == (None, None)
