"""The names of the two later texts, copied from them: what the faces are measured by.

Classes are given as in the text: each name with the parameters of the method behind ``self``, or with `None` for a property.
"""

from __future__ import annotations

Shape = dict[str, tuple[str, ...] | None]

# ---------------------------------------------------------------------------------------------- PEP 543

_SETTINGS = (
    "validate_certificates", "certificate_chain", "ciphers", "inner_protocols", "lowest_supported_version",
    "highest_supported_version", "trust_store", "sni_callback",
)  # fmt: skip

PEP543: dict[str, Shape] = {
    "TLSConfiguration": {"__init__": _SETTINGS, "update": _SETTINGS, **dict.fromkeys(_SETTINGS)},
    "ClientContext": {
        "__init__": ("configuration",),
        "configuration": None,
        "wrap_socket": ("socket", "server_hostname"),
        "wrap_buffers": ("server_hostname",),
    },
    "ServerContext": {
        "__init__": ("configuration",),
        "configuration": None,
        "wrap_socket": ("socket",),
        "wrap_buffers": (),
    },
    "TLSWrappedBuffer": {
        "read": ("amt",),
        "readinto": ("buffer", "amt"),
        "write": ("buf",),
        "do_handshake": (),
        "cipher": (),
        "negotiated_protocol": (),
        "context": None,
        "negotiated_tls_version": None,
        "shutdown": (),
        "receive_from_network": ("data",),
        "peek_outgoing": ("amt",),
        "consume_outgoing": ("amt",),
        "bytes_buffered": (),
    },
    "TLSWrappedSocket": {
        "__init__": ("socket", "buffer"),
        "do_handshake": (),
        "cipher": (),
        "negotiated_protocol": (),
        "context": None,
        # A method in the text, a property of the buffer there, and a property of both in the text's own reference code.
        "negotiated_tls_version": None,
        "unwrap": (),
    },
    "Certificate": {"from_buffer": ("buffer",), "from_file": ("path",)},
    "PrivateKey": {"from_buffer": ("buffer", "password"), "from_file": ("path", "password")},
    "TrustStore": {"system": (), "from_pem_file": ("path",)},
    "Backend": {
        "__init__": ("client_context", "server_context", "certificate", "private_key", "trust_store"),
        "client_context": None,
        "server_context": None,
        "certificate": None,
        "private_key": None,
        "trust_store": None,
    },
}
PEP543_ERRORS = ("TLSError", "WantWriteError", "WantReadError", "RaggedEOF")
PEP543_OTHERS = ("ServerNameCallback", "TLSBufferObject", "DEFAULT_CIPHER_LIST")
PEP543_VERSIONS = (
    "MINIMUM_SUPPORTED", "SSLv2", "SSLv3", "TLSv1", "TLSv1_1", "TLSv1_2", "TLSv1_3", "MAXIMUM_SUPPORTED",
)  # fmt: skip
PROTOCOLS = {
    "H2": b"h2",
    "H2C": b"h2c",
    "HTTP1": b"http/1.1",
    "WEBRTC": b"webrtc",
    "C_WEBRTC": b"c-webrtc",
    "FTP": b"ftp",
    "STUN": b"stun.nat-discovery",
    "TURN": b"stun.turn",
}
PEP543_SUITES = """
0005 TLS_RSA_WITH_RC4_128_SHA
0007 TLS_RSA_WITH_IDEA_CBC_SHA
000a TLS_RSA_WITH_3DES_EDE_CBC_SHA
0010 TLS_DH_RSA_WITH_3DES_EDE_CBC_SHA
0016 TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA
002f TLS_RSA_WITH_AES_128_CBC_SHA
0031 TLS_DH_RSA_WITH_AES_128_CBC_SHA
0033 TLS_DHE_RSA_WITH_AES_128_CBC_SHA
0035 TLS_RSA_WITH_AES_256_CBC_SHA
0037 TLS_DH_RSA_WITH_AES_256_CBC_SHA
0039 TLS_DHE_RSA_WITH_AES_256_CBC_SHA
003c TLS_RSA_WITH_AES_128_CBC_SHA256
003d TLS_RSA_WITH_AES_256_CBC_SHA256
003f TLS_DH_RSA_WITH_AES_128_CBC_SHA256
0041 TLS_RSA_WITH_CAMELLIA_128_CBC_SHA
0043 TLS_DH_RSA_WITH_CAMELLIA_128_CBC_SHA
0045 TLS_DHE_RSA_WITH_CAMELLIA_128_CBC_SHA
0067 TLS_DHE_RSA_WITH_AES_128_CBC_SHA256
0069 TLS_DH_RSA_WITH_AES_256_CBC_SHA256
006b TLS_DHE_RSA_WITH_AES_256_CBC_SHA256
0084 TLS_RSA_WITH_CAMELLIA_256_CBC_SHA
0086 TLS_DH_RSA_WITH_CAMELLIA_256_CBC_SHA
0088 TLS_DHE_RSA_WITH_CAMELLIA_256_CBC_SHA
0096 TLS_RSA_WITH_SEED_CBC_SHA
0098 TLS_DH_RSA_WITH_SEED_CBC_SHA
009a TLS_DHE_RSA_WITH_SEED_CBC_SHA
009c TLS_RSA_WITH_AES_128_GCM_SHA256
009d TLS_RSA_WITH_AES_256_GCM_SHA384
009e TLS_DHE_RSA_WITH_AES_128_GCM_SHA256
009f TLS_DHE_RSA_WITH_AES_256_GCM_SHA384
00a0 TLS_DH_RSA_WITH_AES_128_GCM_SHA256
00a1 TLS_DH_RSA_WITH_AES_256_GCM_SHA384
00ba TLS_RSA_WITH_CAMELLIA_128_CBC_SHA256
00bc TLS_DH_RSA_WITH_CAMELLIA_128_CBC_SHA256
00be TLS_DHE_RSA_WITH_CAMELLIA_128_CBC_SHA256
00c0 TLS_RSA_WITH_CAMELLIA_256_CBC_SHA256
00c2 TLS_DH_RSA_WITH_CAMELLIA_256_CBC_SHA256
00c4 TLS_DHE_RSA_WITH_CAMELLIA_256_CBC_SHA256
1301 TLS_AES_128_GCM_SHA256
1302 TLS_AES_256_GCM_SHA384
1303 TLS_CHACHA20_POLY1305_SHA256
1304 TLS_AES_128_CCM_SHA256
1305 TLS_AES_128_CCM_8_SHA256
c002 TLS_ECDH_ECDSA_WITH_RC4_128_SHA
c003 TLS_ECDH_ECDSA_WITH_3DES_EDE_CBC_SHA
c004 TLS_ECDH_ECDSA_WITH_AES_128_CBC_SHA
c005 TLS_ECDH_ECDSA_WITH_AES_256_CBC_SHA
c007 TLS_ECDHE_ECDSA_WITH_RC4_128_SHA
c008 TLS_ECDHE_ECDSA_WITH_3DES_EDE_CBC_SHA
c009 TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA
c00a TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA
c00c TLS_ECDH_RSA_WITH_RC4_128_SHA
c00d TLS_ECDH_RSA_WITH_3DES_EDE_CBC_SHA
c00e TLS_ECDH_RSA_WITH_AES_128_CBC_SHA
c00f TLS_ECDH_RSA_WITH_AES_256_CBC_SHA
c011 TLS_ECDHE_RSA_WITH_RC4_128_SHA
c012 TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA
c013 TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA
c014 TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA
c023 TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256
c024 TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384
c025 TLS_ECDH_ECDSA_WITH_AES_128_CBC_SHA256
c026 TLS_ECDH_ECDSA_WITH_AES_256_CBC_SHA384
c027 TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256
c028 TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384
c029 TLS_ECDH_RSA_WITH_AES_128_CBC_SHA256
c02a TLS_ECDH_RSA_WITH_AES_256_CBC_SHA384
c02b TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
c02c TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
c02d TLS_ECDH_ECDSA_WITH_AES_128_GCM_SHA256
c02e TLS_ECDH_ECDSA_WITH_AES_256_GCM_SHA384
c02f TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
c030 TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384
c031 TLS_ECDH_RSA_WITH_AES_128_GCM_SHA256
c032 TLS_ECDH_RSA_WITH_AES_256_GCM_SHA384
c072 TLS_ECDHE_ECDSA_WITH_CAMELLIA_128_CBC_SHA256
c073 TLS_ECDHE_ECDSA_WITH_CAMELLIA_256_CBC_SHA384
c074 TLS_ECDH_ECDSA_WITH_CAMELLIA_128_CBC_SHA256
c075 TLS_ECDH_ECDSA_WITH_CAMELLIA_256_CBC_SHA384
c076 TLS_ECDHE_RSA_WITH_CAMELLIA_128_CBC_SHA256
c077 TLS_ECDHE_RSA_WITH_CAMELLIA_256_CBC_SHA384
c078 TLS_ECDH_RSA_WITH_CAMELLIA_128_CBC_SHA256
c079 TLS_ECDH_RSA_WITH_CAMELLIA_256_CBC_SHA384
c07a TLS_RSA_WITH_CAMELLIA_128_GCM_SHA256
c07b TLS_RSA_WITH_CAMELLIA_256_GCM_SHA384
c07c TLS_DHE_RSA_WITH_CAMELLIA_128_GCM_SHA256
c07d TLS_DHE_RSA_WITH_CAMELLIA_256_GCM_SHA384
c07e TLS_DH_RSA_WITH_CAMELLIA_128_GCM_SHA256
c07f TLS_DH_RSA_WITH_CAMELLIA_256_GCM_SHA384
c086 TLS_ECDHE_ECDSA_WITH_CAMELLIA_128_GCM_SHA256
c087 TLS_ECDHE_ECDSA_WITH_CAMELLIA_256_GCM_SHA384
c088 TLS_ECDH_ECDSA_WITH_CAMELLIA_128_GCM_SHA256
c089 TLS_ECDH_ECDSA_WITH_CAMELLIA_256_GCM_SHA384
c08a TLS_ECDHE_RSA_WITH_CAMELLIA_128_GCM_SHA256
c08b TLS_ECDHE_RSA_WITH_CAMELLIA_256_GCM_SHA384
c08c TLS_ECDH_RSA_WITH_CAMELLIA_128_GCM_SHA256
c08d TLS_ECDH_RSA_WITH_CAMELLIA_256_GCM_SHA384
c09c TLS_RSA_WITH_AES_128_CCM
c09d TLS_RSA_WITH_AES_256_CCM
c09e TLS_DHE_RSA_WITH_AES_128_CCM
c09f TLS_DHE_RSA_WITH_AES_256_CCM
c0a0 TLS_RSA_WITH_AES_128_CCM_8
c0a1 TLS_RSA_WITH_AES_256_CCM_8
c0a2 TLS_DHE_RSA_WITH_AES_128_CCM_8
c0a3 TLS_DHE_RSA_WITH_AES_256_CCM_8
c0ac TLS_ECDHE_ECDSA_WITH_AES_128_CCM
c0ad TLS_ECDHE_ECDSA_WITH_AES_256_CCM
c0ae TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8
c0af TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8
cca8 TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256
cca9 TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256
ccaa TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256
"""
"""The number of each suite in hexadecimal, and its name."""

# ---------------------------------------------------------------------------------------------- PEP 748

_FIELDS = (
    "certificate_chain", "ciphers", "inner_protocols", "lowest_supported_version", "highest_supported_version",
    "trust_store",
)  # fmt: skip
_SOURCE: Shape = {
    "__init__": ("buffer", "path", "id"),
    "from_buffer": ("buffer",),
    "from_file": ("path",),
    "from_id": ("id",),
}
_INFORMATION: Shape = {
    "context": None,
    "cipher": (),
    "negotiated_protocol": (),
    "negotiated_tls_version": None,
    "getpeercert": (),
}

PEP748: dict[str, Shape] = {
    "TLSClientConfiguration": {"__init__": _FIELDS, **dict.fromkeys(_FIELDS)},
    "TLSServerConfiguration": {"__init__": _FIELDS, **dict.fromkeys(_FIELDS)},
    "ClientContext": {
        "__init__": ("configuration",),
        "configuration": None,
        "connect": ("address",),
        "create_buffer": ("server_hostname",),
    },
    "ServerContext": {
        "__init__": ("configuration",),
        "configuration": None,
        "connect": ("address",),
        "create_buffer": (),
    },
    "TLSSocket": {
        "__init__": ("args", "kwargs"),
        "recv": ("bufsize",),
        "send": ("bytes",),
        "close": ("force",),
        "listen": ("backlog",),
        "accept": (),
        "getsockname": (),
        "getpeername": (),
        **_INFORMATION,
    },
    "TLSBuffer": {
        "read": ("amt", "buffer"),
        "write": ("buf",),
        "do_handshake": (),
        "shutdown": (),
        "process_incoming": ("data_from_network",),
        "incoming_bytes_buffered": (),
        "process_outgoing": ("amount_bytes_for_network",),
        "outgoing_bytes_buffered": (),
        **_INFORMATION,
    },
    "Certificate": _SOURCE,
    "PrivateKey": _SOURCE,
    "TrustStore": {**_SOURCE, "system": ()},
    "SigningChain": {"__init__": ("leaf", "chain")},
    "TLSImplementation": {
        "__init__": ("client_context", "server_context", "validate_config"),
        "client_context": None,
        "server_context": None,
        "validate_config": None,
    },
}
PEP748_ERRORS = (*PEP543_ERRORS, "ConfigurationError")
PEP748_VERSIONS = {
    "MINIMUM_SUPPORTED": "MINIMUM_SUPPORTED",
    "TLSv1_2": "TLSv1.2",
    "TLSv1_3": "TLSv1.3",
    "MAXIMUM_SUPPORTED": "MAXIMUM_SUPPORTED",
}
PEP748_SUITES = """
1301 TLS_AES_128_GCM_SHA256
1302 TLS_AES_256_GCM_SHA384
1303 TLS_CHACHA20_POLY1305_SHA256
1304 TLS_AES_128_CCM_SHA256
1305 TLS_AES_128_CCM_8_SHA256
c02b TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
c02c TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
c02f TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
c030 TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384
c0ac TLS_ECDHE_ECDSA_WITH_AES_128_CCM
c0ad TLS_ECDHE_ECDSA_WITH_AES_256_CCM
c0ae TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8
c0af TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8
cca8 TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256
cca9 TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256
"""
# The text describes its module ``insecure`` in words: these names are those of its reference code.
PEP748_INSECURE: dict[str, Shape] = {
    "InsecureConfiguration": {
        "__init__": ("disable_hostname_check", "disable_verification"),
        "disable_hostname_check": None,
        "disable_verification": None,
    },
    "InsecureClientContext": {
        "__init__": ("tls_configuration", "insecure_configuration"),
        "insecure_configuration": None,
        "connect": ("address",),
        "create_buffer": ("server_hostname",),
    },
    "InsecureServerContext": {
        "__init__": ("tls_configuration", "insecure_configuration"),
        "insecure_configuration": None,
        "connect": ("address",),
        "create_buffer": (),
    },
    "InsecureTLSImplementation": {
        "__init__": (
            "client_context", "server_context", "validate_config", "insecure_client_context", "insecure_server_context",
        ),
        "insecure_configuration": None,
        "insecure_client_context": None,
        "insecure_server_context": None,
    },
}  # fmt: skip


def suites(text: str) -> dict[str, int]:
    """A list of suites as numbers by name."""
    return {name: int(number, 16) for number, name in (line.split() for line in text.split("\n") if line)}
