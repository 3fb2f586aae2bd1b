"""Key exchange groups and signatures by their IANA numbers, as the two versions of the library name them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from .native import IS_3, ffi, lib

_CURVES: Final = {23: 3, 24: 4, 25: 5, 26: 6, 27: 7, 28: 8, 29: 9, 22: 12}
"""MBEDTLS_ECP_DP_… (2.28) by IANA number; 2.28 does not use Curve448 for TLS."""
_GROUPS: Final = (22, 23, 24, 25, 26, 27, 28, 29, 30, 256, 257, 258, 259, 260)
"""What 3.6 has."""
_USUAL: Final = (23, 29, 24, 25)
"""The groups where none are chosen: the fastest of this library first. 2.28 itself would begin with the largest."""
_HASHES: Final = (9, 10, 11) if IS_3 else (6, 7, 8)
"""MBEDTLS_MD_SHA256, …384, …512"""
SCHEMES: Final = (0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601) if IS_3 else ()
"""The signature schemes of 3.6, by preference. 2.28 chooses hashes only."""
_CURVE_HASHES: Final = dict(zip((0x0403, 0x0503, 0x0603), _HASHES, strict=True))
"""The hash that goes with each curve, by the signature scheme (RFC 8446 section 4.2.3)."""
_ALL_KINDS: Final = 0x0FFFFFFF
LEAST_RSA_BITS: Final = 2048


def known_groups() -> tuple[int, ...]:
    """The groups of this library, as IANA numbers."""
    return _GROUPS if IS_3 else tuple(_CURVES)


def set_groups(config: Any, wanted: Iterable[int] | None) -> Any:
    """Choose the groups.

    Returns:
        What has to be kept as long as the configuration.
    """
    chosen = [group for group in (wanted or _USUAL) if group in known_groups()]
    if IS_3:
        groups = ffi.new("uint16_t[]", [*chosen, 0])
        lib.mbedtls_ssl_conf_groups(config, groups)
        return groups
    curves = ffi.new("int[]", [*(_CURVES[group] for group in chosen), 0])
    lib.mbedtls_ssl_conf_curves(config, curves)
    return curves


def set_signatures(config: Any, wanted: Iterable[int] | None, own: Iterable[int] = ()) -> Any:
    """Choose how the handshake may be signed: with SHA-2 only.

    Args:
        config: the library's structure.
        wanted: the schemes, if they are chosen.
        own: a server's, where its key lives elsewhere and must not be asked for others: left to itself the library signs
            up to TLS 1.2 with any hash, whatever the curve.

    Returns:
        What has to be kept as long as the configuration.
    """
    if IS_3:
        others = set(_CURVE_HASHES) - set(own) if set(own) & set(_CURVE_HASHES) else set()
        chosen = [scheme for scheme in (wanted or SCHEMES) if scheme in SCHEMES and scheme not in others]
        schemes = ffi.new("uint16_t[]", [*chosen, 0])
        lib.mbedtls_ssl_conf_sig_algs(config, schemes)
        return schemes
    hashes = ffi.new("int[]", [*([_CURVE_HASHES[scheme] for scheme in own if scheme in _CURVE_HASHES] or _HASHES), 0])
    lib.mbedtls_ssl_conf_sig_hashes(config, hashes)
    return hashes


def set_profile(config: Any) -> Any:
    """Demand of certificates SHA-2 and RSA keys of 2048 bits, and of ephemeral Diffie-Hellman as much.

    Returns:
        What has to be kept as long as the configuration.
    """
    digests = sum(1 << number - 1 for number in _HASHES)
    curves = sum(1 << number - 1 for number in _CURVES.values())
    profile = ffi.new("mbedtls_x509_crt_profile *", (digests, _ALL_KINDS, curves, LEAST_RSA_BITS))
    lib.mbedtls_ssl_conf_cert_profile(config, profile)
    lib.mbedtls_ssl_conf_dhm_min_bitlen(config, LEAST_RSA_BITS)
    return profile
