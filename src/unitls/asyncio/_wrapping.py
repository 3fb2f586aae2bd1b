"""From a context to a wrapped buffer, and what an event loop asks of one."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, Final

from ..api._backend import Backend
from ..api._context import ClientContext, ServerContext
from ..api._errors import ConfigurationError
from ..api._subjects import Subject
from ..core._buffer import CoreBuffer
from ..core._context import CoreContext
from ..core._names import NO_NAMES, PeerNames
from ..core._state import OPEN

MOST: Final = 1 << 30
"""As much plaintext as there is, in one call."""


class LoopBuffer(CoreBuffer):
    """The wrapped buffer between two memory buffers of its own, with what a loop asks after each call."""

    __slots__ = ()

    @property
    def is_open(self) -> bool:
        """Whether neither direction has ended, and nothing has failed."""
        return self._state is OPEN

    @property
    def is_settled(self) -> bool:
        """Whether a read has left nothing to look after: no end, no fault, nothing to send."""
        return self._state is OPEN and not self._outgoing.pending

    @property
    def incoming_pending(self) -> int:
        """How much ciphertext is waiting to be read."""
        size: int = self._incoming.pending
        return size


class Wrapping:
    """What one side of a connection needs to make its wrapped buffer, checked before anything is opened.

    Args:
        context: a client or a server context of any backend.
        server_hostname: what a client calls its peer.
        valid_subjects: the subjects a client accepts, if not `server_hostname`.

    Raises:
        ConfigurationError: it is not a context, or the names do not fit it.
    """

    __slots__ = ("_names", "context", "server_side")

    def __init__(
        self,
        context: ClientContext | ServerContext,
        server_hostname: str | None = None,
        valid_subjects: Sequence[Subject] | None = None,
    ) -> None:
        if not isinstance(context, CoreContext):
            raise ConfigurationError(
                f"a client or server context of unitls is needed, not {type(context).__name__}; "
                "an ssl.SSLContext belongs to the functions of asyncio itself"
            )
        given: Any = context
        self.context = given
        self.server_side = context.server_side
        self._names: PeerNames = NO_NAMES
        if not self.server_side:
            self._names = given._names(server_hostname, valid_subjects)
        elif server_hostname is not None or valid_subjects is not None:
            raise ConfigurationError("server_hostname and valid_subjects are for clients")
        else:
            self._natives()

    def _natives(self) -> Any:
        # Asked for each connection: a server goes on with new certificates without being opened again.
        return self.context._usable() if self.server_side else self.context._natives

    def buffer(self, peer: Any) -> LoopBuffer:
        """Make the wrapped buffer of one connection.

        Args:
            peer: a function that gives the peer's address, called where sessions are kept apart by it.

        Raises:
            ConfigurationError: the native context cannot be made.
        """
        natives = self._natives()
        make = natives.provider.memory_buffer
        return LoopBuffer(
            self.context, natives, make(), make(), self._names, peer=peer() if natives.remembers else None
        )


def check_role(context: Any, server_side: bool) -> None:
    """See that a context is for this role.

    Raises:
        ConfigurationError: it is for the other one.
    """
    if getattr(context, "server_side", server_side) is not server_side:
        needed, given = ("server", "client") if server_side else ("client", "server")
        raise ConfigurationError(f"a {needed} context is needed here, not a {given} context")


@functools.lru_cache(maxsize=8)
def default_client_context(backend: Backend) -> ClientContext:
    """The context of clients that were given none: one for each backend, made once."""
    return backend.client_context()
