"""The plaintext dialogues that lead to TLS: SMTP, IMAP, POP3 and FTP.

Nothing is believed that is said before TLS begins, and nothing is carried over: what has been received behind the last
reply is refused, since it may have been injected to be read as part of the protected stream.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ..api._errors import ProtocolViolation
from ._command import FAILED, CommandError

_MAX_LINE: Final = 8192
_MAX_LINES: Final = 500


class Dialogue:
    """Lines over a socket, with one deadline for all of them.

    Args:
        sock: a connected socket; its timeout is changed.
        timeout: seconds for the whole dialogue.
    """

    def __init__(self, sock: socket.socket, timeout: float) -> None:
        self._sock = sock
        self._deadline = time.monotonic() + timeout
        self._received = b""
        self._lines = 0

    def send(self, line: str) -> None:
        """Send a command."""
        self._sock.settimeout(self._remaining())
        self._sock.sendall(line.encode("ascii") + b"\r\n")

    def line(self) -> str:
        """Receive a line, without its end.

        Raises:
            CommandError: the server closes the connection, or its lines are too long or too many.
            TimeoutError: it takes too long.
        """
        while b"\n" not in self._received:
            if len(self._received) > _MAX_LINE:
                raise CommandError("the server sends lines without an end: it does not speak this protocol.", FAILED)
            self._sock.settimeout(self._remaining())
            chunk = self._sock.recv(4096)
            if not chunk:
                raise CommandError("the server closed the connection before TLS could begin.", FAILED)
            self._received += chunk
        self._lines += 1
        if self._lines > _MAX_LINES:
            raise CommandError("the server talks without end before TLS: it does not speak this protocol.", FAILED)
        line, _, self._received = self._received.partition(b"\n")
        return line.removesuffix(b"\r").decode("utf-8", "backslashreplace")

    def finish(self) -> None:
        """End the dialogue.

        Raises:
            ProtocolViolation: something has been received behind the last reply.
        """
        if self._received:
            raise ProtocolViolation(
                "plaintext was received behind the reply to the command that starts TLS: it may have been injected"
            )

    def address_literal(self) -> str:
        """How a client without a host name calls itself in SMTP (RFC 5321 section 4.1.3)."""
        host = self._sock.getsockname()[0]
        return f"[IPv6:{host.partition('%')[0]}]" if ":" in host else f"[{host}]"

    def _remaining(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        return left


def _unexpected(reply: str, what: str) -> CommandError:
    shown = reply if len(reply) <= 200 else reply[:200] + "..."
    return CommandError(f"{what}; the server says {shown!r}.", FAILED)


def _smtp_reply(dialogue: Dialogue, accepted: str, what: str) -> list[str]:
    """A reply of one line or more (RFC 5321 section 4.2.1): the texts behind the code."""
    texts = []
    while True:
        line = dialogue.line()
        code, separator, text = line[:3], line[3:4], line[4:]
        if code != accepted or separator not in ("", " ", "-"):
            raise _unexpected(line, what)
        texts.append(text)
        if separator != "-":
            return texts


def _smtp(dialogue: Dialogue) -> None:
    """RFC 3207."""
    _smtp_reply(dialogue, "220", "this is not an SMTP server that takes mail now")
    dialogue.send(f"EHLO {dialogue.address_literal()}")
    extensions = _smtp_reply(dialogue, "250", "the server does not accept EHLO, so it cannot offer STARTTLS")
    if "STARTTLS" not in {text.partition(" ")[0].upper() for text in extensions[1:]}:
        raise CommandError("the SMTP server does not offer STARTTLS.", FAILED)
    dialogue.send("STARTTLS")
    _smtp_reply(dialogue, "220", "the server refuses STARTTLS")


def _imap_tagged(dialogue: Dialogue, tag: str, what: str) -> list[str]:
    """The untagged responses before the tagged one, which has to be OK (RFC 3501 section 7.1)."""
    untagged = []
    while (line := dialogue.line()).startswith("* "):
        if line[2:6].upper() == "BYE ":
            raise _unexpected(line, what)
        untagged.append(line[2:])
    if line.upper().split(" ")[:2] != [tag.upper(), "OK"]:
        raise _unexpected(line, what)
    return untagged


def _imap(dialogue: Dialogue) -> None:
    """RFC 3501 section 6.2.1."""
    greeting = dialogue.line()
    if greeting.upper().split(" ")[:2] != ["*", "OK"]:
        raise _unexpected(greeting, "this is not an IMAP server on which TLS could be started")
    dialogue.send("a1 CAPABILITY")
    words = " ".join(_imap_tagged(dialogue, "a1", "the server does not tell its capabilities")).upper().split()
    if "STARTTLS" not in words:
        raise CommandError("the IMAP server does not offer STARTTLS.", FAILED)
    dialogue.send("a2 STARTTLS")
    _imap_tagged(dialogue, "a2", "the server refuses STARTTLS")


def _pop3_ok(dialogue: Dialogue, what: str) -> None:
    line = dialogue.line()
    if line.split(" ")[0].upper() != "+OK":
        raise _unexpected(line, what)


def _pop3(dialogue: Dialogue) -> None:
    """RFC 2595 section 4, RFC 2449."""
    _pop3_ok(dialogue, "this is not a POP3 server")
    dialogue.send("CAPA")
    _pop3_ok(dialogue, "the server does not tell its capabilities, so it cannot offer STLS")
    capabilities = set()
    while (line := dialogue.line()) != ".":
        capabilities.add(line.upper().rstrip())
    if "STLS" not in capabilities:
        raise CommandError("the POP3 server does not offer STLS.", FAILED)
    dialogue.send("STLS")
    _pop3_ok(dialogue, "the server refuses STLS")


def _ftp_reply(dialogue: Dialogue, accepted: str, what: str) -> list[str]:
    """A reply (RFC 959 section 4.2); of one of several lines all but the last may hold anything."""
    line = dialogue.line()
    if line[:3] != accepted:
        raise _unexpected(line, what)
    lines = [line]
    if line[3:4] == "-":
        while (line := dialogue.line())[:4] != f"{accepted} ":
            lines.append(line)
    return lines


def _ftp(dialogue: Dialogue) -> None:
    """RFC 4217 section 4; FEAT is RFC 2389."""
    _ftp_reply(dialogue, "220", "this is not an FTP server that takes users now")
    dialogue.send("FEAT")
    features = _ftp_reply(dialogue, "211", "the server does not tell its features, so it cannot offer AUTH TLS")
    offered = {word for line in features for word in line.upper().replace(";", " ").split()}
    if not {"AUTH", "TLS"} <= offered:
        raise CommandError("the FTP server does not offer AUTH TLS.", FAILED)
    dialogue.send("AUTH TLS")
    _ftp_reply(dialogue, "234", "the server refuses AUTH TLS")


@dataclass(frozen=True, slots=True)
class StartTLS:
    """How TLS begins in a protocol that begins without it.

    Attributes:
        port: the protocol's own port.
        negotiate: leads the dialogue up to the point where the handshake begins.
    """

    port: int
    negotiate: Callable[[Dialogue], None]


STARTTLS: Final = {
    "smtp": StartTLS(25, _smtp),
    "imap": StartTLS(143, _imap),
    "pop3": StartTLS(110, _pop3),
    "ftp": StartTLS(21, _ftp),
}


def start_tls(sock: socket.socket, protocol: str, timeout: float) -> None:
    """Lead the dialogue of `protocol` until the TLS handshake can begin.

    Args:
        sock: a socket just connected.
        protocol: a key of `STARTTLS`.
        timeout: seconds for the whole dialogue; also the socket's timeout afterwards.

    Raises:
        CommandError: the server does not offer TLS, refuses it, or does not speak the protocol.
        ProtocolViolation: plaintext was received behind the reply that ends the dialogue.
        TimeoutError: it takes too long.
    """
    dialogue = Dialogue(sock, timeout)
    STARTTLS[protocol].negotiate(dialogue)
    dialogue.finish()
    sock.settimeout(timeout)
