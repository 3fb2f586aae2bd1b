"""What SChannel can do here, and why not."""

from __future__ import annotations

import functools
from types import MappingProxyType
from typing import Final

from ...api._features import Capabilities, Feature
from ...api._versions import TLSVersion
from . import ciphers, native

_FIRST_WINE_SERVER: Final = 10
_MACHINE: Final = "SChannel's {} are set for the whole machine, not for a program"
_REASONS: Final = {
    Feature.VERSIONS: "SChannel's older versions depend on the policy of the machine: TLS 1.2 and newer only are offered",
    Feature.CLIENT_CERTIFICATE_CHOICE: "SChannel takes the client's certificate before the server has sent its list",
    Feature.CIPHER_SUITES: _MACHINE.format("cipher suites"),
    Feature.TLS13_CIPHER_SUITES: _MACHINE.format("cipher suites"),
    Feature.GROUPS: _MACHINE.format("groups"),
    Feature.POST_QUANTUM_GROUPS: _MACHINE.format("groups"),
    Feature.SIGNATURE_ALGORITHMS: _MACHINE.format("signature algorithms"),
    Feature.SESSION_RESUMPTION: "SChannel keeps sessions in a cache of its own, for the whole process",
    Feature.TICKET_COUNT: "SChannel decides on tickets itself",
    Feature.TICKET_KEYS: "SChannel makes the keys of its tickets itself",
    Feature.KEY_LOG: "SChannel does not tell its secrets",
    Feature.EXPORTER: "SChannel's exporter cannot be tried under Wine, and was not yet seen on Windows",
    Feature.TLS_EXPORTER_BINDING: "SChannel's exporter cannot be tried under Wine, and was not yet seen on Windows",
    Feature.OCSP_STAPLING: "SChannel does not hand over the response",
    Feature.CRLS: "Windows looks for revocation lists itself; lists that are given were not yet seen to work on Windows",
    Feature.POST_HANDSHAKE_AUTHENTICATION: "not yet seen on Windows",
    Feature.EARLY_DATA: "SChannel does not have it",
    Feature.ECH: "SChannel does not have it",
    Feature.EXTERNAL_PSK: "SChannel does not have it",
    Feature.PKCS11: "SChannel uses keys that Windows knows: smart cards appear in Windows' certificate store",
    Feature.EXTERNAL_SIGNER: "SChannel uses keys that Windows knows: a signer would have to be a provider of Windows",
    Feature.FIPS: "Windows' FIPS mode is a policy of the machine, which a program cannot demand",
    Feature.KEY_UPDATE: "SChannel has no key updates on demand",
}
_NO_TLS13: Final = "TLS 1.3 needs Windows 11 or Windows Server 2022"
_NOTES: Final = (
    "Seen under Wine only, with TLS 1.2: as a client, and from Wine 10 on as a server. TLS 1.3 and what comes behind its "
    "handshake, keys through CNG (elliptic curves), client certificates on a server, resumption, and SChannel's own words "
    "for errors are tested with scripted libraries and were not yet seen on Windows.",
    "A private key from memory lies in a container of Windows' under a name of its own as long as its contexts live.",
    "In TLS 1.3 a server's refused certificate is answered with an alert only where SChannel makes one.",
    "With the system's trust Windows may fetch a missing intermediate or root, as its policy says; with a store of its own "
    "nothing is fetched.",
    "The chain that a peer of TLS 1.3 has sent is put in order again: SChannel hands it over without one.",
)
_WINE_NOTES: Final = (
    "Wine takes RSA keys only, for which a client sends the leaf without its intermediates.",
    "Wine does not say which alert has ended a connection after the handshake.",
)


@functools.cache
def capabilities() -> Capabilities:
    """What SChannel can do on this machine."""
    known = native.libraries()
    return described(has_tls13=known.has_tls13, wine=known.wine)


def described(*, has_tls13: bool = True, wine: str = "") -> Capabilities:
    """What SChannel can do.

    Args:
        has_tls13: whether TLS 1.3 is there, as in Windows 11.
        wine: the version of Wine, if it is that.
    """
    reasons = dict(_REASONS)
    versions = [TLSVersion.TLSv1_2]
    if has_tls13:
        versions.append(TLSVersion.TLSv1_3)
    else:
        reasons[Feature.VERSIONS] += f"; {_NO_TLS13}"
    if not has_server(wine):
        reasons[Feature.SERVER] = f"the server's side of SChannel is missing in Wine {wine}: Wine 10 has it"
        reasons[Feature.SNI_CALLBACK] = reasons[Feature.SERVER]
    return Capabilities(
        versions=tuple(versions),
        features=frozenset(set(Feature) - set(reasons)),
        reasons=MappingProxyType(reasons),
        cipher_suites=ciphers.available(has_tls13=has_tls13, is_wine=bool(wine)),
        notes=_NOTES + (_WINE_NOTES if wine else ()),
    )


def has_server(wine: str) -> bool:
    """Whether there is a server's side: in Windows, and in Wine from some version on."""
    major = wine.partition(".")[0]
    return not wine or (major.isdigit() and int(major) >= _FIRST_WINE_SERVER)
