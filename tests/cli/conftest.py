"""Servers on the loopback interface, good and bad, and a way to run the command line."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from _cli_peers import Ran, Server, Talk

from unitls.cli import main
from unitls.cli._authority import Cast, assemble


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Run a command in this process."""

    def call(*argv: str) -> Ran:
        status = main(list(argv))
        captured = capsys.readouterr()
        return Ran(status, captured.out, captured.err)

    return call


@pytest.fixture(scope="session")
def cast() -> Cast:
    return assemble()


@pytest.fixture(scope="session")
def ca_file(cast: Cast, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    path.write_bytes(cast.trust_pem)
    return str(path)


@pytest.fixture
def serving() -> Iterator[Callable[..., Server]]:
    """Start servers; all are closed at the end."""
    servers: list[Server] = []

    def start(talk: Talk, **options: Any) -> Server:
        servers.append(Server(talk, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Programs that are started can be interrupted, even where the tests were started so that they cannot (``make test &``)."""
    before = signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # what is handled here is back to normal in a child
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def figures(tmp_path: Path) -> Path:
    """A file as the benchmarks write it."""
    path = tmp_path / "figures.json"
    ratio = {"median": 0.98, "q1": 0.97, "q3": 1.01}
    rows = [
        {"name": "bulk", "unit": "MB/s", "ours": 980.0, "peer": 1000.0, "peer_name": "ssl", "ratio": ratio},
        {
            "name": "imports",
            "unit": "ms",
            "ours": 20.0,
            "peer": 40.0,
            "peer_name": "asyncio",
            "ratio": {"median": 2.0, "q1": 1.9, "q3": 2.1},
        },
    ]
    path.write_text(json.dumps({"rows": rows, "environment": {"cpu": "a cpu", "pinned_to_one_cpu": True}}))
    return path
