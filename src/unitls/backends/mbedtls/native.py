"""The raw binding of Mbed TLS: its library, its structures, its numbers, and the exceptions that stand for its results.

Importing this module opens the library and looks at how it was built; where it cannot be used, that is an `ImportError`.
"""

from __future__ import annotations

import functools
from typing import Any, Final

from ...core._fork import OnceInEachChild
from ._layout import STEMS, Layout
from ._library import open_mbedtls

try:
    from ._bindings import ffi as ffi
except ImportError as error:
    raise ImportError(f"the package cffi is needed: {error}") from error

lib: Final[Any] = open_mbedtls(ffi)
NULL: Final[Any] = ffi.NULL

VERSION_NUMBER: Final[int] = lib.mbedtls_version_get_number()
IS_3: Final = VERSION_NUMBER >= 0x03000000
if VERSION_NUMBER >> 16 not in (0x021C, 0x0306):
    raise ImportError(f"this is Mbed TLS {VERSION_NUMBER >> 24}.{VERSION_NUMBER >> 16 & 255}; 2.28 or 3.6 is needed")

# Results (ssl.h, x509.h).
WANT_READ: Final = -0x6900
WANT_WRITE: Final = -0x6880
PEER_CLOSE_NOTIFY: Final = -0x7880
BAD_PROTOCOL_VERSION: Final = -0x6E80
FATAL_ALERT_MESSAGE: Final = -0x7780
RECEIVED_NEW_SESSION_TICKET: Final = -0x7B00
BAD_CERTIFICATE: Final = -0x7A00
BAD_CERTIFICATE_VERIFY: Final = -0x7E00
NO_CLIENT_CERTIFICATE: Final = -0x7480
X509_FATAL_ERROR: Final = -0x3000
PK_SIGN_FAILED: Final = -0x3980
PK_PASSWORD_MISMATCH: Final = -0x3B80
PK_PASSWORD_REQUIRED: Final = -0x3C00
ENTROPY_FAILED: Final = -0x003C

# What is configured with (ssl.h, pk.h, md.h, cipher.h).
CLIENT, SERVER = 0, 1
VERIFY_NONE, VERIFY_OPTIONAL, VERIFY_REQUIRED = 0, 1, 2
ALERT_FATAL: Final = 2
WITH_EPHEMERAL_KEYS: Final = 2 | 4
"""MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_EPHEMERAL and …_PSK_EPHEMERAL."""
AES_256_GCM: Final = 16
RECORD: Final = 16384
_CONNECTION_SIZE: Final = 40_000
"""About how much memory a connection holds, for the garbage collector."""


def _text(pointer: Any) -> str:
    found: bytes = b"" if pointer == NULL else ffi.string(pointer)
    return found.decode("ascii", "replace")


def has(feature: str) -> bool:
    """Whether the library was built with ``MBEDTLS_`` + `feature`."""
    return lib.mbedtls_version_check_feature(f"MBEDTLS_{feature}".encode()) == 0  # type: ignore[no-any-return]


def exports(function: str) -> bool:
    """Whether the library has a function of this name."""
    try:
        getattr(lib, function)
    except (AttributeError, ffi.error):
        return False
    return True


def _version_text() -> str:
    buffer = ffi.new("char[]", 64)
    lib.mbedtls_version_get_string_full(buffer)
    return _text(buffer).replace("mbed TLS", "Mbed TLS")


VERSION: Final = _version_text()
HAS_THREADING: Final = has("THREADING_C")
HAS_TLS13: Final = IS_3 and has("SSL_PROTO_TLS1_3")
HAS_EXPORTER: Final = exports("mbedtls_ssl_export_keying_material")
HAS_TICKET_ROTATION: Final = exports("mbedtls_ssl_ticket_rotate")


class Error(Exception):
    """A call has failed.

    Args:
        code: what it returned.

    Attributes:
        code: likewise.
        text: the library's words for it.
        alert: the alert that the peer has sent, where that is what failed.
        fault: why a certificate was refused, where that is what failed.
    """

    def __init__(self, code: int) -> None:
        self.code = code
        self.text = describe(code)
        self.alert: int | None = None
        self.fault: Any = None
        super().__init__(self.text)


class WantRead(Exception):
    """More has to come in first."""


@functools.lru_cache(maxsize=256)
def describe(code: int) -> str:
    """The library's words for a result."""
    buffer = ffi.new("char[]", 256)
    lib.mbedtls_strerror(code, buffer, 256)
    return f"{_text(buffer)} (-{-code:#06x})"


def check(code: int) -> None:
    """Raise unless a call has succeeded.

    Raises:
        Error: it has not.
    """
    if code:
        raise Error(code)


# ------------------------------------------------------------------------------------------ starting

if IS_3 and lib.psa_crypto_init():
    raise ImportError("the library could not start its cryptography (psa_crypto_init)")
lib.mbedtls_debug_set_threshold(1)
_layout: Final = Layout(ffi, lib)


def _reseed() -> None:
    """Seed the generator of 3.6 anew: from 3.6.6 on it notices a fork itself. In 2.28 all are `os.urandom`'s."""
    if exports("psa_random_reseed"):
        lib.psa_random_reseed(NULL, 0)
    elif IS_3:
        lib.mbedtls_psa_crypto_free()
        lib.psa_crypto_init()


reseed_after_fork: Final = OnceInEachChild(_reseed)
"""For each handshake to begin with: else the random numbers of a child would be its parent's."""


# ------------------------------------------------------------------------------------------ structures


# What the library still looks at when it frees a structure is kept here until then, by the structure's address: were it
# kept by an object, the garbage collector could free both in the wrong order.
_configs: Final[dict[int, Any]] = {}
_tables: Final[dict[int, tuple[Any, Any]]] = {}


def new(structure: str) -> Any:
    """Allocate and initialise a structure, which is freed by the library, and then by Python.

    Args:
        structure: its name without ``mbedtls_``.
    """
    stem = STEMS.get(structure, structure)
    made = ffi.new(f"mbedtls_{structure} *")
    getattr(lib, f"mbedtls_{stem}_init")(made)
    return ffi.gc(made, _free_key if structure == "pk_context" else getattr(lib, f"mbedtls_{stem}_free"))


def new_connection(config: Any) -> Any:
    """A connection's structure.

    Args:
        config: its configuration.

    Raises:
        Error: the library could not set it up.
    """
    made = ffi.new("mbedtls_ssl_context *")
    lib.mbedtls_ssl_init(made)
    _configs[_address(made)] = config
    owned = ffi.gc(made, _free_connection, _CONNECTION_SIZE)
    check(lib.mbedtls_ssl_setup(owned, config))
    return owned


def _free_connection(made: Any) -> None:
    lib.mbedtls_ssl_free(made)
    _configs.pop(_address(made), None)


def replace_functions(key: Any, table: Any) -> None:
    """Have a key work with another table of functions (an ``mbedtls_pk_info_t``) until it is freed."""
    _tables[_address(key)] = table, key.pk_info
    key.pk_info = table


def _free_key(made: Any) -> None:
    replaced = _tables.pop(_address(made), None)
    if replaced is not None:
        made.pk_info = replaced[1]
    lib.mbedtls_pk_free(made)


def _address(pointer: Any) -> int:
    return int(ffi.cast("uintptr_t", pointer))


def certificates(first: Any) -> list[bytes]:
    """A list of certificates in DER, from the first on."""
    found = []
    while first != NULL:
        if first.raw.len:
            found.append(bytes(ffi.buffer(first.raw.p, first.raw.len)))
        first = ffi.cast("mbedtls_x509_crt **", ffi.cast("char *", first) + _layout.next_offset)[0]
    return found


# ------------------------------------------------------------------------------------------ two signatures for one name


def parse_key(key: Any, data: bytes, passphrase: bytes | None, rng: Any) -> int:
    """Read a private key (mbedtls_pk_parse_key): DER, or PEM with a null byte behind it."""
    address, given = ffi.addressof(lib, "mbedtls_pk_parse_key"), NULL if passphrase is None else passphrase
    arguments = (key, data, len(data), given, len(passphrase or b""))
    if IS_3:
        return ffi.cast("parse_key_3_t", address)(*arguments, rng, 0)  # type: ignore[no-any-return]
    return ffi.cast("parse_key_2_t", address)(*arguments)  # type: ignore[no-any-return]


def check_pair(public: Any, private: Any, rng: Any) -> int:
    """Whether a private key belongs to a public one (mbedtls_pk_check_pair): 0 if it does."""
    address = ffi.addressof(lib, "mbedtls_pk_check_pair")
    if IS_3:
        return ffi.cast("check_pair_3_t", address)(public, private, rng, 0)  # type: ignore[no-any-return]
    return ffi.cast("check_pair_2_t", address)(public, private)  # type: ignore[no-any-return]


def text_of(pointer: Any) -> str | None:
    """A C string that may be absent."""
    return None if pointer == NULL else _text(pointer)
