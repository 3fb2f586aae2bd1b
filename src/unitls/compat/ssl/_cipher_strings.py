"""OpenSSL's language of cipher strings (ciphers(1)), on the list of suites in ``_suites``.

A string is a program that moves suites about in a list: words add, ``-`` takes away, ``!`` takes away for good, ``+``
puts last. What comes out is what OpenSSL 3 makes of the same string, word for word and in the same order.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any, Final

from ...api._cipher_values import cipher_suite, is_tls13_suite
from ...api._features import Feature
from ._errors import SSLError
from ._suites import Suite, by_name, suites
from ._translate import unsupported

logger = logging.getLogger("unitls")

SECURITY_LEVEL: Final = 2
"""What every backend enforces: 112 bits, so RSA keys of 2048 bits and no SHA-1 signatures."""
_DEFAULT: Final = "ALL:!COMPLEMENTOFDEFAULT:!eNULL"
_ELEMENT: Final = re.compile(r"([-+!@]?)([A-Za-z0-9._=-]+(?:\+[A-Za-z0-9._=-]+)*)|[:,; ]")
_PSK: Final = ("PSK", "RSAPSK", "ECDHEPSK", "DHEPSK")
Test = Callable[[Suite], bool]


def _exchange(*names: str) -> Test:
    return lambda suite: suite.exchange in names


def _authentication(name: str) -> Test:
    return lambda suite: suite.authentication == name


def _both(exchange: str, *, anonymous: bool) -> Test:
    return lambda suite: suite.exchange == exchange and (suite.authentication == "None") is anonymous


def _encryption(*starts: str) -> Test:
    return lambda suite: suite.encryption.startswith(starts)


def _mac(name: str) -> Test:
    return lambda suite: suite.mac == name


def _version(name: str) -> Test:
    return lambda suite: suite.version == name


def _never(suite: Suite) -> bool:
    return False


_TESTS: Final[dict[str, Test]] = {
    "ALL": lambda suite: suite.bits > 0,
    "HIGH": lambda suite: suite.bits > 0,
    "COMPLEMENTOFALL": lambda suite: suite.bits == 0,
    "COMPLEMENTOFDEFAULT": lambda suite: "d" in suite.marks,
    "FIPS": lambda suite: "f" in suite.marks,
    **dict.fromkeys(("eNULL", "NULL"), _encryption("None")),
    **dict.fromkeys(("kRSA", "RSA"), _exchange("RSA")),
    **dict.fromkeys(("kDHE", "kEDH", "DH"), _exchange("DH")),
    **dict.fromkeys(("DHE", "EDH"), _both("DH", anonymous=False)),
    **dict.fromkeys(("kECDHE", "kEECDH", "ECDH"), _exchange("ECDH")),
    **dict.fromkeys(("ECDHE", "EECDH"), _both("ECDH", anonymous=False)),
    "ADH": _both("DH", anonymous=True),
    "AECDH": _both("ECDH", anonymous=True),
    "PSK": _exchange(*_PSK),
    **{f"k{name}": _exchange(name) for name in _PSK},
    **dict.fromkeys(("kSRP", "SRP"), _exchange("SRP")),
    "aRSA": _authentication("RSA"),
    **dict.fromkeys(("aDSS", "DSS"), _authentication("DSS")),
    **dict.fromkeys(("aECDSA", "ECDSA"), _authentication("ECDSA")),
    "aNULL": _authentication("None"),
    "aPSK": _authentication("PSK"),
    "aSRP": _authentication("SRP"),
    "AES": _encryption("AES"),
    "AES128": lambda suite: suite.encryption.startswith("AES") and suite.bits == 128,
    "AES256": lambda suite: suite.encryption.startswith("AES") and suite.bits == 256,
    "AESGCM": _encryption("AESGCM"),
    "AESCCM": _encryption("AESCCM"),
    "AESCCM8": _encryption("AESCCM8"),
    "CAMELLIA": _encryption("Camellia"),
    "CAMELLIA128": _encryption("Camellia(128)"),
    "CAMELLIA256": _encryption("Camellia(256)"),
    **dict.fromkeys(("ARIA", "ARIAGCM"), _encryption("ARIAGCM")),
    "ARIA128": _encryption("ARIAGCM(128)"),
    "ARIA256": _encryption("ARIAGCM(256)"),
    "CHACHA20": _encryption("CHACHA20"),
    "CBC": _encryption("AES(", "Camellia("),
    "MD5": _mac("MD5"),
    **dict.fromkeys(("SHA1", "SHA"), _mac("SHA1")),
    "SHA256": _mac("SHA256"),
    "SHA384": _mac("SHA384"),
    "SSLv3": _version("SSLv3"),
    **dict.fromkeys(("TLSv1", "TLSv1.0"), _version("TLSv1")),
    "TLSv1.2": _version("TLSv1.2"),
    # Words for what OpenSSL 3 no longer has, or has in builds of its own: they mean no suite.
    **dict.fromkeys((
        "3DES", "DES", "RC4", "RC2", "IDEA", "SEED", "LOW", "MEDIUM", "EXP", "EXPORT", "EXPORT40", "EXPORT56",
        "GOST89", "GOST89MAC", "GOST94", "GOST2012", "GOST12", "kGOST", "kGOST18", "aGOST", "aGOST01", "aGOST12",
        "kDHr", "kDHd", "kDH", "kECDHr", "kECDHe", "kECDH", "aDH", "aECDH", "kKRB5", "aKRB5", "KRB5", "FZA", "TLSv1.3",
    ), _never),
}  # fmt: skip


class _List:
    """The suites up to TLS 1.2 in order, of which some are chosen."""

    def __init__(self) -> None:
        self.order = [suite.number for suite in suites().values() if not suite.is_tls13]
        self.chosen: set[int] = set()

    def apply(self, sign: str, meant: frozenset[int]) -> None:
        """Carry out one word."""
        if sign == "!":
            self.order = [number for number in self.order if number not in meant]
            self.chosen -= meant
        elif sign == "-":
            self._move(meant & self.chosen, first=True)
            self.chosen -= meant
        elif sign == "+":
            self._move(meant & self.chosen, first=False)
        else:
            new = meant - self.chosen
            self._move(new, first=False)
            self.chosen |= new & set(self.order)

    def _move(self, moved: frozenset[int] | set[int], *, first: bool) -> None:
        some = [number for number in self.order if number in moved]
        rest = [number for number in self.order if number not in moved]
        self.order = some + rest if first else rest + some

    def sort_by_strength(self) -> None:
        """Put the longest keys first; what is equally strong keeps its order."""
        table = suites()
        strongest = sorted((number for number in self.order if number in self.chosen), key=lambda n: -table[n].bits)
        self.order = [number for number in self.order if number not in self.chosen] + strongest

    def result(self) -> tuple[int, ...]:
        return tuple(number for number in self.order if number in self.chosen)


@lru_cache(maxsize=64)
def parse(text: str) -> tuple[int, ...]:
    """Read a cipher string.

    Args:
        text: as `SSLContext.set_ciphers` takes it.

    Returns:
        The suites up to TLS 1.2 it means, in its order. Those of TLS 1.3 are not its business.

    Raises:
        SSLError: it means none, holds an unknown command, or asks for a security level that is not the backends'. An
            unknown word among others is passed over, as OpenSSL does, and logged.
    """
    found = _List()
    if text.startswith("DEFAULT"):
        _run(found, _DEFAULT)
        text = text[len("DEFAULT") :].removeprefix(":")
    _run(found, text)
    chosen = found.result()
    if not chosen:
        raise no_cipher()
    return chosen


def no_cipher() -> SSLError:
    """The error for a string that leaves no suite; without a reason, as theirs."""
    return SSLError("No cipher can be selected.")


def _run(found: _List, text: str) -> None:
    position = 0
    while position < len(text):
        match = _ELEMENT.match(text, position)
        if match is None:
            raise no_cipher()
        position = match.end()
        sign, word = match.groups()
        if sign == "@":
            _command(found, word)
        elif word:
            found.apply(sign, _meaning(word))


def _command(found: _List, word: str) -> None:
    if word == "STRENGTH":
        found.sort_by_strength()
        return
    name, equals, level = word.partition("=")
    if name != "SECLEVEL" or not equals or level not in tuple("012345"):
        raise no_cipher()
    if int(level) != SECURITY_LEVEL:
        raise unsupported(
            Feature.CIPHER_SUITES,
            f"the security level {level} cannot be set: every backend keeps to level {SECURITY_LEVEL} "
            "(RSA keys of 2048 bits, no SHA-1 signatures)",
        )


def _meaning(word: str) -> frozenset[int]:
    """The suites that all parts of a word mean, such as ``ECDHE+AESGCM``."""
    meant: frozenset[int] | None = None
    for part in word.split("+"):
        named = _named(part)
        meant = named if meant is None else meant & named
    return meant or frozenset()


@cache
def _named(word: str) -> frozenset[int]:
    suite = by_name().get(word)
    if suite is not None:
        return frozenset((suite.number,))
    test: Any = _TESTS.get(word)
    if word.startswith("SUITEB"):
        raise unsupported(
            Feature.SIGNATURE_ALGORITHMS,
            f"{word} also chooses curves and signatures, which a cipher string cannot do here",
        )
    if test is None:
        logger.warning("the word %r in a cipher string means nothing, and is passed over as OpenSSL does", word)
        return frozenset()
    return frozenset(item.number for item in suites().values() if not item.is_tls13 and test(item))


# ------------------------------------------------------------------------------------------ what suites are called

_EXCHANGES: Final = {
    "DH": "kx-dhe", "ECDH": "kx-ecdhe", "RSA": "kx-rsa", "DHEPSK": "kx-dhe-psk", "PSK": "kx-psk",
    "RSAPSK": "kx-rsa-psk", "ECDHEPSK": "kx-ecdhe-psk", "SRP": "kx-srp", "any": "kx-any",
}  # fmt: skip
_AUTHENTICATIONS: Final = {"None": "auth-null"}
_SYMMETRIC: Final = {"AES": "aes-{}-cbc", "Camellia": "camellia-{}-cbc", "AESGCM": "aes-{}-gcm", "AESCCM": "aes-{}-ccm",
    "AESCCM8": "aes-{}-ccm", "ARIAGCM": "aria-{}-gcm", "CHACHA20/POLY1305": "chacha20-poly1305"}  # fmt: skip


def description(number: int) -> dict[str, Any]:
    """A suite as `SSLContext.get_ciphers` shows it."""
    suite = suites().get(number)
    if suite is None:
        return {"id": 0x03000000 | number, "name": name_of(number), "protocol": _version_of(number)}
    kind = suite.encryption.partition("(")[0]
    symmetric = _SYMMETRIC.get(kind)
    return {
        "id": 0x03000000 | number,
        "name": suite.name,
        "protocol": suite.version if suite.version != "TLSv1" else "TLSv1.0",
        "description": (
            f"{suite.name:<30} {suite.version:<7} Kx={suite.exchange:<8} Au={suite.authentication:<5} "
            f"Enc={suite.encryption:<22} Mac={suite.mac:<4}"
        ),
        "strength_bits": suite.bits,
        "alg_bits": suite.bits,
        "aead": suite.mac == "AEAD",
        "symmetric": None if symmetric is None else symmetric.format(suite.bits),
        "digest": None if suite.mac == "AEAD" else suite.mac.lower(),
        "kea": _EXCHANGES[suite.exchange],
        "auth": _AUTHENTICATIONS.get(suite.authentication, f"auth-{suite.authentication.lower()}"),
    }


def name_of(number: int) -> str:
    """OpenSSL's name of a suite, or that of the registry where OpenSSL has none."""
    suite = suites().get(number)
    if suite is not None:
        return suite.name
    value = cipher_suite(number)
    return getattr(value, "name", f"{number:#06x}")


def _version_of(number: int) -> str:
    """The version of a suite that OpenSSL does not know."""
    return "TLSv1.3" if is_tls13_suite(number) else "TLSv1.2"


def short(number: int) -> tuple[str, str, int]:
    """A suite as `SSLSocket.cipher` tells it: name, protocol, bits."""
    suite = suites().get(number)
    if suite is None:
        return name_of(number), _version_of(number), 0
    return suite.name, "TLSv1.0" if suite.version == "TLSv1" else suite.version, suite.bits
