"""The benchmarks run, and report what they measured. Nothing here depends on how fast anything is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import unitls

ROOT = Path(__file__).resolve().parents[2]
DEADLINE = 100

pytestmark = [
    pytest.mark.skipif(not (ROOT / "benchmarks").is_dir(), reason="the benchmarks are not here"),
    pytest.mark.timeout(3 * DEADLINE),
]


def run_benchmarks(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)]), "COLUMNS": "200"}
    environment.pop("SSLKEYLOGFILE", None)
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.run", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
    )


def measure(target: Path, *arguments: str) -> Any:
    done = run_benchmarks("--quick", "--rounds", "1", "--json", str(target), *arguments)
    assert done.returncode == 0, done.stderr
    report = json.loads(target.read_text())
    for row in report["rows"]:
        assert row["name"] in done.stdout
    return report


def check_row(row: dict[str, Any]) -> None:
    assert row["ours"] > 0
    assert row["peer"] > 0
    assert row["ratio"]["q1"] <= row["ratio"]["median"] <= row["ratio"]["q3"]
    # With one round the ratio is that of the two figures, turned round where less is better.
    expected = row["ours"] / row["peer"] if row["higher_is_better"] else row["peer"] / row["ours"]
    assert row["ratio"]["median"] == pytest.approx(expected)
    if row["target"] is not None:
        assert row["meets_target"] == (row["ratio"]["median"] >= row["target"])


@pytest.mark.parametrize(("flags", "version"), [((), "TLSv1.3"), (("--tls12",), "TLSv1.2")])
def test_another_binding(tmp_path: Path, flags: tuple[str, ...], version: str) -> None:
    pytest.importorskip("OpenSSL", reason="pyOpenSSL is not installed")
    chosen = ("--only", "buffers-handshake", "--only", "buffers-bulk", "--only", "buffers-small")
    report = measure(tmp_path / "report.json", "--peer", "pyOpenSSL", *chosen, *flags)
    assert report["environment"]["tls_version"] == version
    for row in report["rows"]:
        assert row["peer_name"] == "pyOpenSSL"
        check_row(row)


def test_parties_that_differ_are_compared_only_on_demand(tmp_path: Path) -> None:
    rustls = "rustls@X25519,TLS_AES_128_GCM_SHA256"
    if not any(status.name == "rustls" and status.available for status in unitls.available_backends()):
        pytest.skip("the backend rustls is not installed")
    done = run_benchmarks("--quick", "--rounds", "1", "--backend", rustls, "--only", "buffers-small")
    assert done.returncode == 2
    assert "--unlike" in done.stderr
    measure(tmp_path / "report.json", "--backend", rustls, "--only", "buffers-small", "--unlike")


@pytest.mark.parametrize(("flags", "version"), [((), "TLSv1.3"), (("--tls12",), "TLSv1.2")])
def test_buffers(tmp_path: Path, flags: tuple[str, ...], version: str) -> None:
    report = measure(tmp_path / "report.json", "--only", "buffers-handshake", "--only", "buffers-small", *flags)

    assert [row["name"] for row in report["rows"]] == ["buffers: full handshakes", "buffers: 100-byte messages"]
    for row in report["rows"]:
        assert row["peer_name"] == "ssl"
        assert row["unit"] == "1/s"
        check_row(row)
    environment = report["environment"]
    assert environment["tls_version"] == version
    assert environment["group"] != "unknown"
    assert environment["rounds"] == 1
    assert environment["libraries"].keys() == {"openssl", "ssl"}


def test_resumed_handshakes(tmp_path: Path) -> None:
    report = measure(tmp_path / "report.json", "--only", "buffers-resumed")

    assert [row["name"] for row in report["rows"]] == ["buffers: resumed handshakes"]
    check_row(report["rows"][0])


def test_sockets(tmp_path: Path) -> None:
    report = measure(tmp_path / "report.json", "--only", "sockets-small", "--clock", "cpu")

    (row,) = report["rows"]
    check_row(row)
    assert row["beside"].keys() == {"tcp"}
    assert report["environment"]["clock"] == "cpu"


def test_import_time(tmp_path: Path) -> None:
    report = measure(tmp_path / "report.json", "--only", "import")

    (row,) = report["rows"]
    check_row(row)
    assert row["peer_name"] == "asyncio"
    assert row["higher_is_better"] is False


def test_the_environment_tells_no_place(tmp_path: Path) -> None:
    environment = measure(tmp_path / "report.json", "--only", "buffers-small")["environment"]

    assert environment.keys() == {
        "backend", "certificate", "cipher_suite", "clock", "cpu", "group", "libraries", "pinned_to_one_cpu", "python",
        "rounds", "seconds_per_sample", "ssl", "system", "tls_version", "unitls",
    }  # fmt: skip
    text = json.dumps(environment)
    assert str(ROOT) not in text
    assert str(Path.home()) not in text


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--only", "nothing"), "there is no benchmark 'nothing'"),
        (("--rounds", "0"), "it must be a positive number"),
        (("--backend", "no-such-backend"), "no-such-backend"),
        (("--backend", "openssl", "--peer", "openssl"), "each party can be named once"),
    ],
)
def test_mistakes_are_named(arguments: tuple[str, ...], complaint: str) -> None:
    done = run_benchmarks(*arguments)

    assert done.returncode == 2
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr


def test_help_names_every_benchmark() -> None:
    done = run_benchmarks("--help")

    assert done.returncode == 0
    for name in ("sockets-handshake", "sockets-bulk", "buffers-resumed", "memory", "import"):
        assert name in done.stdout
