"""Certificates and private keys of ours, in the library's form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

from ...api._certificates import Identity
from ...api._errors import ConfigurationError, TLSError, UnsupportedFeature
from ...api._features import Feature
from ...api._versions import TLSVersion
from ...core._foreign import take_failure
from ...core._pkcs11_uri import without_pin
from ...core._plain_key import plain_key, signature_schemes
from ...core._values import NeutralCertificate, NeutralPrivateKey
from ...core._x509 import certificate_fields
from . import _signers, native
from .errors import make
from .native import NULL, ffi, lib

T = TypeVar("T")
_ED25519: Final = 7  # GNUTLS_PK_*
_ED448: Final = 12
_RSA_PSS: Final = 6
_EDDSA: Final = frozenset({0x0807, 0x0808})
# What a key of each kind can sign a test with: gnutls_pk_algorithm_t to gnutls_sign_algorithm_t.
_TEST_SIGNATURES: Final = {1: 6, 4: 14, _RSA_PSS: 32, _ED25519: 35, _ED448: 46}
_MISMATCH: Final = "the private key does not belong to the leaf certificate (the first in the list)"
_PASSPHRASE: Final = "the passphrase of the private key is wrong (or its encryption is one that is not supported)"
_PIN: Final = "the PIN of the token is wrong, or there is none"
_LEAST_RSA_BITS: Final = 2048
_TOO_WEAK: Final = "a certificate is too weak: RSA keys need 2048 bits"
_OLD_SIGNATURES: Final = (
    "a signer needs lower_bound=TLSVersion.TLSv1_2: what older versions sign has no SignatureScheme"
)
_NEEDS_DIGEST: Final = (
    "on a server, GnuTLS gives a signer only the hash of what TLS 1.2 signs: pass sign_digest to PrivateKey.from_signer(), "
    "or set lower_bound=TLSVersion.TLSv1_3"
)
_OTHER_KEY: Final = "GnuTLS cannot use a key of this kind: it takes RSA, ECDSA and EdDSA"


class LoadedIdentity:
    """A chain and its key, in memory that is freed with this object.

    Attributes:
        certificates: the first of an array of gnutls_pcert_st.
        count: how many.
        key: a gnutls_privkey_t.
        owner: the private key it was made from, which a token may need for its PIN.
        leaf: the first certificate in DER.
    """

    def __init__(self, identity: Identity) -> None:
        """Load `identity`.

        Raises:
            ConfigurationError: it is damaged, too weak, or the key does not fit, or its passphrase is wrong.
        """
        key = identity.private_key
        if not isinstance(key, NeutralPrivateKey):
            raise make(ConfigurationError, "this private key belongs to another backend")
        chain = [certificate_der(item) for item in identity.certificates]
        self.leaf = chain[0]
        self.count = len(chain)
        self.certificates = configured(lambda: _certificates(chain), "a certificate")
        if any((certificate_fields(der).rsa_bits or _LEAST_RSA_BITS) < _LEAST_RSA_BITS for der in chain):
            raise make(ConfigurationError, _TOO_WEAK)
        self.key, self.owner = _private_key(key), key
        if key.sign is None:
            self._check_match()
        elif certificate_fields(self.leaf).spki != key.public_key:
            raise make(ConfigurationError, _MISMATCH)

    def _check_match(self) -> None:
        """Sign something and verify it, as not every key tells its public half."""
        algorithm = _TEST_SIGNATURES.get(lib.gnutls_privkey_get_pk_algorithm(self.key, NULL), 0)
        signature, text = ffi.new("gnutls_datum_t *"), native.datum(b"to be signed")
        public = self.certificates[0].pubkey
        kind = lib.gnutls_pubkey_get_pk_algorithm(public, NULL)
        if _TEST_SIGNATURES.get(kind) != algorithm and kind != _RSA_PSS:
            raise make(ConfigurationError, _MISMATCH)
        code = lib.gnutls_privkey_sign_data2(self.key, algorithm, 0, text, signature)
        configured(lambda: native.check(code), "the private key")
        try:
            fits = lib.gnutls_pubkey_verify_data2(public, algorithm, 0, text, signature) >= 0
        finally:
            lib.gnutls_free(signature.data)
        if not fits:
            raise make(ConfigurationError, _MISMATCH)

    def hand_over(self, credentials: Any) -> None:
        """Put it into certificate credentials, which free it from now on."""
        ffi.gc(self.certificates, None)
        ffi.gc(self.key, None)
        native.check(lib.gnutls_certificate_set_key(credentials, NULL, 0, self.certificates, self.count, self.key))


def certificate_der(certificate: Any) -> bytes:
    """A certificate in DER, read from its token if need be.

    Raises:
        ConfigurationError: it is of another backend, or is not there.
    """
    if not isinstance(certificate, NeutralCertificate):
        raise make(ConfigurationError, "one of the certificates belongs to another backend")
    uri = certificate.uri
    if certificate.der is not None or uri is None:
        return certificate.der or b""
    return configured(lambda: _signers.token_certificate(uri), f"the certificate {without_pin(uri)}")


def _certificates(chain: list[bytes]) -> Any:
    count = len(chain)
    array = ffi.new("gnutls_pcert_st[]", count)

    def free(_first: Any) -> None:
        # What `native.keep` holds is gone when this runs; the array lives as long as this function.
        for index in range(count):
            lib.gnutls_pcert_deinit(array + index)

    first = ffi.gc(ffi.cast("gnutls_pcert_st *", array), free)
    native.keep(first, array)
    for index, der in enumerate(chain):
        native.check(lib.gnutls_pcert_import_x509_raw(first + index, native.datum(der), native.DER, 0))
    return first


# ---------------------------------------------------------------------------------------------- keys


def _private_key(key: NeutralPrivateKey) -> Any:
    place = ffi.new("gnutls_privkey_t *")
    native.check(lib.gnutls_privkey_init(place))
    made = ffi.gc(place[0], lib.gnutls_privkey_deinit)
    if key.uri is not None:
        return _token_key(made, key)
    if key.sign is not None:
        return _signer_key(made, key)
    _load_material(made, key)
    return made


def _token_key(made: Any, key: NeutralPrivateKey) -> Any:
    uri = key.uri
    assert uri is not None
    try:
        _signers.import_token_key(made, key)
    except native.Error as error:
        failure = take_failure()
        if isinstance(failure, TLSError):
            raise failure from error
        text = _PIN if -314 <= error.code <= -312 or error.code in (-303, -317) else "there is no such key in a token"
        attributes = {"native_code": error.code, "native_text": error.text}
        raise make(ConfigurationError, f"{without_pin(uri)}: {text}", **attributes) from failure
    return made


def _signer_key(made: Any, key: NeutralPrivateKey) -> Any:
    schemes = signature_schemes(key.public_key or b"")
    if not schemes:
        raise make(ConfigurationError, _OTHER_KEY)
    configured(lambda: _signers.import_signer(made, schemes, key), "the public key of the signer")
    return made


def _load_material(made: Any, key: NeutralPrivateKey) -> None:
    material = key.material
    assert material is not None
    if not material.is_encrypted:
        configured(lambda: _import(made, material.der, native.DER, NULL), "the private key")
        return
    passphrase = key.passphrase() or b""
    code = -1 if b"\0" in passphrase else _code(lambda: _import(made, material.pem, native.PEM, passphrase))
    if code == native.E_DECRYPTION_FAILED and passphrase.isascii():
        raise make(ConfigurationError, _PASSPHRASE, native_code=code, native_text=native.words(code))
    if code < 0:  # an encryption that the library lacks, or a passphrase that it takes for text and changes
        configured(lambda: _import(made, plain_key(key), native.DER, NULL), "the private key")


def _import(made: Any, data: bytes, form: int, passphrase: Any) -> int:
    return native.check(lib.gnutls_privkey_import_x509_raw(made, native.datum(data), form, passphrase, 0))


def _code(call: Callable[[], int]) -> int:
    try:
        return call()
    except native.Error as error:
        return error.code


def configured(load: Callable[[], T], what: str) -> T:
    """Run a call that makes something, and say in our words what is wrong with it."""
    try:
        return load()
    except native.Error as error:
        text = f"{what} cannot be used: {error.text}"
        raise make(ConfigurationError, text, native_code=error.code, native_text=error.text) from error


def needs_message(identity: Identity) -> bool:
    """Whether its key lives elsewhere, and signs messages only."""
    key = identity.private_key
    return getattr(key, "sign", None) is not None and getattr(key, "sign_digest", None) is None


def check_signer(identity: Identity, lower: int, *, server_side: bool) -> None:
    """Refuse a signer where a version may be negotiated for which it cannot be told what to sign.

    Raises:
        UnsupportedFeature: the lower bound is too low, or the signer needs to sign hashes.
    """
    key = identity.private_key
    if getattr(key, "sign", None) is None:
        return
    if lower < TLSVersion.TLSv1_2:
        raise UnsupportedFeature(_OLD_SIGNATURES, feature=Feature.EXTERNAL_SIGNER)
    schemes = signature_schemes(getattr(key, "public_key", None) or b"")
    rebuilds = not server_side or lower >= TLSVersion.TLSv1_3 or _EDDSA.intersection(schemes)
    if needs_message(identity) and not rebuilds:
        raise UnsupportedFeature(_NEEDS_DIGEST, feature=Feature.EXTERNAL_SIGNER)
