"""Where to connect to, and what goes wrong on the way there, in words."""

from __future__ import annotations

import argparse
import socket
from dataclasses import dataclass
from typing import Final

from ..api._errors import ConfigurationError
from ..api._subjects import parse_subject
from ._command import CommandError, port_number

DEFAULT_PORT: Final = 443


@dataclass(frozen=True, slots=True)
class Target:
    """A server.

    Attributes:
        host: a host name as A-labels, or an IP address without brackets.
        port: the port, `None` where none was given.
    """

    host: str
    port: int | None

    def with_port(self, default: int) -> Target:
        """The same with a port."""
        return self if self.port is not None else Target(self.host, default)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"


def parse_target(text: str) -> Target:
    """Read ``HOST``, ``HOST:PORT``, ``[IPv6]:PORT`` or a bare IPv6 address.

    Raises:
        argparse.ArgumentTypeError: it is none of these.
    """
    if "/" in text:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT; leave out the scheme and the path")
    host, port = _split(text)
    if port is not None and port_number(port) == 0:
        raise argparse.ArgumentTypeError("one cannot connect to port 0")
    return Target(host_name(host), None if port is None else int(port))


def host_name(text: str) -> str:
    """Read a host name or an IP address, and give it as A-labels or in the usual notation.

    Raises:
        argparse.ArgumentTypeError: it is neither.
    """
    try:
        return str(parse_subject(text))
    except ConfigurationError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _split(text: str) -> tuple[str, str | None]:
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise argparse.ArgumentTypeError(f"{text!r} is not of the form [ADDRESS]:PORT")
        return host, rest[1:] if rest else None
    if text.count(":") != 1:
        return text, None
    host, _, port = text.partition(":")
    return host, port


def connect(target: Target, timeout: float) -> socket.socket:
    """Open a TCP connection.

    Args:
        target: a server, with its port.
        timeout: seconds; the socket keeps it.

    Returns:
        The connected socket.

    Raises:
        CommandError: it cannot be reached; the message says why.
    """
    try:
        return socket.create_connection((target.host, target.port or DEFAULT_PORT), timeout)
    except socket.gaierror as error:
        raise CommandError(
            f"the host name {target.host!r} cannot be resolved ({error.strerror}). Check the name and the network."
        ) from error
    except TimeoutError as error:
        raise CommandError(
            f"{target} did not answer within {timeout:g} s. Check the address, or allow more with --timeout."
        ) from error
    except ConnectionRefusedError as error:
        raise CommandError(f"{target} refuses connections. Check the port, and whether the server runs.") from error
    except OSError as error:
        raise CommandError(
            f"{target} cannot be reached ({error.strerror or error}). Check the address and the network."
        ) from error
