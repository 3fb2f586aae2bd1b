"""What happens in the midst of a callback of a C library reaches the program: an interruption as it is."""

from __future__ import annotations

import ast
import gc
import weakref
from pathlib import Path
from typing import Any

import pytest
from _link import TRUST, Link, identity, step

import unitls
import unitls.backends
from unitls.core._foreign import ForeignBuffer

NAMES = ["gnutls", "mbedtls", "nss", "wolfssl"]
FOLDERS = [Path(unitls.backends.__path__[0]) / name for name in NAMES]
AVAILABLE = {item.name for item in unitls.available_backends() if item.available}
ERRORS = [(KeyboardInterrupt, KeyboardInterrupt), (SystemExit, SystemExit), (MemoryError, unitls.ConnectionFault)]


class Troubled(ForeignBuffer):
    """What a buffer becomes in the midst of whose work something happens, once."""

    __slots__ = ()
    error: type[BaseException]

    def take(self, size: int = -1) -> bytes | memoryview:
        self.__class__ = ForeignBuffer  # type: ignore[assignment]
        raise Troubled.error

    read = take

    def peek(self) -> bytes:
        return b"\x16"  # NSS is asked only where this begins as TLS does

    def write(self, data: Any, /) -> int:
        self.__class__ = ForeignBuffer  # type: ignore[assignment]
        raise Troubled.error


@pytest.fixture(params=NAMES)
def link(request: pytest.FixtureRequest) -> Link:
    if request.param not in AVAILABLE:
        pytest.skip("this library is not here")
    backend = unitls.get_backend(request.param)
    client = backend.client_context(
        unitls.TLSClientConfiguration(trust_store=TRUST, session_cache=unitls.SessionCache())
    )
    server = backend.server_context(unitls.TLSServerConfiguration(identities=(identity(),)))
    return Link(client, server)


@pytest.mark.parametrize(("error", "expected"), ERRORS)
@pytest.mark.parametrize("what", ["first flight", "handshake", "read", "write"])
def test_what_happens_in_a_callback_is_not_swallowed(
    link: Link, what: str, error: type[BaseException], expected: type[BaseException], capfd: pytest.CaptureFixture[str]
) -> None:
    if what == "handshake":
        assert not step(link.client)
        link.to_server()
        step(link.server)
        link.to_client()
    elif what != "first flight":
        link.handshake()
        link.server.write(b"data")
        link.to_client()
    works = {"read": link.client.read, "write": lambda: link.client.write(b"data")}
    buffer = link.client_out if what in ("first flight", "write") else link.client_in
    buffer.__class__, Troubled.error = Troubled, error
    with pytest.raises(expected):
        works.get(what, link.client.do_handshake)()
    assert type(buffer) is ForeignBuffer
    assert "callback" not in capfd.readouterr().err


@pytest.mark.parametrize("link", ["mbedtls", "nss", "wolfssl"], indirect=True)  # GnuTLS has said all before
@pytest.mark.parametrize(("error", "expected"), ERRORS)
def test_what_happens_in_a_server_s_last_flight_is_not_swallowed(
    link: Link, error: type[BaseException], expected: type[BaseException]
) -> None:
    """Where it sends its Finished, or the tickets behind the handshake."""
    step(link.client)
    link.move()
    step(link.server)
    link.move()
    step(link.client)
    link.move()
    link.server_out.__class__, Troubled.error = Troubled, error
    with pytest.raises(expected):
        link.server.do_handshake()
    assert type(link.server_out) is ForeignBuffer


class Interruption(KeyboardInterrupt):
    """One that a weak reference can be made to."""


def test_an_interruption_is_held_by_nobody(link: Link) -> None:
    """It would be a cycle with its frames, and with the view that is written: Python 3.11 may crash over it."""
    link.handshake()
    link.client_out.__class__, Troubled.error = Troubled, Interruption
    gc.disable()
    try:
        with pytest.raises(Interruption) as caught:
            link.client.write(memoryview(bytearray(100)))
        held = weakref.ref(caught.value)
        del caught
        assert held() is None
    finally:
        gc.enable()


def test_an_exception_in_a_cycle_holds_no_view(link: Link) -> None:
    """Where a write has failed: programs keep exceptions, and Python 3.11 crashes when it collects a view that is used."""
    link.handshake()
    link.client_out.__class__, Troubled.error = Troubled, MemoryError
    view = memoryview(bytearray(100))
    with pytest.raises(unitls.ConnectionFault) as caught:
        link.client.write(view)
    assert caught.value.__traceback__ is not None
    view.release()


@pytest.mark.parametrize(
    "file", [file for folder in FOLDERS for file in folder.glob("*.py")], ids=lambda file: file.name
)
def test_every_callback_keeps_what_comes_before_its_body(file: Path) -> None:
    """Also one whose body is guarded: an interruption may come when it is called."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "ffi.callback":
            assert "onerror" in {item.arg for item in node.keywords}, f"line {node.lineno}"
