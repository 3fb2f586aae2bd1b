"""A client that breaks the rules on demand, over buffers: how it shows who it is, by hand."""

from __future__ import annotations

import hashlib
import hmac
import os
import struct
from collections.abc import Iterator
from typing import Any

from _bad_server import (
    HASHES,
    X25519,
    Keys,
    derived,
    extensions,
    key_pair,
    message,
    public_value,
    record,
    shared_secret,
    vector,
)
from _forger import HANDSHAKE, _expand_label, _prf
from _pki import PKI
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

import unitls
from unitls import TLSVersion

_X25519, _P256 = b"\0\x1d", b"\0\x17"
_SERVER_HELLO, _SERVER_KEY_EXCHANGE, _FINISHED = 2, 12, 20
_CHANGE_CIPHER_SPEC = b"\x14\3\3\0\1\1"


class BadClient:
    """The other end of a server of ours.

    Args:
        pki: where its certificate is.
        context: the server's.
        version: the only one it speaks.
        name: whose certificate it shows.

    Attributes:
        server: our end.
    """

    def __init__(self, pki: PKI, context: unitls.ServerContext, version: TLSVersion, name: str = "client") -> None:
        backend = context.backend
        self._incoming, self._outgoing = backend.memory_buffer(), backend.memory_buffer()
        self.server = context.wrap_buffers(self._incoming, self._outgoing)
        self._leaf = pki.leaf(name)
        key: Any = serialization.load_pem_private_key(pki.key(name).read_bytes(), None)
        self._key: ec.EllipticCurvePrivateKey = key
        self._share, self._random = key_pair(X25519), os.urandom(32)
        self._transcript = self._hello(version)
        self._version = version

    def _hello(self, version: TLSVersion) -> bytes:
        offers = [(10, vector(_X25519 + _P256)), (13, vector(b"\4\3\5\3")), (0xFF01, b"\0")]
        suite, identifier = b"\xc0\x2b", b""
        if version is TLSVersion.TLSv1_3:
            suite, identifier = b"\x13\1", bytes(32)
            offers += [(43, b"\2\3\4"), (51, vector(_X25519 + vector(public_value(self._share))))]
        body = b"\3\3" + self._random + vector(identifier, 1) + vector(suite) + b"\1\0" + extensions(offers)
        return message(1, body)

    def shake_hands(self, scheme: int) -> None:
        """A handshake with a certificate, whether it is asked for or not; the server's error comes out.

        Args:
            scheme: what is signed with.
        """
        answer = self._send(record(HANDSHAKE, self._transcript))
        shake = self._shake_hands if self._version is TLSVersion.TLSv1_3 else self._shake_hands_of_old
        self._send(shake(answer, scheme))

    def _send(self, octets: bytes) -> bytes:
        self._incoming.write(octets)
        try:
            self.server.do_handshake()
        except unitls.WantReadError:
            return self._outgoing.read()
        return b""

    def _add(self, *messages: bytes) -> bytes:
        self._transcript += b"".join(messages)
        return b"".join(messages)

    def _digest(self) -> bytes:
        return hashlib.sha256(self._transcript).digest()

    def _signed(self, content: bytes, scheme: int) -> bytes:
        signature = self._key.sign(content, ec.ECDSA(HASHES[scheme >> 8]()))
        return message(15, struct.pack(">H", scheme) + vector(signature))

    def _shake_hands(self, answer: bytes, scheme: int) -> bytes:
        records = _records(answer)
        hello = next(records)[5:]
        self._add(hello)
        at = hello.index(b"\0\x33\0\x24" + _X25519 + b"\0\x20") + 8
        extracted = hmac.digest(bytes(32), bytes(32), "sha256")
        early = derived(extracted, b"derived", hashlib.sha256().digest())
        secret = hmac.digest(early, shared_secret(self._share, hello[at : at + 32]), "sha256")
        ours, theirs = (derived(secret, label, self._digest()) for label in (b"c hs traffic", b"s hs traffic"))
        keys = Keys(theirs)
        for item in records:
            if item[0] == 23 and self._add(keys.open(item))[-36:-32] == bytes((_FINISHED, 0, 0, 32)):
                break  # what follows has other keys
        keys = Keys(ours)
        flight = self._add(message(11, b"\0" + vector(vector(self._leaf, 3) + b"\0\0", 3)))
        flight += self._add(self._signed(b" " * 64 + b"TLS 1.3, client CertificateVerify\0" + self._digest(), scheme))
        finished = _expand_label(ours, b"finished", 32, "sha256")
        return keys.seal(flight) + keys.seal(message(_FINISHED, hmac.digest(finished, self._digest(), "sha256")))

    def _shake_hands_of_old(self, answer: bytes, scheme: int) -> bytes:
        self._add(b"".join(item[5:] for item in _records(answer)))
        messages = dict(_messages(self._transcript))
        random, exchange = messages[_SERVER_HELLO][2:34], messages[_SERVER_KEY_EXCHANGE]
        own = key_pair(int.from_bytes(exchange[1:3], "big"))
        flight = self._add(message(11, vector(vector(self._leaf, 3), 3)), message(16, vector(public_value(own), 1)))
        master = _prf(shared_secret(own, exchange[4 : 4 + exchange[3]]), b"master secret" + self._random + random, 48)
        flight += self._add(self._signed(self._transcript, scheme))
        block = _prf(master, b"key expansion" + random + self._random, 40)
        finished = message(_FINISHED, _prf(master, b"client finished" + self._digest(), 12))
        return record(HANDSHAKE, flight) + _CHANGE_CIPHER_SPEC + Keys((block[:16], block[32:36])).seal(finished)


def _records(octets: bytes) -> Iterator[bytes]:
    while octets:
        end = 5 + int.from_bytes(octets[3:5], "big")
        yield octets[:end]
        octets = octets[end:]


def _messages(octets: bytes) -> Iterator[tuple[int, bytes]]:
    while octets:
        end = 4 + int.from_bytes(octets[1:4], "big")
        yield octets[0], octets[4:end]
        octets = octets[end:]
