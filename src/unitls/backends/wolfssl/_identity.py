"""Who we are: a chain and its key, given to a native context."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any, Final

from ...api._certificates import Identity
from ...api._errors import ConfigurationError
from ...core._foreign import keep_for_thread, take_failure
from ...core._plain_key import plain_key
from ...core._values import NeutralCertificate, NeutralPrivateKey
from . import _token
from ._signer import external_key, install
from .errors import configuration, make
from .native import DER, PEM, SUCCESS, ffi, lib

_WRONG_PASSPHRASE: Final = "the passphrase of the private key is wrong (or its encryption is one that is not supported)"
_PROBE: Final = b"unitls: do this key and this certificate belong together?"
_SIGNATURE_ROOM: Final = 2048
_MISMATCH: Final = "the private key does not belong to the leaf certificate (the first in the list)"


def load(context: Any, identity: Identity) -> Any:
    """Give an identity to a native context.

    Returns:
        What has to live as long as the context: the token, or the `External` key.

    Raises:
        ConfigurationError: it is damaged, too weak, or the key does not fit, or its passphrase is wrong.
    """
    key = identity.private_key
    if not isinstance(key, NeutralPrivateKey):
        raise make(ConfigurationError, "this private key belongs to another backend")
    chain = [certificate_der(item) for item in identity.certificates]
    _load_chain(context, chain)
    if key.sign is not None and key.public_key is not None:
        external = external_key(key, chain[0])
        install(context)
        return external
    if key.uri is not None:
        return _token.use_key(context, key.uri, key.passphrase())
    _load_key(context, key)
    if not fits(context):
        if key.material is not None and key.material.is_encrypted and find_spec("cryptography") is not None:
            plain_key(key)  # what wolfSSL took for a key may be what a wrong passphrase gives
        raise make(ConfigurationError, _MISMATCH)
    return None


def fits(context: Any) -> bool:
    """Whether key and certificate of a native context belong together.

    wolfSSL's own check looks at no more than the kind of an EC key; so something is signed with it, and verified.
    """
    if lib.wolfSSL_CTX_check_private_key(context) != SUCCESS:
        return False
    key = lib.wolfSSL_CTX_get0_privatekey(context)
    if not key:
        return True  # of a kind that is not signed with in this way, and that wolfSSL has checked
    public = lib.wolfSSL_X509_get_pubkey(lib.wolfSSL_CTX_get0_certificate(context))
    if not public:
        return False
    public = ffi.gc(public, lib.wolfSSL_EVP_PKEY_free)
    room, size = ffi.new("unsigned char[]", _SIGNATURE_ROOM), ffi.new("size_t *", _SIGNATURE_ROOM)
    signing, verifying = _digest(), _digest()
    return bool(
        lib.wolfSSL_EVP_DigestSignInit(signing, ffi.NULL, lib.wolfSSL_EVP_sha256(), ffi.NULL, key) == SUCCESS
        and lib.wolfSSL_EVP_DigestSignUpdate(signing, _PROBE, len(_PROBE)) == SUCCESS
        and lib.wolfSSL_EVP_DigestSignFinal(signing, room, size) == SUCCESS
        and lib.wolfSSL_EVP_DigestVerifyInit(verifying, ffi.NULL, lib.wolfSSL_EVP_sha256(), ffi.NULL, public) == SUCCESS
        and lib.wolfSSL_EVP_DigestVerifyUpdate(verifying, _PROBE, len(_PROBE)) == SUCCESS
        and lib.wolfSSL_EVP_DigestVerifyFinal(verifying, room, size[0]) == SUCCESS
    )


def _digest() -> Any:
    return ffi.gc(lib.wolfSSL_EVP_MD_CTX_new(), lib.wolfSSL_EVP_MD_CTX_free)


def certificate_der(item: Any) -> bytes:
    """A certificate in DER, also of one in a token.

    Raises:
        ConfigurationError: it belongs to another backend, or is not there.
    """
    if not isinstance(item, NeutralCertificate):
        raise make(ConfigurationError, "one of the certificates belongs to another backend")
    if item.der is not None:
        return item.der
    assert item.uri is not None
    return _token.certificate(item.uri)


def _load_chain(context: Any, chain: list[bytes]) -> None:
    joined = b"".join(chain)
    result = lib.wolfSSL_CTX_use_certificate_chain_buffer_format(context, joined, len(joined), DER)
    if result != SUCCESS:
        raise configuration("the certificate cannot be used", result)


def _load_key(context: Any, key: NeutralPrivateKey) -> None:
    material = key.material
    assert material is not None
    if material.is_encrypted:
        passphrase = key.passphrase() or b""
        if _load_encrypted(context, material.pem, passphrase) == SUCCESS:
            return
        if find_spec("cryptography") is None:
            raise make(ConfigurationError, _WRONG_PASSPHRASE)
    der = plain_key(key)
    result = lib.wolfSSL_CTX_use_PrivateKey_buffer(context, der, len(der), DER)
    if result != SUCCESS:
        raise configuration("the private key cannot be used", result)


def _load_encrypted(context: Any, pem: bytes, passphrase: bytes) -> int:
    """Let wolfSSL decrypt the key; what it cannot do is left to `plain_key`."""

    def answer(target: Any, size: int, _writing: int, _data: int) -> int:
        if len(passphrase) > size:
            return 0
        ffi.memmove(target, passphrase, len(passphrase))
        return len(passphrase)

    callback = ffi.callback("wc_pem_password_cb", answer, error=0, onerror=keep_for_thread)
    lib.wolfSSL_CTX_set_default_passwd_cb(context, callback)
    try:
        return lib.wolfSSL_CTX_use_PrivateKey_buffer(context, pem, len(pem), PEM)  # type: ignore[no-any-return]
    finally:
        lib.wolfSSL_CTX_set_default_passwd_cb(context, ffi.NULL)
        take_failure()  # of which only an interruption matters: without a passphrase the key is refused
