"""The recipes for clients: each against a real server, on every backend, with good certificates and bad ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from _recipes import PASSWORD, RECIPES, USER, need_package, nginx, postgresql, recipe, redis, run, websockets
from _servers_common import ADDRESS, HOST, Files, server_files

import unitls

pytestmark = pytest.mark.timeout(180)  # other programs are started, on a machine that may be loaded


@dataclass(frozen=True, slots=True)
class Client:
    """A recipe: which packages it needs, who answers it, how it is called, and what it says in the end."""

    name: str
    packages: tuple[str, ...]
    server: str
    arguments: Callable[[str, int], tuple[str, ...]]
    says: str

    def __str__(self) -> str:
        return (
            self.name
            + "".join(item for item in self.arguments("", 0) if item.startswith("--http2"))
            + ("-async" if "--asynchronous" in self.arguments("", 0) else "")
        )


def url(*options: str, scheme: str = "https") -> Callable[[str, int], tuple[str, ...]]:
    return lambda host, port: (f"{scheme}://{host}:{port}/", *options)


def database(host: str, port: int) -> tuple[str, ...]:
    return (host, str(port), "--user", USER)


CLIENTS = [
    Client("requests_client", ("requests",), "web", url(), "200 hello over TLSv1."),
    Client("urllib3_client", ("urllib3",), "web", url(), "200 hello over TLSv1."),
    Client("httpx_client", ("httpx",), "web", url(), "200 HTTP/1.1 hello over TLSv1."),
    Client("httpx_client", ("httpx", "h2"), "web", url("--http2"), "200 HTTP/2 hello over TLSv1."),
    Client("httpx_client", ("httpx",), "web", url("--asynchronous"), "200 HTTP/1.1 hello over TLSv1."),
    Client(
        "httpx_client", ("httpx", "h2"), "web", url("--http2", "--asynchronous"), "200 HTTP/2 hello over TLSv1."
    ),
    Client("aiohttp_client", ("aiohttp",), "web", url(), "200 hello over TLSv1."),
    Client("websockets_client", ("websockets",), "websocket", url(scheme="wss"), "HELLO\nAGAIN"),
    Client("pg8000_client", ("pg8000",), "database", database, "TLSv1."),
    Client("asyncpg_client", ("asyncpg",), "database", database, "TLSv1."),
]  # fmt: skip


@pytest.fixture(scope="module")
def files() -> Iterator[Files]:
    """Certificates for localhost, and for nobody else."""
    with server_files() as made:
        yield made


@pytest.fixture(scope="module")
def web(files: Files) -> Iterator[int]:
    """A web server."""
    with nginx(files) as port:
        yield port


@pytest.fixture(scope="module")
def websocket(files: Files) -> Iterator[int]:
    """A WebSocket server."""
    with websockets(files) as port:
        yield port


@pytest.fixture(scope="module")
def database_server(files: Files) -> Iterator[int]:
    """A database."""
    with postgresql(files) as port:
        yield port


@pytest.fixture(scope="module")
def store(files: Files) -> Iterator[int]:
    """A Redis server."""
    with redis(files) as port:
        yield port


FIXTURES = {"web": "web", "websocket": "websocket", "database": "database_server"}


@pytest.fixture
def call(
    request: pytest.FixtureRequest, backend: unitls.Backend, files: Files, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., int]:
    """Runs the ``main`` of a recipe in this process."""
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)

    def run_main(client: Client, host: str, ca: Any) -> int:
        for package in client.packages:
            need_package(package)
        port: int = request.getfixturevalue(FIXTURES[client.server])
        arguments = [*client.arguments(host, port), "--ca", str(ca), "--backend", backend.name]
        result: int = recipe(client.name).main(arguments)
        return result

    return run_main


@pytest.mark.parametrize("client", CLIENTS, ids=str)
def test_a_good_certificate_is_accepted(
    client: Client, call: Callable[..., int], files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(client, HOST, files.ca) == 0, capsys.readouterr().err
    said = capsys.readouterr()
    assert client.says in said.out
    assert said.err == ""


@pytest.mark.parametrize("bad", ["stranger", "other name"])
@pytest.mark.parametrize("client", CLIENTS, ids=str)
def test_a_bad_certificate_is_refused(
    client: Client, bad: str, call: Callable[..., int], files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    host, ca = (HOST, files.stranger) if bad == "stranger" else (ADDRESS, files.ca)
    assert call(client, host, ca) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("refused: ")
    assert "certificate" in said.err.lower()


def test_requests_trusts_nobody_else(backend: unitls.Backend, web: int, files: Files) -> None:
    requests = need_package("requests")
    module = recipe("requests_client")
    context = module.ssl.create_default_context(cafile=str(files.ca), backend=backend)
    with requests.Session() as session:
        session.verify = str(files.stranger)
        session.mount("https://", module.TLSAdapter(context))
        assert session.get(f"https://{HOST}:{web}/", timeout=60).status_code == 200
    assert len(context.get_ca_certs()) == 1


# ---------------------------------------------------------------------------------------------- redis


@pytest.mark.parametrize("case", ["good", "stranger", "other name"])
def test_redis_client(backend: unitls.Backend, store: int, files: Files, case: str) -> None:
    need_package("redis")
    ca = files.stranger if case == "stranger" else files.ca
    host = ADDRESS if case == "other name" else HOST
    result = run("redis_client", host, store, "--ca", ca, face=["--backend", backend.name])
    if case == "good":
        assert (result.returncode, result.stderr) == (0, "")
        assert result.stdout.startswith("hello by ")
    else:
        assert (result.returncode, result.stdout) == (1, "")
        assert result.stderr.startswith("refused: ")
        assert "certificate" in result.stderr.lower()
        assert "Traceback" not in result.stderr


# ---------------------------------------------------------------------------------------------- as programs


@pytest.mark.parametrize("client", CLIENTS, ids=str)
def test_a_recipe_is_a_program(
    client: Client, request: pytest.FixtureRequest, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    for package in client.packages:
        need_package(package)
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    port = request.getfixturevalue(FIXTURES[client.server])
    for ca, status in ((files.ca, 0), (files.stranger, 1)):
        result = run(client.name, *client.arguments(HOST, port), "--ca", ca)
        assert result.returncode == status, result.stderr
        assert "Traceback" not in result.stderr


def test_every_recipe_is_tested() -> None:
    servers = {"aiohttp_server", "uvicorn_server", "hypercorn_server", "websockets_server", "certificate_reload"}
    tested = {client.name for client in CLIENTS} | servers | {"redis_client"}
    assert {path.stem for path in RECIPES.glob("*.py")} == tested
