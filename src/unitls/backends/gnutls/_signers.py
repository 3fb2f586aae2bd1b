"""Private keys that live elsewhere: callables that sign, and tokens that want a PIN."""

from __future__ import annotations

import itertools
import weakref
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

from ...api._certificates import Signer
from ...core._foreign import keep_for_thread
from ...core._values import NeutralPrivateKey
from . import _callbacks, ciphers, native
from ._transcript import digest_size, scheme_of_digest_info
from .native import NULL, ffi, lib

_PK_ALGORITHM: Final = 1  # GNUTLS_PRIVKEY_INFO_*
_HAVE_SIGN_ALGORITHM: Final = 1 << 2
_BITS: Final = 1 << 3
_SIGN_ALGORITHM_SHIFT: Final = 20
_PIN_WRONG: Final = 1 << 5


class _Remote(NamedTuple):
    sign: Signer
    sign_digest: Signer | None
    schemes: frozenset[int]
    algorithm: int
    bits: int


_numbers: Final = itertools.count(1)
_remotes: Final[dict[int, _Remote]] = {}
_token_keys: Final[weakref.WeakValueDictionary[int, NeutralPrivateKey]] = weakref.WeakValueDictionary()
_modules: Final[set[str]] = set()


# ---------------------------------------------------------------------------------------------- callables


def import_signer(made: Any, schemes: list[int], key: NeutralPrivateKey) -> None:
    """Make `made`, a new gnutls_privkey_t, one that calls the signers of `key`.

    Raises:
        native.Error: the library does not know keys of this kind.
    """
    public = native.owned("gnutls_pubkey_t", lib.gnutls_pubkey_init, lib.gnutls_pubkey_deinit)
    assert key.public_key is not None
    assert key.sign is not None
    native.check(lib.gnutls_pubkey_import(public, native.datum(key.public_key), native.DER))
    bits = ffi.new("unsigned int *")
    algorithm = native.check(lib.gnutls_pubkey_get_pk_algorithm(public, bits))
    number = next(_numbers)
    _remotes[number] = _Remote(key.sign, key.sign_digest, frozenset(schemes), algorithm, bits[0])
    code = lib.gnutls_privkey_import_ext4(made, number, _sign_data, _sign_hash, NULL, _forget, _tell, 0)
    if code < 0:
        _remotes.pop(number, None)
    native.check(code)


@ffi.callback(  # type: ignore[untyped-decorator]
    "int(gnutls_privkey_t, int, uintptr_t, unsigned int, const gnutls_datum_t *, gnutls_datum_t *)",
    error=native.E_PK_SIGN_FAILED,
    onerror=keep_for_thread,
)
def _sign_data(key: Any, algorithm: int, number: int, flags: int, data: Any, signature: Any) -> int:
    """Sign where the library gives the message itself: EdDSA."""
    scheme = ciphers.signature_values()[algorithm]
    native.allocated(signature, _remotes[number].sign(scheme, native.content(data)))
    return 0


@ffi.callback(  # type: ignore[untyped-decorator]
    "int(gnutls_privkey_t, int, uintptr_t, unsigned int, const gnutls_datum_t *, gnutls_datum_t *)",
    error=native.E_PK_SIGN_FAILED,
    onerror=keep_for_thread,
)
def _sign_hash(key: Any, algorithm: int, number: int, flags: int, data: Any, signature: Any) -> int:
    """Sign where the library gives the hash of the message: RSA and ECDSA."""
    given = native.content(data)
    scheme = ciphers.signature_values().get(algorithm) or scheme_of_digest_info(given)
    native.allocated(signature, _signature(_remotes[number], scheme, given))
    return 0


def _signature(remote: _Remote, scheme: int, given: bytes) -> bytes:
    """Sign a hash, which may stand in a DigestInfo (RFC 8017 section 9.2): as such, or else by its message."""
    if remote.sign_digest is not None:
        return remote.sign_digest(scheme, given[-digest_size(scheme) :])
    transcript = _callbacks.thread.transcript
    message = None if transcript is None else transcript.signed(scheme, given)
    if message is None:
        raise ValueError("GnuTLS gives the signer a hash whose message is not known, and there is no sign_digest")
    return remote.sign(scheme, message)


@ffi.callback("void(gnutls_privkey_t, uintptr_t)", onerror=keep_for_thread)  # type: ignore[untyped-decorator]
def _forget(key: Any, number: int) -> None:
    _remotes.pop(number, None)


@ffi.callback("int(gnutls_privkey_t, unsigned int, uintptr_t)", error=-1, onerror=keep_for_thread)  # type: ignore[untyped-decorator]
def _tell(key: Any, flags: int, number: int) -> int:
    remote = _remotes.get(number)
    if remote is None:
        return -1
    if flags & _PK_ALGORITHM:
        return remote.algorithm
    if flags & _BITS:
        return remote.bits
    if flags & _HAVE_SIGN_ALGORITHM:
        return int(ciphers.signature_values().get(flags >> _SIGN_ALGORITHM_SHIFT) in remote.schemes)
    return -1


# ---------------------------------------------------------------------------------------------- tokens


def load_module(uri: str) -> None:
    """Load the module that a URI names as ``module-path`` (RFC 7512 section 2.3); others are found by p11-kit.

    Raises:
        native.Error: it cannot be loaded.
    """
    for attribute in uri.partition("?")[2].split("&"):
        name, _, value = attribute.partition("=")
        path = unquote(value)
        if name == "module-path" and path not in _modules:
            native.check(lib.gnutls_pkcs11_init(0, NULL))
            native.check(lib.gnutls_pkcs11_add_provider(path.encode(), NULL))
            _modules.add(path)


def import_token_key(made: Any, key: NeutralPrivateKey) -> None:
    """Make `made`, a new gnutls_privkey_t, one in a token. Whoever uses it keeps `key`, which knows the PIN.

    Raises:
        native.Error: there is no such key, or the PIN is wrong.
    """
    assert key.uri is not None
    load_module(key.uri)
    number = next(_numbers)
    _token_keys[number] = key
    lib.gnutls_privkey_set_pin_function(made, _pin, number)
    native.check(lib.gnutls_privkey_import_url(made, key.uri.encode(), 0))


def token_certificate(uri: str) -> bytes:
    """A certificate in a token, in DER.

    Raises:
        native.Error: there is none.
    """
    load_module(uri)
    certificate = native.owned("gnutls_x509_crt_t", lib.gnutls_x509_crt_init, lib.gnutls_x509_crt_deinit)
    native.check(lib.gnutls_x509_crt_import_url(certificate, uri.encode(), 0))
    return native.exported(certificate)


@ffi.callback(  # type: ignore[untyped-decorator]
    "int(uintptr_t, int, const char *, const char *, unsigned int, char *, size_t)",
    error=native.E_PKCS11_PIN_ERROR,
    onerror=keep_for_thread,
)
def _pin(number: int, attempt: int, url: Any, label: Any, flags: int, target: Any, size: int) -> int:
    """Give the PIN, once: a token locks itself after a few wrong ones."""
    pin = _token_keys[number].passphrase()
    if pin is None or attempt > 0 or flags & _PIN_WRONG or len(pin) >= size or b"\0" in pin:
        return native.E_PKCS11_PIN_ERROR
    ffi.memmove(target, pin + b"\0", len(pin) + 1)
    return 0
