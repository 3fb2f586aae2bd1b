"""What the clients share: the context, the step from plain to TLS, and what may not be carried over it."""

from __future__ import annotations

import socket as socket_module
from typing import Any, Final, cast

from ..api._context import ClientContext
from ..api._errors import ConfigurationError, ProtocolViolation, WantReadError
from ..registry import get_backend

DEFAULT_TIMEOUT: Final[Any] = socket_module._GLOBAL_DEFAULT_TIMEOUT  # type: ignore[attr-defined]
"""What the standard classes have where no timeout is given: that of ``socket.setdefaulttimeout``."""


def client_context(context: ClientContext | None, parameter: str = "context") -> ClientContext:
    """The context to use: the one that is given, or that of the default backend with its secure defaults.

    Args:
        context: what the caller gave.
        parameter: how the caller's parameter is called, for the message.

    Raises:
        ConfigurationError: it is something else, or no backend can be used here.
    """
    if context is None:
        return get_backend().client_context()
    if not isinstance(context, ClientContext):
        raise ConfigurationError(
            f"{parameter} must be a unitls.ClientContext, not {type(context).__name__}: "
            "make one with unitls.get_backend().client_context()"
        )
    return context


def wrap(sock: socket_module.socket, context: ClientContext, host: str) -> socket_module.socket:
    """Start TLS on a connected socket; it is closed if that fails.

    Args:
        sock: in the clear up to here.
        context: how.
        host: whom the certificate has to be for. Where the standard class takes no name for this machine, neither do we.

    Returns:
        The wrapped socket. The standard classes call it a socket, and it has all that they use of one.
    """
    try:
        wrapped = context.wrap_socket(sock, server_hostname=host or "localhost")
    except BaseException:
        sock.close()
        raise
    return cast("socket_module.socket", wrapped)


def refuse_read_ahead(sock: socket_module.socket, file: Any) -> None:
    """Close the file over which the plain dialogue was read. Nothing may be in it behind the reply that starts TLS.

    A file reads ahead. What it has read behind the reply came in the clear, perhaps from an attacker who wants it to be
    taken for the beginning of the protected stream. (What is still in the socket is refused by ``wrap_socket``.)

    Args:
        sock: the socket under `file`.
        file: made by ``sock.makefile``; `None` if there is none.

    Raises:
        ProtocolViolation: there is something; the socket is closed then.
    """
    if file is None:
        return
    early = _has_more(sock, file)
    file.close()
    if early:
        sock.close()
        raise ProtocolViolation("plaintext was received behind the start of TLS: it may have been injected")


def _has_more(sock: socket_module.socket, file: Any) -> bool:
    """Whether a read would give something at once."""
    timeout = sock.gettimeout()
    sock.settimeout(0)
    try:
        return bool(file.peek(1) if hasattr(file, "peek") else file.read(1))
    except UnicodeDecodeError:
        return True  # a file of text has read a part of a character
    except (OSError, WantReadError):
        return False  # nothing is there, or the connection is lost, which the handshake will find out
    finally:
        sock.settimeout(timeout)
