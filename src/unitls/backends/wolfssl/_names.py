"""What wolfSSL calls groups and signature algorithms, by their IANA values."""

from __future__ import annotations

from typing import Final

GROUPS: Final = {
    23: "SECP256R1",
    24: "SECP384R1",
    25: "SECP521R1",
    29: "X25519",
    30: "X448",
    256: "FFDHE_2048",
    257: "FFDHE_3072",
}
"""The groups that common builds have, with wolfSSL's names for them."""
CURVES: Final = {23: "P-256", 24: "P-384", 25: "P-521", 29: "X25519", 30: "X448"}
"""Those of them that are curves, by the names that `wolfSSL_CTX_set1_curves_list` takes."""
DEFAULT_GROUPS: Final = (29, 23, 24, 25, 30)
GROUPS_BY_NAME: Final = {name: value for value, name in GROUPS.items()}

SCHEMES: Final = {
    0x0403: "ECDSA+SHA256",
    0x0503: "ECDSA+SHA384",
    0x0603: "ECDSA+SHA512",
    0x0807: "ED25519",
    0x0808: "ED448",
    0x0804: "RSA-PSS+SHA256",
    0x0805: "RSA-PSS+SHA384",
    0x0806: "RSA-PSS+SHA512",
    0x0401: "RSA+SHA256",
    0x0501: "RSA+SHA384",
    0x0601: "RSA+SHA512",
}
"""The signature schemes without SHA-1, in the order of preference, as `wolfSSL_CTX_set1_sigalgs_list` writes them."""
_SHA1: Final = ("ECDSA+SHA1", "RSA+SHA1")
"""What versions before TLS 1.2 sign with."""


def signature_list(schemes: tuple[int, ...] | None, *, old_versions: bool) -> bytes:
    """The list for wolfSSL; what it does not know is left out.

    Args:
        schemes: IANA values by preference; `None` for all but SHA-1.
        old_versions: whether versions before TLS 1.2 are allowed, which have nothing better.
    """
    chosen = [SCHEMES[scheme] for scheme in (schemes or SCHEMES) if scheme in SCHEMES]
    return ":".join([*chosen, *(_SHA1 if old_versions and schemes is None else ())]).encode("ascii")
