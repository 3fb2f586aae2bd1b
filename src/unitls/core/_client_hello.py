"""The ClientHello, read from the incoming bytes before any TLS library sees them (RFC 8446 section 4.1.2).

A server chooses certificate, context and ALPN by what stands in it, and no two libraries show it at the same moment, if
at all. The reader keeps every byte it is given, so that the library afterwards gets the same stream from its start.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import Final

_HANDSHAKE: Final = 22
_CLIENT_HELLO: Final = 1
_RECORD_HEADER: Final = 5
_MESSAGE_HEADER: Final = 4
_MAX_PLAINTEXT: Final = 1 << 14
LIMIT: Final = 1 << 16
"""How long the message may be, without its header."""

UNEXPECTED_MESSAGE: Final = 10
RECORD_OVERFLOW: Final = 22
ILLEGAL_PARAMETER: Final = 47
DECODE_ERROR: Final = 50
PROTOCOL_VERSION: Final = 70

_SERVER_NAME: Final = 0
_SUPPORTED_GROUPS: Final = 10
_SIGNATURE_ALGORITHMS: Final = 13
_ALPN: Final = 16
_PRE_SHARED_KEY: Final = 41
_EARLY_DATA: Final = 42
_SUPPORTED_VERSIONS: Final = 43

_EXTENSION_HEADER: Final = struct.Struct(">HH")
_BEGINNING: Final = struct.Struct(">BBxHBBH")
"""The header of the record, and that of the message, whose length is one of three bytes."""
_VISIBLE: Final = re.compile(rb"[\x21-\x7e]{1,255}")
RETRY: Final = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
"""The random value of a ServerHello that is a HelloRetryRequest (RFC 8446 section 4.1.3)."""
_TLS_1_0: Final = 0x0301
_TLS_1_2: Final = 0x0303
_TLS_1_3: Final = 0x0304
FALLBACK: Final = b"\x56\x00"
"""TLSFALLBACK_SCSV, as it stands among the cipher suites."""

# What other protocols begin with; five bytes, a record header's length, have to do.
_HTTP: Final = (b"GET ", b"POST ", b"HEAD ", b"PUT /", b"DELET", b"OPTIO", b"PATCH", b"TRACE", b"CONNE", b"PRI *")
_SSL2_VERSIONS: Final = (b"\0\2", b"\3\0", b"\3\1", b"\3\2", b"\3\3")
_OTHER_PROTOCOLS: Final = (
    (_HTTP, "plaintext HTTP"),
    ((b"SSH-",), "SSH"),
    ((b"PROXY", b"\r\n\r\n\0"), "a PROXY protocol header"),
    ((b"EHLO ", b"HELO "), "plaintext SMTP"),
)


class HelloError(Exception):
    """What came is not a ClientHello as TLS wants it.

    Args:
        alert: the number of the alert to send (RFC 8446 section 6).
        text: what is wrong, in a sentence without anything the peer sent.
    """

    def __init__(self, alert: int, text: str) -> None:
        super().__init__(text)
        self.alert = alert
        self.text = text


@dataclass(frozen=True, slots=True)
class ClientHello:
    """What a client offers. Unknown and reserved (GREASE) values stand in the lists as they came.

    Attributes:
        legacy_version: the field of that name, 0x0303 with every client since TLS 1.2.
        random: 32 bytes.
        versions: from ``supported_versions``, in the client's order; without that extension TLS 1.0 up to
            `legacy_version`, at most TLS 1.2 (RFC 8446 section 4.2.1), the highest first.
        cipher_suites: in the client's order, signalling values included.
        server_name: the ``host_name`` of SNI (RFC 6066 section 3): visible ASCII, 1 to 255 bytes, in any case.
        alpn: the protocol names (RFC 7301), in the client's order.
        groups: from ``supported_groups``.
        signature_algorithms: from ``signature_algorithms``; empty where the extension is missing.
        early_data: whether the client sends 0-RTT data.
        pre_shared_key: whether the client offers to resume, or an external key.
    """

    legacy_version: int
    random: bytes
    versions: tuple[int, ...]
    cipher_suites: tuple[int, ...]
    server_name: bytes | None = None
    alpn: tuple[bytes, ...] = ()
    groups: tuple[int, ...] = ()
    signature_algorithms: tuple[int, ...] = ()
    early_data: bool = False
    pre_shared_key: bool = False


class ClientHelloReader:
    """Puts the ClientHello together from records and pieces of any size, in linear time.

    Args:
        limit: how long the message may be, without its header.

    Attributes:
        received: every byte that was fed, also what stands behind the hello.
    """

    __slots__ = ("_body", "_fault", "_hello", "_limit", "_message", "_needed", "_record", "received")

    def __init__(self, limit: int = LIMIT) -> None:
        self.received = bytearray()
        self._limit = limit
        self._message = bytearray()
        self._record = 0  # where the next record begins
        self._needed = _RECORD_HEADER  # as long as less than this has been received, there is nothing to do
        self._body: bytes | None = None
        self._hello: ClientHello | None = None
        self._fault: tuple[int, str] | None = None  # not the exception, whose traceback would keep all this alive

    def feed(self, data: bytes | bytearray | memoryview) -> ClientHello | None:
        """Take what came from the network.

        Args:
            data: the next bytes, as many as there are.

        Returns:
            The hello, once it is complete, and at every further call; None before.

        Raises:
            HelloError: no ClientHello can come of it any more; so at every further call.
        """
        body = self.feed_message(data)
        if body is not None and self._hello is None:
            try:
                self._hello = parse_client_hello(body)
            except HelloError as error:
                self._fault = error.alert, error.text
                raise
        return self._hello

    def feed_message(self, data: bytes | bytearray | memoryview) -> bytes | None:
        """As `feed`, but gives the message as it is, without its header, for who may not need what stands in it."""
        self.received += data
        if self._fault is not None:
            raise HelloError(*self._fault)
        if self._body is None and len(self.received) >= self._needed:
            try:
                self._body = self._advance()
            except HelloError as error:
                self._fault = error.alert, error.text
                raise
        return self._body

    def _advance(self) -> bytes | None:
        """Take in the records that are complete. Leaves `_needed` where the next turn can do something."""
        received = self.received
        while len(received) >= self._needed:
            start = self._record + _RECORD_HEADER
            stop = start + _record_length(bytes(received[self._record : start]), first=self._record == 0)
            self._needed = stop
            if len(received) < stop:
                break
            self._message += received[start:stop]
            self._record, self._needed = stop, stop + _RECORD_HEADER
            if (length := self._message_length()) is not None and len(self._message) >= _MESSAGE_HEADER + length:
                return bytes(self._message[_MESSAGE_HEADER : _MESSAGE_HEADER + length])
        return None

    def _message_length(self) -> int | None:
        if self._message[0] != _CLIENT_HELLO:
            raise HelloError(UNEXPECTED_MESSAGE, "the first handshake message is not a ClientHello")
        if len(self._message) < _MESSAGE_HEADER:
            return None
        length = int.from_bytes(self._message[1:_MESSAGE_HEADER], "big")
        if length > self._limit:
            raise HelloError(ILLEGAL_PARAMETER, f"the ClientHello is longer than {self._limit} bytes")
        return length


def whole_hello(received: bytes) -> bytes | None:
    """The message without its header, in the usual case: one record, which holds it and nothing else, is all there is."""
    length = len(received) - _RECORD_HEADER
    if not _MESSAGE_HEADER < length <= _MAX_PLAINTEXT:
        return None
    if _BEGINNING.unpack_from(received) != (_HANDSHAKE, 3, length, _CLIENT_HELLO, 0, length - _MESSAGE_HEADER):
        return None
    return received[_RECORD_HEADER + _MESSAGE_HEADER :]


def _record_length(header: bytes, *, first: bool) -> int:
    """The length in a record header, once it is certain that it is one (RFC 8446 section 5.1)."""
    if header[0] != _HANDSHAKE:
        raise HelloError(*_not_handshake(header, first))
    if header[1] != 3:
        raise HelloError(PROTOCOL_VERSION, "the record is of no version of TLS")
    length = int.from_bytes(header[3:], "big")
    if length > _MAX_PLAINTEXT:
        raise HelloError(RECORD_OVERFLOW, "the record is longer than 2^14 bytes")
    if length == 0:
        raise HelloError(UNEXPECTED_MESSAGE, "the handshake record is empty")
    return length


def _not_handshake(header: bytes, first: bool) -> tuple[int, str]:
    if first:
        for beginnings, protocol in _OTHER_PROTOCOLS:
            if header.startswith(beginnings):
                return UNEXPECTED_MESSAGE, f"this is {protocol}, not TLS"
        if header[0] & 0x80 and header[2] == _CLIENT_HELLO and header[3:] in _SSL2_VERSIONS:
            return PROTOCOL_VERSION, "this is an SSL 2.0 hello, which is not supported (RFC 6176)"
        if all(0x20 <= octet <= 0x7E or octet in b"\t\r\n" for octet in header):
            return UNEXPECTED_MESSAGE, "this is plain text, not TLS"
    if header[0] in (20, 21, 23, 24) and header[1] == 3:
        return UNEXPECTED_MESSAGE, f"a record of type {header[0]} came where the ClientHello belongs"
    return UNEXPECTED_MESSAGE, "this is not TLS"


class _Fields:
    """Reads the presentation language of TLS (RFC 8446 section 3) from one vector. Short data is a decode_error."""

    __slots__ = ("_data", "_position")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    def __bool__(self) -> bool:
        return self._position < len(self._data)

    def take(self, size: int) -> bytes:
        start = self._position
        self._position += size
        if self._position > len(self._data):
            raise _decode_error()
        return self._data[start : self._position]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def vector(self, size_of_length: int, minimum: int = 0) -> bytes:
        length = self.number(size_of_length)
        if length < minimum:
            raise _decode_error()
        return self.take(length)

    def finish(self) -> None:
        if self:
            raise _decode_error()


def parse_client_hello(body: bytes) -> ClientHello:
    """Read the message.

    Args:
        body: the handshake message without its header.

    Returns:
        What stands in it.

    Raises:
        HelloError: it is malformed, or holds what TLS forbids.
    """
    fields = _Fields(body)
    legacy_version = fields.number(2)
    random = fields.take(32)
    if len(fields.vector(1)) > 32:
        raise _decode_error()
    suites = _numbers(fields.vector(2))
    fields.vector(1, minimum=1)  # the compression methods
    extensions = _extensions(fields.vector(2)) if fields else {}
    fields.finish()
    return ClientHello(
        legacy_version=legacy_version,
        random=random,
        versions=_versions(extensions.get(_SUPPORTED_VERSIONS), legacy_version),
        cipher_suites=suites,
        server_name=_server_name(extensions.get(_SERVER_NAME)),
        alpn=_alpn(extensions.get(_ALPN)),
        groups=_listed_numbers(extensions.get(_SUPPORTED_GROUPS), 2),
        signature_algorithms=_listed_numbers(extensions.get(_SIGNATURE_ALGORITHMS), 2),
        early_data=_early_data(extensions.get(_EARLY_DATA)),
        pre_shared_key=_PRE_SHARED_KEY in extensions,
    )


def fallback_version(body: bytes) -> int | None:
    """The highest version in a hello with which the client has come back after a failure with a higher one (RFC 7507).

    Args:
        body: the handshake message without its header.

    Returns:
        The version, 0 if it is of none that is known; `None` if the client does not say such a thing, as nearly always.

    Raises:
        HelloError: the hello is malformed.
    """
    if FALLBACK not in body:
        return None
    fields = _Fields(body)
    fields.take(34)
    fields.vector(1)
    if int.from_bytes(FALLBACK, "big") not in _numbers(fields.vector(2)):
        return None
    return max((version for version in parse_client_hello(body).versions if version <= _TLS_1_3), default=0)


def _decode_error() -> HelloError:
    return HelloError(DECODE_ERROR, "the ClientHello cannot be decoded: a length in it is wrong")


def _extensions(block: bytes) -> dict[int, bytes]:
    """The extensions by number. Unrolled, since every server connection comes this way and has a dozen of them."""
    found: dict[int, bytes] = {}
    at, end = 0, len(block)
    while at < end:
        if _PRE_SHARED_KEY in found:
            raise HelloError(ILLEGAL_PARAMETER, "pre_shared_key is not the last extension (RFC 8446 section 4.2.11)")
        if at + 4 > end:
            raise _decode_error()
        number, length = _EXTENSION_HEADER.unpack_from(block, at)
        if number in found:
            raise HelloError(ILLEGAL_PARAMETER, f"the extension {number} stands there twice (RFC 8446 section 4.2)")
        at += 4
        found[number] = block[at : at + length]
        at += length
    if at > end:
        raise _decode_error()
    return found


def _numbers(vector: bytes) -> tuple[int, ...]:
    if not vector or len(vector) % 2:
        raise _decode_error()
    return struct.unpack(f">{len(vector) // 2}H", vector)


def _listed_numbers(extension: bytes | None, size_of_length: int) -> tuple[int, ...]:
    return () if extension is None else _numbers(_only_vector(extension, size_of_length))


def _only_vector(extension: bytes, size_of_length: int) -> bytes:
    fields = _Fields(extension)
    vector = fields.vector(size_of_length, minimum=1)
    fields.finish()
    return vector


def _versions(extension: bytes | None, legacy_version: int) -> tuple[int, ...]:
    if extension is not None:
        return _listed_numbers(extension, 1)
    highest = min(legacy_version, _TLS_1_2)
    return tuple(range(highest, _TLS_1_0 - 1, -1)) or (legacy_version,)


def _server_name(extension: bytes | None) -> bytes | None:
    """The one ``host_name``; names of other types, of which none has been defined, are passed over."""
    if extension is None:
        return None
    name: bytes | None = None
    fields = _Fields(_only_vector(extension, 2))
    while fields:
        is_host_name = fields.number(1) == 0
        value = fields.vector(2, minimum=1)
        if is_host_name and name is not None:
            raise HelloError(ILLEGAL_PARAMETER, "server_name holds two host names (RFC 6066 section 3)")
        if is_host_name:
            name = _checked_name(value)
    return name


def _checked_name(name: bytes) -> bytes:
    if not _VISIBLE.fullmatch(name):
        raise HelloError(ILLEGAL_PARAMETER, "server_name is longer than 255 bytes, or not visible ASCII throughout")
    return name


def _alpn(extension: bytes | None) -> tuple[bytes, ...]:
    if extension is None:
        return ()
    names: list[bytes] = []
    fields = _Fields(_only_vector(extension, 2))
    while fields:
        names.append(fields.vector(1, minimum=1))
    return tuple(names)


def _early_data(extension: bytes | None) -> bool:
    if extension:
        raise _decode_error()  # in a ClientHello it is empty (RFC 8446 section 4.2.10)
    return extension is not None
