"""The face in a Python without `ssl`, and under the name of `ssl` in a program that knows nothing of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from _compat import BLOCKER, SOURCE, run_python

import unitls

ROUND_TRIP = """
import socket, threading, sys
import unitls.compat.ssl as face
from _compat import NAME, client_context, server_context, pair
import unitls
backend = unitls.get_backend({backend!r})
with pair(server_context(backend), client_context(backend)) as (near, far):
    near.sendall(b"hello")
    assert far.recv(10) == b"hello"
    assert near.getpeercert()["subjectAltName"]
    assert isinstance(near, socket.socket)
    assert near.cipher() and near.version()
try:
    with pair(server_context(backend), client_context(backend), "another.test"):
        raise SystemExit("accepted")
except face.SSLCertVerificationError as error:
    assert error.verify_code in (62, 64), error.verify_code
    assert isinstance(error, ValueError) and isinstance(error, OSError)
bio = face.MemoryBIO()
assert bio.write(b"abc") == 3 and bio.pending == 3 and bio.read(2) == b"ab" and not bio.eof
bio.write_eof()
assert bio.read() == b"c" and bio.eof
try:
    bio.write(b"x")
except face.SSLError:
    pass
near, far = face.MemoryBIO(), face.MemoryBIO()
client = client_context(backend).wrap_bio(near, far, server_hostname=NAME)
try:
    client.do_handshake()
except face.SSLWantReadError:
    assert far.pending > 50
assert "ssl" not in sys.modules and "_ssl" not in sys.modules
print("done")
"""


def independent(backend: unitls.Backend) -> bool:
    """Whether a backend can be used without Python's own module."""
    code = BLOCKER + f"import unitls; unitls.get_backend({backend.name!r})"
    return run_python(code=code).returncode == 0


def test_it_stands_alone(backend: unitls.Backend) -> None:
    if not independent(backend):
        pytest.skip("the backend is Python's own module")
    result = run_python(code=BLOCKER + ROUND_TRIP.format(backend=backend.name))
    assert result.stdout == "done\n", result.stderr


def test_more_than_one_backend_does_without_ssl() -> None:
    backends = [unitls.get_backend(item.name) for item in unitls.available_backends() if item.available]
    assert len([item for item in backends if independent(item)]) >= 1


# A program of somebody else's: nothing in it knows unitls, apart from what it prints in the end.
PROGRAM = """
import asyncio
import ssl
import sys

assert sys.argv[1:] == ["one", "--two"], sys.argv
assert __name__ == "__main__"
from _compat import NAME, files

async def main():
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(files().chain, files().key)
    client = ssl.create_default_context(cafile=files().ca)

    async def echo(reader, writer):
        writer.write(await reader.readline())
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(echo, "127.0.0.1", 0, ssl=server) as listener:
        address = listener.sockets[0].getsockname()
        reader, writer = await asyncio.open_connection(*address, ssl=client, server_hostname=NAME)
        writer.write(b"hello\\n")
        assert await reader.readline() == b"hello\\n"
        shown = writer.get_extra_info("ssl_object")
        writer.close()
        await writer.wait_closed()
        try:
            await asyncio.open_connection(*address, ssl=client, server_hostname="another.test")
        except ssl.SSLCertVerificationError:
            pass
        else:
            raise SystemExit("accepted")
    print(ssl.__name__, type(shown).__module__.split(".")[0], shown.context.backend.name)

asyncio.run(main())
"""


@pytest.mark.parametrize("how", ["script", "module"])
def test_a_program_that_cannot_be_changed(backend: unitls.Backend, how: str, tmp_path: Path) -> None:
    program = tmp_path / "somebody_s_program.py"
    program.write_text(PROGRAM)
    command = [str(program)] if how == "script" else ["-m", program.stem]
    found = os.pathsep.join([str(SOURCE), str(Path(__file__).parent), str(tmp_path)])
    result = run_python(
        "-m", "unitls.compat.ssl", "--backend", backend.name, *command, "one", "--two", PYTHONPATH=found
    )
    assert result.stdout == f"unitls.compat.ssl unitls {backend.name}\n", result.stderr


# What packages make of `ssl` when they make their contexts themselves, from names of files.
PACKAGES = """
import ssl
import redis
import requests
import urllib3
import unitls
from _compat import files, server_context, serving
from _compat_servers import BODY, https, redis_server

backend = unitls.get_backend()
with https(server_context(backend)) as port:
    assert requests.get(f"https://localhost:{port}/", verify=files().ca).content == BODY
    with urllib3.PoolManager(ca_certs=files().ca) as pool:
        assert pool.request("GET", f"https://localhost:{port}/").data == BODY
    for host, trust in (("127.0.0.2", files().ca), ("localhost", True)):
        try:
            requests.get(f"https://{host}:{port}/", verify=trust)
        except requests.exceptions.SSLError as error:
            assert "CERTIFICATE_VERIFY_FAILED" in str(error)
        else:
            raise SystemExit("accepted")
with serving(redis_server(server_context(backend)), "0.0.0.0") as address:
    for host in ("localhost", "127.0.0.2"):
        pool = redis.Redis(host=host, port=address[1], ssl=True, ssl_ca_certs=files().ca, protocol=2, retry=None)
        try:
            assert pool.ping() and host == "localhost"
        except redis.exceptions.ConnectionError as error:
            assert host == "127.0.0.2" and "CERTIFICATE_VERIFY_FAILED" in str(error), error
        pool.close()
print(ssl.__name__)
"""


def test_packages_that_make_their_own_contexts(backend: unitls.Backend, tmp_path: Path) -> None:
    for name in ("redis", "requests", "urllib3"):
        pytest.importorskip(name)
    program = tmp_path / "program.py"
    program.write_text(PACKAGES)
    command = ["-W", "ignore", "-m", "unitls.compat.ssl", "--backend", backend.name, str(program)]
    result = run_python(*command)
    assert result.stdout == "unitls.compat.ssl\n", result.stderr


def test_a_program_runs_where_there_is_no_ssl_at_all(backend: unitls.Backend, tmp_path: Path) -> None:
    """Asyncio has TLS there, which it otherwise does not."""
    if not independent(backend):
        pytest.skip("the backend is Python's own module")
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    arguments = ["--backend", backend.name, str(program), "one", "--two"]
    result = run_python(code=f"{BLOCKER}\nfrom unitls.compat.ssl._run import main\nmain({arguments!r})")
    assert result.stdout == f"unitls.compat.ssl unitls {backend.name}\n", result.stderr


def test_the_exit_status_is_the_program_s(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text("raise SystemExit(7)")
    assert run_python("-m", "unitls.compat.ssl", str(program)).returncode == 7


def test_mistakes_on_the_command_line_are_said() -> None:
    result = run_python("-m", "unitls.compat.ssl")
    assert (result.returncode, result.stdout) == (1, "")
    assert "name a script" in result.stderr
    result = run_python("-m", "unitls.compat.ssl", "--backend", "nobody", "x.py")
    assert result.returncode == 1
    assert "there is no backend 'nobody'" in result.stderr
