"""For each `Feature` the configuration, or the call, that needs it: what a backend without it has to refuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from ..api._certificates import Certificate, Identity, PrivateKey
from ..api._configuration import ExternalPSK
from ..api._features import Feature
from ..api._groups import NamedGroup, SignatureScheme
from ..api._protocols import ClientAuthentication, NextProtocol
from ..api._sessions import SessionCache
from ..api._trust import TrustStore
from ..core._pem import crls_from
from ..core._x509 import certificate_fields
from ._kit import Kit
from ._zoo_files import load_zoo

Changes = dict[str, Any]


def _crls(kit: Kit) -> Changes:
    pem = next(zoo.crls_pem for zoo in load_zoo() if zoo.crls_pem is not None)
    return {"crls": crls_from(pem)}


def _signer(kit: Kit) -> Changes:
    leaf = kit.identities.server.chain[0]
    key = PrivateKey.from_signer(certificate_fields(leaf).spki, lambda scheme, message: b"")
    return {"identities": (Identity([Certificate.from_buffer(leaf)], key),)}


def _token(kit: Kit) -> Changes:
    chain = [Certificate.from_buffer(kit.identities.server.chain[0])]
    return {"identities": (Identity(chain, PrivateKey.from_pkcs11("pkcs11:token=kit;object=key")),)}


def _stapled(kit: Kit) -> Changes:
    identity = kit.server_identity
    return {"identities": (Identity(identity.certificates, identity.private_key, ocsp_response=b"0\0"),)}


def _required(kit: Kit) -> Changes:
    return {"client_authentication": ClientAuthentication.REQUIRED, "trust_store": kit.trust}


def _fixed(**changes: Any) -> Callable[[Kit], Changes]:
    return lambda kit: changes


_EITHER: Final[dict[Feature, Callable[[Kit], Changes]]] = {
    Feature.ALPN: _fixed(inner_protocols=[NextProtocol.H2]),
    Feature.CRLS: _crls,
    Feature.EXTERNAL_PSK: _fixed(external_psk=ExternalPSK(b"kit", bytes(32))),
    Feature.EXTERNAL_SIGNER: _signer,
    Feature.FIPS: _fixed(fips=True),
    Feature.GROUPS: _fixed(groups=[NamedGroup.SECP256R1]),
    Feature.HANDSHAKE_TIMEOUT: _fixed(handshake_timeout=5.0),
    Feature.KEY_LOG: lambda kit: {"key_log": str(kit.directory() / "keys")},
    Feature.PKCS11: _token,
    Feature.POST_HANDSHAKE_AUTHENTICATION: _fixed(post_handshake_authentication=True),
    Feature.POST_QUANTUM_GROUPS: _fixed(groups=[NamedGroup.X25519MLKEM768]),
    Feature.SIGNATURE_ALGORITHMS: _fixed(signature_algorithms=[SignatureScheme.ECDSA_SECP256R1_SHA256]),
}
CLIENT_NEEDS: Final[dict[Feature, Callable[[Kit], Changes]]] = {
    **_EITHER,
    Feature.CLIENT_CERTIFICATES: lambda kit: {"identities": (kit.client_identity,)},
    Feature.CLIENT_CERTIFICATE_CHOICE: _fixed(choose_certificate=lambda authorities: None),
    Feature.CUSTOM_TRUST_STORE: lambda kit: {"trust_store": kit.trust},
    Feature.DISABLE_VALIDATION: _fixed(validate_certificates=False),
    Feature.EARLY_DATA: _fixed(early_data=True),
    Feature.ECH: _fixed(ech_config_list=bytes(64)),
    Feature.OCSP_STAPLING: _fixed(request_ocsp=True),
    Feature.PINNING: _fixed(pins=[bytes(32)]),
    Feature.SESSION_RESUMPTION: lambda kit: {"session_cache": SessionCache()},
    Feature.SYSTEM_TRUST_STORE: lambda kit: {"trust_store": TrustStore.system()},
    Feature.VERIFICATION_DEPTH: _fixed(verification_depth=3),
    Feature.VERIFICATION_HOOK: _fixed(verification_hook=lambda chain: None),
    Feature.VERIFICATION_TIME: _fixed(verification_time=lambda: 1_800_000_000.0),
}
"""What has to be refused of a client's configuration."""

SERVER_NEEDS: Final[dict[Feature, Callable[[Kit], Changes]]] = {
    **_EITHER,
    Feature.CLIENT_CERTIFICATES: _required,
    Feature.CRLS: lambda kit: {**_crls(kit), **_required(kit)},
    Feature.EARLY_DATA: _fixed(max_early_data=1000),
    Feature.OCSP_STAPLING: _stapled,
    Feature.SNI_CALLBACK: _fixed(sni_callback=lambda *_: None),
    Feature.TICKET_COUNT: _fixed(ticket_count=1),
    Feature.TICKET_KEYS: _fixed(ticket_keys=[bytes(80)]),
}
"""What has to be refused of a server's configuration."""

CALLS: Final[dict[Feature, Callable[[Any], Any]]] = {
    Feature.EXPORTER: lambda tls: tls.export_keying_material(b"EXPORTER-kit", 32),
    Feature.GROUP_INFORMATION: lambda tls: tls.group,
    Feature.KEY_UPDATE: lambda tls: tls.update_keys(),
    Feature.OCSP_STAPLING: lambda tls: tls.ocsp_response(),
    Feature.PEER_CHAIN: lambda tls: tls.getpeerchain(),
    Feature.POST_HANDSHAKE_AUTHENTICATION: lambda tls: tls.request_client_certificate(),
    Feature.RESUMPTION_INFORMATION: lambda tls: tls.session_resumed,
    Feature.TLS_EXPORTER_BINDING: lambda tls: tls.get_channel_binding("tls-exporter"),
    Feature.TLS_SERVER_END_POINT_BINDING: lambda tls: tls.get_channel_binding("tls-server-end-point"),
    Feature.TLS_UNIQUE_BINDING: lambda tls: tls.get_channel_binding("tls-unique"),
    Feature.VERIFIED_CHAIN: lambda tls: tls.getverifiedchain(),
    Feature.EARLY_DATA: lambda tls: tls.write_early_data(b"early"),
}
"""What has to be refused of a connection."""

WITHOUT_CASE: Final[dict[Feature, str]] = {
    Feature.ECH: "it needs keys that are published in the DNS",
    Feature.FIPS: "whether the mode is on depends on how the machine is set up",
    Feature.PKCS11: "it needs a token",
    Feature.PKCS12: "load_pkcs12 reads such files, whichever the backend",
}
"""Features that no case uses, and why. A backend that claims one of the kind "yet" has to bring a case."""
