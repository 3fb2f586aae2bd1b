"""What a key that lives elsewhere is asked to sign.

GnuTLS gives such a key the hash of the message (EdDSA apart), and a signer wants the message. It is rebuilt from the
handshake as it went by: with TLS 1.3 from the hash of all messages so far (RFC 8446 section 4.4.3), with TLS 1.2 it is
those messages themselves (RFC 5246 section 7.4.8). Whether it is the right one is told by the hash. What a TLS 1.2 server
signs cannot be rebuilt: it holds a key that the library has not shown yet. A signer that takes hashes needs none of this.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Final

from ...core._client_hello import RETRY
from . import native

_LARGEST_TYPE: Final = 254
_MESSAGE_HASH: Final = 254
_CERTIFICATE_REQUEST: Final = 13
_AFTER_THE_HANDSHAKE: Final = frozenset({native.HANDSHAKE_NEW_SESSION_TICKET, 24})
_CONTEXTS: Final = tuple(
    bytes([32] * 64) + b"TLS 1.3, %s CertificateVerify\0" % role for role in (b"server", b"client")
)
_HASHES: Final = {
    0x0403: "sha256",
    0x0804: "sha256",
    0x0809: "sha256",
    0x0401: "sha256",
    0x0503: "sha384",
    0x0805: "sha384",
    0x080A: "sha384",
    0x0501: "sha384",
    0x0603: "sha512",
    0x0806: "sha512",
    0x080B: "sha512",
    0x0601: "sha512",
}

_DIGEST_INFOS: Final = {
    bytes.fromhex("3031300d060960864801650304020105000420"): 0x0401,
    bytes.fromhex("3041300d060960864801650304020205000430"): 0x0501,
    bytes.fromhex("3051300d060960864801650304020305000440"): 0x0601,
}
"""What a DigestInfo begins with, by hash (RFC 8017 section 9.2, note 1)."""


def scheme_of_digest_info(data: bytes) -> int:
    """The SignatureScheme of what RSA with PKCS #1 padding signs, which the library does not name; 0 if it is none."""
    return next((scheme for begin, scheme in _DIGEST_INFOS.items() if data.startswith(begin)), 0)


def digest_size(scheme: int) -> int:
    """How many bytes the hash of a SignatureScheme has.

    Raises:
        KeyError: it signs the message itself, or is not known.
    """
    return hashlib.new(_HASHES[scheme]).digest_size


class Transcript:
    """The messages of one handshake."""

    def __init__(self) -> None:
        self._messages: list[bytes] = []
        self._handshake: list[bytes] | None = None

    def add(self, kind: int, content: bytes) -> None:
        """Note a message.

        Args:
            kind: its type; HelloRetryRequest may be given as a ServerHello or by the library's own number.
            content: without its header.
        """
        if self._handshake is not None:
            if kind in _AFTER_THE_HANDSHAKE:
                return
            if kind == _CERTIFICATE_REQUEST:  # an authentication after the handshake begins with what that was
                self._messages = list(self._handshake)
        if kind > _LARGEST_TYPE:
            kind = native.HANDSHAKE_SERVER_HELLO
        is_retry = kind == native.HANDSHAKE_SERVER_HELLO and content[2:34] == RETRY
        if is_retry:
            self._fold(content)
        self._messages.append(_message(kind, content))

    def _fold(self, retry: bytes) -> None:
        """The first ClientHello counts by its hash once it has to be repeated (RFC 8446 section 4.4.1)."""
        begin = 35 + retry[34]
        name = "sha384" if retry[begin : begin + 2] == b"\x13\x02" else "sha256"
        self._messages = [_message(_MESSAGE_HASH, hashlib.new(name, b"".join(self._messages)).digest())]

    def end(self) -> None:
        """The handshake is done."""
        self._handshake = list(self._messages)

    def signed(self, scheme: int, digest: bytes) -> bytes | None:
        """The message that has this hash; `None` if there is none.

        Args:
            scheme: the SignatureScheme to sign with.
            digest: the hash, possibly in a DigestInfo (RFC 8017 section 9.2).
        """
        name = _HASHES.get(scheme)
        if name is None:
            return None
        return next((item for item in self._candidates() if digest.endswith(hashlib.new(name, item).digest())), None)

    def _candidates(self) -> Iterator[bytes]:
        everything = b"".join(self._messages)
        for name in ("sha256", "sha384"):
            digest = hashlib.new(name, everything).digest()
            yield from (context + digest for context in _CONTEXTS)
        yield everything


def _message(kind: int, content: bytes) -> bytes:
    return bytes((kind,)) + len(content).to_bytes(3, "big") + content
