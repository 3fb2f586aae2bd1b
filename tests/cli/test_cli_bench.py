"""``unitls bench``: the chart, and the program that measures, played by a stand-in."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from _cli_peers import TIMEOUT

from unitls.cli import _bench
from unitls.cli._chart import Bar, draw
from unitls.cli._output import Output

STAND_IN = """
import json, sys
from pathlib import Path
arguments = sys.argv[1:]
target = Path(arguments[arguments.index("--json") + 1])
figures = json.loads(Path({figures!r}).read_text())
figures["environment"]["arguments"] = " ".join(arguments[:-2])
target.write_text(json.dumps(figures))
print("its own table")
sys.exit({status})
"""


INTERRUPTED = """
import os, signal, sys, time

def parent_waits():  # for us: it has nothing else to do once we run
    with open(f"/proc/{os.getppid()}/stat") as file:
        return file.read().rpartition(")")[2].split()[0] == "S"

try:
    while os.path.exists("/proc/self/stat") and not parent_waits():
        time.sleep(0.01)
    print("ready", file=sys.stderr, flush=True)
    signal.pause()
except KeyboardInterrupt:
    pass
"""


def make_tree(root: Path, figures: Path, status: int = 0) -> str:
    (root / "benchmarks").mkdir(parents=True)
    (root / "benchmarks" / "__init__.py").write_text("")
    (root / "benchmarks" / "run.py").write_text(STAND_IN.format(figures=str(figures), status=status))
    return str(root)


def test_figures_are_drawn(run, figures):
    ran = run("bench", "--from", str(figures))
    assert (ran.status, ran.err) == (0, "")
    lines = ran.out.splitlines()
    bulk = next(line for line in lines if line.startswith("bulk / ssl"))
    assert "0.980 (0.970 to 1.010)" in bulk
    assert any("pinned to one cpu" in line and line.endswith("yes") for line in lines)
    assert any("980 and 1,000 MB/s" in line for line in lines)


def test_it_runs_the_benchmarks(run, figures, tmp_path):
    tree = make_tree(tmp_path / "tree", figures)
    kept = tmp_path / "kept.json"
    ran = run(
        "bench", "--tree", tree, "--json", str(kept), "--quick", "--tls12", "--rounds", "3", "--only", "a",
        "--only", "b", "--backend", "openssl", "--peer", "ssl",
    )  # fmt: skip
    assert (ran.status, ran.err) == (0, "")
    assert "its own table" not in ran.out
    assert "bulk / ssl" in ran.out
    passed = json.loads(kept.read_text())["environment"]["arguments"]
    assert passed == "--backend openssl --rounds 3 --peer ssl --only a --only b --quick --tls12"


def test_its_status_is_ours(run, figures, tmp_path):
    ran = run("bench", "--tree", make_tree(tmp_path / "tree", figures, status=1))
    assert ran.status == 1
    assert "bulk / ssl" in ran.out


@pytest.mark.skipif(os.name != "posix", reason="sends a POSIX signal to a group of processes")
@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_draws_what_is_finished(figures, tmp_path):
    tree = Path(make_tree(tmp_path / "tree", figures))
    code = STAND_IN.format(figures=str(figures), status=130)
    (tree / "benchmarks" / "run.py").write_text(INTERRUPTED + code)
    command = [sys.executable, "-m", "unitls", "bench", "--tree", str(tree)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stderr.readline() == "ready\n"
        os.killpg(process.pid, signal.SIGINT)
        out, errors = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, errors) == (130, "")
    assert "bulk / ssl" in out


def test_where_no_file_can_be_written_nothing_is_measured(run, figures, tmp_path):
    tree = make_tree(tmp_path / "tree", figures)
    (Path(tree) / "benchmarks" / "run.py").write_text("raise SystemExit('measured')")
    ran = run("bench", "--tree", str(tree), "--json", str(tmp_path / "missing" / "figures.json"))
    assert (ran.status, ran.out) == (2, "")
    assert "cannot be written" in ran.err


def test_an_installed_package_has_no_benchmarks(run, monkeypatch, tmp_path):
    monkeypatch.setattr(_bench, "__file__", str(tmp_path / "lib" / "site-packages" / "unitls" / "cli" / "_bench.py"))
    ran = run("bench")
    assert (ran.status, ran.out) == (2, "")
    assert "not part of the installed package" in ran.err
    assert "--tree" in ran.err


def test_a_tree_without_benchmarks(run, tmp_path):
    ran = run("bench", "--tree", str(tmp_path))
    assert (ran.status, ran.out) == (2, "")
    assert "holds no benchmarks/run.py" in ran.err


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"rows": 1}',
        '{"rows": [[]]}',
        '{"rows": [{"name": "x"}]}',
        '{"rows": [{"name": "x", "unit": "s", "ours": 1, "peer": 1, "peer_name": "y", "ratio": {"median": 1}}]}',
        '{"rows": [{"name": "x", "unit": "s", "ours": 1, "peer": 1, "peer_name": "y", '
        '"ratio": {"median": NaN, "q1": 1, "q3": 1}}]}',
        '{"rows": [{"name": "x", "unit": "s", "ours": 1, "peer": 1, "peer_name": "y", '
        f'"ratio": {{"median": 1{400 * "0"}, "q1": 1, "q3": 1}}}}]}}',
        100_000 * "[",
    ],
)
def test_a_file_that_holds_no_figures(run, tmp_path, content):
    path = tmp_path / "figures.json"
    path.write_text(content)
    ran = run("bench", "--from", str(path))
    assert (ran.status, ran.out) == (2, "")
    assert "--json" in ran.err


def test_a_file_that_is_missing(run):
    ran = run("bench", "--from", "/nowhere/figures.json")
    assert (ran.status, ran.out) == (2, "")
    assert "/nowhere/figures.json cannot be read" in ran.err


def test_no_rows(run, tmp_path):
    path = tmp_path / "figures.json"
    path.write_text('{"rows": [], "environment": {}}')
    ran = run("bench", "--from", str(path))
    assert (ran.status, ran.out.strip()) == (0, "nothing was measured")


@pytest.mark.parametrize(("encoding", "glyph"), [("utf-8", "█"), ("ascii", "#")])
def test_the_length_of_a_bar_is_its_ratio(monkeypatch, encoding, glyph):
    monkeypatch.setenv("COLUMNS", "200")
    raw = io.BytesIO()
    bars = [Bar("one", 1.0, 1.0, 1.0, ""), Bar("two", 2.0, 2.0, 2.0, ""), Bar("half", 0.5, 0.5, 0.5, "")]
    stream = io.TextIOWrapper(raw, encoding=encoding)
    draw(bars, Output(stream, io.StringIO()))
    lines = raw.getvalue().decode(encoding).splitlines()
    assert [line.count(glyph) for line in lines[:3]] == [25, 50, 12]
    assert "|" in lines[2]
