"""IANA values as the library's names, and back: versions, cipher suites, groups, signature algorithms."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from ...api._cipher_values import is_tls13_suite
from ...core._plain_key import signature_schemes
from ...core._x509 import certificate_fields
from . import native
from .native import NULL, ffi, lib

VERSION_NAMES: Final = {0x0301: "TLS1.0", 0x0302: "TLS1.1", 0x0303: "TLS1.2", 0x0304: "TLS1.3"}
_GROUP_NAMES: Final = {
    4588: "X25519-MLKEM768",
    4587: "SECP256R1-MLKEM768",
    4589: "SECP384R1-MLKEM1024",
    29: "X25519",
    23: "SECP256R1",
    24: "SECP384R1",
    25: "SECP521R1",
    30: "X448",
    256: "FFDHE2048",
    257: "FFDHE3072",
    258: "FFDHE4096",
    259: "FFDHE6144",
    260: "FFDHE8192",
}
"""By preference."""
_SIGNATURE_NAMES: Final = {
    # With TLS 1.2 the numbers for ECDSA say nothing of the curve, so they have two names.
    0x0403: ("ECDSA-SECP256R1-SHA256", "ECDSA-SHA256"),
    0x0503: ("ECDSA-SECP384R1-SHA384", "ECDSA-SHA384"),
    0x0603: ("ECDSA-SECP521R1-SHA512", "ECDSA-SHA512"),
    0x0807: ("EdDSA-Ed25519",),
    0x0808: ("EdDSA-Ed448",),
    0x0804: ("RSA-PSS-RSAE-SHA256",),
    0x0805: ("RSA-PSS-RSAE-SHA384",),
    0x0806: ("RSA-PSS-RSAE-SHA512",),
    0x0809: ("RSA-PSS-SHA256",),
    0x080A: ("RSA-PSS-SHA384",),
    0x080B: ("RSA-PSS-SHA512",),
    0x0401: ("RSA-SHA256",),
    0x0501: ("RSA-SHA384",),
    0x0601: ("RSA-SHA512",),
    0x0904: ("ML-DSA-44",),
    0x0905: ("ML-DSA-65",),
    0x0906: ("ML-DSA-87",),
}
"""By preference, without SHA-1: certificates that are signed with it are refused in any case."""
_KEY_EXCHANGES: Final = ("ECDHE-ECDSA", "ECDHE-RSA", "DHE-RSA", "RSA")
"""Those that authenticate with a certificate that is not DSA."""
_TLS13: Final = 0x0304
_RSA_SCHEMES: Final = (0x0804, 0x0809)
_CIPHERS: Final = (
    "AES-256-GCM",
    "CHACHA20-POLY1305",
    "AES-128-GCM",
    "AES-256-CCM",
    "AES-128-CCM",
    "CAMELLIA-256-GCM",
    "CAMELLIA-128-GCM",
    "AES-256-CCM-8",
    "AES-128-CCM-8",
    "AES-256-CBC",
    "AES-128-CBC",
    "CAMELLIA-256-CBC",
    "CAMELLIA-128-CBC",
)
_MACS: Final = ("AEAD", "SHA384", "SHA256", "SHA1")
_DEFAULT_CIPHERS: Final = frozenset(_CIPHERS[:3])
_DEFAULT_KEY_EXCHANGES: Final = frozenset(_KEY_EXCHANGES[:3])


class Suite(NamedTuple):
    """A cipher suite in the library's terms.

    Attributes:
        value: as on the wire.
        exchange: how keys are exchanged and the server is authenticated; empty with TLS 1.3.
        cipher: the cipher's name.
        mac: the name of its message authentication.
        triple: key exchange, cipher and MAC as the library numbers them; 0 for the first with TLS 1.3.
        least: the lowest version it can be used with.
    """

    value: int
    exchange: str
    cipher: str
    mac: str
    triple: tuple[int, int, int]
    least: int


def _name(pointer: object) -> str:
    return "" if pointer == NULL else ffi.string(pointer).decode()


@functools.cache
def _by_index() -> tuple[Suite, ...]:
    """Every suite the library knows, in its own order, by which a priority refers to them."""
    value, numbers = ffi.new("unsigned char[2]"), [ffi.new("int *") for _ in range(4)]
    found: list[Suite] = []
    while lib.gnutls_cipher_suite_info(len(found), value, *numbers) != NULL:
        exchange, cipher, mac, least = (number[0] for number in numbers)
        names = (
            _name(lib.gnutls_kx_get_name(exchange)),
            _name(lib.gnutls_cipher_get_name(cipher)),
            _name(lib.gnutls_mac_get_name(mac)),
        )
        triple = (exchange if names[0] else 0, cipher, mac)
        found.append(Suite(value[0] << 8 | value[1], *names, triple, native.VERSIONS.get(least, 0x0301)))
    return tuple(found)


@functools.cache
def _by_value() -> dict[int, Suite]:
    return {suite.value: suite for suite in _by_index()}


@functools.cache
def _values() -> dict[tuple[int, int, int], int]:
    return {suite.triple: suite.value for suite in _by_index()}


def negotiated(exchange: int, cipher: int, mac: int, is_tls13: bool) -> int | None:
    """The suite of these three numbers."""
    return _values().get((0 if is_tls13 else exchange, cipher, mac))


def suite(value: int) -> Suite:
    """A suite that is among `available`."""
    return _by_value()[value]


# ---------------------------------------------------------------------------------------------- what is there


@functools.cache
def versions() -> tuple[int, ...]:
    """The versions that the library and the system's policy let through, lowest first."""
    everything = [*_CIPHERS, *_MACS, *_KEY_EXCHANGES]
    return tuple(
        value for value, name in VERSION_NAMES.items() if enabled_by(_joined([f"VERS-{name}", *everything], (), ()))
    )


@functools.cache
def available() -> tuple[int, ...]:
    """Every suite that can be negotiated here, as IANA values by preference, those of TLS 1.3 first."""
    elements = [*(f"VERS-{VERSION_NAMES[value]}" for value in versions()), *_CIPHERS, *_MACS, *_KEY_EXCHANGES]
    found = [_by_value()[value] for value in enabled_by(_joined(elements, (), ()))]
    found.sort(key=_preference)
    return tuple(suite.value for suite in found)


def _preference(suite: Suite) -> tuple[bool, bool, int, int]:
    exchange = _KEY_EXCHANGES.index(suite.exchange) if suite.exchange else -1
    with_forward_secrecy = suite.exchange != "RSA"
    return (bool(suite.exchange), not with_forward_secrecy, _CIPHERS.index(suite.cipher), exchange)


@functools.cache
def default() -> tuple[int, ...]:
    """The suites enabled when none are chosen: with forward secrecy and authenticated encryption."""
    chosen = (_by_value()[value] for value in available())
    return tuple(
        item.value
        for item in chosen
        if item.cipher in _DEFAULT_CIPHERS and (not item.exchange or item.exchange in _DEFAULT_KEY_EXCHANGES)
    )


@functools.cache
def old_default() -> tuple[int, ...]:
    """The suites enabled besides where versions before TLS 1.2 are: with forward secrecy, AES and SHA-1."""
    chosen = (_by_value()[value] for value in available())
    return tuple(
        item.value
        for item in chosen
        if item.exchange in _DEFAULT_KEY_EXCHANGES and item.mac == "SHA1" and item.cipher.startswith("AES")
    )


@functools.cache
def groups() -> tuple[int, ...]:
    """The groups of the library, by preference."""
    return tuple(value for value, name in _GROUP_NAMES.items() if lib.gnutls_group_get_id(name.encode()) > 0)


@functools.cache
def group_values() -> dict[int, int]:
    """From the library's number of a group to IANA's."""
    return {lib.gnutls_group_get_id(_GROUP_NAMES[value].encode()): value for value in groups()}


@functools.cache
def signatures() -> tuple[int, ...]:
    """The signature algorithms of the library, by preference."""
    return tuple(value for value, names in _SIGNATURE_NAMES.items() if _sign_id(names[0]) > 0)


def _sign_id(name: str) -> int:
    return lib.gnutls_sign_get_id(name.encode())  # type: ignore[no-any-return]


@functools.cache
def signature_values() -> dict[int, int]:
    """From the library's number of a signature algorithm to IANA's."""
    return {_sign_id(name): value for value in signatures() for name in _SIGNATURE_NAMES[value]}


# ---------------------------------------------------------------------------------------------- priority strings


def _joined(elements: Iterable[str], groups: Iterable[int], signatures: Iterable[int], options: str = "") -> str:
    names = [f"GROUP-{_GROUP_NAMES[value]}" for value in groups] or ["GROUP-ALL"]
    signs = [f"SIGN-{name}" for value in signatures for name in _SIGNATURE_NAMES[value]] or ["SIGN-ALL"]
    return (
        ":".join(["NONE", *(f"+{item}" for item in (*elements, *names, *signs)), "+COMP-NULL", "+CTYPE-X509"]) + options
    )


def priority_string(
    versions: Iterable[int],
    suites: Sequence[int],
    groups: Sequence[int],
    signatures: Sequence[int],
    options: str,
    further: Iterable[str] = (),
) -> str:
    """What gnutls_priority_init2 takes to enable these, and as little besides as it can express.

    It takes key exchanges, ciphers and MACs apart, so suites that combine those of different ones are enabled too.

    Args:
        versions: as on the wire, by preference.
        suites: by preference.
        groups: by preference.
        signatures: by preference.
        options: further words, each with a colon in front.
        further: key exchanges besides those of the suites.
    """
    chosen = [_by_value()[value] for value in suites]
    parts = [[item.cipher for item in chosen], [item.mac for item in chosen]]
    exchanges = [item.exchange for item in chosen if item.exchange]
    names = [f"VERS-{VERSION_NAMES[value]}" for value in versions]
    elements = [*names, *(name for part in (*parts, exchanges) for name in dict.fromkeys(part)), *further]
    return _joined(elements, groups, signatures, options)


def new_priority(string: str) -> object:
    """Make a gnutls_priority_t.

    Raises:
        native.Error: the library does not take it.
    """
    return native.owned(
        "gnutls_priority_t",
        lambda place: lib.gnutls_priority_init2(place, string.encode(), NULL, 0),
        lib.gnutls_priority_deinit,
    )


def enabled_by(string: str) -> tuple[int, ...]:
    """The suites that a priority string enables; none if the library does not take it."""
    try:
        return enabled(new_priority(string))
    except native.Error:
        return ()


def enabled(priority: object) -> tuple[int, ...]:
    """The suites that a priority enables, as IANA values."""
    known, index, found, position = _by_index(), ffi.new("unsigned int *"), [], 0
    while (code := lib.gnutls_priority_get_cipher_suite_index(priority, position, index)) != (
        native.E_REQUESTED_DATA_NOT_AVAILABLE
    ):
        if code == 0:
            found.append(known[index[0]].value)
        position += 1
    return tuple(dict.fromkeys(found))


def surplus(suites: Iterable[int], priority: object) -> frozenset[int]:
    """The suites that `priority` enables and that are not among `suites`."""
    return frozenset(enabled(priority)).difference(suites)


def exchanges_for(certificate: bytes) -> tuple[str, ...]:
    """The key exchanges up to TLS 1.2 that go with the key of a certificate."""
    schemes = signature_schemes(certificate_fields(certificate).spki)
    return _KEY_EXCHANGES[1:] if any(scheme in _RSA_SCHEMES for scheme in schemes) else _KEY_EXCHANGES[:1]


def pick(
    suites: Sequence[int], offered: Sequence[int], versions: Iterable[int], exchanges: Sequence[str]
) -> int | None:
    """Choose the suite of a connection, as a server does that can enable one only.

    Args:
        suites: ours, by preference.
        offered: the client's.
        versions: in common.
        exchanges: the key exchanges up to TLS 1.2 that our key goes with.

    Returns:
        One in common, of the highest version that has one; `None` if there is none.
    """
    highest_old = max((value for value in versions if value < _TLS13), default=0)
    common = [value for value in suites if value in offered]
    new = [value for value in common if is_tls13_suite(value)] if _TLS13 in versions else []
    old = [
        value
        for value in common
        if not is_tls13_suite(value)
        and _by_value()[value].exchange in exchanges
        and _by_value()[value].least <= highest_old
    ]
    return next(iter([*new, *old]), None)
