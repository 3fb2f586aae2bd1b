"""Keys that live elsewhere: the library does everything but the signature.

The library hands over a hash, a signer wants the message. The message is known here: up to TLS 1.2 a server signs the two
random values and the parameters that it is just writing into its outgoing record, and a client all messages so far; in
TLS 1.3 it is made from the hash of all messages (RFC 8446 section 4.4.3), which the library tells. What was found is
believed only if its hash is the one that was handed over. A signer that takes hashes needs none of this.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from ...api._certificates import Signer
from ...api._errors import ConfigurationError
from ...core._foreign import keep_for_thread
from ...core._plain_key import signature_schemes
from ._callbacks import of_this_thread
from .errors import make
from .native import HAS_TLS13, IS_3, NULL, PK_SIGN_FAILED, exports, ffi, has, lib, replace_functions

_DIGESTS: Final = {9: "sha256", 10: "sha384", 11: "sha512"} if IS_3 else {6: "sha256", 7: "sha384", 8: "sha512"}
"""MBEDTLS_MD_…"""
_RSA_SCHEMES: Final = {"sha256": 0x0401, "sha384": 0x0501, "sha512": 0x0601}
_EC_SCHEMES: Final = {"sha256": 0x0403, "sha384": 0x0503, "sha512": 0x0603}
_RSA_PKCS1: Final = 0x0401
_SIGN: Final = 3
"""Where mbedtls_pk_info_t has its function for signatures, counted from the first function."""
_RECORD_HEADER: Final = 5
_MESSAGE_HEADER: Final = 4
_NAMED_CURVE: Final = 3
_LONGEST: Final = 1024
"""No signature is longer (MBEDTLS_MPI_MAX_SIZE)."""
_PURPOSES: Final = (b"TLS 1.3, server CertificateVerify", b"TLS 1.3, client CertificateVerify")

SUPPORTED: Final = not has("ECP_RESTARTABLE") and (not HAS_TLS13 or exports("mbedtls_ssl_get_handshake_transcript"))
"""Whether the structures are as expected, and everything that is needed is there."""


@dataclass(frozen=True, slots=True, eq=False)
class External:
    """A key that lives elsewhere.

    Attributes:
        key: the library's structure with the public half, whose function for signatures is ours.
        schemes: what it signs with, as IANA values.
        sign: who signs messages.
        sign_digest: who signs hashes, if anybody does.
    """

    key: Any
    schemes: tuple[int, ...]
    sign: Signer
    sign_digest: Signer | None = None

    @property
    def is_rsa(self) -> bool:
        """Whether it is an RSA key."""
        return _RSA_PKCS1 in self.schemes


def external_key(public: Any, spki: bytes, sign: Signer, sign_digest: Signer | None = None) -> External:
    """Make a key of the library's of which only the public half is here.

    Args:
        public: the loaded public key.
        spki: the same as a SubjectPublicKeyInfo.
        sign: who signs messages.
        sign_digest: who signs hashes, if anybody does.

    Raises:
        ConfigurationError: it is of a kind that has no signature scheme here.
    """
    schemes = signature_schemes(spki)
    if not set(schemes) & {_RSA_PKCS1, *_EC_SCHEMES.values()}:
        raise make(ConfigurationError, "Mbed TLS takes RSA, P-256, P-384 and P-521 keys from elsewhere")
    genuine = ffi.cast("mbedtls_pk_info_t *", public.pk_info)
    info = ffi.new("mbedtls_pk_info_t *", genuine[0])
    info.functions[_SIGN] = ffi.cast("void *", sign_3 if IS_3 else sign_2)
    replace_functions(public, info)
    return External(public, tuple(schemes), sign, sign_digest)


@ffi.callback("sign_2_t", error=PK_SIGN_FAILED, onerror=keep_for_thread)  # type: ignore[untyped-decorator]
def sign_2(_key: int, digest: int, hash_: Any, size: int, signature: Any, written: Any, rng: Any, _rng: int) -> int:
    """Sign a hash (2.28)."""
    return _sign(digest, bytes(ffi.buffer(hash_, size)), signature, _LONGEST, written)


@ffi.callback("sign_3_t", error=PK_SIGN_FAILED, onerror=keep_for_thread)  # type: ignore[untyped-decorator]
def sign_3(
    _key: Any, digest: int, hash_: Any, size: int, signature: Any, room: int, written: Any, rng: Any, _rng: int
) -> int:
    """Sign a hash (3.6)."""
    return _sign(digest, bytes(ffi.buffer(hash_, size)), signature, room, written)


def _sign(digest: int, hash_: bytes, signature: Any, room: int, written: Any) -> int:
    made = _signature(of_this_thread.engine, _DIGESTS[digest], hash_)
    if not isinstance(made, (bytes, bytearray)) or not 0 < len(made) <= room:
        raise TypeError("a signer returns the signature as bytes")
    ffi.memmove(signature, made, len(made))
    written[0] = len(made)
    return 0


def _signature(engine: Any, name: str, hash_: bytes) -> bytes:
    external = engine.external
    scheme = (_RSA_SCHEMES if external.is_rsa else _EC_SCHEMES)[name]
    if external.sign_digest is not None:
        return external.sign_digest(scheme, hash_)  # type: ignore[no-any-return]
    for message in _messages(engine):
        if hashlib.new(name, message).digest() == hash_:
            return external.sign(scheme, message)  # type: ignore[no-any-return]
    raise RuntimeError("what is to be signed could not be found")


def _messages(engine: Any) -> Iterator[bytes]:
    """What the hash may be of."""
    observer = engine.wire.observer
    if engine.wire.last_sent != NULL:
        parameters = _exchange_parameters(engine.wire.last_sent + _RECORD_HEADER + _MESSAGE_HEADER)
        yield observer.client_random + observer.server_random + parameters
    yield bytes(observer.transcript)
    if HAS_TLS13:
        for digest in _DIGESTS:
            transcript = _transcript_hash(engine.raw, digest)
            yield from (b" " * 64 + purpose + b"\0" + transcript for purpose in _PURPOSES)


def _exchange_parameters(at: Any) -> bytes:
    """A server's parameters (RFC 8422 section 5.4, RFC 5246 section 7.4.3), where the library is writing them."""
    if at[0] == _NAMED_CURVE:
        return bytes(ffi.buffer(at, 4 + at[3]))
    size = 0
    for _ in range(3):
        size += 2 + int.from_bytes(bytes(ffi.buffer(at + size, 2)), "big")
        if size > 3 * _LONGEST:
            return b""
    return bytes(ffi.buffer(at, size))


def _transcript_hash(raw: Any, digest: int) -> bytes:
    buffer, size = ffi.new("unsigned char[64]"), ffi.new("size_t *")
    if lib.mbedtls_ssl_get_handshake_transcript(raw, digest, buffer, 64, size):
        return b""
    return bytes(ffi.buffer(buffer, size[0]))
