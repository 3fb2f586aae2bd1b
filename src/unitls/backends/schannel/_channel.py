"""One security context of SChannel: its calls as methods, with bytes in and bytes out."""

from __future__ import annotations

import ctypes
import struct
import weakref
from collections.abc import Sequence
from ctypes import byref, c_uint32
from typing import Any, Final, NamedTuple

from . import _structures as ss
from . import native
from .native import SEC_E_OK, SEC_I_CONTINUE_NEEDED, Error, Libraries

SCRATCH: Final = 5 + 16384 + 2048
"""The size of a buffer that holds any record."""
_MASK: Final = 0xFFFFFFFF


class Credential:
    """A credential of SChannel, shared by all connections of a configuration.

    Args:
        libraries: Windows' libraries.
        server_side: the role.
        versions: those to enable, as on the wire.
        certificates: addresses of certificate contexts whose keys Windows knows.

    Raises:
        Error: it cannot be had.
    """

    __slots__ = ("__weakref__", "handle", "libraries", "server_side")

    def __init__(
        self, libraries: Libraries, *, server_side: bool, versions: Sequence[int], certificates: Sequence[Any] = ()
    ) -> None:
        self.libraries, self.server_side = libraries, server_side
        self.handle = handle = ss.SecHandle()
        shown = (ctypes.c_void_p * max(1, len(certificates)))(*certificates)
        described = _described(libraries, server_side, versions, len(certificates), shown)
        direction = ss.INBOUND if server_side else ss.OUTBOUND
        code = libraries.secur32.AcquireCredentialsHandleW(
            None, ss.PACKAGE, direction, None, ctypes.addressof(described), None, None, byref(handle), None
        )
        if code:
            raise Error(code & _MASK, "AcquireCredentialsHandle")
        weakref.finalize(self, libraries.secur32.FreeCredentialsHandle, handle)


def _described(
    libraries: Libraries, server_side: bool, versions: Sequence[int], count: int, certificates: Any
) -> ss.SchannelCred | ss.SchCredentials:
    bits = sum(ss.SP_PROT_SERVER[version] if server_side else ss.SP_PROT_SERVER[version] * 2 for version in versions)
    if server_side:
        flags = ss.SCH_CRED_NO_SYSTEM_MAPPER | ss.SCH_USE_STRONG_CRYPTO
    else:
        flags = ss.SCH_CRED_MANUAL_CRED_VALIDATION | ss.SCH_CRED_NO_DEFAULT_CREDS | ss.SCH_USE_STRONG_CRYPTO
    address = ctypes.addressof(certificates) if count else None
    if libraries.has_new_credentials:
        parameters = ss.TLSParameters(disabled_protocols=~bits & _MASK)
        return ss.SchCredentials(
            version=ss.SCH_CREDENTIALS_VERSION,
            certificate_count=count,
            certificates=address,
            flags=flags,
            parameter_count=1,
            parameters=ctypes.pointer(parameters),
        )
    return ss.SchannelCred(
        version=ss.SCHANNEL_CRED_VERSION,
        certificate_count=count,
        certificates=address,
        enabled_protocols=bits,
        flags=flags,
    )


class Step(NamedTuple):
    """What came of one call of the handshake.

    Attributes:
        code: the status.
        token: what has to go to the peer.
        rest: what came in and was not used.
    """

    code: int
    token: bytes
    rest: bytes


class Channel:
    """A security context.

    Args:
        credential: of the configuration.
        target: the server's name, on a client.
        protocols: for ALPN.
        ask: whether a client is asked for its certificate.
    """

    __slots__ = (
        "__weakref__", "_array", "_ask", "_base", "_credential", "_desc", "_handle", "_is_begun", "_out", "_out_array",
        "_out_base", "_out_desc", "_protocols", "_secur32", "_target", "sizes", "view",
    )  # fmt: skip

    def __init__(
        self, credential: Credential, target: str | None, protocols: Sequence[bytes] = (), *, ask: bool = False
    ) -> None:
        self._credential, self._target, self._ask = credential, target, ask
        self._protocols = alpn_blob(protocols) if protocols else b""
        self._secur32 = credential.libraries.secur32
        self._handle = ss.SecHandle()
        self._is_begun = False
        self.sizes = ss.StreamSizes()

    def __del__(self) -> None:
        if getattr(self, "_is_begun", False):
            self._secur32.DeleteSecurityContext(byref(self._handle))

    # ------------------------------------------------------------------------------------------ the handshake

    def step(self, data: bytes) -> Step:
        """Give `data` to the handshake, or to what comes behind it. The status may be an error, with an alert as token."""
        out, out_array = ss.descriptor((ss.BUFFER_TOKEN, None, 0), (ss.BUFFER_ALERT, None, 0), (0, None, 0))
        kept = ctypes.create_string_buffer(data, len(data)) if data else None
        blob = ctypes.create_string_buffer(self._protocols, len(self._protocols)) if self._protocols else None
        array: Any = None
        given: ss.SecBufferDesc | None = None
        first = not self._is_begun
        parts: list[tuple[int, Any, int]] = []
        if kept is not None:
            parts = [(ss.BUFFER_TOKEN, ctypes.addressof(kept), len(data)), (ss.BUFFER_EMPTY, None, 0)]
        if first and blob is not None:
            parts.append((ss.BUFFER_PROTOCOLS, ctypes.addressof(blob), len(self._protocols)))
        if parts:
            given, array = ss.descriptor(*parts)
        code = self._call(given, out, first) & _MASK
        if first and code in (SEC_E_OK, SEC_I_CONTINUE_NEEDED):
            self._is_begun = True
        token = b"".join(self._taken(item) for item in out_array if item.data)
        rest = b""
        if array is not None and code != native.SEC_E_INCOMPLETE_MESSAGE:
            # What is left is counted from the end; its address is not always said.
            left = next((item.size for item in array if item.kind == ss.BUFFER_EXTRA), 0)
            rest = data[len(data) - left :] if left else b""
        return Step(code, token, rest)

    def _call(self, given: ss.SecBufferDesc | None, out: ss.SecBufferDesc, first: bool) -> int:
        source = None if given is None else byref(given)
        attributes = c_uint32()
        before = None if first else byref(self._handle)
        after = byref(self._handle) if first else None
        credential = self._credential
        if credential.server_side:
            flags = ss.ASC_FLAGS | (ss.ASC_MUTUAL_AUTH if self._ask else 0)
            code: int = self._secur32.AcceptSecurityContext(
                byref(credential.handle), before, source, flags, 0, after, byref(out), byref(attributes), None
            )
            return code
        code = self._secur32.InitializeSecurityContextW(
            byref(credential.handle), before, self._target, ss.ISC_FLAGS, 0, 0, source, 0, after, byref(out),
            byref(attributes), None,
        )  # fmt: skip
        return code

    def _taken(self, item: ss.SecBuffer) -> bytes:
        data = ctypes.string_at(item.data, item.size) if item.kind == ss.BUFFER_TOKEN else b""
        self._secur32.FreeContextBuffer(item.data)
        return data

    def control(self, token: ctypes.Structure | c_uint32) -> bytes:
        """Ask for an alert or for close_notify; gives what has to go to the peer.

        Raises:
            Error: SChannel refuses.
        """
        desc, _array = ss.descriptor((ss.BUFFER_TOKEN, ctypes.addressof(token), ctypes.sizeof(token)))
        code = self._secur32.ApplyControlToken(byref(self._handle), byref(desc)) & _MASK
        if code:
            raise Error(code, "ApplyControlToken")
        return self.step(b"").token

    def alert(self, alert: int) -> bytes:
        """The record of a fatal alert; nothing where SChannel has none."""
        if not self._is_begun:
            return b""
        try:
            return self.control(ss.AlertToken(ss.CONTROL_ALERT, ss.ALERT_FATAL, alert))
        except Error:
            return b""

    # ------------------------------------------------------------------------------------------ data

    def open(self) -> None:
        """Make ready for data, once the handshake is done.

        Raises:
            Error: SChannel does not tell the sizes.
        """
        self.query(ss.ATTR_STREAM_SIZES, self.sizes)
        scratch = bytearray(SCRATCH)
        self._base = ctypes.addressof((ctypes.c_char * SCRATCH).from_buffer(scratch))
        self.view = memoryview(scratch)
        self._desc, self._array = ss.descriptor(*[(0, None, 0)] * 4)
        sizes = self.sizes
        out = bytearray(sizes.header + sizes.maximum + sizes.trailer)
        self._out_base = ctypes.addressof((ctypes.c_char * len(out)).from_buffer(out))
        self._out = memoryview(out)
        self._out_desc, self._out_array = ss.descriptor(*[(0, None, 0)] * 4)

    def decrypt(self, size: int) -> tuple[int, int, int, bytes]:
        """Decrypt the first `size` bytes of `view` in place.

        Returns:
            The status, where in `view` the plaintext begins and ends, and what of the ciphertext is left over.
        """
        array, base = self._array, self._base
        array[0].size, array[0].kind, array[0].data = size, ss.BUFFER_DATA, base
        for item in (array[1], array[2], array[3]):
            item.size, item.kind, item.data = 0, ss.BUFFER_EMPTY, None
        code = self._secur32.DecryptMessage(byref(self._handle), byref(self._desc), 0, None) & _MASK
        begin = end = 0
        rest = b""
        if code != native.SEC_E_INCOMPLETE_MESSAGE:
            for item in array:
                if item.kind == ss.BUFFER_DATA and item.data and code < 0x80000000:
                    begin = item.data - base
                    end = begin + item.size
                elif item.kind == ss.BUFFER_EXTRA and item.size:
                    rest = bytes(self.view[size - item.size : size])
        return code, begin, end, rest

    def encrypt(self, data: Any) -> tuple[int, bytes]:
        """Encrypt as much of `data` as one record holds; gives how much that was, and the record.

        Raises:
            Error: SChannel refuses.
        """
        header, base, array = self.sizes.header, self._out_base, self._out_array
        taken = min(len(data), self.sizes.maximum)
        self._out[header : header + taken] = data[:taken]
        for index, (kind, at, size) in enumerate(
            (
                (ss.BUFFER_HEADER, base, header),
                (ss.BUFFER_DATA, base + header, taken),
                (ss.BUFFER_TRAILER, base + header + taken, self.sizes.trailer),
                (ss.BUFFER_EMPTY, None, 0),
            )
        ):
            item = array[index]
            item.kind, item.data, item.size = kind, at, size
        code = self._secur32.EncryptMessage(byref(self._handle), 0, byref(self._out_desc), 0) & _MASK
        if code:
            raise Error(code, "EncryptMessage")
        return taken, ctypes.string_at(base, array[0].size + array[1].size + array[2].size)

    # ------------------------------------------------------------------------------------------ what was negotiated

    def query(self, attribute: int, target: Any) -> None:
        """Fill `target`.

        Raises:
            Error: SChannel does not tell.
        """
        code = self._secur32.QueryContextAttributesW(byref(self._handle), attribute, ctypes.addressof(target)) & _MASK
        if code:
            raise Error(code, "QueryContextAttributes")

    def protocol(self) -> bytes | None:
        """The protocol of ALPN."""
        found = ss.ApplicationProtocol()
        try:
            self.query(ss.ATTR_PROTOCOL, found)
        except Error:
            return None  # so SChannel says that the peer knows nothing of ALPN
        if found.status != ss.PROTOCOL_SELECTED or found.extension != ss.EXTENSION_ALPN or not found.size:
            return None
        return bytes(found.name[: found.size])

    def tls_unique(self) -> bytes | None:
        """The channel binding tls-unique."""
        found = ss.Bindings()
        self.query(ss.ATTR_UNIQUE_BINDINGS, found)
        try:
            whole = ctypes.string_at(found.data, found.size)
        finally:
            self._secur32.FreeContextBuffer(found.data)
        head = ss.ChannelBindings.from_buffer_copy(whole)
        data = whole[head.application_offset : head.application_offset + head.application_size]
        return data.removeprefix(b"tls-unique:") or None


def alpn_blob(protocols: Sequence[bytes]) -> bytes:
    """SEC_APPLICATION_PROTOCOLS with one list for ALPN."""
    listed = b"".join(bytes((len(name),)) + name for name in protocols)
    return struct.pack("<IIH", 6 + len(listed), ss.EXTENSION_ALPN, len(listed)) + listed
