"""What the documentation shows works: its Python is run, its links and names lead somewhere, its tables are true."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from _documentation import DEADLINE, Files, Server, blocks, mail_server, run_page, web_server, world

import unitls

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
EXAMPLES = ROOT / "examples"
_LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_FENCE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)

pytestmark = [
    pytest.mark.skipif(not (ROOT / "docs").is_dir(), reason="the documentation is not part of this installation"),
    pytest.mark.timeout(8 * DEADLINE),
]


def _ids(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Certificates and keys, made once."""
    pytest.importorskip("cryptography")
    return Files(tmp_path_factory.mktemp("documentation"))


@pytest.mark.parametrize(
    "page", [page for page in PAGES if any(b.language == "python" for b in blocks(page))], ids=_ids
)
def test_python_in_a_page_runs(page: Path, files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    with world(files, monkeypatch) as here:
        run_page(page, here.names())


@pytest.mark.parametrize("page", PAGES, ids=_ids)
def test_python_that_is_not_run_uses_names_that_exist(page: Path) -> None:
    for block in blocks(page):
        if block.language == "python" and block.reason:
            missing = [name for name in _unitls_names(ast.parse(block.code)) if not _exists(name)]
            assert not missing, f"{page.name}:{block.line}"


def _unitls_names(tree: ast.AST) -> Iterator[str]:
    """The dotted names that begin with the package's."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "unitls":
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "unitls":
            yield f"unitls.{node.attr}"


def _exists(name: str) -> bool:
    module, _, attribute = name.rpartition(".")
    return hasattr(importlib.import_module(module), attribute)


@pytest.mark.parametrize("page", PAGES, ids=_ids)
def test_links_lead_somewhere(page: Path) -> None:
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    targets = [match["target"].partition("#")[0] for match in _LINK.finditer(text)]
    broken = [t for t in targets if t and not t.startswith("https://") and not (page.parent / t).exists()]
    assert not broken


def test_the_reference_has_every_public_name() -> None:
    text = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    shown = set(re.findall(r"unitls\.(\w+)", text))
    missing = set(unitls.__all__) - shown
    assert not missing


def test_the_menu_has_every_page() -> None:
    menu = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    pages = {page.relative_to(ROOT / "docs").as_posix() for page in ROOT.glob("docs/**/*.md")}
    assert set(re.findall(r"[\w/-]+\.md", menu)) == pages


def test_commands_that_are_shown_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([\w-]+):", makefile, re.MULTILINE))
    # A command of ours is at the start of a line in a block, or alone between backquotes.
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    made = set(re.findall(r"(?:^|`)make ([a-z][\w-]*)", text, re.MULTILINE))
    assert {"demo", "test"} <= made <= targets
    called = set(re.findall(r"(?:^|`)unitls ([a-z]\w*)", text, re.MULTILINE))
    result = _run("-m", "unitls", "--help")
    assert {"backends", "probe", "demo"} <= called <= set(re.findall(r"\w+", result.stdout))


def test_the_page_on_backends_has_everything_that_must_be_supplied() -> None:
    text = (ROOT / "docs" / "guide" / "writing-a-backend.md").read_text(encoding="utf-8")
    contract = importlib.import_module("unitls.core._provider")
    for kind in (contract.Provider, contract.Engine):
        needed = {*kind.__abstractmethods__, *kind.__annotations__}
        missing = needed - set(re.findall(r"`(\w+)", text))
        assert not missing
    folder = Path(unitls.__file__).parent / "backends" / "openssl"
    assert {path.name for path in folder.glob("*.py")} == set(re.findall(r"^\| `(\w+\.py)`", text, re.MULTILINE))


def test_the_picture_of_the_architecture_names_modules_that_exist() -> None:
    shown = re.findall(r"[┌├└]─ (\w+)", (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8"))
    assert len(shown) >= 8
    assert not [name for name in shown if importlib.util.find_spec(f"unitls.core.{name}") is None]


def test_the_changelog_speaks_of_this_version() -> None:
    assert unitls.__version__ in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_tables_of_backends_are_true() -> None:
    result = _run(str(ROOT / "tools" / "update_tables.py"), "--check")
    assert result.returncode == 0, result.stderr


# ---------------------------------------------------------------------------------------------- examples


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-W", "error", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", timeout=3 * DEADLINE, env=environment, check=False
    )


def _run_example(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return _run(str(EXAMPLES / f"{name}.py"), *arguments)


@pytest.fixture
def web(files: Files) -> Iterator[Server]:
    """A web server on the loopback interface."""
    server = web_server(files)
    yield server
    server.stop()


ALONE = {
    "asyncio_http": ["200 OK over TLSv1_", "a stranger is refused: unknown issuer"],
    "buffers": ["the server read: b'a question'", "the client read: b'an answer'", "and then the end: b''"],
    "choose_backend": [f"chosen: {unitls.get_backend().name}", "SESSION_RESUMPTION: ", "ECH: "],
    "client_certificates": ["welcome, holder", "the server refused", "turned away"],
    "event_loop": ["the echo: b'through the loop'"],
    "server_names": [
        "server.test: server",
        "www.other.test: second_server",
        "strict.other.test: second_server",
        "strict.other.test: refused",
    ],
    "stdlib_https": ["200 hello over TLSv1_", "refused: certificate not accepted: unknown issuer"],
}
"""Examples that need nobody else, and what they have to say."""


@pytest.mark.parametrize("name", ALONE)
def test_example(name: str) -> None:
    result = _run_example(name)
    assert (result.returncode, result.stderr) == (0, "")
    for text in ALONE[name]:
        assert text in result.stdout


def test_every_example_is_tested() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == {*ALONE, "client", "server", "starttls", "stdlib_mail"}


def test_example_client(files: Files, web: Server) -> None:
    result = _run_example("client", "localhost", "--port", str(web.address[1]), "--ca", files.path("ca.pem"))
    assert result.returncode == 0, result.stderr
    assert result.stdout.endswith("hello\n")
    assert "TLSv1_3" in result.stderr


def test_example_client_refuses_a_stranger(web: Server) -> None:
    result = _run_example("client", "localhost", "--port", str(web.address[1]))
    assert result.returncode == 1
    assert "refused" in result.stderr
    assert "Traceback" not in result.stderr


def test_example_server(files: Files) -> None:
    command = [sys.executable, "-W", "error", str(EXAMPLES / "server.py"), "--cert", files.path("server.pem")]
    command += ["--key", files.path("server.key"), "--port", "0", "--connections", "2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        watchdog = threading.Timer(2 * DEADLINE, process.kill)
        watchdog.start()
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline().split()[-1])
            _send_garbage(port)
            assert _echo(files, port, b"hello\n") == b"HELLO\n"
            rest = process.stdout.read()
        except BaseException:
            process.kill()
            raise
        finally:
            watchdog.cancel()
    assert process.returncode == 0
    assert "Traceback" not in rest


def _send_garbage(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE) as raw:
        raw.sendall(b"GET / HTTP/1.1\r\n\r\n")
        while raw.recv(1024):
            pass


def _echo(files: Files, port: int, line: bytes) -> bytes:
    context = unitls.get_backend().client_context()
    context.use_trust_store(files.trust())
    with (
        socket.create_connection(("127.0.0.1", port), timeout=DEADLINE) as raw,
        context.wrap_socket(raw, server_hostname="127.0.0.1") as connection,
        connection.makefile("rwb") as stream,
    ):
        stream.write(line)
        stream.flush()
        answer: bytes = stream.readline()
        return answer


@pytest.mark.parametrize("name", ["starttls", "stdlib_mail"])
def test_example_starttls(files: Files, name: str) -> None:
    server = mail_server(files)
    result = _run_example(name, "localhost", "--port", str(server.address[1]), "--ca", files.path("ca.pem"))
    server.stop()
    assert result.returncode == 0, result.stderr
    assert "auth plain" in result.stdout.lower()


@pytest.mark.parametrize("name", ["starttls", "stdlib_mail"])
def test_example_starttls_refuses_what_was_injected(files: Files, name: str) -> None:
    server = mail_server(files, behind_starttls=b"250 AUTH PLAIN\r\n")
    result = _run_example(name, "localhost", "--port", str(server.address[1]), "--ca", files.path("ca.pem"))
    server.stop()
    assert result.returncode == 1
    assert "injected" in result.stderr
