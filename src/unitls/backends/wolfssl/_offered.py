"""What a peer signs with, and what it exchanges keys on, held against what it was offered.

wolfSSL takes whatever it knows: a signature with SHA-1, a curve or a scheme that the configuration leaves out. Up to TLS 1.2
all that stands in the clear, and is looked at in front of wolfSSL. In TLS 1.3 wolfSSL minds the groups itself; what was signed
with is heard with the other messages of the handshake, where it matters: SHA-1 does not exist there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from ...api._cipher_values import cipher_suite
from ...api._versions import TLSVersion
from ...core._client_hello import ClientHello
from ...core._provider import ConnectionPlan
from ...core._settings import Settings
from ._facts import TLS12, TLS13
from ._names import DEFAULT_GROUPS, SCHEMES

_HEADER: Final = 5
_MESSAGE_HEADER: Final = 4
_LONGEST: Final = 16384 + 2048
"""wolfSSL takes no record that is longer."""
_CHANGE_CIPHER_SPEC, _HANDSHAKE = 20, 22
_SERVER_HELLO, _SERVER_KEY_EXCHANGE, _SERVER_HELLO_DONE, _CERTIFICATE_VERIFY, _FINISHED = 2, 12, 14, 15, 20
_LEGACY_VERSION: Final = b"\3\3"
_SESSION_ID: Final = 34
"""Where its length stands in a ServerHello."""
_NAMED_CURVE: Final = b"\3"
_SHA1: Final = (0x0201, 0x0203)
_FOR_PSS_KEYS: Final = 5
"""What RSASSA-PSS with a key for nothing else is more than with any RSA key (RFC 8446 section 4.2.3): wolfSSL offers both."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What is offered.

    Attributes:
        schemes: signature schemes.
        groups: groups for the key exchange.
        hears: whether a TLS 1.3 handshake has to be listened to.
    """

    schemes: frozenset[int]
    groups: frozenset[int]
    hears: bool


def offer_of(settings: Settings) -> Offer:
    """What the settings offer."""
    configuration = settings.configuration
    schemes = {scheme for scheme in configuration.signature_algorithms or SCHEMES if scheme in SCHEMES}
    schemes |= {scheme + _FOR_PSS_KEYS for scheme in schemes if 0x0804 <= scheme <= 0x0806}
    if settings.lower < TLSVersion.TLSv1_2 and configuration.signature_algorithms is None:
        schemes.update(_SHA1)
    hears = configuration.signature_algorithms is not None and settings.upper >= TLSVersion.TLSv1_3
    return Offer(frozenset(schemes), frozenset(configuration.groups or DEFAULT_GROUPS), hears)


def common_versions(hello: ClientHello | None, bounds: tuple[int, int]) -> list[int]:
    """On a server: the versions that both ends have, in the client's order."""
    lower, upper = bounds
    return [upper] if hello is None else [version for version in hello.versions if lower <= version <= upper]


def signs_in_the_clear(plan: ConnectionPlan, bounds: tuple[int, int], verifies: bool) -> bool:
    """Whether the peer may sign, and name what it signs with in the clear: up to TLS 1.2, and not before.

    Args:
        plan: what the connection needs.
        bounds: the lowest and the highest version.
        verifies: whether a certificate of the peer's is verified.
    """
    if not plan.server_side:
        return bounds[0] < TLS13
    return verifies and max(common_versions(plan.hello, bounds), default=0) == TLS12


class Watch:
    """Stands in front of the incoming buffer until the peer has signed; gives nothing any more if that was not offered.

    Args:
        incoming: the buffer.
        offer: what is offered.
        server_side: which end we are.

    Attributes:
        is_broken: whether the peer has chosen something else.
    """

    __slots__ = (
        "_gives",
        "_held",
        "_incoming",
        "_is_over",
        "_messages",
        "_offer",
        "_server_side",
        "_suite",
        "is_broken",
    )

    def __init__(self, incoming: Any, offer: Offer, server_side: bool) -> None:
        self._incoming = incoming
        self._offer = offer
        self._server_side = server_side
        self._held = bytearray()  # one record
        self._messages = bytearray()
        self._suite: int | None = None  # once the server has chosen one
        self._gives = self._is_over = self.is_broken = False

    def take(self, size: int) -> bytes | memoryview:
        """Give the library what was looked at, record by record, and in the end whatever comes.

        Args:
            size: how many bytes at most.
        """
        if not self._gives:
            if self.is_broken:
                return b""
            if self._is_over:
                return self._incoming.take(size)  # type: ignore[no-any-return]
            if not self._take_in():
                return b""
        data = bytes(self._held[:size])
        del self._held[:size]
        self._gives = bool(self._held)
        return data

    def _take_in(self) -> bool:
        """Take in a record, and look at it: whether it may be given out."""
        held = self._held
        while (lacking := _lacking(held)) > 0:
            more = self._incoming.take(lacking)
            if not more:
                return False
            held += more
            if len(held) == _HEADER and not _may_be_plain(held):
                self._is_over = self._gives = True
                return True
        if held[0] == _HANDSHAKE:
            self._messages += held[_HEADER:]
            self._look()
        elif held[0] == _CHANGE_CIPHER_SPEC and (self._server_side or self._suite is not None):
            self._is_over = True  # one in front of the ServerHello says nothing (RFC 8446 appendix D.4)
        self._gives = not self.is_broken
        return self._gives

    def _look(self) -> None:
        messages = self._messages
        while not self._is_over and len(messages) >= _MESSAGE_HEADER:
            end = _MESSAGE_HEADER + int.from_bytes(messages[1:_MESSAGE_HEADER], "big")
            if len(messages) < end:
                return
            self._look_at(messages[0], bytes(messages[_MESSAGE_HEADER:end]))
            del messages[:end]

    def _look_at(self, kind: int, body: bytes) -> None:
        if kind == _SERVER_HELLO and len(body) > _SESSION_ID:
            at = _SESSION_ID + 1 + body[_SESSION_ID]
            self._suite = int.from_bytes(body[at : at + 2], "big")
            self._is_over = body[:2] != _LEGACY_VERSION  # before, there were no schemes; that of TLS 1.3 says so, too
        elif kind == _SERVER_KEY_EXCHANGE and self._suite is not None:
            self._is_over = True
            self.is_broken = not self._is_offered(body, self._suite)
        elif kind == _CERTIFICATE_VERIFY and self._server_side:
            self._is_over = True
            self.is_broken = int.from_bytes(body[:2], "big") not in self._offer.schemes
        elif kind == _SERVER_HELLO_DONE:
            self._is_over = True

    def _is_offered(self, share: bytes, suite: int) -> bool:
        if "_DHE_" in getattr(cipher_suite(suite), "name", ""):
            at = 0
            for _ in range(3):
                at += 2 + int.from_bytes(share[at : at + 2], "big")
        elif share[:1] == _NAMED_CURVE and int.from_bytes(share[1:3], "big") in self._offer.groups:
            at = 4 + int.from_bytes(share[3:4], "big")
        else:
            return False
        return int.from_bytes(share[at : at + 2], "big") in self._offer.schemes


def _lacking(record: bytearray) -> int:
    size = len(record)
    return _HEADER - size if size < _HEADER else _HEADER + int.from_bytes(record[3:5], "big") - size


def _may_be_plain(header: bytearray) -> bool:
    """Whether a record may be one in the clear, with something that matters here."""
    is_known = _CHANGE_CIPHER_SPEC <= header[0] <= _HANDSHAKE and header[1] == 3
    return is_known and int.from_bytes(header[3:5], "big") <= _LONGEST


def has_signed_with(messages: bytearray, server_side: bool) -> int | None:
    """What the peer has signed with in a handshake of TLS 1.3; `None` if it has not signed yet.

    Args:
        messages: those so far.
        server_side: which end we are.
    """
    server_is_done = False
    for kind, body in _messages(messages):
        if kind == _CERTIFICATE_VERIFY and server_is_done is server_side:
            return int.from_bytes(body[:2], "big")
        server_is_done = server_is_done or kind == _FINISHED
    return None


def _messages(octets: bytearray) -> Iterator[tuple[int, bytes]]:
    at = 0
    while len(octets) - at >= _MESSAGE_HEADER:
        end = at + _MESSAGE_HEADER + int.from_bytes(octets[at + 1 : at + _MESSAGE_HEADER], "big")
        yield octets[at], bytes(octets[at + _MESSAGE_HEADER : end])
        at = end
