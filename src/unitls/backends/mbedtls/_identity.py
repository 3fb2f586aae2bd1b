"""Certificates, keys and revocation lists as structures of the library."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from ...api._certificates import Identity
from ...api._errors import ConfigurationError
from ...core._foreign import take_failure
from ...core._plain_key import plain_key
from ...core._values import NeutralCertificate, NeutralPrivateKey
from ...core._x509 import certificate_fields
from . import _callbacks, native
from ._signer import External, external_key
from .errors import make
from .native import ffi, lib

_DIGITAL_SIGNATURE: Final = 0x80
_SERVER_AUTH: Final = bytes.fromhex("2b06010505070301")
_MISMATCH: Final = "the private key does not belong to the leaf certificate (the first in the list)"


@dataclass(frozen=True, slots=True)
class LoadedIdentity:
    """A chain and its key.

    Attributes:
        chain: an ``mbedtls_x509_crt``.
        key: an ``mbedtls_pk_context``.
        external: who signs, where the key lives elsewhere.
    """

    chain: Any
    key: Any
    external: External | None = None


def load_identity(identity: Identity) -> LoadedIdentity:
    """Load a chain and its key.

    Raises:
        ConfigurationError: it is damaged, of a kind that the library lacks, or the key does not fit, or its passphrase
            is wrong.
    """
    key = identity.private_key
    if not isinstance(key, NeutralPrivateKey) or (key.material is None and key.sign is None):
        raise make(ConfigurationError, "this private key belongs to another backend")
    ders = [item.der for item in identity.certificates if isinstance(item, NeutralCertificate) and item.der]
    if len(ders) != len(identity.certificates):
        raise make(ConfigurationError, "one of the certificates belongs to another backend")
    chain = load_certificates(ders, _callbacks.anything)
    if key.sign is not None and key.public_key is not None:
        if key.public_key != certificate_fields(ders[0]).spki:
            raise make(ConfigurationError, _MISMATCH)
        external = external_key(load_public_key(key.public_key), key.public_key, key.sign, key.sign_digest)
        return LoadedIdentity(chain, external.key, external)
    loaded = load_key(key)
    code = native.check_pair(public_key(chain), loaded, _callbacks.random_bytes)
    take_failure()
    if code:
        raise make(ConfigurationError, _MISMATCH, native_code=code, native_text=native.describe(code))
    return LoadedIdentity(chain, loaded)


def load_key(key: NeutralPrivateKey) -> Any:
    """Load a private key.

    Raises:
        ConfigurationError: the library does not take it, or its passphrase is wrong.
    """
    material = key.material
    assert material is not None
    loaded = native.new("pk_context")
    if material.is_encrypted:
        code = native.parse_key(loaded, material.pem + b"\0", key.passphrase() or b"", _callbacks.random_bytes)
        if not code:
            return loaded
        if code in (native.PK_PASSWORD_MISMATCH, native.PK_PASSWORD_REQUIRED):
            text = "the passphrase of the private key is wrong"
            raise make(ConfigurationError, text, native_code=code, native_text=native.describe(code))
        # It is encrypted in a way that this library lacks, as 2.28 does AES: core can do it.
        loaded = native.new("pk_context")
    code = native.parse_key(loaded, plain_key(key), None, _callbacks.random_bytes)
    take_failure()
    if code:
        text = "Mbed TLS cannot use the private key: it takes RSA, and EC keys on its own curves"
        raise make(ConfigurationError, text, native_code=code, native_text=native.describe(code))
    return loaded


def public_key(chain: Any) -> Any:
    """The public key of a certificate, read anew: where the structure has its own depends on how the library was built."""
    return load_public_key(certificate_fields(native.certificates(chain)[0]).spki)


def load_public_key(spki: bytes) -> Any:
    """Load a SubjectPublicKeyInfo.

    Raises:
        ConfigurationError: the library does not take it.
    """
    loaded = native.new("pk_context")
    code = lib.mbedtls_pk_parse_public_key(loaded, spki, len(spki))
    if code:
        text = "Mbed TLS cannot use a key of this kind: it takes RSA, and EC keys on its own curves"
        raise make(ConfigurationError, text, native_code=code, native_text=native.describe(code))
    return loaded


def load_certificates(ders: Sequence[bytes], extensions: Any) -> Any:
    """Load certificates into one list.

    Args:
        ders: in DER.
        extensions: the callback that decides on extensions that the library does not know.

    Raises:
        ConfigurationError: it cannot read one of them.
    """
    chain = native.new("x509_crt")
    for der in ders:
        code = lib.mbedtls_x509_crt_parse_der_with_ext_cb(chain, der, len(der), 1, extensions, ffi.NULL)
        take_failure()  # of which only an interruption matters: what could not be looked at is refused
        if code:
            text = f"Mbed TLS cannot read one of the certificates: {native.describe(code)}"
            raise make(ConfigurationError, text, native_code=code, native_text=native.describe(code))
    return chain


def load_lists(ders: Sequence[bytes]) -> Any:
    """Load revocation lists.

    Raises:
        ConfigurationError: the library cannot read one of them.
    """
    loaded = native.new("x509_crl")
    for der in ders:
        code = lib.mbedtls_x509_crl_parse_der(loaded, der, len(der))
        if code:
            text = f"Mbed TLS cannot read one of the revocation lists: {native.describe(code)}"
            raise make(ConfigurationError, text, native_code=code, native_text=native.describe(code))
    return loaded


def check_usage(chain: Any) -> None:
    """Make sure that a server can show this certificate: the library would not, and would find no cipher suite then.

    Raises:
        ConfigurationError: its key usage, or extended key usage, is not a server's.
    """
    if lib.mbedtls_x509_crt_check_key_usage(chain, _DIGITAL_SIGNATURE):
        raise make(ConfigurationError, "Mbed TLS does not show a certificate whose key may not be used for signatures")
    if lib.mbedtls_x509_crt_check_extended_key_usage(chain, _SERVER_AUTH, len(_SERVER_AUTH)):
        raise make(ConfigurationError, "Mbed TLS does not show a certificate that is not meant for servers")
