"""What a connection of NSS's tells of itself."""

from __future__ import annotations

from typing import Any, Final

from ...api._errors import ConfigurationError, UnsupportedFeature
from ...api._features import Feature
from ...api._versions import TLSVersion
from ...core._provider import Engine
from . import native
from .errors import make
from .native import SUCCESS, ffi, ssl

_CHANNEL_INFO: Final = ffi.sizeof("SSLChannelInfo")
_NEGOTIATED: Final = (1, 3)
"""SSL_NEXT_PROTO_NEGOTIATED and SSL_NEXT_PROTO_SELECTED; the other states mean that nothing was agreed on."""
_LARGEST_GROUP: Final = 0xFFFF
"""Behind it stand NSS's own numbers, for a server's own Diffie-Hellman group."""
_EXTERNAL: Final = 2
"""ssl_psk_external"""
_NO_EXPORT: Final = (
    "up to TLS 1.2 NSS exports keying material with suites of SHA-256 only, and none for an empty context; so it has no "
    "tls-exporter there"
)


class Information(Engine):
    """A part of the engine."""

    __slots__ = ("_done", "_info", "_socket")

    _socket: Any
    _info: Any
    _done: bool

    def _channel(self) -> Any:
        info = self._info
        if info is None:
            info = ffi.new("SSLChannelInfo *")
            native.checked(ssl.SSL_GetChannelInfo(self._socket, info, _CHANNEL_INFO))
            if self._done:
                self._info = info
        return info

    def version(self) -> int | None:
        return self._channel().protocolVersion or None

    def cipher(self) -> int | None:
        return self._channel().cipherSuite or None

    def group(self) -> int | None:
        group: int = self._channel().keaGroup
        return group if 0 < group <= _LARGEST_GROUP else None

    def resumed(self) -> bool | None:
        return bool(self._channel().resumed)

    def used_external_psk(self) -> bool:
        return bool(self._channel().pskType == _EXTERNAL)

    def protocol(self) -> bytes | None:
        state, size, name = ffi.new("int *"), ffi.new("unsigned int *"), ffi.new("unsigned char[255]")
        native.checked(ssl.SSL_GetNextProto(self._socket, state, name, size, 255))
        return ffi.buffer(name, size[0])[:] if state[0] in _NEGOTIATED and size[0] else None

    def export(self, label: bytes, length: int, context: bytes | None) -> bytes:
        is_old = self.version() != TLSVersion.TLSv1_3
        if context == b"" and is_old:
            raise make(UnsupportedFeature, _NO_EXPORT, feature=Feature.EXPORTER)
        material, given = ffi.new("unsigned char[]", length), context or b""
        result = ssl.SSL_ExportKeyingMaterial(
            self._socket, label, len(label), bool(given), given, len(given), material, length
        )
        if result == SUCCESS:
            return ffi.buffer(material, length)[:]  # type: ignore[no-any-return]
        error = native.last_error()
        if is_old and error.name == "SEC_ERROR_LIBRARY_FAILURE":
            raise make(UnsupportedFeature, _NO_EXPORT, feature=Feature.EXPORTER)
        text = f"there is no keying material for such a label, context or length: {error}"
        raise make(ConfigurationError, text, native_code=error.code)
