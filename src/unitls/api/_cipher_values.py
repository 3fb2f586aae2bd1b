"""What can be told from the number of a cipher suite, known or not.

The enumeration itself is loaded by the first call that needs a member of it, and not by importing this module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ._codepoints import checked_codepoint

if TYPE_CHECKING:
    from ._ciphers import CipherSuite

_SIGNALLING: Final = frozenset({0x00FF, 0x5600})

# TLS 1.3 suites are numbered 0x13xx, apart from these. Their names are no guide: the GOST suites of TLS 1.3 have a
# "_WITH_" in theirs as those of TLS 1.2 do.
_TLS13_ELSEWHERE: Final = frozenset(
    {
        *range(0x006E, 0x0072),  # Ascon (NIST SP 800-232)
        *range(0x00C6, 0x00C8),  # SM4 (RFC 8998)
        *range(0xC0B4, 0xC0B6),  # integrity only (RFC 9150)
        *range(0xC103, 0xC107),  # GOST with MGM (RFC 9367)
    }
)


def cipher_suite(value: int) -> CipherSuite | int:
    """The member of `CipherSuite` with this value, or the value itself where the registry knew none.

    Args:
        value: a suite, as a member or as the 16-bit integer of the wire.

    Raises:
        ConfigurationError: if it is not an integer, or does not fit into 16 bits.
    """
    from ._ciphers import CipherSuite

    value = checked_codepoint(value, bits=16, what="a cipher suite")
    try:
        return CipherSuite(value)
    except ValueError:
        return value


def is_tls13_suite(value: int) -> bool:
    """Whether the suite is one of TLS 1.3, and so is no use to an earlier version (RFC 8446 section 4.1.2).

    An unassigned value in 0x13xx, where TLS 1.3 has its suites, counts as one.
    """
    return value >> 8 == 0x13 or value in _TLS13_ELSEWHERE


def is_finite_field(value: int) -> bool:
    """Whether keys are exchanged with it by ephemeral Diffie-Hellman over integers, as TLS 1.3 suites do not say."""
    return "_DHE_" in getattr(cipher_suite(value), "name", "")


def is_signalling(value: int) -> bool:
    """Whether the value only signals something in a ClientHello and can never be negotiated.

    There are two: TLS_EMPTY_RENEGOTIATION_INFO_SCSV (RFC 5746 section 3.3) and TLS_FALLBACK_SCSV (RFC 7507).
    """
    return value in _SIGNALLING
