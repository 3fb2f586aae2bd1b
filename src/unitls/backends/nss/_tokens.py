"""Keys and certificates in PKCS#11 tokens, and in databases of NSS, which are tokens too."""

from __future__ import annotations

import atexit
import functools
import itertools
import threading
from collections.abc import Callable, Iterator
from typing import Any, Final

from ...api._errors import ConfigurationError
from ...core._pkcs11_uri import without_pin
from . import native
from ._objects import listed
from ._pkcs11_uri import TokenURI, parse_uri
from .errors import make
from .native import SUCCESS, checked, ffi, item_bytes, nss, present, ssl

_ANY_MECHANISM: Final = 0xFFFFFFFF
_RSA: Final = 1
_GENERATE_RSA: Final = 0  # CKM_RSA_PKCS_KEY_PAIR_GEN
_PROXY: Final = "p11-kit-proxy.so"
_lock: Final = threading.RLock()
_names: Final = itertools.count(1)


def find_certificate(uri: str) -> Any:
    """The certificate that a URI names.

    Raises:
        ConfigurationError: it is not there, or not the only one.
        native.Error: the token fails.
    """
    wanted = parse_uri(uri)
    with _lock:
        found = []
        for slot in _slots(wanted):
            if wanted.pin is not None:
                _log_in(slot, wanted.pin, uri)
            certificates = ffi.gc(present(nss.PK11_ListCertsInSlot(slot)), nss.CERT_DestroyCertList)
            found += [_own(each) for each in listed(certificates) if _is_certificate(wanted, slot, each)]
    return _only({ffi.buffer(each.derCert.data, each.derCert.len)[:]: each for each in found}, "certificate", uri)


def find_key(uri: str, pin: bytes | None) -> Any:
    """The private key that a URI names.

    Args:
        uri: which.
        pin: the user's PIN, or what protects the database; `None` takes what stands in the URI.

    Raises:
        ConfigurationError: it is not there, or not the only one, or the PIN is wrong.
        native.Error: the token fails.
    """
    wanted = parse_uri(uri)
    with _lock:
        found: dict[bytes, Any] = {}
        for slot in _slots(wanted):
            _log_in(slot, pin if pin is not None else wanted.pin, uri)
            label = ffi.NULL if wanted.label is None else ffi.new("char[]", wanted.label.encode())
            keys = nss.PK11_ListPrivKeysInSlot(slot, label, ffi.NULL)
            if keys != ffi.NULL:
                found.update(_matching_keys(wanted, ffi.gc(keys, nss.SECKEY_DestroyPrivateKeyList)))
    key = _only(found, "private key", uri)
    if key.keyType == _RSA:
        _make_ticket_key()
    return key


@functools.cache
def _make_ticket_key() -> None:
    """Give NSS an RSA key to wrap its ticket keys with, before it takes one of ours for that.

    It would copy the key in a way that some tokens refuse (SoftHSM does), and with that refuse the certificate.
    """
    slot = present(nss.PK11_GetInternalSlot())
    public = ffi.new("SECKEYPublicKey **")
    parameters = ffi.new("PK11RSAGenParams *", (2048, 65537))
    private = nss.PK11_GenerateKeyPair(slot, _GENERATE_RSA, parameters, public, 0, 0, ffi.NULL)
    nss.PK11_FreeSlot(slot)
    present(private)
    try:
        checked(ssl.SSL_SetSessionTicketKeyPair(public[0], private))
    finally:
        nss.SECKEY_DestroyPublicKey(public[0])
        nss.SECKEY_DestroyPrivateKey(private)


def _matching_keys(wanted: TokenURI, keys: Any) -> Iterator[tuple[bytes, Any]]:
    head, node = ffi.addressof(keys, "list"), keys.list.next
    while node != head:
        key = ffi.cast("SECKEYPrivateKeyListNode *", node).key
        identifier = _taken(nss.PK11_GetLowLevelKeyIDForPrivateKey(key))
        if wanted.identifier is None or wanted.identifier == identifier:
            copy = ffi.gc(present(nss.SECKEY_CopyPrivateKey(key)), nss.SECKEY_DestroyPrivateKey)
            # One without an identifier counts as another than all others, by its address.
            yield identifier or bytes(ffi.buffer(ffi.new("void **", copy))), copy
        node = node.next


def _is_certificate(wanted: TokenURI, slot: Any, certificate: Any) -> bool:
    if wanted.label is not None:
        nickname = (
            "" if certificate.nickname == ffi.NULL else ffi.string(certificate.nickname).decode("utf-8", "replace")
        )
        # The nickname of what is in a token is the token's name, a colon, and the label.
        token = ffi.string(nss.PK11_GetTokenName(slot)).decode("utf-8", "replace")
        if wanted.label not in (nickname, nickname.removeprefix(f"{token}:")):
            return False
    identifier = wanted.identifier
    return identifier is None or identifier == _taken(nss.PK11_GetLowLevelKeyIDForCert(slot, certificate, ffi.NULL))


def _taken(value: Any) -> bytes | None:
    """The content of a SECItem that NSS has made for us."""
    if value == ffi.NULL:
        return None
    content = item_bytes(value)
    nss.SECITEM_FreeItem(value, 1)
    return content


def _own(certificate: Any) -> Any:
    return ffi.gc(nss.CERT_DupCertificate(certificate), nss.CERT_DestroyCertificate)


def _only(found: dict[bytes, Any], what: str, uri: str) -> Any:
    if len(found) != 1:
        many = "several tokens or objects have" if found else "there is no"
        raise make(ConfigurationError, f"{many} {what} by {without_pin(uri)}")
    return next(iter(found.values()))


def _log_in(slot: Any, pin: bytes | None, uri: str) -> None:
    if pin is None or not nss.PK11_NeedLogin(slot) or nss.PK11_IsLoggedIn(slot, ffi.NULL):
        return
    if nss.PK11_CheckUserPassword(slot, pin) != SUCCESS:
        raise make(
            ConfigurationError,
            f"the token does not take the PIN for {without_pin(uri)}",
            native_text=str(native.last_error()),
        )


# ---------------------------------------------------------------------------------------------- tokens


def _slots(wanted: TokenURI) -> list[Any]:
    """The tokens that a URI may mean."""
    if wanted.configdir is not None:
        return [_database(wanted.configdir)]
    _module(wanted.module or _PROXY)
    tokens = present(nss.PK11_GetAllTokens(_ANY_MECHANISM, 0, 0, ffi.NULL))
    found = []
    try:
        element = tokens.head
        while element != ffi.NULL:
            if _is_token(wanted, element.slot):
                found.append(ffi.gc(nss.PK11_ReferenceSlot(element.slot), nss.PK11_FreeSlot))
            element = element.next
    finally:
        nss.PK11_FreeSlotList(tokens)
    if not found:
        raise make(ConfigurationError, f"there is no PKCS#11 token with {dict(wanted.token)}")
    return found


def _is_token(wanted: TokenURI, slot: Any) -> bool:
    pointer = nss.PK11_GetTokenURI(slot)
    if pointer == ffi.NULL:
        return False
    uri = ffi.string(pointer).decode("utf-8", "replace")
    nss.PORT_Free(pointer)
    return wanted.token.items() <= parse_uri(uri).token.items()


@functools.cache
def _database(configdir: str) -> Any:
    """The token of an NSS database, opened once and only to be read."""
    quoted = configdir.replace("\\", "\\\\").replace("'", "\\'")
    spec = f"configDir='{quoted}' tokenDescription='unitls database {next(_names)}' flags=readOnly"
    slot = nss.SECMOD_OpenUserDB(spec.encode())
    if slot == ffi.NULL:
        error = native.last_error()
        raise make(ConfigurationError, f"there is no NSS database in {configdir}: {error}", native_text=str(error))
    return slot  # for good: NSS holds what was read from it


@functools.cache
def _module(path: str) -> Any:
    """A PKCS#11 module, loaded once."""
    quoted = path.replace("\\", "\\\\").replace('"', '\\"')
    spec = ffi.new("char[]", f'library="{quoted}" name="unitls module {next(_names)}"'.encode())
    module = nss.SECMOD_LoadUserModule(spec, ffi.NULL, 0)
    if module == ffi.NULL or not module.loaded:
        error = native.last_error()
        raise make(ConfigurationError, f"the PKCS#11 module {path} cannot be loaded: {error}", native_text=str(error))
    atexit.register(_finalizer(path))
    return module


def _finalizer(path: str) -> Callable[[], Any]:
    """What ends a module with the process: SoftHSM crashes in its own exit handler if it has not been told before."""
    functions = ffi.new("CK_FUNCTION_LIST **")
    library = ffi.dlopen(path)
    library.C_GetFunctionList(functions)

    def finalize() -> None:
        functions[0].C_Finalize(ffi.NULL)
        library  # noqa: B018 - stays open until here

    return finalize
