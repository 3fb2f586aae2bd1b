"""Contexts and connections of a process go on in its forked child, and in itself, on every backend.

Each test forks in a process that has one thread: a lock that another thread holds at that moment, in whatever library,
is held in the child for ever.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import unitls
from unitls import Feature

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")

PROGRAM = """
import os, sys, threading
from unitls import Feature, MemoryBuffer, SessionCache, WantReadError, get_backend
from unitls.testing._kit import Drive, Kit


class End:
    def __init__(self, context, *host):
        self.incoming, self.outgoing = MemoryBuffer(), MemoryBuffer()
        self.connection = context.wrap_buffers(self.incoming, self.outgoing, *host)

    def hello(self):
        try:
            self.connection.do_handshake()
        except WantReadError:
            return self.outgoing.read()


def randoms(accepted):  # behind the headers of the record and of the message, and a version (RFC 8446 section 4.1.2)
    hello = End(client, "server.test").hello()
    accepted.incoming.write(hello)
    return hello[11:43] + accepted.hello()[11:43]


backend = get_backend(sys.argv[1])
resumes = backend.capabilities.supports(Feature.SESSION_RESUMPTION)
kit = Kit(backend, backend, Drive.WHOLE, None)
client, server = kit.client(**({"session_cache": SessionCache()} if resumes else {})), kit.server()
pair = kit.connected(client, server)
accepted = [End(server), End(server)]
reader, writer = os.pipe()
assert threading.active_count() == 1
child = os.fork()
drawn = randoms(accepted.pop(0 if child else 1))
pair.echo()
for _ in range(3):
    kit.connected(client, server).echo()
if not child:
    os.write(writer, drawn)
    os._exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
both = drawn + os.read(reader, 100)
assert len({both[begin : begin + 32] for begin in range(0, len(both), 32)}) == 4, "the child has drawn our random numbers"
kit.close()
print("both")
"""
_ENDS = PROGRAM[: PROGRAM.index("def randoms")]
EARLY_PROGRAM = (
    _ENDS
    + """
from unitls.testing._cases_resumption import visit


def early_data(hello):
    accepted = End(server)
    accepted.incoming.write(hello)
    accepted.hello()
    return accepted.connection.read_early_data()


backend = get_backend(sys.argv[1])
kit = Kit(backend, backend, Drive.WHOLE, None)
client, server = kit.client(early_data=True, session_cache=SessionCache()), kit.server(max_early_data=1000)
visit(kit, client, server)
caller = End(client, "server.test")
assert caller.connection.write_early_data(b"once") == 4
hello = caller.hello()
assert threading.active_count() == 1
child = os.fork()
if not child:
    assert early_data(hello) == b""
    assert not visit(kit, client, server)
    assert visit(kit, client, server)
    os._exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
assert early_data(hello) == b"once"
assert early_data(hello) == b""
kit.close()
print("both")
"""
)


def _with(feature: Feature) -> list[str]:
    found = [status.name for status in unitls.available_backends() if status.available]
    return [name for name in found if unitls.get_backend(name).capabilities.supports(feature)]


@pytest.mark.parametrize("name", _with(Feature.SERVER))
def test_both_sides_of_a_fork_go_on(name: str) -> None:
    """Each with random numbers of its own."""
    _run(PROGRAM, name)


@pytest.mark.parametrize("name", _with(Feature.EARLY_DATA))
def test_early_data_is_taken_on_one_side_of_a_fork(name: str) -> None:
    """The child takes no session of its parent's: neither knows what early data the other has taken."""
    _run(EARLY_PROGRAM, name)


def _run(program: str, name: str) -> None:
    command = [sys.executable, "-W", "error", "-c", program, name]
    done = subprocess.run(command, capture_output=True, text=True, timeout=150, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("both\n", "", 0)
