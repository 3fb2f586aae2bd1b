"""What the tests of the two later texts share: the shapes of classes, and ciphertext carried from one end to the other."""

from __future__ import annotations

import contextlib
import functools
import inspect
import socket
import threading
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
from _pep_names import PROTOCOLS, Shape

import unitls

SECONDS = 60  # for anything that is to happen: far more than it takes, also on a machine under load


@functools.cache
def stranger_pem() -> bytes:
    """The certificate of an authority that has issued nothing here."""
    pytest.importorskip("cryptography")
    from unitls.testing import CertificateAuthority

    return CertificateAuthority.create("unitls test stranger").certificate_pem


def check_shape(module: ModuleType, name: str, shape: Shape) -> None:
    """Every name of a class is there, as the property or with the parameters that the text says, and it is documented."""
    kind = getattr(module, name)
    assert inspect.getdoc(kind)
    for item, parameters in shape.items():
        found = inspect.getattr_static(kind, item)
        if parameters is None:
            assert isinstance(found, property), f"{name}.{item} is no property"
            continue
        signature = inspect.signature(getattr(kind, item))
        names = tuple(parameter for parameter in signature.parameters if parameter != "self")
        assert names == parameters, f"{name}.{item}{signature}"


def check_faces(module: ModuleType, errors: tuple[str, ...], suites: dict[str, int]) -> None:
    """The errors, the protocols and the suites of a text."""
    for name in errors:
        assert getattr(module, name) is getattr(unitls, name)
        assert issubclass(getattr(module, name), module.TLSError)
    assert {item.name: item.value for item in module.NextProtocol} == PROTOCOLS
    assert {name: int(module.CipherSuite[name]) for name in suites} == suites
    assert list(module.__all__) == sorted(module.__all__)
    assert all(hasattr(module, name) for name in module.__all__)


def carry(source: Any, sink: Any) -> int:
    """Carry what is outgoing in one buffer into another, of either text; gives how much that was."""
    if hasattr(source, "peek_outgoing"):
        data = source.peek_outgoing(source.bytes_buffered())
        source.consume_outgoing(len(data))
    else:
        data = source.process_outgoing(source.outgoing_bytes_buffered())
    if data:
        (sink.receive_from_network if hasattr(sink, "receive_from_network") else sink.process_incoming)(data)
    return len(data)


def shake(client: Any, server: Any) -> None:
    """Run the handshake of two buffers; what either end raises besides its signal is raised."""
    waiting = [client, server]
    for _ in range(20):
        for end, other in ((client, server), (server, client)):
            if end in waiting:
                try:
                    end.do_handshake()
                    waiting.remove(end)
                except unitls.WantReadError:
                    pass
                finally:
                    carry(end, other)
            else:
                carry(end, other)
        if not waiting:
            return
    pytest.fail("the handshake does not end")


@contextlib.contextmanager
def in_thread(work: Callable[[], Any]) -> Iterator[list[Any]]:
    """Run one end in a thread; at the end its result, or its exception, is the only item of the list."""
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.append(work())
        except BaseException as error:
            outcome.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield outcome
    finally:
        thread.join(SECONDS)
    assert not thread.is_alive()


def socket_pair() -> tuple[socket.socket, socket.socket]:
    """Two ends that do not wait for ever."""
    near, far = socket.socketpair()
    near.settimeout(SECONDS)
    far.settimeout(SECONDS)
    return near, far


def first_read(client: Any, server: Any) -> bytes | int:
    """Run the handshake, and read what the server has to say behind it: with TLS 1.3 that may be its refusal."""
    shake(client, server)
    carry(server, client)
    answer: bytes | int = client.read(1)
    return answer
