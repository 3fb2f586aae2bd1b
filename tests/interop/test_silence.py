"""A handshake with a peer that says nothing, or says it very slowly, ends at the timeout."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from _ours import TIMEOUT
from _pki import PKI, SERVER_NAME

import unitls
from unitls import Feature

_LIMIT = 0.3
_FAR_ABOVE = 60.0
"""What no moment of a loaded machine takes, and a wait without the limit does."""
_SLOW_RECORD = b"\x16\x03\x03\x40\x00\x01\x00\x3f\xfc" + bytes(0x4000 - 4)
"""A long record: byte by byte it takes minutes."""


@contextlib.contextmanager
def _peer(*, drips: bool, answers: bool = True) -> Iterator[socket.socket]:
    """Our end of a connection whose other end is silent, or sends a byte now and then, once it has heard something."""
    ours, theirs = socket.socketpair()
    theirs.settimeout(TIMEOUT)
    stop = threading.Event()

    def drip() -> None:
        if answers and not theirs.recv(1):
            return
        for octet in _SLOW_RECORD:
            if stop.wait(_LIMIT / 10):
                return
            with contextlib.suppress(OSError):
                theirs.sendall(bytes([octet]))

    thread = threading.Thread(target=drip)
    with ours, theirs:
        if drips:
            thread.start()
        try:
            yield ours
        finally:
            stop.set()
            ours.close()
            if drips:
                thread.join(TIMEOUT)


@pytest.mark.parametrize("drips", [False, True], ids=["silent", "slow"])
@pytest.mark.needs(Feature.CLIENT, Feature.CUSTOM_TRUST_STORE)
def test_client_socket_timeout(backend: unitls.Backend, pki: PKI, drips: bool) -> None:
    """The socket's timeout is a deadline for the whole handshake."""
    context = backend.client_context(unitls.TLSClientConfiguration(trust_store=pki.trust()))
    with _peer(drips=drips) as raw:
        raw.settimeout(_LIMIT)
        start = time.monotonic()
        with pytest.raises(TimeoutError):
            context.wrap_socket(raw, server_hostname=SERVER_NAME)
        assert _LIMIT * 0.9 < time.monotonic() - start < _FAR_ABOVE


@pytest.mark.parametrize("drips", [False, True], ids=["silent", "slow"])
@pytest.mark.parametrize("timeout", [None, _FAR_ABOVE * 10], ids=["blocking", "timed"])
@pytest.mark.needs(Feature.CLIENT, Feature.CUSTOM_TRUST_STORE, Feature.HANDSHAKE_TIMEOUT)
def test_client_handshake_timeout(backend: unitls.Backend, pki: PKI, drips: bool, timeout: float | None) -> None:
    """The context's limit holds whatever the socket's timeout is."""
    configuration = unitls.TLSClientConfiguration(trust_store=pki.trust(), handshake_timeout=_LIMIT)
    with _peer(drips=drips) as raw:
        raw.settimeout(timeout)
        start = time.monotonic()
        with pytest.raises(TimeoutError):
            backend.client_context(configuration).wrap_socket(raw, server_hostname=SERVER_NAME)
        assert _LIMIT * 0.9 < time.monotonic() - start < _FAR_ABOVE


@pytest.mark.parametrize("drips", [False, True], ids=["silent", "slow"])
@pytest.mark.parametrize("by_context", [False, True], ids=["socket", "context"])
@pytest.mark.needs(Feature.SERVER, Feature.HANDSHAKE_TIMEOUT)
def test_server(backend: unitls.Backend, pki: PKI, drips: bool, by_context: bool) -> None:
    """A server that reads first runs into the same limits."""
    configuration = unitls.TLSServerConfiguration(
        identities=(pki.identity("server"),), handshake_timeout=_LIMIT if by_context else None
    )
    with _peer(drips=drips, answers=False) as raw, backend.server_context(configuration).wrap_socket(raw) as connection:
        connection.settimeout(None if by_context else _LIMIT)
        start = time.monotonic()
        with pytest.raises(TimeoutError):
            connection.recv(1)
        assert _LIMIT * 0.9 < time.monotonic() - start < _FAR_ABOVE


@pytest.mark.needs(Feature.CLIENT, Feature.CUSTOM_TRUST_STORE)
def test_non_blocking(backend: unitls.Backend, pki: PKI) -> None:
    """A socket that does not block never waits: it says what it wants."""
    context = backend.client_context(unitls.TLSClientConfiguration(trust_store=pki.trust()))
    with _peer(drips=False) as raw:
        raw.setblocking(False)
        with context.wrap_socket(raw, server_hostname=SERVER_NAME) as connection:
            for _ in range(3):
                with pytest.raises(unitls.WantReadError):
                    connection.do_handshake()
