"""Keys that live elsewhere: wolfSSL does everything but the signature.

wolfSSL hands over a hash, a signer wants the message. The message is known here: a TLS 1.3 end signs the hash of all messages
so far, which are heard (`_transcript`); up to TLS 1.2 a client signs these messages themselves, and a server the two random
values and its share of the key exchange, which is made here for this purpose. What was found is signed only if it has the
hash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from ...api._certificates import Signer
from ...api._errors import ConfigurationError
from ...core._der import DERError
from ...core._foreign import Transport, guarded, keep_for_thread
from ...core._plain_key import signature_schemes
from ...core._values import NeutralPrivateKey
from ...core._x509 import certificate_fields
from ._facts import TLS13
from ._transcript import Transcript
from ._transcript import attach as listen
from .errors import make
from .native import ffi, keep, lib

_FAILED: Final = -1
_ECDSA: Final = {"sha256": 0x0403, "sha384": 0x0503, "sha512": 0x0603}
_RSA: Final = {"sha256": 0x0401, "sha384": 0x0501, "sha512": 0x0601}
_RSA_PSS: Final = {"sha256": 0x0804, "sha384": 0x0805, "sha512": 0x0806}
_ED25519: Final = 0x0807
_SIZES: Final = {32: "sha256", 48: "sha384", 64: "sha512"}
_NEEDS_KEY: Final = 0x05006000
_PLACEHOLDER: Final = b"elsewhere"
_SHA384_SUITES: Final = frozenset({0x1302})
_PURPOSE: Final = (b"TLS 1.3, client CertificateVerify", b"TLS 1.3, server CertificateVerify")
_DIGEST_INFO: Final = 19
_NAMED_CURVE: Final = 3
_X25519, _X448 = 29, 30
_LITTLE_ENDIAN: Final = 0
_SHARE_ROOM: Final = 256
_GROUPS_BY_SHARE: Final = {65: 23, 97: 24, 133: 25}
"""By the size of an uncompressed point."""


@dataclass(frozen=True, slots=True, eq=False)
class External:
    """A key that lives elsewhere.

    Attributes:
        sign: who signs messages.
        sign_digest: who signs digests, where that can be done.
    """

    sign: Signer
    sign_digest: Signer | None


@dataclass(slots=True, eq=False)
class Signing:
    """What one connection needs to sign.

    Attributes:
        key: the key.
        transcript: the messages so far.
        server_side: which end we are.
        share: the group and the public value of the last key exchange that was begun.
    """

    key: External
    server_side: bool
    transcript: Transcript = field(default_factory=Transcript)
    share: tuple[int, bytes] = (0, b"")

    def messages(self, raw: Any) -> Iterator[bytes]:
        """What may be to be signed now."""
        heard = bytes(self.transcript.messages)
        if lib.wolfSSL_version(raw) == TLS13:
            digest = "sha384" if lib.wolfSSL_get_current_cipher_suite(raw) in _SHA384_SUITES else "sha256"
            yield b" " * 64 + _PURPOSE[self.server_side] + b"\0" + hashlib.new(digest, heard).digest()
        elif self.server_side:
            group, value = self.share
            yield _randoms(raw) + bytes((_NAMED_CURVE,)) + group.to_bytes(2, "big") + bytes((len(value),)) + value
        else:
            yield heard


def _is_edwards(key: NeutralPrivateKey) -> bool:
    return _ED25519 in signature_schemes(key.public_key or b"")


def external_key(key: NeutralPrivateKey, leaf: bytes) -> External:
    """A key that signs on demand.

    Raises:
        ConfigurationError: it is of another kind than wolfSSL signs with, or not that of the certificate.
    """
    if not set(signature_schemes(key.public_key or b"")) & {*_ECDSA.values(), *_RSA.values(), _ED25519}:
        raise make(ConfigurationError, "wolfSSL takes RSA, P-256, P-384, P-521 and Ed25519 keys from elsewhere")
    if _is_edwards(key) and lib.wolfSSL_lib_version_hex() >= _NEEDS_KEY:
        raise make(ConfigurationError, "this version of wolfSSL cannot take an Ed25519 key from elsewhere")
    try:
        own = certificate_fields(leaf).spki
    except DERError as error:
        raise make(ConfigurationError, f"the certificate is damaged: {error}") from error
    if own != key.public_key:
        raise make(ConfigurationError, "the public key is not that of the leaf certificate (the first in the list)")
    assert key.sign is not None
    return External(key.sign, key.sign_digest)


def install(context: Any) -> None:
    """Let a native context ask us for signatures, and for the keys that its servers sign.

    Newer versions want something in the place of the key, or else miss the size of signatures in TLS 1.3: the name of a key
    in the device that we are, which is never asked for it.
    """
    device = listen(context)
    if lib.wolfSSL_lib_version_hex() >= _NEEDS_KEY:
        lib.wolfSSL_CTX_use_PrivateKey_Id(context, _PLACEHOLDER, len(_PLACEHOLDER), device)
    lib.wolfSSL_CTX_SetEccSignCb(context, sign_ecdsa)
    lib.wolfSSL_CTX_SetEd25519SignCb(context, sign_ed25519)
    lib.wolfSSL_CTX_SetRsaSignCb(context, sign_rsa)
    lib.wolfSSL_CTX_SetRsaPssSignCb(context, sign_rsa_pss)
    lib.wolfSSL_CTX_SetRsaSignCheckCb(context, check_nothing)
    lib.wolfSSL_CTX_SetRsaPssSignCheckCb(context, check_nothing_pss)
    lib.wolfSSL_CTX_SetEccKeyGenCb(context, make_point)
    lib.wolfSSL_CTX_SetX25519KeyGenCb(context, make_x25519)
    lib.wolfSSL_CTX_SetX448KeyGenCb(context, make_x448)


def attach(raw: Any, number: int) -> None:
    """Tell a connection what to hand to these callbacks."""
    for call in (
        lib.wolfSSL_SetEccSignCtx, lib.wolfSSL_SetEd25519SignCtx, lib.wolfSSL_SetRsaSignCtx, lib.wolfSSL_SetRsaPssSignCtx,
        lib.wolfSSL_SetEccKeyGenCtx, lib.wolfSSL_SetX25519KeyGenCtx, lib.wolfSSL_SetX448KeyGenCtx,
    ):  # fmt: skip
        call(raw, number)


def _randoms(raw: Any) -> bytes:
    master, client, server = ffi.new("unsigned char **"), ffi.new("unsigned char **"), ffi.new("unsigned char **")
    sizes = [ffi.new("unsigned int *") for _ in range(3)]
    lib.wolfSSL_get_keys(raw, master, sizes[0], server, sizes[1], client, sizes[2])
    return bytes(ffi.buffer(client[0], sizes[2][0])) + bytes(ffi.buffer(server[0], sizes[1][0]))


# ---------------------------------------------------------------------------------------------- the callbacks


def _signed(connection: Transport, raw: Any, schemes: dict[str, int], given: bytes, room: Any, size: Any) -> int:
    """Have the hash in `given` (at its end) signed, or the message that has it, once that is found."""
    signing: Signing = connection.owner.signing
    if signing.key.sign_digest is not None:
        length = next(size for size in sorted(_SIZES, reverse=True) if _holds(given, size))
        return _put(signing.key.sign_digest(schemes[_SIZES[length]], given[-length:]), room, size)
    for message in signing.messages(raw):
        for length, name in _SIZES.items():
            if given[-length:] == hashlib.new(name, message).digest():
                # Up to TLS 1.2 any hash goes with any curve: the scheme tells the hash (RFC 8446 section 4.2.3).
                return _put(signing.key.sign(schemes[name], message), room, size)
    raise RuntimeError("wolfSSL wants something to be signed that is not known here")


def _holds(given: bytes, length: int) -> bool:
    """Whether a hash of that length stands at the end: it is alone, or in a DigestInfo (RFC 8017 section 9.2)."""
    return len(given) in (length, length + _DIGEST_INFO)


def _put(signature: bytes, room: Any, size: Any) -> int:
    if not isinstance(signature, bytes) or not 0 < len(signature) <= size[0]:
        raise ValueError("the signer has given something that is no signature")
    ffi.memmove(room, signature, len(signature))
    size[0] = len(signature)
    return 0


@guarded(_FAILED)
def _ecdsa(connection: Transport, raw: Any, given: bytes, room: Any, size: Any) -> int:
    return _signed(connection, raw, _ECDSA, given, room, size)


@guarded(_FAILED)
def _rsa(connection: Transport, raw: Any, given: bytes, room: Any, size: Any) -> int:
    return _signed(connection, raw, _RSA, given, room, size)


@guarded(_FAILED)
def _rsa_pss(connection: Transport, raw: Any, given: bytes, room: Any, size: Any) -> int:
    return _signed(connection, raw, _RSA_PSS, given, room, size)


@guarded(_FAILED)
def _ed25519(connection: Transport, given: bytes, room: Any, size: Any) -> int:
    return _put(connection.owner.signing.key.sign(_ED25519, given), room, size)


@guarded(_FAILED)
def _shared(connection: Transport, make_key: Callable[[], int], export: Callable[[Any, Any], int], group: int) -> int:
    """Make the key of a key exchange, and remember its public value."""
    result = make_key()
    room, size = ffi.new("unsigned char[]", _SHARE_ROOM), ffi.new("unsigned int *", _SHARE_ROOM)
    if result == 0 and export(room, size) == 0:
        value = bytes(ffi.buffer(room, size[0]))
        connection.owner.signing.share = (group or _GROUPS_BY_SHARE.get(len(value), 0), value)
    return result


@ffi.callback("CallbackSign", error=_FAILED, onerror=keep)  # type: ignore[untyped-decorator]
def sign_ecdsa(raw: Any, given: Any, length: int, room: Any, size: Any, _key: Any, _key_size: int, number: int) -> int:
    """Sign a hash with an EC key."""
    return _ecdsa(number, raw, bytes(ffi.buffer(given, length)), room, size)


@ffi.callback("CallbackSign", error=_FAILED, onerror=keep)  # type: ignore[untyped-decorator]
def sign_ed25519(
    _raw: Any, given: Any, length: int, room: Any, size: Any, _key: Any, _key_size: int, number: int
) -> int:
    """Sign a message with an Ed25519 key."""
    return _ed25519(number, bytes(ffi.buffer(given, length)), room, size)


@ffi.callback("CallbackSign", error=_FAILED, onerror=keep)  # type: ignore[untyped-decorator]
def sign_rsa(raw: Any, given: Any, length: int, room: Any, size: Any, _key: Any, _key_size: int, number: int) -> int:
    """Sign a DigestInfo with an RSA key, as up to TLS 1.2."""
    return _rsa(number, raw, bytes(ffi.buffer(given, length)), room, size)


@ffi.callback("CallbackRsaPssSign", error=_FAILED, onerror=keep)  # type: ignore[untyped-decorator]
def sign_rsa_pss(
    raw: Any,
    given: Any,
    length: int,
    room: Any,
    size: Any,
    _hash: int,
    _mask: int,
    _key: Any,
    _key_size: int,
    number: int,
) -> int:
    """Sign a hash with an RSA key, with the probabilistic padding."""
    return _rsa_pss(number, raw, bytes(ffi.buffer(given, length)), room, size)


@ffi.callback("CallbackRsaVerify", error=_FAILED, onerror=keep_for_thread)  # type: ignore[untyped-decorator]
def check_nothing(*_: Any) -> int:
    """Leave it to the peer to find a signature wrong: wolfSSL would look for the key to check it with."""
    return 0


@ffi.callback("CallbackRsaPssVerify", error=_FAILED, onerror=keep_for_thread)  # type: ignore[untyped-decorator]
def check_nothing_pss(*_: Any) -> int:
    """As `check_nothing`."""
    return 0


@ffi.callback("CallbackEccKeyGen", error=_FAILED, onerror=keep)  # type: ignore[untyped-decorator]
def make_point(raw: Any, key: Any, size: int, curve: int, number: int) -> int:
    """Make the key of a key exchange on one of NIST's curves."""
    return _shared(
        number,
        lambda: lib.wc_ecc_make_key_ex(lib.wolfSSL_GetRNG(raw), size, key, curve),
        lambda room, length: lib.wc_ecc_export_x963(key, room, length),
        0,
    )


@ffi.callback("CallbackX25519KeyGen", error=_FAILED, onerror=keep)  # type: ignore[untyped-decorator]
def make_x25519(raw: Any, key: Any, size: int, number: int) -> int:
    """Make the key of a key exchange with X25519."""
    return _shared(
        number,
        lambda: lib.wc_curve25519_make_key(lib.wolfSSL_GetRNG(raw), size, key),
        lambda room, length: lib.wc_curve25519_export_public_ex(key, room, length, _LITTLE_ENDIAN),
        _X25519,
    )


@ffi.callback("CallbackX25519KeyGen", error=_FAILED, onerror=keep)  # type: ignore[untyped-decorator]
def make_x448(raw: Any, key: Any, size: int, number: int) -> int:
    """Make the key of a key exchange with X448."""
    return _shared(
        number,
        lambda: lib.wc_curve448_make_key(lib.wolfSSL_GetRNG(raw), size, key),
        lambda room, length: lib.wc_curve448_export_public_ex(key, room, length, _LITTLE_ENDIAN),
        _X448,
    )
