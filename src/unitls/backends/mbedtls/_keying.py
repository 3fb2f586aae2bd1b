"""What is derived from a connection's master secret: the key log, exporters, tls-unique."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Final

from ...api._errors import ConfigurationError
from . import native
from .errors import make
from .native import IS_3, NULL, ffi, lib

_LABELS: Final = {
    0: "CLIENT_RANDOM",
    3: "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
    4: "SERVER_HANDSHAKE_TRAFFIC_SECRET",
    5: "CLIENT_TRAFFIC_SECRET_0",
    6: "SERVER_TRAFFIC_SECRET_0",
}
"""The labels of the key log (draft-ietf-tls-keylogfile) by mbedtls_ssl_key_export_type."""
MASTER: Final = 0
"""The type of the master secret, up to TLS 1.2."""
_PRF_HASHES: Final = {1: "sha384", 2: "sha256"} if IS_3 else {3: "sha384", 4: "sha256"}
"""MBEDTLS_SSL_TLS_PRF_…; what is not here is the one of TLS 1.0 and 1.1."""
_VERIFY_DATA: Final = 12
_LONGEST_CONTEXT: Final = 0xFFFF


def log_line(kind: int, secret: bytes, client_random: bytes) -> str:
    """A line of the key log; empty for a secret that does not belong there."""
    label = _LABELS.get(kind)
    return "" if label is None else f"{label} {client_random.hex()} {secret.hex()}\n"


@dataclass(frozen=True, slots=True, repr=False)
class Master:
    """The master secret of a connection up to TLS 1.2, and what it was agreed on with.

    Attributes:
        secret: 48 bytes.
        client_random: 32 bytes.
        server_random: 32 bytes.
        prf: MBEDTLS_SSL_TLS_PRF_…
    """

    secret: bytes
    client_random: bytes
    server_random: bytes
    prf: int

    def expand(self, label: bytes, seed: bytes, length: int) -> bytes:
        """The pseudo-random function of TLS (RFC 5246 section 5).

        Raises:
            ConfigurationError: the library does not take these arguments.
        """
        output = ffi.new("unsigned char[]", max(length, 1))
        code = lib.mbedtls_ssl_tls_prf(self.prf, self.secret, 48, label + b"\0", seed, len(seed), output, length)
        if code:
            text = "there is no keying material for such a label, context or length"
            raise make(ConfigurationError, text, native_code=code, native_text=native.describe(code))
        return bytes(ffi.buffer(output, length))

    def export(self, label: bytes, length: int, context: bytes | None) -> bytes:
        """Keying material (RFC 5705 section 4).

        Raises:
            ConfigurationError: the context is too long, or the library does not take the label or the length.
        """
        if b"\0" in label:
            raise make(
                ConfigurationError, "Mbed TLS reads the label of an exporter up to a null byte: it can hold none"
            )
        seed = self.client_random + self.server_random
        if context is not None:
            if len(context) > _LONGEST_CONTEXT:
                raise make(ConfigurationError, "the context of an exporter has at most 65,535 bytes (RFC 5705)")
            seed += len(context).to_bytes(2, "big") + context
        return self.expand(label, seed, length)

    def finished(self, transcript: bytes, *, is_server: bool) -> bytes:
        """The content of a Finished message (RFC 5246 section 7.4.9): the first one is tls-unique (RFC 5929)."""
        label = b"server finished" if is_server else b"client finished"
        return self.expand(label, self._digest(transcript), _VERIFY_DATA)

    def _digest(self, transcript: bytes) -> bytes:
        name = _PRF_HASHES.get(self.prf)
        if name is None:
            return hashlib.md5(transcript).digest() + hashlib.sha1(transcript).digest()
        return hashlib.new(name, transcript).digest()


def exported(raw: Any, label: bytes, length: int, context: bytes | None) -> bytes:
    """Keying material, by the library (3.6).

    Raises:
        ConfigurationError: the library does not take the label, the context or the length.
    """
    output = ffi.new("unsigned char[]", max(length, 1))
    given = NULL if context is None else context
    code = lib.mbedtls_ssl_export_keying_material(
        raw, output, length, label, len(label), given, len(context or b""), context is not None
    )
    if code:
        text = "there is no keying material for such a label, context or length"
        raise make(ConfigurationError, text, native_code=code, native_text=native.describe(code))
    return bytes(ffi.buffer(output, length))
