"""What every part of a connection shares: its fields, its engine, and its faults."""

from __future__ import annotations

import weakref
from collections.abc import Hashable
from traceback import clear_frames
from typing import TYPE_CHECKING, Any, NoReturn

from ..api._buffers import ByteSink, ByteSource
from ..api._configuration import TLSConfiguration
from ..api._errors import (
    ConfigurationError,
    ConnectionFault,
    InternalTLSError,
    ProtocolViolation,
    RaggedEOF,
    TLSError,
    WantWriteError,
)
from ._client_hello import ClientHelloReader
from ._information import Information
from ._names import PeerNames
from ._owned_lock import OwnedLock
from ._provider import ConnectionPlan, E, Engine
from ._relay import Relay
from ._resumption import find_session, forget_session, keep_session
from ._state import BEFORE, START, Event, State, walk

if TYPE_CHECKING:
    from ..api._context import Context
    from ._context import Natives


_SERVER = ConnectionPlan(server_side=True)


def _without_frames(error: BaseException) -> BaseException:
    """A copy that holds no frames, which would hold the connection: it goes when its last user does."""
    reduced: Any = error.__reduce__()
    try:
        copy: BaseException = reduced[0](*reduced[1])
    except Exception:  # somebody's exception that cannot be made again from its arguments
        copy = InternalTLSError(repr(error))
    return copy


class Connection(Information):
    """The fields of a connection, and what its parts do in common. Everything runs under `_lock`.

    Args:
        context: the context that makes it.
        natives: its native contexts, with their configuration.
        incoming: where ciphertext comes from.
        outgoing: where it goes.
        names: what a client calls its peer.
        peer: the peer's address where it is known; sessions are kept apart by it.
        owner: what the server name callback is called with, if not this.

    Raises:
        ProtocolViolation: on a client, something has come in already.
        ConfigurationError: the native context cannot be made.

    Attributes:
        awaits_hello: whether this is a server whose client has not said hello yet.
        version: the negotiated version as on the wire, once the handshake is done.
    """

    __slots__ = (
        "_barren", "_batch", "_context", "_engine", "_failure", "_handshake_size", "_in_callback", "_in_record", "_incoming",
        "_lock", "_names", "_natives", "_outgoing", "_owner", "_plan", "_reader", "_relay", "_session_due", "_session_key",
        "_state", "_watchful", "awaits_hello", "version",
    )  # fmt: skip

    def __init__(
        self,
        context: Context,
        natives: Natives,
        incoming: ByteSource,
        outgoing: ByteSink,
        names: PeerNames,
        peer: Any = None,
        owner: Any = None,
    ) -> None:
        self._context = context
        self._natives = natives
        self._names = names
        self._owner = weakref.ref(owner) if natives.decides and owner is not None else None
        new_lock = natives.new_lock
        self._lock = new_lock()
        self._state = START
        self._engine: Engine | None = None
        self._failure: BaseException | None = None
        self._plan = _SERVER
        self._barren = self._handshake_size = 0
        self._batch = natives.read_size
        self._in_callback = self._in_record = self._session_due = False
        self._accepted = natives.judge.beforehand
        self._hello = None
        self._session_key: Hashable | None = None
        self._identity = 0
        self._incoming: Any = incoming
        self._outgoing: Any = outgoing
        self._relay: Relay | None = None
        self._reader: ClientHelloReader | None = None
        self.version = 0
        kinds = natives.buffer_types
        if type(incoming) not in kinds or type(outgoing) not in kinds:
            self._attach(incoming, outgoing)
        self._watchful = self._relay is not None
        self.awaits_hello = natives.server_side
        if not natives.server_side:
            self._begin_client(peer)

    def _attach(self, incoming: ByteSource, outgoing: ByteSink) -> None:
        """Let the engine work on private buffers where the caller's are not of its kind."""
        provider, self._lock = self._natives.provider, OwnedLock()
        direct_in, direct_out = type(incoming) in provider.buffer_types, type(outgoing) in provider.buffer_types
        self._incoming = incoming if direct_in else provider.memory_buffer()
        self._outgoing = outgoing if direct_out else provider.memory_buffer()
        self._relay = Relay(
            None if direct_in else incoming, None if direct_out else outgoing, self._incoming, self._outgoing
        )

    def _begin_client(self, peer: Any) -> None:
        natives = self._natives
        if self._relay is not None:
            self._relay.fill()
        if self._incoming.pending:
            raise self._fault(
                ProtocolViolation, "plaintext was received behind the start of TLS: it may have been injected"
            )
        native = natives.first or natives.get()
        self._plan = self._names.plan
        if natives.remembers:
            self._session_key, session = find_session(natives, native, self._names, peer)
            self._plan = self._plan.with_session(session)
        self._install(native)

    def _install(self, native: Any) -> None:
        """Make the engine."""
        new_engine = self._natives.new_engine
        self._engine = new_engine(native, self._plan, self._incoming, self._outgoing)
        self.awaits_hello = False

    def _open_outgoing(self) -> None:
        """Go on only when the caller's buffer has taken everything so far."""
        if self._relay is not None and not self._relay.drain():
            raise self._fault(WantWriteError, "the outgoing buffer is full")

    def _collect_session(self) -> None:
        """Keep a session for the next connection, once the server has given one."""
        if self._session_due and self._session_key is not None and self._engine is not None:
            try:
                self._session_due = not keep_session(
                    self._natives, self._session_key, self._engine, self._accepted, self._plan.session
                )
            except BaseException as error:
                self._note(error)  # it is of the program's own cache, and takes with it what was read just now
                raise

    @property
    def configuration(self) -> TLSConfiguration:
        return self._natives.configuration

    @property
    def context(self) -> Context:
        return self._context

    @context.setter
    def context(self, value: Context) -> None:
        natives: Natives | None = getattr(value, "_natives", None)
        if not self._in_callback:
            raise ConfigurationError("the context of a connection can be changed in its server name callback only")
        if natives is None or natives.provider is not self._natives.provider or not natives.server_side:
            raise ConfigurationError("the new context must be a server context of the same backend")
        self._context, self._natives = value, natives

    # ------------------------------------------------------------------------------------------ the error boundary

    def _fault(self, kind: type[E], text: str) -> E:
        return self._natives.provider.fault(kind, text)

    def _ragged(self, text: str) -> RaggedEOF:
        return self._fault(RaggedEOF, text)

    def _translated(self, error: BaseException) -> TLSError | None:
        """The library's exception as ours; `None` for the peer's close_notify."""
        return error if isinstance(error, TLSError) else self._natives.provider.translate(error)

    def _noted(self, error: BaseException) -> TLSError:
        """The library's exception as ours, remembered; where only a fault makes sense."""
        fault = self._translated(error) or self._fault(ConnectionFault, "the peer has closed the connection")
        self._note(fault)
        # A binding's frames may still hold a view of what was to be written: Python 3.11 crashes when it collects a cycle
        # with such a view in it (CPython issue 77894), and programs do keep exceptions in cycles.
        clear_frames(error.__traceback__)
        return fault

    def _note(self, fault: BaseException) -> None:
        """Remember a fault: the connection is lost from now on. Signals and later mistakes of ours leave it as it is."""
        lost = isinstance(fault, (ConnectionFault, InternalTLSError)) or not isinstance(fault, TLSError)
        if lost or (isinstance(fault, ConfigurationError) and self._state in BEFORE):
            self._state, self._failure = walk(self._state, Event.FAIL), _without_frames(fault)
            # A server that has begun to talk, and is then cut off, has not refused the session.
            if self._session_due or not (self.version and isinstance(fault, RaggedEOF)):
                forget_session(self._natives, self._session_key, self._plan.session)
            self.awaits_hello = False

    def _refail(self) -> NoReturn:
        cause = self._failure
        if isinstance(cause, ConnectionFault):
            raise _without_frames(cause)
        raise self._fault(ConnectionFault, f"the connection was lost before: {cause}") from cause

    def _not_open(self) -> NoReturn:
        if self._state is State.FAILED:
            self._refail()
        if self._state in BEFORE:
            raise ConfigurationError("the handshake is not done: call do_handshake() first")
        raise self._fault(ConnectionFault, "the connection is closed for writing: close_notify was sent")

    def __getstate__(self) -> NoReturn:
        raise TypeError(f"cannot pickle a {self.__class__.__name__}")

    def __repr__(self) -> str:
        role = "server" if self._natives.server_side else "client"
        return f"<{type(self).__name__} {role}, {self._state.value}, {self._natives.provider.name}>"
