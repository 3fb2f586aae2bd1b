"""As much of HTTP as the tests need: echoing a request's body, in HTTP/1.1 and in HTTP/2, and asking for a page."""

from __future__ import annotations

import contextlib
import socket
import struct
from dataclasses import dataclass
from typing import Any

from unitls import NextProtocol, TLSWrappedSocket

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _SETTINGS, _PING, _WINDOW_UPDATE = 0, 1, 4, 6, 8
_ACK = _END_STREAM = 1
_END_HEADERS = 4
_FRAME_LIMIT = 16384
# Of HPACK's static table (RFC 7541 appendix A): the fields below with their values, or with a literal behind them.
_METHOD_GET, _SCHEME_HTTPS, _STATUS_200 = b"\x82", b"\x87", b"\x88"
_PATH, _AUTHORITY = b"\x04", b"\x01"


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame (RFC 9113 section 4.1)."""

    kind: int
    flags: int
    stream: int
    payload: bytes

    def encode(self) -> bytes:
        """The frame as on the wire."""
        head = struct.pack(">I", len(self.payload))[1:] + bytes([self.kind, self.flags])
        return head + struct.pack(">I", self.stream) + self.payload


def read_frame(stream: Any) -> Frame:
    """The next frame; an `AssertionError` at the end of the stream."""
    head = stream.read(9)
    assert len(head) == 9, "the connection ended between frames"
    size, kind, flags, number = struct.unpack(">IBBI", b"\0" + head)
    payload = stream.read(size)
    assert len(payload) == size
    return Frame(kind, flags, number & 0x7FFFFFFF, payload)


def echo_http(connection: TLSWrappedSocket) -> None:
    """Answer one request with its own body, in the version of HTTP that was negotiated."""
    with connection.makefile("rwb") as stream:
        if connection.negotiated_protocol() is NextProtocol.H2:
            _echo_http2(stream)
        else:
            _echo_http1(stream)
    _linger(connection)


def _linger(connection: TLSWrappedSocket) -> None:
    """Read what the client still sends: to close over it would reset the connection, and lose the answer (RFC 9112 9.6)."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(_FRAME_LIMIT):
            pass


def _echo_http1(stream: Any) -> None:
    assert stream.readline().startswith((b"POST / HTTP/1.1", b"GET / HTTP/1.1"))
    size = 0
    while (line := stream.readline()) not in (b"\r\n", b""):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            size = int(value)
    body = stream.read(size)
    stream.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)
    stream.flush()


def _echo_http2(stream: Any) -> None:
    assert stream.read(len(_PREFACE)) == _PREFACE
    stream.write(Frame(_SETTINGS, 0, 0, b"").encode())
    stream.flush()
    body, number = b"", 0
    while True:
        frame = read_frame(stream)
        if frame.kind == _SETTINGS and not frame.flags & _ACK:
            stream.write(Frame(_SETTINGS, _ACK, 0, b"").encode())
        elif frame.kind in (_HEADERS, _DATA):
            number = frame.stream
            body += frame.payload if frame.kind == _DATA else b""
            if frame.flags & _END_STREAM:
                break
    stream.write(Frame(_HEADERS, _END_HEADERS, number, _STATUS_200).encode())
    pieces = [body[start : start + _FRAME_LIMIT] for start in range(0, len(body), _FRAME_LIMIT)] or [b""]
    for piece in pieces:
        stream.write(Frame(_DATA, _END_STREAM if piece is pieces[-1] else 0, number, piece).encode())
    stream.flush()


def get(connection: TLSWrappedSocket, host: str, path: str) -> tuple[int, bytes]:
    """Ask for a page in the version of HTTP that was negotiated; its status (200 or what it is) and its body."""
    with connection.makefile("rwb") as stream:
        if connection.negotiated_protocol() is NextProtocol.H2:
            return _get_http2(stream, host, path)
        return _get_http1(stream, host, path)


def _get_http1(stream: Any, host: str, path: str) -> tuple[int, bytes]:
    stream.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    stream.flush()
    head, _, body = stream.read().partition(b"\r\n\r\n")
    return int(head.split(None, 2)[1]), body


def _get_http2(stream: Any, host: str, path: str) -> tuple[int, bytes]:
    fields = _METHOD_GET + _SCHEME_HTTPS + _literal(_PATH, path) + _literal(_AUTHORITY, host)
    request = Frame(_HEADERS, _END_HEADERS | _END_STREAM, 1, fields)
    stream.write(_PREFACE + Frame(_SETTINGS, 0, 0, b"").encode() + request.encode())
    stream.flush()
    status, body = 0, b""
    while True:
        frame = read_frame(stream)
        if frame.kind == _HEADERS:
            status = 200 if frame.payload.startswith(_STATUS_200) else -1
        elif frame.kind == _DATA:
            body += frame.payload
            if frame.payload:  # opens the stream's window and the connection's again
                more = struct.pack(">I", len(frame.payload))
                stream.write(Frame(_WINDOW_UPDATE, 0, 0, more).encode() + Frame(_WINDOW_UPDATE, 0, 1, more).encode())
                stream.flush()
        if frame.stream == 1 and frame.flags & _END_STREAM and frame.kind in (_HEADERS, _DATA):
            return status, body


def _literal(name: bytes, value: str) -> bytes:
    """A field that is not indexed, with a name of the static table (RFC 7541 section 6.2.2); up to 126 bytes."""
    assert len(value) < 127
    return name + bytes([len(value)]) + value.encode()
