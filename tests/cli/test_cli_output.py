"""What is printed on a terminal, and elsewhere."""

from __future__ import annotations

import io
import sys

import pytest

from unitls.cli._output import Output, OutputClosed, Styled


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    return Terminal()


ROWS = [[Styled("a", "good"), "first"], ["long", Styled("second", "bad")]]


def test_elsewhere_a_table_is_aligned_text():
    stream = io.StringIO()
    Output(stream, io.StringIO()).table(["x", "y"], ROWS)
    assert stream.getvalue() == "x     y\na     first\nlong  second\n"


def test_on_a_terminal_a_table_is_drawn(terminal):
    pytest.importorskip("rich")
    Output(terminal, terminal).table(["x", "y"], ROWS)
    assert "\x1b[32m" in terminal.getvalue()
    assert len(terminal.getvalue().splitlines()) > 3


def test_on_a_narrow_terminal_nothing_of_a_table_is_lost(terminal, monkeypatch):
    monkeypatch.setenv("COLUMNS", "12")
    Output(terminal, terminal).table(["x", "y"], ROWS)
    assert [word in terminal.getvalue() for word in ("long", "first", "second")] == [True, True, True]


def test_without_rich_it_is_aligned_there_too(terminal, monkeypatch):
    monkeypatch.setitem(sys.modules, "rich", None)
    Output(terminal, terminal).table(["x", "y"], ROWS)
    assert terminal.getvalue().splitlines()[1:] == ["\x1b[32ma\x1b[0m     first", "long  \x1b[1;31msecond\x1b[0m"]


def test_markup_in_a_table_is_text(terminal):
    pytest.importorskip("rich")
    Output(terminal, terminal).table(["x"], [["[bold]not bold[/bold]"]])
    assert "[bold]not bold[/bold]" in terminal.getvalue()


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_colour_can_be_refused(terminal, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    output = Output(terminal, terminal)
    output.line(Styled("text", "bad"))
    output.table(["x"], [[Styled("cell", "good")]])
    assert "\x1b[3" not in terminal.getvalue()
    assert "\x1b[1;31" not in terminal.getvalue()


def test_an_empty_no_color_refuses_nothing(terminal, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "")
    assert Output(terminal, terminal).has_colour


def test_control_characters_are_shown_not_sent(terminal):
    output = Output(terminal, terminal)
    output.line("a\x1b[31m\r\n\u202eb\x9b", Styled("\x07", "bad"))
    assert terminal.getvalue() == "a\\x1b[31m\\r\\n\\u202eb\\x9b\x1b[1;31m\\x07\x1b[0m\n"


def test_what_the_encoding_lacks_is_escaped():
    raw = io.BytesIO()
    output = Output(io.TextIOWrapper(raw, encoding="ascii"), io.StringIO())
    output.line("Zürich")
    assert raw.getvalue().rstrip() == b"Z\\xfcrich"
    assert not output.can_show("ü")


def test_fields_are_aligned():
    stream = io.StringIO()
    Output(stream, stream).fields([("a", "1"), ("long", "2")])
    assert stream.getvalue() == "  a     1\n  long  2\n"


def test_progress_is_for_terminals_only(terminal):
    plain = io.StringIO()
    Output(plain, plain).progress("working")
    Output(plain, terminal).progress("working")
    assert (plain.getvalue(), terminal.getvalue()) == ("", "\r\x1b[Kworking")


def test_a_closed_pipe_is_told():
    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    with pytest.raises(OutputClosed):
        Output(Closed(), io.StringIO()).line("text")
