"""A peer that can send what no library sends: it ends the handshake as Python's `ssl` does, then writes records by hand.

The secrets come from the key log (RFC 9850).
"""

from __future__ import annotations

import hmac
import socket
import ssl
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from _pki import PKI, SERVER_NAME
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

import unitls
from unitls import TLSVersion

HANDSHAKE, APPLICATION_DATA = 22, 23
HELLO_REQUEST = bytes(4)
_CLIENT_HELLO, _KEY_UPDATE = 1, 24
_SUITES = {
    "TLS_AES_128_GCM_SHA256": ("sha256", 16, AESGCM),
    "TLS_AES_256_GCM_SHA384": ("sha384", 32, AESGCM),
    "TLS_CHACHA20_POLY1305_SHA256": ("sha256", 32, ChaCha20Poly1305),
}


def key_update(requested: bool) -> bytes:
    """A KeyUpdate message (RFC 8446 section 4.6.3)."""
    return struct.pack(">BBHB", _KEY_UPDATE, 0, 1, requested)


class Forger:
    """The other end of one of our buffers.

    Args:
        is_server: its role.
        version: the only one it speaks.
        folder: where its key log goes.
    """

    def __init__(self, pki: PKI, version: TLSVersion, folder: Path, *, is_server: bool) -> None:
        self._log = folder / "keys"
        self._is_server = is_server
        self._version = version
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if is_server else ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = context.maximum_version = ssl.TLSVersion(version.value)
        context.keylog_filename = str(self._log)
        context.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
        if is_server:
            context.load_cert_chain(pki.pem("server"), pki.key("server"))
            context.num_tickets = 0  # so that our first record of application data is number 0
        else:
            context.load_verify_locations(pki.pem("ca"))
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        name = None if is_server else SERVER_NAME
        self._object = context.wrap_bio(self._incoming, self._outgoing, server_side=is_server, server_hostname=name)
        self._sent = self._received = b""

    def shake_hands(self, ours: unitls.TLSWrappedBuffer, incoming: Any, outgoing: Any) -> None:
        """Do the handshake with our buffer, and get ready to forge."""
        ours_done = theirs_done = False
        while not (ours_done and theirs_done):
            theirs_done = theirs_done or _step(self._object.do_handshake, ssl.SSLWantReadError)
            incoming.write(self._take_sent())
            ours_done = ours_done or _step(ours.do_handshake, unitls.WantReadError)
            received = outgoing.read()
            self._received += received
            self._incoming.write(received)
        self._prepare()

    def shake_hands_over(self, raw: socket.socket) -> None:
        """Do the handshake over a socket, and get ready to forge."""
        while not _step(self._object.do_handshake, ssl.SSLWantReadError):
            raw.sendall(self._take_sent())
            received = raw.recv(65536)
            assert received, "the connection ended during the handshake"
            self._received += received
            self._incoming.write(received)
        raw.sendall(self._take_sent())
        self._prepare()

    def _take_sent(self) -> bytes:
        sent = self._outgoing.read()
        self._sent += sent
        return sent

    def _prepare(self) -> None:
        log = {line.split()[0]: line.split()[1:] for line in self._log.read_text().splitlines()}
        if self._version is TLSVersion.TLSv1_3:
            suite = self._object.cipher()
            assert suite is not None
            self._hash, self._key_size, self._cipher = _SUITES[suite[0]]
            label = "SERVER_TRAFFIC_SECRET_0" if self._is_server else "CLIENT_TRAFFIC_SECRET_0"
            self._secret = bytes.fromhex(log[label][1])
            self._new_keys()
        else:
            client_random, master = (bytes.fromhex(part) for part in log["CLIENT_RANDOM"])
            server_hello = self._sent if self._is_server else self._received
            block = _prf(master, b"key expansion" + server_hello[11:43] + client_random, 40)
            start = 16 if self._is_server else 0
            self._aead = AESGCM(block[start : start + 16])
            self._iv = block[32 + start // 4 : 36 + start // 4]
            self._number = 1  # the Finished message was number 0

    def _new_keys(self) -> None:
        self._aead = self._cipher(_expand_label(self._secret, b"key", self._key_size, self._hash))
        self._iv = _expand_label(self._secret, b"iv", 12, self._hash)
        self._number = 0

    @property
    def client_hello(self) -> bytes:
        """The message with which the client began, without its record's header."""
        hello = self._received if self._is_server else self._sent
        assert hello[5] == _CLIENT_HELLO
        return hello[5 : 5 + int.from_bytes(hello[3:5], "big")]

    def seal(self, message: bytes, kind: int = HANDSHAKE) -> bytes:
        """A record that holds `message`, encrypted with the keys of now; behind a KeyUpdate they are the next."""
        if self._version is TLSVersion.TLSv1_2:
            return self._seal12(message, kind)
        inner = message + bytes([kind])
        head = struct.pack(">BHH", APPLICATION_DATA, 0x0303, len(inner) + 16)
        nonce = (int.from_bytes(self._iv, "big") ^ self._number).to_bytes(12, "big")
        self._number += 1
        sealed = head + self._aead.encrypt(nonce, inner, head)
        if kind == HANDSHAKE and message[0] == _KEY_UPDATE:
            self._secret = _expand_label(self._secret, b"traffic upd", len(self._secret), self._hash)
            self._new_keys()
        return sealed

    def _seal12(self, message: bytes, kind: int) -> bytes:
        explicit = struct.pack(">Q", self._number)
        self._number += 1
        head = struct.pack(">BH", kind, 0x0303)
        additional = explicit + head + struct.pack(">H", len(message))
        sealed = explicit + self._aead.encrypt(self._iv + explicit, message, additional)
        return head + struct.pack(">H", len(sealed)) + sealed


def _step(call: Callable[[], object], signal: type[Exception]) -> bool:
    try:
        call()
    except signal:
        return False
    return True


def _expand_label(secret: bytes, label: bytes, size: int, hash_name: str) -> bytes:
    """HKDF-Expand-Label without a context (RFC 8446 section 7.1); up to one block of the hash."""
    info = struct.pack(">HB", size, len(label) + 6) + b"tls13 " + label + b"\0"
    return hmac.digest(secret, info + b"\1", hash_name)[:size]


def _prf(secret: bytes, seed: bytes, size: int) -> bytes:
    """The PRF of TLS 1.2 with SHA-256 (RFC 5246 section 5)."""
    result, chained = b"", seed
    while len(result) < size:
        chained = hmac.digest(secret, chained, "sha256")
        result += hmac.digest(secret, chained + seed, "sha256")
    return result[:size]
