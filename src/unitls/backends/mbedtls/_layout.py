"""Whether the library's structures fit, and where a certificate keeps its successor: found by asking the library.

The sizes depend on how the library was built; what we allocate is meant to be larger than any. Its ``mbedtls_*_init``
functions write over the whole of a structure, so a field of marks shows by what is left of it where the structure ends.
Nothing is believed that was not seen: a build that does not look as expected is refused.
"""

from __future__ import annotations

import base64
from typing import Any, Final

_MARK: Final = 0xA5
_LEAST: Final = {
    "ssl_context": 256,
    "ssl_config": 128,
    "ssl_session": 96,
    "ssl_ticket_context": 64,
    "ssl_cache_context": 16,
    "x509_crt": 256,
    "x509_crl": 128,
    "pk_context": 16,
}
"""What is allocated, and how large each is at least in any build; at most it has half of the room it is given."""
STEMS: Final = {
    "ssl_context": "ssl",
    "ssl_ticket_context": "ssl_ticket",
    "ssl_cache_context": "ssl_cache",
    "pk_context": "pk",
}
"""How the functions of a structure are called, where it is not as the structure."""
_FEATURES: Final = (
    "SSL_CLI_C", "SSL_SRV_C", "SSL_ALPN", "SSL_SERVER_NAME_INDICATION", "SSL_KEEP_PEER_CERTIFICATE", "SSL_TICKET_C",
    "SSL_CACHE_C", "SSL_SESSION_TICKETS", "SSL_ALL_ALERT_MESSAGES", "X509_CRL_PARSE_C", "HAVE_TIME_DATE", "DEBUG_C", "ERROR_C",
)  # fmt: skip
"""What the library has to be built with. All of it is on unless whoever builds it takes it out."""
_PROBE: Final = base64.b64decode(
    b"MIIBDzCBtaADAgECAgEBMAoGCCqGSM49BAMCMBAxDjAMBgNVBAMMBXByb2JlMCAXDTIwMDEwMTAwMDAwMFoYDzIwOTkwMTAxMDAwMDAwWjAQMQ"
    b"4wDAYDVQQDDAVwcm9iZTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABNAbWfQaM5IPd7vp3uOfqlkbxNgLeu7FAILf7Y34fMfyaA1yzQTPLZom"
    b"MlnueL91hVVYOQ7cBLqtzEKV/bWuJ1EwCgYIKoZIzj0EAwIDSQAwRgIhALvUbTBXvcaZv4rB1McLH1h8PsbV5Vo5bzRbrGbavImBAiEAk2q84f"
    b"mCmkM8VGVA0fwNAjqGDWg2/s8NWUwv1tsQ8T8="
)
"""A certificate with nothing about it: self-signed, P-256."""


class Layout:
    """What was found.

    Args:
        ffi: what declares the library's functions.
        lib: the library.

    Attributes:
        sizes: how large each structure is.
        next_offset: where a certificate has the pointer to the one that follows it.

    Raises:
        ImportError: the library does not look as expected.
    """

    def __init__(self, ffi: Any, lib: Any) -> None:
        self._ffi, self._lib = ffi, lib
        missing = [name for name in _FEATURES if lib.mbedtls_version_check_feature(f"MBEDTLS_{name}".encode())]
        if missing:
            raise ImportError(f"this library of Mbed TLS was built without {', '.join(missing)}")
        self.sizes: dict[str, int] = {name: self._size(name, least) for name, least in _LEAST.items()}
        self.next_offset: int = self._successor()

    def _size(self, name: str, least: int) -> int:
        made = self._ffi.new(f"mbedtls_{name} *")
        memory = self._ffi.buffer(made)
        memory[:] = bytes([_MARK]) * len(memory)
        getattr(self._lib, f"mbedtls_{STEMS.get(name, name)}_init")(made)
        found = len(bytes(memory).rstrip(bytes([_MARK])))
        if not least <= found <= len(memory) // 2:
            raise ImportError(f"mbedtls_{name} seems to have {found} bytes, which cannot be")
        return found

    def _successor(self) -> int:
        """Parse a certificate, append it once more, and see which word has changed."""
        ffi, lib, size, word = self._ffi, self._lib, self.sizes["x509_crt"], self._ffi.sizeof("void *")
        chain = ffi.new("mbedtls_x509_crt *")
        lib.mbedtls_x509_crt_init(chain)
        try:
            self._parse(chain)
            if chain.raw.len != len(_PROBE) or bytes(ffi.buffer(chain.raw.p, chain.raw.len)) != _PROBE:
                raise ImportError("mbedtls_x509_crt does not begin as expected")
            before = bytes(ffi.buffer(chain, size))
            self._parse(chain)
            after = bytes(ffi.buffer(chain, size))
            changed = [at for at in range(0, size, word) if before[at : at + word] != after[at : at + word]]
            if len(changed) != 1 or any(before[changed[0] : changed[0] + word]):
                raise ImportError("mbedtls_x509_crt has no successor where one was expected")
            return changed[0]
        finally:
            lib.mbedtls_x509_crt_free(chain)

    def _parse(self, chain: Any) -> None:
        if self._lib.mbedtls_x509_crt_parse_der(chain, _PROBE, len(_PROBE)):
            raise ImportError("this library of Mbed TLS cannot read a P-256 certificate")
