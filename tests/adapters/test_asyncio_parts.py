"""The parts of `unitls.asyncio` by themselves: the table, the limits, the pool; Pythons without `ssl`; the example."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from _loops import run

import unitls
from unitls.asyncio import TLSTransport, _pool
from unitls.asyncio._connecting import _take_over
from unitls.asyncio._information import _bits
from unitls.asyncio._limits import Timeouts, water_marks
from unitls.asyncio._stage import BEFORE, GONE, OVER, TABLE, Event, Stage, walk

ROOT = Path(__file__).resolve().parents[2]
DEADLINE = 120


# ---------------------------------------------------------------------------------------------- the table


def test_every_stage_can_be_lost_and_is_lost_for_good() -> None:
    assert set(TABLE) == set(Stage)
    for stage in Stage:
        assert walk(stage, Event.LOSE) is Stage.LOST
        assert walk(stage, Event.FAIL) in GONE
    assert {walk(Stage.LOST, event) for event in TABLE[Stage.LOST]} == {Stage.LOST}


def test_the_only_way_to_open_is_the_handshake() -> None:
    to_open = [(s, e) for s, e in product(Stage, Event) if TABLE[s].get(e) is Stage.OPEN]
    assert to_open == [(Stage.HANDSHAKE, Event.FINISH)]
    assert {*BEFORE, *OVER, Stage.OPEN} == set(Stage)
    assert not BEFORE & OVER
    assert GONE < OVER


def test_the_orderly_end_in_order() -> None:
    stage = Stage.OPEN
    for event, expected in (
        (Event.CLOSE, Stage.FLUSHING),
        (Event.FLUSH, Stage.SHUTDOWN),
        (Event.END, Stage.CLOSING),
        (Event.LOSE, Stage.LOST),
    ):
        stage = walk(stage, event)
        assert stage is expected


def test_what_the_table_does_not_have_is_a_bug() -> None:
    with pytest.raises(KeyError):
        walk(Stage.START, Event.FINISH)


# ---------------------------------------------------------------------------------------------- limits, memory


def test_timeouts() -> None:
    assert Timeouts.of(None, None, None) == Timeouts(60.0, 30.0)
    assert Timeouts.of(5, 6, None) == Timeouts(5, 6)
    assert Timeouts.of(5, None, 3) == Timeouts(3, 30.0)
    assert Timeouts.of(None, None, 90) == Timeouts(90, 30.0)


@pytest.mark.parametrize(
    ("high", "low", "expected"),
    [(None, None, (1000, 250)), (400, None, (400, 100)), (None, 10, (40, 10)), (0, None, (0, 0)), (8, 8, (8, 8))],
)
def test_water_marks(high: Any, low: Any, expected: tuple[int, int]) -> None:
    assert water_marks(high, low, 1000) == expected


@pytest.mark.parametrize(("high", "low"), [(1, 2), (5, -1), (-4, None)])
def test_water_marks_that_make_no_sense(high: Any, low: Any) -> None:
    with pytest.raises(unitls.ConfigurationError, match="must be >="):
        water_marks(high, low, 1000)


def test_memory_is_lent_to_one_at_a_time() -> None:
    first, second = _pool.lend(), _pool.lend()
    assert first is not second
    _pool.take_back(first)
    assert _pool.lend() is first
    for block in [first, second, *(_pool.lend() for _ in range(20))]:
        _pool.take_back(block)
    assert len(_pool._free) <= 4


@pytest.mark.parametrize(
    ("name", "bits"),
    [
        ("TLS_AES_128_GCM_SHA256", 128),
        ("TLS_AES_256_GCM_SHA384", 256),
        ("TLS_CHACHA20_POLY1305_SHA256", 256),
        ("TLS_RSA_WITH_3DES_EDE_CBC_SHA", 112),
        ("TLS_RSA_WITH_NULL_SHA", 0),
    ],
)
def test_the_strength_of_a_suite(name: str, bits: int) -> None:
    assert _bits(name) == bits


def test_this_python_s_asyncio_has_what_the_transport_relies_on() -> None:
    from asyncio import constants, transports

    assert issubclass(transports._FlowControlMixin, asyncio.Transport)  # type: ignore[attr-defined]
    assert constants._SendfileMode.FALLBACK  # type: ignore[attr-defined]


def test_an_upgrade_that_is_given_up_before_it_begins_closes_the_transport() -> None:
    aborted = []
    transport = SimpleNamespace(abort=lambda: aborted.append(True))
    _take_over(SimpleNamespace(is_over=True), transport)  # type: ignore[arg-type]
    assert aborted


@pytest.mark.parametrize("method", ["update_keys", "request_client_certificate"])
def test_what_needs_a_handshake_says_so(method: str) -> None:
    transport = TLSTransport(None, SimpleNamespace(wrapped=None, write=None))  # type: ignore[arg-type]
    transport.mark_closed()
    with pytest.raises(unitls.ConfigurationError, match="handshake"):
        getattr(transport, method)()


def test_the_tests_hear_of_an_exception_that_nobody_asks_for() -> None:
    async def main() -> None:
        forgotten = asyncio.get_running_loop().create_future()
        forgotten.set_exception(ValueError())
        ring: list[Any] = [forgotten]
        ring.append(ring)  # so that only a collection finds it

    complaints: list[Any] = []
    run(main(), complaints=complaints)
    assert [item["message"] for item in complaints] == ["Future exception was never retrieved"]


# ---------------------------------------------------------------------------------------------- without ssl

BLOCKED = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name in ("ssl", "_ssl"):
            raise ImportError("this Python has no ssl")

sys.meta_path.insert(0, Refuse())
sys.path.insert(0, sys.argv[1])
import asyncio
from _contexts import NAME, client_context, server_context
import unitls, unitls.asyncio as tls

async def echo(reader, writer):
    while data := await reader.read(1000):
        writer.write(data)
    writer.close()
    await writer.wait_closed()

async def main():
    backend = unitls.get_backend(sys.argv[2])
    server = await tls.start_server(echo, "127.0.0.1", 0, context=server_context(backend))
    port = server.sockets[0].getsockname()[1]
    reader, writer = await tls.open_connection("127.0.0.1", port, context=client_context(backend), server_hostname=NAME)
    writer.write(b"hello")
    writer.write_eof()
    print(await reader.read())
    writer.close()
    await writer.wait_closed()
    server.close()
    await server.wait_closed()

asyncio.run(main())
assert "ssl" not in sys.modules and "_ssl" not in sys.modules
"""


def needs_ssl(name: str) -> bool:
    """Whether a backend cannot be loaded where `ssl` cannot be imported."""
    block = "\n".join(BLOCKED.splitlines()[:8])
    program = f"{block}\nsys.meta_path.insert(0, Refuse())\nimport unitls\nunitls.get_backend(sys.argv[1])"
    return _python("-c", program, name).returncode != 0


def test_it_works_in_a_python_without_ssl(backend: unitls.Backend) -> None:
    if needs_ssl(backend.name):
        pytest.skip("this backend is made of the ssl module, or of a package that imports it")
    done = _python("-c", BLOCKED, str(Path(__file__).parent), backend.name)
    assert (done.stdout, done.stderr) == ("b'hello'\n", "")


def test_importing_it_imports_no_backend() -> None:
    text = "import sys, unitls.asyncio; print([n for n in sys.modules if n.startswith('unitls.backends.')])"
    assert _python("-c", text).stdout == "[]\n"


def test_anyio_is_imported_only_by_its_own_module() -> None:
    assert _python("-c", "import sys, unitls.asyncio; print('anyio' in sys.modules)").stdout == "False\n"


# ---------------------------------------------------------------------------------------------- the example


def _python(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-W", "error", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", timeout=DEADLINE, env=environment, check=False
    )


def test_the_example(backend: unitls.Backend) -> None:
    example = ROOT / "examples" / "asyncio_http.py"
    if not example.exists():
        pytest.skip("the examples are not part of this installation")
    done = _python(str(example), "--backend", backend.name)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"^200 OK over TLSv1_[23]: hello, GET /first$", done.stdout, re.MULTILINE)
    assert re.search(r"^200 OK over TLSv1_[23]: hello, GET /second$", done.stdout, re.MULTILINE)
    assert "a stranger is refused: unknown issuer" in done.stdout


@pytest.mark.parametrize("name", ["asyncio-connections", "asyncio-bulk", "asyncio-small"])
def test_a_benchmark_measures_a_single_operation_too(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if not (ROOT / "benchmarks").is_dir():
        pytest.skip("the benchmarks are not part of this installation")
    monkeypatch.syspath_prepend(str(ROOT))
    from benchmarks import _asyncio, _rounds

    (benchmark,) = (one for one in _asyncio.BENCHMARKS if one.name == name)
    with benchmark.prepare(_rounds.Options()) as sampler:
        for party in ("openssl", "ssl"):
            sample = sampler(party, 1)
            assert sample.count == 1
            assert sample.cpu > 0
