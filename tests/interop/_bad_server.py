"""A server that breaks the rules on demand: TLS by hand, as far as it takes to lead a client of ours astray.

It speaks over buffers, with the suites of AES-128-GCM, X25519 or a curve on demand, and the P-256 certificate of the tests.
Whatever it does is covered by its Finished: nothing but the deviation itself can make a client refuse.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import struct
from collections.abc import Sequence
from typing import Any

from _forger import HANDSHAKE, _expand_label, _prf
from _pki import PKI, SERVER_NAME
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

import unitls

ECDSA_SHA1, ECDSA_SHA256, ECDSA_SHA384 = 0x0203, 0x0403, 0x0503
P224, P256, X25519 = 21, 23, 29
_CLOSE_NOTIFY = b"\x15\3\3\0\2\1\0"
HASHES: dict[int, Any] = {2: hashes.SHA1, 3: hashes.SHA224, 4: hashes.SHA256, 5: hashes.SHA384}
_CURVES: dict[int, Any] = {P224: ec.SECP224R1, P256: ec.SECP256R1}
_CHANGE_CIPHER_SPEC, _APPLICATION_DATA = 20, 23
_EMS, _RENEGOTIATION, _RENEGOTIATION_TOO = 23, 0xFF01, 0x00FF
"""Two extensions, and what stands for the latter among the suites (RFC 5746 section 3.3)."""
Extensions = Sequence[tuple[int, bytes]]


def vector(content: bytes, width: int = 2) -> bytes:
    """`content` behind its length."""
    return len(content).to_bytes(width, "big") + content


def message(kind: int, body: bytes) -> bytes:
    """A handshake message."""
    return bytes([kind]) + vector(body, 3)


def extensions(items: Extensions) -> bytes:
    """A list of extensions."""
    return vector(b"".join(struct.pack(">H", kind) + vector(content) for kind, content in items))


def record(kind: int, content: bytes) -> bytes:
    """A record in the clear."""
    return bytes([kind, 3, 3]) + vector(content)


class _Hello:
    """What the client offers."""

    def __init__(self, hello: bytes) -> None:
        body = hello[4:]
        self.random = body[2:34]
        at = 35 + body[34]
        self.session_id = body[35:at]
        end = at + 2 + int.from_bytes(body[at : at + 2], "big")
        self.suites = struct.unpack(f">{(end - at - 2) // 2}H", body[at + 2 : end])
        at = end + 1 + body[end]
        self.extensions, rest = {}, body[at + 2 :]
        while rest:
            kind, size = struct.unpack_from(">HH", rest)
            self.extensions[kind], rest = rest[4 : 4 + size], rest[4 + size :]

    def share(self, group: int) -> bytes:
        """The client's share of a key exchange."""
        rest = self.extensions[51][2:]
        while rest:
            found, size = struct.unpack_from(">HH", rest)
            if found == group:
                return rest[4 : 4 + size]
            rest = rest[4 + size :]
        raise AssertionError("the client has sent no such share")


class Keys:
    """One direction of a connection.

    Args:
        secret: that of the traffic, for TLS 1.3; the key, the part of the nonce and the number for TLS 1.2.
    """

    def __init__(self, secret: bytes | tuple[bytes, bytes]) -> None:
        self._number = 0
        self._is_old = isinstance(secret, tuple)
        if isinstance(secret, tuple):
            key, self._iv = secret
        else:
            key = _expand_label(secret, b"key", 16, "sha256")
            self._iv = _expand_label(secret, b"iv", 12, "sha256")
        self._aead = AESGCM(key)

    def seal(self, content: bytes, kind: int = HANDSHAKE) -> bytes:
        """A record."""
        number, self._number = self._number, self._number + 1
        if self._is_old:
            explicit = struct.pack(">Q", number)
            additional = explicit + struct.pack(">BHH", kind, 0x0303, len(content))
            return record(kind, explicit + self._aead.encrypt(self._iv + explicit, content, additional))
        head = struct.pack(">BHH", _APPLICATION_DATA, 0x0303, len(content) + 17)
        nonce = (int.from_bytes(self._iv, "big") ^ number).to_bytes(12, "big")
        return head + self._aead.encrypt(nonce, content + bytes([kind]), head)

    def open(self, sealed: bytes) -> bytes:
        """What is in a record of TLS 1.3."""
        nonce = (int.from_bytes(self._iv, "big") ^ self._number).to_bytes(12, "big")
        self._number += 1
        return self._aead.decrypt(nonce, sealed[5:], sealed[:5]).rstrip(b"\0")[:-1]


class BadServer:
    """The other end of a client of ours.

    Args:
        pki: where its certificate is.
        context: the client's.

    Attributes:
        client: our end.
        keys: what it writes with, once the handshake is done.
        hello: what the client has offered.
    """

    def __init__(self, pki: PKI, context: unitls.ClientContext) -> None:
        backend = context.backend
        self._incoming, self._outgoing = backend.memory_buffer(), backend.memory_buffer()
        self.client = context.wrap_buffers(self._incoming, self._outgoing, SERVER_NAME)
        self._leaf = pki.leaf("server")
        key: Any = serialization.load_pem_private_key(pki.key("server").read_bytes(), None)
        self._key: ec.EllipticCurvePrivateKey = key
        self.keys: Any = None
        self._transcript = b""
        self._step()
        self._transcript = self._plaintext()
        self.hello = _Hello(self._transcript)

    def send(self, octets: bytes) -> None:
        """Let the client have something in its handshake; its error comes out."""
        self._incoming.write(octets)
        self._step()

    def tell(self, octets: bytes) -> bytes:
        """Let the client have something afterwards: what it reads."""
        self._incoming.write(octets)
        return self.client.read(100)

    def sent(self) -> bytes:
        """What the client has sent since."""
        return self._outgoing.read()

    def close_early(self) -> None:
        """Say that it closes, and end the transport."""
        self.send(_CLOSE_NOTIFY)
        self._incoming.write_eof()
        self._step()

    def _step(self) -> None:
        try:
            self.client.do_handshake()
        except unitls.WantReadError:
            return

    def _plaintext(self) -> bytes:
        """The handshake messages that the client has sent in the clear, up to what is encrypted."""
        octets, found = self._outgoing.read(), b""
        while octets[:1] == bytes([HANDSHAKE]):
            end = 5 + int.from_bytes(octets[3:5], "big")
            found, octets = found + octets[5:end], octets[end:]
        return found

    def _add(self, *messages: bytes) -> bytes:
        self._transcript += b"".join(messages)
        return b"".join(messages)

    def _digest(self) -> bytes:
        return hashlib.sha256(self._transcript).digest()

    def _sign(self, content: bytes, scheme: int) -> bytes:
        signature = self._key.sign(content, ec.ECDSA(HASHES[scheme >> 8]()))
        return struct.pack(">H", scheme) + vector(signature)

    # ------------------------------------------------------------------------------------------ TLS 1.3

    def shake_hands(
        self, *, scheme: int = ECDSA_SHA256, encrypted: Extensions = (), share: bytes | None = None, empty: bool = False
    ) -> None:
        """A handshake of TLS 1.3.

        Args:
            scheme: what is signed with.
            encrypted: the EncryptedExtensions.
            share: in the place of the right one.
            empty: whether the certificate is left out.
        """
        own = x25519.X25519PrivateKey.generate()
        shared = own.exchange(x25519.X25519PublicKey.from_public_bytes(self.hello.share(X25519)))
        public = own.public_key().public_bytes_raw() if share is None else share
        choice = extensions([(43, b"\3\4"), (51, struct.pack(">H", X25519) + vector(public))])
        head = b"\3\3" + os.urandom(32) + vector(self.hello.session_id, 1) + b"\x13\1\0"
        plain = record(HANDSHAKE, self._add(message(2, head + choice)))
        extracted = hmac.digest(bytes(32), bytes(32), "sha256")
        secret = hmac.digest(derived(extracted, b"derived", hashlib.sha256().digest()), shared, "sha256")
        traffic = derived(secret, b"s hs traffic", self._digest())
        flight = self._add(message(8, extensions(encrypted)))
        shown = b"" if empty else vector(self._leaf, 3) + extensions([])
        flight += self._add(message(11, b"\0" + vector(shown, 3)))
        to_sign = b" " * 64 + b"TLS 1.3, server CertificateVerify\0" + self._digest()
        flight += self._add(message(15, self._sign(to_sign, scheme)))
        finished = _expand_label(traffic, b"finished", 32, "sha256")
        flight += self._add(message(20, hmac.digest(finished, self._digest(), "sha256")))
        main = hmac.digest(derived(secret, b"derived", hashlib.sha256().digest()), bytes(32), "sha256")
        self.keys = Keys(derived(main, b"s ap traffic", self._digest()))
        self.send(plain + Keys(traffic).seal(flight))

    # ------------------------------------------------------------------------------------------ TLS 1.2

    def shake_hands_of_old(
        self, *, scheme: int = ECDSA_SHA256, group: int = X25519, hello: Extensions = (), point: bytes | None = None
    ) -> None:
        """A handshake of TLS 1.2.

        Args:
            scheme: what is signed with.
            group: what keys are exchanged on.
            hello: what the ServerHello holds besides.
            point: the share, in the place of the right one.
        """
        random, own = os.urandom(32), key_pair(group)
        answers = [(_EMS, b"")] if _EMS in self.hello.extensions else []
        if _RENEGOTIATION in self.hello.extensions or _RENEGOTIATION_TOO in self.hello.suites:
            answers.append((_RENEGOTIATION, b"\0"))
        head = b"\3\3" + random + vector(bytes(range(32)), 1) + b"\xc0\x2b\0"
        share = b"\3" + struct.pack(">H", group) + vector(public_value(own) if point is None else point, 1)
        flight = self._add(
            message(2, head + extensions([*answers, *hello])),
            message(11, vector(vector(self._leaf, 3), 3)),
            message(12, share + self._sign(self.hello.random + random + share, scheme)),
            message(14, b""),
        )
        self.send(record(HANDSHAKE, flight))
        key_exchange = self._plaintext()
        self._add(key_exchange)
        label, seed = b"master secret", self.hello.random + random
        if answers and answers[0][0] == _EMS:
            label, seed = b"extended master secret", self._digest()
        master = _prf(shared_secret(own, key_exchange[5:]), label + seed, 48)
        block = _prf(master, b"key expansion" + random + self.hello.random, 40)
        self._add(message(20, _prf(master, b"client finished" + self._digest(), 12)))
        self.keys = Keys((block[16:32], block[36:40]))
        finished = message(20, _prf(master, b"server finished" + self._digest(), 12))
        self.send(record(_CHANGE_CIPHER_SPEC, b"\1") + self.keys.seal(finished))


def derived(secret: bytes, label: bytes, context: bytes) -> bytes:
    """Derive-Secret (RFC 8446 section 7.1), with the hash given."""
    info = struct.pack(">H", 32) + vector(b"tls13 " + label, 1) + vector(context, 1)
    return hmac.digest(secret, info + b"\1", "sha256")


def key_pair(group: int) -> Any:
    """A key for an exchange."""
    return x25519.X25519PrivateKey.generate() if group == X25519 else ec.generate_private_key(_CURVES[group]())


def public_value(own: Any) -> bytes:
    """What the other end gets of it."""
    if isinstance(own, x25519.X25519PrivateKey):
        return own.public_key().public_bytes_raw()
    point, encoding = serialization.PublicFormat.UncompressedPoint, serialization.Encoding.X962
    octets: bytes = own.public_key().public_bytes(encoding, point)
    return octets


def shared_secret(own: Any, share: bytes) -> bytes:
    """What comes of it, and of what the other end has sent."""
    if isinstance(own, x25519.X25519PrivateKey):
        return own.exchange(x25519.X25519PublicKey.from_public_bytes(share))
    secret: bytes = own.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(own.curve, share))
    return secret
