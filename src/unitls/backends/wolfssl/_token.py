"""Keys and certificates in a PKCS#11 token, by their URI (RFC 7512)."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import os
import sys
import threading
import urllib.parse
import weakref
from typing import Any, Final

from ...api._errors import ConfigurationError
from .errors import configuration, make
from .native import SUCCESS, ffi, lib

_MODULES: Final = ("p11-kit-proxy.so", "libp11-kit.so.0", "p11-kit-proxy.dylib")
"""p11-kit's proxy stands for every module that the system has set up."""
_MODULE_VARIABLE: Final = "PKCS11_MODULE_PATH"
_ALREADY_INITIALISED: Final = 0x191
_THREADS: Final = (0, 0, 0, 0, 2, 0)
"""CK_C_INITIALIZE_ARGS with CKF_OS_LOCKING_OK: several threads may call."""
_SERIAL_SESSION: Final = 4
_USER: Final = 1
_ALREADY_LOGGED_IN: Final = 0x100
_CERTIFICATE, _PRIVATE_KEY = 1, 3
_CLASS: Final = 0x0
_LABEL, _VALUE, _ID = 0x3, 0x11, 0x102
_FOLLOWED: Final = frozenset({"token", "manufacturer", "model", "serial", "object", "id", "type", "slot-id"})
"""The attributes of a URI's path that are followed. (The type goes without saying: it is that of what is looked for.)"""
_QUERY: Final = frozenset({"module-path", "pin-value", "pin-source"})
_TOKEN_ROOM: Final = 256
_FIRST_DEVICE: Final = 0x756E6900
_numbers: Final = itertools.count(_FIRST_DEVICE)
_lock: Final = threading.RLock()
_modules: Final[dict[str, Any]] = {}
"""The functions of each module, by its name."""
_libraries: Final[list[Any]] = []
"""Where these functions are: open for good."""
_devices: Final[weakref.WeakValueDictionary[tuple[int, int], Device]] = weakref.WeakValueDictionary()


class Address:
    """A ``pkcs11:`` URI, read.

    Args:
        uri: as it was given.

    Raises:
        ConfigurationError: it is malformed, or holds an attribute that cannot be followed and so would be ignored.
    """

    def __init__(self, uri: str) -> None:
        path, _, query = uri.removeprefix("pkcs11:").partition("?")
        try:
            self._path = dict(part.split("=", 1) for part in path.split(";") if part)
            self._query = dict(part.split("=", 1) for part in query.split("&") if part)
        except ValueError:
            raise make(ConfigurationError, "the PKCS#11 URI has an attribute without a value") from None
        for name in [*(self._path.keys() - _FOLLOWED), *(self._query.keys() - _QUERY)]:
            raise make(ConfigurationError, f"the attribute {name!r} of the PKCS#11 URI is not followed by this backend")
        if not self._path.get("slot-id", "0").isdecimal():
            raise make(ConfigurationError, "the slot-id of the PKCS#11 URI is no number")

    def get(self, name: str) -> bytes | None:
        """An attribute's value, decoded."""
        value = self._path.get(name, self._query.get(name))
        return None if value is None else urllib.parse.unquote_to_bytes(value)

    def pin(self, given: bytes | None) -> bytes:
        """The PIN: what was given, or what the URI says."""
        if given is not None:
            return given
        source = self.get("pin-source")
        if source is not None:
            with open(os.fsdecode(source.removeprefix(b"file:")), "rb") as file:
                return file.read().rstrip(b"\r\n")
        return self.get("pin-value") or b""

    @property
    def module(self) -> str | None:
        """The module that the URI names, if it does."""
        named = self.get("module-path")
        return None if named is None else os.fsdecode(named)


def use_key(context: Any, uri: str, pin: bytes | None) -> Any:
    """Let a native context sign with a key in a token.

    Args:
        context: the native context, which has its certificate already.
        uri: where the key is.
        pin: the user's, if it was given.

    Returns:
        What has to live as long as the context.

    Raises:
        ConfigurationError: the token or the key is not there, or the PIN is wrong.
    """
    address = Address(uri)
    if address.get("id") is None and address.get("object") is None:
        raise make(ConfigurationError, "the PKCS#11 URI names no key: it needs object= or id=")
    device = _device(address, address.pin(pin))
    found = find(device.module, device.session, _PRIVATE_KEY, address)
    if found is None:
        raise make(ConfigurationError, "there is no such key in the token")
    # By its label, since 5.5 crashes on an RSA key that is given by its id.
    label = read(device.module, device.session, found, _LABEL)
    if not label:
        raise make(ConfigurationError, "the key in the token has no label, which wolfSSL finds it by")
    result = lib.wolfSSL_CTX_use_PrivateKey_Label(context, label, device.number)
    if result != SUCCESS:
        raise configuration("the key in the token cannot be used", result)
    if lib.wolfSSL_CTX_check_private_key(context) != SUCCESS:
        raise make(ConfigurationError, "the certificate does not belong to the key in the token")
    return device


def certificate(uri: str) -> bytes:
    """Read a certificate from a token; certificates are public, so no PIN is needed.

    Raises:
        ConfigurationError: it is not there.
    """
    address = Address(uri)
    module = _module(address.module)
    session = _session(module, _slot(module, address))
    try:
        found = find(module, session, _CERTIFICATE, address)
        value = None if found is None else read(module, session, found, _VALUE)
    finally:
        module.C_CloseSession(session)
    if not value:
        raise make(ConfigurationError, "there is no such certificate in the token")
    return value


class Device:
    """A token as wolfSSL knows it, and a session with it that is logged in.

    wolfSSL would log in and out for each signature, which takes the login away from other threads; but sessions share it, so
    that one that stays open is enough.

    Args:
        module: the functions of the PKCS#11 module.
        slot: the number of the token's slot.
        pin: the user's.

    Attributes:
        module: likewise.
        session: the number of the open session.
        number: what wolfSSL knows the token by.
    """

    def __init__(self, module: Any, slot: int, pin: bytes) -> None:
        self.module = module
        self.session = _session(module, slot)
        weakref.finalize(self, module.C_CloseSession, self.session)
        result = module.C_Login(self.session, _USER, pin, len(pin)) if pin else 0
        if result not in (0, _ALREADY_LOGGED_IN):
            raise make(ConfigurationError, f"the token refuses the PIN ({result:#x})", native_code=result)
        self._device = ffi.new("Pkcs11Dev *", {"functions": module})
        self._token = ffi.new("char[]", _TOKEN_ROOM)
        result = lib.wc_Pkcs11Token_Init_NoLogin(self._token, self._device, slot, ffi.NULL)
        if result != 0:
            raise configuration("the token cannot be used", result)
        self.number = next(_numbers)
        result = lib.wc_CryptoCb_RegisterDevice(self.number, ffi.addressof(lib, "wc_Pkcs11_CryptoDevCb"), self._token)
        if result != 0:
            raise configuration("wolfSSL has no room for another token", result)
        weakref.finalize(self, lib.wc_CryptoCb_UnRegisterDevice, self.number)
        self._proof = hashlib.sha256(pin).digest()

    def was_opened_with(self, pin: bytes) -> bool:
        """Whether this is the PIN. (A token that is logged in to already does not look at it.)"""
        return hmac.compare_digest(self._proof, hashlib.sha256(pin).digest())


def _device(address: Address, pin: bytes) -> Device:
    """The token that the URI describes, one for all who use it at the same time."""
    module = _module(address.module)
    slot = _slot(module, address)
    with _lock:
        device = _devices.get((id(module), slot))
        if device is None:
            device = _devices[id(module), slot] = Device(module, slot, pin)
        elif not device.was_opened_with(pin):
            raise make(ConfigurationError, "the PIN is not the one that the token is in use with")
        return device


def _module(path: str | None) -> Any:
    """The functions of the PKCS#11 module, opened and initialised once."""
    names = [path] if path is not None else [*_from_environment(), *_MODULES]
    with _lock:
        for name in names:
            if name in _modules:
                return _modules[name]
            try:
                library = ffi.dlopen(name)
            except OSError:
                continue
            _modules[name] = module = _functions(library, name)
            _libraries.append(library)
            return module
    raise make(ConfigurationError, f"no PKCS#11 module was found among {', '.join(names)}: name it with ?module-path=")


def _functions(library: Any, name: str) -> Any:
    """What a module consists of, initialised: a CK_FUNCTION_LIST. Of its names only that of the list has to be there."""
    place = ffi.new("CK_FUNCTION_LIST **")
    try:
        result = library.C_GetFunctionList(place)
    except (AttributeError, ffi.error) as error:
        raise make(ConfigurationError, f"{name} is no PKCS#11 module: {error}") from error
    if result == 0:
        result = place[0].C_Initialize(ffi.new("unsigned long[6]", _THREADS))
    if result not in (0, _ALREADY_INITIALISED):
        raise make(ConfigurationError, f"the PKCS#11 module {name} cannot be initialised ({result:#x})")
    return place[0]


def _from_environment() -> list[str]:
    named = None if sys.flags.ignore_environment else os.environ.get(_MODULE_VARIABLE)
    return [named] if named else []


def _slot(module: Any, address: Address) -> int:
    """The number of the slot whose token the URI describes. (wolfSSL takes the position for the number, which differ.)"""
    wanted = address.get("slot-id")
    count = ffi.new("unsigned long *")
    module.C_GetSlotList(1, ffi.NULL, count)
    slots = ffi.new("unsigned long[]", count[0])
    module.C_GetSlotList(1, slots, count)
    for slot in slots:
        if (wanted is None or slot == int(wanted)) and _fits(module, slot, address):
            return int(slot)
    raise make(ConfigurationError, "there is no token that the PKCS#11 URI describes")


def _fits(module: Any, slot: int, address: Address) -> bool:
    info = ffi.new("CK_TOKEN_INFO *")
    if module.C_GetTokenInfo(slot, info) != 0:
        return False
    said = {"token": info.label, "manufacturer": info.manufacturer, "model": info.model, "serial": info.serial}
    return all(address.get(name) in (None, bytes(ffi.buffer(value)).rstrip(b" \0")) for name, value in said.items())


def _session(module: Any, slot: int) -> int:
    session = ffi.new("unsigned long *")
    if module.C_OpenSession(slot, _SERIAL_SESSION, ffi.NULL, ffi.NULL, session) != 0:
        raise make(ConfigurationError, "the token does not let itself be read")
    return session[0]  # type: ignore[no-any-return]


def find(module: Any, session: int, kind: int, address: Address) -> int | None:
    """The first object of a kind that a URI describes."""
    kept = [ffi.new("unsigned long *", kind)]
    wanted: list[tuple[int, Any, int]] = [(_CLASS, kept[0], ffi.sizeof("unsigned long"))]
    for name, attribute in (("object", _LABEL), ("id", _ID)):
        value = address.get(name)
        if value is not None:
            kept.append(ffi.new("unsigned char[]", value))
            wanted.append((attribute, kept[-1], len(value)))
    if module.C_FindObjectsInit(session, ffi.new("CK_ATTRIBUTE[]", wanted), len(wanted)) != 0:
        return None
    found, count = ffi.new("unsigned long *"), ffi.new("unsigned long *")
    module.C_FindObjects(session, found, 1, count)
    module.C_FindObjectsFinal(session)
    return found[0] if count[0] else None


def read(module: Any, session: int, found: int, kind: int) -> bytes:
    """The value of an object's attribute; empty if it has none."""
    attribute = ffi.new("CK_ATTRIBUTE *", (kind, ffi.NULL, 0))
    if module.C_GetAttributeValue(session, found, attribute, 1) != 0:
        return b""
    room = ffi.new("unsigned char[]", attribute.size)
    attribute.value = room
    module.C_GetAttributeValue(session, found, attribute, 1)
    return bytes(ffi.buffer(room, attribute.size))
