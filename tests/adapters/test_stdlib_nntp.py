"""The client of NNTP of our own, against scripts: what a real server does not say."""

from __future__ import annotations

import datetime
import io
import socket
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
from _servers_common import HOST
from _servers_scripted import Script

from unitls.stdlib import _nntp, _nntp_values

HELLO = b"200 hi\r\n"
OLD = b"500 what?\r\n"
NEW = b"101 here\r\nVERSION 2 3\r\nIMPLEMENTATION a server\r\nREADER\r\nOVER\r\n.\r\n"
BYE = b"205 bye\r\n"


def _client(script: Script, **more: Any) -> _nntp.NNTP:
    return _nntp.NNTP(HOST, script.port, timeout=60, **more)


def _commands(answer: bytes, use: Any, capabilities: bytes = NEW) -> tuple[Any, list[bytes]]:
    """What a call gives with `answer`, and what it has sent."""
    with Script(HELLO, capabilities, answer, BYE) as script, _client(script) as client:
        result = use(client)
    return result, script.commands[1:-1]


def test_the_names_are_those_of_the_standard_module() -> None:
    if sys.version_info >= (3, 13):
        pytest.skip("the standard library has none to compare with")
    with warnings.catch_warnings(action="ignore"):
        import nntplib
    assert set(nntplib.__all__) - {"NNTP_SSL"} <= set(_nntp.__all__)
    public = {name for name in vars(nntplib.NNTP) if not name.startswith("_")} - {"starttls"}
    assert public <= set(dir(_nntp.NNTP))


def test_capabilities() -> None:
    with Script(HELLO, NEW, BYE) as script, _client(script) as client:
        assert (client.nntp_version, client.nntp_implementation) == (3, "a server")
        assert client.getcapabilities()["READER"] == []
        assert client.getwelcome() == "200 hi"


def test_an_old_server_has_no_capabilities() -> None:
    answer, sent = _commands(
        b"230 here\r\n<1@a>\r\n.\r\n", lambda client: client.newnews("*", datetime.date(2020, 2, 3)), OLD
    )
    assert answer == ("230 here", ["<1@a>"])
    assert sent == [b"NEWNEWS * 200203 000000"]


def test_dates() -> None:
    when = datetime.datetime(2020, 2, 3, 4, 5, 6)
    answer, sent = _commands(b"231 here\r\na.b 2 1 y\r\n.\r\n", lambda client: client.newgroups(when))
    assert answer == ("231 here", [_nntp.GroupInfo("a.b", "2", "1", "y")])
    assert sent == [b"NEWGROUPS 20200203 040506"]
    assert _commands(b"111 20200203040506\r\n", lambda client: client.date())[0] == ("111 20200203040506", when)
    with pytest.raises(TypeError, match="not str"):
        _nntp_values.format_date("yesterday", short=False)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("answer", "call", "error"),
    [
        (b"111 2020\r\n", "date", _nntp.NNTPDataError),
        (b"111 20209903040506\r\n", "date", _nntp.NNTPDataError),
        (b"111\r\n", "date", _nntp.NNTPDataError),
        (b"200 what\r\n", "date", _nntp.NNTPReplyError),
        (b"215 groups\r\nonly three words\r\n.\r\n", "list", _nntp.NNTPDataError),
        (b"480 log in\r\n", "list", _nntp.NNTPTemporaryError),
        (b"502 no\r\n", "help", _nntp.NNTPPermanentError),
        (b"hello\r\n", "help", _nntp.NNTPProtocolError),
        (b"223 no number\r\n", "next", _nntp.NNTPReplyError),
        (b"x" * 20_000 + b"\r\n", "next", _nntp.NNTPDataError),
        (b"200 no text\r\n", "help", _nntp.NNTPReplyError),
    ],
)
def test_answers_that_are_errors(answer: bytes, call: str, error: type[Exception]) -> None:
    with Script(HELLO, NEW, answer) as script:
        client = _client(script)
        with pytest.raises(error):
            getattr(client, call)()
        client._close()


def test_the_server_goes_away() -> None:
    with Script(HELLO, NEW, b"") as script:
        client = _client(script)
        client.sock.shutdown(socket.SHUT_WR)  # the script ends with the connection
        with pytest.raises(EOFError):
            client._getresp()
        client._close()


@pytest.mark.parametrize("command", ["GROUP a\r\nQUIT", "GROUP a\nQUIT"])
def test_a_command_is_one_line(command: str) -> None:
    with Script(HELLO, NEW, BYE) as script, _client(script) as client, pytest.raises(ValueError, match="one line"):
        client._shortcmd(command)


def test_overviews() -> None:
    fields = [*_nntp_values.DEFAULT_OVERVIEW, "xref"]
    line = "3\ta subject\tme\ttoday\t<3@a>\t\t100\t5\tXref: a b:3"
    assert _nntp_values.overview([line, "4"], fields) == [
        (3, dict(zip(fields, ["a subject", "me", "today", "<3@a>", "", "100", "5", "a b:3"], strict=True))),
        (4, {}),
    ]
    with pytest.raises(_nntp.NNTPDataError, match="its name"):
        _nntp_values.overview([line.replace("Xref: ", "")], fields)
    with pytest.raises(_nntp.NNTPDataError, match="no number"):
        _nntp_values.overview(["x\ty"], fields)
    names = ["Subject:", "From:", "Date:", "Message-ID:", "References:", "Bytes:", ":lines", "Xref:full"]
    assert _nntp_values.overview_format(names) == fields
    with pytest.raises(_nntp.NNTPDataError, match="has to begin"):
        _nntp_values.overview_format(names[1:])


def test_articles_are_sent_as_lines_that_cannot_end_them() -> None:
    received = []

    def keep(line: bytes) -> bytes:
        received.append(line)
        return b"" if line != b".\r" else b"240 good\r\n"

    with Script(HELLO, NEW, b"340 go\r\n", keep, keep, keep, keep, BYE) as script, _client(script) as client:
        assert client.post([b"A: b\n", b".\n", b"..x\r\n"]) == "240 good"
    assert received == [b"A: b\r", b"..\r", b"...x\r", b".\r"]


def test_logging_in() -> None:
    steps = (b"381 more\r\n", b"281 in\r\n", NEW, BYE)
    with Script(HELLO, NEW, *steps) as script, _client(script, user="me", password="secret") as client:
        assert client.authenticated
        with pytest.raises(ValueError, match="Already"):
            client.login("me", "secret")
    assert script.commands[1:3] == [b"AUTHINFO USER me", b"AUTHINFO PASS secret"]


def test_the_mode_that_wants_a_login_first() -> None:
    few = b"101 here\r\nVERSION 2\r\n.\r\n"
    steps = (few, b"480 log in\r\n", b"281 in\r\n", few, b"200 reader\r\n", NEW, BYE)
    with Script(HELLO, *steps) as script, _client(script, user="me", readermode=True) as client:
        assert client.getwelcome() == "200 reader"
        assert "READER" in client.getcapabilities()
    wanted = [b"CAPABILITIES", b"MODE READER", b"AUTHINFO USER me", b"CAPABILITIES", b"MODE READER", b"CAPABILITIES"]
    assert script.commands[:-1] == wanted


def test_netrc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / ".netrc"
    file.write_text(f"machine {HOST} login me password secret\n")
    file.chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    with Script(HELLO, NEW, b"381 more\r\n", b"281 in\r\n", NEW, BYE) as script, _client(script, usenetrc=True):
        pass
    assert b"AUTHINFO PASS secret" in script.commands
    file.unlink()
    with Script(HELLO, NEW, BYE) as script, _client(script, usenetrc=True) as client:
        assert not client.authenticated


def test_no_password_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with Script(HELLO, NEW, b"381 more\r\n", b"281 in\r\n", NEW, BYE) as script, _client(script) as client:
        client.set_debuglevel(2)
        client.login("me", "secret")
    printed = capsys.readouterr().out
    assert "AUTHINFO ..." in printed
    assert "secret" not in printed


def test_text_goes_to_a_file(tmp_path: Path) -> None:
    steps = (b"100 help\r\none\r\n..two\r\n.\r\n", b"100 help\r\nmore\r\n.\r\n")
    with Script(HELLO, NEW, *steps, BYE) as script, _client(script) as client:
        assert client.help(file=str(tmp_path / "help")) == ("100 help", [])
        kept = io.BytesIO()
        client.help(file=kept)
    assert (tmp_path / "help").read_bytes() == b"one\r\n.two\r\n"
    assert kept.getvalue() == b"more\r\n"


def test_small_things() -> None:
    assert _nntp.decode_header("=?utf-8?q?caf=C3=A9?= au lait") == "café au lait"
    assert _commands(b"211 5 1 9\r\n", lambda client: client.group("a.B"))[0] == ("211 5 1 9", 5, 1, 9, "a.B")
    assert _commands(b"215 none\r\n.\r\n", lambda client: client.description("a"))[0] == ""
    assert _commands(b"202 slave\r\n", lambda client: client.slave())[0] == "202 slave"
    assert _commands(b"235 thanks\r\n", lambda client: client._expect("235", "CHECK"))[0] == "235 thanks"
    over = b"224 here\r\n.\r\n"
    with Script(HELLO, OLD, over, OLD, BYE) as script, _client(script) as client:
        assert client.over((1, None)) == ("224 here", [])
        assert client._getoverviewfmt() == list(_nntp_values.DEFAULT_OVERVIEW)
    assert script.commands[1:3] == [b"XOVER 1-", b"LIST OVERVIEW.FMT"]
    assert _nntp.NNTPError().response == "No response given"
