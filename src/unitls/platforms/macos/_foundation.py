"""Objects of CoreFoundation: made, read and let go of exactly once."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from ._frameworks import ASCII, INTERNAL, UTF8, Error, address, check, frameworks

_EPOCH: Final = 978307200
"""The first second of 2001, from which CoreFoundation counts (UTC)."""
_TEXT: Final = 4096


class Owned:
    """A reference that is ours, and is released when this object goes. It is passed to functions as it is.

    Args:
        pointer: what a Create or Copy function has returned.

    Raises:
        Error: it is null.
    """

    __slots__ = ("__weakref__", "_as_parameter_", "_release", "pointer")

    def __init__(self, pointer: int | None, text: str = "the object cannot be made") -> None:
        self.pointer = self._as_parameter_ = pointer  # as a parameter the object itself lives as long as the call
        if not pointer:
            raise Error(INTERNAL, text)
        self._release: Callable[[Any], None] = frameworks().foundation.CFRelease

    def __del__(self) -> None:
        if self.pointer:
            self._release(self.pointer)


def copied(call: Callable[[Any], int]) -> Owned | None:
    """What a function gives in its last argument; `None` if it gives nothing.

    Raises:
        Error: it fails.
    """
    place = ctypes.c_void_p()
    code = call(ctypes.byref(place))
    result = Owned(place.value) if place.value else None
    check(code)
    return result


def data(content: bytes) -> Owned:
    """A CFData."""
    return Owned(frameworks().foundation.CFDataCreate(None, content, len(content)))


def content(reference: Any) -> bytes:
    """The bytes of a CFData that somebody else owns."""
    foundation = frameworks().foundation
    return ctypes.string_at(foundation.CFDataGetBytePtr(reference), foundation.CFDataGetLength(reference))


def string(text: bytes, encoding: int = ASCII) -> Owned:
    """A CFString."""
    return Owned(frameworks().foundation.CFStringCreateWithBytes(None, text, len(text), encoding, 0))


def text_of(reference: Any, encoding: int = UTF8) -> bytes:
    """What a CFString holds; empty if it does not fit the encoding."""
    place = ctypes.create_string_buffer(_TEXT)
    done = frameworks().foundation.CFStringGetCString(reference, place, _TEXT, encoding)
    return place.value if done else b""


def array(items: Sequence[Owned]) -> Owned:
    """A CFArray, which keeps its items."""
    foundation = frameworks().foundation
    pointers = (ctypes.c_void_p * len(items))(*(item.pointer for item in items))
    return Owned(foundation.CFArrayCreate(None, pointers, len(items), address(foundation, "kCFTypeArrayCallBacks")))


def elements(reference: Any) -> list[Any]:
    """The items of a CFArray, which it still owns."""
    foundation = frameworks().foundation
    return [
        foundation.CFArrayGetValueAtIndex(reference, index) for index in range(foundation.CFArrayGetCount(reference))
    ]


def dictionary(pairs: Iterable[tuple[Any, Any]]) -> Owned:
    """A CFDictionary of constants."""
    foundation, pairs = frameworks().foundation, list(pairs)
    keys, values = (
        (ctypes.c_void_p * len(pairs))(*(pair[side].value for pair in pairs))  # both kept by the frameworks
        for side in (0, 1)
    )
    callbacks = (
        address(foundation, "kCFTypeDictionaryKeyCallBacks"),
        address(foundation, "kCFTypeDictionaryValueCallBacks"),
    )
    return Owned(foundation.CFDictionaryCreate(None, keys, values, len(pairs), *callbacks))


def date(seconds: float) -> Owned:
    """A CFDate for a moment in seconds since the Unix epoch."""
    return Owned(frameworks().foundation.CFDateCreate(None, seconds - _EPOCH))


def certificate(der: bytes) -> Owned:
    """A SecCertificate.

    Raises:
        Error: it cannot be read.
    """
    return Owned(
        frameworks().security.SecCertificateCreateWithData(None, data(der)),
        "the certificate cannot be read",
    )


def certificates(references: Iterable[Any]) -> list[bytes]:
    """SecCertificates in DER."""
    security = frameworks().security
    return [content(Owned(security.SecCertificateCopyData(item))) for item in references]


def error_of(place: Any) -> tuple[int, str]:
    """Code and text of a CFError, which is released; (0, "") if there is none."""
    if not place.value:
        return 0, ""
    error, foundation = Owned(place.value), frameworks().foundation
    said = foundation.CFErrorCopyDescription(error)
    text = text_of(Owned(said)).decode("utf-8", "replace") if said else ""
    return foundation.CFErrorGetCode(error), text


def message(code: int) -> str:
    """What the system says to an OSStatus; empty if it says nothing."""
    said = frameworks().security.SecCopyErrorMessageString(code, None)
    return text_of(Owned(said)).decode("utf-8", "replace") if said else ""
