"""A server that shows any certificate: the `ssl` module at security level 0. A reference for cases that backends refuse.

It is no part of what is checked, and speaks just as much of the face of a wrapped buffer as the kit needs.
"""

from __future__ import annotations

import ssl
import tempfile
from pathlib import Path
from typing import Any

from ..api._errors import ConnectionFault, WantReadError
from ..api._versions import TLSVersion
from ..core._pem import to_pem


class PermissiveServer:
    """Shows a chain, whatever it is.

    Args:
        chain: certificates in DER, the leaf first.
        key_pem: the key of the leaf.
        version: the only version it speaks; `None` for any.
    """

    def __init__(self, chain: tuple[bytes, ...], key_pem: bytes, version: TLSVersion | None) -> None:
        self._context = context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers("ALL:@SECLEVEL=0")
        if version is not None:
            context.minimum_version = context.maximum_version = ssl.TLSVersion(version)
        content = b"".join(to_pem(der, "CERTIFICATE") for der in chain) + key_pem
        # These keys are public: they may lie in a file.
        with tempfile.TemporaryDirectory(prefix="unitls-kit-") as directory:
            path = Path(directory) / "identity.pem"
            path.write_bytes(content)
            context.load_cert_chain(path)

    def wrap(self, incoming: Any, outgoing: Any) -> PermissiveConnection:
        """A connection over two buffers."""
        return PermissiveConnection(self._context, incoming, outgoing)


class PermissiveConnection:
    """One connection of a `PermissiveServer`."""

    def __init__(self, context: ssl.SSLContext, incoming: Any, outgoing: Any) -> None:
        self._source, self._sink = incoming, outgoing
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._object = context.wrap_bio(self._incoming, self._outgoing, server_side=True)

    def do_handshake(self) -> None:
        """As of a wrapped buffer."""
        self._call(self._object.do_handshake)

    def read(self, amt: int | None = None) -> bytes:
        """As of a wrapped buffer."""
        data: bytes = self._call(lambda: self._object.read(amt or 65536))
        return data

    def write(self, data: bytes) -> int:
        """As of a wrapped buffer."""
        taken: int = self._call(lambda: self._object.write(data))
        return taken

    def _call(self, call: Any) -> Any:
        self._incoming.write(self._source.read())
        if self._source.eof and not self._incoming.eof:
            self._incoming.write_eof()
        try:
            return call()
        except ssl.SSLWantReadError as error:
            raise WantReadError("more has to come in") from error
        except ssl.SSLError as error:
            raise ConnectionFault(f"the reference server failed: {error}") from error
        finally:
            self._sink.write(self._outgoing.read())
