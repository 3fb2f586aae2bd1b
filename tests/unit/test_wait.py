from __future__ import annotations

import socket
import time

import pytest
from _link import TIMEOUT, socket_pair

from unitls.core import _wait
from unitls.core._wait import is_ready, remaining, wait


def test_what_remains_until_a_deadline() -> None:
    assert remaining(None) is None
    before = time.monotonic()
    left = remaining(before + 1000)
    assert left is not None
    passed = time.monotonic() - before
    assert -1e-6 < 1000 - left <= passed + 1e-6
    for past in (time.monotonic(), time.monotonic() - 1):
        with pytest.raises(TimeoutError):
            remaining(past)


@pytest.mark.parametrize("poll", [True, False])
def test_waiting_for_a_descriptor(poll: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if poll and not _wait._HAS_POLL:
        pytest.skip("this system has no poll()")
    monkeypatch.setattr(_wait, "_HAS_POLL", poll)
    with socket_pair() as (left, right):
        number = left.fileno()
        assert not is_ready(number, write=False, timeout=0)
        assert is_ready(number, write=True, timeout=0)
        wait(number, write=True, deadline=None)
        with pytest.raises(TimeoutError):
            wait(number, write=False, deadline=time.monotonic() + 0.02)
        right.send(b"x")
        assert is_ready(number, write=False, timeout=None)
        wait(number, write=False, deadline=time.monotonic() + TIMEOUT)
        left.recv(1)
        right.shutdown(socket.SHUT_WR)
        assert is_ready(number, write=False, timeout=0)


def test_a_short_wait_is_not_cut_to_nothing() -> None:
    with socket_pair() as (left, _):
        began = time.monotonic()
        assert not is_ready(left.fileno(), write=False, timeout=0.03)
        assert time.monotonic() - began > 0.02


@pytest.mark.parametrize("poll", [True, False])
def test_a_socket_that_another_thread_has_closed(poll: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_wait, "_HAS_POLL", poll and _wait._HAS_POLL)
    with socket_pair() as (left, _):
        left.close()
        with pytest.raises(OSError, match="Bad file descriptor"):
            wait(left.fileno(), write=True, deadline=None)
