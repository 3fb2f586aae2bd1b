"""The messages of a handshake, as wolfSSL hashes them: what a signature is about.

Most messages of TLS 1.3 are encrypted when they pass by, and wolfSSL tells neither them nor their hash. But it lets a device
compute its hashes. The device that stands here computes nothing (so that wolfSSL does), and listens.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from ...api._errors import ConfigurationError
from ...core._foreign import keep_for_thread
from .errors import configuration, make
from .native import ffi, lib

_NUMBER: Final = 0x756E0001
_UNAVAILABLE: Final = -271
"""CRYPTOCB_UNAVAILABLE: do it yourself."""
_HASHING: Final = 1
_SHA256: Final = 6
_HASH_ROOM: Final = 1024
_CLIENT_HELLO: Final = 1
_LEGACY_VERSION: Final = b"\3\3"
_HEADER: Final = 4
_SHORTEST: Final = 41
_MESSAGE_HASH: Final = b"\xfe\0\0"
"""The head of the message that stands for the first ClientHello, once there is a second one (RFC 8446 section 4.4.1)."""
_listening: Final = threading.local()


class Transcript:
    """The messages of one handshake.

    Attributes:
        messages: all messages so far, each with its header.
    """

    __slots__ = ("_hash", "messages")

    def __init__(self) -> None:
        self.messages = bytearray()
        self._hash: int | None = None

    def hear(self, hash_: int, data: bytes) -> None:
        """Take in what goes to one of the library's hashes; the one that a ClientHello goes to first is the transcript's."""
        begins_again = len(data) == _HEADER and data.startswith(_MESSAGE_HASH)  # and then with another hash
        if begins_again or (self._hash is None and _begins_hello(data)):
            self._hash = hash_
            self.messages.clear()
        if hash_ == self._hash:
            self.messages += data

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Listen to what the library hashes in this thread."""
        _listening.transcript = self
        try:
            yield
        finally:
            _listening.transcript = None


def _begins_hello(data: bytes) -> bool:
    """Whether this is a ClientHello, or its greater part: the random generator hashes much that has the same first byte."""
    is_hello = data[:1] == bytes((_CLIENT_HELLO,)) and data[4:6] == _LEGACY_VERSION
    return is_hello and len(data) >= _SHORTEST and int.from_bytes(data[1:4], "big") >= len(data) - _HEADER


def attach(context: Any) -> int:
    """Let the connections of a native context hash through the device, whose number is returned."""
    lib.wolfSSL_CTX_SetDevId(context, _device())
    return _NUMBER


@functools.cache
def _device() -> int:
    result = lib.wc_CryptoCb_RegisterDevice(_NUMBER, hashed, ffi.NULL)
    if result != 0:
        raise configuration("wolfSSL has no room for another device", result)
    if not _hears():
        raise make(ConfigurationError, "this build of wolfSSL does not let its hashes be heard: a key has to be given")
    return _NUMBER


def _hears() -> bool:
    """Whether the structure that is handed to the device is the one that is expected."""
    probe, room = bytes((_CLIENT_HELLO, 0, 0, 60)) + _LEGACY_VERSION + bytes(58), ffi.new("char[]", _HASH_ROOM)
    transcript = Transcript()
    with transcript.listening():
        lib.wc_InitSha256_ex(room, ffi.NULL, _NUMBER)
        lib.wc_Sha256Update(room, probe, len(probe))
    lib.wc_Sha256Free(room)
    return bytes(transcript.messages) == probe


@ffi.callback("CryptoDevCallbackFunc", error=_UNAVAILABLE, onerror=keep_for_thread)  # type: ignore[untyped-decorator]
def hashed(_number: int, info: Any, _context: Any) -> int:
    """Hear what is hashed."""
    transcript: Transcript | None = getattr(_listening, "transcript", None)
    if transcript is not None and info.algorithm == _HASHING and info.kind == _SHA256 and info.data:
        transcript.hear(int(ffi.cast("uintptr_t", info.object)), bytes(ffi.buffer(info.data, info.size)))
    return _UNAVAILABLE
