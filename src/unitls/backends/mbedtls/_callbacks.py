"""The library's callbacks: one of each kind for all connections, which are told apart by their number."""

from __future__ import annotations

import os
import re
import threading
from typing import Any, Final

from ...core._foreign import (
    Transport,
    guarded,
    incoming_buffers,
    keep_for_thread,
    keeping,
    outgoing_buffers,
    transports,
)
from ._observer import Observer
from ._reframing import Reframer
from .native import ENTROPY_FAILED, FATAL_ALERT_MESSAGE, NULL, WANT_READ, X509_FATAL_ERROR, ffi

_INTERNAL: Final = -0x6C00
_TLS_1_3: Final = 0x0304
_ALERT: Final = re.compile(rb"is a fatal alert message \(msg (\d+)\)")
_EXTENSIONS_UNREADABLE: Final = -0x2500
_NAME_CONSTRAINTS: Final = b"\x55\x1d\x1e"

of_this_thread: Final = threading.local()
"""``alert``: the last fatal alert that came in. ``engine``: whose handshake is under way."""


class Wire(Transport):
    """The buffers of a connection.

    Attributes:
        observer: who looks on while the handshake lasts.
        own_side: which of the observer's directions is ours.
        reframer: who puts the peer's messages together while they are not encrypted.
        is_muted: whether what the library still writes is thrown away: the last word has been said.
        last_sent: where the library's outgoing record was, when it last sent one.
    """

    __slots__ = ("is_muted", "last_sent", "observer", "own_side", "reframer")

    def __init__(self, incoming: Any, outgoing: Any, owner: Any, own_side: int) -> None:
        super().__init__(incoming, outgoing, owner)
        self.observer: Observer | None = Observer()
        self.reframer: Reframer | None = Reframer(incoming, self.observer, 1 - own_side)
        self.own_side = own_side
        self.is_muted = False
        self.last_sent: Any = NULL


_keep: Final = keeping(number=int)


@ffi.callback("receive_t", error=_INTERNAL, onerror=_keep)  # type: ignore[untyped-decorator]
def receive(number: int, buffer: Any, size: int) -> int:
    """Give the library ciphertext from the peer while the handshake lasts."""
    wire: Any = transports[number]()
    reframer = wire.reframer
    if reframer is None:
        return _moved(wire.incoming.take(size), buffer)
    data = reframer.take(size)
    if reframer.alert is not None and wire.observer is not None and wire.observer.version == _TLS_1_3:
        # A client that has no keys yet says it in the clear, which the library takes for a damaged record.
        of_this_thread.alert = reframer.alert
        return FATAL_ALERT_MESSAGE
    if not reframer.is_open and reframer.is_done:
        wire.reframer = None
    return _moved(data, buffer)


@ffi.callback("send_t", error=_INTERNAL, onerror=_keep)  # type: ignore[untyped-decorator]
def send(number: int, data: Any, size: int) -> int:
    """Take the library's ciphertext for the peer while the handshake lasts."""
    wire: Any = transports[number]()
    if wire.is_muted:
        return size
    taken = ffi.buffer(data, size)[:]
    wire.outgoing.write(taken)
    if wire.observer is not None:
        wire.observer.feed(wire.own_side, taken)
        wire.last_sent = data
    return size


@ffi.callback("receive_t", error=_INTERNAL, onerror=_keep)  # type: ignore[untyped-decorator]
def receive_data(number: int, buffer: Any, size: int) -> int:
    """Give the library ciphertext from the peer once the handshake is done."""
    return _moved(incoming_buffers[number].take(size), buffer)


@ffi.callback("send_t", error=_INTERNAL, onerror=_keep)  # type: ignore[untyped-decorator]
def send_data(number: int, data: Any, size: int) -> int:
    """Take the library's ciphertext for the peer once the handshake is done."""
    return outgoing_buffers[number].write(ffi.buffer(data, size)[:])  # type: ignore[no-any-return]


def _moved(data: bytes | memoryview, buffer: Any) -> int:
    """Hand over what has come in."""
    if not data:
        return WANT_READ  # at the peer's end too: core knows what that means
    taken = len(data)
    ffi.memmove(buffer, data, taken)
    return taken


@ffi.callback("rng_t", error=ENTROPY_FAILED, onerror=keep_for_thread)  # type: ignore[untyped-decorator]
def random_bytes(_unused: int, output: Any, size: int) -> int:
    """Random bytes of the operating system.

    So there is no generator to share between threads, which not every build protects, or to seed anew after a fork.
    """
    ffi.memmove(output, os.urandom(size), size)
    return 0


@ffi.callback("verify_t", error=X509_FATAL_ERROR, onerror=_keep)  # type: ignore[untyped-decorator]
@guarded(X509_FATAL_ERROR)
def verify(wire: Wire, certificate: Any, depth: int, flags: Any) -> int:
    """Take part in the verification of the peer: called for each certificate of the path, the leaf last."""
    return wire.owner.verify_step(certificate, depth, flags)  # type: ignore[no-any-return]


@ffi.callback("debug_t", onerror=keep_for_thread)  # type: ignore[untyped-decorator]
def note_alert(_unused: int, level: int, file: Any, line: int, text: Any) -> None:
    """Note which alert came in: the library says so in its messages for developers, and nowhere else."""
    found = _ALERT.search(ffi.string(text))
    if found:
        of_this_thread.alert = int(found[1])


@ffi.callback("export_2_t", error=_INTERNAL, onerror=keep_for_thread)  # type: ignore[untyped-decorator]
def export_2(
    _unused: int, master: Any, block: Any, mac: int, key: int, iv: int, client: Any, server: Any, prf: int
) -> int:
    """Take the master secret (2.28, where the callback is the configuration's, and does not say which connection)."""
    engine = getattr(of_this_thread, "engine", None)
    if engine is not None:
        randoms = bytes(ffi.buffer(client, 32)), bytes(ffi.buffer(server, 32))
        engine.take_secret(0, bytes(ffi.buffer(master, 48)), randoms, prf)
    return 0


@ffi.callback("export_3_t", onerror=_keep)  # type: ignore[untyped-decorator]
@guarded(None)
def export_3(wire: Wire, kind: int, secret: Any, size: int, client: Any, server: Any, prf: int) -> None:
    """Take a secret (3.6)."""
    randoms = bytes(ffi.buffer(client, 32)), bytes(ffi.buffer(server, 32))
    wire.owner.take_secret(kind, bytes(ffi.buffer(secret, size)), randoms, prf)


@ffi.callback("extension_t", error=_EXTENSIONS_UNREADABLE, onerror=keep_for_thread)  # type: ignore[untyped-decorator]
def constrained(context: Any, certificate: Any, oid: Any, critical: int, begin: Any, end: Any) -> int:
    """Accept name constraints in an anchor, which are then checked here; no other unknown critical extension."""
    known = bytes(ffi.buffer(oid.p, oid.len)) == _NAME_CONSTRAINTS
    return 0 if known or not critical else _EXTENSIONS_UNREADABLE


@ffi.callback("extension_t", error=_EXTENSIONS_UNREADABLE, onerror=keep_for_thread)  # type: ignore[untyped-decorator]
def anything(context: Any, certificate: Any, oid: Any, critical: int, begin: Any, end: Any) -> int:
    """Accept whatever stands in a certificate of our own: it is for the peer to judge."""
    return 0
