"""Certificates and keys of ours, from memory or a token, as NSS wants them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from ...api import _certificates as api
from ...api._errors import ConfigurationError
from ...core._plain_key import plain_pkcs8
from ...core._values import NeutralCertificate, NeutralPrivateKey
from . import _layer, _tokens, native
from ._objects import KeyMismatch, certificate, certificate_der, check_pair, private_key
from .errors import make
from .native import checked, ffi, item, ssl

_WRONG_PAIR: Final = "the private key does not belong to the leaf certificate (the first in the list)"
_EXTRA_SIZE: Final = ffi.sizeof("SSLExtraServerCertData")


@dataclass(frozen=True, slots=True, eq=False)
class Identity:
    """A chain and its key.

    Attributes:
        leaf: the certificate, an object of NSS.
        key: its key.
        chain: what goes with it, in DER, the leaf first.
        held: the intermediates as objects: NSS puts a client's chain together from what is in memory.
        ocsp_response: what is stapled.
    """

    leaf: Any
    key: Any
    chain: tuple[bytes, ...]
    held: tuple[Any, ...]
    ocsp_response: bytes | None = None


def check_identity(identity: api.Identity) -> None:
    """Load `identity` into a socket that is thrown away."""
    loaded = load_identity(identity)
    configure(_layer.new_model(), loaded)


def leaf(identity: api.Identity) -> bytes:
    """The leaf certificate in DER, also of one in a token, so that a server with several can choose it by its names.

    Raises:
        ConfigurationError: it is of another backend, or is not there.
    """
    try:
        return certificate_der(_certificate(identity.certificates[0]))
    except native.Error as error:
        raise _refusal(error) from error


def load_identity(identity: api.Identity) -> Identity:
    """Load a chain and its key.

    Raises:
        ConfigurationError: it is damaged or not there, the key does not fit, or its passphrase is wrong.
    """
    key = identity.private_key
    if not isinstance(key, NeutralPrivateKey) or (key.material is None and key.uri is None):
        raise make(ConfigurationError, "this private key belongs to another backend")
    try:
        made = [_certificate(item) for item in identity.certificates]
        chain = tuple(map(certificate_der, made))
        loaded = _key(key, chain[0])
    except native.Error as error:
        raise _refusal(error) from error
    return Identity(made[0], loaded, chain, tuple(made[1:]), identity.ocsp_response)


def _key(given: NeutralPrivateKey, leaf: bytes) -> Any:
    if given.uri is not None:
        return _tokens.find_key(given.uri, given.passphrase())
    return private_key(plain_pkcs8(given), leaf)


def _certificate(given: api.Certificate) -> Any:
    if not isinstance(given, NeutralCertificate):
        raise make(ConfigurationError, "one of the certificates belongs to another backend")
    if given.der is not None:
        return certificate(given.der)
    return _tokens.find_certificate(given.uri or "")


def configure(socket: Any, identity: Identity) -> None:
    """Let a server show an identity.

    The chain is always said: NSS would put one together from every certificate that the process has met.

    Raises:
        ConfigurationError: NSS does not take it.
    """
    items = ffi.new("SECItem[]", len(identity.chain))
    buffers = [ffi.new("unsigned char[]", der) for der in identity.chain]
    for index, (buffer, der) in enumerate(zip(buffers, identity.chain, strict=True)):
        items[index].data, items[index].len = buffer, len(der)
    chain = ffi.new("CERTCertificateList *", {"certs": items, "len": len(identity.chain)})
    extra = ffi.new("SSLExtraServerCertData *", {"certChain": chain})
    if identity.ocsp_response:
        response, _held = item(identity.ocsp_response)
        responses = ffi.new("SECItemArray *", {"items": response, "len": 1})
        extra.stapledOCSPResponses = responses
    try:
        checked(ssl.SSL_ConfigServerCert(socket, identity.leaf, identity.key, extra, _EXTRA_SIZE))
        check_pair(identity.key, identity.chain[0])
    except native.Error as error:
        raise _refusal(error) from error


def _refusal(error: native.Error) -> Exception:
    if isinstance(error, KeyMismatch) or error.name == "SEC_ERROR_INVALID_ARGS":
        text = _WRONG_PAIR
    else:
        text = f"the certificate or its private key cannot be used: {error.text}"
    return make(ConfigurationError, text, native_code=error.code, native_text=str(error))
