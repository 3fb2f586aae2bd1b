"""The plaintext dialogues, led by a server that follows a script."""

from __future__ import annotations

import socket
import threading

import pytest
from _cli_peers import TIMEOUT

import unitls
from unitls.cli._command import CommandError
from unitls.cli._starttls import STARTTLS, start_tls

# Each script is a list of (what the server waits for, what it then says).
GOOD = {
    "smtp": [
        ("", "220-mail.test\r\n220 ready\r\n"),
        ("EHLO [127.0.0.1]\r\n", "250-mail.test\r\n250-SIZE 1000\r\n250 starttls\r\n"),
        ("STARTTLS\r\n", "220 go ahead\r\n"),
    ],
    "imap": [
        ("", "* OK ready\r\n"),
        ("a1 CAPABILITY\r\n", "* CAPABILITY IMAP4rev1 STARTTLS\r\na1 OK done\r\n"),
        ("a2 STARTTLS\r\n", "a2 OK begin\r\n"),
    ],
    "pop3": [
        ("", "+OK ready\r\n"),
        ("CAPA\r\n", "+OK list\r\nUSER\r\nSTLS\r\n.\r\n"),
        ("STLS\r\n", "+OK begin\r\n"),
    ],
    "ftp": [
        ("", "220-hello\r\nany text\r\n220 ready\r\n"),
        ("FEAT\r\n", "211-features\r\n AUTH SSL;TLS;\r\n SIZE\r\n211 end\r\n"),
        ("AUTH TLS\r\n", "234 begin\r\n"),
    ],
}


def change(protocol: str, step: int, reply: str) -> list[tuple[str, str]]:
    """The good script up to `step`, where the server says something else."""
    return [*GOOD[protocol][:step], (GOOD[protocol][step][0], reply)]


class Peer:
    """The client's end of a connection to a server that follows a script."""

    def __init__(self, script: list[tuple[str, str]]) -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        with listener:
            self.client = socket.create_connection(listener.getsockname(), TIMEOUT)
            self._server, _ = listener.accept()
        self._server.settimeout(TIMEOUT)
        self._script = script
        self.heard: list[str] = []
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> socket.socket:
        self._thread.start()
        return self.client

    def __exit__(self, *exc_info: object) -> None:
        self.client.close()
        self._thread.join(TIMEOUT)
        self._server.close()
        assert not self._thread.is_alive()

    def _follow(self) -> None:
        try:
            for awaited, reply in self._script:
                heard = b""
                while len(heard) < len(awaited) and (chunk := self._server.recv(1)):
                    heard += chunk
                self.heard.append(heard.decode())
                self._server.sendall(reply.encode("latin-1"))
            self._server.shutdown(socket.SHUT_WR)
            while self._server.recv(4096):
                pass
        except OSError:
            pass


@pytest.mark.parametrize("protocol", sorted(STARTTLS))
def test_a_good_dialogue(protocol):
    peer = Peer(GOOD[protocol])
    with peer as client:
        start_tls(client, protocol, TIMEOUT)
        assert client.gettimeout() == TIMEOUT
        assert client.recv(1) == b""  # nothing has been taken beyond the reply
    assert peer.heard == [awaited for awaited, _ in GOOD[protocol]]


@pytest.mark.parametrize("protocol", sorted(STARTTLS))
def test_what_is_injected_behind_the_reply_is_refused(protocol):
    last = GOOD[protocol][-1][1]
    with Peer(change(protocol, 2, last + "250 injected\r\n")) as client, pytest.raises(unitls.ProtocolViolation):
        start_tls(client, protocol, TIMEOUT)


@pytest.mark.parametrize(
    ("protocol", "step", "reply", "text"),
    [
        ("smtp", 0, "554 no\r\n", "not an SMTP server that takes mail now; the server says '554 no'"),
        ("smtp", 0, "220-a\r\n554 b\r\n", "554 b"),
        ("smtp", 0, "220+odd\r\n", "220+odd"),
        ("smtp", 1, "502 what?\r\n", "does not accept EHLO"),
        ("smtp", 1, "250-mail.test\r\n250 SIZE\r\n", "does not offer STARTTLS"),
        ("smtp", 1, "250 STARTTLS\r\n", "does not offer STARTTLS"),  # the first line is the server's name
        ("smtp", 2, "454 not now\r\n", "refuses STARTTLS; the server says '454 not now'"),
        ("imap", 0, "* PREAUTH hello\r\n", "not an IMAP server on which TLS could be started"),
        ("imap", 0, "* BYE\r\n", "not an IMAP server"),
        ("imap", 1, "* CAPABILITY IMAP4rev1\r\na1 OK\r\n", "does not offer STARTTLS"),
        ("imap", 1, "a1 BAD\r\n", "does not tell its capabilities"),
        ("imap", 1, "* BYE enough\r\n", "does not tell its capabilities"),
        ("imap", 2, "a2 NO\r\n", "refuses STARTTLS"),
        ("imap", 2, "a1 OK\r\n", "refuses STARTTLS"),
        ("pop3", 0, "-ERR\r\n", "not a POP3 server"),
        ("pop3", 1, "-ERR\r\n", "does not tell its capabilities"),
        ("pop3", 1, "+OK\r\nUSER\r\n.\r\n", "does not offer STLS"),
        ("pop3", 2, "-ERR\r\n", "refuses STLS"),
        ("ftp", 0, "421 busy\r\n", "not an FTP server that takes users now"),
        ("ftp", 1, "500 what?\r\n", "does not tell its features"),
        ("ftp", 1, "211-features\r\n SIZE\r\n211 end\r\n", "does not offer AUTH TLS"),
        ("ftp", 2, "534 no\r\n", "refuses AUTH TLS"),
        ("smtp", 0, "", "closed the connection before TLS"),
        ("smtp", 0, "x" * 20000, "lines without an end"),
        ("smtp", 0, "220-again\r\n" * 600, "talks without end"),
    ],
)
def test_what_a_server_can_say_instead(protocol, step, reply, text):
    with Peer(change(protocol, step, reply)) as client, pytest.raises(CommandError) as caught:
        start_tls(client, protocol, TIMEOUT)
    assert text in str(caught.value)
    assert caught.value.status == 1


def test_a_long_reply_is_shown_in_part():
    with Peer(change("smtp", 0, f"554 {'x' * 2000}\r\n")) as client, pytest.raises(CommandError) as caught:
        start_tls(client, "smtp", TIMEOUT)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("said", ["", "220-and", "220-and\r\n220"])
def test_one_deadline_holds_for_the_whole_dialogue(said):
    with Peer([("", said), ("never", "")]) as client, pytest.raises(TimeoutError):
        start_tls(client, "smtp", 0.2)


def test_an_ipv6_client_names_its_address():
    listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    with listener, socket.create_connection(listener.getsockname()[:2], TIMEOUT) as client:
        server, _ = listener.accept()
        with server:
            server.sendall(b"220 ready\r\n500 no\r\n")
            with pytest.raises(CommandError):
                start_tls(client, "smtp", TIMEOUT)
            assert server.recv(100) == b"EHLO [IPv6:::1]\r\n"
