"""Cases on TLS in TLS over buffers."""

from __future__ import annotations

import os
from typing import Any

from ..api._errors import WantReadError
from ..core._memory_buffer import MemoryBuffer
from ._case import ONCE, case
from ._ends import BufferEnd
from ._expect import equal, require
from ._kit import HOST, Kit
from ._pair import Pair


def _tunnel(outer: Pair, inner: Pair) -> bool:
    """Carry what the inner ends have written through the outer connection; False if there was nothing."""
    moved = False
    for near, end in ((outer.client, inner.client), (outer.server, inner.server)):
        far, other = outer.other(near), inner.other(end)
        assert isinstance(end, BufferEnd)
        assert isinstance(other, BufferEnd)
        data = end.outgoing.read()
        if data:
            arrived = outer.transfer(near, data)
            require(arrived == data and far is not near, "the outer connection carries the inner one")
            other.incoming.write(arrived)
            moved = True
    return moved


def _until(outer: Pair, inner: Pair, *calls: Any) -> None:
    left = list(calls)
    while left:
        for call in list(left):
            try:
                call()
            except WantReadError:
                continue
            left.remove(call)
        require(_tunnel(outer, inner) or not left, "the inner connection got stuck")


@case("tls-in-tls", drives=ONCE)
def tls_in_tls_buffers(kit: Kit) -> None:
    """A connection over buffers travels inside another."""
    client, server = kit.client(), kit.server()
    outer = kit.connected(client, server)
    inner = Pair(
        BufferEnd(MemoryBuffer, lambda source, sink: client.wrap_buffers(source, sink, HOST)),
        BufferEnd(MemoryBuffer, server.wrap_buffers),
    )
    _until(outer, inner, inner.client.tls.do_handshake, inner.server.tls.do_handshake)
    data = os.urandom(50_000)
    inner.client.write(data)
    got = bytearray()

    def read() -> None:
        while len(got) < len(data):
            got.extend(inner.server.read())

    _until(outer, inner, read)
    equal(bytes(got), data, "what arrived through both layers")
