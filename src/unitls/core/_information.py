"""What a connection tells about itself, once for buffers and sockets."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NoReturn

from ..api._buffers import ReadableBuffer
from ..api._cipher_values import cipher_suite
from ..api._errors import ConfigurationError, TLSError
from ..api._features import Feature
from ..api._protocols import NextProtocol, next_protocol
from ..api._versions import TLSVersion
from ._client_hello import HelloError, parse_client_hello
from ._der import DERError
from ._sni_choice import decoded_name
from ._state import WRITABLE, State
from ._verdict import Accepted, trusted_path
from ._x509 import certificate_fields

if TYPE_CHECKING:
    from ..api._ciphers import CipherSuite
    from ..api._groups import NamedGroup
    from ._context import Natives
    from ._names import PeerNames
    from ._provider import ConnectionPlan, Engine
    from ._relay import Relay

_MAX_LABEL: Final = 249  # "tls13 " comes before it, and both together have a length of one byte (RFC 8446 section 7.1)
_MAX_MATERIAL: Final = 255 * 32  # what HKDF-Expand gives with SHA-256 (RFC 5869 section 2.3)
_MAX_CONTEXT: Final = 65535  # RFC 5705 section 4
_BINDINGS: Final = {
    "tls-exporter": Feature.TLS_EXPORTER_BINDING,
    "tls-server-end-point": Feature.TLS_SERVER_END_POINT_BINDING,
    "tls-unique": Feature.TLS_UNIQUE_BINDING,
}


class Information:
    """A mix-in over ``_engine``, ``_state`` and ``_natives``."""

    __slots__ = ("_accepted", "_hello", "_identity")

    _engine: Engine | None
    version: int
    _state: State
    _natives: Natives
    _names: PeerNames
    _lock: Any
    _hello: bytes | None
    _accepted: Accepted | None
    _identity: int
    _plan: ConnectionPlan
    _relay: Relay | None

    if TYPE_CHECKING:

        def _not_open(self) -> NoReturn: ...
        def _noted(self, error: BaseException) -> TLSError: ...

    def _ready(self) -> Engine | None:
        """The engine, once the handshake is done; what one that has failed has agreed on is worth nothing."""
        return self._engine if self.version else None

    def _require(self, feature: Feature) -> Engine:
        self._natives.provider.capabilities().require(feature, self._natives.provider.name)
        engine = self._ready()
        if engine is None:
            raise ConfigurationError("the handshake is not done: call do_handshake() first")
        return engine

    def cipher(self) -> CipherSuite | int | None:
        engine = self._ready()
        value = None if engine is None else engine.cipher()
        return None if value is None else cipher_suite(value)

    def negotiated_protocol(self) -> NextProtocol | bytes | None:
        engine = self._ready()
        name = None if engine is None else engine.protocol()
        return None if name is None else next_protocol(name)

    @property
    def negotiated_tls_version(self) -> TLSVersion | None:
        # Not the engine's word: a library may forget the version with a connection that is lost.
        return TLSVersion(self.version) if self.version else None

    def _with_peer(self) -> Engine | None:
        """Likewise, unless it may tell of a certificate to which the peer has not shown that it has the key."""
        engine = self._ready()
        if engine is None or not self._may_ask_later():
            return engine
        return None if self._state is State.FAILED or not engine.peer_is_proven() else engine

    def _may_ask_later(self) -> bool:
        return self.server_side and getattr(self._natives.configuration, "post_handshake_authentication", False)

    def getpeercert(self) -> bytes | None:
        engine = self._with_peer()
        if engine is None:
            return None
        return (None if self._accepted is None else self._accepted.leaf) or engine.peer_certificate()

    def getpeerchain(self) -> list[bytes]:
        engine = self._with_peer()
        self._natives.provider.capabilities().require(Feature.PEER_CHAIN, self._natives.provider.name)
        return [] if engine is None else engine.peer_chain()

    def getverifiedchain(self) -> list[bytes]:
        engine = self._with_peer()
        self._natives.provider.capabilities().require(Feature.VERIFIED_CHAIN, self._natives.provider.name)
        verifies = self._natives.configuration.validate_certificates or self._may_ask_later()
        if engine is None or not verifies or engine.peer_certificate() is None:
            return []
        return list(() if self._accepted is None else self._accepted.path) or trusted_path(engine, self._plan)

    @property
    def server_side(self) -> bool:
        return self._natives.server_side

    @property
    def server_name(self) -> str | None:
        if self._natives.server_side:
            return self._heard_name()
        return self._names.server_name

    def _heard_name(self) -> str | None:
        """On a server: the name in the ClientHello, read when it is asked for."""
        if self._hello is None:
            return None
        try:
            name = parse_client_hello(self._hello).server_name
        except HelloError:
            return None
        return None if name is None else decoded_name(name)

    @property
    def session_resumed(self) -> bool | None:
        self._natives.provider.capabilities().require(Feature.RESUMPTION_INFORMATION, self._natives.provider.name)
        engine = self._ready()
        return None if engine is None else engine.resumed()

    @property
    def group(self) -> NamedGroup | int | None:
        from ..api._groups import named_group

        self._natives.provider.capabilities().require(Feature.GROUP_INFORMATION, self._natives.provider.name)
        engine = self._ready()
        value = None if engine is None else engine.group()
        return None if value is None else named_group(value)

    def get_channel_binding(self, kind: str = "tls-exporter") -> bytes | None:
        if kind not in _BINDINGS:
            raise ConfigurationError(f"{kind!r} is no channel binding; there are {', '.join(_BINDINGS)}")
        engine = self._require(_BINDINGS[kind])
        with self._lock:
            if kind == "tls-server-end-point":
                return self._server_end_point()
            if kind == "tls-exporter":
                return engine.export(b"EXPORTER-Channel-Binding", 32, b"")
            if self.version == TLSVersion.TLSv1_3:
                raise ConfigurationError("tls-unique is not defined for TLS 1.3; use tls-exporter (RFC 9266)")
            return engine.tls_unique()

    def _server_end_point(self) -> bytes | None:
        leaf = self._own_leaf() if self._natives.server_side else self.getpeercert()
        if not leaf:
            return None
        try:
            fields = certificate_fields(leaf)
        except DERError as error:  # without validation a peer may show anything
            raise ConfigurationError(
                f"the server's certificate cannot be read ({error}): it binds to nothing"
            ) from error
        # The hash of the certificate's signature, a weak one replaced (RFC 5929 section 4.1). For an algorithm without a
        # hash of its own there is no such binding; OpenSSL's users take SHA-256 there too.
        name = None if fields.is_weakly_signed else fields.signature_hash
        return hashlib.new(name or "sha256", leaf).digest()

    def _own_leaf(self) -> bytes | None:
        leaves: tuple[bytes, ...] = self._natives.leaves
        return leaves[self._identity] if leaves else None

    def export_keying_material(self, label: bytes, length: int, context: bytes | None = None) -> bytes:
        engine = self._require(Feature.EXPORTER)
        _check_export(label, length, context)
        with self._lock:
            return engine.export(label, length, context)

    def ocsp_response(self) -> bytes | None:
        return self._require(Feature.OCSP_STAPLING).ocsp_response()

    def request_client_certificate(self) -> None:
        engine = self._require(Feature.POST_HANDSHAKE_AUTHENTICATION)
        if not self._natives.server_side:
            raise ConfigurationError("a server asks for the client's certificate; a client does not")
        self._command(engine, engine.request_client_certificate, "a request for a certificate after the handshake")

    def update_keys(self) -> None:
        engine = self._require(Feature.KEY_UPDATE)
        self._command(engine, engine.update_keys, "a KeyUpdate")

    def _command(self, engine: Engine, command: Callable[[], None], what: str) -> None:
        """Let the library put a handshake message of TLS 1.3 to the outgoing buffer."""
        with self._lock:
            if self._state not in WRITABLE:
                self._not_open()
            if self.version != TLSVersion.TLSv1_3:
                raise ConfigurationError(f"{what} needs TLS 1.3, and this connection is of an earlier version")
            try:
                command()
            except self._natives.provider.fault_types as error:
                raise self._noted(error) from error
            if self._relay is not None:
                self._relay.drain()

    def write_early_data(self, data: ReadableBuffer) -> int:
        self._natives.provider.capabilities().require(Feature.EARLY_DATA, self._natives.provider.name)
        if self._natives.server_side:
            raise ConfigurationError("a server reads early data, with read_early_data(); it does not write any")
        with self._lock:
            if self._state is not State.START or self._engine is None:
                raise ConfigurationError("early data is written before the handshake begins")
            return self._engine.write_early_data(data)

    def read_early_data(self) -> bytes:
        self._natives.provider.capabilities().require(Feature.EARLY_DATA, self._natives.provider.name)
        if not self._natives.server_side:
            raise ConfigurationError("a client writes early data, with write_early_data(); it does not read any")
        with self._lock:
            return b"" if self._engine is None else self._engine.read_early_data()

    @property
    def early_data_accepted(self) -> bool | None:
        engine = self._require(Feature.EARLY_DATA)
        with self._lock:
            return engine.early_data_accepted()

    def pending(self) -> int:
        engine = self._ready()
        return 0 if engine is None else engine.pending()


def _check_export(label: bytes, length: int, context: bytes | None) -> None:
    """Hold the arguments to what every suite of every version can do: libraries do not, or each in its own way."""
    if not isinstance(label, bytes) or not label.isascii() or not 1 <= len(label) <= _MAX_LABEL:
        raise ConfigurationError(f"the label of an exporter is a byte string of 1 to {_MAX_LABEL} ASCII characters")
    if not isinstance(length, int) or not 1 <= length <= _MAX_MATERIAL:
        raise ConfigurationError(f"an exporter gives from 1 to {_MAX_MATERIAL} bytes")
    if context is not None and (not isinstance(context, bytes) or len(context) > _MAX_CONTEXT):
        raise ConfigurationError(
            f"the context of an exporter is a byte string of at most {_MAX_CONTEXT} bytes, or None"
        )
