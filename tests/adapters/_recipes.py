"""The recipes: loaded as modules, or run as programs; and the real servers that they talk to."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import importlib.util
import os
import queue
import shutil
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from _servers_common import ADDRESS, DEADLINE, IS_ROOT, Files, Program, clean_environment, find_program, own_port
from _servers_common import need_program as need_program

RECIPES = Path(__file__).parents[2] / "examples" / "recipes"
SOURCE = str(Path(__file__).parents[2] / "src")
PASSWORD = "a password for tests"
USER = "recipe"


def need_package(name: str) -> Any:
    """Import a package. Without it a test is skipped, on a machine that says ``CI=true`` it fails."""
    try:
        return importlib.import_module(name)
    except ImportError:
        reason = f"the package {name!r} is not installed"
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail(reason)
        pytest.skip(reason)


def recipe(name: str) -> ModuleType:
    """A recipe as a module."""
    spec = importlib.util.spec_from_file_location(f"recipe_{name}", RECIPES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def command(name: str, *arguments: object, face: Sequence[str] = ()) -> list[str]:
    """The command line of a recipe; with `face` it is run by the face of ssl."""
    runner = ["-m", "unitls.compat.ssl", *face] if face else []
    return [sys.executable, *runner, str(RECIPES / f"{name}.py"), *map(str, arguments)]


def run(name: str, *arguments: object, face: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    """Run a recipe as a program, to its end."""
    environment = clean_environment(PYTHONPATH=SOURCE, PGPASSWORD=PASSWORD)
    line = command(name, *arguments, face=face)
    return subprocess.run(line, capture_output=True, text=True, timeout=2 * DEADLINE, env=environment, check=False)


@contextlib.contextmanager
def running(name: str, *arguments: object) -> Iterator[Program]:
    """Run a recipe as a program beside the test."""
    environment = {"PYTHONPATH": SOURCE, "PYTHONUNBUFFERED": "1"}
    with Program(command(name, *arguments), environment=environment) as program:
        yield program


def stdlib_context(ca: Path, *client: Path) -> ssl.SSLContext:
    """The other end's context: Python's own, and no backend of ours."""
    context = ssl.create_default_context(cafile=str(ca))
    if client:
        context.load_cert_chain(*client)
    return context


# ---------------------------------------------------------------------------------------------- servers

_NGINX = """
{user}
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr info;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} ssl http2;
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_certificate {folder}/server.pem;
        ssl_certificate_key {folder}/server.key;
        location / {{ default_type text/plain; return 200 "hello over $ssl_protocol"; }}
    }}
}}
"""


@contextlib.contextmanager
def nginx(files: Files) -> Iterator[int]:
    """A web server for HTTP/1.1 and HTTP/2; gives the port."""
    configuration = files.folder / "nginx.conf"
    with socket.create_server((ADDRESS, 0)) as listener:
        port: int = listener.getsockname()[1]
        user = "user root;" if IS_ROOT else ""  # its workers would become somebody who cannot read the folder
        configuration.write_text(_NGINX.format(folder=files.folder, port=port, user=user))
        program = Program(
            [need_program("nginx"), "-p", files.folder, "-c", configuration, "-e", "stderr"],
            environment={"NGINX": f"{listener.fileno()};"}, pass_fds=[listener.fileno()],
        )  # fmt: skip
    with program:
        program.wait_for("start worker process ")
        yield port


@contextlib.contextmanager
def redis(files: Files) -> Iterator[int]:
    """A Redis server that speaks TLS only; gives the port."""
    options = {
        "bind": ADDRESS, "port": 0, "tls-cert-file": files.chain, "tls-key-file": files.key,
        "tls-ca-cert-file": files.ca, "tls-auth-clients": "no", "save": "", "appendonly": "no", "dir": files.folder,
    }  # fmt: skip
    arguments = [str(part) for name, value in options.items() for part in (f"--{name}", value)]
    with own_port() as port:
        line = [need_program("redis-server"), *arguments, "--tls-port", str(port)]
        with Program(line) as program:
            program.wait_for("Ready to accept connections")
            yield port


@contextlib.contextmanager
def postgresql(files: Files) -> Iterator[int]:
    """A PostgreSQL server that takes nobody without TLS and a password; gives the port."""
    initdb = _postgresql_program("initdb")
    data, password = files.folder / "data", files.folder / "password"
    password.write_text(PASSWORD)
    data.mkdir(mode=0o700)
    key = files.folder / "postgresql.key"
    shutil.copy(files.key, key)
    key.chmod(0o600)
    if IS_ROOT:  # it refuses to be root
        for path in (data, password, key):
            shutil.chown(path, "postgres", "postgres")
    options = ["-U", USER, f"--pwfile={password}", "-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "--no-sync"]
    made = subprocess.run(
        [*_as_postgres(), initdb, "-D", data, *options],
        capture_output=True,
        timeout=2 * DEADLINE,
        env=clean_environment(),
        check=False,
    )
    assert made.returncode == 0, made.stderr
    (data / "pg_hba.conf").write_text("hostssl all all 127.0.0.1/32 scram-sha-256\n")
    settings = {
        "listen_addresses": ADDRESS, "unix_socket_directories": "", "ssl": "on", "ssl_cert_file": files.chain,
        "ssl_key_file": key, "fsync": "off", "shared_buffers": "8MB",
    }  # fmt: skip
    arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    line = [*_as_postgres(), _postgresql_program("postgres"), "-D", str(data), *arguments]
    with own_port() as port, Program([*line, "-c", f"port={port}"]) as program:
        program.wait_for("ready to accept connections")
        yield port


def _as_postgres() -> list[str]:
    names = ["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]
    return [need_program("setpriv"), *names] if IS_ROOT else []


def _postgresql_program(name: str) -> str:
    found = find_program(name)
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))  # where Debian has what is not on PATH
    return found or (str(versions[-1]) if versions else need_program(name))


@contextlib.contextmanager
def websockets(files: Files) -> Iterator[int]:
    """The package's own server, with Python's own TLS; gives the port.

    It is the one for asyncio: that for threads reads and writes on one connection at the same time, which Python's own
    TLS does not bear every time.
    """
    serve = need_package("websockets.asyncio.server").serve
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(files.chain, files.key)
    started: queue.SimpleQueue[tuple[int, Callable[[], object]]] = queue.SimpleQueue()

    async def shout(connection: Any) -> None:
        async for message in connection:
            await connection.send(message.upper())

    async def run() -> None:
        enough, loop = asyncio.Event(), asyncio.get_running_loop()
        async with serve(shout, ADDRESS, 0, ssl=context, open_timeout=DEADLINE) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            started.put((port, lambda: loop.call_soon_threadsafe(enough.set)))
            await enough.wait()

    thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
    thread.start()
    port, stop = started.get(timeout=DEADLINE)
    try:
        yield port
    finally:
        stop()
        thread.join(DEADLINE)
