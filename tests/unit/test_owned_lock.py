from __future__ import annotations

import threading
from typing import Any

import pytest
from _link import IDS, TRUST, identity

import unitls
from unitls.core._owned_lock import OwnedLock, calls_back
from unitls.core._x509 import certificate_fields


def signer(*_: object) -> bytes:
    return b""


def passphrase() -> bytes:
    return b""


class OwnCache(unitls.SessionCache):
    pass


def with_key(key: unitls.PrivateKey) -> unitls.Identity:
    return unitls.Identity([unitls.Certificate.from_buffer(der) for der in IDS.server.chain], key)


def test_a_thread_does_not_wait_for_itself() -> None:
    lock = OwnedLock()
    with lock:
        with pytest.raises(unitls.ConfigurationError, match="callback"):
            lock.acquire()
        assert not lock.acquire(blocking=False)
        assert not lock.acquire(timeout=0)
    with lock:
        pass


def test_another_thread_waits() -> None:
    lock, order = OwnedLock(), list[str]()

    def other() -> None:
        assert not lock.acquire(blocking=False)
        began.set()
        with lock:
            order.append("other")

    began, thread = threading.Event(), threading.Thread(target=other)
    with lock:
        thread.start()
        began.wait()
        order.append("first")
    thread.join()
    assert order == ["first", "other"]


@pytest.mark.parametrize(
    "values",
    [
        {"verification_hook": print},
        {"verification_time": signer},
        {"choose_certificate": signer},
        {"session_cache": OwnCache()},
        {"identities": (with_key(unitls.PrivateKey.from_buffer(IDS.server.key_pem, passphrase)),)},
        {
            "identities": (
                with_key(unitls.PrivateKey.from_signer(certificate_fields(IDS.server.chain[0]).spki, signer)),
            )
        },
    ],
)
def test_what_calls_back(values: Any) -> None:
    assert calls_back(unitls.TLSClientConfiguration(**values))


def test_what_does_not() -> None:
    assert not calls_back(unitls.TLSClientConfiguration(trust_store=TRUST, session_cache=unitls.SessionCache()))
    assert not calls_back(unitls.TLSServerConfiguration(identities=(identity(),)))
    assert calls_back(unitls.TLSServerConfiguration(sni_callback=lambda *_: None))
