"""Clients that no server should stumble over. Each takes an address, does its worst, and is gone when it returns."""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Callable
from typing import Any

from _ours import TIMEOUT
from _pki import SERVER_NAME

import unitls

BadClient = Callable[[tuple[str, int]], None]
_RECORD_OVER_THE_LIMIT = b"\x16\x03\x01\xff\xff" + bytes(65535)


def sends(data: bytes) -> BadClient:
    """One that sends `data`, and waits for the server to end the connection."""

    def attack(address: tuple[str, int]) -> None:
        with socket.create_connection(address, TIMEOUT) as raw, contextlib.suppress(ConnectionError):
            raw.sendall(data)
            with contextlib.suppress(OSError):  # the server may have reset the connection already
                raw.shutdown(socket.SHUT_WR)
            while raw.recv(4096):
                pass

    return attack


def stays_open_after(data: bytes) -> BadClient:
    """One that sends `data` and waits, without ending its own half."""

    def attack(address: tuple[str, int]) -> None:
        with socket.create_connection(address, TIMEOUT) as raw, contextlib.suppress(ConnectionError):
            raw.sendall(data)
            while raw.recv(4096):
                pass

    return attack


BAD_CLIENTS: dict[str, BadClient] = {
    "nothing": sends(b""),
    "garbage": sends(bytes(range(255, -1, -1)) * 8),
    "zeros": sends(bytes(3000)),
    "plain_http": sends(b"GET / HTTP/1.1\r\nHost: server.test\r\n\r\n"),
    "plain_http_waiting": stays_open_after(b"GET / HTTP/1.1\r\nHost: server.test\r\n\r\n"),
    "ssh": stays_open_after(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "record_over_the_limit": sends(_RECORD_OVER_THE_LIMIT),
    "application_data_first": stays_open_after(b"\x17\x03\x03\x00\x05hello"),
    "alert_first": sends(b"\x15\x03\x03\x00\x02\x02\x28"),
    "sslv2": sends(b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10" + bytes(37)),
}


def cut(context: unitls.ClientContext, address: tuple[str, int], size: int, *, reset: bool) -> bool:
    """Begin a handshake, and end the transport once `size` bytes have been sent, with a RST or with a FIN.

    Returns:
        Whether the handshake was done before it came to that.
    """
    backend = context.backend
    incoming, outgoing = backend.memory_buffer(), backend.memory_buffer()
    client = context.wrap_buffers(incoming, outgoing, SERVER_NAME)
    with socket.create_connection(address, TIMEOUT) as raw, contextlib.suppress(ConnectionError):
        if reset:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        while True:
            done = _handshake_step(client)
            wire = outgoing.read()
            raw.sendall(wire[:size])
            size -= len(wire)
            if size <= 0 or done:
                return size > 0
            incoming.write(raw.recv(65536))
    return False


def _handshake_step(client: Any) -> bool:
    try:
        client.do_handshake()
    except unitls.WantReadError:
        return False
    return True
