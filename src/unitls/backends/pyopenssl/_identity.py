"""Certificates and private keys, from memory into a context of pyOpenSSL."""

from __future__ import annotations

from typing import Any

from ...api._certificates import Identity
from ...api._errors import ConfigurationError, TLSError
from ...core._plain_key import plain_key
from ...core._values import NeutralCertificate, NeutralPrivateKey
from . import native
from .errors import make, plain
from .native import SSL, crypto, lib


def load_certificate(der: bytes, what: str) -> Any:
    """A certificate as pyOpenSSL's own.

    Raises:
        ConfigurationError: it is damaged; `what` says which one.
    """
    try:
        return crypto.load_certificate(crypto.FILETYPE_ASN1, der)
    except crypto.Error as error:
        raise make(ConfigurationError, f"{what} cannot be read: it is damaged", native_text=str(error)) from error


def load_identity(context: SSL.Context, identity: Identity) -> None:
    """Load a chain and its key, and what the server staples.

    Raises:
        ConfigurationError: it is damaged, too weak, or the key does not fit, or its passphrase is wrong.
    """
    key = identity.private_key
    if not isinstance(key, NeutralPrivateKey) or key.material is None:
        raise make(ConfigurationError, "this private key belongs to another backend")
    chain = [item.der for item in identity.certificates if isinstance(item, NeutralCertificate) and item.der]
    if len(chain) != len(identity.certificates):
        raise make(ConfigurationError, "one of the certificates belongs to another backend")
    raw: Any = context._context
    what = "the certificate or its private key"
    certificates = [load_certificate(der, "a certificate") for der in chain]
    _succeeded(lib.SSL_CTX_use_certificate(raw, certificates[0]._x509), what)
    _succeeded(lib.SSL_CTX_use_PrivateKey(raw, _load_key(key)._pkey), what)
    _succeeded(lib.SSL_CTX_check_private_key(raw), what)
    for certificate in certificates[1:]:
        copy = lib.X509_dup(certificate._x509)
        if lib.SSL_CTX_add_extra_chain_cert(raw, copy) != 1:  # otherwise the context has taken it over
            lib.X509_free(copy)
            raise refusal(native.queued_error(), what)
    response = identity.ocsp_response
    if response is not None:
        context.set_ocsp_server_callback(lambda connection, data: response)


def _load_key(key: NeutralPrivateKey) -> Any:
    try:
        return crypto.load_privatekey(crypto.FILETYPE_ASN1, plain_key(key))
    except crypto.Error as error:
        text = "the private key cannot be used: it is damaged, or of a kind that OpenSSL does not have"
        raise make(ConfigurationError, text, native_text=str(error)) from error


def _succeeded(result: int, what: str) -> None:
    if result != 1:
        raise refusal(native.queued_error(), what)


def refusal(error: native.Error, what: str) -> TLSError:
    """The error for something in a configuration that OpenSSL does not take."""
    reason = error.reason
    if reason == "KEY_VALUES_MISMATCH" or reason == "KEY_TYPE_MISMATCH":
        text = "the private key does not belong to the leaf certificate (the first in the list)"
    elif reason.endswith(("KEY_TOO_SMALL", "MD_TOO_WEAK")):
        text = f"{what} is too weak: RSA keys need 2048 bits, and signatures SHA-256"
    else:
        text = f"{what} cannot be used: {plain(reason) or error}"
    failure = make(ConfigurationError, text, native_code=error.code, native_text=str(error))
    failure.__cause__ = error
    return failure
