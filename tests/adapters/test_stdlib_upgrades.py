"""How a plain connection becomes a protected one: what may not be carried over, and what ends it."""

from __future__ import annotations

import contextlib
import imaplib as standard_imaplib
import poplib as standard_poplib
import smtplib as standard_smtplib
import socket
from collections.abc import Callable
from typing import Any

import pytest
from _servers_common import ADDRESS, HOST
from _servers_scripted import Script

import unitls
from unitls.stdlib import ftplib, http_client, imaplib, nntplib, poplib, smtplib

TIMEOUT = 60.0  # far more than anything takes, also on a machine under load
Attempt = Callable[[Any, unitls.ClientContext], None]


def _tagged(text: bytes) -> Callable[[bytes], bytes]:
    return lambda line: text.replace(b"TAG", line.split()[0])


def _smtp(port: int, context: unitls.ClientContext) -> None:
    client = smtplib.SMTP(HOST, port, "client.test", timeout=TIMEOUT)
    with contextlib.closing(client):
        client.starttls(context=context)


def _lmtp(port: int, context: unitls.ClientContext) -> None:
    client = smtplib.LMTP(HOST, port, "client.test")
    with contextlib.closing(client):
        client.starttls(context=context)


def _imap(port: int, context: unitls.ClientContext) -> None:
    with imaplib.IMAP4(HOST, port, timeout=TIMEOUT) as client:
        client.starttls(context)


def _pop3(port: int, context: unitls.ClientContext) -> None:
    client = poplib.POP3(HOST, port, timeout=TIMEOUT)
    with contextlib.closing(client):
        client.stls(context)


def _ftp(port: int, context: unitls.ClientContext) -> None:
    with ftplib.FTP_TLS(context=context, timeout=TIMEOUT) as client:
        client.connect(HOST, port)
        client.login("user", "secret")


def _nntp(port: int, context: unitls.ClientContext) -> None:
    with nntplib.NNTP(HOST, port, timeout=TIMEOUT) as client:
        client.starttls(context)


def _http(port: int, context: unitls.ClientContext) -> None:
    client = http_client.HTTPSConnection(ADDRESS, port, context=context, timeout=TIMEOUT)
    client.set_tunnel("origin.test", 443)
    with contextlib.closing(client):
        client.request("GET", "/")


# What a server says first, what it answers to each command, and behind the last answer what does not belong there.
SCRIPTS: dict[str, tuple[Attempt, tuple[Any, ...], bytes]] = {
    "smtp": (_smtp, (b"220 hi\r\n", b"250-me\r\n250 STARTTLS\r\n", b"220 go\r\n"), b"250 injected\r\n"),
    "lmtp": (_lmtp, (b"220 hi\r\n", b"250-me\r\n250 STARTTLS\r\n", b"220 go\r\n"), b"250 injected\r\n"),
    "imap": (
        _imap,
        (b"* OK hi\r\n", _tagged(b"* CAPABILITY IMAP4rev1 STARTTLS\r\nTAG OK done\r\n"), _tagged(b"TAG OK go\r\n")),
        b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n",
    ),
    "pop3": (_pop3, (b"+OK hi\r\n", b"+OK\r\nSTLS\r\n.\r\n", b"+OK go\r\n"), b"+OK injected\r\n"),
    "ftp": (_ftp, (b"220 hi\r\n", b"234 go\r\n"), b"230 injected\r\n"),
    "nntp": (_nntp, (b"200 hi\r\n", b"101 here\r\nVERSION 2\r\nSTARTTLS\r\n.\r\n", b"382 go\r\n"), b"200 injected\r\n"),
}


def _with_last(steps: tuple[Any, ...], last: Callable[[bytes], bytes]) -> tuple[Any, ...]:
    """The script with its last answer changed."""
    answer = steps[-1]
    return (*steps[:-1], lambda line: last(answer(line) if callable(answer) else answer))


def _context(backend: unitls.Backend) -> unitls.ClientContext:
    return backend.client_context(unitls.TLSClientConfiguration())


@pytest.mark.parametrize("protocol", SCRIPTS)
def test_what_is_said_behind_the_start_of_tls_is_refused(backend: unitls.Backend, protocol: str) -> None:
    attempt, steps, injected = SCRIPTS[protocol]
    script = Script(*_with_last(steps, lambda answer: answer + injected))
    with script as server, pytest.raises(unitls.ProtocolViolation, match="injected"):
        attempt(server.port, _context(backend))
    assert server.rest == b""  # no ClientHello, and no password


@pytest.mark.parametrize("protocol", SCRIPTS)
def test_a_server_that_goes_away_instead(backend: unitls.Backend, protocol: str) -> None:
    """Without anything injected the same script gets as far as the handshake."""
    attempt, steps, _ = SCRIPTS[protocol]
    with Script(*steps, leaves=True) as server, pytest.raises(unitls.RaggedEOF):
        attempt(server.port, _context(backend))
    assert server.rest[:2] == b"\x16\x03"  # a ClientHello


def test_what_a_proxy_says_behind_its_answer_is_refused(backend: unitls.Backend) -> None:
    answer = b"HTTP/1.1 200 OK\r\nX-Proxy: yes\r\n\r\ninjected"
    with Script(b"", answer) as server, pytest.raises(unitls.ProtocolViolation, match="injected"):
        _http(server.port, _context(backend))
    assert server.commands[0].startswith(b"CONNECT origin.test:443 ")
    assert b"\x16\x03\x01" not in server.rest


def test_a_proxy_that_refuses(backend: unitls.Backend) -> None:
    with Script(b"", b"HTTP/1.1 403 Forbidden\r\n\r\n") as server, pytest.raises(OSError, match="403"):
        _http(server.port, _context(backend))


@pytest.mark.parametrize(
    ("protocol", "steps", "error"),
    [
        ("smtp", (b"220 hi\r\n", b"250 me\r\n"), standard_smtplib.SMTPNotSupportedError),
        ("smtp", (b"220 hi\r\n", b"250-me\r\n250 STARTTLS\r\n", b"454 not now\r\n"), standard_smtplib.SMTPResponseException),
        ("pop3", (b"+OK hi\r\n", b"+OK\r\nUSER\r\n.\r\n"), standard_poplib.error_proto),
        ("ftp", (b"220 hi\r\n", b"500 what?\r\n", b"221 bye\r\n"), ftplib.error_perm),
        ("nntp", (b"200 hi\r\n", b"101 here\r\n.\r\n", b"500 what?\r\n", b"205 bye\r\n"), nntplib.NNTPPermanentError),
        (
            "imap",
            (
                b"* OK hi\r\n",
                _tagged(b"* CAPABILITY IMAP4rev1\r\nTAG OK done\r\n"),
                _tagged(b"* BYE\r\nTAG OK bye\r\n"),
            ),
            standard_imaplib.IMAP4.abort,
        ),
    ],
)  # fmt: skip
def test_no_offer_is_an_error(backend: unitls.Backend, protocol: str, steps: Any, error: type[Exception]) -> None:
    """The offer may have been taken out on the way: there is no going on in the clear, and no password is sent."""
    with Script(*steps) as server, pytest.raises(error):
        SCRIPTS[protocol][0](server.port, _context(backend))
    assert not any(b"secret" in command for command in server.commands)


@pytest.mark.parametrize("protocol", SCRIPTS)
def test_another_kind_of_context_is_refused_before_anything_is_sent(protocol: str) -> None:
    attempt, steps, _ = SCRIPTS[protocol]
    with Script(*steps) as server, pytest.raises(unitls.ConfigurationError, match=r"must be a unitls\.ClientContext"):
        attempt(server.port, object())  # type: ignore[arg-type]
    assert not {b"STARTTLS", b"STLS", b"AUTH TLS"} & set(server.commands)


def test_imap_forgets_what_was_said_in_the_clear(backend: unitls.Backend) -> None:
    """An answer that came before STARTTLS is none that was given under TLS."""
    client = imaplib.IMAP4.__new__(imaplib.IMAP4)
    client.untagged_responses = {"EXISTS": [b"99"]}
    client._tls_established, client.capabilities = False, ("STARTTLS",)
    client._simple_command = lambda name: ("OK", [b"go"])  # type: ignore[method-assign]
    client._start_tls = lambda context: None  # type: ignore[method-assign]
    client._get_capabilities = lambda: None  # type: ignore[method-assign]
    assert client.starttls(_context(backend)) == ("OK", [None])
    assert client.untagged_responses == {}


def test_lmtp_over_a_unix_socket_has_no_name_to_check(backend: unitls.Backend, tmp_path: Any) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "lmtp"))
        listener.listen()
        client = smtplib.LMTP.__new__(smtplib.LMTP)
        with socket.socket(socket.AF_UNIX) as raw:
            raw.connect(str(tmp_path / "lmtp"))
            client.sock = raw
            with pytest.raises(unitls.ConfigurationError, match="Unix socket"):
                client.starttls(context=_context(backend))
