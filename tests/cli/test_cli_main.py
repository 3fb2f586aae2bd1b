"""The frame of the command line: help, versions, exit statuses, errors."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from _cli_peers import program

import unitls
from unitls import cli
from unitls.cli import _COMMANDS, _demo, main
from unitls.cli._command import CommandError, comma_separated, protocols, seconds

NAMES = [command.name for command in _COMMANDS]


def test_version(run):
    assert run("--version").out == f"unitls {unitls.__version__}\n"


def test_it_is_a_module_too():
    ran = program("--version")
    assert (ran.status, ran.out) == (0, f"unitls {unitls.__version__}\n")


def test_help_lists_the_commands(run):
    ran = run("--help")
    assert ran.status == 0
    assert all(f"\n    {name} " in ran.out for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_each_command_has_examples_and_statuses(run, name):
    ran = run(name, "--help")
    assert ran.status == 0
    assert f"examples:\n  unitls {name}" in ran.out
    assert "130  interrupted" in ran.out


def test_without_a_command(run):
    ran = run()
    assert (ran.status, ran.out) == (2, "")
    assert "usage: unitls" in ran.err


@pytest.mark.parametrize(
    "argv",
    [
        ["nothing"],
        ["probe"],
        ["probe", "host", "--timeout", "0"],
        ["probe", "host", "--timeout", "nan"],
        ["probe", "host", "--alpn", "h2,,x"],
        ["probe", "host", "--starttls", "ldap"],
        ["probe", "host", "--all", "--backend", "openssl"],
        ["serve", "--port", "65536"],
        ["interop", "--versions", "1.1"],
    ],
)
def test_usage_errors(run, argv):
    ran = run(*argv)
    assert (ran.status, ran.out) == (2, "")
    assert "error: " in ran.err


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (CommandError("no. Do this."), 1, "unitls demo: no. Do this.\n"),
        (CommandError("no. Do this.", 2), 2, "unitls demo: no. Do this.\n"),
        (unitls.ConfigurationError("wrong"), 2, "unitls demo: wrong\n"),
        (unitls.RaggedEOF("cut"), 1, "unitls demo: cut\n"),
        (TimeoutError(), 1, "unitls demo: TimeoutError\n"),
        (OSError("said \x1b[31m"), 1, "unitls demo: said \\x1b[31m\n"),
        (KeyboardInterrupt(), 130, "\n"),
    ],
)
def test_how_a_command_can_end(capsys, monkeypatch, error, status, text):
    def fail(name):
        raise error

    monkeypatch.setattr(_demo, "get_backend", fail)
    assert main(["demo"]) == status
    assert capsys.readouterr().err == text


def test_a_bug_is_not_hidden(monkeypatch):
    def fail(name):
        raise LookupError

    monkeypatch.setattr(_demo, "get_backend", fail)
    with pytest.raises(LookupError):
        main(["demo"])


@pytest.mark.skipif(os.name != "posix", reason="closes a pipe as a POSIX shell does")
def test_a_reader_that_goes_away():
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "unitls", "backends"]
    try:
        done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, timeout=150, check=False)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")


def test_without_standard_streams(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)  # as in a process that was started without them
    monkeypatch.setattr(sys, "stderr", None)
    assert main(["probe", "localhost:x"]) == 2
    assert main(["backends", "--json"]) == 0
    sys.stdout.close()
    sys.stderr.close()


def test_an_interrupt_before_a_command_runs(monkeypatch, capsys):
    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_parser", interrupted)
    assert main(["backends"]) == 130
    assert capsys.readouterr().err == "\n"


def test_the_command_line_loads_no_library_before_it_is_needed():
    code = (
        "import sys, unitls.cli\n"
        "unitls.cli.main(['--version'])\n"
        "print(sorted({'ssl', '_ssl', 'cffi', 'cryptography', 'rich', 'http'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=150, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_arguments_are_read():
    assert comma_separated("a, b") == ["a", "b"]
    assert protocols("h2,http/1.1") == [b"h2", b"http/1.1"]
    assert seconds("2.5") == 2.5
